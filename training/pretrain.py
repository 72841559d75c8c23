"""Pretraining: ITC, ITM and LM together (arXiv 2201.12086, section 3.2).

    python -m blipdb.training.pretrain training/configs/scenes.toml --out runs/scenes

A killed run goes on from its last checkpoint with the same command and ends with the weights of
an undisturbed one. The folder then holds weights.safetensors, architecture.json, tokenizer.json,
metrics.jsonl and curve.png.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from blipdb.architecture import SpecialTokens

from . import scenes
from .checkpoint import (
    WEIGHTS,
    load_checkpoint,
    load_weights,
    save_checkpoint,
    save_weights,
    write_json,
)
from .config import Config, Optimiser, Stage, read_config
from .curve import METRICS, draw_curve
from .data import CLIP_MEAN, CLIP_STD, Batch, batches, normalise
from .evaluation import evaluate, held_out
from .med import MED
from .objectives import captioning_loss, contrastive_loss, hard_negatives, matching_loss
from .tokens import build_tokenizer


def losses(
    model: MED, batch: Batch, stage: Stage, smoothing: float, seed: int
) -> dict[str, Tensor]:
    """The objectives that `stage` weighs, each a scalar. One pass over the images serves them all,
    and one projection of their cross-attention keys and values serves every pair."""
    device = model.temp.device
    texts, captions, also_true = (
        torch.from_numpy(array).to(device)
        for array in (batch.texts, batch.captions, batch.also_true)
    )
    tokens = model.image_tokens(normalise(batch.images, device))
    memory = model.image_memory(tokens)
    logits = model.next_words(captions, memory)
    found = {"lm": captioning_loss(logits, captions, model.special.pad, smoothing)}
    similarity = model.image_vector(tokens) @ model.text_vector(texts).T / model.temperature()
    found["itc"] = contrastive_loss(similarity, also_true)
    if stage.itm:
        generator = torch.Generator(device).manual_seed(seed)
        text, has_text, image, has_image = hard_negatives(similarity, also_true, generator)
        own = torch.arange(len(texts), device=device)
        images = torch.cat([own, own, image])
        logits = model.match(
            torch.cat([texts, texts[text], texts]), [layer.rows(images) for layer in memory]
        )
        found["itm"] = matching_loss(logits, torch.cat([has_text, has_image]))
    return found


def make_optimiser(model: nn.Module, settings: Optimiser) -> torch.optim.AdamW:
    """AdamW; matrices decay; biases, norms and the temperature don't."""
    parameters = list(model.parameters())  # each once, shared or not
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": settings.weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.learning_rate, betas=settings.betas, fused=True)


def learning_rate(config: Config, step: int) -> float:
    """Linear warm-up, then cosine decay to zero."""
    settings, seen = config.optimiser, (step + 1) * config.batch
    if seen < settings.warmup:
        return settings.learning_rate * seen / settings.warmup
    left = (config.samples - seen) / max(config.samples - settings.warmup, 1)
    return settings.learning_rate * (1 - math.cos(math.pi * max(left, 0.0))) / 2


def make_step(
    model: MED, optimiser: torch.optim.Optimizer, config: Config, batch: Batch, step: int
) -> dict[str, float]:
    """One update of the model; returns each loss, unweighted."""
    stage = config.stage(step)
    found = losses(model, batch, stage, config.smoothing, config.seed + step)
    weights = {"itc": stage.itc, "itm": stage.itm, "lm": stage.lm}
    weighted = [weights[name] * value for name, value in found.items()]
    torch.autograd.backward(torch.stack(weighted).sum())
    nn.utils.clip_grad_norm_(model.parameters(), config.optimiser.gradient_norm, foreach=True)
    for group in optimiser.param_groups:
        group["lr"] = learning_rate(config, step)
    optimiser.step()
    optimiser.zero_grad()
    values = {name: float(value.detach()) for name, value in found.items()}
    if not all(map(math.isfinite, values.values())):
        raise FloatingPointError(f"step {step}: the loss is {values}; lower the learning rate")
    return values


class Journal:
    """Prints the mean losses every few seconds and keeps what is measured in metrics.jsonl."""

    def __init__(self, folder: Path, config: Config, step: int) -> None:
        self.path, self.config = folder / METRICS, config
        self.started, self.since = time.monotonic(), step
        self.sums: dict[str, list[float]] = {}
        self._forget_after(step)

    def _forget_after(self, step: int) -> None:
        """Drop lines of steps that a killed run made after its last checkpoint."""
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        kept = [line for line in lines if json.loads(line)["step"] <= step]
        self.path.write_text("".join(f"{line}\n" for line in kept))

    def losses(self, step: int, values: dict[str, float]) -> None:
        """Note the losses of the step before `step`; say their mean when it is time."""
        for name, value in values.items():
            self.sums.setdefault(name, []).append(value)
        elapsed = time.monotonic() - self.started
        if elapsed < self.config.reports.seconds and step < self.config.steps:
            return
        rate = (step - self.since) * self.config.batch / elapsed
        means = {name: sum(seen) / len(seen) for name, seen in self.sums.items()}
        self.write(step, {"samples_per_second": rate, **means})
        self.started, self.since, self.sums = time.monotonic(), step, {}

    def write(self, step: int, values: dict[str, float]) -> None:
        entry: dict[str, Any] = {"step": step, "samples": step * self.config.batch}
        entry |= {name: round(value, 4) for name, value in values.items()}
        with self.path.open("a") as file:
            file.write(json.dumps(entry) + "\n")
        print("  ".join(f"{name} {value}" for name, value in entry.items()), flush=True)


def run_name(config: Config, tokenizer: Tokenizer) -> str:
    """What has to be the same for a checkpoint to be continued."""
    return hashlib.sha256(f"{config}{tokenizer.to_str()}".encode()).hexdigest()


def describe_model(folder: Path, config: Config, tokenizer: Tokenizer) -> None:
    """Write what a reader of the weights has to know beside them."""
    preprocessing = {"size": config.model.image_size, "mean": CLIP_MEAN, "std": CLIP_STD}
    description = {
        "architecture": config.model.to_dict(),
        "special_tokens": SpecialTokens().to_dict(),
        "max_text": config.max_text,
        "preprocessing": {**preprocessing, "resize": "square", "resample": "bicubic"},
    }
    write_json(folder / "architecture.json", description)
    tokenizer.save(str(folder / "tokenizer.json"))


def pretrain(
    config: Config,
    tokenizer: Tokenizer,
    folder: Path,
    device: torch.device,
    weights: Path | None = None,
) -> None:
    """Train from the last checkpoint in `folder`, if any, to the end of the last stage.

    Without a checkpoint it begins with `weights` (see `read_weights`), if given, else random ones.
    """
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(config.seed)
    model = MED(config.model, SpecialTokens()).to(device)
    optimiser = make_optimiser(model, config.optimiser)
    name = run_name(config, tokenizer)
    start = load_checkpoint(folder, model, optimiser, name)
    if start == 0 and weights is not None:
        load_weights(weights, model)
    source = batches(config, tokenizer, start)
    describe_model(folder, config, tokenizer)
    data = held_out(config.model.image_size, config.reports.scenes, config.reports.harder)
    journal = Journal(folder, config, start)
    for step, batch in enumerate(source, start=start + 1):
        journal.losses(step, make_step(model, optimiser, config, batch, step - 1))
        if is_due(config, step, config.reports.evaluate):
            journal.write(step, evaluate(model, tokenizer, data, config.reports.candidates))
            draw_curve(folder)
        if is_due(config, step, config.reports.checkpoint):
            save_checkpoint(folder, model, optimiser, step, name)
            save_weights(folder / WEIGHTS, model)


def is_due(config: Config, step: int, samples: int) -> bool:
    """Whether another `samples` were completed by `step`, or training is over."""
    return step % max(samples // config.batch, 1) == 0 or step == config.steps


def prepare_torch(threads: int) -> torch.device:
    """Settings that make a small model fast; returns the GPU where there is one."""
    torch.set_flush_denormal(True)  # tiny gradients are slow otherwise
    torch.set_num_threads(threads)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Pretrain a BLIP on drawn scenes.")
    parser.add_argument("config", type=Path, help="a TOML file: training/configs/…")
    parser.add_argument(
        "--out", type=Path, required=True, help="the run's folder; resumed if begun"
    )
    parser.add_argument(
        "--weights", type=Path, help="begin with these: an artifact, or a run's weights.safetensors"
    )
    options = parser.parse_args(arguments)
    tokenizer = build_tokenizer(scenes.vocabulary())
    config = read_config(options.config, tokenizer.get_vocab_size())
    tokenizer.enable_truncation(config.max_text)
    device = prepare_torch(config.threads)
    pretrain(config, tokenizer, options.out, device, options.weights)


if __name__ == "__main__":
    main()
