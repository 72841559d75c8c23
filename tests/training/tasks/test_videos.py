"""Frames of videos that the tests write themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest

from blipdb.training.datasets.sample import DataError, Sample
from blipdb.training.evaluation.tasks import videos
from blipdb.training.evaluation.tasks.reading import all_samples
from blipdb.training.evaluation.tasks.videos import frame_places, frames, video_list
from tests.training.tasks.tinies import write_json

SIDE = 32


def shades(count: int) -> npt.NDArray[np.uint8]:
    """uint8 [count, 32, 48, 3]: frame n is of one shade, of n."""
    levels = np.linspace(20, 230, count).astype(np.uint8)
    return np.broadcast_to(levels[:, None, None, None], (count, SIDE, 48, 3)).copy()


def write_video(path: Path, shown: npt.NDArray[np.uint8], codec: str = "mpeg4") -> Path:
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=25)
        stream.height, stream.width, stream.pix_fmt = *shown.shape[1:3], "yuv420p"
        for pixels in shown:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    return path


def levels(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.floating]:
    return np.asarray(pixels.reshape(len(pixels), -1).mean(axis=1))


@pytest.mark.parametrize(
    ("total", "count", "places"),
    [
        (8, 8, [0, 1, 2, 3, 4, 5, 6, 7]),
        (301, 8, [0, 37, 74, 111, 148, 185, 222, 259]),
        (16, 3, [0, 5, 10]),
        (3, 6, [0, 0, 1, 1, 2, 2]),
        (1, 4, [0, 0, 0, 0]),
    ],
)
def test_places_are_even(total: int, count: int, places: list[int]) -> None:
    assert frame_places(total, count) == places
    if total >= count:  # as BLIP's release takes them
        assert np.arange(0, total, total / count, dtype=int)[:count].tolist() == places


@pytest.mark.parametrize("name", ["clip.mp4", "clip.webm", "clip.avi"])
def test_frames_are_those_at_their_places(tmp_path: Path, name: str) -> None:
    """webm doesn't say how many frames it has."""
    shown = shades(21)
    codec = "libvpx" if name.endswith("webm") else "mpeg4"
    path = write_video(tmp_path / name, shown, codec)
    found = frames(path, 5, 16)
    assert found.shape == (5, 16, 16, 3)
    assert found.dtype == np.uint8
    np.testing.assert_allclose(levels(found), levels(shown)[[0, 4, 8, 12, 16]], atol=4)


def test_a_short_video_repeats_its_frames(tmp_path: Path) -> None:
    shown = shades(3)
    found = frames(write_video(tmp_path / "clip.mp4", shown), 8, 16)
    expected = levels(shown)[[0, 0, 0, 1, 1, 1, 2, 2]]
    np.testing.assert_allclose(levels(found), expected, atol=4)


def test_a_header_that_promises_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the frames are counted: those of the 9 that are there, not of the 90 that were said."""
    shown = shades(9)
    path = write_video(tmp_path / "clip.mp4", shown)
    counted = videos.count_frames
    monkeypatch.setattr(videos, "promised_frames", lambda path: 90)
    np.testing.assert_allclose(levels(frames(path, 4, 16)), levels(shown)[[0, 2, 4, 6]], atol=4)
    assert counted(path) == 9


def test_what_is_no_video_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"no video at all")
    with pytest.raises(DataError, match=r"clip\.mp4 can't be decoded: Invalid data"):
        frames(path, 4, 16)
    with pytest.raises(DataError, match="can't be decoded: No such file"):
        frames(tmp_path / "other.mp4", 4, 16)
    whole = write_video(tmp_path / "whole.mp4", shades(50)).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="can't be decoded"):
        frames(path, 4, 16)


def test_sound_alone_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("aac", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with pytest.raises(DataError, match=r"sound\.mp4 has no video in it"):
        frames(path, 4, 16)


def test_lists_of_captions_and_of_questions(tmp_path: Path) -> None:
    for name in ("video9.mp4", "video10.mp4", "z.webm"):
        (tmp_path / name).touch()
    captions = tmp_path / "msrvtt_test.jsonl"
    captions.write_text('{"clip_name": "video9", "caption": "a man"}\n')
    video = tmp_path / "video9.mp4"
    assert all_samples(video_list(captions, tmp_path)) == [Sample((video,), str(video), "a man")]
    questions = write_json(
        tmp_path / "test_qa.json",
        [
            {"video_id": 10, "question": "what is it?", "answer": "dog", "id": 3},
            {"video": "z.webm", "question": "who?", "answer": "man"},
        ],
    )
    first, second = all_samples(video_list(questions, tmp_path, "video{}.mp4"))
    assert (first.images, first.text, first.answers) == (
        (tmp_path / "video10.mp4",),
        "what is it?",
        ("dog",),
    )
    assert second.images == (tmp_path / "z.webm",)


def test_lists_that_are_none(tmp_path: Path) -> None:
    listed = write_json(tmp_path / "list.json", [{"video": "a", "caption": "x"}])
    with pytest.raises(DataError, match="is no folder"):
        video_list(listed, tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"a\.mp4 is not there"):
        video_list(listed, tmp_path)
    write_json(listed, [{"image": "a", "caption": "x"}])
    with pytest.raises(DataError, match="it has none of video, clip_name, video_id"):
        video_list(listed, tmp_path)
