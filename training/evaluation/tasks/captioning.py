"""Captions of a dataset's images by BLIP's protocol (arXiv 2201.12086, section 5.2): beam search
with 3 beams, 5 to 20 tokens, of which [DEC] and the prompt are a part."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from blipdb.errors import UsageError
from blipdb.model.artifact import Decoding
from blipdb.model.generate import Rules

from ...datasets.sample import DataError, ImageSource, Sample
from ...datasets.transforms import Pixels
from .decoder import captioner, search
from .models import TorchModel
from .progress import Show, silent
from .reading import read_ahead, see_image

PARTS = ("vision_model", "text_decoder")


def opening(model: TorchModel, decoding: Decoding) -> list[int]:
    """Tokens before the first generated one: [DEC], and the prompt's."""
    return [model.source.special.dec, *model.texts.words(decoding.prompt)]


def rules(model: TorchModel, decoding: Decoding) -> Rules:
    """Constraints on the tokens behind the opening; the decoding's lengths count the opening's too.

    Raises:
        UsageError: the prompt leaves no room for a caption.
    """
    special, begun = model.source.special, len(opening(model, decoding))
    room = min(decoding.max_length, model.source.arch.max_positions) - begun
    if room < 1:
        raise UsageError(
            f"The prompt {decoding.prompt!r} has {begun} tokens with [DEC]; captions have"
            f" {decoding.max_length} at most."
        )
    never = [token for token in special.to_dict().values() if token != special.sep]
    least = min(max(decoding.min_length - begun, 0), room - 1)
    return Rules(special.dec, special.sep, never, least, room)


def without_prompt(model: TorchModel, begun: Sequence[int], token_ids: Sequence[int]) -> str:
    """Decode the text behind an opening; like BLIP, cut the prompt by its number of characters."""
    prompt = list(begun[1:])
    return model.texts.decode([*prompt, *token_ids])[len(model.texts.decode(prompt)) :].strip()


def read_images(samples: Sequence[Sample]) -> tuple[dict[str, ImageSource], dict[str, list[str]]]:
    """Unique images with people's captions of them, by id in the dataset, or by key.

    Raises:
        DataError: two images have the same id.
    """
    images: dict[str, ImageSource] = {}
    references: dict[str, list[str]] = {}
    keys: dict[str, str] = {}
    for sample in samples:
        name = sample.id or sample.key
        if keys.setdefault(name, sample.key) != sample.key:
            raise DataError(f"{name} is the id of {keys[name]} and of {sample.key}")
        images.setdefault(name, sample.images[0])
        references.setdefault(name, []).append(sample.text)
    return images, references


@torch.inference_mode()
def caption(
    model: TorchModel,
    images: Sequence[ImageSource],
    decoding: Decoding,
    *,
    batch: int,
    show: Show = silent,
) -> list[str]:
    """Write a caption of each image, without the prompt.

    Raises:
        ModelError: the model has no captioner.
        UsageError: the prompt is too long.
        DataError: an image can't be read.
    """
    model.require("captioning", *PARTS)
    begun, allowed = opening(model, decoding), rules(model, decoding)
    size, texts = model.source.arch.image_size, list[str]()

    def see(image: ImageSource) -> Pixels:
        return see_image(image, size)

    for pixels in read_ahead(see, images, batch):
        tokens = model.med.image_tokens(model.pixels(np.concatenate(pixels)))
        decoder = captioner(model.med, tokens, begun)
        sequences = search(decoder, len(tokens), allowed, decoding.beams)
        texts += [without_prompt(model, begun, ids) for ids in sequences]
        show("captions", len(texts), len(images))
    return texts
