"""Videos: lists of them, and BLIP's evenly spaced frames.

FFmpeg decodes them in this process (by PyAV): an evaluation reads a benchmark's own files, which
are trusted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from blipdb.errors import SetupError

from ...datasets.indexed import IndexedDataset
from ...datasets.lists import Listed
from ...datasets.records import Record, Records
from ...datasets.sample import DataError, Sample, SampleError
from ...datasets.transforms import Pixels

if TYPE_CHECKING:
    from av.container import InputContainer

RETRIEVAL_FRAMES, ANSWERING_FRAMES = 8, 16
VIDEO_FIELDS = ("video", "clip_name", "video_id")
TEXT_FIELDS = ("caption", "text", "question")


def video_list(path: str | Path, videos: str | Path, name: str = "{}.mp4") -> IndexedDataset:
    """A list of videos with a caption, or a question and its answer, each: BLIP's msrvtt_test.jsonl
    ({"clip_name", "caption"}), MSRVTT-QA's test_qa.json ({"video_id", "question", "answer"}).

    videos: the folder that holds them; name: of a file there, by what the list calls it.

    Raises:
        DataError: the file or the folder isn't there, or it is no such list.
    """
    folder = Path(videos)
    if not folder.is_dir():
        raise DataError(f"videos: {folder} is no folder; it is where the videos are")

    def read(record: Record, part: int) -> Sample:
        called = _field(record, VIDEO_FIELDS)
        video = folder / (called if Path(called).suffix else name.format(called))
        if not video.exists():
            raise SampleError(f"{video} is not there")
        answers = (str(record["answer"]),) if "answer" in record else ()
        text = _field(record, TEXT_FIELDS)
        return Sample((video,), str(video), text, answers, (1.0,) * len(answers))

    return Listed(Records(path), read)


def _field(record: Record, names: Iterable[str]) -> str:
    for name in names:
        if name in record:
            return str(record[name])
    raise SampleError(f"it has none of {', '.join(names)}")


def frame_places(total: int, count: int) -> list[int]:
    """Choose `count` of `total` frames: every (total // count)-th, from the first.

    BLIP's release takes those, as its step is a whole number. Of a video with fewer frames it would
    take the first alone; here each comes as often as the next.
    """
    if total < count:
        return [n * total // count for n in range(count)]
    return [n * (total // count) for n in range(count)]


def frames(path: Path, count: int, size: int) -> Pixels:
    """Decode `count` frames of a video, each as a square, bicubic: uint8 [count, S, S, 3].

    Raises:
        DataError: it can't be decoded.
        SetupError: PyAV is not installed.
    """
    total = promised_frames(path)
    pixels = _decode(path, frame_places(total, count), size) if total else None
    if pixels is None:  # the header said nothing, or too much
        if not (total := count_frames(path)):
            raise DataError(f"{path} has no frame")
        pixels = _decode(path, frame_places(total, count), size)
    if pixels is None:
        raise DataError(f"{path} has other frames each time that it is decoded")
    return pixels


def promised_frames(path: Path) -> int:
    """Number of frames in a video's header; 0 where it has none."""
    with _open_video(path) as container:
        return int(container.streams.video[0].frames)


def count_frames(path: Path) -> int:
    """Count a video's frames; decodes them all."""
    with _open_video(path) as container:
        return sum(1 for _ in container.decode(video=0))


def _decode(path: Path, places: list[int], size: int) -> Pixels | None:
    """Decode the frames at those ascending indices; None where the video is shorter."""
    numbers, last, by_place = set(places), places[-1], dict[int, Pixels]()
    with _open_video(path) as container:
        for place, frame in enumerate(container.decode(video=0)):
            if place in numbers:
                image = Image.fromarray(frame.to_ndarray(format="rgb24"))
                by_place[place] = np.asarray(image.resize((size, size), Image.Resampling.BICUBIC))
            if place == last:
                return np.stack([by_place[place] for place in places])
    return None


@contextmanager
def _open_video(path: Path) -> Iterator[InputContainer]:
    try:
        import av
    except ImportError:
        raise SetupError(
            "PyAV, which decodes videos, is not installed.",
            "Install it with: pip install 'blipdb[video]'",
        ) from None
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise DataError(f"{path} has no video in it")
            container.streams.video[0].thread_type = "AUTO"
            yield container
    except av.FFmpegError as error:
        raise DataError(f"{path} can't be decoded: {error.strerror}") from None
