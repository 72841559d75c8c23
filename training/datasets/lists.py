"""Lists of images with captions, as BLIP's own are: [{"image": "path", "caption": "text" or
[texts], "image_id": …}, …], in JSON, JSONL, CSV or TSV."""

from __future__ import annotations

import glob
from collections.abc import Callable, Sequence
from pathlib import Path

from .indexed import IndexedDataset, JoinedDataset, require_samples
from .records import Expansion, Record, Records
from .sample import Broken, DataError, Sample, SampleError

IMAGE_FIELDS = ("image", "image_path", "file_name", "filename", "path")
TEXT_FIELDS = ("caption", "text")

Read = Callable[[Record, int], Sample]
"""A sample of a record, by number; raises SampleError, LookupError or TypeError for a bad one."""


class Listed(IndexedDataset):
    """Samples of a file's records."""

    def __init__(self, records: Records, read: Read) -> None:
        """Raises DataError where no sample is what it should be."""
        self.records, self._read = records, read
        require_samples(self, str(records.path))

    def __len__(self) -> int:
        return len(self.records)

    def sample(self, number: int) -> Sample | Broken:
        try:
            sample = self._read(*self.records[number])
        except SampleError as error:
            return Broken(self.records.where(number), str(error))
        except KeyError as error:
            return Broken(self.records.where(number), f"it has no {error}")
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            return Broken(self.records.where(number), f"of another layout: {error}")
        if not sample.text.strip():
            return Broken(self.records.where(number), "its text is empty")
        return sample


def caption_list(
    path: str | Path | Sequence[str], images: str | Path | None = None
) -> IndexedDataset:
    """Open a list, or several: a glob, or several paths. images: the folder that the lists' paths
    are relative to; by default each list's own. A list of captions is as many samples.

    Raises:
        DataError: a file can't be read, or is no such list.
    """
    lists = [_captions(file, _folder(images, file)) for file in find_files(path)]
    return lists[0] if len(lists) == 1 else JoinedDataset(lists)


def find_files(path: str | Path | Sequence[str]) -> list[Path]:
    """Expand a path, a glob or several of them; a glob's files are sorted."""
    if not isinstance(path, str | Path):
        return [file for one in path for file in find_files(one)]
    if not glob.has_magic(str(path)) or Path(path).exists():
        return [Path(path)]
    if not (files := sorted(glob.glob(str(path), recursive=True))):
        raise DataError(f"{path} matches no file")
    return list(map(Path, files))


def _folder(images: str | Path | None, path: Path) -> Path:
    return path.parent if images is None else require_folder(images)


def require_folder(images: str | Path) -> Path:
    """Check that there is a folder of images.

    Raises:
        DataError: there is no such folder.
    """
    if not Path(images).is_dir():
        raise DataError(f"images: {images} is no folder; it is where the images' paths begin")
    return Path(images)


def _captions(path: Path, images: Path) -> IndexedDataset:
    def read(record: Record, part: int) -> Sample:
        image = images / image_of(record)
        return Sample((image,), str(image), caption_of(record, part), id=id_of(record))

    return Listed(Records(path, CAPTIONS), read)


def count_captions(record: Record) -> int:
    """Count the captions of a record; at least 1, so that a record without any is reported."""
    captions = record.get("caption", record.get("text"))
    return max(len(captions), 1) if isinstance(captions, list) else 1


CAPTIONS = Expansion("captions", count_captions)


def image_of(record: Record) -> str:
    """Return a record's path of the image.

    Raises:
        SampleError: it has none.
    """
    for name in IMAGE_FIELDS:
        if isinstance(image := record.get(name), str) and image:
            if "\0" in image:
                raise SampleError("its image's path has a NUL in it")
            return image
    if "url" in record:
        raise SampleError("it has a url and no image: download the images first")
    raise SampleError(f"it has no image, in none of {', '.join(IMAGE_FIELDS)}")


def caption_of(record: Record, part: int) -> str:
    """Return one of a record's captions.

    Raises:
        SampleError: there is none.
    """
    for name in TEXT_FIELDS:
        if (caption := record.get(name)) is not None:
            break
    else:
        raise SampleError(f"it has no caption, in none of {', '.join(TEXT_FIELDS)}")
    if isinstance(caption, list):
        if not caption:
            raise SampleError("its list of captions is empty")
        caption = caption[part]
    if not isinstance(caption, str):
        raise SampleError(f"its caption is no text: {caption!r:.40}")
    return caption


def id_of(record: Record) -> str:
    """A record's own number or name."""
    return str(record.get("image_id", ""))
