"""Image encoder: pixels to the ITC vector and the image tokens, quantised as they are stored."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..architecture import Architecture
from ..compute import EXACT, Compute
from .builder import Array, Builder
from .integers import product
from .layers import exact_linear, linear, look, thirds, weighted
from .merge import merge
from .weights import INT8_MAX, Weights, quantised


def build(
    weights: Weights,
    arch: Architecture,
    mean: Sequence[float],
    std: Sequence[float],
    *,
    compute: Compute = EXACT,
    itc: bool = True,
) -> bytes:
    """pixels uint8 [B, S, S, 3] -> itc float32 [B, E], tokens int8 [B, N, D], scales [B, N]; where
    tokens are merged, scales [B, N, 2] hold their sizes too.

    Without `itc`, for a model that is not for retrieval, there is no such output.
    """
    g = Builder("image", weights, integer=compute.integer)
    size, count, width = arch.image_size, arch.image_tokens, arch.vision_width
    pixels = g.input("pixels", np.uint8, ["images", size, size, 3])
    x = _embed(g, pixels, arch, np.asarray(mean), np.asarray(std))
    for number in range(arch.vision_layers):
        x = _layer(g, x, arch, f"vision_model.encoder.layers.{number}")
    x = g.layer_norm(x, "vision_model.post_layernorm", arch.vision_eps)
    x = g.reshape(x, -1, count, width)
    vector = g.normalize(exact_linear(g, g.entry(x, 0, axis=1), "vision_proj")) if itc else None
    count = compute.stored(arch)
    sizes = None
    if compute.merges:
        x, sizes = merge(g, x, count)
    tokens, scales = _quantise(g, x)
    if sizes is not None:
        scales = g.concat(g.unsqueeze(scales, -1), g.unsqueeze(sizes, -1), axis=2)
    if vector is not None:
        g.output(vector, "itc", np.float32, ["images", arch.embed_dim])
    g.output(tokens, "tokens", np.int8, ["images", count, width])
    g.output(scales, "scales", np.float32, ["images", count, *([2] if compute.merges else [])])
    return g.serialize()


def _embed(g: Builder, pixels: str, arch: Architecture, mean: Array, std: Array) -> str:
    """Patches, normalised and linearly embedded, behind the class token -> rows [B * N, D]."""
    side, patch, width = arch.image_size // arch.patch_size, arch.patch_size, arch.vision_width
    name = "vision_model.embeddings"
    # The convolution's stride is its size, so it is one product; and pixels are normalised by their
    # channel alone, which the kernel can do as well.
    kernel = g.array(f"{name}.patch_embedding.weight").astype(np.float64)
    bias = g.array(f"{name}.patch_embedding.bias") - (kernel.sum((2, 3)) * mean / std).sum(1)
    kernel = (kernel / (255 * std[:, None, None])).reshape(width, -1)
    g.keep(f"{name}.patch_embedding.weight")
    g.keep(f"{name}.patch_embedding.bias")
    x = g.reshape(pixels, -1, side, patch, side, patch, 3)
    x = g.reshape(g.transpose(x, 0, 1, 3, 5, 2, 4), -1, 3 * patch * patch)  # channel, y, x
    if g.integer:
        levels, scales = quantised(kernel)
        right = g.constant(levels.T, np.int8)
        x = product(g, x, right, g.constant(scales, np.float32), middle=0)  # pixels are levels
    else:
        x = g.matmul(g.cast(x, np.float32), g.constant(kernel.T, np.float32))
    x = g.reshape(g.add(x, g.constant(bias, np.float32)), -1, side * side, width)
    start = g.op("Expand", g.weight(f"{name}.class_embedding"), g.shape(g.size(x, 0), 1, width))
    x = g.add(g.concat(start, x, axis=1), g.weight(f"{name}.position_embedding"))
    return g.reshape(x, -1, width)


def _layer(g: Builder, x: str, arch: Architecture, name: str) -> str:
    """Pre-LN transformer layer on rows [B * N, D]."""
    x = g.add(x, _attention(g, g.layer_norm(x, f"{name}.layer_norm1", arch.vision_eps), arch, name))
    inner = linear(g, g.layer_norm(x, f"{name}.layer_norm2", arch.vision_eps), f"{name}.mlp.fc1")
    return g.add(x, linear(g, g.gelu(inner), f"{name}.mlp.fc2"))


def _attention(g: Builder, x: str, arch: Architecture, name: str) -> str:
    """Without the biases of keys and values: the first add the same to every score of a query, and
    cancel in the softmax; the second, as shares sum to 1, are added to the output's instead."""
    width, qkv, output = arch.vision_width, f"{name}.self_attn.qkv", f"{name}.self_attn.projection"
    q, k, v = thirds(g, x, f"{qkv}.weight")
    query_bias, _, value_bias = np.split(g.array(f"{qkv}.bias").astype(np.float32), 3)
    weight = g.array(f"{output}.weight").astype(np.float32)
    bias = g.array(f"{output}.bias").astype(np.float32) + weight @ value_bias
    g.keep(f"{qkv}.bias")
    g.keep(f"{output}.bias")
    q = g.add(q, g.constant(query_bias, np.float32))
    q, k, v = (g.reshape(part, -1, arch.image_tokens, width) for part in (q, k, v))
    attended = g.reshape(look(g, q, k, v, arch.vision_heads), -1, width)
    return weighted(g, attended, f"{output}.weight", g.constant(bias, np.float32))


def _quantise(g: Builder, x: str) -> tuple[str, str]:
    """float32 [B, N, D] -> symmetric int8 [B, N, D] and a scale per token [B, N].

    A scale per token, as a shared one would make a result depend on the batch around it.
    """
    peak = g.op("ReduceMax", g.op("Abs", x), g.ints(-1), keepdims=1)
    scales = g.divide(peak, g.number(INT8_MAX))
    divisor = g.where(g.op("Greater", scales, g.number(0)), scales, g.number(1))
    levels = g.op("Round", g.divide(x, divisor))  # half to even
    return g.cast(levels, np.int8), g.squeeze(scales, -1)
