"""Pretraining on a dataset and finetuning for each task, through the commands, on tiny corpora."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

from blipdb.errors import ModelError
from blipdb.model.runtime import Runtime
from blipdb.training import finetune, pretrain
from blipdb.training.datasets.questions import QuestionBatch
from blipdb.training.datasets.vocabulary import read_vocabulary, special_tokens
from blipdb.training.export import export
from blipdb.training.learners.vqa import VQALearner, answer_losses
from blipdb.training.run.checkpoint import CHECKPOINT, WEIGHTS, CheckpointError
from blipdb.training.run.config import Config, ConfigError, read_config
from tests.training.datasets import corpora

WORDS = (
    "[PAD] [UNK] [CLS] [SEP] [MASK] a of picture is it the image shows left right dog dogs yes no"
    " red green blue yellow black bicycle car house tree boat star 0 1 2 3 4 5 6 7 8 9"
)
MODEL = """
seed = 3
batch = 4
smoothing = 0.1
max_text = 16
threads = 1
workers = 2
dropout = 0.1
drop_path = 0.1
augment = "{augment}"
{extra}
[model]
image_size = {size}
patch_size = 8
vision_width = 16
vision_layers = 2
vision_heads = 2
vision_mlp = 32
text_width = 16
text_layers = 2
text_heads = 2
text_mlp = 32
max_positions = 24
embed_dim = 8
[optimiser]
learning_rate = 1e-3
warmup = 0
gradient_norm = 0
{momentum}
[reports]
evaluate = 1000
checkpoint = 32
seconds = 1.0
[[stages]]
samples = {samples}
{stage}
{data}
"""
MOMENTUM = "[momentum]\nramp = 40\nqueue = 8\n{}"
PRETRAIN = "itc = 1.0\nitm = 1.0\nlm = 1.0"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where indexes of datasets are kept."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def vocabulary(tmp_path: Path) -> Path:
    folder = tmp_path / "bert"
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(WORDS.split()))
    return folder


def write_config(
    folder: Path, stage: str, data: str, *, size: int = 16, extra: str = "", momentum: str = "",
    augment: str = "finetune", samples: int = 24,
) -> Path:  # fmt: skip
    path = folder / "config.toml"
    path.write_text(
        MODEL.format(
            stage=stage, data=data, size=size, extra=extra, momentum=momentum, augment=augment,
            samples=samples,
        )
    )  # fmt: skip
    return path


def entry(kind: str, path: Path, **options: Path | str) -> str:
    lines = [f'kind = "{kind}"', f'path = "{path}"']
    lines += [f'{name} = "{value}"' for name, value in options.items()]
    return "\n".join(["[[data]]", *lines])


def read(path: Path, vocabulary: Path) -> Config:
    return read_config(path, read_vocabulary(vocabulary).get_vocab_size())


@pytest.fixture
def pretrained(tmp_path: Path, vocabulary: Path) -> Path:
    """A pretrained model at 16 pixels, on a list with a picture that is broken."""
    corpus = corpora.json_list(tmp_path / "corpus", 20)
    (tmp_path / "corpus" / "7.jpg").write_bytes(b"no picture")
    data = entry("json", corpus, images=tmp_path / "corpus")
    config = write_config(
        tmp_path, PRETRAIN, data, momentum=MOMENTUM.format(""), augment="pretrain", samples=48
    )
    run = tmp_path / "pretrained"
    pretrain.main([str(config), "--vocabulary", str(vocabulary), "--out", str(run)])
    return run


def lines(run: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def test_pretraining_skips_and_counts_what_is_broken(
    pretrained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lines(pretrained)[-1]["step"] == 12
    assert lines(pretrained)[-1]["skipped"] >= 2  # 48 samples of 20
    assert lines(pretrained)[-1].keys() >= {"itc", "itm", "lm"}
    described = json.loads((pretrained / "architecture.json").read_text())
    assert described["architecture"]["vocab_size"] == len(WORDS.split()) + 2
    assert described["special_tokens"]["dec"] == len(WORDS.split())


def run_finetuning(
    task: str, config: Path, pretrained: Path, vocabulary: Path, out: Path
) -> dict[str, torch.Tensor]:
    finetune.main(
        [task, str(config), "--weights", str(pretrained / WEIGHTS), "--vocabulary",
         str(vocabulary), "--out", str(out)]
    )  # fmt: skip
    return load_file(out / WEIGHTS)


def test_retrieval_at_a_larger_size(pretrained: Path, vocabulary: Path, tmp_path: Path) -> None:
    """With all texts of an image as positives, and positions interpolated."""
    data = entry("coco", corpora.karpathy(tmp_path / "coco"), images=tmp_path / "coco",
                 split="train")  # fmt: skip
    config = write_config(
        tmp_path, "itc = 1.0\nitm = 1.0", data, size=32, extra="floor = 0.0",
        momentum=MOMENTUM.format("same_image = true"),
    )  # fmt: skip
    weights = run_finetuning("retrieval", config, pretrained, vocabulary, tmp_path / "run")
    positions = weights["vision_model.embeddings.position_embedding"]
    assert positions.shape == (1, 17, 16)
    assert lines(tmp_path / "run")[-1].keys() >= {"itc", "itm"}
    assert "lm" not in lines(tmp_path / "run")[-1]


def test_captioning_learns_behind_its_prompt(
    pretrained: Path, vocabulary: Path, tmp_path: Path
) -> None:
    data = entry("json", tmp_path / "corpus" / "list.json", images=tmp_path / "corpus")
    config = write_config(tmp_path, "lm = 1.0", data, extra='prompt = "a picture of "')
    weights = run_finetuning("captioning", config, pretrained, vocabulary, tmp_path / "run")
    before = load_file(pretrained / WEIGHTS)
    moved = {name for name in weights if not torch.equal(weights[name], before[name])}
    assert any(name.startswith("text_decoder.bert.encoder") for name in moved)
    assert not any(name.startswith(("itm_head", "text_proj", "vision_proj")) for name in moved)
    artifact = export(
        tmp_path / "run", tmp_path / "model", name="tiny", knows="little", roles=["captioner"]
    )
    assert artifact.manifest.roles == ("captioner",)
    assert artifact.manifest.decoding is not None
    assert artifact.manifest.decoding.prompt == "a picture of "
    runtime = Runtime.load(artifact.folder)
    encoded = runtime.encode_images(np.zeros((1, 16, 16, 3), np.uint8))
    assert isinstance(runtime.caption(encoded.tokens, encoded.scales)[0], str)
    with pytest.raises(
        ModelError, match=r"can't be a model for: answerer(.|\n)*retrieval, captioner"
    ):
        export(tmp_path / "run", tmp_path / "no", name="no", knows="no", roles=["answerer"])


def test_questions_and_answers(pretrained: Path, vocabulary: Path, tmp_path: Path) -> None:
    corpora.vqa_list(tmp_path / "vqa")
    data = entry("vqa", tmp_path / "vqa" / "vqa_train.json", images=tmp_path / "vqa")
    config = write_config(tmp_path, "lm = 1.0", data)
    weights = run_finetuning("vqa", config, pretrained, vocabulary, tmp_path / "run")
    words = "embeddings.word_embeddings.weight"
    encoder, decoder = weights[f"text_encoder.{words}"], weights[f"text_decoder.bert.{words}"]
    assert not torch.equal(encoder, decoder)  # they begin as one, and are not
    assert lines(tmp_path / "run")[-1]["lm"] > 0
    artifact = export(tmp_path / "run", tmp_path / "model", name="tiny", knows="little")
    assert artifact.manifest.roles == ("answerer",)
    runtime = Runtime.load(artifact.folder)
    encoded = runtime.encode_images(np.zeros((1, 16, 16, 3), np.uint8))
    assert runtime.answer(encoded.tokens, encoded.scales, ["is it 1"], among=["yes", "no"])[0] in (
        "yes", "no",
    )  # fmt: skip


def test_statements_about_two_images(pretrained: Path, vocabulary: Path, tmp_path: Path) -> None:
    data = entry("nlvr2", corpora.nlvr2(tmp_path / "nlvr2"), images=tmp_path / "nlvr2")
    config = write_config(tmp_path, "itm = 1.0", data)
    weights = run_finetuning("nlvr2", config, pretrained, vocabulary, tmp_path / "run")
    assert "text_encoder.encoder.layer.1.crossattention.output.merge_layer.weight" in weights
    assert lines(tmp_path / "run")[-1]["itm"] > 0
    with pytest.raises(ModelError, match="two images"):
        export(tmp_path / "run", tmp_path / "model", name="tiny", knows="little")


@pytest.mark.parametrize(
    ("task", "stage", "data", "message"),
    [
        ("vqa", "itm = 1.0", "[[data]]", "vqa learns by lm; a stage has itm"),
        (
            "retrieval",
            PRETRAIN,
            "[[data]]",
            "learns by itc and itm; a stage has itc and itm and lm",
        ),
        ("captioning", "lm = 1.0", "", r"captioning needs \[\[data\]\]"),
    ],
)
def test_a_configuration_of_another_task(
    tmp_path: Path, vocabulary: Path, task: str, stage: str, data: str, message: str
) -> None:
    config = read(write_config(tmp_path, stage, data), vocabulary)
    with pytest.raises(ConfigError, match=message):
        finetune.check(task, config)


def test_configurations_that_make_no_sense(tmp_path: Path, vocabulary: Path) -> None:
    for extra, message in (
        ("group = 3", "batch 4 is not a multiple of group 3"),
        ("prompts = 3", "unknown prompts"),
    ):
        path = write_config(tmp_path, PRETRAIN, "", extra=extra)
        with pytest.raises(ConfigError, match=message):
            read(path, vocabulary)
    path = write_config(tmp_path, PRETRAIN, "", augment="mild")
    with pytest.raises(ConfigError, match="augment is 'mild'; it can be pretrain, finetune, none"):
        read(path, vocabulary)


def test_a_loss_that_is_no_number_stops_the_run(
    pretrained: Path, vocabulary: Path, tmp_path: Path
) -> None:
    """It is named, and the checkpoint before it stays."""
    weights = load_file(pretrained / WEIGHTS)
    weights["itm_head.bias"][0] = torch.nan
    save_file(weights, tmp_path / "nan.safetensors")
    config = tmp_path / "config.toml"
    with pytest.raises(FloatingPointError, match=r"step 0: the loss is \{.*'itm': nan"):
        pretrain.main(
            [str(config), "--vocabulary", str(vocabulary), "--out", str(tmp_path / "run"),
             "--weights", str(tmp_path / "nan.safetensors")]
        )  # fmt: skip
    assert not (tmp_path / "run" / CHECKPOINT).exists()


def test_two_runs_do_not_share_a_folder(pretrained: Path, vocabulary: Path, tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(pretrained)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    command = [str(tmp_path / "config.toml"), "--vocabulary", str(vocabulary), "--out"]
    with pytest.raises(CheckpointError, match="another process trains in"):
        pretrain.main([*command, str(pretrained)])
    holder.kill()
    holder.wait()
    holder.stdout.close()
    pretrain.main([*command, str(pretrained)])


HOLD = """
import sys, time
from pathlib import Path
from blipdb.training.run.checkpoint import only_one
with only_one(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_loss_of_answers_is_weighed(tmp_path: Path, vocabulary: Path) -> None:
    """Each answer's whole loss by its weight, over the questions (salesforce/BLIP, blip_vqa.py)."""
    config = read(write_config(tmp_path, "lm = 1.0", ""), vocabulary)
    torch.manual_seed(1)
    learner = VQALearner(config, special_tokens(read_vocabulary(vocabulary))).eval()
    rng = np.random.default_rng(1)
    questions = np.array([[2, 7, 8, 9, 3], [2, 10, 3, 0, 0]])
    answers = np.array([[2, 17, 3, 0], [2, 18, 3, 0], [2, 5, 15, 3]])
    batch = QuestionBatch(
        rng.integers(0, 256, (2, 16, 16, 3), dtype=np.uint8), questions, answers,
        np.array([0.7, 0.3, 1.0], np.float32), np.array([0, 0, 1]), ("1", "2"),
    )  # fmt: skip
    found = learner(batch, 0)["lm"]
    expected = torch.zeros(())
    for row, weight, answer in zip(batch.rows, batch.weights, answers, strict=True):
        length = int((answer != 0).sum())
        alone = QuestionBatch(
            batch.images[[row]], questions[[row]], answer[None, :length],
            np.ones(1, np.float32), np.zeros(1, np.int64), ("1",),
        )  # fmt: skip
        expected += float(weight) * learner(alone, 0)["lm"] / 2
    torch.testing.assert_close(found, expected)
    logits = torch.randn(1, 4, 39, generator=torch.Generator().manual_seed(2))
    ids = torch.from_numpy(answers[:1])
    by_hand = F.cross_entropy(logits[0, :2], ids[0, 1:3], reduction="sum")
    torch.testing.assert_close(answer_losses(logits, ids, 0, 0.0), by_hand[None])


@pytest.mark.slow
def test_a_killed_run_on_a_dataset_ends_as_an_undisturbed_one(
    tmp_path: Path, vocabulary: Path
) -> None:
    """Momentum encoders, queues, dropout and augmentation go on where they were."""
    corpus = corpora.json_list(tmp_path / "corpus", 20)
    data = entry("json", corpus, images=tmp_path / "corpus")
    config = write_config(
        tmp_path, PRETRAIN, data, momentum=MOMENTUM.format(""), augment="pretrain", samples=320
    )
    arguments = [str(config), "--vocabulary", str(vocabulary), "--out"]
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    command = [sys.executable, "-m", "blipdb.training.pretrain", *arguments, str(killed)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while not (killed / CHECKPOINT).exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert 0 < torch.load(killed / CHECKPOINT, weights_only=True)["step"] < 80
    for folder in (killed, undisturbed):  # in this process, which knows nothing of the killed one
        pretrain.main([*arguments, str(folder)])
    expected, found = load_file(undisturbed / WEIGHTS), load_file(killed / WEIGHTS)
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[name], found[name]) for name in expected)


@pytest.mark.slow
def test_processes_of_torchrun_go_on_after_a_kill(tmp_path: Path, vocabulary: Path) -> None:
    """Two gloo processes with a sharded optimiser, ended with SIGKILL, end as undisturbed ones."""
    corpus = corpora.json_list(tmp_path / "corpus", 20)
    data = entry("json", corpus, images=tmp_path / "corpus")
    config = write_config(
        tmp_path, PRETRAIN, data, extra="group = 2", augment="pretrain", samples=160,
        momentum=MOMENTUM.format("") + "\n[scale]\nshards = true",
    )  # fmt: skip
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache"), "OMP_NUM_THREADS": "1"}

    def start(out: Path) -> subprocess.Popen[bytes]:
        module = ["--module", "blipdb.training.pretrain", str(config), "--vocabulary"]
        command = [
            sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
            *module, str(vocabulary), "--out", str(out),
        ]  # fmt: skip
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)

    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    process = start(killed)
    while not (killed / CHECKPOINT).exists():
        assert process.poll() is None
        time.sleep(0.01)
    family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    for member in family:  # torchrun first, or it would end the others itself
        member.kill()
    process.wait()
    assert 0 < torch.load(killed / CHECKPOINT, weights_only=True)["step"] < 40
    assert [run.wait(120) for run in [start(killed), start(undisturbed)]] == [0, 0]
    expected, found = load_file(undisturbed / WEIGHTS), load_file(killed / WEIGHTS)
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    assert lines(killed)[-1]["step"] == 40
