"""Inference of a model on this machine's CPU: ONNX Runtime and numpy, no torch.

Used in-process by ingest and inside the engine. A Runtime may be used from several threads at
once. No result depends on the batch it was computed in, but for float32 rounding.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

# From 1.29 on, ONNX Runtime reports each session to its maker, unless told not to before it loads.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import onnxruntime as ort

from ..errors import ModelError, SetupError, StoppedError, UsageError
from . import machine, options
from .architecture import Architecture
from .artifact import TOKENIZER, Artifact
from .generate import beam_search, nucleus_sample
from .rank import rank
from .tokenizer import Tokenizer, clean_answer, clean_question
from .tokens import Scales, Tokens

Floats = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]
Stop = Callable[[], bool]

PROVIDERS = "BLIPDB_PROVIDERS"
CPU = "CPUExecutionProvider"
CHUNK_FLOPS = 1e9  # of one call into a graph: some 10 to 20 ms of one core
MIN_PAIRS = 8  # in a rerank's call: each call reads all weights, which takes as long as a pair
MAX_CHUNK_ROWS = 64
PAIRS = "pairs"  # a graph that is built from rerank's when it is loaded
PAIRS_PER_CALL = 32
LARGE_GRAPH_BYTES = 32 << 20  # from here on a graph's session has a memory arena
# ONNX Runtime's Gelu with a bias takes twice as long as addition and Gelu apart.
DISABLED_FUSIONS = ["BiasGeluFusion"]
MAX_SEED = 2**63 - 1  # PostgreSQL's bigint


class Encoded(NamedTuple):
    """Encoded images: itc float32 [B, E] of length 1 (E is 0 where a model is not for retrieval),
    tokens int8 [B, N, D], scales float32 [B, N]."""

    itc: Floats
    tokens: Tokens
    scales: Scales


class Runtime:
    """Graphs of one artifact, ready to run. Made by `load`."""

    def __init__(
        self,
        artifact: Artifact,
        tokenizer: Tokenizer,
        sessions: dict[str, ort.InferenceSession],
        threads: int = 1,
    ) -> None:
        self.artifact = artifact
        self.tokenizer = tokenizer
        self._sessions = sessions
        self._threads = threads
        self._opening = Lock()  # two callers open a graph once

    @classmethod
    def load(
        cls, folder: str | Path, *, threads: int = 1, graphs: Sequence[str] | None = None
    ) -> Runtime:
        """Verify an artifact and load its graphs, or those that are named.

        `threads` is how many cores one call may use.

        Raises:
            ModelError: a file is missing or altered, or can't be used.
        """
        artifact = Artifact.open(folder)
        manifest = artifact.manifest
        names = manifest.graphs if graphs is None else graphs
        tokenizer = Tokenizer(
            artifact.read(TOKENIZER), manifest.special_tokens, manifest.max_tokens
        )
        sessions = {name: _load(artifact, name, threads) for name in names}
        machine.release_freed_memory()
        return cls(artifact, tokenizer, sessions, threads)

    def open(self, *graphs: str) -> None:
        """Load those of the artifact's graphs that are not loaded yet; raises as `load` does."""
        if all(name in self._sessions for name in graphs):
            return
        with self._opening:
            missing = [name for name in graphs if name not in self._sessions]
            loaded = {name: _load(self.artifact, name, self._threads) for name in missing}
            machine.release_freed_memory()
            self._sessions |= loaded

    @property
    def token_shapes(self) -> tuple[tuple[int, int], tuple[int, ...]]:
        """Shapes of one image's tokens and of their scales (see blipdb/model/tokens.py)."""
        arch, compute = self.artifact.architecture, self.artifact.manifest.compute
        count = compute.stored(arch)
        return (count, arch.vision_width), (count, 2) if compute.merges else (count,)

    def encode_images(self, pixels: Pixels, *, stop: Stop | None = None) -> Encoded:
        """pixels uint8 [B, S, S, 3], RGB and already resized to the model's size. `stop` is asked
        before each chunk of images.

        Raises:
            StoppedError: `stop` returned True.
        """
        size = self.artifact.architecture.image_size
        if pixels.dtype != np.uint8 or pixels.shape[1:] != (size, size, 3):
            raise ValueError(
                f"pixels are {pixels.dtype} {pixels.shape}; the model reads "
                f"uint8 [B, {size}, {size}, 3]"
            )
        arch = self.artifact.architecture
        dims = arch.embed_dim if "text" in self.artifact.manifest.graphs else 0
        itc = np.empty((len(pixels), dims), np.float32)
        tokens, scales = (
            np.empty((len(pixels), *shape), dtype)
            for shape, dtype in zip(self.token_shapes, (np.int8, np.float32), strict=True)
        )
        for part in _parts(len(pixels), _chunk(image_flops(arch))):
            _ask(stop)
            *vectors, tokens[part], scales[part] = self.run("image", pixels=pixels[part])
            if vectors:
                (itc[part],) = vectors
        return Encoded(itc, tokens, scales)

    def embed_texts(self, texts: Sequence[str]) -> Floats:
        """Texts -> ITC vectors [B, E] of length 1.

        Raises:
            TextError: a text is empty, has no known word, or is too long.
        """
        special = self.artifact.manifest.special_tokens
        return self.embed([self.tokenizer.encode(text, special.cls) for text in texts])

    def embed(self, ids: Sequence[Sequence[int]]) -> Floats:
        """Like `embed_texts`, of texts that are encoded already, whatever their first token."""
        cls = self.artifact.manifest.special_tokens.cls
        itc = np.empty((len(ids), self.artifact.architecture.embed_dim), np.float32)
        for rows in _equally_long(ids, MAX_CHUNK_ROWS):
            same = _stacked(ids, rows, cls)
            (itc[rows],) = self.run("text", input_ids=same, attention_mask=np.ones_like(same))
        return itc

    def rerank(
        self,
        query: str,
        tokens: Tokens,
        scales: Scales,
        *,
        stop: Stop | None = None,
        chunk: int | None = None,
    ) -> Floats:
        """ITM logits float32 [B, 2] of a query and B images; class 1 is "they match".

        tokens int8 [B, N, D] and scales float32 [B, N] are what `encode_images` gave. `stop` is
        asked before each chunk of images.

        Raises:
            TextError: the query is empty, has no known word, or is too long.
            StoppedError: `stop` returned True.
        """
        ids = np.array([self.tokenizer.encode(query, self.artifact.manifest.special_tokens.enc)])
        self._check_tokens(tokens, scales)
        chunk = chunk or max(MIN_PAIRS, _chunk(self._pair_flops(ids.shape[1])))
        itm = np.empty((len(tokens), 2), np.float32)
        for part in _parts(len(tokens), chunk):
            _ask(stop)
            (itm[part],) = self.run(
                "rerank", input_ids=ids, tokens=tokens[part], scales=scales[part]
            )
        return itm

    def match(
        self, ids: Sequence[Sequence[int]], tokens: Tokens, scales: Scales, places: Sequence[int]
    ) -> Floats:
        """ITM logits float32 [P, 2] of P texts, each with the image at its place among B, as
        `rerank` gives them for each such pair alone.

        ids are of texts that the tokenizer has encoded, whatever they begin with; tokens int8
        [B, N, D] and scales float32 [B, N] are what `encode_images` gave.
        """
        self._check_tokens(tokens, scales)
        enc = self.artifact.manifest.special_tokens.enc
        itm = np.empty((len(ids), 2), np.float32)
        for rows in _equally_long(ids, PAIRS_PER_CALL):
            positions = [places[row] for row in rows]
            (itm[rows],) = self.run(
                PAIRS,
                input_ids=_stacked(ids, rows, enc),
                tokens=tokens[positions],
                scales=scales[positions],
            )
        return itm

    def caption(
        self,
        tokens: Tokens,
        scales: Scales,
        *,
        beams: int | None = None,
        max_tokens: int | None = None,
        min_tokens: int | None = None,
        nucleus: float | None = None,
        seed: int | Sequence[int] | None = None,
        stop: Stop | None = None,
    ) -> list[str]:
        """A caption of each image, by beam search, or by nucleus sampling where `nucleus` is its
        mass (above 0, at most 1) and `seed` its random numbers, of all images or of each.

        Of tokens int8 [B, N, D] and scales float32 [B, N], as `encode_images` gave them. A caption
        has `min_tokens` words' tokens or more, and with its end at most `max_tokens`. What is None
        is as the model's manifest says, else 3 beams, one token, and as many as the model reads.

        Raises:
            UsageError: an argument is out of its range.
            StoppedError: `stop`, which is asked before each token, returned True.
        """
        self._check_tokens(tokens, scales)
        manifest = self.artifact.manifest
        begun = options.opening_tokens(manifest, self.tokenizer)
        rules = options.generation_rules(manifest, len(begun), min_tokens, max_tokens)
        beams = options.beam_count(manifest, beams)
        if nucleus is not None and not 0 < nucleus <= 1:
            raise UsageError(f"nucleus is {nucleus}; it must be above 0 and at most 1.")
        seeds = [seed] * len(tokens) if seed is None or isinstance(seed, int) else list(seed)
        for one in seeds:
            if one is not None:
                options.check_range("seed", one, 0, MAX_SEED)
        captions = []
        for part in _parts(len(tokens), MAX_CHUNK_ROWS // (beams if nucleus is None else 1)):
            decoder = _Decoder(self, "caption", begun, tokens=tokens[part], scales=scales[part])
            count = len(tokens[part])
            if nucleus is None:
                texts = beam_search(decoder, count, rules, beams, stop)
            else:
                texts = nucleus_sample(decoder, count, rules, nucleus, seeds[part], stop)
            captions += [options.text_behind(self.tokenizer, begun, text) for text in texts]
        return captions

    def answer(
        self,
        tokens: Tokens,
        scales: Scales,
        questions: Sequence[str],
        *,
        among: Sequence[str] | None = None,
        beams: int | None = None,
        stop: Stop | None = None,
    ) -> list[str]:
        """The answer to a question about each image: written by beam search, as the model's
        manifest says, or the best one `among` those that are given (see `rank`).

        Of tokens int8 [B, N, D] and scales float32 [B, N], as `encode_images` gave them, and B
        questions.

        Raises:
            TextError: a question or an answer is empty, has no known word, or is too long.
            UsageError: there is nothing to choose among, or `beams` is out of its range.
            StoppedError: `stop`, which is asked before each token, returned True.
        """
        self._check_tokens(tokens, scales)
        if len(questions) != len(tokens):
            raise ValueError(f"{len(questions)} questions are asked about {len(tokens)} images")
        special = self.artifact.manifest.special_tokens
        beams = options.beam_count(self.artifact.manifest, beams)
        ids = [self.tokenizer.encode(text, special.enc, clean_question) for text in questions]
        choice = None if among is None else self._choice(among)
        answers = []
        for part in _parts(len(tokens), MAX_CHUNK_ROWS // beams):
            decoder = self._answers(ids[part], tokens[part], scales[part])
            if among is None or choice is None:
                rules = options.generation_rules(self.artifact.manifest, 1)
                texts = beam_search(decoder, len(ids[part]), rules, beams, stop)
                answers += [self.tokenizer.decode(text) for text in texts]
            else:
                places = rank(decoder, len(ids[part]), special.dec, choice, stop=stop)
                answers += [among[place] for place in places]
        return answers

    def _choice(self, among: Sequence[str]) -> list[list[int]]:
        """Encode answers for the decoder: their tokens behind [DEC], and the end."""
        if not among:
            raise UsageError("There is no answer to choose from.")
        dec = self.artifact.manifest.special_tokens.dec
        return [self.tokenizer.encode(text, dec, clean_answer)[1:] for text in among]

    def _answers(self, questions: Sequence[list[int]], tokens: Tokens, scales: Scales) -> _Decoder:
        """Decoder of answers for questions [B], each encoded with its image."""
        special = self.artifact.manifest.special_tokens
        ids, mask = _padded(questions, special.pad)
        chunk = _chunk(self._pair_flops(ids.shape[1]))
        memory = []
        for part in _parts(len(ids), chunk):
            memory += self.run(
                "question",
                input_ids=ids[part],
                attention_mask=mask[part],
                tokens=tokens[part],
                scales=scales[part],
            )
        whole = np.concatenate(memory, axis=2)
        return _Decoder(self, "answer", [special.dec], memory=whole, attention_mask=mask)

    def run(self, graph: str, **inputs: npt.NDArray[Any]) -> list[Any]:
        """Run a graph. Return its outputs, as its file in blipdb/model/graphs describes them.

        Raises:
            ModelError: the graph isn't there, or the first output of numbers isn't finite.
        """
        if graph not in self._sessions:
            raise ModelError(
                f"The model {self.artifact.name} has no {graph} graph here; it has "
                f"{', '.join(self._sessions) or 'none'}."
            )
        outputs: list[Any] = self._sessions[graph].run(None, inputs)
        if not np.isfinite(next(out for out in outputs if out.dtype.kind == "f")).all():
            raise ModelError(
                f"The {graph} graph of {self.artifact.name} computed what is no number: the image "
                "tokens or the model's weights are damaged."
            )
        return outputs

    def _pair_flops(self, length: int) -> float:
        """Floating-point operations of reranking one image with a text of `length` tokens."""
        arch = self.artifact.architecture
        width, source = arch.text_width, arch.vision_width
        text = 6 * width**2 + 2 * width * arch.text_mlp + 2 * width * source
        image = 2 * arch.text_heads * self.token_shapes[0][0] * source
        return 2.0 * length * arch.text_layers * (text + image)

    def _check_tokens(self, tokens: Tokens, scales: Scales) -> None:
        shapes = tuple((len(tokens), *shape) for shape in self.token_shapes)
        if tokens.dtype != np.int8 or (tokens.shape, scales.shape) != shapes:
            raise ValueError(
                f"tokens are {tokens.dtype} {tokens.shape} and scales {scales.shape}; the model "
                f"reads int8 {shapes[0]} and {shapes[1]}"
            )


class _Decoder:
    """A decoder's graph as a `DecoderStep` of `generate` and `rank`.

    opening: the tokens before the first generated one. inputs: further inputs of the graph, of all
    images (or questions).
    """

    def __init__(
        self, runtime: Runtime, graph: str, opening: Sequence[int], **inputs: npt.NDArray[Any]
    ) -> None:
        self._runtime, self._graph, self._opening, self._inputs = runtime, graph, opening, inputs

    def __call__(
        self, ids: npt.NDArray[np.int64], past: Floats | None, images: npt.NDArray[np.int64]
    ) -> tuple[Floats, Floats]:
        if past is None:
            past = empty_past(self._runtime.artifact.architecture, len(ids))
            ids = np.tile(np.array(self._opening), (len(ids), 1))
        inputs = {
            name: value.take(images, axis=2 if name == "memory" else 0)
            for name, value in self._inputs.items()
        }
        logits, present = self._runtime.run(self._graph, input_ids=ids, past=past, **inputs)
        return logits, present


def empty_past(arch: Architecture, texts: int) -> Floats:
    """Decoder cache before the first token: [layers, 2, B, H, 0, dh]."""
    head_width = arch.text_width // arch.text_heads
    return np.empty((arch.text_layers, 2, texts, arch.text_heads, 0, head_width), np.float32)


def image_flops(arch: Architecture) -> float:
    """Floating-point operations to encode one image, without attention's own products."""
    layer = 4 * arch.vision_width**2 + 2 * arch.vision_width * arch.vision_mlp
    return 2.0 * arch.image_tokens * arch.vision_layers * layer


def _load(artifact: Artifact, name: str, threads: int) -> ort.InferenceSession:
    stored = "rerank" if name == PAIRS else name
    if stored not in artifact.manifest.graphs:
        raise ModelError(
            f"The model {artifact.name} has no {stored} graph; it has "
            f"{', '.join(artifact.manifest.graphs)}."
        )
    file = artifact.manifest.graphs[stored]
    data = artifact.read(file)
    if name == PAIRS:
        from .graphs import build_pairs  # and onnx, which takes 150 ms to import

        manifest = artifact.manifest
        data = build_pairs(data, manifest.architecture, manifest.compute, manifest.max_tokens)
    if artifact.manifest.compute.integer and not machine.multiplies_bytes():
        from .graphs.integers import unsigned  # and onnx, which takes 150 ms to import

        data = unsigned(data)
    try:
        return open_graph(data, threads)
    except SetupError:
        raise
    except Exception as error:  # ONNX Runtime's errors have no other common base
        raise ModelError(f"{artifact.folder / file} can't be loaded: {error}") from None


def open_graph(data: bytes, threads: int, *, profile: str | None = None) -> ort.InferenceSession:
    """Open a session of a serialised graph on this many cores; `profile` is the prefix of the file
    for a profile of it."""
    settings = ort.SessionOptions()
    if profile is not None:
        settings.enable_profiling, settings.profile_file_prefix = True, profile
    settings.intra_op_num_threads = threads
    settings.inter_op_num_threads = 1
    # Waiting threads sleep: the machine belongs to PostgreSQL and others too.
    settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Shapes change with each query: their memory plans would pile up.
    settings.enable_mem_pattern = False
    # An arena keeps the memory of the largest call, whose size chunks limit. Fetching it from the
    # system again, page by page, would cost a base model's rerank 7%. Threads of a small graph
    # lose more by waiting for each other at the arena's lock.
    settings.enable_cpu_mem_arena = len(data) > LARGE_GRAPH_BYTES
    settings.add_session_config_entry("session.use_device_allocator_for_initializers", "1")
    settings.log_severity_level = 3  # errors; a weight kept for torch alone is a warning
    session = ort.InferenceSession(
        data, settings, providers=providers(), disabled_optimizers=DISABLED_FUSIONS
    )
    session._model_bytes = None  # else it keeps the file as well, for a fallback that we have not
    return session


def providers() -> list[str]:
    """List ONNX Runtime's execution providers in BLIPDB_PROVIDERS, best first; else the CPU's.

    Another device's results differ from the CPU's by float32's rounding.

    Raises:
        SetupError: this ONNX Runtime has no such provider.
    """
    names = [name.strip() for name in os.environ.get(PROVIDERS, CPU).split(",") if name.strip()]
    available = ort.get_available_providers()
    if missing := [name for name in names if name not in available]:
        raise SetupError(
            f"{PROVIDERS} names {', '.join(missing)};"
            f" ONNX Runtime here has {', '.join(available)}.",
            "Install the one for your device, as: pip install onnxruntime-gpu",
        )
    return names or [CPU]


def _ask(stop: Stop | None) -> None:
    if stop is not None and stop():
        raise StoppedError("The work was stopped: its caller no longer waits for it.")


def _chunk(flops: float) -> int:
    return max(1, min(MAX_CHUNK_ROWS, int(CHUNK_FLOPS / flops)))


def _parts(count: int, chunk: int) -> Iterator[slice]:
    return (slice(start, start + chunk) for start in range(0, count, max(1, chunk)))


def _equally_long(texts: Sequence[Sequence[int]], most: int) -> Iterator[list[int]]:
    """Group texts of one length, at most so many at once; yield their indices. Padding would change
    a text's result, by rounding, from the one that it has alone."""
    by_length: dict[int, list[int]] = {}
    for row, text in enumerate(texts):
        by_length.setdefault(len(text), []).append(row)
    for rows in by_length.values():
        for part in _parts(len(rows), most):
            yield rows[part]


def _stacked(
    ids: Sequence[Sequence[int]], rows: Sequence[int], first: int
) -> npt.NDArray[np.int64]:
    """Stack texts of one length [B, L], the first token replaced by `first`, which tells an
    encoder its task."""
    same = np.array([ids[row] for row in rows], np.int64)
    same[:, 0] = first
    return same


def _padded(
    texts: Sequence[Sequence[int]], pad: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Texts -> ids int64 [B, L] and mask int64 [B, L], L the longest."""
    ids = np.full((len(texts), max(map(len, texts))), pad, np.int64)
    mask = np.zeros_like(ids)
    for row, text in enumerate(texts):
        ids[row, : len(text)], mask[row, : len(text)] = text, 1
    return ids, mask
