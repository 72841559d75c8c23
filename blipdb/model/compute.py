"""Precision and token merging of a model. They are fixed in its graphs, and part of its digest.

Standard library only, like the architecture it goes with.
"""

from __future__ import annotations

from dataclasses import dataclass

from .architecture import Architecture, ArchitectureError, Described

PRECISIONS = ("fp32", "int8")
MERGED_TOKENS = 64  # image tokens stored by default of a model with more


@dataclass(frozen=True)
class Compute(Described):
    """Precision of a model's products, and number of its stored image tokens."""

    precision: str = "fp32"  # or "int8": eight-bit levels with a scale for each row
    tokens: int | None = None  # stored of an image, similar ones merged; None: all, unmerged

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise ArchitectureError(
                f"precision is {self.precision!r}; it must be {' or '.join(PRECISIONS)}"
            )
        if self.tokens is not None and (type(self.tokens) is not int or self.tokens < 2):
            raise ArchitectureError(f"tokens is {self.tokens!r}; it must be 2 or more, or all")

    @property
    def integer(self) -> bool:
        return self.precision == "int8"

    @property
    def merges(self) -> bool:
        return self.tokens is not None

    @property
    def weights(self) -> str:
        """Storage format of an artifact's weights, in words."""
        return "eight bits, with a scale for each output," if self.integer else "float16"

    def stored(self, arch: Architecture) -> int:
        """Number of image tokens stored for each image.

        Raises:
            ArchitectureError: more than the model has.
        """
        if self.tokens is None:
            return arch.image_tokens
        if self.tokens >= arch.image_tokens:
            raise ArchitectureError(
                f"tokens is {self.tokens}; the model has {arch.image_tokens} of an image, and "
                "merging leaves fewer"
            )
        return self.tokens


EXACT = Compute()


def usual(arch: Architecture) -> Compute:
    """Return the setting for a published checkpoint: the fastest at a small price in quality."""
    return Compute("int8", MERGED_TOKENS if arch.image_tokens > MERGED_TOKENS else None)
