"""Joining of several processes: torchrun starts them, gloo (CPU) or NCCL (GPU) connects them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor


@dataclass(frozen=True)
class World:
    """Rank of this process among all that train together."""

    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def gather(self, x: Tensor) -> Tensor:
        """[B, …] of each process -> [size * B, …], by rank; no gradient passes."""
        if self.size == 1:
            return x
        parts = [torch.empty_like(x) for _ in range(self.size)]
        dist.all_gather(parts, x.detach().contiguous())
        return torch.cat(parts)

    def gather_learned(self, x: Tensor) -> Tensor:
        """Gather as `gather`, with gradients of each process's loss to the features of all."""
        if self.size == 1:
            return x
        return _Gathered.apply(x.contiguous(), self)  # type: ignore[no-any-return,no-untyped-call]

    def mean(self, x: Tensor) -> Tensor:
        """The mean of all processes' x, without a gradient."""
        if self.size == 1:
            return x.detach()
        total = x.detach().clone()
        dist.all_reduce(total)
        return total / self.size

    def own(self, count: int) -> slice:
        """Rows of this process, `count` of them, among the gathered ones."""
        return slice(self.rank * count, (self.rank + 1) * count)

    def wait(self) -> None:
        """Wait for all processes."""
        if self.size > 1:
            dist.barrier()


class _Gathered(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, world: World) -> Tensor:
        ctx.world, ctx.count = world, len(x)
        return world.gather(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (gradient,) = gradients
        total = gradient.contiguous().clone()
        dist.all_reduce(total)
        return total[ctx.world.own(ctx.count)], None


ALONE = World()


@contextmanager
def joined() -> Iterator[World]:
    """Join the processes of torchrun's environment for the block; without it, be alone."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield ALONE
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield World(dist.get_rank(), size)
    finally:
        dist.destroy_process_group()
