"""BLIP's three kinds of checkpoint as transformers and Salesforce publish them, with random weights
and any sizes: retrieval, captioner, answerer."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import (
    BlipConfig,
    BlipForConditionalGeneration,
    BlipForImageTextRetrieval,
    BlipForQuestionAnswering,
)
from transformers.models.blip.modeling_blip_text import BlipTextLMHeadModel

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "red", "blue", "bi", "##cycle", "dog",
         "picture", "of", "is", "the", "?", "."]  # fmt: skip
VOCABULARY = len(WORDS) + 2  # [DEC] and [ENC]

TINY: dict[str, dict[str, Any]] = {
    "vision_config": {
        "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
        "num_attention_heads": 4, "image_size": 24, "patch_size": 8,
    },
    "text_config": {
        "vocab_size": VOCABULARY, "hidden_size": 24, "intermediate_size": 40,
        "num_hidden_layers": 2, "num_attention_heads": 3, "max_position_embeddings": 24,
        "bos_token_id": VOCABULARY - 2, "sep_token_id": 3, "eos_token_id": 3,
    },
}  # fmt: skip
BASE: dict[str, dict[str, Any]] = {
    "vision_config": {
        "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12,
        "num_attention_heads": 12, "image_size": 384, "patch_size": 16,
    },
    "text_config": {"num_attention_heads": 12},
}  # fmt: skip
LARGE: dict[str, dict[str, Any]] = {
    "vision_config": {
        "hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24,
        "num_attention_heads": 16, "image_size": 384, "patch_size": 16,
    },
    "text_config": {"num_attention_heads": 12},
}  # fmt: skip

DRAWN = 100_003  # numbers of a weight; larger ones repeat them, which as a prime aligns no rows

KINDS = {
    "retrieval": BlipForImageTextRetrieval,
    "captioner": BlipForConditionalGeneration,
    "answerer": BlipForQuestionAnswering,
}


def configuration(sizes: Mapping[str, Mapping[str, Any]], **more: Any) -> BlipConfig:
    """Of these sizes, with the paper's epsilons; 16 features for ITC where the model is tiny."""
    vision = {"layer_norm_eps": 1e-6} | dict(sizes["vision_config"])
    text = {"layer_norm_eps": 1e-12} | dict(sizes["text_config"])
    dims = 16 if sizes is TINY else 256
    settings: dict[str, Any] = {"image_text_hidden_size": dims} | more
    return BlipConfig(vision_config=vision, text_config=text, **settings)


def made(kind: str, config: BlipConfig, seed: int = 1) -> Any:
    """One of transformers' models, ready to be asked, every one of its weights random."""
    return settled(planned(kind, config), seed)


def planned(kind: str, config: BlipConfig) -> Any:
    """A model without memory for its weights yet.

    The decoder of an answerer looks at the question's states, as the paper has it and Salesforce
    builds it; transformers' is as wide as the image, and fails where that is another width.
    """
    with torch.device("meta"):
        model = KINDS[kind](config)
        if kind == "answerer":
            text: Any = copy.deepcopy(config.text_config)
            text.encoder_hidden_size = text.hidden_size
            model.text_decoder = BlipTextLMHeadModel(text)
    return model


def settled(model: Any, seed: int = 1) -> Any:
    """With random weights, where they are to be; models may share modules."""
    model.to_empty(device="cpu")
    for module in model.modules():
        if isinstance(module, BlipTextLMHeadModel):
            head = module.cls.predictions
            head.decoder.weight = module.bert.embeddings.word_embeddings.weight
            head.bias = head.decoder.bias
        if isinstance(ids := getattr(module, "position_ids", None), Tensor):
            ids.copy_(torch.arange(ids.shape[-1])[None])  # it is computed, not stored
    fill(model, seed)
    return model.train(False)


def fill(model: nn.Module, seed: int) -> None:
    """Weights of such a spread that what goes in is seen in what comes out, and norms around 1."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            inputs = parameter[0].numel() if parameter.ndim > 1 else 1
            spread = 0.1 if parameter.ndim == 1 else min(0.3, inputs**-0.5)
            count = parameter.numel()
            drawn = torch.empty(min(count, DRAWN)).normal_(0, spread, generator=generator)
            parameter.copy_(drawn.repeat(-(-count // DRAWN))[:count].view_as(parameter))
            if "norm" in name.lower() and name.endswith("weight"):
                parameter.add_(1)


def write(model: Any, folder: Path, words: Iterable[str] = WORDS) -> Path:
    """As `save_pretrained` leaves it, with BERT's list of pieces."""
    model.save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(words))
    return folder


def salesforce(name: str) -> str:
    """The name that a weight has in Salesforce's files."""
    layer, block = r"^vision_model\.encoder\.layers\.(\d+)\.", r"visual_encoder.blocks.\1."
    for new, old in (
        (layer + "layer_norm", block + "norm"),
        (layer + r"self_attn\.qkv", block + "attn.qkv"),
        (layer + r"self_attn\.projection", block + "attn.proj"),
        (layer, block),
        (r"^vision_model\.post_layernorm", "visual_encoder.norm"),
        (r"^vision_model\.embeddings\.class_embedding", "visual_encoder.cls_token"),
        (r"^vision_model\.embeddings\.position_embedding", "visual_encoder.pos_embed"),
        (r"^vision_model\.embeddings\.patch_embedding", "visual_encoder.patch_embed.proj"),
    ):
        name = re.sub(new, old, name)
    return name


def renamed(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state dict as Salesforce's files hold it, with the buffer that BERT had then."""
    found = {salesforce(name): value for name, value in state.items()}
    positions = [name for name in found if name.endswith("embeddings.position_embeddings.weight")]
    for name in positions:
        buffer = name.replace("position_embeddings.weight", "position_ids")
        found[buffer] = torch.arange(len(found[name]))[None]
    return found


def leftovers(state: Mapping[str, Tensor], size: int) -> dict[str, Tensor]:
    """Remains of training in Salesforce's files of retrieval: momentum copies and queues."""
    parts = r"^(visual_encoder|text_encoder|vision_proj|text_proj)\."
    momentum = {
        re.sub(parts, r"\1_m.", name): value for name, value in state.items()
        if re.match(parts, name)
    }  # fmt: skip
    return momentum | {
        "image_queue": torch.zeros(size, 8), "text_queue": torch.zeros(size, 8),
        "queue_ptr": torch.zeros(1), "ptr_queue": torch.zeros(1), "idx_queue": torch.zeros(1, 8),
    }  # fmt: skip
