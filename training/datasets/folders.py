"""A folder of images with their captions beside them: photo.jpg and photo.txt, a caption a line."""

from __future__ import annotations

from pathlib import Path

from blipdb.errors import UsageError
from blipdb.sources import captions, files

from .indexed import IndexedDataset, require_samples
from .sample import Broken, DataError, Sample


class Folder(IndexedDataset):
    """Captions of a folder's images, in the order of their paths, as `blipdb ingest` reads them. An
    image without any is not a sample."""

    def __init__(self, path: Path) -> None:
        """Find a folder's images and the captions beside them.

        Raises:
            DataError: there is no such folder, or no caption in it.
        """
        try:
            uris = [file.uri for file in files.find([path]).files]
        except UsageError as error:
            raise DataError(error.message) from None
        texts = captions.gather(uris).by_uri
        self._samples = [(uri, one.text) for uri in uris for one in texts.get(uri, ())]
        require_samples(self, f"{path}, with captions as photo.txt beside photo.jpg,")

    def __len__(self) -> int:
        return len(self._samples)

    def sample(self, number: int) -> Sample | Broken:
        uri, text = self._samples[number]
        return Sample((Path(uri),), uri, text, id=uri)


def folder(path: str | Path) -> Folder:
    """Open a folder. path: searched recursively."""
    return Folder(Path(path))
