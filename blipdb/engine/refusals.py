"""Errors as a caller is told them: HTTP status, SQLSTATE, message, hint."""

from __future__ import annotations

import logging
from typing import Final

from ..errors import BlipdbError, ImageError, ModelError, UsageError

log = logging.getLogger(__name__)

# SQLSTATEs, from PostgreSQL's documentation, appendix A.
INVALID_PARAMETER: Final = "22023"
INVALID_BINARY: Final = "22P03"
NOT_IN_STATE: Final = "55000"
TOO_BUSY: Final = "53400"
OUT_OF_MEMORY: Final = "53200"
TOO_LARGE: Final = "54000"
SHUTDOWN: Final = "57P01"
FORBIDDEN: Final = "42501"
UNDEFINED_FUNCTION: Final = "42883"
PROTOCOL_VIOLATION: Final = "08P01"
DATA_CORRUPTED: Final = "XX001"
INTERNAL: Final = "XX000"


class Refusal(Exception):  # noqa: N818 - an answer like any other, not a fault of ours
    """A request that gets an error: HTTP status, SQLSTATE, message, hint."""

    def __init__(self, status: int, sqlstate: str, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.answer = {"sqlstate": sqlstate, "message": message, "hint": hint}


def refusal(error: Exception) -> Refusal:
    """What the caller is told of an error."""
    match error:
        case Refusal():
            return error
        case ImageError(reason=reason):
            return Refusal(400, INVALID_BINARY, f"the image is refused: {reason}")
        case UsageError(message=message, hint=hint):
            return Refusal(400, INVALID_PARAMETER, message, hint)
        case ModelError(message=message, hint=hint):
            return Refusal(409, NOT_IN_STATE, message, hint)
        case BlipdbError(message=message, hint=hint):
            return Refusal(500, INTERNAL, message, hint)
        case ValueError():
            hint = "The stored tokens may be another model's; blip_failures() may say more."
            return Refusal(
                400, DATA_CORRUPTED, f"the request does not fit the model: {error}", hint
            )
    if isinstance(error, MemoryError) or "bad_alloc" in str(error):
        return Refusal(503, OUT_OF_MEMORY, "the blipdb engine is out of memory", "Try again.")
    log.exception("a request failed")
    reason = f"the blipdb engine failed: {type(error).__name__}: {error}"
    return Refusal(500, INTERNAL, reason, "Its log, in the log folder of the home, says more.")
