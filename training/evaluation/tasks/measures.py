"""Evaluation of each task, from its data to its report."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from blipdb.database import connection
from blipdb.model.artifact import Decoding

from ...datasets.open import open_dataset
from ...datasets.sample import DataError, Dataset, ImageSource, Sample
from ...datasets.transforms import STATEMENT_WORDS, Pixels, pre_caption
from ...run.checkpoint import write_atomically, write_json
from ..metrics import captioning as captions
from ..metrics import nlvr2
from . import answering, captioning, reasoning, retrieval, sql_retrieval, videos
from .models import load_answerer, load_model, load_reasoner
from .progress import Show
from .reading import all_samples, read_pairs, see_image
from .report import HERE, THROUGH_SQL, Report

CANDIDATES = {"coco": 256, "flickr30k": 128}  # by kind of data
OTHER_CANDIDATES = VIDEO_CANDIDATES = 128
BENCHMARKS = {"coco": "coco", "flickr30k": "flickr30k"}  # of retrieval, by kind of data


@dataclass(frozen=True)
class EvaluationOptions:
    """Options of an evaluation. A task ignores those that it has no use for."""

    task: str
    model: Path
    data: Mapping[str, Any]
    device: torch.device
    batch: int = 64
    # Whose published figures to compare with, where the data's kind doesn't tell; "none" to compare
    # with none.
    benchmark: str | None = None
    predictions: Path | None = None  # where to write them
    k: int | None = None  # candidates of each query; None: the protocol's number
    sql: str | None = None  # URL of a database to evaluate as well
    space: str = ""  # of the images there
    prompt: str | None = None  # None: the model's own
    beams: int = 3
    shortest: int = 5  # tokens of a caption, with [DEC] and the prompt
    longest: int = 20  # tokens of a caption, with [DEC] and the prompt
    mode: str = "rank"  # or "generate"
    answers: Path | None = None  # to rank
    frames: int | None = None  # of each video; None: the protocol's number

    def report(
        self,
        figures: Mapping[str, Mapping[str, float]],
        protocol: Mapping[str, Any],
        benchmark: str | None = None,
        missing: Mapping[str, str] | None = None,
    ) -> Report:
        name = self.benchmark or benchmark
        protocol = {**protocol, "device": self.device.type, "precision": "fp32"}
        paper = None if name == "none" else name
        model = str(self.model)
        return Report(self.task, model, self.data, figures, protocol, paper, missing or {})


def measure_retrieval(options: EvaluationOptions, show: Show) -> Report:
    """Measure retrieval both ways between images and captions; with --sql in the database, too."""
    kind = str(options.data.get("kind"))
    model = load_model(options.model, options.device)
    pairs = read_pairs(all_samples(open_dataset(options.data)))
    k = options.k or CANDIDATES.get(kind, OTHER_CANDIDATES)
    both = retrieval.retrieve(
        model, pairs, see_image, pairs.images, k=k, batch=options.batch, show=show
    )
    figures = {HERE: both.figures(pairs, "image")}
    if options.sql is not None:
        with connection.connect_pinned(options.sql, autocommit=True) as conn:
            scores = sql_retrieval.retrieve(
                conn, model.source, pairs, k=k, space=options.space, show=show
            )
        figures[THROUGH_SQL] = scores.figures(pairs, "image")
    protocol = {
        "score": "ITM logit + ITC cosine",
        "candidates": k,
        "images": len(pairs.images),
        "texts": len(pairs.texts),
        "text tokens": model.texts.limited(retrieval.MAX_TOKENS).limit,
        "image size": model.source.arch.image_size,
    }
    return options.report(figures, protocol, BENCHMARKS.get(kind))


def measure_captioning(options: EvaluationOptions, show: Show) -> Report:
    """Measure a caption of each image against people's captions."""
    model = load_model(options.model, options.device)
    images, references = captioning.read_images(all_samples(open_dataset(options.data)))
    prompt = model.source.prompt if options.prompt is None else options.prompt
    decoding = Decoding(prompt, options.beams, options.shortest, options.longest)
    texts = captioning.caption(
        model, list(images.values()), decoding, batch=options.batch, show=show
    )
    by_image = dict(zip(images, texts, strict=True))
    rows = [{"image_id": as_number(id), "caption": text} for id, text in by_image.items()]
    predict(options.predictions, rows)
    scores = captions.score(by_image, references)
    protocol = {
        **asdict(decoding),
        "images": len(images),
        "image size": model.source.arch.image_size,
        "words": scores.words,
    }
    benchmark = "coco-captions" if options.data.get("kind") == "coco" else None
    return options.report({HERE: scores.figures}, protocol, benchmark, scores.missing)


def measure_vqa(options: EvaluationOptions, show: Show) -> Report:
    """Measure answers to questions about images, by VQA v2's rule."""
    samples = all_samples(open_dataset(options.data))
    answers, protocol = _answer(options, samples, see_image, show)
    rows = [
        {"question_id": as_number(sample.id), "answer": answer}
        for sample, answer in zip(samples, answers, strict=True)
    ]
    predict(options.predictions, rows)
    if not any(sample.answers for sample in samples):  # a test split's: its server knows them
        missing = {"accuracy": "the data has no answers; hand in what --predictions wrote"}
        return options.report({HERE: {}}, protocol, None, missing)
    accuracy = answering.vqa_accuracy(samples, answers)
    return options.report({HERE: {"accuracy": accuracy}}, protocol)


def measure_nlvr2(options: EvaluationOptions, show: Show) -> Report:
    """Measure judgements of statements about two images each."""
    samples = all_samples(open_dataset(options.data))
    reasoner, source = load_reasoner(options.model, options.device)
    judged = reasoning.judge(
        reasoner, source, samples, batch=options.batch, device=options.device, show=show
    )
    rows = [
        {"identifier": sample.id, "prediction": str(is_true)}
        for sample, is_true in zip(samples, judged, strict=True)
    ]
    predict(options.predictions, rows)
    right = reasoning.rightly(samples, judged)
    texts, ids = [sample.text for sample in samples], [sample.id for sample in samples]
    protocol = {
        "examples": len(samples),
        "words of a statement": STATEMENT_WORDS,
        "image size": source.arch.image_size,
    }
    return options.report({HERE: nlvr2.figures(right, texts, ids)}, protocol)


def measure_video_retrieval(options: EvaluationOptions, show: Show) -> Report:
    """Measure retrieval both ways between videos and captions, by a model trained on images."""
    samples = all_samples(_videos(options.data))
    count = options.frames or videos.RETRIEVAL_FRAMES
    model = load_model(options.model, options.device)
    pairs = read_pairs(samples, lambda text: pre_caption(text, STATEMENT_WORDS))
    k = options.k or VIDEO_CANDIDATES
    see = _frames(count)
    both = retrieval.retrieve(model, pairs, see, pairs.images, k=k, batch=options.batch, show=show)
    protocol = {
        "score": "ITM logit on all frames' tokens + cosine of the frames' mean",
        "frames": count,
        "candidates": k,
        "videos": len(pairs.images),
        "texts": len(pairs.texts),
        "text tokens": model.texts.limited(retrieval.MAX_TOKENS).limit,
        "image size": model.source.arch.image_size,
    }
    return options.report({HERE: both.figures(pairs, "video")}, protocol)


def measure_video_qa(options: EvaluationOptions, show: Show) -> Report:
    """Measure answers to questions about videos, by a model trained on images: exact matches."""
    samples = all_samples(_videos(options.data))
    count = options.frames or videos.ANSWERING_FRAMES
    answers, protocol = _answer(options, samples, _frames(count), show)
    rows = [
        {"video": str(sample.images[0]), "question": sample.text, "answer": answer}
        for sample, answer in zip(samples, answers, strict=True)
    ]
    predict(options.predictions, rows)
    accuracy = answering.exact_accuracy(samples, answers)
    return options.report({HERE: {"accuracy": accuracy}}, {**protocol, "frames": count})


Measure = Callable[[EvaluationOptions, Show], Report]
MEASURES: Mapping[str, Measure] = {
    "retrieval": measure_retrieval,
    "captioning": measure_captioning,
    "vqa": measure_vqa,
    "nlvr2": measure_nlvr2,
    "video-retrieval": measure_video_retrieval,
    "video-qa": measure_video_qa,
}


def _answer(
    options: EvaluationOptions,
    samples: Sequence[Sample],
    see: Callable[[ImageSource, int], Pixels],
    show: Show,
) -> tuple[list[str], dict[str, Any]]:
    """Answer each question. Return the answers, and the rule that chose them."""
    candidates = read_candidates(options.answers)
    answering.require_candidates(options.mode, candidates)
    answerer, source = load_answerer(options.model, options.device)
    size = source.arch.image_size
    answers = answering.answer(
        *(answerer, source, samples, see, candidates),
        batch=options.batch,
        device=options.device,
        show=show,
    )
    protocol = {
        "mode": options.mode,
        "candidates": len(candidates),
        "questions": len(samples),
        "image size": size,
    }
    return answers, protocol


def read_candidates(path: Path | None) -> list[str]:
    """Read the answers to choose from, as in BLIP's answer_list.json; none without a file.

    Raises:
        DataError: the file is no JSON list of texts.
    """
    if path is None:
        return []
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise DataError(f"{path} can't be read as JSON: {error}") from None
    if (
        not isinstance(content, list)
        or not all(isinstance(one, str) for one in content)
        or not content
    ):
        raise DataError(f"{path} is no JSON list of answers")
    return content


def _videos(data: Mapping[str, Any]) -> Dataset:
    names = ("path", "videos", "name")
    if unknown := sorted(set(data) - {*names, "kind"}):
        raise DataError(f"videos: unknown {', '.join(unknown)}; known: {', '.join(names)}")
    if missing := [name for name in names[:2] if name not in data]:
        raise DataError(f"videos: {', '.join(missing)} is missing")
    return videos.video_list(**{name: data[name] for name in names if name in data})


def _frames(count: int) -> Callable[[ImageSource, int], Pixels]:
    def see(video: ImageSource, size: int) -> Pixels:
        assert isinstance(video, Path)  # as `video_list` gives them
        return videos.frames(video, count, size)

    return see


def predict(path: Path | None, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write predictions in the format of the benchmark's server, if a path is given: JSON, or CSV
    without a heading (NLVR2's)."""
    if path is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix != ".csv":
        write_json(path, list(rows))
        return

    def write(beside: Path) -> None:
        with beside.open("w", newline="") as file:
            csv.writer(file).writerows(list(row.values()) for row in rows)

    write_atomically(path, write)


def as_number(id: str) -> int | str:
    """Convert an id to a number where the release has numbers, as servers want them."""
    return int(id) if id.isdecimal() else id
