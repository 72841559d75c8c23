"""MED, BLIP's multimodal mixture of encoder and decoder (arXiv 2201.12086, section 3.1).

A vision transformer (pre-LN) and a BERT-like text transformer (post-LN) with cross-attention.
The text transformer works in three modes: as a unimodal encoder (ITC), as an image-grounded
encoder (ITM) and as an image-grounded decoder (LM). Encoder and decoder share everything but
self-attention, by parameter identity. Names in the state dict are those of Hugging Face's BLIP.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from blipdb.model.architecture import Architecture, SpecialTokens

from ..run.config import USUAL_SHARING

TEMPERATURE_INIT = 0.07
TEMPERATURE_RANGE = (0.001, 0.5)
INIT_STD = 0.02  # BERT's and ViT's, at a width of 768
INIT_WIDTH = 768


class Memory(NamedTuple):
    """One layer's cross-attention keys and values of images, each [B, heads, N, head width]."""

    keys: Tensor
    values: Tensor

    def rows(self, index: Tensor) -> Memory:
        """The memory of the images at `index` [M], in that order."""
        # Not self.keys[index], whose gradient is added up by one core.
        return Memory(self.keys.index_select(0, index), self.values.index_select(0, index))

    def attend(self, queries: Tensor, mask: Tensor | None, dropout: float) -> Tensor:
        """queries [B, heads, L, head width] -> what they see, of the same shape."""
        return F.scaled_dot_product_attention(queries, *self, attn_mask=mask, dropout_p=dropout)


class PairMemory(NamedTuple):
    """Memory of pairs: of all images in order, `rounds` times, then of those at `image_rows`,
    without copies of the former."""

    images: Memory
    rounds: int
    image_rows: Tensor

    def attend(self, queries: Tensor, mask: Tensor | None, dropout: float) -> Tensor:
        """queries [rounds * B + len(image_rows), heads, L, head width]; there is no mask.

        Without one, the texts of an image may stand together as if they were one text.
        """
        assert mask is None
        count, shape = len(self.images.keys), queries.shape[1:]
        first, rest = torch.split(queries, [self.rounds * count, len(self.image_rows)])
        grouped = first.view(self.rounds, count, *shape).permute(1, 2, 0, 3, 4)
        context = self.images.attend(grouped.flatten(2, 3), None, dropout)
        context = context.view(count, shape[0], self.rounds, *shape[1:]).permute(2, 0, 1, 3, 4)
        more = self.images.rows(self.image_rows).attend(rest, None, dropout)
        return torch.cat([context.flatten(0, 1), more])


def split_heads(x: Tensor, heads: int) -> Tensor:
    """[B, L, D] -> [B, heads, L, D / heads]."""
    return x.view(*x.shape[:-1], heads, -1).transpose(1, 2)


def merge_heads(x: Tensor) -> Tensor:
    """[B, heads, L, D / heads] -> [B, L, D]."""
    return x.transpose(1, 2).flatten(-2)


class Recomputes:
    """Base of modules that may recompute their layers for the gradient instead of keeping them."""

    recomputes = False


def run_layer(layer: nn.Module, *inputs: Any, recomputes: bool) -> Tensor:
    """Run a layer; where it `recomputes`, its activations are not kept for the gradient but
    computed again (arXiv 1604.06174)."""
    if recomputes and torch.is_grad_enabled():
        return cast(Tensor, checkpoint(layer, *inputs, use_reentrant=False))
    return cast(Tensor, layer(*inputs))


class VisionEmbeddings(nn.Module):
    """Patches, linearly embedded, behind a class token, with learned positions."""

    def __init__(self, arch: Architecture) -> None:
        super().__init__()
        width, patch = arch.vision_width, arch.patch_size
        self.patch_size = patch
        self.class_embedding = nn.Parameter(torch.empty(1, 1, width))
        self.position_embedding = nn.Parameter(torch.empty(1, arch.image_tokens, width))
        self.patch_embedding = nn.Conv2d(3, width, kernel_size=patch, stride=patch)

    def forward(self, pixels: Tensor) -> Tensor:
        """[B, 3, S, S] normalised float -> [B, N, D]."""
        p = self.patch_size
        patches = pixels.unfold(2, p, p).unfold(3, p, p)  # [B, 3, S/p, S/p, p, p]
        patches = patches.permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(1, 2)
        # The convolution's stride is its size, so it is one product; faster so on a CPU.
        weight = self.patch_embedding.weight.flatten(1)
        embedded = F.linear(patches, weight, self.patch_embedding.bias)
        start = self.class_embedding.expand(len(pixels), -1, -1)
        return torch.cat([start, embedded], dim=1) + self.position_embedding


class VisionAttention(nn.Module):
    """Self-attention with one product for query, key and value."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.projection = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (split_heads(part, self.heads) for part in self.qkv(x).chunk(3, dim=-1))
        attended = F.scaled_dot_product_attention(q, k, v)
        return cast(Tensor, self.projection(merge_heads(attended)))


class VisionMLP(nn.Module):
    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.fc2(F.gelu(self.fc1(x))))


class DropPath(nn.Module):
    """Stochastic depth (arXiv 1603.09382): in training a share of the samples skips the block, and
    the others are scaled up, so that the mean stays."""

    def __init__(self) -> None:
        super().__init__()
        self.share = 0.0

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.share == 0:
            return x
        mask = torch.rand(len(x), *[1] * (x.ndim - 1), device=x.device) >= self.share
        return x * mask / (1 - self.share)


class VisionLayer(nn.Module):
    """Pre-LN transformer layer."""

    def __init__(self, arch: Architecture) -> None:
        super().__init__()
        width = arch.vision_width
        self.self_attn = VisionAttention(width, arch.vision_heads)
        self.layer_norm1 = nn.LayerNorm(width, eps=arch.vision_eps)
        self.mlp = VisionMLP(width, arch.vision_mlp)
        self.layer_norm2 = nn.LayerNorm(width, eps=arch.vision_eps)
        self.drop_path = DropPath()

    def forward(self, x: Tensor) -> Tensor:
        x = x + cast(Tensor, self.drop_path(self.self_attn(self.layer_norm1(x))))
        return x + cast(Tensor, self.drop_path(self.mlp(self.layer_norm2(x))))


class VisionEncoder(nn.Module, Recomputes):
    def __init__(self, arch: Architecture) -> None:
        super().__init__()
        self.layers = nn.ModuleList(VisionLayer(arch) for _ in range(arch.vision_layers))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = run_layer(layer, x, recomputes=self.recomputes)
        return x


class VisionModel(nn.Module):
    """[B, 3, S, S] normalised float -> image tokens [B, N, D], the class token first."""

    def __init__(self, arch: Architecture) -> None:
        super().__init__()
        self.embeddings = VisionEmbeddings(arch)
        self.encoder = VisionEncoder(arch)
        self.post_layernorm = nn.LayerNorm(arch.vision_width, eps=arch.vision_eps)

    def forward(self, pixels: Tensor) -> Tensor:
        return cast(Tensor, self.post_layernorm(self.encoder(self.embeddings(pixels))))


class TextEmbeddings(nn.Module):
    """Words and positions; no token types."""

    def __init__(self, arch: Architecture) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(arch.vocab_size, arch.text_width)
        self.position_embeddings = nn.Embedding(arch.max_positions, arch.text_width)
        self.LayerNorm = nn.LayerNorm(arch.text_width, eps=arch.text_eps)
        self.dropout = nn.Dropout(0.0)
        self._fetched: tuple[Tensor, Tensor] | None = None

    @contextmanager
    def fetched(self, *ids: Tensor) -> Iterator[None]:
        """Look up the words `ids`, and no others, in a small table within the block, so that the
        gradient of the whole vocabulary is computed once, and not in each pass."""
        words = torch.unique(torch.cat([part.flatten() for part in ids]))
        self._fetched = words, self.word_embeddings.weight.index_select(0, words)
        try:
            yield
        finally:
            self._fetched = None

    def _words(self, ids: Tensor) -> Tensor:
        if self._fetched is None:
            return cast(Tensor, self.word_embeddings(ids))
        words, table = self._fetched
        return F.embedding(torch.searchsorted(words, ids), table)

    def forward(self, ids: Tensor) -> Tensor:
        positions = self.position_embeddings.weight[: ids.shape[1]]
        return cast(Tensor, self.dropout(self.LayerNorm(self._words(ids) + positions)))


class Projections(nn.Module):
    """Query, key and value of one attention; keys and values come from `source` features."""

    def __init__(self, width: int, source: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(source, width)
        self.value = nn.Linear(source, width)

    def queries(self, x: Tensor) -> Tensor:
        return split_heads(self.query(x), self.heads)

    def memory(self, source: Tensor) -> Memory:
        return Memory(
            split_heads(self.key(source), self.heads), split_heads(self.value(source), self.heads)
        )


class Residual(nn.Module):
    """Linear, residual, LayerNorm: the end of each post-LN block."""

    def __init__(self, inner: int, width: int, eps: float) -> None:
        super().__init__()
        self.dense = nn.Linear(inner, width)
        self.LayerNorm = nn.LayerNorm(width, eps=eps)
        self.dropout = nn.Dropout(0.0)

    def forward(self, inner: Tensor, x: Tensor) -> Tensor:
        return cast(Tensor, self.LayerNorm(self.dropout(self.dense(inner)) + x))


class Attention(nn.Module):
    """Attention block, to the text itself or to an image."""

    def __init__(self, arch: Architecture, source: int) -> None:
        super().__init__()
        self.self = Projections(arch.text_width, source, arch.text_heads)
        self.output = Residual(arch.text_width, arch.text_width, arch.text_eps)
        self.dropout = 0.0  # of the probabilities

    def forward(self, x: Tensor, memory: Memory | PairMemory, mask: Tensor | None) -> Tensor:
        dropout = self.dropout if self.training else 0.0
        attended = memory.attend(self.self.queries(x), mask, dropout)
        return cast(Tensor, self.output(merge_heads(attended), x))


class Intermediate(nn.Module):
    def __init__(self, arch: Architecture) -> None:
        super().__init__()
        self.dense = nn.Linear(arch.text_width, arch.text_mlp)

    def forward(self, x: Tensor) -> Tensor:
        return F.gelu(self.dense(x))


class TextLayer(nn.Module):
    """Self-attention, then cross-attention where there is an image, then the MLP.

    `source` is the width of what is looked at: an image's, unless it is a question's.
    """

    def __init__(self, arch: Architecture, source: int | None = None) -> None:
        super().__init__()
        self.attention = Attention(arch, arch.text_width)
        self.crossattention = Attention(arch, source or arch.vision_width)
        self.intermediate = Intermediate(arch)
        self.output = Residual(arch.text_mlp, arch.text_width, arch.text_eps)

    def forward(
        self,
        x: Tensor,
        mask: Tensor,
        image: Memory | PairMemory | None,
        first_only: bool = False,
        image_mask: Tensor | None = None,
    ) -> Tensor:
        """[B, L, D] -> [B, L, D], or of each text's first token alone [B, 1, D]. `image_mask`: the
        part of the image memory that may be attended to; None: all of it."""
        x = self.attention(x[:, :1] if first_only else x, self.attention.self.memory(x), mask)
        if image is not None:
            x = self.crossattention(x, image, image_mask)
        return cast(Tensor, self.output(self.intermediate(x), x))

    def share(self, other: TextLayer, sharing: str = USUAL_SHARING) -> None:
        """Take what `sharing` says from `other`, by identity."""
        if sharing != "all but self-attention":
            self.attention = other.attention
        if sharing != "all but cross-attention":
            self.crossattention = other.crossattention
        self.intermediate = other.intermediate
        self.output = other.output


class TextEncoder(nn.Module):
    def __init__(self, arch: Architecture, source: int | None = None) -> None:
        super().__init__()
        self.layer = nn.ModuleList(TextLayer(arch, source) for _ in range(arch.text_layers))


class TextModel(nn.Module, Recomputes):
    """The text transformer, without a pooler; `source` is as `TextLayer`'s."""

    def __init__(self, arch: Architecture, source: int | None = None) -> None:
        super().__init__()
        self.embeddings = TextEmbeddings(arch)
        self.encoder = TextEncoder(arch, source)

    @property
    def layers(self) -> list[TextLayer]:
        return [cast(TextLayer, layer) for layer in self.encoder.layer]

    def image_memory(self, tokens: Tensor) -> list[Memory]:
        """Cross-attention keys and values of image tokens [B, N, D], once for each layer."""
        return [layer.crossattention.self.memory(tokens) for layer in self.layers]

    def forward(
        self,
        ids: Tensor,
        mask: Tensor,
        image: Sequence[Memory | PairMemory] | None = None,
        *,
        first_only: bool = False,
        image_mask: Tensor | None = None,
    ) -> Tensor:
        """ids int64 [B, L], mask bool broadcastable to [B, heads, L, L] (True: may be attended to),
        image memory or None for the unimodal mode, with `image_mask` where not all of it may be
        attended to -> [B, L, D], or [B, 1, D] with `first_only`, which spares the last layer the
        other tokens."""
        x = cast(Tensor, self.embeddings(ids))
        for i, layer in enumerate(self.layers):
            memory = None if image is None else image[i]
            is_last = i == len(self.layers) - 1
            x = run_layer(
                layer,
                x,
                mask,
                memory,
                first_only and is_last,
                image_mask,
                recomputes=self.recomputes,
            )
        return x

    def share(self, other: TextModel, sharing: str = USUAL_SHARING) -> None:
        """Take what `sharing` says, one of `config.SHARINGS`, from `other`, by identity."""
        if sharing == "nothing":
            return
        self.embeddings = other.embeddings
        for own_layer, other_layer in zip(self.layers, other.layers, strict=True):
            own_layer.share(other_layer, sharing)


class Transform(nn.Module):
    def __init__(self, arch: Architecture) -> None:
        super().__init__()
        self.dense = nn.Linear(arch.text_width, arch.text_width)
        self.LayerNorm = nn.LayerNorm(arch.text_width, eps=arch.text_eps)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.LayerNorm(F.gelu(self.dense(x))))


class Predictions(nn.Module):
    """Next-token logits; the output matrix is the word embedding itself."""

    def __init__(self, arch: Architecture, words: nn.Embedding) -> None:
        super().__init__()
        self.transform = Transform(arch)
        self.decoder = nn.Linear(arch.text_width, arch.vocab_size)
        self.decoder.weight = words.weight
        self.bias = self.decoder.bias  # a second name, as in Hugging Face's state dict

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.decoder(self.transform(x)))


class LMHead(nn.Module):
    def __init__(self, arch: Architecture, words: nn.Embedding) -> None:
        super().__init__()
        self.predictions = Predictions(arch, words)


class TextDecoder(nn.Module):
    """The text transformer as a captioner."""

    def __init__(
        self, arch: Architecture, encoder: TextModel, sharing: str = USUAL_SHARING
    ) -> None:
        super().__init__()
        self.bert = TextModel(arch)
        self.bert.share(encoder, sharing)
        self.cls = LMHead(arch, self.bert.embeddings.word_embeddings)

    def forward(self, ids: Tensor, mask: Tensor, image: Sequence[Memory]) -> Tensor:
        return cast(Tensor, self.cls.predictions(self.bert(ids, mask, image)))


class MED(nn.Module):
    """Image encoder, text encoder, matcher and captioner.

    Texts come as the tokenizer gives them, `[CLS] words [SEP]` and padding: each mode puts its
    own first token. `sharing`: the layers that encoder and decoder have in common, one of
    `config.SHARINGS`; graphs and artifacts are of the usual one.
    """

    def __init__(
        self, arch: Architecture, special: SpecialTokens, sharing: str = USUAL_SHARING
    ) -> None:
        super().__init__()
        self.arch, self.special, self.sharing = arch, special, sharing
        self.vision_model = VisionModel(arch)
        self.text_encoder = TextModel(arch)
        self.text_decoder = TextDecoder(arch, self.text_encoder, sharing)
        self.vision_proj = nn.Linear(arch.vision_width, arch.embed_dim)
        self.text_proj = nn.Linear(arch.text_width, arch.embed_dim)
        self.itm_head = nn.Linear(arch.text_width, 2)
        self.temp = nn.Parameter(torch.tensor(TEMPERATURE_INIT))
        initialise(self)

    def regularise(self, dropout: float, drop_path: float, *, recomputes: bool = False) -> None:
        """Set the regularisation of training, in train mode.

        dropout: share of the text transformer's states and probabilities that are dropped.
        drop_path: share of images that skip the last vision layer (fewer skip the earlier ones, as
        in timm). recomputes: whether layers are computed again for the gradient.
        """
        regularise(self, dropout, drop_path, recomputes=recomputes)

    def image_tokens(self, pixels: Tensor) -> Tensor:
        """[B, 3, S, S] normalised float -> image tokens [B, N, D]."""
        return cast(Tensor, self.vision_model(pixels))

    def image_vector(self, tokens: Tensor) -> Tensor:
        """Image tokens [B, N, D] -> ITC vector [B, E] of length 1."""
        return F.normalize(self.vision_proj(tokens[:, 0]), dim=-1)

    def text_state(self, ids: Tensor) -> Tensor:
        """Texts [B, L] -> the unimodal encoder's state of each first token [B, 1, D]."""
        ids = self._with_first(ids, self.special.cls)
        return cast(Tensor, self.text_encoder(ids, self._not_padding(ids), first_only=True))

    def text_vector(self, ids: Tensor) -> Tensor:
        """Texts [B, L] -> ITC vector [B, E] of length 1."""
        return self.project_text(self.text_state(ids))

    def project_text(self, states: Tensor) -> Tensor:
        """Unimodal states [B, L, D] -> ITC vector [B, E] of length 1."""
        return F.normalize(self.text_proj(states[:, 0]), dim=-1)

    def image_memory(self, tokens: Tensor) -> list[Memory]:
        """Keys and values of image tokens [B, N, D] for the encoder, and usually the decoder."""
        return self.text_encoder.image_memory(tokens)

    def writing_memory(
        self, tokens: Tensor, encoders: Sequence[Memory] | None = None
    ) -> Sequence[Memory]:
        """Cross-attention keys and values of the decoder: the encoder's, where both share their
        cross-attention."""
        if self.sharing in ("all but cross-attention", "nothing"):
            return self.text_decoder.bert.image_memory(tokens)
        return self.image_memory(tokens) if encoders is None else encoders

    def pair_states(
        self, ids: Tensor, image: Sequence[Memory | PairMemory], *, first_only: bool = False
    ) -> Tensor:
        """Texts [B, L], each with an image -> states of the image-grounded encoder [B, L, D], or
        of the first tokens [B, 1, D]."""
        ids = self._with_first(ids, self.special.enc)
        mask = self._not_padding(ids)
        return cast(Tensor, self.text_encoder(ids, mask, image, first_only=first_only))

    def match(self, ids: Tensor, image: Sequence[Memory]) -> Tensor:
        """Texts [B, L], each with an image -> ITM logits [B, 2]; class 1 is "they match"."""
        return cast(Tensor, self.itm_head(self.pair_states(ids, image, first_only=True)[:, 0]))

    def next_words(self, ids: Tensor, image: Sequence[Memory]) -> Tensor:
        """Texts [B, L], each with an image -> logits of the word after each position [B, L, V]."""
        ids = self._with_first(ids, self.special.dec)
        # Padding is behind every word, where causality hides it already.
        causal = torch.ones(ids.shape[1], ids.shape[1], dtype=torch.bool, device=ids.device).tril()
        return cast(Tensor, self.text_decoder(ids, causal, image))

    def fetched(self, *ids: Tensor) -> AbstractContextManager[None]:
        """For the passes of a training step on these texts: see `TextEmbeddings.fetched`."""
        special = torch.tensor(list(self.special.to_dict().values()), device=ids[0].device)
        return self.text_encoder.embeddings.fetched(special, *ids)

    def temperature(self) -> Tensor:
        return self.temp.clamp(*TEMPERATURE_RANGE)

    def _with_first(self, ids: Tensor, first: int) -> Tensor:
        copy = ids.clone()
        copy[:, 0] = first
        return copy

    def _not_padding(self, ids: Tensor) -> Tensor:
        return (ids != self.special.pad)[:, None, None, :]


def regularise(
    model: nn.Module, dropout: float, drop_path: float, *, recomputes: bool = False
) -> None:
    """Do as `MED.regularise`, for any model that is made of the same parts."""
    layers = [module for module in model.modules() if isinstance(module, VisionLayer)]
    for number, layer in enumerate(layers):
        layer.drop_path.share = drop_path * number / max(len(layers) - 1, 1)
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = dropout
        elif isinstance(module, Attention):
            module.dropout = dropout
        elif isinstance(module, Recomputes):
            module.recomputes = recomputes


def initialise(model: nn.Module) -> None:
    """Random weights: BERT's deviation at BERT's width; the same variance of what comes out at any
    other."""
    model.apply(_initialise)


def _initialise(module: nn.Module) -> None:
    if isinstance(module, VisionEmbeddings):
        for parameter in (module.class_embedding, module.position_embedding):
            nn.init.trunc_normal_(parameter, std=INIT_STD)
    if isinstance(module, nn.Embedding):
        nn.init.normal_(module.weight, std=INIT_STD)
    if isinstance(module, nn.Linear | nn.Conv2d):
        inputs = module.weight[0].numel()
        nn.init.normal_(module.weight, std=INIT_STD * math.sqrt(INIT_WIDTH / inputs))
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def dequantize_tokens(values: Tensor, scales: Tensor) -> Tensor:
    """(int8 [B, N, D], scales [B, N]) -> float32 [B, N, D]."""
    return values.to(torch.float32) * scales[..., None]
