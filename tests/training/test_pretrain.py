from __future__ import annotations

import dataclasses
import inspect
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from blipdb.model.architecture import Architecture, SpecialTokens
from blipdb.scenes import sampling
from blipdb.scenes.plain import plain_caption
from blipdb.training.datasets.open import KINDS
from blipdb.training.datasets.scenes import batches, draw_batch, pad_texts
from blipdb.training.evaluation.scenes import captions_right, evaluate, held_out
from blipdb.training.learners.pretraining import Learner
from blipdb.training.models.med import MED
from blipdb.training.pretrain import Weights, main, measure, pretrain
from blipdb.training.run.checkpoint import (
    CHECKPOINT,
    WEIGHTS,
    CheckpointError,
    load_weights,
    save_weights,
)
from blipdb.training.run.config import Config, ConfigError, read_config
from blipdb.training.run.loop import make_step
from blipdb.training.run.optimiser import learning_rate, make_optimiser
from tests.training.conftest import TINY, TOKENIZER


@pytest.mark.slow
def test_a_killed_run_ends_with_the_weights_of_an_undisturbed_one(
    config_file: Path, tmp_path: Path
) -> None:
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    module = ["-m", "blipdb.training.pretrain"]
    command = [sys.executable, *module, str(config_file), "--out", str(killed)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while not (killed / CHECKPOINT).exists():
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    made = torch.load(killed / CHECKPOINT, weights_only=True)["step"]
    assert 0 < made < 200
    for folder in (killed, undisturbed):  # in this process, which knows nothing of the killed one
        main([str(config_file), "--out", str(folder)])

    expected, found = load_file(undisturbed / WEIGHTS), load_file(killed / WEIGHTS)
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    for folder in (undisturbed, killed):
        lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        assert lines[-1].keys() >= {"itc_r1", "itm_r1", "harder_r1", "captions_right"}
        assert [line["step"] for line in lines] == sorted(line["step"] for line in lines)
        assert (folder / "curve.png").read_bytes().startswith(b"\x89PNG")
        drawn, written = ((folder / name).stat() for name in ("curve.png", "metrics.jsonl"))
        assert drawn.st_mtime_ns >= written.st_mtime_ns
        described = json.loads((folder / "architecture.json").read_text())
        assert Architecture.from_dict(described["architecture"]).image_size == 32
        assert SpecialTokens.from_dict(described["special_tokens"]) == SpecialTokens()


def test_a_run_begins_with_given_weights(config: Config, tmp_path: Path) -> None:
    torch.manual_seed(5)
    given = MED(config.model, SpecialTokens())
    save_weights(tmp_path / "given.safetensors", given)
    stage = dataclasses.replace(config.stages[0], samples=config.batch)
    still = dataclasses.replace(config.optimiser, learning_rate=0.0)
    config = dataclasses.replace(config, stages=(stage,), optimiser=still)
    device = torch.device("cpu")
    weights = Weights(tmp_path / "given.safetensors")
    pretrain(config, TOKENIZER, tmp_path / "run", device, weights)
    found = load_file(tmp_path / "run" / WEIGHTS)
    assert all(torch.equal(found[name], value) for name, value in given.state_dict().items())


def test_weights_of_another_architecture_are_refused(config: Config, tmp_path: Path) -> None:
    wider = dataclasses.replace(config.model, embed_dim=2 * config.model.embed_dim)
    save_weights(tmp_path / "wider.safetensors", MED(wider, SpecialTokens()))
    with pytest.raises(CheckpointError, match=r"(?s)don't fit.*vision_proj"):
        load_weights(tmp_path / "wider.safetensors", MED(config.model, SpecialTokens()))


def test_the_losses_fall(config: Config) -> None:
    """On one batch, again and again, each objective learns."""
    torch.manual_seed(1)
    fast = dataclasses.replace(config.optimiser, learning_rate=5e-3)
    config = dataclasses.replace(config, optimiser=fast)
    learner = Learner(config)
    optimiser = make_optimiser(learner, config.optimiser)
    batch = draw_batch(config, TOKENIZER, 150)
    made = [make_step(learner, optimiser, config, batch, 120) for _ in range(140)]
    first, last = ({name: mean(made[part], name) for name in made[0]} for part in ENDS)
    assert last["lm"] < 0.1 * first["lm"]
    assert last["itc"] < 0.5 * first["itc"]
    assert last["itm"] < 0.85 * first["itm"]
    assert last["naming"] < 0.8 * first["naming"]
    assert last["facts"] < 0.8 * first["facts"]


ENDS = (slice(0, 10), slice(-10, None))


def mean(steps: list[dict[str, float]], name: str) -> float:
    return sum(step[name] for step in steps) / len(steps)


def test_batches_are_a_function_of_seed_and_step(config: Config) -> None:
    drawn = list(batches(dataclasses.replace(config, stages=config.stages[:2]), TOKENIZER, 96))
    assert len(drawn) == 4
    for step, batch in enumerate(drawn, start=96):
        again = draw_batch(config, TOKENIZER, step)
        assert np.array_equal(batch.images, again.images)
        assert np.array_equal(batch.texts, again.texts)
        assert np.array_equal(batch.captions, again.captions)
        assert np.array_equal(batch.also_true, again.also_true)
        for field in dataclasses.fields(batch.patches):
            found, wanted = (getattr(b.patches, field.name) for b in (again, batch))
            assert np.array_equal(found, wanted)
    assert not np.array_equal(drawn[0].images, drawn[1].images)


def test_a_failure_in_a_worker_stops_the_run(config: Config) -> None:
    nothing = dataclasses.replace(config.stages[0], things=(0.0, 0.0, 0.0, 0.0))
    with pytest.raises(ValueError, match="things"):
        next(batches(dataclasses.replace(config, stages=(nothing,)), TOKENIZER, 0))


def test_a_batch_fits_together(config: Config) -> None:
    batch = draw_batch(config, TOKENIZER, 130)  # of the second stage: six of eight are variants
    assert batch.images.shape == (8, 32, 32, 3)
    assert batch.also_true.shape == (8, 8)
    assert batch.also_true.diagonal().all()
    assert not batch.also_true.all()
    assert (batch.captions[:, 0] == SpecialTokens().cls).all()
    assert ((batch.captions == SpecialTokens().sep).sum(axis=1) == 1).all()
    assert not (batch.texts == SpecialTokens().unk).any()


def test_each_word_of_each_text_is_judged_for_each_image(config: Config) -> None:
    batch = draw_batch(config, TOKENIZER, 130)
    assert batch.facts.shape == (8, 8, batch.texts.shape[1])
    own = batch.facts.diagonal().T
    assert set(np.unique(own)) == {-1, 1}
    assert ((batch.facts == 0).any(axis=2) <= ~batch.also_true).all()
    special = np.isin(batch.texts, [SpecialTokens().cls, SpecialTokens().sep, SpecialTokens().pad])
    assert (batch.facts.transpose(1, 2, 0)[special] == -1).all()


def test_a_stage_without_texts_has_patches_only(config: Config) -> None:
    batch = draw_batch(config, TOKENIZER, 0)
    assert batch.texts.size == batch.captions.size == batch.also_true.size == 0
    learner = Learner(config)
    found = learner(batch, 0)
    assert found.keys() == {"naming"}
    torch.autograd.backward(found["naming"])
    assert all(p.grad is None for p in learner.med.text_encoder.parameters())
    assert all(p.grad is not None for p in learner.naming.parameters())


def test_what_a_stage_taught_is_measured(config: Config) -> None:
    learner, data = Learner(config), held_out(32, count=20, harder=2)
    seeing, speaking, both = 20, 21, 101
    found = [measure(learner, TOKENIZER, data, config, n).keys() for n in (seeing, speaking, both)]
    patches = {"patch_kinds", "patch_colours"}
    assert found[0] == patches
    assert "itm_r1" in found[1]
    assert not found[1] & patches
    assert found[2] == found[0] | found[1]


def test_plain_captions_are_true_and_name_everything() -> None:
    rng = np.random.default_rng(5)
    for _ in range(300):
        scene = sampling.sample_scene(rng)
        plain = plain_caption(scene)
        assert sampling.is_true(plain, scene)
        assert sampling.named_things(plain) == sampling.named_things(
            sampling.full_caption(scene, rng)
        )


def test_evaluation_of_an_untrained_model_is_near_chance(config: Config) -> None:
    data = held_out(32, count=20, harder=2)
    assert len(data.texts) == len(set(data.texts)) == 20
    assert [len(images) for _, images in data.harder] == [32, 32]
    model = MED(config.model, SpecialTokens())
    found = evaluate(model, TOKENIZER, data, candidates=4)
    assert found["itc_r1"] <= 0.4
    assert found["captions_right"] == 0.0


def test_captions_right_counts_every_thing() -> None:
    rng = np.random.default_rng(6)
    drawn = [sampling.sample_scene(rng, things=(0, 1, 0, 0)) for _ in range(4)]
    written = [plain_caption(scene) for scene in drawn]
    assert captions_right(written, drawn) == 1.0
    assert captions_right([*written[:3], "a red bicycle"], drawn) == 0.75


def test_learning_rate_rises_and_decays(config: Config) -> None:
    rates = [learning_rate(config, step) for step in range(config.steps)]
    assert rates[0] == pytest.approx(1e-4)
    assert max(rates) == pytest.approx(1e-3)
    assert rates.index(max(rates)) in (9, 10)
    assert rates[-1] == pytest.approx(0.0, abs=1e-9)


def test_a_stage_may_begin_the_learning_rate_anew(config: Config) -> None:
    *first, last = config.stages
    last = dataclasses.replace(last, learning_rate=5e-4)
    optimiser = dataclasses.replace(config.optimiser, decay=3200)
    anew = dataclasses.replace(config, stages=(*first, last), optimiser=optimiser)
    rates = [learning_rate(anew, step) for step in range(anew.steps)]
    slower = dataclasses.replace(config, optimiser=optimiser)
    assert rates[:100] == [learning_rate(slower, step) for step in range(100)]
    assert rates[99] > learning_rate(config, 99)
    assert rates[100] == pytest.approx(5e-5)
    assert max(rates[100:]) == pytest.approx(5e-4)
    assert rates[-1] == pytest.approx(0.0, abs=1e-9)


def test_only_matrices_decay(config: Config) -> None:
    model = MED(config.model, SpecialTokens())
    decayed, kept = make_optimiser(model, config.optimiser).param_groups
    assert decayed["weight_decay"] > 0
    assert kept["weight_decay"] == 0
    assert all(p.ndim < 2 for p in kept["params"])
    assert any(p is model.temp for p in kept["params"])
    assert len(decayed["params"]) + len(kept["params"]) == len(list(model.parameters()))


def test_an_unknown_key_stops_the_run(config_file: Path) -> None:
    config_file.write_text(TINY.replace("warmup = 80", "warmup = 80\nmomentum = 0.9"))
    with pytest.raises(ConfigError, match="unknown momentum"):
        read_config(config_file, 100)
    config_file.write_text(TINY.replace("batch = 8", ""))
    with pytest.raises(ConfigError, match="batch"):
        read_config(config_file, 100)
    config_file.write_text(TINY.split("[[stages]]")[0])
    with pytest.raises(ConfigError, match="no \\[\\[stages\\]\\]"):
        read_config(config_file, 100)


def test_the_tokenizer_reads_words_as_people_write_them() -> None:
    special = SpecialTokens()
    encoded = TOKENIZER.encode("  Red bicycle! ")
    assert encoded.tokens == ["[CLS]", "red", "bicycle", "[SEP]"]
    assert encoded.ids[0] == special.cls
    assert encoded.ids[-1] == special.sep
    assert TOKENIZER.encode("a zebra").ids[2] == special.unk
    assert TOKENIZER.encode("").tokens == ["[CLS]", "[SEP]"]
    assert TOKENIZER.decode(encoded.ids) == "red bicycle"
    ids = {name: TOKENIZER.token_to_id(f"[{name.upper()}]") for name in special.to_dict()}
    assert ids == special.to_dict()


def test_texts_are_padded_to_the_longest() -> None:
    ids = pad_texts(TOKENIZER, ["a red bicycle", "dog"])
    assert ids.shape == (2, 6)  # five tokens, rounded up
    assert ids[0, 5:].tolist() == [0]
    assert ids[1, 3:].tolist() == [0, 0, 0]


CONFIGS = Path(__file__).parents[2] / "training" / "configs"


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.toml")), ids=lambda path: path.stem)
def test_every_configuration_makes_whole_steps(path: Path) -> None:
    """And of the paper's: queues that fill, groups that a GPU has, datasets of known kinds."""
    config = read_config(path, 30524)
    assert config.samples % config.batch == 0
    if config.momentum is not None:
        assert config.momentum.queue % config.batch == 0
    for spec in config.data:
        assert spec["kind"] in KINDS
        known = inspect.signature(KINDS[spec["kind"]]).parameters
        assert set(spec) - {"kind", "weight"} <= set(known)
    sizes = {"b": (768, 12, 12), "l": (1024, 24, 16)}
    if found := re.search(r"vit_([bl])", path.stem):
        model = config.model
        assert (model.vision_width, model.vision_layers, model.vision_heads) == sizes[found[1]]
        assert (model.text_layers, model.text_width, model.patch_size) == (12, 768, 16)
        assert found[0] in path.read_text().lower().replace("-", "_")
