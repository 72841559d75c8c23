"""A model of BLIP-base's size, with random weights: its speed on one core beside transformers'.

Both have the same weights, inputs and thread count, and take turns.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from blipdb.checkpoints.convert import convert
from blipdb.model.architecture import Architecture
from blipdb.model.compute import EXACT, MERGED_TOKENS, Compute
from blipdb.model.graphs import prepare, rerank
from blipdb.model.graphs.cross import COSTS, longest_absorbed
from blipdb.model.runtime import Runtime, open_graph
from blipdb.model.tokens import record_size
from blipdb.settings import Settings
from tests.benchmarks import floors
from tests.benchmarks.report import Report
from tests.checkpoints import published, reference
from tests.checkpoints.true_sizes import SPECIAL, Published, normalised, publish

ITM = "Base model: ITM on one core"
WAYS = "Base model: tokens absorbed or projected"
IMAGE = "Base model: encoding and captioning on one core"
STORED = "Base model: bytes stored"
SHORT, LONG = 12, 35  # words of a query
CHUNK = 16  # candidates
WORDS = (2, 6, 10, 14, 18, 24, 30, 36, 44)  # of the texts that tell where two ways cross
TOKENS = (64, 145, 289, 577)
PROMPT = (SPECIAL.dec, 1037, 3861, 1997)  # a picture of
INT8, FEW = Compute("int8"), Compute("int8", MERGED_TOKENS)


class Base(NamedTuple):
    """transformers' models, and artifacts of their weights."""

    theirs: Published
    exact: Runtime
    whole: Runtime
    few: Runtime


def measure(settings: Settings, report: Report) -> None:
    with one_core():
        base = make(settings.home / "base")
        peaks = floors.peaks()
        _itm(base, report, peaks)
        _ways(base, report)
        _images(base, report, peaks)
        _captions(base, report)
    arch = base.whole.artifact.architecture
    n, d = arch.image_tokens, arch.vision_width
    add = report.add
    add(STORED, f"an image, {n} tokens in float16", n * d * 2 / 1000, "kB")
    add(STORED, f"an image, {n} tokens in int8 with their scales", record_size(n, d) / 1000, "kB")
    few = record_size(MERGED_TOKENS, d, merged=True) / 1000
    add(STORED, f"an image, merged to {MERGED_TOKENS} (what a checkpoint is added as)", few, "kB",
        "at most 60")  # fmt: skip


@contextmanager
def one_core() -> Iterator[None]:
    """All that runs here, on one core."""
    before, threads = os.sched_getaffinity(0), torch.get_num_threads()
    os.sched_setaffinity(0, {min(before)})
    torch.set_num_threads(1)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
        torch.set_num_threads(threads)


def make(folder: Path) -> Base:
    folder.mkdir()
    theirs = publish(published.BASE)
    theirs.round()
    file = theirs.pretrained_file(folder)
    runtimes = []
    for compute in (EXACT, INT8, FEW):
        out = folder / f"{compute.precision}-{compute.tokens}"
        artifact = convert(file, out, name="base", compute=always(compute))
        runtimes.append(Runtime.load(artifact.folder))
    return Base(theirs, *runtimes)


def always(compute: Compute) -> Callable[[Architecture], Compute]:
    """For `convert`: that, whatever the model's sizes are."""
    return lambda _: compute


def text(words: int, seed: int = 0) -> str:
    """Of words that are a token each."""
    numbers = np.random.default_rng(seed).integers(1200, 29000, words)
    return " ".join(f"w{n}" for n in numbers)


def best(call: Callable[[], Any], rounds: int = 5) -> float:
    """Seconds of the quickest of some calls, the first left out."""
    call()
    return min(_seconds(call) for _ in range(rounds))


def in_turns(calls: Sequence[Callable[[], Any]], rounds: int = 5) -> list[float]:
    """Seconds of the quickest call of each, taken in turns, the first left out."""
    times = [[_seconds(call) for call in calls] for _ in range(rounds + 1)][1:]
    return [min(column) for column in zip(*times, strict=True)]


def _seconds(call: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def _tokens(count: int, shape: Sequence[int], seed: int = 0) -> tuple[Any, Any]:
    """Stored tokens of images that have nothing in common: speed doesn't look at them."""
    rng = np.random.default_rng(seed)
    levels = rng.integers(-127, 128, (count, *shape)).astype(np.int8)
    return levels, rng.uniform(0.02, 0.03, (count, shape[0])).astype(np.float32)


@torch.inference_mode()
def _itm(base: Base, report: Report, peaks: floors.Peaks) -> None:
    pairs = _Pairs(base)
    alone, many = _itm_speed(pairs, report)
    _itm_limits(pairs, report, peaks, alone=alone, many=many)
    _itm_parts(pairs, report)
    ours, exact = pairs.ours(base.whole, CHUNK), pairs.ours(base.exact, CHUNK)
    difference = np.abs(pairs.ours(base.exact, 4) - pairs.match(4).numpy()).max()
    label = "largest difference of a logit"
    report.add(ITM, f"{label}, blipdb in float32 and torch", difference, "", "at most 0.001")
    off = np.abs(ours - exact)[:, 1].max()
    report.add(ITM, f"{label}, int8 and float32 (random weights)", off, "")


class _Pairs:
    """One query with the tokens of many images, for both implementations of the match head."""

    def __init__(self, base: Base) -> None:
        self.base = base
        self._model: Any = base.theirs.retrieval
        arch = base.whole.artifact.architecture
        self.name = f"a pair, {arch.image_tokens} image tokens, {SHORT} words"
        self._query = text(SHORT)
        self.ids = torch.tensor([base.whole.tokenizer.encode(self._query, SPECIAL.cls)])
        self.levels, self.scales = _tokens(CHUNK, (arch.image_tokens, arch.vision_width))
        self._values = torch.from_numpy(self.levels * self.scales[..., None])
        size = arch.image_size
        self._pixels = normalised(np.zeros((1, size, size, 3), np.uint8))

    def match(self, count: int) -> Any:
        """Compute logits by torch, over tokens that are there."""
        many = self.ids.expand(count, -1)
        return reference.match(self._model, many, self._values[:count], SPECIAL)

    def as_called(self) -> Any:
        """Compute one pair as transformers is usually called, image encoder included."""
        mask = torch.ones_like(self.ids)
        return self._model(input_ids=self.ids, pixel_values=self._pixels, attention_mask=mask)

    def ours(self, runtime: Runtime, count: int) -> Any:
        """Compute logits by a runtime of blipdb."""
        return runtime.rerank(self._query, self.levels[:count], self.scales[:count])


def _itm_speed(pairs: _Pairs, report: Report) -> tuple[float, float]:
    """Report times and their ratios; return seconds of a pair alone, and of one among many."""
    base, half = pairs.base, CHUNK // 2
    calls = (
        lambda: pairs.match(1),
        lambda: pairs.match(half),
        pairs.as_called,
        lambda: pairs.ours(base.whole, 1),
        lambda: pairs.ours(base.whole, CHUNK),
        lambda: pairs.ours(base.exact, half),
    )
    alone, batched, whole, one, many, exact = in_turns(calls)
    batched, many, exact = batched / half, many / CHUNK, exact / half
    for label, seconds in (
        ("transformers, image tokens already there", alone),
        (f"transformers, {half} pairs in a batch", batched),
        ("transformers as people call it", whole),
        (f"blipdb in float32, of {half}", exact),
        ("blipdb, alone", one),
        (f"blipdb, of {CHUNK} candidates", many),
    ):
        report.add(ITM, f"{pairs.name}, {label}", seconds * 1e3, "ms")
    there = "transformers, image tokens already there"
    called = "transformers as people call it"
    few = f"at most {1 / 45:.4f}"
    for label, ratio, bound, against in (
        (f"of {CHUNK} candidates", many / alone, "at most 0.1", there),
        ("alone", one / alone, "at most 0.1", there),
        (f"of {CHUNK} candidates, both in batches", many / batched, None, there),
        (f"of {CHUNK} candidates", many / whole, few, called),
        ("alone", one / whole, few, called),
    ):
        report.add(ITM, f"{pairs.name}, {label}", ratio, "", bound, against)
    return one, many


def _itm_limits(
    pairs: _Pairs, report: Report, peaks: floors.Peaks, *, alone: float, many: float
) -> None:
    """Report how far the head is from the quickest that this machine could compute it."""
    arch = pairs.base.whole.artifact.architecture
    name, add = pairs.name, report.add
    operations = floors.rerank_operations(arch, arch.image_tokens, pairs.ids.shape[1], CHUNK)
    operations /= CHUNK
    add(ITM, "the quickest product of bytes found here", peaks.int8 / 1e9, "GOP/s")
    add(ITM, "the quickest product of float32 found here", peaks.fp32 / 1e9, "GFLOP/s")
    add(ITM, "reading memory, one core", peaks.memory / 1e9, "GB/s")
    floor = operations / peaks.int8
    add(ITM, f"{name}: {operations / 1e9:.2f} GOP at that speed", floor * 1e3, "ms")
    add(ITM, f"{name}, of {CHUNK} candidates", many / floor, "times", "at most 1.9",
        "its operations at the quickest product's speed")  # fmt: skip
    weights = floors.rerank_weights(arch) / peaks.memory
    add(ITM, f"{name}: its weights, read once", weights * 1e3, "ms")
    add(ITM, f"{name}, alone", alone / max(floor, weights), "times", None,
        "the slower of operations and reading the weights")  # fmt: skip


def _itm_parts(pairs: _Pairs, report: Report) -> None:
    """Report the shares of the graph's operators in its time."""
    artifact = pairs.base.whole.artifact
    opened = reference.opened(pairs.ids, SPECIAL.enc).numpy()
    inputs = {"input_ids": opened, "tokens": pairs.levels[:8], "scales": pairs.scales[:8]}
    parts = floors.shares(artifact.read(artifact.manifest.graphs["rerank"]), inputs)
    for part, share in parts.items():
        report.add(ITM, f"{pairs.name}, of 8: {part}", share, "", None, "all of its time")


def _ways(base: Base, report: Report) -> None:
    """Each way at many lengths; the costs that fit them best; what choosing by them costs."""
    artifact = base.whole.artifact
    arch = artifact.architecture
    weights = prepare(artifact.state_dict(), arch, artifact.manifest.roles)
    crossings, worst = [], 0.0
    for count in TOKENS:
        compute = Compute("int8", count if count < arch.image_tokens else None)
        ways = [
            open_graph(rerank.build(weights, arch, compute, absorbed=absorbed), 1)
            for absorbed in (True, False)
        ]
        levels, scales = _tokens(4, (count, arch.vision_width))
        if compute.merges:
            scales = np.stack([scales, np.ones_like(scales)], axis=-1)
        taken = np.array([_both(ways, words + 2, levels, scales) for words in WORDS])
        lengths = np.array(WORDS) + 2
        for words in (SHORT, LONG):
            few, many = (float(np.interp(words + 2, lengths, way)) for way in taken.T)
            chosen = few if words + 2 <= longest_absorbed(arch, compute) else many
            name = f"a pair, {count} image tokens, {words} words"
            report.add(WAYS, f"{name}, absorbed", few * 1e3, "ms")
            report.add(WAYS, f"{name}, projected", many * 1e3, "ms")
            report.add(WAYS, f"{name}, the way that is chosen", chosen / min(few, many), "times",
                       "at most 1.1", "the quicker")  # fmt: skip
            worst = max(worst, chosen / min(few, many))
        if (crossing := _crossing(lengths, taken[:, 0] - taken[:, 1])) is not None:
            crossings.append((count, crossing))
            report.add(WAYS, f"{count} image tokens: projected is quicker from", crossing, "tokens")
            report.add(WAYS, f"{count} image tokens: projected is chosen from",
                       longest_absorbed(arch, compute) + 1, "tokens")  # fmt: skip
    token, product = _fitted(crossings, arch)
    report.add(WAYS, "cost of absorbing a token, measured", token, "projections")
    report.add(WAYS, "the same, what the rule has", COSTS["int8"][0], "projections")
    report.add(WAYS, "cost of its heads' products, measured", product, "projections")
    report.add(WAYS, "the same, what the rule has", COSTS["int8"][1], "projections")


def _both(ways: Sequence[Any], length: int, levels: Any, scales: Any) -> list[float]:
    """Seconds of a pair by each way."""
    ids = np.full((1, length), 2000, np.int64)
    inputs = {"input_ids": ids, "tokens": levels, "scales": scales}
    taken = in_turns([partial(way.run, None, inputs) for way in ways], rounds=4)
    return [seconds / len(levels) for seconds in taken]


def _crossing(lengths: npt.NDArray[Any], slower: npt.NDArray[Any]) -> float | None:
    """Where absorbed begins to be slower, between two lengths that were measured."""
    over = np.flatnonzero(slower > 0)
    if not len(over) or over[0] == 0:
        return None
    n = int(over[0])
    return float(np.interp(0, slower[n - 1 : n + 1], lengths[n - 1 : n + 1]))


def _fitted(crossings: Sequence[tuple[int, float]], arch: Architecture) -> tuple[float, float]:
    """The costs of `longest_absorbed` by which the ways cross where they do: least squares of
    count / crossing = token + product * (heads - 1) * count / width."""
    counts, at = (np.array(column, float) for column in zip(*crossings, strict=True))
    share = (arch.text_heads - 1) * counts / arch.text_width
    left = np.stack([np.ones_like(counts), share], axis=1) / (counts / at)[:, None]
    token, product = np.linalg.lstsq(left, np.ones_like(counts), rcond=None)[0]
    return float(token), float(product)


def pictures(arch: Architecture, count: int) -> npt.NDArray[np.uint8]:
    """Drawn scenes of the model's size."""
    from blipdb.scenes import sampling
    from tests.benchmarks.world import held_out

    drawn, _ = held_out(count, seed=41)
    return np.stack([np.asarray(sampling.draw(scene, arch.image_size)) for scene in drawn])


@torch.inference_mode()
def _images(base: Base, report: Report, peaks: floors.Peaks) -> None:
    arch = base.few.artifact.architecture
    pixels = pictures(arch, 8)
    model = base.theirs.retrieval
    one = normalised(pixels[:1])
    theirs, ours, whole = in_turns(
        [
            lambda: reference.image_tokens(model, one),
            lambda: base.few.encode_images(pixels[:1]),
            lambda: base.whole.encode_images(pixels[:1]),
        ]
    )
    add = report.add
    add(IMAGE, "encoding, transformers in float32", 1 / theirs, "images/s")
    add(IMAGE, f"encoding, blipdb, all {arch.image_tokens} tokens", 1 / whole, "images/s")
    add(IMAGE, f"encoding, blipdb, merged to {MERGED_TOKENS}", 1 / ours, "images/s")
    add(IMAGE, f"encoding, merged to {MERGED_TOKENS}", theirs / ours, "times", "at least 2.5",
        "transformers in float32")  # fmt: skip
    floor = floors.image_seconds(arch, peaks)
    add(IMAGE, "its products, layers in int8 and attention in float32", floor, "s")
    add(IMAGE, f"encoding, merged to {MERGED_TOKENS}", ours / floor, "times", None,
        "its products at the quickest products' speed")  # fmt: skip
    expected = torch.cat(
        [
            reference.image_vectors(model, reference.image_tokens(model, normalised(part)))
            for part in np.split(pixels, 4)
        ]
    )
    cosines = (base.few.encode_images(pixels).itc * expected.numpy()).sum(axis=1)
    add(IMAGE, f"least ITC cosine of {len(pixels)} images, int8 and torch in float32",
        cosines.min(), "", "at least 0.995")  # fmt: skip


@torch.inference_mode()
def _captions(base: Base, report: Report) -> None:
    arch = base.few.artifact.architecture
    pixels = pictures(arch, 8)
    model = base.theirs.captioner
    begun = len(PROMPT)
    lengths = {"min_length": 5, "max_length": 20}

    def theirs(part: npt.NDArray[np.uint8]) -> Any:
        tokens = reference.image_tokens(model, normalised(part))
        return reference.write(model, PROMPT, tokens, SPECIAL, **lengths)

    few, exact = (_prompted(runtime) for runtime in (base.few, base.exact))

    def ours(runtime: Runtime, part: npt.NDArray[np.uint8]) -> list[str]:
        _, tokens, scales = runtime.encode_images(part)
        return runtime.caption(tokens, scales, beams=3, min_tokens=1, max_tokens=20 - begun)

    one, batched, quick = in_turns(
        [lambda: theirs(pixels[:1]), lambda: theirs(pixels[:4]), lambda: ours(few, pixels)], 2
    )
    batched, quick = batched / 4, quick / len(pixels)
    name = f"captioning, beam 3, {20 - begun} words, with encoding"
    add = report.add
    add(IMAGE, f"{name}, transformers, one at a time", 1 / one, "images/s")
    add(IMAGE, f"{name}, transformers, 4 in a batch", 1 / batched, "images/s")
    add(IMAGE, f"{name}, blipdb, {len(pixels)} in a batch", 1 / quick, "images/s")
    add(IMAGE, name, min(one, batched) / quick, "times", "at least 3",
        "transformers, the quicker of both")  # fmt: skip
    expected = [base.exact.tokenizer.decode(ids) for ids in theirs(pixels[:4])]
    found = ours(exact, pixels[:4])
    same = np.mean([a == b for a, b in zip(found, expected, strict=True)])
    add(IMAGE, "captions that are the same, blipdb in float32 and transformers", float(same), "",
        "at least 1")  # fmt: skip


def _prompted(runtime: Runtime) -> Runtime:
    """With the prompt that BLIP's captioner was finetuned with."""
    from dataclasses import replace

    from blipdb.checkpoints.convert import CAPTIONING

    artifact = runtime.artifact
    manifest = replace(artifact.manifest, decoding=CAPTIONING)
    return Runtime(replace(artifact, manifest=manifest), runtime.tokenizer, runtime._sessions)
