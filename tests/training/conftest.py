"""A tiny run: every part of a real one, in seconds."""

from __future__ import annotations

from pathlib import Path

import pytest

from blipdb.scenes import sampling
from blipdb.training.datasets.vocabulary import build_tokenizer
from blipdb.training.run.config import Config, read_config

TINY = """
seed = 3
batch = 8
smoothing = 0.0
max_text = 40
threads = 1
workers = 2
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
warmup = 80
[reports]
evaluate = 1600
checkpoint = 160
seconds = 0.5
scenes = 20
harder = 2
candidates = 4
[[stages]]
samples = 160
things = [1, 1, 0, 0]
full = 0.5
variants = 0.0
itc = 0.0
itm = 0.0
lm = 0.0
naming = 1.0
[[stages]]
samples = 640
things = [1, 0, 0, 0]
full = 0.5
variants = 0.25
itc = 1.0
itm = 0.0
lm = 2.0
[[stages]]
samples = 800
things = [1, 1, 1, 1]
full = 1.0
variants = 0.75
itc = 1.0
itm = 1.0
lm = 2.0
naming = 0.5
facts = 1.0
negatives = 2
"""

TOKENIZER = build_tokenizer(sampling.vocabulary())


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)
    return path


@pytest.fixture
def config(config_file: Path) -> Config:
    return read_config(config_file, TOKENIZER.get_vocab_size())
