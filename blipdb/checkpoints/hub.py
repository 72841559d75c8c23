"""Fetching a checkpoint from the Hugging Face hub: one commit of it, each large file checked.

huggingface_hub finds the files, signs in (``HF_TOKEN``, ``HF_ENDPOINT``) and reads a stream,
reconnecting where it breaks. Its own cache forgets what a download that was given up had reached,
and compares sizes alone; so files are kept here, go on where they stopped, and SHA-256 is compared.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import ModelError, UsageError
from .convert import CONFIG, PROCESSOR
from .vocabulary import TOKENIZER, VOCABULARY
from .weights import INDEX_SUFFIX, WHOLE

if TYPE_CHECKING:
    from huggingface_hub.hf_api import RepoSibling

SPEC = re.compile(r"(?P<repo>\w[\w.-]*/\w[\w.-]*)(@(?P<revision>[\w./-]+))?")


class Fetched(NamedTuple):
    """A checkpoint's folder on this machine, and its commit."""

    folder: Path
    repo: str
    commit: str


def is_spec(text: str) -> bool:
    """Whether a text may name a repository: ``owner/name`` or ``owner/name@revision``."""
    return SPEC.fullmatch(text) is not None


def fetch(spec: str, kept: Path) -> Fetched:
    """Fetch what `convert` reads of a repository, at its newest commit or the revision's, into a
    folder of its own in ``kept``; what is there already is not fetched again.

    Raises:
        ModelError: the repository, the revision or a file is missing; it asks for a licence to be
            accepted first; the hub can't be reached; a file is not the one that the hub lists;
            the disk is full.
        UsageError: ``spec`` names no repository.
    """
    if (parts := SPEC.fullmatch(spec)) is None:
        raise UsageError(f"{spec} is no repository.", "As in: Salesforce/blip-itm-base-coco")
    import huggingface_hub  # a tenth of a second of imports that only this needs

    with _explained(spec):
        api = huggingface_hub.HfApi(endpoint=os.environ.get("HF_ENDPOINT"))
        info = api.model_info(parts["repo"], revision=parts["revision"], files_metadata=True)
        commit = str(info.sha)
        folder = kept / parts["repo"].replace("/", "--") / commit
        folder.mkdir(parents=True, exist_ok=True)
        files = {file.rfilename: file for file in info.siblings or ()}
        for name in _wanted(spec, files):
            if not (folder / name).exists():
                _download(folder / name, parts["repo"], commit, files[name])
    return Fetched(folder, parts["repo"], commit)


def _download(path: Path, repo: str, commit: str, file: RepoSibling) -> None:
    """Download one file, resuming an earlier download of it."""
    from huggingface_hub import hf_hub_url
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

    url = hf_hub_url(repo, path.name, revision=commit, endpoint=os.environ.get("HF_ENDPOINT"))
    partial = path.with_name(f"{path.name}.partial")
    with partial.open("ab") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)  # another process may be fetching it
        begin = stream.tell()
        if file.size is not None and begin > file.size:
            stream.truncate(begin := 0)
        http_get(
            url,
            stream,
            resume_size=begin,
            headers=build_hf_headers(),
            expected_size=file.size,
            displayed_filename=path.name,
        )
        stream.flush()
        os.fsync(stream.fileno())
    _verify(partial, path.name, file.lfs.sha256 if file.lfs else None)
    partial.rename(path)


def _wanted(spec: str, files: Mapping[str, Any]) -> list[str]:
    """Select a repository's files: settings, tokenizer, and the weights in one form."""
    weights = [name for name in WHOLE if name in files][:1]
    if not weights:
        raise ModelError(f"{spec} holds no weights: looked for {', '.join(WHOLE)}.")
    if weights[0].endswith(INDEX_SUFFIX):
        stem, suffix = weights[0].removesuffix(INDEX_SUFFIX).split(".")
        shard = re.compile(rf"{stem}-\d+-of-\d+\.{suffix}")
        weights += sorted(name for name in files if shard.fullmatch(name))
    tokenizer = [name for name in (TOKENIZER, VOCABULARY) if name in files][:1]
    return [*(name for name in (CONFIG, PROCESSOR) if name in files), *tokenizer, *weights]


def _verify(path: Path, name: str, digest: str | None) -> None:
    if digest is None:  # small files are in git, whose commit names them
        return
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != digest:
        path.unlink()
        raise ModelError(
            f"{name} has the SHA-256 {found[:16]}…, and the hub lists {digest[:16]}….",
            "It was removed: the same command fetches it anew.",
        )


@contextmanager
def _explained(spec: str) -> Iterator[None]:
    """Translate the library's errors to ours."""
    from huggingface_hub import errors

    try:
        yield
    except errors.GatedRepoError:
        raise ModelError(
            f"{spec} is open only to those who accepted its terms.",
            "Accept them on its page, and set HF_TOKEN to a token of yours.",
        ) from None
    except errors.RepositoryNotFoundError:
        raise ModelError(
            f"The hub has no repository {spec.partition('@')[0]}, or it is private.",
            "Look at its spelling; for a private one set HF_TOKEN.",
        ) from None
    except errors.RevisionNotFoundError:
        raise ModelError(f"The hub knows no revision of {spec} by that name.") from None
    except errors.EntryNotFoundError as error:
        raise ModelError(f"A file of {spec} is missing: {_first_line(error)}") from None
    except OSError as error:  # connections, too
        if error.errno == errno.ENOSPC:
            raise ModelError(
                f"The disk is full: {spec} can't be kept.",
                "Free some, or set BLIPDB_HOME to a folder elsewhere.",
            ) from None
        raise ModelError(
            f"{spec} can't be fetched: {_first_line(error)}",
            "The same command goes on where it stopped.",
        ) from None
    except Exception as error:
        if type(error).__module__.split(".")[0] not in ("httpx", "httpx2", "huggingface_hub"):
            raise
        raise ModelError(
            f"{spec} can't be fetched: {_first_line(error)}",
            "The same command goes on where it stopped.",
        ) from None


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0] or type(error).__name__
