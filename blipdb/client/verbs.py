"""The operations of a client, computed by the server's functions or in this process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from ..database.steps import Steps
from .arguments import Decoding, Scope
from .results import Caption, Count, Failed, Hit

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class Verbs(Protocol):
    """Operations named like the SQL functions, with their arguments. None stands for an argument
    that is left out."""

    one_statement: bool
    """Whether each operation that reads is a single statement, and so needs no transaction."""

    def search(self, query: str | bytes, scope: Scope) -> Steps[list[Hit]]: ...

    def similar(self, image_id: UUID, scope: Scope) -> Steps[list[Hit]]: ...

    def rerank(self, query: str, image_ids: Sequence[UUID], scope: Scope) -> Steps[list[Hit]]: ...

    def embed(self, query: str | bytes, *, model: str | None) -> Steps[npt.NDArray[np.float32]]: ...

    def match(self, image: UUID | bytes, query: str, *, model: str | None) -> Steps[float]: ...

    def caption(
        self, image: UUID | bytes, decoding: Decoding, *, model: str | None
    ) -> Steps[str]: ...

    def captions(self, image_id: UUID) -> Steps[list[Caption]]: ...

    def answer(
        self,
        image: UUID | bytes,
        question: str,
        *,
        among: Sequence[str] | None,
        model: str | None,
    ) -> Steps[str]: ...

    def add(
        self,
        image: bytes,
        *,
        uri: str | None,
        caption: str | None,
        metadata: Mapping[str, Any] | None,
        space: str | None,
    ) -> Steps[UUID]: ...

    def status(self) -> Steps[list[Count]]: ...

    def failures(self) -> Steps[list[Failed]]: ...
