"""Generation options of a captioner, stored beside the captions that it wrote."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import Any
from uuid import UUID

from ..errors import UsageError

BEAMS = 3  # BLIP, section 4.2: captions of COCO by a beam of three


@dataclass(frozen=True)
class Writing:
    """Generation options of captions: beam search or nucleus sampling."""

    beams: int | None = BEAMS
    nucleus: float | None = None  # its mass, for sampling instead of beams; CapFilt's is 0.9
    seed: int = 0  # with an image's id, it determines the image's random numbers in any batch
    min_tokens: int | None = None  # as in `Runtime.caption`
    max_tokens: int | None = None  # as in `Runtime.caption`

    def __post_init__(self) -> None:
        if (self.beams is None) == (self.nucleus is None):
            raise UsageError("Captions are written either by beams or from a nucleus; give one.")

    def options(self, image_ids: list[UUID]) -> dict[str, Any]:
        """Keyword arguments of `Runtime.caption` for these images."""
        lengths = {"min_tokens": self.min_tokens, "max_tokens": self.max_tokens}
        if self.nucleus is None:
            return {**lengths, "beams": self.beams}
        return {**lengths, "nucleus": self.nucleus, "seed": [self._seed(id) for id in image_ids]}

    def _seed(self, image_id: UUID) -> int:
        digest = blake2b(image_id.bytes, digest_size=7, salt=self.seed.to_bytes(16, "big"))
        return int.from_bytes(digest.digest(), "big")

    def to_dict(self) -> dict[str, Any]:
        """Content of `blip.captions.decoding`."""
        how = {"beams": self.beams, "nucleus": self.nucleus}
        if self.nucleus is not None:
            how["seed"] = self.seed
        how |= {"min_tokens": self.min_tokens, "max_tokens": self.max_tokens}
        return {name: value for name, value in how.items() if value is not None}


USUAL = Writing()
