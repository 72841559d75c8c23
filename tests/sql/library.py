"""A database of pictures encoded by a tiny model, and what its searches must find, in numpy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID

import numpy as np
import numpy.typing as npt
import psycopg
from PIL import Image
from psycopg.types.json import Jsonb

from blipdb import registry
from blipdb.database import connection
from blipdb.host import owner
from blipdb.identity import caption_id, image_id
from blipdb.model.runtime import Runtime
from blipdb.model.tokens import pack_batch
from blipdb.registry import Model
from blipdb.settings import DATABASE, Settings
from tests.engine.engines import Engine
from tests.images.pictures import encode
from tests.tiny import ARCHITECTURE

Connection = psycopg.Connection[Any]
Floats = npt.NDArray[np.float32]

SIZE = 60
SPACES = ("", "red", "blue")  # of the images, in turn


@dataclass(frozen=True)
class Hit:
    """A row that `blip_search` must give."""

    image_id: UUID
    score: float
    itm: float | None
    itc: float


@dataclass(frozen=True)
class Library:
    """``itc``, ``tokens`` and ``scales`` are the model's, for each of ``ids``."""

    url: str
    model: Model
    runtime: Runtime
    pictures: list[bytes]
    ids: list[UUID]
    itc: Floats
    tokens: npt.NDArray[np.int8]
    scales: Floats

    def cosines(self, query: Floats) -> Floats:
        """With what the database stores: vectors of float16."""
        stored = self.itc.astype(np.float16).astype(np.float32)
        asked = query.astype(np.float16).astype(np.float32)
        cosines: Floats = stored @ asked / np.linalg.norm(stored, axis=1) / np.linalg.norm(asked)
        return cosines

    def best(
        self,
        query: str,
        k: int = 10,
        candidates: int | None = None,
        among: Sequence[int] | None = None,
    ) -> list[Hit]:
        """Return the expected hits of a search for a text, among these images or all."""
        cosines = self.cosines(self.runtime.embed_texts([query])[0])
        chosen = np.arange(len(self.ids)) if among is None else np.array(among, int)
        chosen = chosen[np.argsort(-cosines[chosen])][: candidates or max(32, k)]
        if not chosen.size:
            return []
        logits = self.runtime.rerank(query, self.tokens[chosen], self.scales[chosen])
        hits = [
            Hit(
                self.ids[number],
                float(match + cosines[number]),
                float(1 / (1 + np.exp(no_match - match))),
                float(cosines[number]),
            )
            for number, (no_match, match) in zip(chosen, logits, strict=True)
        ]
        return sorted(hits, key=lambda hit: -hit.score)[:k]

    def nearest(self, query: Floats, k: int = 10) -> list[Hit]:
        """Return the expected hits of a search for an image."""
        cosines = self.cosines(query)
        order = np.argsort(-cosines)[:k]
        return [
            Hit(self.ids[number], float(cosines[number]), None, float(cosines[number]))
            for number in order
        ]


@contextmanager
def stocked(cluster: Settings, template: str, engine: Engine, name: str) -> Iterator[Library]:
    """A library in a database of that name, whose questions the engine answers."""
    with psycopg.connect(cluster.database_url(), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
        url = cluster.database_url().replace(f"/{DATABASE}?", f"/{name}?")
        settings = Settings(engine.settings.home, url)
        with connection.connect(url) as conn:
            model = registry.register(conn, settings, engine.artifact.folder)
            registry.register(conn, settings, engine.deep.folder, activate=False)
            socket, uid = str(settings.engine_socket), str(owner.current().uid)
            for key, value in (("engine_socket", socket), ("engine_uid", uid)):
                conn.execute("UPDATE blip.settings SET value = %s WHERE name = %s", [value, key])
        yield build(url, model, registry.load(settings, model, *engine.artifact.manifest.graphs))
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def build(url: str, model: Model, runtime: Runtime) -> Library:
    """Fill a database in which ``model`` is registered."""
    rng = np.random.default_rng(7)
    side = ARCHITECTURE.image_size
    # Flat colours under noise, so that the images differ as a whole.
    colours = rng.integers(0, 256, (SIZE, 1, 1, 3))
    noise = rng.integers(-60, 61, (SIZE, side, side, 3))
    pixels = np.clip(colours + noise, 0, 255).astype(np.uint8)
    pictures = [encode(Image.fromarray(one), "PNG") for one in pixels]
    ids = [image_id(SPACES[n % 3], picture) for n, picture in enumerate(pictures)]
    encoded = runtime.encode_images(pixels)
    library = Library(
        url, model, runtime, pictures, ids, encoded.itc, encoded.tokens, encoded.scales
    )
    with psycopg.connect(url) as conn:
        for number in range(SIZE):
            _store(conn, library, number)
    return library


def _store(conn: Connection, library: Library, number: int) -> None:
    """Image ``number`` at /album/NN.png, with a web caption, metadata, and all that encodes it."""
    picture, id, space = library.pictures[number], library.ids[number], SPACES[number % 3]
    model_id, text = library.model.model_id, f"picture {number}"
    (record,) = pack_batch(library.tokens[[number]], library.scales[[number]])
    statements: list[tuple[bytes, list[Any]]] = [
        (
            b"INSERT INTO blip.images (image_id, space, sha256, mime, width, height, bytes,"
            b" metadata) VALUES (%s, %s, %s, 'image/png', 32, 32, %s, %s)",
            [
                *(id, space, sha256(picture).digest(), len(picture)),
                Jsonb({"number": number, "tens": number // 10}),
            ],
        ),
        (
            b"INSERT INTO blip.files (uri, space, image_id) VALUES (%s, %s, %s)",
            [f"/album/{number:02}.png", space, id],
        ),
        (
            b"INSERT INTO blip.captions (image_id, caption_id, text, origin)"
            b" VALUES (%s, %s, %s, 'web')",
            [id, caption_id("web", text), text],
        ),
        (b"INSERT INTO blip.image_tokens VALUES (%s, %s, %s)", [id, model_id, record]),
        (
            b"INSERT INTO blip.image_vectors VALUES (%s, %s, %s::real[]::halfvec)",
            [id, model_id, library.itc[number].tolist()],
        ),
        (
            b"INSERT INTO blip.jobs (image_id, stage, model_id, state)"
            b" VALUES (%s, 'encode', %s, 'd')",
            [id, model_id],
        ),
    ]
    for statement, values in statements:
        conn.execute(statement, values)
