"""COCO, Flickr30K, Visual Genome, VQA v2 and NLVR2, in their own layouts and in BLIP's."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from blipdb.training.datasets.indexed import IndexedDataset
from blipdb.training.datasets.published import coco, flickr30k, nlvr2, visual_genome, vqa
from blipdb.training.datasets.sample import Broken, DataError, Sample
from tests.training.datasets import corpora
from tests.training.datasets.corpora import caption


def good(dataset: IndexedDataset) -> list[Sample]:
    """Every sample; all images are there."""
    found = []
    for one in dataset.once():
        assert isinstance(one, Sample), str(one)
        assert all(isinstance(image, Path) and image.is_file() for image in one.images)
        found.append(one)
    return found


def texts_by_id(samples: Iterable[Sample]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in samples:
        found.setdefault(one.id, []).append(one.text)
    return found


def change(path: Path, **changes: Any) -> Path:
    """The first image of a Karpathy file, changed; None takes a field away."""
    value = json.loads(path.read_text())
    first = value["images"][0] | changes
    value["images"][0] = {name: one for name, one in first.items() if one is not None}
    return corpora.write_json(path, value)


@pytest.mark.parametrize(
    ("split", "images"), [("train", (0, 1, 4, 5)), ("val", (2, 6)), ("test", (3, 7))]
)
def test_coco_in_karpathys_splits(split: str, images: tuple[int, ...], tmp_path: Path) -> None:
    found = good(coco(corpora.karpathy(tmp_path), tmp_path, split))
    assert texts_by_id(found) == {str(1000 + n): [caption(n), caption(n, 1)] for n in images}
    first = tmp_path / f"val2014/COCO_val2014_{1000 + images[0]:012d}.jpg"
    assert found[0].images == (first,)
    assert found[0].key == found[1].key == str(first)


@pytest.mark.parametrize(("split", "images"), [("train", (0, 1, 4, 5)), ("val", (2, 6))])
def test_flickr30k_in_karpathys_splits(split: str, images: tuple[int, ...], tmp_path: Path) -> None:
    path = corpora.karpathy(tmp_path, "flickr30k")
    for root in (tmp_path, tmp_path / "flickr30k-images"):
        found = texts_by_id(good(flickr30k(path, root, split)))
        assert found == {str(1000 + n): [caption(n), caption(n, 1)] for n in images}


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_blips_lists_of_a_split(split: str, tmp_path: Path) -> None:
    found = good(coco(corpora.blip_split(tmp_path, split), tmp_path))
    assert texts_by_id(found) == {str(1000 + n): [caption(n), caption(n, 1)] for n in range(3)}


def test_flickrs_names_are_its_ids(tmp_path: Path) -> None:
    corpora.write_picture(tmp_path / "flickr30k-images/1007129816.jpg", 1)
    entry = {"image": "flickr30k-images/1007129816.jpg", "caption": ["one", "two"]}
    found = good(flickr30k(corpora.write_json(tmp_path / "flickr30k_val.json", [entry]), tmp_path))
    assert texts_by_id(found) == {"1007129816": ["one", "two"]}


def test_a_split_is_named_where_there_are_several(tmp_path: Path) -> None:
    path = corpora.karpathy(tmp_path)
    with pytest.raises(DataError, match="holds all splits; split can be train, val, test"):
        coco(path, tmp_path)
    with pytest.raises(DataError, match="has no split 'dev'; it can be train, val, test"):
        coco(path, tmp_path, "dev")
    one = corpora.blip_split(tmp_path, "val")
    with pytest.raises(DataError, match="is the list of one split: leave out split = 'val'"):
        coco(one, tmp_path, "val")


def test_another_layout_is_named(tmp_path: Path) -> None:
    path = corpora.write_json(tmp_path / "captions.json", {"info": {}, "annotations": []})
    with pytest.raises(DataError, match='has no list "images"; it has info, annotations'):
        coco(path, tmp_path, "val")
    path = corpora.write_json(tmp_path / "x.json", {"images": [{"id": 1, "file_name": "a.jpg"}]})
    with pytest.raises(DataError, match=r"none of the first 1 .*x\.json, byte 12: it has no 'file"):
        coco(path, tmp_path, "val")
    with pytest.raises(DataError, match=r"none\.json can't be read: No such file"):
        coco(tmp_path / "none.json", tmp_path)
    with pytest.raises(DataError, match="images: /nowhere is no folder"):
        coco(corpora.karpathy(tmp_path), "/nowhere", "val")


def test_a_broken_image_of_karpathys_is_a_broken_sample(tmp_path: Path) -> None:
    path = change(corpora.karpathy(tmp_path), sentences=[{"tokens": []}, {"raw": ""}])
    broken = [one for one in coco(path, tmp_path, "train").once() if isinstance(one, Broken)]
    assert [one.reason for one in broken] == ["it has no 'raw'", "its text is empty"]
    path = change(path, sentences=None)
    broken = [one for one in coco(path, tmp_path, "train").once() if isinstance(one, Broken)]
    assert [one.reason for one in broken] == ["it has no 'sentences'"]


def test_an_image_that_occurs_twice_is_named(tmp_path: Path) -> None:
    path = corpora.karpathy(tmp_path)
    name = json.loads(path.read_text())["images"][4]["filename"]
    with pytest.raises(DataError, match=f"{name} occurs twice: {path}, byte "):
        coco(change(path, filename=name), tmp_path, "train")
    path = corpora.blip_split(tmp_path, "val")
    doubled = json.loads(path.read_text())
    corpora.write_json(path, [*doubled, doubled[1]])
    with pytest.raises(DataError, match=r"COCO_val2014_000000001001\.jpg occurs twice"):
        coco(path, tmp_path)


def test_visual_genome(tmp_path: Path) -> None:
    found = good(visual_genome(corpora.region_descriptions(tmp_path), tmp_path))
    assert [(one.id, one.text) for one in found] == [
        ("10", caption(1)), ("11", caption(1, 1)), ("20", caption(2)), ("21", caption(2, 1)),
    ]  # fmt: skip
    assert found[2].images == (tmp_path / "VG_100K_2/2.jpg",)
    listed = [{"image": "VG_100K/1.jpg", "caption": "a dog", "image_id": 1}]
    path = corpora.write_json(tmp_path / "vg_caption.json", listed)
    assert texts_by_id(good(visual_genome(path, tmp_path))) == {"1": ["a dog"]}


def test_vqa_weighs_answers_by_annotators(tmp_path: Path) -> None:
    questions, annotations = corpora.vqa_release(tmp_path)
    found = good(vqa(tmp_path, questions=questions, annotations=annotations, split="train"))
    assert [one.text for one in found] == [f"Is it {n}?" for n in range(4)]
    assert [one.id for one in found] == ["262000", "262001", "263000", "263001"]
    assert found[0].answers == ("yes", "no", "maybe")
    assert found[0].weights == (0.7, 0.2, 0.1)
    assert (found[3].answers, found[3].weights) == (("2",), (1.0,))
    assert found[0].key == found[1].key != found[2].key


def test_vqas_test_questions_have_no_answers(tmp_path: Path) -> None:
    questions, _ = corpora.vqa_release(tmp_path, "test")
    found = good(vqa(tmp_path, questions=questions, split="test"))
    assert [one.answers for one in found] == [()] * 4
    assert found[0].images == (tmp_path / "test2015/COCO_test2015_000000000262.jpg",)


def test_blips_lists_of_questions(tmp_path: Path) -> None:
    own, theirs = corpora.vqa_list(tmp_path), corpora.vg_qa(tmp_path)
    found = good(vqa(tmp_path, path=[str(own), str(theirs)]))
    assert [(one.id, one.answers, one.weights) for one in found] == [
        *((str(1000 + n), ("yes", "no"), (0.75, 0.25)) for n in range(4)),
        ("9", ("a dog",), (0.2,)),
    ]


def test_what_vqa_lacks_is_named(tmp_path: Path) -> None:
    questions, annotations = corpora.vqa_release(tmp_path)
    with pytest.raises(DataError, match="vqa: give path, or questions, annotations and split"):
        vqa(tmp_path)
    with pytest.raises(DataError, match="vqa: give path, or questions, annotations and split"):
        vqa(tmp_path, path="x.json", questions=questions)
    with pytest.raises(DataError, match="vqa: split is None; it can be train, val, test"):
        vqa(tmp_path, questions=questions)
    with pytest.raises(DataError, match='has no list "annotations"; it has info, license, questi'):
        vqa(tmp_path, questions=questions, annotations=questions, split="train")
    corpora.write_json(annotations, {"annotations": [{"question_id": 1, "answers": []}]})
    with pytest.raises(DataError, match=r"no annotation: question 262000 isn't in .*annotations"):
        vqa(tmp_path, questions=questions, annotations=annotations, split="train")


def test_a_question_without_annotation_is_broken(tmp_path: Path) -> None:
    questions, annotations = corpora.vqa_release(tmp_path)
    value = json.loads(annotations.read_text())
    corpora.write_json(annotations, value | {"annotations": value["annotations"][1:]})
    data = vqa(tmp_path, questions=questions, annotations=annotations, split="train")
    broken = [one for one in data.once() if isinstance(one, Broken)]
    assert [one.kind for one in broken] == ["no annotation"]


def test_a_question_that_occurs_twice_is_named(tmp_path: Path) -> None:
    questions, annotations = corpora.vqa_release(tmp_path)
    for path, name in ((questions, "questions"), (annotations, "annotations")):
        value = json.loads(path.read_text())
        doubled = corpora.write_json(path, value | {name: [*value[name], value[name][1]]})
        with pytest.raises(DataError, match=f"26[23]00[01] occurs twice: {path}"):
            vqa(tmp_path, questions=questions, annotations=annotations, split="train")
        corpora.write_json(doubled, value)


def test_nlvr2_has_two_images_and_a_label(tmp_path: Path) -> None:
    found = good(nlvr2(corpora.nlvr2(tmp_path), tmp_path))
    assert [one.label for one in found] == [0, 1, 0, 1]
    assert [one.id for one in found] == [f"train-{n}" for n in range(4)]
    assert found[2].text == "The left image shows 2 dogs."
    unknown = json.loads((tmp_path / "nlvr_train.json").read_text())
    del unknown[1]["label"]
    found = good(nlvr2(corpora.write_json(tmp_path / "test.json", unknown), tmp_path))
    assert [one.label for one in found] == [0, None, 0, 1]
    assert found[2].images == tuple(
        tmp_path / f"train/images/2-{side}.png" for side in ("img0", "img1")
    )


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"label": "maybe"}, "its label is neither True nor False: 'maybe'"),
        ({"images": ["a"]}, "of another layout: not enough values"),
        ({"images": None}, "of another layout: "),
        ({"sentence": " "}, "its text is empty"),
    ],
)
def test_a_broken_statement(changes: dict[str, Any], reason: str, tmp_path: Path) -> None:
    path = corpora.nlvr2(tmp_path)
    value = json.loads(path.read_text())
    value[1] |= changes
    found = list(nlvr2(corpora.write_json(path, value), tmp_path).once())
    broken = found[1]
    assert isinstance(broken, Broken)
    assert broken.reason.startswith(reason)
    assert all(isinstance(one, Sample) for one in (found[0], *found[2:]))


def test_a_statement_that_occurs_twice_is_named(tmp_path: Path) -> None:
    path = corpora.nlvr2(tmp_path)
    value = json.loads(path.read_text())
    corpora.write_json(path, [*value, value[3]])
    with pytest.raises(DataError, match="train-3 occurs twice"):
        nlvr2(path, tmp_path)
