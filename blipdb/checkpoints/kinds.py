"""Roles of a checkpoint, read from its weights' names; what it looks like where it is no BLIP."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from ..errors import ModelError
from ..model.artifact import ROLES
from ..model.graphs.weights import TIED, Shape

HEADS = ("vision_proj.", "text_proj.", "itm_head.")
"""Heads of retrieval: ITC's projections, and ITM's."""
TEMPERATURE = "temp"

_OTHERS = {
    r"query_tokens$|[qQ]former\.|language_model\.|opt_model\.|t5_model\.|language_projection\.": (
        "a BLIP-2, or another that puts an image before a language model"
    ),
    r"cls_head\.|.*\.crossattention\.self[01]\.": (
        "a BLIP for two images (NLVR2), which search has no use for"
    ),
    r"text_encoder\.(bert|cls)\.": "an ALBEF",
    r"text_model\.encoder\.layer\.": (
        "transformers' BlipModel, whose projections no published checkpoint has"
    ),
    r"(visual\.)?transformer\.resblocks\.|text_model\.encoder\.layers\.|visual\.(conv1|trunk)": (
        "a CLIP"
    ),
    r".*\.self_attn\.(q|k|v|out)_proj\.": "a CLIP, or a language model",
    r"bert\.|encoder\.layer\.|embeddings\.": "a BERT",
    r"(vit|deit)\.|blocks\.\d+\.|cls_token$": "a vision transformer alone",
}
_WANTED = "A BLIP is wanted that retrieves (ITC and ITM), captions, or answers questions."


def roles_of(names: Collection[str], config: Mapping[str, Any] | None = None) -> tuple[str, ...]:
    """Return the roles of a checkpoint with weights of these names, Hugging Face's.

    retrieval: a text encoder, and a head of it. captioner: a decoder; both of them as it was
    pretrained. answerer: a text encoder and a decoder without heads, as in salesforce/BLIP's and
    transformers' models for questions.

    Raises:
        ModelError: it is no BLIP, or none that can be used; says what it looks like.
    """

    def has(*beginnings: str) -> bool:
        return any(name.startswith(beginnings) for name in names)

    for pattern, other in _OTHERS.items():
        if found := next((name for name in names if re.match(pattern, name)), None):
            raise ModelError(f"This looks like {other}: it has a weight {found}.", _WANTED)
    encoder, decoder, heads = has("text_encoder."), has("text_decoder."), has(*HEADS)
    if has("vision_model.") and (encoder or decoder):
        if heads:
            return ("retrieval", "captioner") if decoder else ("retrieval",)
        if decoder:
            return ("answerer",) if encoder else ("captioner",)
    raise ModelError(_unknown(names, config or {}), _WANTED)


def check_names(
    names: Collection[str], wanted: Mapping[str, Shape], roles: Collection[str]
) -> None:
    """Check weights' names against those of a model with these roles.

    Raises:
        ModelError: weights are missing, or have no place in a model with these roles; names one.
    """
    missing = [name for name in wanted if name not in names]
    extra = sorted(set(names) - wanted.keys() - TIED.keys() - {TEMPERATURE})
    if not missing and not extra:
        return
    said = []
    if missing:
        said.append(f"{_weights(missing)} missing, the first is {missing[0]}")
    if extra:
        said.append(f"{_weights(extra)} unknown, the first is {extra[0]}")
    kind = " and ".join(role for role in ROLES if role in roles)
    raise ModelError(
        f"{'; '.join(said)}.",
        f"By its other weights this is a BLIP for: {kind}.",
    )


def _unknown(names: Collection[str], config: Mapping[str, Any]) -> str:
    if not names:
        return "The checkpoint holds no weights."
    kind = config.get("model_type")
    says = f", and its config.json says model_type {kind!r}" if kind not in (None, "blip") else ""
    first = ", ".join(sorted(names)[:3])
    if any(name.startswith("text_encoder.") for name in names):
        return (
            "The checkpoint has a text encoder, and neither heads for retrieval "
            f"({', '.join(name.rstrip('.') for name in HEADS)}) nor a decoder{says}."
        )
    return f"The checkpoint is no BLIP that blipdb knows: its weights begin with {first}{says}."


def _weights(names: Collection[str]) -> str:
    return f"{len(names)} weight is" if len(names) == 1 else f"{len(names)} weights are"
