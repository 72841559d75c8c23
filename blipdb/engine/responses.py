"""Error responses: HTTP status, SQLSTATE, message, hint."""

from __future__ import annotations

import logging
from typing import Final

from ..errors import BlipdbError, ImageError, ModelError, UsageError

log = logging.getLogger(__name__)

# SQLSTATEs, by appendix A of PostgreSQL's documentation.
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


class ErrorResponse(Exception):  # noqa: N818 - a response, not a fault of ours
    """An error as the response to a request."""

    def __init__(self, status: int, sqlstate: str, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.answer = {"sqlstate": sqlstate, "message": message, "hint": hint}


def error_response(error: Exception) -> ErrorResponse:
    """Translate an error to the response to the caller."""
    match error:
        case ErrorResponse():
            return error
        case ImageError(reason=reason):
            return ErrorResponse(400, INVALID_BINARY, f"the image is refused: {reason}")
        case UsageError(message=message, hint=hint):
            return ErrorResponse(400, INVALID_PARAMETER, message, hint)
        case ModelError(message=message, hint=hint):
            return ErrorResponse(409, NOT_IN_STATE, message, hint)
        case BlipdbError(message=message, hint=hint):
            return ErrorResponse(500, INTERNAL, message, hint)
        case ValueError():
            hint = "The stored tokens may be another model's; blip_failures() may say more."
            return ErrorResponse(
                400, DATA_CORRUPTED, f"the request does not fit the model: {error}", hint
            )
    if isinstance(error, MemoryError) or "bad_alloc" in str(error):
        return ErrorResponse(503, OUT_OF_MEMORY, "the blipdb engine is out of memory", "Try again.")
    log.exception("a request failed")
    reason = f"the blipdb engine failed: {type(error).__name__}: {error}"
    return ErrorResponse(
        500, INTERNAL, reason, "Its log, in the log folder of the home, says more."
    )
