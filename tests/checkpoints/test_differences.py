"""Where public implementations differ from the paper: each difference as transformers has it here,
and that blipdb follows the paper. The table is in docs/checkpoints.md.

A test named ``test_fixed_…`` shows what transformers had wrong once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import BertTokenizer, BlipModel, BlipTextConfig, BlipVisionConfig

from blipdb.checkpoints.convert import MEAN, STD, convert
from blipdb.checkpoints.describe import describe
from blipdb.checkpoints.kinds import roles_of
from blipdb.errors import ModelError
from blipdb.model.artifact import Artifact
from blipdb.model.runtime import Runtime
from blipdb.training.objectives.losses import captioning_loss
from tests.checkpoints import published, reference
from tests.checkpoints.published import TINY, WORDS
from tests.checkpoints.test_convert import PIXELS, SPECIAL, normalised, stored

DOCS = Path(__file__).parents[2] / "docs" / "checkpoints.md"
APART, SAME = 1e-2, 1e-4  # what follows another rule is at least so far off; the same, at most

CAPTION = torch.tensor([[SPECIAL.dec, 5, 11, 12, 6, 10, SPECIAL.sep]])  # a picture of red dog
QUESTIONS = torch.tensor([[2, 13, 14, 10, 6, 15, 3], [2, 6, 15, 3, 0, 0, 0]])
MASK = QUESTIONS.ne(SPECIAL.pad).long()


@pytest.fixture
def artifact_of(tmp_path: Path) -> Callable[[Any], Artifact]:
    def made(theirs: Any) -> Artifact:
        return convert(published.write(theirs, tmp_path / "in"), tmp_path / "out", name="tiny")

    return made


def pixels() -> Tensor:
    values = (PIXELS / 255 - np.array(MEAN)) / np.array(STD)
    return torch.from_numpy(values).permute(0, 3, 1, 2).float()


def wide_answerer() -> Any:
    """An answerer whose images are as wide as its texts: transformers can run it as it is."""
    vision = TINY["vision_config"] | {"hidden_size": 24, "num_attention_heads": 3}
    return published.made("answerer", published.configuration(TINY | {"vision_config": vision}))


def apart(found: Any, other: Any) -> bool:
    return float(np.abs(np.asarray(found) - np.asarray(other)).max()) > APART


def assert_same(found: Any, expected: Any) -> None:
    np.testing.assert_allclose(np.asarray(found), np.asarray(expected), atol=SAME)


@torch.no_grad()
def test_itm_reads_cls(theirs: Any, artifact_of: Callable[[Any], Artifact]) -> None:
    """transformers leaves [CLS] before a text that ITM reads; BLIP was trained with [ENC] there."""
    artifact = artifact_of(theirs)
    runtime = Runtime.load(artifact.folder)
    ids = torch.tensor([runtime.tokenizer.encode("a red bicycle", SPECIAL.cls)]).expand(3, -1)
    as_it_is = theirs(ids, pixels(), use_itm_head=True).itm_score
    with_enc = theirs(reference.opened(ids, SPECIAL.enc), pixels(), use_itm_head=True).itm_score
    assert apart(as_it_is, with_enc)
    encoded = runtime.encode_images(PIXELS)
    ours = runtime.rerank("a red bicycle", encoded.tokens, encoded.scales)
    expected = reference.match(theirs, ids, stored(encoded), SPECIAL)
    assert_same(ours, expected)
    assert apart(ours, as_it_is)


@torch.no_grad()
def test_questions_read_cls() -> None:
    """So it does with questions."""
    theirs = wide_answerer()
    tokens = reference.image_tokens(theirs, pixels()[:1])
    all_seen = torch.ones(tokens.shape[:2])
    as_it_is = theirs.text_encoder(
        QUESTIONS[:1], MASK[:1], encoder_hidden_states=tokens, encoder_attention_mask=all_seen
    ).last_hidden_state
    assert apart(as_it_is, reference.states(theirs, QUESTIONS[:1], tokens, SPECIAL))


@torch.no_grad()
def test_answers_and_captions_begin_with_cls_in_training(captioner: Any) -> None:
    """Labels are decoded from as they come, and the processor puts [CLS] before them, not [DEC]."""
    labels = reference.opened(CAPTION, SPECIAL.cls)
    as_it_is = captioner(pixels()[:1], input_ids=labels, labels=labels).loss
    with_dec = captioner(pixels()[:1], input_ids=CAPTION, labels=CAPTION).loss
    assert apart(as_it_is, with_dec)
    answerer = wide_answerer()
    ask = {"input_ids": QUESTIONS[:1], "pixel_values": pixels()[:1], "attention_mask": MASK[:1]}
    first = answerer(**ask, labels=labels).loss
    assert apart(first, answerer(**ask, labels=labels, decoder_input_ids=CAPTION).loss)


@torch.no_grad()
def test_fixed_labels_shifted_twice() -> None:
    """The model for questions learned the token after the next; now it is the next."""
    theirs = wide_answerer()
    ask = {"input_ids": QUESTIONS[:1], "pixel_values": pixels()[:1], "attention_mask": MASK[:1]}
    loss = theirs(**ask, labels=CAPTION).loss
    # With transformers' own [CLS] before the question.
    tokens = reference.image_tokens(theirs, pixels()[:1])
    states = theirs.text_encoder(QUESTIONS[:1], encoder_hidden_states=tokens).last_hidden_state
    logits = reference.next_words(theirs, CAPTION, states, SPECIAL)[0]
    once = F.cross_entropy(logits[:-1], CAPTION[0, 1:])
    twice = F.cross_entropy(logits[:-2], CAPTION[0, 2:])
    assert_same(loss, once)
    assert apart(loss, twice)


@torch.no_grad()
def test_the_prompt_is_learned(captioner: Any) -> None:
    """transformers has a captioner learn to write its prompt; the paper gives it."""
    loss = captioner(pixels()[:1], input_ids=CAPTION, labels=CAPTION).loss
    tokens = reference.image_tokens(captioner, pixels()[:1])
    logits = reference.next_words(captioner, CAPTION, tokens, SPECIAL)
    whole, given = (captioning_loss(logits, CAPTION, SPECIAL.pad, 0.0, n) for n in (0, 3))
    assert_same(loss, whole.total / whole.weight)
    assert apart(loss, given.total / given.weight)


def test_defaults() -> None:
    """Of what transformers' models are made of where nothing is said. The paper has 1e-6, 12 heads,
    dropout and label smoothing of 0.1, and ends a text by [SEP]."""
    assert BlipVisionConfig().layer_norm_eps == 1e-5
    text = BlipTextConfig()
    assert text.num_attention_heads == 8
    assert (text.hidden_dropout_prob, text.attention_probs_dropout_prob) == (0, 0)
    assert text.label_smoothing == 0
    assert (text.eos_token_id, text.sep_token_id) == (2, 102)


@torch.no_grad()
def test_the_epsilon_of_the_vision_transformer(tmp_path: Path) -> None:
    """A published configuration says none, so that transformers takes its own, 1e-5."""
    papers = published.made("retrieval", published.configuration(TINY))
    for name, parameter in papers.vision_model.named_parameters():
        if name.startswith("embeddings"):
            parameter.mul_(1e-3)  # the epsilon matters where little varies
        parameter.copy_(parameter.half())
    folder = published.write(papers, tmp_path / "in")
    config = json.loads((folder / "config.json").read_text())
    del config["vision_config"]["layer_norm_eps"]
    (folder / "config.json").write_text(json.dumps(config))
    theirs: Any = type(papers).from_pretrained(folder)
    assert theirs.vision_model.post_layernorm.eps == 1e-5
    artifact = convert(folder, tmp_path / "out", name="tiny")
    ours = stored(Runtime.load(artifact.folder).encode_images(PIXELS))
    expected = reference.image_tokens(papers, normalised(artifact))
    as_it_is = reference.image_tokens(theirs, normalised(artifact))
    assert apart(as_it_is, expected)
    assert (ours - expected).abs().max() < 0.5 * (as_it_is - expected).abs().max()


@torch.no_grad()
def test_the_number_of_text_heads(tmp_path: Path) -> None:
    """Published configurations said nothing, or transformers' default 8; BERT-base has 12."""
    text = TINY["text_config"] | {
        "hidden_size": 768, "num_attention_heads": 12, "num_hidden_layers": 1,
    }  # fmt: skip
    papers = published.made("retrieval", published.configuration(TINY | {"text_config": text}))
    for parameter in papers.parameters():
        parameter.copy_(parameter.half())
    folder = published.write(papers, tmp_path / "in")
    config = json.loads((folder / "config.json").read_text())
    config["text_config"].pop("num_attention_heads")
    (folder / "config.json").write_text(json.dumps(config))
    theirs: Any = type(papers).from_pretrained(folder)
    assert theirs.config.text_config.num_attention_heads == 8
    artifact = convert(folder, tmp_path / "out", name="tiny")
    runtime = Runtime.load(artifact.folder)
    ids = torch.tensor([runtime.tokenizer.encode("a red bicycle", SPECIAL.cls)])
    ours = runtime.embed_texts(["a red bicycle"])
    expected = reference.text_vectors(papers, ids, SPECIAL)
    assert_same(ours, expected)
    assert apart(reference.text_vectors(theirs, ids, SPECIAL), expected)
    said = {"text_config": {"num_attention_heads": 8}}
    state = {name: value.numpy() for name, value in papers.state_dict().items()}
    assert describe(state, said).text_heads == 12


@torch.no_grad()
def test_padding_of_questions_is_looked_at() -> None:
    """A text generated about a short question depends on the longer ones beside it: the decoder is
    given a mask of ones, and passes none on to its cross-attention at all."""
    theirs = wide_answerer()
    both = pixels()[[0, 0]]
    seen: dict[str, Tensor] = {}

    def note(*_: Any, **inputs: Any) -> Tensor:
        seen.update(inputs)
        return torch.zeros(2, 1)

    ask: dict[str, Any] = {"pixel_values": both, "attention_mask": MASK}
    generate, theirs.text_decoder.generate = theirs.text_decoder.generate, note
    theirs.generate(QUESTIONS, **ask)
    theirs.text_decoder.generate = generate
    assert seen["encoder_attention_mask"].tolist() == torch.ones(2, 7).tolist()

    tokens = reference.image_tokens(theirs, both)
    states = reference.states(theirs, QUESTIONS, tokens, SPECIAL)
    answer = CAPTION.expand(2, -1)
    masked = theirs.text_decoder(
        answer, encoder_hidden_states=states, encoder_attention_mask=MASK
    ).logits
    unmasked = reference.next_words(theirs, answer, states, SPECIAL)
    alone = reference.next_words(theirs, CAPTION, states[1:, :4], SPECIAL)
    assert torch.equal(masked, unmasked)
    assert apart(masked[1:], alone)


@torch.no_grad()
def test_padding_of_questions_is_not_looked_at_here(
    answerer: Any, artifact_of: Callable[[Any], Artifact]
) -> None:
    runtime = Runtime.load(artifact_of(answerer).folder)
    encoded = runtime.encode_images(PIXELS[[0, 0]])
    texts = ["is the picture of a red dog a dog?", "red?"]
    together = runtime.answer(encoded.tokens, encoded.scales, texts)
    for n, text in enumerate(texts):
        image = encoded.tokens[[n]], encoded.scales[[n]]
        assert runtime.answer(*image, [text]) == together[n : n + 1]


@torch.no_grad()
def test_fixed_keys_of_cross_attention_computed_at_each_step(captioner: Any) -> None:
    """salesforce/BLIP computes keys and values of the image anew for each token that it writes, and
    so did transformers; now they are computed once, but still for each beam's copy of the image."""
    layer = captioner.text_decoder.bert.encoder.layer[0].crossattention.self.key
    seen: list[int] = []
    hook = layer.register_forward_hook(lambda _, inputs, out: seen.append(len(inputs[0])))
    tokens = reference.image_tokens(captioner, pixels()[:1])
    lengths = {"min_length": 8, "max_length": 10}
    reference.write(captioner, [SPECIAL.dec], tokens, SPECIAL, **lengths)
    hook.remove()
    assert seen == [3]


def test_the_pooled_image_is_normalised_twice(theirs: Any) -> None:
    """`pooler_output` has been through the last layer norm two times; ITC's is the first token."""
    with torch.no_grad():
        found = theirs.vision_model(pixel_values=pixels())
        twice = theirs.vision_model.post_layernorm(found.last_hidden_state[:, 0])
    torch.testing.assert_close(found.pooler_output, twice)
    assert apart(found.pooler_output, found.last_hidden_state[:, 0])


@pytest.mark.filterwarnings("ignore")
def test_blip_model_has_random_projections(theirs: Any, tmp_path: Path) -> None:
    """The class BlipModel of transformers takes its vision transformer alone from a checkpoint."""
    folder = published.write(theirs, tmp_path / "in")
    kind: Any = BlipModel
    model, report = kind.from_pretrained(folder, output_loading_info=True)
    missing = report["missing_keys"]
    assert {"visual_projection.weight", "text_projection.weight"} <= set(missing)
    assert any(name.startswith("text_model.encoder.layer.") for name in missing)
    with pytest.raises(ModelError, match="BlipModel, whose projections no published checkpoint"):
        roles_of(model.state_dict())


@torch.no_grad()
def test_one_width_for_two_cross_attentions(tmp_path: Path) -> None:
    """A question's encoder looks at the image, the answer's decoder at the question: with ViT-L,
    1024 and 768 features. transformers has one number for both, and fails; Salesforce's files of
    that kind are read."""
    config = published.configuration(TINY)  # images of 32, texts of 24
    theirs: Any = published.KINDS["answerer"](config)
    ask = {"input_ids": QUESTIONS, "pixel_values": pixels()[:2], "attention_mask": MASK}
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        theirs(**ask, decoder_input_ids=CAPTION.expand(2, -1))
    with pytest.raises(ModelError, match=r"crossattention.self.key.weight has shape \(24, 32\)"):
        convert(published.write(theirs, tmp_path / "in"), tmp_path / "out", name="tiny")


def test_texts_are_not_prepared(tmp_path: Path) -> None:
    """BLIP's texts lose punctuation before they are tokenized; transformers' processor keeps it."""
    (tmp_path / "vocab.txt").write_text("\n".join(WORDS))
    theirs: Any = BertTokenizer(str(tmp_path / "vocab.txt"))
    assert theirs("A red dog.").input_ids == [2, 5, 6, 10, 16, 3]
    from blipdb.checkpoints.vocabulary import bert
    from blipdb.model.tokenizer import clean

    ours = bert(tmp_path / "vocab.txt")
    assert ours.encode(clean("A red dog.")).ids == [5, 6, 10]


@torch.no_grad()
def test_beams_are_compared_without_the_prompt(captioner: Any) -> None:
    """A text's score is divided by what was written, in transformers now and here. salesforce/BLIP
    with the transformers of its time divided by the prompt's tokens, too."""
    tokens = reference.image_tokens(captioner, pixels()[:1])
    opening = [SPECIAL.dec, 5, 11, 12]
    found = captioner.text_decoder.generate(
        torch.tensor([opening]), encoder_hidden_states=tokens, num_beams=3, max_length=12,
        min_length=6, eos_token_id=SPECIAL.sep, pad_token_id=SPECIAL.pad, do_sample=False,
        output_scores=True, return_dict_in_generate=True,
    )  # fmt: skip
    ids = found.sequences
    logits = reference.next_words(captioner, ids, tokens, SPECIAL)[0]
    written = ids[0, len(opening) :]
    own = logits.log_softmax(-1)[len(opening) - 1 : -1].gather(1, written[:, None]).sum()
    assert_same(found.sequences_scores[0], own / len(written))
    assert apart(found.sequences_scores[0], own / len(ids[0]))


def test_the_table_names_every_test() -> None:
    """And no test that isn't there."""
    source = Path(__file__).read_text()
    here = set(re.findall(r"^def (test_\w+)", source, re.MULTILINE))
    named = set(re.findall(r"`(test_\w+)`", DOCS.read_text()))
    assert named == here - {"test_the_table_names_every_test"}
