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
from .config import Config, Optimiser, read_config
from .curve import METRICS, draw_curve
from .data import CLIP_MEAN, CLIP_STD, Batch, batches, normalise
from .evaluation import HeldOut, encode_images, evaluate, held_out
from .facts import FactChecking
from .initialise import initialise_vision
from .med import MED, Memory
from .momentum import MomentumITC
from .naming import PatchNaming, label_patches
from .objectives import (
    Negatives,
    captioning_loss,
    contrastive_loss,
    hard_negatives,
    matching_loss,
)
from .tokens import build_tokenizer


class Learner(nn.Module):
    """A MED with what only its training needs."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.med = MED(config.model, SpecialTokens())
        self.naming = PatchNaming(config.model.vision_width)
        self.facts = FactChecking(config.model.text_width)
        self.momentum = (
            None
            if config.momentum is None
            else MomentumITC(self.med, config.momentum, config.batch)
        )

    def begin(self, weights: Path | None) -> None:
        """Take the first weights: given ones, or random ones that help an image encoder."""
        if weights is None:
            initialise_vision(self.med.vision_model)
        else:
            load_weights(weights, self.med)
        if self.momentum is not None:
            self.momentum.follow(self.med, rate=0.0)


def losses(learner: Learner, batch: Batch, config: Config, step: int) -> dict[str, Tensor]:
    """The objectives of the stage, each a scalar. One pass over the images serves them all."""
    stage = config.stage(step)
    pixels = normalise(batch.images, learner.med.temp.device)
    tokens = learner.med.image_tokens(pixels)
    found = {}
    if stage.naming:
        found["naming"] = learner.naming.loss(tokens, batch.patches)
    if stage.speaks:
        found |= text_losses(learner, pixels, tokens, batch, config, step)
    return found


def text_losses(
    learner: Learner, pixels: Tensor, tokens: Tensor, batch: Batch, config: Config, step: int
) -> dict[str, Tensor]:
    """BLIP's objectives on images and their tokens [B, N, D], each a scalar. One projection of
    their cross-attention keys and values serves every pair."""
    model, device = learner.med, tokens.device
    texts, captions, also_true = (
        torch.from_numpy(array).to(device)
        for array in (batch.texts, batch.captions, batch.also_true)
    )
    memory = model.image_memory(tokens)
    logits = model.next_words(captions, memory)
    found = {"lm": captioning_loss(logits, captions, model.special.pad, config.smoothing)}
    image, text = model.image_vector(tokens), model.text_vector(texts)
    similarity = image @ text.T / model.temperature()
    if learner.momentum is None:
        found["itc"] = contrastive_loss(similarity, also_true)
    else:
        learner.momentum.follow(model)
        share = learner.momentum.share(step * config.batch)
        found["itc"] = learner.momentum.loss(
            image, text, pixels, texts, also_true, model.temperature(), share
        )
    stage = config.stage(step)
    if stage.itm:
        generator = torch.Generator(device).manual_seed(config.seed + step)
        negatives = hard_negatives(similarity, also_true, stage.negatives, generator)
        facts = torch.from_numpy(batch.facts).to(device)
        found |= matching_losses(learner, memory, texts, negatives, facts if stage.facts else None)
    return found


def matching_losses(
    learner: Learner,
    memory: Sequence[Memory],
    texts: Tensor,
    negatives: Negatives,
    facts: Tensor | None,
) -> dict[str, Tensor]:
    """ITM of each true pair, and of each image and each text with its hard negatives, a scalar;
    with facts int8 [B, B, L] also which of their words are true."""
    own = torch.arange(len(texts), device=texts.device)
    again = own.repeat_interleave(negatives.texts.shape[1])
    images = torch.cat([own, again, negatives.images.flatten()])
    pairs = torch.cat([own, negatives.texts.flatten(), again])
    states = learner.med.pair_states(texts[pairs], [layer.rows(images) for layer in memory])
    found = {"itm": matching_loss(learner.med.itm_head(states[:, 0]), negatives)}
    if facts is not None:
        found["facts"] = learner.facts.loss(states, facts[images, pairs])
    return found


def make_optimiser(model: nn.Module, settings: Optimiser) -> torch.optim.AdamW:
    """AdamW; matrices decay; biases, norms and the temperature don't."""
    parameters = [p for p in model.parameters() if p.requires_grad]  # each once, shared or not
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": settings.weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.learning_rate, betas=settings.betas, fused=True)


def learning_rate(config: Config, step: int) -> float:
    """Linear warm-up, then cosine decay to zero, from the beginning or from the last stage that
    begins anew."""
    settings, seen = config.optimiser, (step + 1) * config.batch
    begin, peak, end = 0, settings.learning_rate, settings.decay or config.samples
    start = 0
    for stage in config.stages:
        if stage.learning_rate and start < seen:
            begin, peak, end = start, stage.learning_rate, config.samples
        start += stage.samples
    if seen - begin < settings.warmup:
        return peak * (seen - begin) / settings.warmup
    left = (end - seen) / max(end - begin - settings.warmup, 1)
    return peak * (1 - math.cos(math.pi * min(max(left, 0.0), 1.0))) / 2


def make_step(
    learner: Learner, optimiser: torch.optim.Optimizer, config: Config, batch: Batch, step: int
) -> dict[str, float]:
    """One update; returns each loss, unweighted."""
    stage = config.stage(step)
    found = losses(learner, batch, config, step)
    weighted = [getattr(stage, name) * value for name, value in found.items()]
    torch.autograd.backward(torch.stack(weighted).sum())
    nn.utils.clip_grad_norm_(learner.parameters(), config.optimiser.gradient_norm, foreach=True)
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
    learner = Learner(config).to(device)
    optimiser = make_optimiser(learner, config.optimiser)
    name = run_name(config, tokenizer)
    start = load_checkpoint(folder, learner, optimiser, name)
    if start == 0:
        learner.begin(weights)
    source = batches(config, tokenizer, start)
    describe_model(folder, config, tokenizer)
    data = held_out(config.model.image_size, config.reports.scenes, config.reports.harder)
    journal = Journal(folder, config, start)
    for step, batch in enumerate(source, start=start + 1):
        journal.losses(step, make_step(learner, optimiser, config, batch, step - 1))
        if is_due(config, step, config.reports.evaluate):
            journal.write(step, measure(learner, tokenizer, data, config, step))
            draw_curve(folder)
        if is_due(config, step, config.reports.checkpoint):
            save_checkpoint(folder, learner, optimiser, step, name)
            save_weights(folder / WEIGHTS, learner.med)


@torch.inference_mode()
def measure(
    learner: Learner, tokenizer: Tokenizer, data: HeldOut, config: Config, step: int
) -> dict[str, float]:
    """How well what the stage before `step` teaches is done on held-out scenes."""
    stage, found = config.stage(step - 1), {}
    if stage.naming:
        arch = config.model
        labels = label_patches(data.scenes, arch.image_size // arch.patch_size)
        found = learner.naming.shares_right(encode_images(learner.med, data.images), labels)
    if stage.speaks:
        found |= evaluate(learner.med, tokenizer, data, config.reports.candidates)
    return found


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
