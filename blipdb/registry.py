"""The models that a database knows, and their files in this machine's home folder.

A model's row and partitions are the database's; its files lie in ``home/models``, in a folder
named by the first 16 digits of its digest, where the engine and ingest look for them. One model
at a time is active in each role.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from psycopg.rows import class_row

from . import bundled
from .database import indexes, jobs
from .errors import ModelError, UsageError
from .model.artifact import MANIFEST, Artifact
from .settings import Settings
from .types import Connection

if TYPE_CHECKING:
    from .model.runtime import Runtime


BUNDLED = "scenes"
DIGITS = 16  # of the digest, as a folder's name
EXACT_UNTIL = 10_000  # vectors: up to here an exact scan is quicker than an index to build
ADD = "Add one with: blipdb models add PATH"
LOOKING = ("retrieval", "captioner", "answerer")
"""Roles that look at stored images: a model with one of them encodes all images."""
FILTER = "filter"


@dataclass(frozen=True)
class Model:
    """A row of ``blip.models``; ``active`` are the roles that it has now."""

    model_id: int
    name: str
    digest: str
    roles: list[str]
    image_size: int
    itc_dims: int
    token_count: int
    token_width: int
    max_tokens: int
    merged: bool
    knows: str
    active: list[str]

    @property
    def record(self) -> tuple[int, int, bool]:
        """Shape of one image's stored tokens, for `tokens.record_size`."""
        return self.token_count, self.token_width, self.merged

    @property
    def encoding(self) -> jobs.Queue:
        return jobs.Queue(jobs.ENCODE, self.model_id)

    @property
    def captioning(self) -> jobs.Queue:
        return jobs.Queue(jobs.CAPTION, self.model_id)

    @property
    def embedding(self) -> jobs.Queue:
        return jobs.Queue(jobs.TEXT, self.model_id)

    @property
    def scoring(self) -> jobs.Queue:
        return jobs.Queue(jobs.SCORE, self.model_id)

    @property
    def usual_roles(self) -> list[str]:
        """The roles that it takes by default. A model for retrieval has a match head, so it can be
        the filter, too; it becomes that by `_follow`, or if told to."""
        if "retrieval" not in self.roles:
            return self.roles
        return [role for role in self.roles if role != FILTER]

    @property
    def encodes(self) -> bool:
        """Whether every image is to be encoded with it."""
        return not set(LOOKING).isdisjoint(self.active)

    def folder(self, settings: Settings) -> Path:
        """The folder of its files."""
        return settings.models_dir / self.digest[:DIGITS]


def register(
    conn: Connection,
    settings: Settings,
    folder: str | Path,
    *,
    activate: bool = True,
    roles: Collection[str] | None = None,
) -> Model:
    """Register the model in an artifact's folder, and copy its files into the home.

    With ``activate`` it takes its usual roles, or those of ``roles``; else only those that no model
    has. Safe to repeat: files that were altered or lost are put back.

    Raises:
        ModelError: the folder is no artifact, or one of its files is missing or altered.
    """
    artifact = Artifact.open(folder)
    _keep(artifact, settings)
    with conn.transaction():
        conn.execute("LOCK TABLE blip.models IN SHARE ROW EXCLUSIVE MODE")  # one at a time
        model = _row(conn, artifact) or _insert(conn, artifact)
        chosen = model.usual_roles if roles is None else roles
        _activate(conn, model, chosen, only_vacant=not activate)
    return find(conn, model.digest)


def register_bundled(conn: Connection, settings: Settings) -> Model:
    """Register the bundled model; it takes the roles that no other model has.

    Quick when it is there already: then its files are neither copied nor read, since whoever
    loads them verifies them.
    """
    model = _kept_bundled(conn, settings)
    return model or register(conn, settings, bundled_folder(), activate=False)


def has_bundled(conn: Connection, settings: Settings) -> bool:
    """Whether the bundled model is registered, and its files are in the home."""
    return _kept_bundled(conn, settings) is not None


def _kept_bundled(conn: Connection, settings: Settings) -> Model | None:
    manifest = bundled_folder() / MANIFEST
    if not manifest.exists():
        return None
    digest = hashlib.sha256(manifest.read_bytes()).hexdigest()
    for model in models(conn):
        if model.digest == digest and (model.folder(settings) / MANIFEST).exists():
            return model
    return None


def bundled_folder() -> Path:
    """Folder of the artifact that comes with the package."""
    return Path(bundled.__file__).parent / BUNDLED


def models(conn: Connection) -> list[Model]:
    """List the models in the order in which they were registered."""
    with conn.cursor(row_factory=class_row(Model)) as cursor:
        return cursor.execute(
            """
            SELECT model_id, name, digest, roles, image_size, itc_dims, token_count, token_width,
                   max_tokens, merged, knows,
                   ARRAY(SELECT role FROM blip.active_models a
                         WHERE a.model_id = m.model_id ORDER BY role) AS active
            FROM blip.models m ORDER BY model_id
            """
        ).fetchall()


def find(conn: Connection, name: str) -> Model:
    """Find a model by its name (the last one registered so), or by the beginning of its digest.

    Raises:
        UsageError: there is none.
    """
    known = models(conn)
    named = [model for model in known if model.name == name]
    named = named or [model for model in known if name and model.digest.startswith(name)]
    if not named:
        names = ", ".join(f"{model.name} ({model.digest[:DIGITS]})" for model in known)
        raise UsageError(f"There is no model {name!r}; there are: {names or 'none'}.", ADD)
    return named[-1]


def active(conn: Connection, role: str) -> Model:
    """Find the model that has ``role`` now.

    Raises:
        ModelError: none has.
    """
    for model in models(conn):
        if role in model.active:
            return model
    able = [model.name for model in models(conn) if role in model.roles]
    raise ModelError(
        f"No model is active as {role}.",
        f"Make it one: blipdb models activate {able[-1]} --role {role}" if able else ADD,
    )


def activate(conn: Connection, name: str, roles: Sequence[str] | None = None) -> int:
    """Give a model some roles, or its usual ones. Return the number of images left to encode.

    Raises:
        UsageError: there is no such model, or it can't have such a role.
    """
    model = find(conn, name)
    if wrong := sorted(set(roles or ()) - set(model.roles)):
        raise UsageError(
            f"The model {model.name} can't be {', '.join(wrong)}; "
            f"it can be {', '.join(model.roles)}."
        )
    with conn.transaction():
        _activate(conn, model, roles or model.usual_roles)
    return jobs.counts(conn, model.encoding).left


def load(settings: Settings, model: Model, *graphs: str) -> Runtime:
    """Load some of a model's graphs, each for one thread, after verifying their files.

    Raises:
        ModelError: the files are not in this home, or were altered.
    """
    folder = model.folder(settings)
    if not folder.is_dir():
        raise ModelError(
            f"The model {model.name} is registered, but its files are not in {folder}.",
            "Put them there with: blipdb models add PATH",
        )
    from .model.runtime import Runtime  # not at the top: a search needs neither it nor NumPy

    runtime = Runtime.load(folder, graphs=graphs)
    if runtime.artifact.digest != model.digest:
        raise ModelError(
            f"{folder / MANIFEST} was altered: its SHA-256 is {runtime.artifact.digest[:DIGITS]}…,"
            f" and {model.name} was registered with {model.digest[:DIGITS]}….",
            "Put the model's files back with: blipdb models add PATH",
        )
    return runtime


def index_vectors(conn: Connection, model: Model) -> bool:
    """Build the HNSW index of a model with more than 10,000 vectors, unless it is there.

    Inserting into the index costs several times what building it at once does, and below that
    number an exact scan is quicker than the index is. True if it was built now.
    """
    row = conn.execute(
        "SELECT count(*) FROM (SELECT FROM blip.image_vectors WHERE model_id = %s LIMIT %s) v",
        [model.model_id, EXACT_UNTIL + 1],
    ).fetchone()
    if row is None or row[0] <= EXACT_UNTIL:
        return False
    return indexes.create_vector_index(conn, model.model_id, model.itc_dims)


def _row(conn: Connection, artifact: Artifact) -> Model | None:
    found = [model for model in models(conn) if model.digest == artifact.digest]
    return found[0] if found else None


def _insert(conn: Connection, artifact: Artifact) -> Model:
    manifest, arch = artifact.manifest, artifact.manifest.architecture
    row = conn.execute(
        """
        INSERT INTO blip.models (name, digest, roles, image_size, itc_dims, token_count,
                                 token_width, max_tokens, merged, knows)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        RETURNING model_id
        """,
        [
            manifest.name,
            artifact.digest,
            _possible(manifest.roles),
            manifest.image.size,
            arch.embed_dim,
            manifest.compute.stored(arch),
            arch.vision_width,
            manifest.max_tokens,
            manifest.compute.merges,
            manifest.knows,
        ],
    ).fetchone()
    assert row is not None
    indexes.create_model_partitions(conn, row[0], arch.embed_dim)
    return find(conn, artifact.digest)


def _possible(declared: Collection[str]) -> list[str]:
    """Add the role of the filter to a manifest's, where it has retrieval and so a match head."""
    is_filter = "retrieval" in declared and FILTER not in declared
    return [*declared, FILTER] if is_filter else list(declared)


def _activate(
    conn: Connection, model: Model, roles: Collection[str], *, only_vacant: bool = False
) -> None:
    """Give a model roles. One that looks at images from now on gets a job for each image."""
    before = models(conn)
    looked = {model.model_id for model in before if model.encodes}
    change = "NOTHING" if only_vacant else "UPDATE SET model_id = excluded.model_id"
    changed = conn.execute(
        f"""
        INSERT INTO blip.active_models AS a (role, model_id)
        SELECT role, %s FROM pg_catalog.unnest(%s::text[]) AS role
        ON CONFLICT (role) DO {change}
        """,  # noqa: S608 - one of the two constants above
        [model.model_id, sorted(roles)],
    ).rowcount
    if changed and not set(LOOKING).isdisjoint(roles):
        jobs.enqueue_missing(conn, model.encoding)
    if "retrieval" in roles:
        _follow(conn, before)
    after = models(conn)
    for displaced in looked - {model.model_id for model in after if model.encodes}:
        jobs.drop_pending(conn, jobs.Queue(jobs.ENCODE, displaced))
    for old in before:
        new = next(model for model in after if model.model_id == old.model_id)
        for role, stage in (("retrieval", jobs.TEXT), (FILTER, jobs.SCORE)):
            if role in set(old.active) - set(new.active):
                jobs.drop_pending(conn, jobs.Queue(stage, old.model_id))


def _follow(conn: Connection, before: Sequence[Model]) -> None:
    """Make the model for retrieval the filter, unless another one was chosen for that."""
    old = [model.model_id for model in before if "retrieval" in model.active]
    conn.execute(
        """
        INSERT INTO blip.active_models AS a (role, model_id)
        SELECT 'filter', r.model_id FROM blip.active_models r WHERE r.role = 'retrieval'
        ON CONFLICT (role) DO UPDATE SET model_id = excluded.model_id
        WHERE a.model_id = ANY (%s)
        """,
        [old],
    )


def _keep(artifact: Artifact, settings: Settings) -> None:
    """Copy the files that the manifest names into the home, whole or not at all."""
    target = settings.models_dir / artifact.digest[:DIGITS]
    if _is_whole(target, artifact.digest):
        return
    settings.models_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=settings.models_dir, prefix=".adding-") as name:
        copy = Path(name) / "model"
        copy.mkdir()
        for file in artifact.manifest.files:
            _write(copy / file, artifact.read(file))
        _write(copy / MANIFEST, (artifact.folder / MANIFEST).read_bytes())
        copy.chmod(0o755)  # the servers' user only reads; root keeps what root wrote
        if not _is_whole(copy, artifact.digest):
            raise ModelError(f"{artifact.folder} changed while it was copied.")
        try:
            if target.exists():
                os.rename(target, Path(name) / "old")
            os.rename(copy, target)
        except OSError:
            if not _is_whole(target, artifact.digest):  # else another process was quicker
                raise


def _is_whole(folder: Path, digest: str) -> bool:
    try:
        return folder.is_dir() and Artifact.open(folder).digest == digest
    except ModelError:
        return False


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    path.chmod(0o644)
