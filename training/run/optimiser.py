"""AdamW and its learning rate over a run."""

from __future__ import annotations

import math

import torch
from torch import nn

from .config import Config, Optimiser
from .world import ALONE, World


def make_optimiser(
    model: nn.Module, settings: Optimiser, *, shards: bool = False, world: World = ALONE
) -> torch.optim.Optimizer:
    """AdamW; matrices decay; biases, norms and the temperature don't. With `shards` each process
    keeps a part of its state (ZeRO, arXiv 1910.02054, stage 1)."""
    parameters = [p for p in model.parameters() if p.requires_grad]  # each once, shared or not
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": settings.weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    rate, betas = settings.learning_rate, settings.betas
    if shards and world.size > 1:
        from torch.distributed.optim import ZeroRedundancyOptimizer  # compiles scripts on import

        return ZeroRedundancyOptimizer(groups, torch.optim.AdamW, lr=rate, betas=betas, fused=True)
    return torch.optim.AdamW(groups, lr=rate, betas=betas, fused=True)


def learning_rate(config: Config, step: int) -> float:
    """Compute the rate at `step`, from 0: linear warm-up, then the schedule's decay."""
    settings, samples = config.optimiser, (step + 1) * config.batch
    if settings.schedule == "step":
        rate = settings.learning_rate * settings.rate ** ((samples - 1) // settings.decay)
        warm = min(samples / settings.warmup, 1.0) if settings.warmup else 1.0
        return max(rate * warm, settings.floor)
    return _cosine(config, samples)


def _cosine(config: Config, samples: int) -> float:
    """Cosine schedule from the beginning, or from the last stage with its own learning rate."""
    settings = config.optimiser
    begin, peak, end = 0, settings.learning_rate, settings.decay or config.samples
    start = 0
    for stage in config.stages:
        if stage.learning_rate and start < samples:
            begin, peak, end = start, stage.learning_rate, config.samples
        start += stage.samples
    if samples - begin < settings.warmup:
        return peak * (samples - begin) / settings.warmup
    rest = (end - samples) / max(end - begin - settings.warmup, 1)
    share = (1 - math.cos(math.pi * min(max(rest, 0.0), 1.0))) / 2
    return settings.floor + (peak - settings.floor) * share
