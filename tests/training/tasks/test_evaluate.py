"""The command, through its own `main`, on tiny models and tiny data of every kind."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from blipdb.model.artifact import Decoding
from blipdb.training import evaluate
from blipdb.training.datasets.sample import DataError, Sample
from blipdb.training.evaluation.metrics import captioning as captions
from blipdb.training.evaluation.tasks import retrieval
from blipdb.training.evaluation.tasks.answerer import AnswersByTexts
from blipdb.training.evaluation.tasks.captioning import caption
from blipdb.training.evaluation.tasks.models import TorchModel, normalised
from blipdb.training.evaluation.tasks.reading import read_pairs, see_image
from tests.tiny import WORDS, tiny_artifact
from tests.training.tasks.test_videos import shades, write_video
from tests.training.tasks.tinies import (
    CPU,
    caption_file,
    pictures,
    save_pictures,
    save_run,
    sentences,
    tiny_answerer,
    tiny_reasoner,
    write_json,
)

Evaluated = dict[str, Any]


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    return tiny_artifact(tmp_path / "model").folder


def run(tmp_path: Path, task: str, model: Path, *arguments: object) -> Evaluated:
    out = tmp_path / "made" / "results.json"
    evaluate.main([task, "--model", str(model), "--out", str(out), *map(str, arguments)])
    found: Evaluated = json.loads(out.read_bytes())
    assert found["task"] == task
    assert found["model"] == str(model)
    assert found["protocol"]["precision"] == "fp32"
    return found


def refusal(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    with pytest.raises(SystemExit) as stopped:
        evaluate.main([*map(str, arguments), "--out", os.devnull])
    return f"{stopped.value.code} {capsys.readouterr().err}"


def test_retrieval(
    tmp_path: Path, artifact: Path, model: TorchModel, capsys: pytest.CaptureFixture[str]
) -> None:
    path = caption_file(tmp_path, images=12, captions=2)
    data = ("--data", "kind=json", f"path={path}")
    found = run(tmp_path, "retrieval", artifact, *data, "--k", 11, "--batch", 5)
    records = json.loads(path.read_bytes())
    pairs = read_pairs(
        Sample((path.parent / record["image"],), record["image"], text)
        for record in records
        for text in record["caption"]
    )
    both = retrieval.retrieve(model, pairs, see_image, pairs.images, k=11, batch=64)
    assert found["figures"] == {"here": pytest.approx(both.figures(pairs, "image"))}
    assert found["data"] == {"kind": "json", "path": str(path)}
    assert found["protocol"] == {
        "score": "ITM logit + ITC cosine", "candidates": 11, "images": 12, "texts": 24,
        "text tokens": 24, "image size": 32, "device": "cpu", "precision": "fp32",
    }  # fmt: skip
    assert found["paper"] is None
    shown = capsys.readouterr()
    first = found["figures"]["here"]["image to text R@1"]
    assert re.search(rf"^image to text R@1 +{first:.2f}$", shown.out, re.MULTILINE)
    assert shown.err == ""  # no bar where nobody sees it


def test_the_papers_figures_stand_beside(
    tmp_path: Path,
    artifact: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """COCO in Karpathy's layout: its benchmark, and its 256 candidates."""
    monkeypatch.setenv("COLUMNS", "200")
    folder = tmp_path / "coco" / "val2014"
    paths = save_pictures(folder, 11)
    texts = sentences(22)
    listed = [
        {"image": f"val2014/{path.name}", "caption": texts[2 * n : 2 * n + 2]}
        for n, path in enumerate(paths)
    ]
    write_json(tmp_path / "coco_karpathy_test.json", listed)
    data = [
        "kind=coco",
        f"path={tmp_path / 'coco_karpathy_test.json'}",
        f"images={tmp_path / 'coco'}",
    ]
    found = run(tmp_path, "retrieval", artifact, "--data", *data)
    assert found["protocol"]["candidates"] == 256
    assert found["paper"]["benchmark"] == "coco"
    assert found["paper"]["figures"]["text to image R@5"]["ViT-L, 129M"] == 86.3
    out = capsys.readouterr().out
    assert "CapFilt-L" in out
    assert "82.40" in out
    assert "BLIP's own figures: COCO, Karpathy's test" in out
    zero = run(
        tmp_path, "retrieval", artifact, "--data", *data, "--benchmark", "flickr30k-zero-shot"
    )
    assert zero["paper"]["figures"]["image to text R@1"]["ViT-B, 14M"] == 94.8
    none = run(tmp_path, "retrieval", artifact, "--data", *data, "--benchmark", "none")
    assert none["paper"] is None


def test_captioning(
    tmp_path: Path,
    model: TorchModel,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A run's own prompt; and without Java what needs it is missing, with the reason."""
    monkeypatch.setenv("PATH", "")
    path = caption_file(tmp_path, images=4)
    of_run = save_run(tmp_path / "run", model.med, model, prompt="the big ")
    predictions = tmp_path / "captions" / "coco.json"
    arguments = ("--data", "kind=json", f"path={path}", "--predictions", predictions)
    found = run(tmp_path, "captioning", of_run, *arguments)
    records = json.loads(path.read_bytes())
    images = [path.parent / record["image"] for record in records]
    written = caption(model, images, Decoding("the big ", 3, 5, 20), batch=8)
    keys = [str(image) for image in images]
    assert json.loads(predictions.read_bytes()) == [
        {"image_id": key, "caption": text} for key, text in zip(keys, written, strict=True)
    ]
    people = dict(zip(keys, (record["caption"] for record in records), strict=True))
    scores = captions.score(dict(zip(keys, written, strict=True)), people)
    assert found["figures"]["here"] == pytest.approx(dict(scores.figures))
    assert found["missing"] == {"METEOR": "there is no java here", "SPICE": "there is no java here"}
    assert found["protocol"] == {
        "prompt": "the big ", "beams": 3, "min_length": 5, "max_length": 20, "images": 4,
        "image size": 32, "words": "treebank.py", "device": "cpu", "precision": "fp32",
    }  # fmt: skip
    assert "no SPICE: there is no java here" in capsys.readouterr().out
    other = run(tmp_path, "captioning", of_run, *arguments, "--prompt", "", "--beams", 1)
    assert (other["protocol"]["prompt"], other["protocol"]["beams"]) == ("", 1)


@pytest.fixture
def answering(tmp_path: Path, model: TorchModel) -> tuple[Path, AnswersByTexts]:
    answerer = tiny_answerer(model)
    run = save_run(tmp_path / "answerer", answerer, model)
    return run, AnswersByTexts(answerer, model.texts)


def question_file(tmp_path: Path, **extra: Any) -> Path:
    """VQA as BLIP's lists: five questions about three images."""
    paths = save_pictures(tmp_path / "vqa", 3)
    return write_json(
        tmp_path / "vqa_val.json",
        [
            {"question_id": 100 + n, "question": text, "image": paths[n % 3].name, **extra}
            for n, text in enumerate(sentences(5))
        ],
    )


@torch.inference_mode()
def test_vqa(tmp_path: Path, model: TorchModel, answering: tuple[Path, AnswersByTexts]) -> None:
    of_run, asking = answering
    path = question_file(tmp_path, answer=["red"] * 2 + ["is"] * 8)
    data = ("--data", "kind=vqa", f"path={path}", f"images={tmp_path / 'vqa'}")
    predictions = tmp_path / "answers.json"
    listed = write_json(tmp_path / "answer_list.json", WORDS)
    ranked = run(
        *(tmp_path, "vqa", of_run, *data, "--answers", listed, "--predictions", predictions)
    )
    tokens = asking.image_tokens(normalised(pictures(3), model.source, CPU))
    own = tokens[[n % 3 for n in range(5)]]
    expected = asking.rank(own, sentences(5), WORDS)
    assert json.loads(predictions.read_bytes()) == [
        {"question_id": 100 + n, "answer": text} for n, text in enumerate(expected)
    ]
    points = {"red": 0.6, "is": 1.0}
    accuracy = 100 * sum(points.get(text, 0) for text in expected) / 5
    assert ranked["figures"] == {"here": {"accuracy": pytest.approx(accuracy)}}
    assert ranked["protocol"]["candidates"] == len(WORDS)
    generated = run(
        *(tmp_path, "vqa", of_run, *data, "--mode", "generate", "--predictions", predictions)
    )
    expected = asking.generate(own, sentences(5))
    assert [one["answer"] for one in json.loads(predictions.read_bytes())] == expected
    assert generated["protocol"]["mode"] == "generate"


def test_vqa_whose_answers_nobody_knows(
    tmp_path: Path, answering: tuple[Path, AnswersByTexts], capsys: pytest.CaptureFixture[str]
) -> None:
    path = question_file(tmp_path)
    data = ("--data", "kind=vqa", f"path={path}", f"images={tmp_path / 'vqa'}")
    found = run(tmp_path, "vqa", answering[0], *data, "--mode", "generate")
    assert found["figures"] == {"here": {}}
    assert "no accuracy: the data has no answers; hand in" in capsys.readouterr().out


def test_nlvr2(tmp_path: Path, model: TorchModel) -> None:
    reasoner = save_run(tmp_path / "reasoner", tiny_reasoner(model), model)
    paths = save_pictures(tmp_path / "nlvr2", 8)
    listed = write_json(
        tmp_path / "nlvr_dev.json",
        [
            {
                "identifier": f"dev-7-{n}-{n // 2}",
                "images": [paths[2 * n].name, paths[2 * n + 1].name],
                "sentence": "The red dog",
                "label": "True" if n % 2 else "False",
            }
            for n in range(4)
        ],
    )
    predictions = tmp_path / "nlvr2.csv"
    data = ("--data", "kind=nlvr2", f"path={listed}", f"images={tmp_path / 'nlvr2'}")
    found = run(tmp_path, "nlvr2", reasoner, *data, "--predictions", predictions)
    rows = [line.split(",") for line in predictions.read_text().splitlines()]
    assert [name for name, _ in rows] == [f"dev-7-{n}-{n // 2}" for n in range(4)]
    right = [said == str(n % 2 == 1) for n, (_, said) in enumerate(rows)]
    both = [right[0] and right[1], right[2] and right[3]]
    assert found["figures"]["here"] == {
        "accuracy": 25.0 * sum(right),
        "consistency": 50.0 * sum(both),
    }


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """Three videos of 9 to 17 frames."""
    folder = tmp_path / "clips"
    folder.mkdir()
    for n in range(3):
        write_video(folder / f"video{n}.mp4", shades(17)[n : 9 + 4 * n])
    return folder


def test_video_retrieval(tmp_path: Path, artifact: Path, clips: Path) -> None:
    lines = [{"clip_name": f"video{n}", "caption": text} for n, text in enumerate(sentences(3))]
    listed = tmp_path / "msrvtt_test.jsonl"
    listed.write_text("\n".join(map(json.dumps, lines)))
    data = ("--data", f"path={listed}", f"videos={clips}")
    found = run(tmp_path, "video-retrieval", artifact, *data, "--benchmark", "msrvtt")
    figures = found["figures"]["here"]
    assert figures["text to video R@5"] == 100.0
    assert figures["text to video MdR"] in (1.0, 2.0, 3.0)
    assert found["protocol"]["frames"] == 8
    assert found["paper"]["figures"]["text to video R@1"] == {"BLIP": 43.3}
    fewer = run(tmp_path, "video-retrieval", artifact, *data, "--frames", 2)
    assert fewer["protocol"]["frames"] == 2
    assert fewer["paper"] is None


def test_video_qa(tmp_path: Path, clips: Path, answering: tuple[Path, AnswersByTexts]) -> None:
    listed = write_json(
        tmp_path / "test_qa.json",
        [
            {"video_id": n, "question": text, "answer": "Is", "id": n}
            for n, text in enumerate(sentences(3))
        ],
    )
    answers = write_json(tmp_path / "answers.json", ["is", "dog"])
    predictions = tmp_path / "said.json"
    found = run(
        *(tmp_path, "video-qa", answering[0], "--answers", answers, "--predictions", predictions),
        *("--data", f"path={listed}", f"videos={clips}", "name=video{}.mp4"),
    )
    said = [row["answer"] for row in json.loads(predictions.read_bytes())]
    assert found["figures"]["here"]["accuracy"] == pytest.approx(100 * said.count("is") / 3)
    assert found["protocol"]["frames"] == 16
    assert found["protocol"]["candidates"] == 2


def test_what_cannot_be_done_is_said_in_a_sentence(
    tmp_path: Path, artifact: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ("--model", artifact, "--data")
    said = refusal(capsys, "retrieval", *given, "kind=coca")
    assert said.startswith("evaluate: kind is 'coca'; it can be ")
    said = refusal(capsys, "retrieval", "--model", tmp_path / "none", "--data", "kind=json")
    assert "none is not there" in said
    said = refusal(capsys, "retrieval", *given, "nonsense")
    assert "--data nonsense: a TOML file, or key=value pairs" in said
    said = refusal(capsys, "video-qa", *given, "path=a", "images=b")
    assert "videos: unknown images; known: path, videos, name" in said
    said = refusal(capsys, "video-qa", *given, "path=a")
    assert "videos: videos is missing" in said
    assert "usage:" in refusal(capsys, "retrieval", *given, "kind=json", "--benchmark", "what")
    said = refusal(capsys, "retrieval", *given, "kind=json", "--batch", 0)
    assert "--batch: '0' is no number from 1 on" in said
    path = caption_file(tmp_path, images=2)
    said = refusal(capsys, "captioning", *given, "kind=json", f"path={path}", "--beams", 0)
    assert "A model can't be decoded with 0 beams" in said


def test_answers_that_are_none(
    tmp_path: Path, artifact: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = question_file(tmp_path, answer=["red"])
    given = ("--model", artifact, "--data")
    data = ("kind=vqa", f"path={path}", f"images={tmp_path / 'vqa'}")
    assert "needs answers to choose from" in refusal(capsys, "vqa", *given, *data)
    listed = write_json(tmp_path / "answers.json", [])
    said = refusal(capsys, "vqa", *given, *data, "--answers", listed)
    assert "answers.json is no JSON list of answers" in said
    listed.write_text("{")
    said = refusal(capsys, "vqa", *given, *data, "--answers", listed)
    assert "answers.json can't be read as JSON" in said


def test_data_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "data.toml"
    path.write_text('kind = "coco"\npath = "a.json"\n')
    assert evaluate.read_data([str(path)]) == {"kind": "coco", "path": "a.json"}
    path.write_text('[[data]]\nkind = "vqa"\n')
    assert evaluate.read_data([str(path)]) == {"kind": "vqa"}
    path.write_text('[[data]]\nkind = "vqa"\n[[data]]\nkind = "coco"\n')
    with pytest.raises(DataError, match=r"has 2 \[\[data\]\]; an evaluation reads one"):
        evaluate.read_data([str(path)])
    path.write_text("kind")
    with pytest.raises(DataError, match=r"data\.toml can't be read"):
        evaluate.read_data([str(path)])
    assert evaluate.read_data(["kind=json", "path=a=b"]) == {"kind": "json", "path": "a=b"}


@pytest.mark.slow
def test_help_names_every_task(capsys: pytest.CaptureFixture[str]) -> None:
    """In a process of its own, as it is called; and what a task can be told."""
    command = [sys.executable, "-m", "blipdb.training.evaluate"]
    done = subprocess.run([*command, "--help"], capture_output=True, text=True, check=True)
    for task in ("retrieval", "captioning", "vqa", "nlvr2", "video-retrieval", "video-qa"):
        assert f"\n    {task}" in done.stdout
    with pytest.raises(SystemExit) as ended:
        evaluate.main(["retrieval", "-h"])
    assert ended.value.code == 0
    assert "--sql URL" in capsys.readouterr().out
