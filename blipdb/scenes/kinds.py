"""The kinds of thing, as outlines in a unit square.

Each kind is a list of parts: filled polygons and strokes (lines with a width), painted in order,
each in one of four paints made from the thing's colour: body, dark, light and ink. Coordinates
run over about -1..1 with y downwards; they are centred and scaled so that the longer half of the
bounding box is exactly 1. Everything is drawn here from scratch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Part:
    """`width` None: a filled polygon; else a stroke of that width with round ends.
    A `trim` part takes no outline of its own."""

    paint: str
    points: NDArray[np.float64]
    width: float | None = None
    trim: bool = False


@dataclass(frozen=True)
class Kind:
    """A kind's parts, the half extents of its box (longer one 1), the half side of the square in
    which a thing is inside it (0: nothing can be), and whether things can stand on it."""

    name: str
    parts: tuple[Part, ...]
    half_width: float
    half_height: float
    tilt: float
    interior: float
    supports: bool


def _arc(
    cx: float, cy: float, rx: float, ry: float, start: float = 0, stop: float = 360, n: int = 28
) -> list[tuple[float, float]]:
    angles = np.radians(np.linspace(start, stop, n))
    return [(cx + rx * math.cos(a), cy + ry * math.sin(a)) for a in angles]


def _spline(points: Points, steps: int = 6) -> list[tuple[float, float]]:
    """A closed Catmull-Rom curve through the points."""
    p = np.asarray(points, dtype=float)
    before, after, beyond = np.roll(p, 1, 0), np.roll(p, -1, 0), np.roll(p, -2, 0)
    rows = []
    for t in np.arange(steps) / steps:
        rows.append(
            0.5
            * (
                2 * p
                + (after - before) * t
                + (2 * before - 5 * p + 4 * after - beyond) * t**2
                + (3 * p - before - 3 * after + beyond) * t**3
            )
        )
    curve = np.stack(rows, axis=1).reshape(-1, 2)
    return [(float(x), float(y)) for x, y in curve]


def poly(paint: str, *points: tuple[float, float], trim: bool = False) -> Part:
    return Part(paint, np.asarray(points, dtype=float), trim=trim)


def blob(paint: str, *points: tuple[float, float], trim: bool = False) -> Part:
    return Part(paint, np.asarray(_spline(points)), trim=trim)


def oval(
    paint: str, cx: float, cy: float, rx: float, ry: float | None = None, trim: bool = False
) -> Part:
    outline = _arc(cx, cy, rx, rx if ry is None else ry)
    return Part(paint, np.asarray(outline[:-1]), trim=trim)


def sector(
    paint: str, cx: float, cy: float, rx: float, ry: float, start: float, stop: float
) -> Part:
    return Part(paint, np.asarray(_arc(cx, cy, rx, ry, start, stop)))


def rect(paint: str, x0: float, y0: float, x1: float, y1: float, trim: bool = False) -> Part:
    return poly(paint, (x0, y0), (x1, y0), (x1, y1), (x0, y1), trim=trim)


def line(paint: str, width: float, *points: tuple[float, float], trim: bool = False) -> Part:
    return Part(paint, np.asarray(points, dtype=float), width, trim)


def arc(
    paint: str, width: float, cx: float, cy: float, rx: float, ry: float, start: float, stop: float
) -> Part:
    return Part(paint, np.asarray(_arc(cx, cy, rx, ry, start, stop)), width)


def hoop(paint: str, width: float, cx: float, cy: float, r: float) -> Part:
    return arc(paint, width, cx, cy, r, r, 0, 360)


def _turned(parts: Sequence[Part], degrees: float) -> list[Part]:
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    matrix = np.array([[cos, sin], [-sin, cos]])
    return [Part(p.paint, p.points @ matrix, p.width, p.trim) for p in parts]


def bicycle() -> list[Part]:
    return [
        hoop("dark", 0.14, -0.6, 0.3, 0.42),
        hoop("dark", 0.14, 0.6, 0.3, 0.42),
        line("body", 0.15, (-0.6, 0.3), (-0.25, -0.3), (0.38, -0.3), (0.0, 0.3), (-0.6, 0.3)),
        line("body", 0.15, (0.0, 0.3), (-0.32, -0.52)),
        line("body", 0.15, (0.6, 0.3), (0.33, -0.6)),
        line("ink", 0.14, (-0.5, -0.56), (-0.16, -0.56)),
        line("ink", 0.13, (0.33, -0.62), (0.6, -0.66)),
        oval("ink", 0.0, 0.3, 0.1, trim=True),
    ]


def car() -> list[Part]:
    return [
        blob(
            "body",
            (-1, 0.3), (-1, 0.0), (-0.9, -0.1), (-0.6, -0.16), (-0.42, -0.5), (-0.3, -0.56),
            (0.25, -0.56), (0.38, -0.5), (0.62, -0.14), (0.92, -0.06), (1, 0.05), (1, 0.3),
            (0.95, 0.35), (-0.95, 0.35),
        ),
        poly("light", (-0.47, -0.13), (-0.3, -0.45), (-0.06, -0.45), (-0.06, -0.13), trim=True),
        poly("light", (0.04, -0.13), (0.04, -0.45), (0.24, -0.45), (0.46, -0.13), trim=True),
        oval("ink", -0.55, 0.35, 0.25),
        oval("ink", 0.55, 0.35, 0.25),
        oval("light", -0.55, 0.35, 0.1, trim=True),
        oval("light", 0.55, 0.35, 0.1, trim=True),
    ]  # fmt: skip


def dog() -> list[Part]:
    return [
        line("body", 0.15, (-0.66, -0.1), (-0.86, -0.34), (-0.9, -0.6)),
        line("dark", 0.18, (-0.48, 0.2), (-0.46, 0.78)),
        line("dark", 0.18, (0.3, 0.2), (0.32, 0.78)),
        blob(
            "body",
            (-0.72, -0.1), (-0.4, -0.24), (0.1, -0.22), (0.38, -0.4), (0.56, -0.1),
            (0.46, 0.28), (0.1, 0.3), (-0.3, 0.26), (-0.66, 0.3),
        ),
        line("body", 0.19, (-0.62, 0.1), (-0.66, 0.78)),
        line("body", 0.19, (0.46, 0.1), (0.5, 0.78)),
        blob(
            "body",
            (0.26, -0.5), (0.4, -0.82), (0.66, -0.84), (0.78, -0.62), (1.06, -0.54),
            (1.06, -0.34), (0.76, -0.26), (0.44, -0.22),
        ),
        blob("dark", (0.28, -0.78), (0.46, -0.8), (0.46, -0.4), (0.36, -0.16), (0.22, -0.3)),
        oval("ink", 0.68, -0.62, 0.06, trim=True),
        oval("ink", 1.03, -0.5, 0.09, trim=True),
    ]  # fmt: skip


def cat() -> list[Part]:
    return [
        line(
            "body", 0.16, (0.4, 0.85), (0.7, 0.82), (0.86, 0.55), (0.76, 0.25), (0.86, 0.05)
        ),
        blob(
            "body",
            (-0.25, -0.2), (0.25, -0.2), (0.45, 0.35), (0.5, 0.85), (0, 0.95), (-0.5, 0.85),
            (-0.45, 0.35),
        ),
        poly("body", (-0.5, -0.45), (-0.5, -1.0), (-0.1, -0.72)),
        poly("body", (0.5, -0.45), (0.5, -1.0), (0.1, -0.72)),
        oval("body", 0, -0.42, 0.52, 0.4),
        poly("light", (-0.42, -0.68), (-0.42, -0.85), (-0.27, -0.75), trim=True),
        poly("light", (0.42, -0.68), (0.42, -0.85), (0.27, -0.75), trim=True),
        oval("ink", -0.2, -0.47, 0.075, 0.1, trim=True),
        oval("ink", 0.2, -0.47, 0.075, 0.1, trim=True),
        poly("ink", (-0.08, -0.3), (0.08, -0.3), (0, -0.2), trim=True),
        line("ink", 0.035, (-0.75, -0.36), (-0.3, -0.28), trim=True),
        line("ink", 0.035, (0.75, -0.36), (0.3, -0.28), trim=True),
        line("dark", 0.06, (-0.14, 0.5), (-0.14, 0.9), trim=True),
        line("dark", 0.06, (0.14, 0.5), (0.14, 0.9), trim=True),
    ]  # fmt: skip


def house() -> list[Part]:
    return [
        rect("dark", 0.38, -0.85, 0.6, -0.3),
        rect("body", -0.75, -0.2, 0.75, 0.9),
        poly("dark", (-1, -0.12), (0, -0.95), (1, -0.12)),
        rect("ink", -0.18, 0.3, 0.18, 0.9, trim=True),
        rect("light", -0.58, 0.08, -0.28, 0.38, trim=True),
        rect("light", 0.28, 0.08, 0.58, 0.38, trim=True),
    ]


def tree() -> list[Part]:
    return [
        poly("dark", (-0.12, 0.1), (0.12, 0.1), (0.2, 1.0), (-0.2, 1.0)),
        oval("body", -0.36, 0.05, 0.4, 0.36),
        oval("body", 0.36, 0.05, 0.4, 0.36),
        oval("body", -0.25, -0.4, 0.38),
        oval("body", 0.27, -0.4, 0.38),
        oval("body", 0, -0.62, 0.36),
        oval("body", 0, -0.1, 0.4, trim=True),
        oval("light", -0.22, -0.48, 0.1, trim=True),
        oval("light", 0.3, -0.2, 0.1, trim=True),
        oval("light", -0.38, 0.05, 0.1, trim=True),
    ]


def boat() -> list[Part]:
    return [
        line("ink", 0.1, (0.02, 0.4), (0.02, -0.95)),
        poly("body", (0.12, -0.9), (0.85, 0.25), (0.12, 0.25)),
        poly("light", (-0.1, -0.7), (-0.1, 0.25), (-0.65, 0.25)),
        poly("body", (-1, 0.38), (1, 0.38), (0.7, 0.9), (-0.65, 0.9)),
        line("dark", 0.08, (-0.86, 0.52), (0.88, 0.52), trim=True),
    ]


def fish() -> list[Part]:
    return [
        poly("dark", (-0.5, 0), (-1.0, -0.48), (-0.86, 0), (-1.0, 0.48)),
        blob("dark", (-0.2, -0.3), (0.05, -0.62), (0.35, -0.52), (0.4, -0.3)),
        blob(
            "body",
            (-0.62, 0), (-0.25, -0.3), (0.2, -0.44), (0.65, -0.32), (0.95, 0),
            (0.65, 0.32), (0.2, 0.44), (-0.25, 0.3),
        ),
        arc("dark", 0.06, 0.3, 0, 0.22, 0.34, 110, 250),
        poly("dark", (0.12, 0.06), (-0.2, 0.24), (0.02, -0.02), trim=True),
        oval("ink", 0.66, -0.1, 0.08, trim=True),
    ]  # fmt: skip


def bird() -> list[Part]:
    return [
        line("ink", 0.08, (0.0, 0.5), (-0.02, 0.95), (0.14, 0.95)),
        line("ink", 0.08, (0.22, 0.5), (0.22, 0.95), (0.38, 0.95)),
        poly("dark", (-0.45, 0.02), (-1.0, 0.06), (-1.0, 0.34), (-0.35, 0.4)),
        blob(
            "body",
            (-0.6, 0.15), (-0.2, -0.15), (0.12, -0.4), (0.3, -0.76), (0.58, -0.8),
            (0.76, -0.55), (0.68, -0.2), (0.66, 0.2), (0.4, 0.52), (-0.05, 0.58), (-0.42, 0.42),
        ),
        poly("ink", (0.72, -0.66), (1.05, -0.48), (0.72, -0.4)),
        blob("dark", (-0.5, 0.12), (-0.1, -0.08), (0.3, 0.0), (0.2, 0.26), (-0.1, 0.34)),
        oval("ink", 0.54, -0.58, 0.07, trim=True),
    ]  # fmt: skip


def flower() -> list[Part]:
    petals = [
        oval("body", 0.36 * math.cos(a), -0.45 + 0.36 * math.sin(a), 0.25)
        for a in np.radians(np.arange(6) * 60 + 30)
    ]
    return [
        line("dark", 0.11, (0, -0.3), (0.02, 1.0)),
        blob("dark", (0.02, 0.72), (0.2, 0.4), (0.55, 0.3), (0.42, 0.6)),
        blob("dark", (0.02, 0.85), (-0.2, 0.5), (-0.55, 0.42), (-0.4, 0.72)),
        *petals,
        oval("light", 0, -0.45, 0.22),
    ]


def chair() -> list[Part]:
    return [
        line("dark", 0.14, (-0.24, 0.2), (-0.24, 0.78)),
        line("dark", 0.14, (0.58, 0.2), (0.58, 0.78)),
        poly("body", (-0.55, -1.0), (-0.3, -0.95), (-0.3, 0.1), (-0.55, 0.1)),
        poly("body", (-0.55, 0.02), (0.45, 0.02), (0.66, 0.24), (-0.55, 0.24)),
        line("body", 0.17, (-0.47, 0.2), (-0.47, 0.96)),
        line("body", 0.17, (0.38, 0.2), (0.38, 0.96)),
    ]


def table() -> list[Part]:
    return [
        line("dark", 0.14, (-0.6, -0.2), (-0.56, 0.5)),
        line("dark", 0.14, (0.6, -0.2), (0.56, 0.5)),
        line("body", 0.17, (-0.82, -0.2), (-0.86, 0.62)),
        line("body", 0.17, (0.82, -0.2), (0.86, 0.62)),
        rect("body", -1, -0.42, 1, -0.16),
        line("dark", 0.06, (-0.95, -0.19), (0.95, -0.19), trim=True),
    ]


def cup() -> list[Part]:
    return [
        arc("dark", 0.17, 0.5, 0.1, 0.36, 0.36, -90, 95),
        blob(
            "body",
            (-0.68, -0.62), (-0.3, -0.64), (0.3, -0.64), (0.62, -0.62), (0.6, 0.3), (0.4, 0.74),
            (-0.05, 0.8), (-0.46, 0.74), (-0.66, 0.3),
        ),
        oval("dark", -0.03, -0.62, 0.62, 0.17),
        line("light", 0.1, (-0.42, -0.22), (-0.4, 0.3), trim=True),
    ]  # fmt: skip


def lamp() -> list[Part]:
    return [
        line("ink", 0.12, (0, -0.1), (0, 0.85)),
        poly("body", (-0.32, -1), (0.32, -1), (0.68, -0.05), (-0.68, -0.05)),
        line("light", 0.09, (-0.2, -0.8), (-0.38, -0.25), trim=True),
        sector("body", 0, 1.0, 0.46, 0.26, 180, 360),
    ]


def umbrella() -> list[Part]:
    return [
        line("ink", 0.1, (0, -0.9), (0, 0.72)),
        arc("ink", 0.1, 0.16, 0.72, 0.16, 0.18, 0, 180),
        Part(
            "body",
            np.asarray(
                _arc(0, 0.05, 1.0, 0.85, 180, 360)
                + _arc(0.667, 0.05, 0.333, 0.16, 360, 180, 9)
                + _arc(0, 0.05, 0.333, 0.16, 360, 180, 9)
                + _arc(-0.667, 0.05, 0.333, 0.16, 360, 180, 9)
            ),
        ),
        line("dark", 0.06, (0, -0.76), (-0.2, -0.45), (-0.33, 0.02), trim=True),
        line("dark", 0.06, (0, -0.76), (0.2, -0.45), (0.33, 0.02), trim=True),
    ]


def key() -> list[Part]:
    return [
        line("body", 0.17, (-0.3, 0), (0.92, 0)),
        line("body", 0.17, (0.88, 0), (0.88, 0.34)),
        line("body", 0.17, (0.58, 0), (0.58, 0.28)),
        hoop("body", 0.22, -0.6, 0, 0.3),
    ]


def clock() -> list[Part]:
    return [
        line("dark", 0.16, (-0.4, 0.6), (-0.58, 0.92)),
        line("dark", 0.16, (0.4, 0.6), (0.58, 0.92)),
        sector("dark", -0.48, -0.66, 0.3, 0.26, 145, 325),
        sector("dark", 0.48, -0.66, 0.3, 0.26, 215, 395),
        oval("body", 0, 0.08, 0.78),
        oval("light", 0, 0.08, 0.52, trim=True),
        line("ink", 0.1, (0, -0.3), (0, 0.08), (0.28, 0.24), trim=True),
    ]


def star() -> list[Part]:
    points = []
    for i in range(10):
        radius, angle = (1.0 if i % 2 == 0 else 0.42), math.radians(36 * i - 90)
        points.append((radius * math.cos(angle), radius * math.sin(angle)))
    return [poly("body", *points)]


def heart() -> list[Part]:
    t = np.linspace(0, 2 * math.pi, 40)[:-1]
    x = 16 * np.sin(t) ** 3
    y = -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t))
    return [
        Part("body", np.stack([x, y], axis=1) / 16),
        oval("light", -0.5, -0.4, 0.13, trim=True),
    ]


def hat() -> list[Part]:
    return [
        poly("body", (-0.55, -0.75), (0.55, -0.75), (0.48, 0.5), (-0.48, 0.5)),
        oval("dark", 0, -0.75, 0.55, 0.14),
        poly("ink", (-0.5, 0.1), (0.5, 0.1), (0.48, 0.4), (-0.48, 0.4), trim=True),
        oval("body", 0, 0.56, 1.0, 0.2),
        poly("body", (-0.46, 0.4), (0.46, 0.4), (0.46, 0.56), (-0.46, 0.56), trim=True),
    ]


def shoe() -> list[Part]:
    return [
        blob(
            "body",
            (-0.92, 0.35), (-0.95, -0.1), (-0.86, -0.5), (-0.5, -0.55), (-0.22, -0.5),
            (0.0, -0.2), (0.4, -0.02), (0.8, 0.08), (0.98, 0.35), (0.4, 0.42), (-0.4, 0.42),
        ),
        poly("light", (-1, 0.32), (1.02, 0.32), (1.0, 0.55), (-0.98, 0.55)),
        line("ink", 0.07, (-0.2, -0.14), (0.02, -0.36), trim=True),
        line("ink", 0.07, (0.0, -0.02), (0.2, -0.24), trim=True),
        line("ink", 0.07, (0.2, 0.08), (0.4, -0.14), trim=True),
    ]  # fmt: skip


def guitar() -> list[Part]:
    parts = [
        line("dark", 0.15, (0, -0.2), (0, -1.25)),
        poly("dark", (-0.14, -1.25), (0.14, -1.25), (0.18, -1.6), (-0.18, -1.6)),
        blob(
            "body",
            (0, -0.5), (0.34, -0.42), (0.38, -0.1), (0.32, 0.08), (0.54, 0.38), (0.46, 0.78),
            (0, 0.92), (-0.46, 0.78), (-0.54, 0.38), (-0.32, 0.08), (-0.38, -0.1),
            (-0.34, -0.42),
        ),
        oval("ink", 0, 0.1, 0.17, trim=True),
        line("ink", 0.09, (-0.22, 0.56), (0.22, 0.56), trim=True),
        line("light", 0.05, (0, -1.2), (0, 0.5), trim=True),
    ]  # fmt: skip
    return _turned(parts, -38)


def airplane() -> list[Part]:
    parts = [
        poly("dark", (-0.1, -0.2), (-0.95, 0.28), (-0.95, 0.46), (-0.1, 0.22)),
        poly("dark", (0.1, -0.2), (0.95, 0.28), (0.95, 0.46), (0.1, 0.22)),
        poly("dark", (0, 0.6), (-0.4, 0.86), (-0.4, 1.0), (0, 0.9)),
        poly("dark", (0, 0.6), (0.4, 0.86), (0.4, 1.0), (0, 0.9)),
        blob(
            "body",
            (0, -1), (0.14, -0.72), (0.16, 0.1), (0.08, 0.92), (0, 0.98), (-0.08, 0.92),
            (-0.16, 0.1), (-0.14, -0.72),
        ),
        poly("light", (-0.09, -0.72), (0.09, -0.72), (0.11, -0.58), (-0.11, -0.58), trim=True),
    ]  # fmt: skip
    return _turned(parts, 40)


def train() -> list[Part]:
    return [
        poly("dark", (0.48, -0.2), (0.52, -0.5), (0.42, -0.72), (0.84, -0.72), (0.74, -0.5),
             (0.78, -0.2)),
        rect("body", -0.4, -0.28, 0.9, 0.32),
        sector("dark", 0.12, -0.27, 0.16, 0.18, 180, 360),
        rect("body", -0.92, -0.68, -0.3, 0.32),
        rect("dark", -1.0, -0.84, -0.22, -0.66),
        rect("light", -0.78, -0.5, -0.46, -0.16, trim=True),
        poly("dark", (0.8, 0.26), (1.06, 0.62), (0.8, 0.62)),
        rect("dark", -0.96, 0.28, 0.86, 0.44),
        oval("ink", -0.6, 0.5, 0.27),
        oval("ink", 0.1, 0.57, 0.2),
        oval("ink", 0.58, 0.57, 0.2),
        oval("light", -0.6, 0.5, 0.1, trim=True),
        oval("light", 0.1, 0.57, 0.07, trim=True),
        oval("light", 0.58, 0.57, 0.07, trim=True),
    ]  # fmt: skip


def truck() -> list[Part]:
    return [
        rect("body", -1, -0.65, 0.36, 0.34),
        poly("dark", (0.4, -0.3), (0.74, -0.3), (1, 0.02), (1, 0.34), (0.4, 0.34)),
        poly("light", (0.5, -0.2), (0.7, -0.2), (0.88, 0.04), (0.5, 0.04), trim=True),
        line("dark", 0.07, (-0.66, -0.55), (-0.66, 0.24), trim=True),
        line("dark", 0.07, (-0.32, -0.55), (-0.32, 0.24), trim=True),
        line("dark", 0.07, (0.02, -0.55), (0.02, 0.24), trim=True),
        oval("ink", -0.62, 0.42, 0.22),
        oval("ink", 0.62, 0.42, 0.22),
        oval("light", -0.62, 0.42, 0.08, trim=True),
        oval("light", 0.62, 0.42, 0.08, trim=True),
    ]


def balloon() -> list[Part]:
    return [
        line("ink", 0.06, (0, 0.3), (0.1, 0.5), (-0.06, 0.72), (0.06, 1.0)),
        poly("dark", (0, 0.12), (0.13, 0.36), (-0.13, 0.36)),
        blob(
            "body",
            (0, -1), (0.42, -0.86), (0.6, -0.46), (0.42, -0.02), (0, 0.24), (-0.42, -0.02),
            (-0.6, -0.46), (-0.42, -0.86),
        ),
        oval("light", -0.24, -0.62, 0.12, 0.17, trim=True),
    ]  # fmt: skip


def kite() -> list[Part]:
    parts = [
        line("ink", 0.06, (0, 0.35), (0.16, 0.6), (-0.08, 0.84), (0.1, 1.1)),
        poly("dark", (-0.16, 0.54), (0.08, 0.62), (0.3, 0.5), (0.3, 0.74), (0.08, 0.62),
             (-0.16, 0.76)),
        poly("dark", (-0.3, 0.78), (-0.06, 0.86), (0.16, 0.74), (0.16, 0.98), (-0.06, 0.86),
             (-0.3, 1.0)),
        poly("body", (0, -1), (0.62, -0.4), (0, 0.4), (-0.62, -0.4)),
        poly("light", (0, -1), (0.62, -0.4), (0, -0.4), trim=True),
        poly("light", (0, 0.4), (-0.62, -0.4), (0, -0.4), trim=True),
        line("ink", 0.05, (0, -1), (0, 0.4), trim=True),
        line("ink", 0.05, (-0.62, -0.4), (0.62, -0.4), trim=True),
    ]  # fmt: skip
    return _turned(parts, 25)


def ladder() -> list[Part]:
    rungs = [line("body", 0.12, (-0.3, y), (0.3, y)) for y in (-0.7, -0.35, 0.0, 0.35, 0.7)]
    return [
        *rungs,
        line("body", 0.16, (-0.34, -1), (-0.4, 1)),
        line("body", 0.16, (0.34, -1), (0.4, 1)),
    ]


def mushroom() -> list[Part]:
    return [
        blob("light", (-0.2, -0.1), (0.2, -0.1), (0.24, 0.5), (0.32, 0.88), (0, 0.95),
             (-0.32, 0.88), (-0.24, 0.5)),
        blob("body", (0, -0.9), (0.58, -0.72), (0.95, -0.2), (0.88, 0.1), (0.3, 0.06), (-0.3, 0.06),
             (-0.88, 0.1), (-0.95, -0.2), (-0.58, -0.72)),
        oval("light", -0.42, -0.38, 0.17, 0.15, trim=True),
        oval("light", 0.12, -0.6, 0.15, 0.13, trim=True),
        oval("light", 0.5, -0.24, 0.16, 0.14, trim=True),
    ]  # fmt: skip


def apple() -> list[Part]:
    return [
        line("ink", 0.12, (0.0, -0.4), (0.06, -0.9)),
        blob("dark", (0.08, -0.62), (0.26, -0.92), (0.62, -0.92), (0.42, -0.64)),
        blob(
            "body",
            (0, -0.46), (0.42, -0.62), (0.82, -0.3), (0.8, 0.25), (0.5, 0.76), (0.2, 0.86),
            (0, 0.8), (-0.2, 0.86), (-0.5, 0.76), (-0.8, 0.25), (-0.82, -0.3), (-0.42, -0.62),
        ),
        blob("light", (-0.55, -0.3), (-0.4, -0.38), (-0.46, 0.0), (-0.6, 0.05), trim=True),
    ]  # fmt: skip


def butterfly() -> list[Part]:
    wings = []
    for s in (-1, 1):
        wings += [
            blob("body", (s * 0.04, 0.0), (s * 0.4, -0.72), (s * 0.9, -0.78), (s * 0.92, -0.3),
                 (s * 0.5, 0.06)),
            blob("dark", (s * 0.04, 0.02), (s * 0.5, 0.06), (s * 0.78, 0.36), (s * 0.56, 0.78),
                 (s * 0.2, 0.6)),
            oval("light", s * 0.62, -0.45, 0.14, trim=True),
            line("ink", 0.05, (0, -0.4), (s * 0.22, -0.86)),
        ]  # fmt: skip
    return [*wings, oval("ink", 0, 0.05, 0.11, 0.52)]


def box() -> list[Part]:
    return [
        rect("body", -0.85, -0.78, 0.85, 0.78),
        line("dark", 0.13, (-0.6, 0.52), (0.6, -0.52), trim=True),
        line("dark", 0.13, (-0.6, -0.52), (0.6, 0.52), trim=True),
        line("dark", 0.1, (-0.68, -0.6), (0.68, -0.6), (0.68, 0.6), (-0.68, 0.6), (-0.68, -0.6),
             trim=True),
    ]  # fmt: skip


def frame() -> list[Part]:
    side = 0.9
    corners = ((-side, -side), (side, -side), (side, side), (-side, side), (-side, -side))
    inner = 0.84
    return [
        line("body", 0.2, *corners),
        line(
            "dark", 0.04,
            *((x * inner / side, y * inner / side) for x, y in corners), trim=True,
        ),
    ]  # fmt: skip


def ring() -> list[Part]:
    return [
        Part("body", np.asarray(_arc(0, 0, 0.9, 0.9, 0, 360, 48)), 0.2),
        Part("dark", np.asarray(_arc(0, 0, 0.83, 0.83, 0, 360, 48)), 0.05, trim=True),
    ]


_DRAWN: tuple[Callable[[], list[Part]], ...] = (
    bicycle, car, dog, cat, house, tree, boat, fish, bird, flower, chair, table, cup, lamp,
    umbrella, key, clock, star, heart, hat, shoe, guitar, airplane, train, truck, balloon, kite,
    ladder, mushroom, apple, butterfly, box, frame, ring,
)  # fmt: skip
_TILT = {"star": 0.6, "key": 0.7, "guitar": 0.4, "airplane": 0.6, "kite": 0.4, "heart": 0.3,
         "butterfly": 0.5, "table": 0.0, "box": 0.0, "frame": 0.0, "ring": 0.0}  # fmt: skip
_INTERIOR = {"frame": 0.76, "ring": 0.56}
_SUPPORTS = ("table", "box")


def _kind(parts: Sequence[Part], name: str) -> Kind:
    low = np.min([p.points.min(axis=0) - (p.width or 0) / 2 for p in parts], axis=0)
    high = np.max([p.points.max(axis=0) + (p.width or 0) / 2 for p in parts], axis=0)
    centre, half = (low + high) / 2, (high - low) / 2
    unit = float(half.max())
    placed = tuple(
        Part(p.paint, (p.points - centre) / unit, p.width and p.width / unit, p.trim) for p in parts
    )
    return Kind(
        name=name,
        parts=placed,
        half_width=float(half[0]) / unit,
        half_height=float(half[1]) / unit,
        tilt=_TILT.get(name, 0.2),
        interior=_INTERIOR.get(name, 0.0),
        supports=name in _SUPPORTS,
    )


KINDS: dict[str, Kind] = {drawn.__name__: _kind(drawn(), drawn.__name__) for drawn in _DRAWN}
CONTAINERS = tuple(name for name, kind in KINDS.items() if kind.interior)
SUPPORTS = tuple(name for name, kind in KINDS.items() if kind.supports)
