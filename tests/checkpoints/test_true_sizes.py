"""Checkpoints of the true sizes, ViT-B/16 and ViT-L/16, with random weights: what transformers
computes from them, the torch models of blipdb.training compute too, within 1e-4, and the artifact's
graphs within the bounds below."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor

from blipdb.checkpoints.convert import ANSWERING, MEAN, STD, convert
from blipdb.checkpoints.describe import describe
from blipdb.checkpoints.vocabulary import read_tokenizer
from blipdb.checkpoints.weights import State, read_state
from blipdb.model.artifact import TOKENIZER, Artifact, Manifest, Preprocessing, digests
from blipdb.model.generate import Rules, beam_search
from blipdb.model.graphs import answer, question
from blipdb.model.graphs.weights import TIED
from blipdb.model.rank import rank
from blipdb.model.runtime import Runtime, empty_past
from blipdb.training.models.answerer import Answerer
from blipdb.training.models.med import MED, Memory
from tests.checkpoints import published, reference
from tests.checkpoints.true_sizes import SPECIAL, Published, normalised, publish, vocabulary

TEXTS = ["w2500 w3600 a picture of w29000", "w411 w512"]
IDS = torch.tensor(
    [[101, 2500, 3600, 1037, 3861, 1997, 29000, 102], [101, 411, 512, 102, 0, 0, 0, 0]]
)
WORDS = IDS != 0
ANSWERS = [[n, 102] for n in range(600, 740)] + [[600, 9, 102], [7, 8, 9, 102]]
EXACT = 1e-4  # of torch, in float32 on both sides: sums in another order

# What the artifact may add: its weights are rounded to float16 (by 2**-12 of each on average), and
# its image tokens kept in int8 (a feature is off by up to 1/254 of the token's largest). Both are
# random, and a layer norm after each block keeps what they add up to small. Absolute, of values
# whose deviation is about 1 (itc: of a vector of length 1).
BOUNDS = {"itc": 1e-3, "itm": 1e-2, "caption": 2e-2, "answer": 2e-2}

NextWords = Callable[[Tensor], Tensor]
Image = dict[str, Any]


def filled(kind: type[MED] | type[Answerer], state: State) -> Any:
    """A torch model of ours with a checkpoint's weights, without a copy of them."""
    with torch.device("meta"):
        model = kind(describe(state), SPECIAL)
    weights = {name: torch.from_numpy(value) for name, value in state.items()}
    weights |= {name: weights[same] for name, same in TIED.items() if same in weights}
    if "temp" in model.state_dict():
        weights["temp"] = torch.tensor(0.07)
    model.load_state_dict(weights, assign=True)
    return model.train(False)


class Anew:
    """A `Decoder` without caches: at each step all tokens are read again."""

    def __init__(self, next_words: NextWords, opening: Sequence[int] = (SPECIAL.dec,)) -> None:
        self.opening, self.next_words = opening, next_words

    def __call__(
        self, ids: npt.NDArray[np.int64], past: Any, images: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        new = np.tile(self.opening, (len(ids), 1)) if past is None else ids
        present = new.astype(np.float32)[None, None, :, None, :, None]
        if past is not None:
            present = np.concatenate([past, present], axis=4)
        words = torch.from_numpy(present[0, 0, :, 0, :, 0].astype(np.int64))
        return self.next_words(words)[:, -1].numpy(), present


def written_by(next_words: NextWords, opening: Sequence[int], least: int, most: int) -> list[int]:
    """Tokens that beam search writes about one image, its lengths counted with the opening."""
    never, begun = [SPECIAL.pad, SPECIAL.unk, SPECIAL.cls, SPECIAL.dec, SPECIAL.enc], len(opening)
    rules = Rules(SPECIAL.dec, SPECIAL.sep, never, max(0, least - begun), most - begun)
    (found,) = beam_search(Anew(next_words, opening), 1, rules, 3)
    return found


def of(memory: Sequence[Memory], place: int, count: int) -> list[Memory]:
    """The memory of one image (or question) for as many texts."""
    return [layer.rows(torch.full((count,), place)) for layer in memory]


def close(found: Any, expected: Any, bound: float) -> None:
    """Within a bound that is far below what tells the values apart."""
    found, expected = np.asarray(found), np.asarray(expected)
    difference = float(np.abs(found - expected).max())
    print(f"{difference:.1e} of {expected.std():.1e}, bound {bound:.0e}")
    assert difference < bound
    assert expected.std() > 5 * bound


@torch.no_grad()
def assert_med_is_exact(med: MED, theirs: Published) -> None:
    """ITC vectors, ITM logits, caption logits."""
    tokens = med.image_tokens(normalised(theirs.pixels))
    close(tokens, theirs.tokens, EXACT)
    close(med.image_vector(tokens), reference.image_vectors(theirs.retrieval, tokens), EXACT)
    close(med.text_vector(IDS), reference.text_vectors(theirs.retrieval, IDS, SPECIAL), EXACT)
    seen, memory = tokens[[0, 0]], med.image_memory(tokens)
    itm = reference.match(theirs.retrieval, IDS, seen, SPECIAL)
    close(med.match(IDS, of(memory, 0, 2)), itm, EXACT)
    logits = reference.next_words(theirs.captioner, IDS, seen, SPECIAL)
    close(med.next_words(IDS, of(memory, 0, 2))[WORDS], logits[WORDS], EXACT)


@torch.no_grad()
def assert_captions_are_exact(med: MED, theirs: Published) -> None:
    """The words behind a prompt."""
    memory = med.image_memory(theirs.tokens)
    opening = [SPECIAL.dec, 1037, 3861, 1997]  # a picture of
    lengths = {"min_length": 5, "max_length": 10}
    (expected,) = reference.write(theirs.captioner, opening, theirs.tokens, SPECIAL, **lengths)
    found = written_by(lambda ids: med.next_words(ids, of(memory, 0, len(ids))), opening, 5, 10)
    assert found == expected


@torch.no_grad()
def assert_answerer_is_exact(model: Answerer, theirs: Published) -> None:
    """States of questions, and logits of answers."""
    seen = theirs.tokens[[0, 0]]
    states = model.question_states(IDS, seen)
    expected = reference.states(theirs.answerer, IDS, seen, SPECIAL)
    close(states[WORDS], expected[WORDS], EXACT)
    memory = model.question_memory(states)
    for n, words in enumerate(WORDS):
        asked = expected[n : n + 1, words]
        logits = reference.next_words(theirs.answerer, IDS[:1], asked, SPECIAL)
        close(model.next_words(IDS[:1], of(memory, n, 1), WORDS[[n]]), logits, EXACT)


@torch.no_grad()
def assert_answers_are_exact(model: Answerer, theirs: Published) -> None:
    """To the padded question: what is written, and what is ranked first."""
    memory = model.question_memory(model.question_states(IDS, theirs.tokens[[0, 0]]))

    def next_words(ids: Tensor) -> Tensor:
        found: Tensor = model.next_words(ids, of(memory, 1, len(ids)), WORDS[[1] * len(ids)])
        return found

    asked = reference.states(theirs.answerer, IDS, theirs.tokens[[0, 0]], SPECIAL)[1:, WORDS[1]]
    lengths = {"min_length": 1, "max_length": 6}
    (answer,) = reference.write(theirs.answerer, [SPECIAL.dec], asked, SPECIAL, **lengths)
    assert written_by(next_words, [SPECIAL.dec], 1, 6) == answer
    best, _ = reference.rank(theirs.answerer, ANSWERS, asked, SPECIAL, shortlist=128)
    assert rank(Anew(next_words), 1, SPECIAL.dec, ANSWERS) == [best]


@torch.no_grad()
def assert_med_is_near(runtime: Runtime, theirs: Published) -> Image:
    """The graphs' ITC vectors, ITM logits and caption logits; the image as it is stored."""
    encoded = runtime.encode_images(theirs.pixels)
    vectors = reference.image_vectors(theirs.retrieval, theirs.tokens)
    close(encoded.itc, vectors, BOUNDS["itc"])
    vectors = reference.text_vectors(theirs.retrieval, IDS, SPECIAL)
    close(runtime.embed_texts(TEXTS), vectors, BOUNDS["itc"])
    image: Image = {"tokens": encoded.tokens, "scales": encoded.scales}
    itm = reference.match(theirs.retrieval, IDS, theirs.tokens[[0, 0]], SPECIAL)
    close(np.concatenate([runtime.rerank(text, **image) for text in TEXTS]), itm, BOUNDS["itm"])
    ids, past = IDS[:1], empty_past(runtime.artifact.architecture, 1)
    begun = reference.opened(ids, SPECIAL.dec).numpy()
    logits, _ = runtime.run("caption", input_ids=begun, past=past, **image)
    expected = reference.next_words(theirs.captioner, ids, theirs.tokens, SPECIAL)
    close(logits, expected[:, -1], BOUNDS["caption"])
    return image


@torch.no_grad()
def assert_answers_are_near(runtime: Runtime, theirs: Published, image: Image) -> None:
    """The logits behind an answer's tokens."""
    ids = reference.opened(IDS, SPECIAL.enc).numpy()
    both, mask = {name: value[[0, 0]] for name, value in image.items()}, WORDS.numpy() * 1
    (memory,) = runtime.run("question", input_ids=ids, attention_mask=mask, **both)
    begun = reference.opened(IDS[[0, 0]], SPECIAL.dec).numpy()
    past = empty_past(runtime.artifact.architecture, 2)
    logits, _ = runtime.run(
        "answer", input_ids=begun, past=past, memory=memory, attention_mask=mask
    )
    states = reference.states(theirs.answerer, IDS, theirs.tokens[[0, 0]], SPECIAL)
    for n, words in enumerate(WORDS):
        asked = states[n : n + 1, words]
        expected = reference.next_words(theirs.answerer, IDS[:1], asked, SPECIAL)[0, -1]
        close(logits[n], expected, BOUNDS["answer"])


@torch.no_grad()
def assert_same_captions(runtime: Runtime, theirs: Published, image: Image) -> None:
    """The same words, where transformers has the artifact's weights and image tokens."""
    lengths = {"min_length": 2, "max_length": 7}
    opening = [SPECIAL.dec]
    (written,) = reference.write(theirs.captioner, opening, stored(image), SPECIAL, **lengths)
    assert runtime.caption(**image, max_tokens=6) == [runtime.tokenizer.decode(written)]


@torch.no_grad()
def assert_same_answers(runtime: Runtime, theirs: Published, image: Image) -> None:
    both = {name: value[[0, 0]] for name, value in image.items()}
    states = reference.states(theirs.answerer, IDS, stored(both), SPECIAL)[1:, WORDS[1]]
    lengths = {"min_length": 1, "max_length": 10}
    (written,) = reference.write(theirs.answerer, [SPECIAL.dec], states, SPECIAL, **lengths)
    assert runtime.answer(**both, questions=TEXTS)[1] == runtime.tokenizer.decode(written)
    answers = ANSWERS[-20:]
    among = [runtime.tokenizer.decode(answer) for answer in answers]
    best, _ = reference.rank(theirs.answerer, answers, states, SPECIAL, shortlist=128)
    assert runtime.answer(**image, questions=TEXTS[1:], among=among) == [among[best]]


def stored(image: Image) -> Tensor:
    found: Tensor = torch.from_numpy(image["tokens"] * image["scales"][..., None])
    return found


def numbers(model: Any) -> State:
    return {name: value.numpy() for name, value in model.state_dict().items()}


def answerer_without_images(folder: Path, state: State) -> Artifact:
    """Of an answerer the two graphs that read and write: that of images is a captioner's, too."""
    arch, roles = describe(state), ("answerer",)
    weights = {n: v.astype(np.float16) for n, v in state.items() if n.startswith("text_")}
    files = {
        "question.onnx": question.build(weights, arch, absorbed=True),
        "answer.onnx": answer.build(weights, arch),
        TOKENIZER: read_tokenizer(folder, arch.vocab_size)[0],
    }
    manifest = Manifest(
        name="large-vqa",
        architecture=arch,
        special_tokens=SPECIAL,
        image=Preprocessing(arch.image_size, MEAN, STD),
        max_tokens=35,
        roles=roles,
        knows="nothing",
        graphs={"question": "question.onnx", "answer": "answer.onnx"},
        files=digests(files),
        decoding=ANSWERING,
    )
    return Artifact.write(folder / "answerer", manifest, files)


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Path]:
    """A folder that goes at once: pytest would keep gigabytes for the next three runs."""
    yield tmp_path
    shutil.rmtree(tmp_path)


@pytest.fixture(autouse=True)
def all_cores() -> Iterator[None]:
    """For torch, whatever the environment or a test before has set."""
    before = torch.get_num_threads()
    torch.set_num_threads(os.cpu_count() or 1)
    yield
    torch.set_num_threads(before)


@pytest.mark.slow
def test_base(scratch: Path) -> None:
    """ViT-B/16 at 384: a pretrained file of Salesforce's, and transformers' folder that answers."""
    theirs = publish(published.BASE)
    folder = published.write(theirs.retrieval, scratch / "retrieval", vocabulary())
    state = numbers(theirs.captioner) | read_state(folder)
    own = filled(MED, state)
    assert_med_is_exact(own, theirs)
    assert_captions_are_exact(own, theirs)
    file = theirs.pretrained_file(scratch)
    med = Runtime.load(convert(file, scratch / "med", name="base").folder)
    image = assert_med_is_near(med, theirs)

    folder = published.write(theirs.answerer, scratch / "answerer", vocabulary())
    answerer = filled(Answerer, numbers(theirs.answerer))
    assert_answerer_is_exact(answerer, theirs)
    assert_answers_are_exact(answerer, theirs)
    vqa = Runtime.load(convert(folder, scratch / "vqa", name="base-vqa").folder)
    assert_answers_are_near(vqa, theirs, image)
    np.testing.assert_array_equal(vqa.encode_images(theirs.pixels).tokens, image["tokens"])

    theirs.round()
    assert_same_captions(med, theirs, image)
    assert_same_answers(vqa, theirs, image)


@pytest.mark.slow
def test_large(scratch: Path) -> None:
    """ViT-L/16 at 224, as it is pretrained, in a file of Salesforce's; and an answerer, whose
    decoder is as wide as its questions, which transformers alone can't build. What torch writes
    follows from its logits as it does in ViT-B/16."""
    theirs = publish(published.LARGE, image_size=224)
    file = theirs.pretrained_file(scratch)
    state = numbers(theirs.captioner) | numbers(theirs.retrieval)
    assert_med_is_exact(filled(MED, state), theirs)
    med = Runtime.load(convert(file, scratch / "med", name="large").folder)
    image = assert_med_is_near(med, theirs)

    state = numbers(theirs.answerer)
    assert_answerer_is_exact(filled(Answerer, state), theirs)
    vqa = Runtime.load(answerer_without_images(scratch, state).folder)
    assert_answers_are_near(vqa, theirs, image)
    theirs.round()
    assert_same_answers(vqa, theirs, image)
