"""Rooms import from lower layers alone, without circles, and by one form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

from tests.house.modules import FOLDERS, Import, imports, modules

# Low to high: a room imports from rooms before it. docs/design.md draws them.
LAYERS = (
    *("errors", "settings", "identity", "escapes", "types", "bundled", "sql", "migrations"),
    *("host", "images", "model"),
    "sources",
    "database",
    *("registry", "checkpoints"),
    "engine",
    "work",
    "ingest",
    "services",
    "client",
    "blipdb",  # the package itself: it passes on what the client and the errors are
    "orm",
    "scenes",
    "cli",
    *("workers", "training"),
    "env",
)
# Not a room but a program: Alembic runs it, and nothing imports it.
PROGRAMS = {"blipdb.migrations.env": "env"}


def room(name: str) -> str:
    """The room of a module: the first part of its name below ``blipdb``."""
    parts = name.split(".")
    return PROGRAMS.get(name) or parts[min(1, len(parts) - 1)]


def inner_room(name: str) -> str:
    """The room of a module of training; the module itself, where it lies outside of rooms."""
    package, *parts = name.removeprefix("blipdb.").split(".")
    return ".".join([package, *parts[:1]])


def folder(name: str) -> str:
    """The top-level folder of a module."""
    return next(path for package, path in FOLDERS.items() if f"{name}.".startswith(f"{package}."))


def circle(edges: Iterable[tuple[str, str]]) -> list[str]:
    """Names that import one another in a ring; empty if there is none."""
    graph: dict[str, set[str]] = {}
    for importer, target in edges:
        if importer != target:
            graph.setdefault(importer, set()).add(target)
    return _circle(graph)


def _circle(graph: Mapping[str, set[str]]) -> list[str]:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def listed(found: Iterable[Import]) -> str:
    return "\n".join(sorted({str(one) for one in found}))


def test_every_room_has_a_layer() -> None:
    assert {room(name) for name in modules()} <= set(LAYERS)


def test_imports_go_down() -> None:
    climbing = []
    for one in imports():
        pair = room(one.importer.name), room(one.target)
        if LAYERS.index(pair[0]) < LAYERS.index(pair[1]):
            climbing.append(one)
    assert not climbing, listed(climbing)


def test_no_circle_of_modules() -> None:
    assert not circle((one.importer.name, one.target) for one in imports())


def test_no_circle_of_rooms() -> None:
    pairs = {(room(one.importer.name), room(one.target)) for one in imports()}
    assert not circle(pairs)


def test_no_circle_of_rooms_of_training() -> None:
    pairs = [
        (one.importer.name, one.target)
        for one in imports()
        if room(one.importer.name) == room(one.target) == "training"
    ]
    assert len(pairs) > 100
    assert not circle((inner_room(importer), inner_room(target)) for importer, target in pairs)


def test_imports_are_relative_inside_a_folder_and_absolute_across() -> None:
    wrong = [
        one
        for one in imports()
        if one.is_relative != (folder(one.importer.name) == folder(one.target))
    ]
    assert not wrong, listed(wrong)


def test_a_circle_is_found() -> None:
    assert set(circle([("a", "b"), ("b", "c"), ("c", "a"), ("c", "d")])) == {"a", "b", "c"}
    assert not circle([("a", "b"), ("a", "a"), ("b", "c")])
