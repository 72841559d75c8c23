"""Generation options: a call's own, else the manifest's, else BLIP's defaults."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import UsageError
from .artifact import Manifest
from .generate import Rules
from .tokenizer import Tokenizer

DEFAULT_BEAMS = 3  # BLIP, section 4.2
MAX_BEAMS = 16


def opening_tokens(manifest: Manifest, tokenizer: Tokenizer) -> list[int]:
    """Return the tokens before the first generated one: [DEC] and the prompt's."""
    dec = manifest.special_tokens.dec
    prompt = manifest.decoding.prompt if manifest.decoding else ""
    return tokenizer.encode(prompt, dec)[:-1] if prompt else [dec]


def text_behind(tokenizer: Tokenizer, begun: Sequence[int], token_ids: Sequence[int]) -> str:
    """Decode the generated text behind an opening, without the prompt."""
    prompt = list(begun[1:])
    whole, start = (tokenizer.decode(ids) for ids in ([*prompt, *token_ids], prompt))
    return whole[len(start) :].strip()


def generation_rules(
    manifest: Manifest, begun: int, min_tokens: int | None = None, max_tokens: int | None = None
) -> Rules:
    """Make the constraints on the text behind an opening of ``begun`` tokens.

    Raises:
        UsageError: a number of tokens is out of its range.
    """
    special, decoding = manifest.special_tokens, manifest.decoding
    if decoding is None:
        least, most = 1, manifest.max_tokens - begun
        room = most
    else:
        least, most = max(0, decoding.min_length - begun), decoding.max_length - begun
        room = manifest.architecture.max_positions - begun
    if max_tokens is not None:
        most = check_range("max_tokens", max_tokens, 1, room)
    least = min(least, most - 1)
    if min_tokens is not None:
        least = check_range("min_tokens", min_tokens, 0, most - 1)
    never = [token for token in special.to_dict().values() if token != special.sep]
    return Rules(special.dec, special.sep, never, least, most)


def beam_count(manifest: Manifest, beams: int | None = None) -> int:
    """Return the number of beams: `beams`, else the manifest's, else BLIP's default.

    Raises:
        UsageError: so many can't be.
    """
    if beams is not None:
        return check_range("beams", beams, 1, MAX_BEAMS)
    return manifest.decoding.beams if manifest.decoding else DEFAULT_BEAMS


def check_range(name: str, value: int, low: int, high: int) -> int:
    if not low <= value <= high:
        raise UsageError(f"{name} is {value}; it must be from {low} to {high}.")
    return value
