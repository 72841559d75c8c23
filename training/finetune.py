"""Finetuning a pretrained BLIP (arXiv 2201.12086, section 5), a task each:

    python -m blipdb.training.finetune TASK training/configs/….toml --vocabulary bert \\
        --weights runs/pretrained/weights.safetensors --out runs/…

retrieval   ITC with all texts of an image as its positives, and ITM (section 5.1)
captioning  LM behind the prompt (5.2)
vqa         a question encoder and an answer decoder of their own (5.3)
nlvr2       two images and a statement (5.4)

`--weights` is another run's, or an artifact's folder. torchrun starts several processes of it.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from tokenizers import Tokenizer

from blipdb.model.architecture import SpecialTokens

from .datasets.questions import question_batches
from .datasets.statements import statement_batches
from .datasets.vocabulary import read_vocabulary, special_tokens
from .learners.nlvr2 import NLVR2Learner
from .learners.vqa import VQALearner
from .models.med import MED
from .pretrain import Weights, pretrain
from .run.checkpoint import load_weights
from .run.config import Config, ConfigError, read_config
from .run.loop import Run, describe_model, prepare_torch, run_name, training
from .run.world import ALONE, World, joined

TASKS = ("retrieval", "captioning", "vqa", "nlvr2")


def finetune(
    task: str,
    config: Config,
    tokenizer: Tokenizer,
    folder: Path,
    device: torch.device,
    weights: Path,
    world: World = ALONE,
) -> None:
    """Train from the last checkpoint in `folder`, if any, to the end of the last stage; without
    one from pretrained weights.

    Raises:
        ConfigError: the configuration is not one for this task.
    """
    check(task, config)
    if task in ("retrieval", "captioning"):
        pretrain(config, tokenizer, folder, device, Weights(weights), world)
        return
    torch.manual_seed(config.seed)
    special = special_tokens(tokenizer)
    run = Run(config, folder, run_name(config, tokenizer), device, world)
    if world.is_first:
        folder.mkdir(parents=True, exist_ok=True)
        describe_model(folder, config, tokenizer, special)
    if task == "vqa":
        _train_vqa(run, tokenizer, special, weights)
    else:
        _train_nlvr2(run, tokenizer, special, weights)


def _train_vqa(run: Run, tokenizer: Tokenizer, special: SpecialTokens, weights: Path) -> None:
    learner = VQALearner(run.config, special)
    with training(run, learner) as trainer:
        if trainer.start == 0:
            learner.answerer.begin(pretrained(weights, run.config, special))
        for _ in trainer.steps(question_batches(run.config, tokenizer, trainer.start, run.world)):
            pass


def _train_nlvr2(run: Run, tokenizer: Tokenizer, special: SpecialTokens, weights: Path) -> None:
    learner = NLVR2Learner(run.config, special)
    with training(run, learner) as trainer:
        if trainer.start == 0:
            learner.reasoner.begin(pretrained(weights, run.config, special))
        for _ in trainer.steps(statement_batches(run.config, tokenizer, trainer.start, run.world)):
            pass


def check(task: str, config: Config) -> None:
    """Check that each stage has the losses of the task, and no other.

    Raises:
        ConfigError: see `finetune`.
    """
    task_losses = {
        "retrieval": {"itc", "itm"}, "captioning": {"lm"}, "vqa": {"lm"}, "nlvr2": {"itm"},
    }[task]  # fmt: skip
    for stage in config.stages:
        stage_losses = {name for name in ("itc", "itm", "lm") if getattr(stage, name)}
        if stage_losses != task_losses:
            raise ConfigError(
                f"{task} learns by {' and '.join(sorted(task_losses))}; "
                f"a stage has {' and '.join(sorted(stage_losses)) or 'none'}"
            )
    if not config.data:
        raise ConfigError(f"{task} needs [[data]]")


def pretrained(weights: Path, config: Config, special: SpecialTokens) -> MED:
    """Load the pretrained model, at this configuration's image size."""
    med = MED(config.model, special)
    load_weights(weights, med)
    return med


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Finetune a BLIP.")
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("config", type=Path, help="a TOML file: training/configs/…")
    parser.add_argument(
        "--weights",
        type=Path,
        required=True,
        help="pretrained: a run's weights.safetensors, or an artifact",
    )
    parser.add_argument(
        "--vocabulary",
        type=Path,
        required=True,
        help="the folder of a tokenizer.json or BERT's vocab.txt",
    )
    parser.add_argument(
        "--out", type=Path, required=True, help="the run's folder; resumed if begun"
    )
    options = parser.parse_args(arguments)
    tokenizer = read_vocabulary(options.vocabulary)
    config = read_config(options.config, tokenizer.get_vocab_size())
    tokenizer.enable_truncation(config.max_text)
    device = prepare_torch(config.threads)
    with joined() as world:
        finetune(options.task, config, tokenizer, options.out, device, options.weights, world)


if __name__ == "__main__":
    main()
