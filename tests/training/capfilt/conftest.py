"""A corpus of drawn scenes in shards, a plan for it, and a database to run it in."""

from __future__ import annotations

from pathlib import Path

import pytest

from blipdb.scenes import sampling
from blipdb.scenes.web import web_words
from blipdb.settings import Settings
from blipdb.training.capfilt.plan import Plan, read_plan
from blipdb.training.datasets.vocabulary import build_tokenizer
from blipdb.training.tables.setup import CONFIG, Setup, read_setup, write_shard

STAGE = """
seed = 3
batch = 8
smoothing = 0.0
max_text = 40
threads = 1
workers = 1
augment = "none"
[model]
image_size = 32
patch_size = 8
vision_width = 32
vision_layers = 1
vision_heads = 2
vision_mlp = 64
text_width = 32
text_layers = 1
text_heads = 2
text_mlp = 64
max_positions = 40
embed_dim = 16
[optimiser]
learning_rate = 1e-3
warmup = 16
[reports]
evaluate = 64
checkpoint = 16
[[stages]]
samples = 64
"""
LOSSES = {
    "pretrain": "itc = 1.0\nitm = 1.0\nlm = 1.0\n",
    "captioner": "lm = 1.0\n",
    "filter": "itc = 1.0\nitm = 1.0\n",
}
PLAN = """
name = "small"
knows = "small scenes"
vocabulary = "words"
pretrain = "pretrain.toml"
captioner = "captioner.toml"
filter = "filter.toml"
[write]
nucleus = 0.9
seed = 5
max_tokens = 12
[[web]]
kind = "webdataset"
shards = "{folder}/web.tar"
[[human]]
kind = "webdataset"
shards = "{folder}/human.tar"
[evaluation]
kind = "webdataset"
shards = "{folder}/human.tar"
"""
WEB, HUMAN = 12, 10


@pytest.fixture(scope="session")
def setup() -> Setup:
    return read_setup(CONFIG)


@pytest.fixture
def plan_file(tmp_path: Path, setup: Setup) -> Path:
    """Twelve images with the web's texts, ten with people's."""
    tokenizer = build_tokenizer({*sampling.vocabulary(), *web_words()})
    (tmp_path / "words").mkdir()
    tokenizer.save(str(tmp_path / "words" / "tokenizer.json"))
    for name, losses in LOSSES.items():
        (tmp_path / f"{name}.toml").write_text(STAGE + losses)
    write_shard(tmp_path / "web.tar", setup.web(1, WEB, setup.mix), 32)
    human = (one for n, one in enumerate(setup.human(1)) if n < HUMAN)
    write_shard(tmp_path / "human.tar", human, 32)
    path = tmp_path / "plan.toml"
    path.write_text(PLAN.format(folder=tmp_path))
    return path


@pytest.fixture
def plan(plan_file: Path) -> Plan:
    return read_plan(plan_file)


@pytest.fixture
def where(cluster: Settings, database: str) -> Settings:
    """A fresh database, without any model."""
    return Settings(cluster.home, database)
