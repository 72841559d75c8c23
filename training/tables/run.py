"""An experiment from its corpus to its result, in a database of its own. Finished parts are kept:
training is resumed from its checkpoint, and an existing result stays."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from psycopg import sql

from blipdb import registry
from blipdb.database import connection, schema
from blipdb.host import cluster
from blipdb.model.artifact import MANIFEST, Artifact
from blipdb.model.writing import Writing
from blipdb.registry import Model
from blipdb.scenes.sampling import draw, sample_scene
from blipdb.scenes.web import Mix
from blipdb.settings import DATABASE, Settings

from ..capfilt.corpus import collect
from ..capfilt.steps import judge, register_run, train_on, write
from ..datasets.pairs import NO_FACTS
from ..datasets.processes import Prefetcher
from ..datasets.scenes import Batch
from ..datasets.vocabulary import special_tokens
from ..learners.pretraining import Learner
from ..models.med import MED
from ..objectives.naming import label_patches
from ..pretrain import Weights
from ..run.checkpoint import WEIGHTS, load_weights, write_json
from ..run.config import Config
from ..run.loop import Run, describe_model, prepare_torch, run_name, training
from ..run.world import ALONE
from .arms import Arm
from .measure import caption_quality, make_test, search_quality
from .setup import Setup, read_setup, read_truth, write_shard
from .verdicts import Verdicts, read_verdicts

RESULT = "result.json"
LONGER_RATIO = 24.7 / 15.3  # texts after CapFilt to texts before, in the paper's Table 12
EVERYTHING = ("itc", "itm", "lm")
FINETUNED = {"captioner": ("lm",), "filter": ("itc", "itm")}


@dataclass(frozen=True)
class Workspace:
    """Folder, setup and server of the experiments; `url` is a database of the server."""

    setup: Setup
    out: Path
    settings: Settings

    def folder(self, seed: int, name: str) -> Path:
        return self.out / f"seed-{seed}" / name


def open_place(config: Path, out: Path) -> Workspace:
    """Start the server under `out`."""
    settings = Settings((out / "home").absolute())
    cluster.up(settings)
    return Workspace(read_setup(config), out, settings)


def train_vision(place: Workspace, vision: str) -> None:
    """Train a ViT that tells kinds and colours apart, as BLIP starts with an ImageNet one."""
    folder = place.out / f"vision-{vision}"
    setup, seed = place.setup, 0
    config = setup.config(vision, seed, setup.training["vision"], ("naming",))
    tokenizer = setup.tokenizer
    special = special_tokens(tokenizer)
    torch.manual_seed(seed)
    learner = Learner(config, special)
    run = Run(config, folder, run_name(config, tokenizer), prepare_torch(1), ALONE)
    folder.mkdir(parents=True, exist_ok=True)
    describe_model(folder, config, tokenizer, special)
    with training(run, learner) as trainer:
        if trainer.start == 0:
            learner.begin(None)
        for _ in trainer.steps(_patch_batches(setup, config, trainer.start)):
            pass
    write_json(folder / RESULT, {"samples": config.samples})


def _patch_batches(setup: Setup, config: Config, start: int) -> Iterator[Batch]:
    """Draw batches of scenes of one to four things, with labels of their patches."""
    size, none = config.model.image_size, np.empty((0, 0), np.int64)

    def worker(steps: range) -> Iterator[Batch]:
        for step in steps:
            rng = np.random.default_rng([config.seed, step])
            drawn = [sample_scene(rng, world=setup.world) for _ in range(config.batch)]
            labels = label_patches(drawn, size // config.model.patch_size)
            images = np.stack([draw(scene, size) for scene in drawn])
            yield Batch(images, none, none, np.zeros((len(drawn), 2), int), None, NO_FACTS, labels)

    return Prefetcher(worker, range(start, config.steps), config.workers)


def run_arm(place: Workspace, seed: int, arm: Arm) -> None:
    """Bootstrap the arm's corpus, train on the result, measure, and write it all down."""
    folder = place.folder(seed, arm.name)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "log.txt").open("a") as log, redirect_stdout(log):
        result: dict[str, Any] = {"seed": seed, "arm": arm.name}
        with _corpus(place, seed, arm) as settings:
            if arm.bootstraps:
                result["verdicts"] = _bootstrap(place, settings, seed, arm, folder).to_dict()
            result["quality"] = _train_and_measure(place, settings, seed, arm, folder)
        write_json(folder / RESULT, result)


def _bootstrap(place: Workspace, settings: Settings, seed: int, arm: Arm, folder: Path) -> Verdicts:
    captioner, judges = _teachers(place, settings, seed, arm, folder)
    if arm.captioner:
        write(settings, captioner, _writing(place.setup, arm, seed))
    if arm.filter:
        judge(settings, judges)
    setup = place.setup
    shard, texts = (
        _shards(place, seed, arm)["web"],
        setup.web(seed, _web(place, arm), _mix(setup, arm)),
    )
    with connection.connect_pinned(settings.database_url()) as conn:
        return read_verdicts(conn, read_truth(shard, texts))


def _teachers(
    place: Workspace, settings: Settings, seed: int, arm: Arm, folder: Path
) -> tuple[Model, Model]:
    """Register captioner and filter in the arm's database."""
    assert arm.teachers is not None
    base = place.folder(seed, arm.teachers.name)
    if arm.joined:
        weights = Weights(base / "pretrain" / WEIGHTS)
        steps = sum(place.setup.training[name] for name in FINETUNED)
        config = place.setup.config(arm.vision, seed, steps, EVERYTHING)
        _train(place, settings, "human", config, folder / "joined", weights)
        model = register_run(
            settings, folder / "joined", "joined", "small scenes", ("captioner", "filter")
        )
        return model, model
    with connection.connect_pinned(settings.database_url(), autocommit=True) as conn:
        captioner, judges = (
            registry.register(conn, settings, base / name / "model", roles=()) for name in FINETUNED
        )
    return captioner, judges


def _train_and_measure(
    place: Workspace, settings: Settings, seed: int, arm: Arm, folder: Path
) -> dict[str, dict[str, float]]:
    """Measure the new model as pretrained, and as finetuned on human captions for either task."""
    setup, test = place.setup, make_test(place.setup)
    samples = setup.training[arm.corpus] * (LONGER_RATIO if arm.longer else 1)
    config = setup.config(arm.vision, seed, int(samples), EVERYTHING, arm.sharing)
    weights = Weights(vision=place.out / f"vision-{arm.vision}" / WEIGHTS)
    if arm.continued:
        assert arm.teachers is not None
        weights = Weights(place.folder(seed, arm.teachers.name) / "pretrain" / WEIGHTS)
    captions = "kept" if arm.filter else "all"
    _train(place, settings, captions, config, folder / "pretrain", weights)
    med = _model(config, folder / "pretrain", setup)
    figures = {
        "pretrained": search_quality(med, setup.tokenizer, test)
        | caption_quality(med, setup.tokenizer, test),
        "finetuned": {},
    }
    for name, losses in FINETUNED.items():
        tuning = setup.config(arm.vision, seed, setup.training[name], losses, arm.sharing)
        _train(
            place, settings, "human", tuning, folder / name, Weights(folder / "pretrain" / WEIGHTS)
        )
        med = _model(tuning, folder / name, setup)
        measured = caption_quality if name == "captioner" else search_quality
        figures["finetuned"] |= measured(med, setup.tokenizer, test)
        if not arm.bootstraps and not (folder / name / "model" / MANIFEST).exists():
            _keep(settings, folder / name, name, arm)
    return figures


def _keep(settings: Settings, run: Path, name: str, arm: Arm) -> None:
    """Keep a teacher's artifact for other arms."""
    if arm.sharing == Arm().sharing and not arm.longer:
        register_run(settings, run, name, "small scenes", (name,))
        Artifact.open(run / "model")


def _train(
    place: Workspace,
    settings: Settings,
    captions: str,
    config: Config,
    folder: Path,
    weights: Weights,
) -> None:
    device = prepare_torch(config.threads)
    train_on(settings, captions, config, place.setup.tokenizer, folder, device, weights)


def _model(config: Config, folder: Path, setup: Setup) -> MED:
    med = MED(config.model, special_tokens(setup.tokenizer), config.sharing)
    load_weights(folder / WEIGHTS, med)
    return med.train(False)


def _writing(setup: Setup, arm: Arm, seed: int) -> Writing:
    longest = setup.write["max_tokens"]
    if arm.decoding == "beam":
        return Writing(beams=setup.write["beams"], max_tokens=longest)
    return Writing(beams=None, nucleus=setup.write["nucleus"], seed=seed, max_tokens=longest)


def _mix(setup: Setup, arm: Arm) -> Mix:
    return setup.mix if arm.noise is None else setup.mix_of(arm.noise)


def _web(place: Workspace, arm: Arm) -> int:
    return int(place.setup.corpus[arm.corpus])


def _shards(place: Workspace, seed: int, arm: Arm) -> dict[str, Path]:
    """Draw the arm's corpus as WebDataset shards, if they don't exist."""
    setup = place.setup
    name = Arm(arm.corpus, noise=arm.noise).name.replace("-B", "")
    folder = place.folder(seed, f"corpus-{name}")
    paths = {}
    for origin in ("web", "human"):
        paths[origin] = path = folder / f"{origin}.tar"
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            texts = (
                setup.human(seed)
                if origin == "human"
                else setup.web(seed, _web(place, arm), _mix(setup, arm))
            )
            beside = folder / f"{arm.name}-{origin}.part.tar"  # two arms may begin at once
            write_shard(beside, texts, setup.model["image_size"])
            beside.with_suffix(".jsonl").replace(path.with_suffix(".jsonl"))
            beside.replace(path)
    return paths


@contextmanager
def _corpus(place: Workspace, seed: int, arm: Arm) -> Iterator[Settings]:
    """Make a database with the arm's corpus alone; it is dropped at the end."""
    name = f"tables_{seed}_{arm.name.replace('-', '_').lower()}"
    admin = place.settings.database_url()
    url = admin.replace(f"/{DATABASE}?", f"/{name}?")
    settings = replace(place.settings, url=url)
    with connection.connect_pinned(admin, autocommit=True) as conn:
        row = conn.execute("SELECT FROM pg_database WHERE datname = %s", [name]).fetchone()
        if row is None:
            conn.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    schema.init(url, place.settings)
    with connection.connect_pinned(url, autocommit=True) as conn:
        for origin, shard in _shards(place, seed, arm).items():
            collect(conn, {"kind": "webdataset", "shards": str(shard)}, origin)
    yield settings
    with connection.connect_pinned(admin, autocommit=True) as conn:
        conn.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def has_result(folder: Path) -> bool:
    return (folder / RESULT).exists()


def read_result(folder: Path) -> dict[str, Any]:
    result: dict[str, Any] = json.loads((folder / RESULT).read_text())
    return result
