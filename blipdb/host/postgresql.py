"""Installations of PostgreSQL, and the private tree of one that the cluster runs from.

A server takes extensions only from its own share folder, which belongs to root. So the private
cluster runs from a tree of its own: PostgreSQL finds its library and share folders by the path of
the program that was started, so three copied programs in the same layout, beside links to all the
rest, make a server that reads *our* extension folder. Nothing of the system's is touched.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ..errors import SetupError

OLDEST = 15
OLDEST_VECTOR = (0, 8, 0)  # the first with iterative scans
PARALLEL_VECTOR = (0, 8, 2)  # before it, parallel HNSW builds overflow a buffer: CVE-2026-3172
PROGRAMS = ("postgres", "initdb", "pg_ctl")
PREFIXES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin")


@dataclass(frozen=True)
class Installation:
    """One PostgreSQL: where its programs, libraries and shared files are."""

    bin: Path
    lib: Path
    share: Path
    version: str

    @property
    def major(self) -> int:
        return int(re.split(r"\D", self.version, maxsplit=1)[0])

    @property
    def extensions(self) -> Path:
        return self.share / "extension"

    @property
    def vector_version(self) -> tuple[int, ...] | None:
        """pgvector's default version, as (0, 8, 6); None where it is not installed."""
        try:
            control = (self.extensions / "vector.control").read_text()
        except FileNotFoundError:
            return None
        match = re.search(r"default_version\s*=\s*'([\d.]+)'", control)
        return tuple(map(int, match[1].split("."))) if match else None

    def problem(self) -> SetupError | None:
        """Return an error with its remedy, where blipdb can't run on this installation."""
        if self.major < OLDEST:
            return SetupError(
                f"PostgreSQL {OLDEST} or newer is needed; {self.bin} holds {self.version}.",
                "Install a newer one, as with: apt-get install postgresql",
            )
        if not (self.extensions / "plpython3u.control").exists():
            return SetupError(
                f"PostgreSQL {self.version} has no plpython3u: looked in {self.extensions}.",
                f"Install it: apt-get install postgresql-plpython3-{self.major}",
            )
        vector = self.vector_version
        if vector is None or vector < OLDEST_VECTOR:
            state = "is missing" if vector is None else f"{_dotted(vector)} is too old"
            return SetupError(
                f"pgvector {state}: {_dotted(OLDEST_VECTOR)} or newer is needed; "
                f"looked in {self.extensions}.",
                f"Install it: apt-get install postgresql-{self.major}-pgvector, "
                "or from a checkout of blipdb: .setup/system",
            )
        return None


def find(major: int | None = None) -> Installation:
    """Find the newest PostgreSQL, of ``major`` if it is given, that has all that blipdb needs.

    Raises:
        SetupError: none is installed, or the newest lacks something; it says what, and where it
            was looked for.
    """
    folders = _program_folders()
    installations = [installation for folder in folders if (installation := _inspect(folder))]
    if major is not None:
        installations = [
            installation for installation in installations if installation.major == major
        ]
    if not installations:
        requirement = f"PostgreSQL {major}" if major else f"PostgreSQL {OLDEST} or newer"
        looked = ", ".join([*PREFIXES, "PATH"])
        raise SetupError(
            f"{requirement} is not installed: looked for {', '.join(PROGRAMS)} in {looked}.",
            f"Install it: apt-get install postgresql{f'-{major}' if major else ''}",
        )
    installations.sort(
        key=lambda installation: (installation.problem() is None, installation.major)
    )
    best = installations[-1]
    if problem := best.problem():
        raise problem
    return best


def _program_folders() -> list[Path]:
    folders = [path for prefix in PREFIXES for path in Path("/").glob(prefix[1:])]
    if program := shutil.which("postgres"):
        folders.append(Path(program).resolve().parent)
    return list(dict.fromkeys(folders))


def _inspect(folder: Path) -> Installation | None:
    if not all(os.access(folder / name, os.X_OK) for name in (*PROGRAMS, "pg_config")):
        return None
    options = ("--bindir", "--pkglibdir", "--sharedir", "--version")
    command = [str(folder / "pg_config"), *options]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return Installation(
        bin=Path(lines[0]),
        lib=Path(lines[1]),
        share=Path(lines[2]),
        version=lines[3].removeprefix("PostgreSQL ").split()[0],
    )


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def plant(installation: Installation, root: Path) -> Installation:
    """Make or renew the private tree of ``installation`` under ``root``; returns it.

    Programs are copied again once the system's have changed, links follow what is there now, and
    files of our own in the extension folder stay. A server that runs is not disturbed: programs
    are replaced by renaming.
    """
    layout = os.path.commonpath([installation.bin, installation.lib, installation.share])

    def inside(path: Path) -> Path:
        return root / path.relative_to(layout)

    tree = Installation(
        bin=inside(installation.bin),
        lib=inside(installation.lib),
        share=inside(installation.share),
        version=installation.version,
    )
    for folder in (tree.bin, tree.lib.parent, tree.extensions):
        _make_readable(folder, root)
    for name in PROGRAMS:
        _copy_changed(installation.bin / name, tree.bin / name)
    _link(installation.lib, tree.lib)
    _link_all(installation.share, tree.share)
    _link_all(installation.extensions, tree.extensions)
    return tree


def _make_readable(folder: Path, root: Path) -> None:
    """Make ``folder`` below ``root``, readable by the cluster's user under any umask."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in (root, *reversed([p for p in folder.parents if root in p.parents]), folder):
        path.chmod(0o755)


def _copy_changed(source: Path, target: Path) -> None:
    stamp = source.stat()
    if target.exists():
        copied = target.stat()
        if (copied.st_size, copied.st_mtime_ns) == (stamp.st_size, stamp.st_mtime_ns):
            return
    fresh = target.with_suffix(".new")
    shutil.copy2(source, fresh)
    fresh.chmod(0o755)
    fresh.replace(target)


def _link_all(source: Path, target: Path) -> None:
    """Link each entry of ``source`` into ``target``; drop links whose entry has gone."""
    names = set(os.listdir(source))
    for name in os.listdir(target):
        if name not in names and (target / name).is_symlink():
            (target / name).unlink()
    for name in names:
        _link(source / name, target / name)


def _link(source: Path, target: Path) -> None:
    if target.is_symlink():
        if target.readlink() == source:
            return
        target.unlink()
    if not target.exists():  # the folder `extension`, and files of our own, stay
        target.symlink_to(source)
