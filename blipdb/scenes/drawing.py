"""Drawing a scene at any resolution: twice the size with Pillow, reduced, with a little noise."""

from __future__ import annotations

import math
import random

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from .kinds import KINDS, Part
from .world import COLOURS, Scene, Thing

RGB = tuple[int, int, int]
Colour = tuple[float, float, float]

_OVERSAMPLE = 2
_NOISE = np.random.default_rng(20220128).standard_normal((256, 256, 3)).astype(np.float32)
_NOISE_RANGE = (0.5, 4.5)

# The colour at the top, just above the horizon, just below it, and at the bottom.
_BACKDROPS: dict[str, tuple[RGB, RGB, RGB, RGB]] = {
    "plain": ((226, 224, 218), (226, 224, 218), (226, 224, 218), (226, 224, 218)),
    "sky": ((158, 205, 240), (205, 230, 246), (205, 230, 246), (228, 240, 248)),
    "grass": ((214, 232, 240), (226, 238, 236), (176, 212, 140), (150, 194, 116)),
    "sand": ((222, 234, 238), (234, 238, 230), (240, 218, 168), (228, 200, 144)),
    "water": ((222, 232, 236), (232, 238, 238), (132, 190, 206), (104, 166, 190)),
    "night": ((66, 70, 112), (92, 92, 136), (92, 92, 136), (112, 106, 142)),
    "room": ((224, 212, 208), (224, 212, 208), (186, 164, 150), (174, 150, 136)),
}


def _mix(a: Colour | RGB, b: Colour | RGB, share: float) -> Colour:
    return tuple(x + (y - x) * share for x, y in zip(a, b, strict=True))  # type: ignore[return-value]


def _rgb(colour: Colour | RGB) -> RGB:
    return tuple(min(255, max(0, round(c))) for c in colour)  # type: ignore[return-value]


def _paints(colour: str, shade: float) -> dict[str, RGB]:
    """The four paints of a thing and the colour of its outline."""
    body = _rgb(tuple(c * shade for c in COLOURS[colour]))  # type: ignore[arg-type]
    black, white = (16, 16, 20), (255, 255, 255)
    if colour == "black":
        return {
            "body": body,
            "dark": _rgb(_mix(body, white, 0.16)),
            "light": _rgb(_mix(body, white, 0.5)),
            "ink": _rgb(_mix(body, white, 0.36)),
            "outline": (4, 4, 6),
        }
    return {
        "body": body,
        "dark": _rgb(_mix(body, black, 0.18 if colour == "white" else 0.28)),
        "light": _rgb(_mix(body, white, 0.62)) if colour != "white" else (206, 212, 218),
        "ink": (52, 52, 58),
        "outline": _rgb(_mix(body, black, 0.72)),
    }


def _backdrop(scene: Scene, side: int, rng: random.Random) -> Image.Image:
    top, above, below, bottom = (np.asarray(c, dtype=np.float32) for c in
                                 _BACKDROPS[scene.background])  # fmt: skip
    tint = np.asarray([rng.uniform(-8, 8) for _ in range(3)], dtype=np.float32)
    horizon = rng.uniform(0.35, 0.65) * side
    rows = np.arange(side, dtype=np.float32)[:, None]
    upper = top + (above - top) * np.minimum(rows / horizon, 1)
    lower = below + (bottom - below) * np.maximum((rows - horizon) / (side - horizon), 0)
    column = np.clip(np.where(rows < horizon, upper, lower) + tint, 0, 255).astype(np.uint8)
    image = Image.fromarray(np.ascontiguousarray(np.broadcast_to(column[:, None], (side, side, 3))))
    _scatter(ImageDraw.Draw(image), scene.background, side, horizon, rng)
    return image


def _scatter(
    pen: ImageDraw.ImageDraw, background: str, side: int, horizon: float, rng: random.Random
) -> None:
    """Faint marks that turn the backdrop into a place: clouds, tufts, waves, grains, far stars."""
    unit = side / 192
    thin = max(1, round(2 * unit))
    for _ in range({"plain": 0, "sky": 4, "room": 1}.get(background, 14)):
        x = rng.random() * side
        y = horizon + (side - horizon) * rng.random()
        if background == "sky":
            y, w = rng.random() * side, rng.uniform(12, 26) * unit
            pen.ellipse((x - w, y - w / 3, x + w, y + w / 3), fill=(224, 238, 247))
        elif background == "grass":
            pen.line((x, y, x + 2 * unit, y - 6 * unit), fill=(136, 182, 104), width=thin)
        elif background == "sand":
            pen.line((x, y, x + 3 * unit, y), fill=(214, 184, 128), width=thin)
        elif background == "water":
            pen.line((x, y, x + rng.uniform(8, 20) * unit, y), fill=(150, 204, 218), width=thin)
        elif background == "night":
            y = rng.random() * side
            pen.line((x, y, x + unit, y), fill=(178, 178, 200), width=thin)
        elif background == "room":
            pen.line((0, horizon, side, horizon), fill=(206, 190, 182), width=thin * 2)


def _placed(thing: Thing, points: NDArray[np.float64], side: int) -> list[float]:
    """Points of a part in pixels: flipped, turned, scaled and moved to the thing's place."""
    half = thing.scale / 2 * side
    cos, sin = math.cos(thing.rotation) * half, math.sin(thing.rotation) * half
    mirror = -1.0 if thing.flip else 1.0
    matrix = np.array([[mirror * cos, mirror * sin], [-sin, cos]])
    moved = points @ matrix + (thing.x * side, thing.y * side)
    flat: list[float] = moved.ravel().tolist()
    return flat


def _stroke(pen: ImageDraw.ImageDraw, flat: list[float], width: float, colour: RGB) -> None:
    pen.line(flat, fill=colour, width=max(1, round(width)))
    if width >= 3:
        # Round ends and corners; curves have joints too close together to need them.
        half = width / 2 - 0.5
        corners = range(0, len(flat), 2) if len(flat) <= 16 else (0, len(flat) - 2)
        for i in corners:
            x, y = flat[i], flat[i + 1]
            pen.ellipse((x - half, y - half, x + half, y + half), fill=colour)


def _outline(pen: ImageDraw.ImageDraw, part: Part, flat: list[float], scale: float,
             width: float, colour: RGB) -> None:  # fmt: skip
    if part.width is not None:
        _stroke(pen, flat, part.width * scale + 2 * width, colour)
    else:
        _stroke(pen, flat + flat[:2], 2 * width, colour)


def _draw_thing(pen: ImageDraw.ImageDraw, thing: Thing, side: int) -> None:
    """Outlines first, then fills: the outline runs round the whole thing, not round each part."""
    paints = _paints(thing.colour, thing.shade)
    half = thing.scale / 2 * side
    width = thing.line * side * 0.006
    placed = [(part, _placed(thing, part.points, side)) for part in KINDS[thing.kind].parts]
    for part, flat in placed:
        if not part.trim:
            _outline(pen, part, flat, half, width, paints["outline"])
    for part, flat in placed:
        if part.width is None:
            pen.polygon(flat, fill=paints[part.paint])
        else:
            _stroke(pen, flat, part.width * half, paints[part.paint])


def _noisy(pixels: NDArray[np.uint8], rng: random.Random) -> NDArray[np.uint8]:
    amount = rng.uniform(*_NOISE_RANGE)
    size = pixels.shape[0]
    rows = (np.arange(size) + rng.randrange(256)) % 256
    columns = (np.arange(size) + rng.randrange(256)) % 256
    noisy = pixels + _NOISE[rows][:, columns] * amount
    return np.clip(noisy, 0, 255, out=noisy).astype(np.uint8)


def draw(scene: Scene, size: int) -> NDArray[np.uint8]:
    """The scene as uint8 [size, size, 3] (sRGB); the same scene and size give the same pixels."""
    if size < 8:
        raise ValueError(f"a scene is drawn at 8 pixels or more, not {size}")
    rng = random.Random(scene.seed)
    side = size * _OVERSAMPLE
    image = _backdrop(scene, side, rng)
    pen = ImageDraw.Draw(image)
    # Large things first: a thing inside or on another is drawn over it.
    for thing in sorted(scene.things, key=lambda t: -t.scale):
        _draw_thing(pen, thing, side)
    return _noisy(np.asarray(image.reduce(_OVERSAMPLE)), rng)
