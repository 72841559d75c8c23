"""Pretraining, and finetuning with the same objectives: ITC, ITM and LM (arXiv 2201.12086).

    python -m blipdb.training.pretrain training/configs/scenes.toml --out runs/scenes
    torchrun --nproc-per-node 8 -m blipdb.training.pretrain training/configs/vit_b_14m.toml \\
        --vocabulary bert --vision deit.safetensors --text bert.safetensors --out runs/vit_b

A killed run goes on from its last checkpoint with the same command and ends with the weights of
an undisturbed one. The folder then holds weights.safetensors, architecture.json, tokenizer.json,
metrics.jsonl and curve.png.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer

from blipdb.scenes import sampling

from .datasets.pairs import pair_batches
from .datasets.scenes import Batch, batches
from .datasets.vocabulary import build_tokenizer, prompt_tokens, read_vocabulary, special_tokens
from .evaluation.scenes import HeldOut, encode_images, evaluate, held_out
from .learners.pretraining import Learner
from .models.initialise import load_text, load_vision
from .objectives.naming import label_patches
from .run.config import Config, ConfigError, read_config
from .run.loop import Run, describe_model, is_due, prepare_torch, run_name, training
from .run.world import ALONE, World, joined


@dataclass(frozen=True)
class Weights:
    """Initial weights of a run: a whole model (an artifact, or another run's), or a vision
    transformer (DeiT, timm) and a BERT of other origin."""

    model: Path | None = None
    vision: Path | None = None
    text: Path | None = None

    def load(self, learner: Learner) -> None:
        learner.begin(self.model)
        if self.vision is not None:
            load_vision(self.vision, learner.med)
        if self.text is not None:
            load_text(self.text, learner.med)
        learner.catch_up()


def pretrain(
    config: Config,
    tokenizer: Tokenizer,
    folder: Path,
    device: torch.device,
    weights: Weights = Weights(),
    world: World = ALONE,
    show: Callable[[int, int], None] | None = None,
) -> None:
    """Train from the last checkpoint in `folder`, if any, to the end of the last stage; without
    one from `weights`. show: called after each step with the numbers of samples done and of all."""
    torch.manual_seed(config.seed)
    special = special_tokens(tokenizer)
    learner = Learner(config, special, prompt_tokens(tokenizer, config.prompt), world)
    run = Run(config, folder, run_name(config, tokenizer), device, world)
    if world.is_first:
        folder.mkdir(parents=True, exist_ok=True)
        describe_model(folder, config, tokenizer, special)

    if world.size > 1 and not config.data:
        raise ConfigError("drawn scenes train in one process: give [[data]], or leave torchrun out")
    reports = config.reports
    scenes = None
    if not config.data:
        scenes = held_out(config.model.image_size, reports.scenes, reports.harder)
    with training(run, learner) as trainer:
        if trainer.start == 0:
            weights.load(learner)
        for step in trainer.steps(_batches(config, tokenizer, trainer.start, world)):
            if show is not None:
                show(step * config.batch, config.samples)
            if scenes is not None and is_due(config, step, reports.evaluate):
                trainer.journal.write(step, measure(learner, tokenizer, scenes, config, step))


def _batches(config: Config, tokenizer: Tokenizer, start: int, world: World) -> Iterator[Batch]:
    """Batches of [[data]], or of drawn scenes, from a step on."""
    if config.data:
        return pair_batches(config, tokenizer, start, world)
    return batches(config, tokenizer, start)


@torch.inference_mode()
def measure(
    learner: Learner, tokenizer: Tokenizer, data: HeldOut, config: Config, step: int
) -> dict[str, float]:
    """Evaluate on held-out scenes what the stage before `step` teaches."""
    stage, figures = config.stage(step - 1), {}
    learner.eval()
    if stage.naming and learner.naming is not None:
        arch = config.model
        labels = label_patches(data.scenes, arch.image_size // arch.patch_size)
        figures = learner.naming.shares_right(encode_images(learner.med, data.images), labels)
    if stage.speaks:
        figures |= evaluate(learner.med, tokenizer, data, config.reports.candidates)
    learner.train()
    return figures


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Pretrain a BLIP.")
    parser.add_argument("config", type=Path, help="a TOML file: training/configs/…")
    parser.add_argument(
        "--out", type=Path, required=True, help="the run's folder; resumed if begun"
    )
    parser.add_argument(
        "--weights", type=Path, help="begin with these: an artifact, or a run's weights.safetensors"
    )
    parser.add_argument("--vision", type=Path, help="begin with this ViT's weights (safetensors)")
    parser.add_argument("--text", type=Path, help="begin with this BERT's weights (safetensors)")
    parser.add_argument(
        "--vocabulary",
        type=Path,
        help="the folder of a tokenizer.json or BERT's vocab.txt; drawn scenes have their own",
    )
    options = parser.parse_args(arguments)
    if options.vocabulary is None:
        tokenizer = build_tokenizer(sampling.vocabulary())
    else:
        tokenizer = read_vocabulary(options.vocabulary)
    config = read_config(options.config, tokenizer.get_vocab_size())
    tokenizer.enable_truncation(config.max_text)
    device = prepare_torch(config.threads)
    weights = Weights(options.weights, options.vision, options.text)
    with joined() as world:
        pretrain(config, tokenizer, options.out, device, weights, world)


if __name__ == "__main__":
    main()
