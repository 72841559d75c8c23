"""BLIP's architecture as numbers, shared by training, the graph builder and artifacts.

Standard library only, so that the engine can read it without torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self


class ArchitectureError(ValueError):
    """A description of a model that cannot be built."""


class Described:
    """Conversion from and to a plain mapping, which names every field."""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as a mapping that `from_dict` reads back."""
        return asdict(self)  # type: ignore[call-overload, no-any-return]

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build from a mapping.

        Raises:
            ArchitectureError: a key is unknown, a field without default is missing, or a value
                doesn't fit.
        """
        names = {field.name for field in fields(cls)}  # type: ignore[arg-type]
        if unknown := sorted(set(values) - names):
            raise ArchitectureError(
                f"{cls.__name__} has no field {', '.join(unknown)}; "
                f"it has {', '.join(sorted(names))}"
            )
        try:
            return cls(**values)
        except TypeError as error:
            raise ArchitectureError(f"{cls.__name__}: {error}") from None


@dataclass(frozen=True)
class SpecialTokens(Described):
    """Ids of the tokens with a role of their own.

    `cls` opens a text for ITC, `enc` for ITM and `dec` for the captioner (BLIP, section 3.1);
    `sep` ends each of them.
    """

    pad: int = 0
    unk: int = 1
    cls: int = 2
    sep: int = 3
    dec: int = 4
    enc: int = 5


@dataclass(frozen=True)
class Architecture(Described):
    """Sizes of a MED: a vision transformer and a text transformer that reads it.

    Lengths are in pixels (`image_size`, `patch_size`) or features. The image and text widths may
    differ; cross-attention projects from one to the other. `embed_dim` is the length of ITC's
    vectors, which a model that only captions or answers has none of.
    """

    image_size: int
    patch_size: int
    vision_width: int
    vision_layers: int
    vision_heads: int
    vision_mlp: int
    vocab_size: int
    text_width: int
    text_layers: int
    text_heads: int
    text_mlp: int
    max_positions: int
    embed_dim: int
    vision_eps: float = 1e-6
    text_eps: float = 1e-12

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            types = (int, float) if field.type == "float" else (int,)
            if not isinstance(value, types) or isinstance(value, bool) or value <= 0:
                raise ArchitectureError(
                    f"{field.name} is {value!r}; it must be a positive {field.type}"
                )
        self._require_multiple("image_size", "patch_size")
        self._require_multiple("vision_width", "vision_heads")
        self._require_multiple("text_width", "text_heads")

    def _require_multiple(self, whole: str, part: str) -> None:
        if getattr(self, whole) % getattr(self, part):
            raise ArchitectureError(
                f"{whole} {getattr(self, whole)} is not a multiple of {part} {getattr(self, part)}"
            )

    @property
    def image_tokens(self) -> int:
        """Length of the vision transformer's output: one token per patch, and [CLS]."""
        return (self.image_size // self.patch_size) ** 2 + 1
