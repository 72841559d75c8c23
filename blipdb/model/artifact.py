"""A model's folder: model.json, tokenizer.json, one .onnx per graph, README.md.

model.json names every other file with its SHA-256, and the SHA-256 of model.json is the model's
digest; so a digest stands for each byte of the model. No pickle, no external data.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ModelError
from .architecture import Architecture, ArchitectureError, SpecialTokens
from .compute import EXACT, Compute

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

FORMAT = 1
MANIFEST = "model.json"
TOKENIZER = "tokenizer.json"
FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
MODEL_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
ROLES = ("retrieval", "captioner", "filter", "answerer")


@dataclass(frozen=True)
class Preprocessing:
    """Conversion of an image to pixels: `size` in pixels, mean and std per channel of 0 to 1."""

    size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    resize: str = "bicubic"


@dataclass(frozen=True)
class Decoding:
    """Generation options of a model's captions or answers, unless a call says otherwise.

    Lengths are in tokens, counted as BLIP does: with [DEC] and the prompt's.
    """

    prompt: str = ""  # the opening of every caption, which is cut off
    beams: int = 3
    min_length: int = 2
    max_length: int = 20  # with the token that ends the text

    def __post_init__(self) -> None:
        numbers = (self.beams, self.min_length, self.max_length)
        if not isinstance(self.prompt, str) or any(type(number) is not int for number in numbers):
            raise ModelError(f"A model can't be decoded by {self}.")
        if self.beams < 1 or not 1 <= self.min_length < self.max_length:
            raise ModelError(
                f"A model can't be decoded with {self.beams} beams and {self.min_length} to "
                f"{self.max_length} tokens."
            )


@dataclass(frozen=True)
class Manifest:
    """Content of model.json."""

    name: str
    architecture: Architecture
    special_tokens: SpecialTokens
    image: Preprocessing
    max_tokens: int  # of a text
    roles: tuple[str, ...]
    knows: str  # completes "This model knows ..."
    graphs: Mapping[str, str]  # files of the graphs, by name
    files: Mapping[str, str]  # SHA-256 of each file
    temperature: float | None = None  # ITC's
    decoding: Decoding | None = None  # None: a caption may be as long as the model reads
    compute: Compute = EXACT

    def __post_init__(self) -> None:
        if not MODEL_NAME.fullmatch(self.name):
            raise ModelError(
                f"A model can't be called {self.name!r}.",
                "Names have lower-case letters, digits, dots, dashes and underscores, at most 63.",
            )
        if unknown := sorted(set(self.roles) - set(ROLES)):
            raise ModelError(f"Roles are {', '.join(ROLES)}; not {', '.join(unknown)}.")
        if "answerer" in self.roles and len(self.roles) > 1:
            raise ModelError("A model that answers questions has no other role.")
        positions = self.architecture.max_positions
        if not 2 < self.max_tokens <= positions:
            raise ModelError(
                f"max_tokens is {self.max_tokens}; the architecture has {positions} positions."
            )
        if self.decoding is not None and self.decoding.max_length > positions:
            raise ModelError(
                f"max_length is {self.decoding.max_length}; the architecture has {positions} "
                "positions."
            )
        self.compute.stored(self.architecture)  # raises where that can't be
        if self.image.size != self.architecture.image_size:
            raise ModelError(
                f"Images are resized to {self.image.size}, and the architecture reads "
                f"{self.architecture.image_size}."
            )
        for file in self.files:
            if not FILE_NAME.fullmatch(file) or file == MANIFEST:
                raise ModelError(f"A model can't hold a file called {file!r}.")
        for file in (TOKENIZER, *self.graphs.values()):
            if file not in self.files:
                raise ModelError(f"{MANIFEST} has no digest of {file}.")

    def to_json(self) -> bytes:
        values = {
            "format": FORMAT,
            "name": self.name,
            "architecture": self.architecture.to_dict(),
            "special_tokens": self.special_tokens.to_dict(),
            "text": {"max_tokens": self.max_tokens},
            "image": asdict(self.image),
            "roles": list(self.roles),
            "knows": self.knows,
            "temperature": self.temperature,
            **({"decoding": asdict(self.decoding)} if self.decoding else {}),
            **({"compute": self.compute.to_dict()} if self.compute != EXACT else {}),
            "graphs": dict(self.graphs),
            "files": dict(sorted(self.files.items())),
        }
        return (json.dumps(values, indent=2, ensure_ascii=False) + "\n").encode()

    @classmethod
    def from_json(cls, data: bytes) -> Manifest:
        """Read a manifest from the content of model.json.

        Raises:
            ModelError: it isn't JSON of this format, or what it says doesn't fit together.
        """
        try:
            values = json.loads(data)
            if (version := values["format"]) != FORMAT:
                raise ModelError(
                    f"{MANIFEST} has format {version!r}; this version of blipdb reads {FORMAT}.",
                    "Export the model again, or install the blipdb it was made for.",
                )
            return cls(
                name=values["name"],
                architecture=Architecture.from_dict(values["architecture"]),
                special_tokens=SpecialTokens.from_dict(values["special_tokens"]),
                image=_preprocessing(values["image"]),
                max_tokens=values["text"]["max_tokens"],
                roles=tuple(values["roles"]),
                knows=values["knows"],
                temperature=values["temperature"],
                decoding=Decoding(**values["decoding"]) if "decoding" in values else None,
                compute=Compute.from_dict(values.get("compute", {})),
                graphs=values["graphs"],
                files=values["files"],
            )
        except KeyError as error:
            raise ModelError(f"{MANIFEST} has no {error}.") from None
        except (ValueError, TypeError, AttributeError, ArchitectureError) as error:
            raise ModelError(f"{MANIFEST} can't be read: {error}") from None


def digests(files: Mapping[str, bytes]) -> dict[str, str]:
    """Compute the SHA-256 of each file in hex, as model.json holds them."""
    return {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}


@dataclass(frozen=True)
class Artifact:
    """A verified model folder. Made by `open` or `write`."""

    folder: Path
    manifest: Manifest
    digest: str
    """SHA-256 of model.json, in hex."""

    @classmethod
    def open(cls, folder: str | Path) -> Artifact:
        """Read model.json and check every file that it names.

        Raises:
            ModelError: a file is missing or altered, or model.json can't be used.
        """
        folder = Path(folder)
        data = _read(folder / MANIFEST)
        artifact = cls(folder, Manifest.from_json(data), hashlib.sha256(data).hexdigest())
        for name in artifact.manifest.files:
            artifact.verify(name)
        return artifact

    @classmethod
    def write(cls, folder: str | Path, manifest: Manifest, files: Mapping[str, bytes]) -> Artifact:
        """Write model.json and `files`, whose digests it holds, into a folder made for it."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            (folder / name).write_bytes(data)
        (folder / MANIFEST).write_bytes(manifest.to_json())
        return cls.open(folder)

    @classmethod
    def replace(
        cls, folder: str | Path, manifest: Manifest, files: Mapping[str, bytes]
    ) -> Artifact:
        """Write an artifact beside a folder and rename it into place: it is there whole or not at
        all.

        Raises:
            ModelError: the folder holds something that is no model.
        """
        folder = Path(folder)
        if folder.exists() and any(folder.iterdir()) and not (folder / MANIFEST).exists():
            raise ModelError(f"{folder} holds something that is not a model.", "Name another one.")
        beside = folder.with_name(f".{folder.name}.partial")
        shutil.rmtree(beside, ignore_errors=True)
        artifact = cls.write(beside, manifest, files)
        if folder.exists():
            shutil.rmtree(folder)
        beside.rename(folder)
        return cls(folder, artifact.manifest, artifact.digest)

    @property
    def name(self) -> str:
        return self.manifest.name

    @property
    def architecture(self) -> Architecture:
        return self.manifest.architecture

    def verify(self, name: str) -> None:
        """Check a file of the artifact against its digest in model.json.

        Raises:
            ModelError: the file is missing, or not the one that model.json names.
        """
        path = self.folder / name
        try:
            with path.open("rb") as file:  # in pieces: a graph may have hundreds of megabytes
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise _unreadable(path, error) from None
        self._compare(name, digest)

    def read(self, name: str) -> bytes:
        """Return a file's bytes, checked against model.json.

        Raises:
            ModelError: the file is missing or altered.
        """
        data = _read(self.folder / name)
        self._compare(name, hashlib.sha256(data).hexdigest())
        return data

    def _compare(self, name: str, digest: str) -> None:
        if digest != (expected := self.manifest.files[name]):
            raise ModelError(
                f"{self.folder / name} was altered: its SHA-256 is {digest[:16]}…, "
                f"and {MANIFEST} says {expected[:16]}….",
                "Add the model again, from where it came: blipdb models add PATH",
            )

    def state_dict(self) -> dict[str, npt.NDArray[np.float32]]:
        """Weights by their Hugging Face names: exactly the numbers that the graphs compute with,
        tied ones under each of their names, so that torch can load the same model."""
        import numpy as np  # it and onnx take 200 ms to import; only this needs them

        from .graphs import state_dict

        state = state_dict(self.read(file) for file in self.manifest.graphs.values())
        if self.manifest.temperature is not None:
            state["temp"] = np.asarray(self.manifest.temperature, np.float32)
        return state


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: OSError) -> ModelError:
    return ModelError(
        f"{path} can't be read: {error.strerror}.", "A model is a folder with a model.json."
    )


def _preprocessing(values: Mapping[str, Any]) -> Preprocessing:
    mean, std = (tuple(map(float, values[name])) for name in ("mean", "std"))
    return Preprocessing(values["size"], mean, std, values["resize"])  # type: ignore[arg-type]
