"""The shop with forty products, whose images are drawn scenes: what each shows is known."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from alembic import command
from alembic.config import Config
from fastapi.testclient import TestClient
from PIL import Image
from shop.app import app

from blipdb.scenes.sampling import Scene, draw, full_caption, sample_scene

FOLDER = Path(__file__).parents[1]
COUNT = 40


@dataclass(frozen=True)
class Item:
    """What was put on sale."""

    id: int
    price: Decimal
    scene: Scene
    text: str
    picture: bytes


@pytest.fixture(scope="session")
def client() -> Iterator[TestClient]:
    command.upgrade(Config(FOLDER / "alembic.ini"), "head")
    with TestClient(app) as client:
        yield client


@pytest.fixture(scope="session")
def items(client: TestClient) -> list[Item]:
    rng = np.random.default_rng(5)
    items = []
    for number in range(COUNT):
        scene = sample_scene(rng, split="test")
        picture = _png(draw(scene, 128))
        price = Decimal(number * 7 % COUNT) + Decimal("0.90")
        shown = sell(client, f"Thing {number}", price, picture)
        items.append(Item(shown["id"], price, scene, full_caption(scene, rng), picture))
    subprocess.run(["blipdb", "run"], check=True)  # as workers do all the time
    return items


def sell(client: TestClient, name: str, price: Decimal, picture: bytes) -> dict[str, int]:
    reply = client.post(
        "/products", data={"name": name, "price": str(price)}, files={"image": picture}
    )
    assert reply.status_code == 201, reply.text
    return reply.json()


def _png(pixels: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()
