"""Products whose images are drawn scenes."""

from __future__ import annotations

import io
import os
import subprocess

import django
import numpy as np
import pytest
from django.core.management import call_command
from PIL import Image

from blipdb.scenes.sampling import draw, full_caption, sample_scene

os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
django.setup()

COUNT = 30


@pytest.fixture(scope="session")
def texts() -> list[str]:
    """What each product shows, by its number; prices are the numbers, shops take turns."""
    from catalog.models import Product, Shop
    from catalog.search import add_image
    from django.db import transaction

    call_command("migrate", verbosity=0)
    rng = np.random.default_rng(6)
    texts = []
    with transaction.atomic():
        shops = [Shop.objects.create(town=town) for town in ("Aachen", "Basel")]
        for number in range(COUNT):
            scene = sample_scene(rng, split="test")
            texts.append(full_caption(scene, rng))
            out = io.BytesIO()
            Image.fromarray(draw(scene, 128)).save(out, "PNG")
            Product.objects.create(
                name=f"100% thing {number}",
                price=number,
                shop=shops[number % 2],
                image_id=add_image(out.getvalue()),
            )
    subprocess.run(["blipdb", "run"], check=True)  # as workers do all the time
    return texts
