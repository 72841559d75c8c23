"""Nobody forges a line of the engine's or a worker's log, nor fills the disk with them."""

from __future__ import annotations

import io
import logging

import psycopg
import pytest
from celery import signals
from psycopg.types.json import Jsonb

import blipdb.workers.life
from blipdb.engine.server import log_handler
from blipdb.host.logs import MAX_CHARACTERS, MAX_TRACEBACK, OneLine, Rate
from tests.engine.engines import Engine

FORGED = "x\n2026-01-01 00:00:00,000 INFO all is well\r\x1b[2J\u2028\u202e"


@pytest.fixture
def log() -> tuple[logging.Logger, io.StringIO]:
    """A logger that writes as the engine's does."""
    stream = io.StringIO()
    logger = logging.Logger("attacked")
    logger.addHandler(log_handler(stream))
    return logger, stream


def test_to_forge_a_line(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, stream = log
    logger.info("%s: refused: %s", FORGED, FORGED)
    (line,) = stream.getvalue().splitlines()
    assert r"x\n2026-01-01 00:00:00,000 INFO all is well\r\x1b[2J\u2028\u202e: refused" in line


def test_to_forge_a_line_by_an_exception(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, stream = log
    try:
        raise ValueError(FORGED * 1000)
    except ValueError:
        logger.exception("failed")
    first, *others = stream.getvalue().rstrip("\n").split("\n")
    assert first.endswith("ERROR failed")
    assert others
    assert all(line.startswith("    ") for line in others)
    assert not set("".join(others)) & set("\r\x1b\u2028\u202e")
    assert len(stream.getvalue()) < 6 * MAX_TRACEBACK


def test_to_fill_the_disk(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, stream = log
    for _ in range(20_000):
        logger.info("%s: refused", "x" * 60_000)
    assert len(stream.getvalue()) < 300 * (MAX_CHARACTERS + 100)


def test_lines_that_were_left_out_are_counted() -> None:
    rate = Rate(burst=2, per_second=0)
    record = logging.makeLogRecord({"msg": "a %s", "args": ("line",)})
    assert [rate.filter(record) for _ in range(5)] == [True, True, False, False, False]
    rate._allowed = 1.0
    assert rate.filter(record)
    assert record.getMessage() == "a line (3 lines before it were left out)"


def test_to_forge_a_line_of_a_worker() -> None:
    assert blipdb.workers.life.__name__
    for signal in (signals.after_setup_logger, signals.after_setup_task_logger):
        stream = io.StringIO()
        logger = logging.Logger("worker")
        logger.addHandler(logging.StreamHandler(stream))
        signal.send(sender=None, logger=logger)
        logger.warning("%s", FORGED)
        (line,) = stream.getvalue().splitlines()
        assert line.startswith(r"x\n2026")
        assert any(isinstance(one, OneLine) for one in logger.handlers[0].filters)


def test_to_forge_and_flood_the_engines_log(
    conn: psycopg.Connection[tuple[object, ...]], engine: Engine
) -> None:
    """By the SQL function that every reader may call."""
    before = len(engine.log)
    conn.execute("SET LOCAL ROLE blip_reader")
    for number in range(300):
        head = {"model": FORGED, "digest": "0" * 64, "text": "x" * 50_000, FORGED: number}
        conn.execute("SELECT blip._engine('embed_text', %s)", [Jsonb(head)])
    new = engine.log[before:]
    assert r"\n2026-01-01 00:00:00,000 INFO all is well" in new
    assert "\n2026-01-01" not in new
    assert len(new) < 300 * 1000
