"""Setup that the experiments share: their file, world, corpora and configurations."""

from __future__ import annotations

import dataclasses
import io
import json
import tarfile
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
from PIL import Image
from tokenizers import Tokenizer

from blipdb.identity import image_id
from blipdb.model.architecture import Architecture
from blipdb.scenes import sampling
from blipdb.scenes.plain import plain_caption
from blipdb.scenes.sampling import World, draw, sample_scene
from blipdb.scenes.web import Mix, web_text, web_words
from blipdb.scenes.world import Scene

from ..datasets.vocabulary import build_tokenizer
from ..run.config import USUAL_SHARING, Config, ConfigError, Optimiser, Reports, Stage

CONFIG = Path(__file__).parent / "tables.toml"
HUMAN, WEB, TEST = range(3)  # streams of random numbers
MAX_TEXT = 40
PARTS = ("seeds", "world", "corpus", "mix", "sweep", "model", "larger", "training", "write")


class Written(NamedTuple):
    """A scene, the text beside it, and the text's kind."""

    scene: Scene
    text: str
    kind: str


@dataclass(frozen=True)
class Setup:
    """Content of tables.toml."""

    seeds: tuple[int, ...]
    world: World
    things: tuple[float, ...]
    test_images: int
    corpus: Mapping[str, int]
    mix: Mix
    sweep: tuple[float, ...]
    model: Mapping[str, int]
    larger: Mapping[str, int]
    training: Mapping[str, Any]
    write: Mapping[str, Any]

    @property
    def tokenizer(self) -> Tokenizer:
        tokenizer = build_tokenizer({*sampling.vocabulary(), *web_words()})
        tokenizer.enable_truncation(MAX_TEXT)
        return tokenizer

    def architecture(self, vision: str) -> Architecture:
        """`vision`: "B", or "L", the larger one."""
        sizes = {**self.model, **(self.larger if vision == "L" else {})}
        return Architecture.from_dict({**sizes, "vocab_size": self.tokenizer.get_vocab_size()})

    def config(
        self,
        vision: str,
        seed: int,
        samples: int,
        losses: Collection[str],
        sharing: str = USUAL_SHARING,
    ) -> Config:
        """A stretch of training with these losses, weighed alike. Images are seen as they are:
        mirrored, left would be right."""
        batch = int(self.training["batch"])
        itc, itm, lm, naming = (float(name in losses) for name in ("itc", "itm", "lm", "naming"))
        whole = samples // batch * batch
        return Config(
            seed=seed,
            batch=batch,
            smoothing=0.0,
            max_text=MAX_TEXT,
            threads=1,
            workers=1,
            model=self.architecture(vision),
            optimiser=Optimiser(self.training["learning_rate"], warmup=samples // 10),
            reports=Reports(evaluate=whole, checkpoint=max(batch, samples // 4 // batch * batch)),
            stages=(Stage(samples=whole, itc=itc, itm=itm, lm=lm, naming=naming),),
            augment="none",
            sharing=sharing,
        )

    def mix_of(self, noise: float) -> Mix:
        """The mix with another share of noise, its kinds in the same proportion."""
        scale = noise / self.mix.noise
        return Mix(**{name: scale * share for name, share in dataclasses.asdict(self.mix).items()})

    def web(self, seed: int, count: int, mix: Mix) -> Iterator[Written]:
        """Draw scenes with texts as on the web."""
        rng = np.random.default_rng([WEB, seed])
        for _ in range(count):
            scene = self._scene(rng)
            text = web_text(scene, mix, rng, things=self.things, world=self.world)
            yield Written(scene, text.text, text.kind)

    def human(self, seed: int) -> Iterator[Written]:
        """Draw scenes with captions as by a person."""
        rng = np.random.default_rng([HUMAN, seed])
        for _ in range(self.corpus["human"]):
            scene = self._scene(rng)
            yield Written(scene, plain_caption(scene), "human")

    def test(self, *, pairs: bool) -> list[Scene]:
        """Draw scenes that no corpus has; with `pairs` all of two things, of which no two are
        described alike."""
        rng = np.random.default_rng([TEST, int(pairs)])
        scenes: dict[str, Scene] = {}
        while len(scenes) < self.test_images:
            things = (0.0, 1.0) if pairs else self.things
            scene = sample_scene(rng, things=things, world=self.world)
            name = plain_caption(scene) if pairs else str(len(scenes))
            if not pairs or len(sampling.groups(scene)) > 1:
                scenes.setdefault(name, scene)
        return list(scenes.values())

    def _scene(self, rng: np.random.Generator) -> Scene:
        return sample_scene(rng, things=self.things, world=self.world)


def read_setup(path: Path) -> Setup:
    """Read tables.toml.

    Raises:
        ConfigError: a part is missing or unknown, or a value makes no sense.
    """
    values = tomllib.loads(path.read_text())
    if set(values) != set(PARTS):
        wrong = ", ".join(sorted(set(values) ^ set(PARTS)))
        raise ConfigError(f"{path}: missing or unknown: {wrong}; it has {', '.join(PARTS)}")
    world = values["world"]
    try:
        return Setup(
            seeds=tuple(values["seeds"]),
            world=World(*(tuple(world[name]) for name in ("kinds", "colours", "backgrounds"))),
            things=tuple(world["things"]),
            test_images=world["test_images"],
            corpus=values["corpus"],
            mix=Mix(**values["mix"]),
            sweep=tuple(values["sweep"]["noise"]),
            model=values["model"],
            larger=values["larger"],
            training=values["training"],
            write=values["write"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(f"{path}: {error}") from None


def write_shard(path: Path, samples: Iterable[Written], size: int) -> None:
    """Write a WebDataset shard of images of `size` pixels, and beside it a file with a line each:
    the image and the kind of its text."""
    with tarfile.open(path, "w") as tar, path.with_suffix(".jsonl").open("w") as kinds:
        for number, one in enumerate(samples):
            file = io.BytesIO()
            Image.fromarray(draw(one.scene, size)).save(file, "PNG", compress_level=1)
            image = file.getvalue()
            for suffix, data in (("png", image), ("txt", one.text.encode())):
                member = tarfile.TarInfo(f"{number:06}.{suffix}")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
            line = {"image": str(image_id("", image)), "kind": one.kind}
            kinds.write(json.dumps(line) + "\n")


def read_truth(path: Path, samples: Iterable[Written]) -> dict[UUID, Written]:
    """Read the content of a shard's images, by their ids in the database."""
    lines = path.with_suffix(".jsonl").read_text().splitlines()
    ids = (UUID(json.loads(line)["image"]) for line in lines)
    return dict(zip(ids, samples, strict=True))
