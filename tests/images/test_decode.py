"""The pool of children: that it decodes, what it survives, and what a child can't do."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import psutil
import pytest
from PIL import Image

from blipdb.errors import ImageError, SetupError
from blipdb.images.confine import confine
from blipdb.images.decode import Decoded, Decoder
from blipdb.images.limits import Limits
from tests.images.pictures import bomb, encode, pixels, scene, slow

PNG = encode(scene(), "PNG")


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    with Decoder(2) as pool:
        yield pool


def children(pool: Decoder) -> list[psutil.Process]:
    found: list[psutil.Process] = psutil.Process(pool._zygote._process.pid).children()
    return found


def test_one_picture(decoder: Decoder) -> None:
    decoded = decoder.decode(PNG, 32, preview=True)
    assert decoded.pixels.dtype == np.uint8
    assert (decoded.pixels == pixels(scene(), 32)).all()
    assert (decoded.width, decoded.height, decoded.mime) == (60, 40, "image/png")
    assert decoded.preview.startswith(b"\xff\xd8\xff")
    assert decoded.descriptions == []
    assert decoder.decode(PNG, 32).preview == b""


def test_a_refusal_names_its_reason_and_the_child_lives_on(decoder: Decoder) -> None:
    for data, reason in (
        (b"", "the file is empty"),
        (PNG[:-40], "truncated PNG"),
        (b"just a text", "not a JPEG"),
        (bomb(50_000, 50_000), "50000 x 50000 pixels"),
    ):
        with pytest.raises(ImageError, match=reason):
            decoder.decode(data, 32)
    before = {child.pid for child in children(decoder)}
    decoder.decode(PNG, 32)
    assert {child.pid for child in children(decoder)} == before


def test_the_largest_file(decoder: Decoder) -> None:
    with Decoder(1, Limits(bytes=1_000)) as small:
        with pytest.raises(ImageError, match=r"^1,001 bytes; at most 1,000 are read$"):
            small.decode(b"x" * 1_001, 32)
        outcomes = dict(small.decode_ahead([("a", b"y" * 2_000), ("b", PNG)], 32))
        assert isinstance(outcomes["a"], ImageError)
        assert isinstance(outcomes["b"], Decoded)
    with pytest.raises(ImageError, match="not a JPEG"):
        decoder.decode(bytes(64 << 20), 32)


def test_ahead_keeps_order_and_yields_refusals(decoder: Decoder) -> None:
    files = [encode(scene(8 + i % 40, 8), "PNG") if i % 10 else b"bad" for i in range(300)]
    outcomes = list(decoder.decode_ahead(enumerate(files), 8))
    assert [key for key, _ in outcomes] == list(range(300))
    for i, outcome in outcomes:
        if i % 10:
            assert isinstance(outcome, Decoded)
            assert outcome.width == 8 + i % 40
        else:
            assert isinstance(outcome, ImageError)


def test_ahead_reads_only_so_far_ahead(decoder: Decoder) -> None:
    read = 0

    def files() -> Iterator[tuple[int, bytes]]:
        nonlocal read
        for read in range(10_000):
            yield read, PNG

    outcomes = decoder.decode_ahead(files(), 8)
    next(outcomes)
    assert read < 150
    outcomes.close()  # type: ignore[attr-defined]
    assert decoder.decode(PNG, 8).width == 60


def test_a_child_that_comes_back_to_a_closed_pool_is_ended() -> None:
    pool = Decoder(1)
    with pool._borrow() as child:
        pool.close()
    assert child.has_ended
    assert not pool._idle


def test_threads_share_the_pool(decoder: Decoder) -> None:
    failures: list[int] = []

    def work(width: int) -> None:
        data = encode(scene(width, 9), "PNG")
        for _ in range(20):
            if decoder.decode(data, 8).width != width:
                failures.append(width)

    threads = [threading.Thread(target=work, args=(10 + i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(children(decoder)) <= 2


def test_a_slow_picture_is_given_up() -> None:
    with Decoder(1, Limits(seconds=0.5)) as pool:
        start = time.monotonic()
        with pytest.raises(ImageError, match=r"^decoding took more than 0.5 s$"):
            pool.decode(slow(), 32)
        assert time.monotonic() - start < 2
        assert children(pool) == []
        assert pool.decode(PNG, 32).width == 60


def test_a_slow_picture_costs_its_neighbours_nothing() -> None:
    files = [("a", PNG), ("slow", slow()), ("b", PNG)]
    with Decoder(1, Limits(seconds=0.5)) as pool:
        pool.decode(PNG, 32)
        outcomes = dict(pool.decode_ahead(files, 32))
    assert isinstance(outcomes["slow"], ImageError)
    assert isinstance(outcomes["a"], Decoded)
    assert isinstance(outcomes["b"], Decoded)


def test_memory_is_capped() -> None:
    large = encode(Image.new("P", (5_000, 4_000)), "GIF")
    with Decoder(1, Limits(memory=96 << 20)) as pool:
        with pytest.raises(ImageError, match="decoding needs more than 96 MiB of memory"):
            pool.decode(large, 32)
        assert pool.decode(PNG, 32).width == 60


def kill_while_busy(pool: Decoder, times: int) -> None:
    """Kill whatever child is at work, ``times`` times over."""
    for _ in range(times):
        busy: list[psutil.Process] = []
        while not busy:
            time.sleep(0.01)
            busy = [c for c in children(pool) if c.status() == psutil.STATUS_RUNNING]
        busy[0].kill()
        busy[0].wait()


@pytest.mark.parametrize(("kills", "survives"), [(1, True), (2, False)])
def test_a_child_killed_midway(kills: int, survives: bool) -> None:
    """Once may be somebody else's doing, so it is tried again; twice is the picture's fault."""
    with Decoder(1) as pool:
        pool.decode(PNG, 32)
        killer = threading.Thread(target=kill_while_busy, args=(pool, kills))
        killer.start()
        ((_, outcome), (_, after)) = pool.decode_ahead([("slow", slow(900)), ("b", PNG)], 32)
        killer.join()
    assert isinstance(outcome, Decoded) is survives
    assert survives or "decoding crashed: its process ended by SIGKILL" in str(outcome)
    assert isinstance(after, Decoded)


def test_a_child_is_replaced_after_many_pictures() -> None:
    with Decoder(1) as pool:
        pool.decode(PNG, 8)
        (first,) = (child.pid for child in children(pool))
        assert sum(1 for _ in pool.decode_ahead(((i, PNG) for i in range(1_010)), 8)) == 1_010
        (last,) = (child.pid for child in children(pool))
    assert first != last


def test_nothing_is_left_behind() -> None:
    with Decoder(2) as pool:
        list(pool.decode_ahead(((i, PNG) for i in range(64)), 8))
        zygote = psutil.Process(pool._zygote._process.pid)
        family = [zygote, *zygote.children()]
        assert len(family) > 1
    assert psutil.wait_procs(family, timeout=5)[1] == []


PARENT = """
import sys, time
from blipdb.images.decode import Decoder
pool = Decoder(1)
try: pool.decode(b"", 8)
except Exception: print(pool._zygote._process.pid, flush=True)
time.sleep(60)
"""


def test_the_children_die_with_their_parent() -> None:
    """Even when it is killed: their sockets close, and the zygote ends them."""
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        zygote = psutil.Process(int(parent.stdout.readline()))
        family = [zygote, *zygote.children()]
        assert len(family) == 2
        parent.kill()
    assert psutil.wait_procs(family, timeout=5)[1] == []


def test_a_dead_zygote_is_said() -> None:
    pool = Decoder(1)
    os.kill(pool._zygote._process.pid, signal.SIGKILL)
    with pytest.raises(SetupError, match="has ended"):
        pool.decode(PNG, 8)
    pool.close()


def test_a_child_holds_no_rights(decoder: Decoder) -> None:
    decoder.decode(PNG, 8)
    child = children(decoder)[0]
    with open(f"/proc/{child.pid}/status") as lines:
        status = {name: rest.strip() for name, _, rest in (line.partition(":") for line in lines)}
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    if os.geteuid() == 0:
        assert status["Uid"].split() == ["65534"] * 4
        assert status["Gid"].split() == ["65534"] * 4
        assert status["Groups"] == ""
        assert int(status["CapEff"], 16) == 0
        assert os.listdir(f"/proc/{child.pid}/fd") == ["0"]


def forbidden() -> list[Callable[[], object]]:
    return [
        lambda: os.open("/etc/passwd", os.O_RDONLY),
        lambda: socket.socket(socket.AF_INET),
        lambda: socket.socket(socket.AF_UNIX),
        os.fork,
        lambda: os.kill(os.getppid(), 0),
        lambda: os.execv("/bin/true", ["true"]),
        lambda: os.unlink("/nowhere"),
        lambda: os.listdir("/"),
        os.pipe,
    ]


@pytest.mark.parametrize("number", range(len(forbidden())))
def test_a_confined_process_reaches_nothing(number: int) -> None:
    """Exit status 42: the call failed with EPERM, and arithmetic still works."""
    attempt = forbidden()[number]
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            if confine():
                attempt()
        except PermissionError:
            code = sum(range(10)) - 3
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 42
