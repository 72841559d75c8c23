"""``blipdb models export --to hf``: an artifact as a folder that transformers loads."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, processors

from ..errors import ModelError, UsageError
from ..model.architecture import Architecture
from ..model.artifact import TOKENIZER, Artifact, Manifest
from ..model.graphs.weights import shapes
from .convert import BICUBIC, CONFIG, GELU, PREFIX, PROCESSOR, README
from .weights import SAFETENSORS

CLASSES = {
    "retrieval": "BlipForImageTextRetrieval",
    "captioner": "BlipForConditionalGeneration",
    "answerer": "BlipForQuestionAnswering",
}
"""Classes of transformers, one for each role."""
TOKENIZER_CONFIG = "tokenizer_config.json"

Json = dict[str, Any]


def export(artifact: Artifact, out: Path, role: str | None = None) -> str:
    """Write what transformers loads into the folder ``out``, which is made; the name of the class
    that loads it. ``role`` is which of the model's roles, where it has several.

    The weights are the artifact's, in float32: `convert` makes the same graphs of them again.

    Raises:
        UsageError: the model has no such role, or several and none was named; ``out`` is not empty.
        ModelError: transformers has no class that this model fits into; a file was altered.
    """
    manifest = artifact.manifest
    role = _role(manifest, role)
    _check_widths(manifest.architecture, role)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} is there already, and not empty.", "Name another folder.")
    beside = out.with_name(f".{out.name}.partial")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    try:
        _write(artifact, role, beside)
        if out.exists():
            out.rmdir()
        beside.rename(out)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return CLASSES[role]


def _role(manifest: Manifest, wanted: str | None) -> str:
    able = [role for role in CLASSES if role in manifest.roles]
    if wanted is None and len(able) == 1:
        return able[0]
    if wanted is None:
        raise UsageError(
            f"The model {manifest.name} is {' and '.join(able)}, and transformers has a class for "
            "each.",
            f"Say which, as in: --role {able[0]}" if able else None,
        )
    if wanted not in able:
        raise UsageError(f"The model {manifest.name} is no {wanted}; it is {', '.join(able)}.")
    return wanted


def _check_widths(arch: Architecture, role: str) -> None:
    if role == "answerer" and arch.vision_width != arch.text_width:
        raise ModelError(
            f"transformers can't hold this model: the decoder of its {CLASSES[role]} looks at as "
            f"many features as an image has, {arch.vision_width}, and this one at the question's "
            f"{arch.text_width}."
        )


def _write(artifact: Artifact, role: str, folder: Path) -> None:
    from safetensors.numpy import save_file  # numpy and onnx are slow to import; so late

    manifest = artifact.manifest
    state = artifact.state_dict()
    weights = {name: state[name] for name in shapes(manifest.architecture, (role,))}
    save_file(weights, folder / SAFETENSORS, {"format": "pt"})
    tokenizer = Tokenizer.from_str(artifact.read(TOKENIZER).decode())
    special = manifest.special_tokens
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", special.cls), ("[SEP]", special.sep)]
    )
    tokenizer.save(str(folder / TOKENIZER))
    for name, values in {
        CONFIG: _config(manifest, role),
        PROCESSOR: _processor(manifest),
        TOKENIZER_CONFIG: _tokenizer_config(manifest),
    }.items():
        (folder / name).write_text(json.dumps(values, indent=2) + "\n")
    (folder / README).write_text(_readme(manifest, role))


def _config(manifest: Manifest, role: str) -> Json:
    """Settings, with those in which transformers' defaults differ from BLIP: heads and epsilons
    among them."""
    arch, special = manifest.architecture, manifest.special_tokens
    text = {
        "model_type": "blip_text_model",
        "vocab_size": arch.vocab_size,
        "hidden_size": arch.text_width,
        "encoder_hidden_size": arch.vision_width,
        "intermediate_size": arch.text_mlp,
        "num_hidden_layers": arch.text_layers,
        "num_attention_heads": arch.text_heads,
        "max_position_embeddings": arch.max_positions,
        "layer_norm_eps": arch.text_eps,
        "hidden_act": GELU,
        "pad_token_id": special.pad,
        "bos_token_id": special.dec,
        "eos_token_id": special.sep,
        "sep_token_id": special.sep,
    }
    vision = {
        "model_type": "blip_vision_model",
        "image_size": arch.image_size,
        "patch_size": arch.patch_size,
        "hidden_size": arch.vision_width,
        "intermediate_size": arch.vision_mlp,
        "num_hidden_layers": arch.vision_layers,
        "num_attention_heads": arch.vision_heads,
        "layer_norm_eps": arch.vision_eps,
        "hidden_act": GELU,
    }
    config: Json = {
        "architectures": [CLASSES[role]],
        "model_type": "blip",
        "image_text_hidden_size": arch.embed_dim,
        "text_config": text,
        "vision_config": vision,
    }
    if role == "captioner":
        config[PREFIX] = manifest.decoding.prompt if manifest.decoding else ""
    return config


def _processor(manifest: Manifest) -> Json:
    image = manifest.image
    return {
        "image_processor_type": "BlipImageProcessor",
        "processor_class": "BlipProcessor",
        "do_convert_rgb": True,
        "do_resize": True,
        "size": {"height": image.size, "width": image.size},
        "resample": BICUBIC,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": list(image.mean),
        "image_std": list(image.std),
    }


def _tokenizer_config(manifest: Manifest) -> Json:
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",  # as tokenizer.json has it, whatever it is
        "processor_class": "BlipProcessor",
        "model_input_names": ["input_ids", "attention_mask"],
        "model_max_length": manifest.architecture.max_positions,
        "pad_token": "[PAD]",
        "unk_token": "[UNK]",
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "bos_token": "[DEC]",
        "additional_special_tokens": ["[ENC]"],
    }


def _readme(manifest: Manifest, role: str) -> str:
    special = manifest.special_tokens
    asked = {
        "retrieval": f"For ITM put [ENC] ({special.enc}) in the place of each text's first token.",
        "captioner": "Captions are written by three beams.",
        "answerer": (
            f"Put [ENC] ({special.enc}) in the place of each question's first token, and ask one "
            "question at a time: padding of questions is not masked there. Three beams, at most "
            "ten tokens."
        ),
    }[role]
    if role == "captioner" and manifest.decoding:
        asked = (
            f"Captions are written behind the prompt {manifest.decoding.prompt!r}, by three beams, "
            f"{manifest.decoding.min_length} to {manifest.decoding.max_length} tokens with it."
        )
    return (
        f"# {manifest.name}\n\nA BLIP (arXiv 2201.12086) that knows {manifest.knows}.\n\n"
        f"Exported by blipdb for transformers' {CLASSES[role]}; its weights are rounded to "
        f"{manifest.compute.weights} and stored as float32. {asked}\n"
    )
