"""The engine as a process: who it is, what it survives, what it refuses."""

from __future__ import annotations

import ctypes
import json
import os
import platform
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import psutil
import pytest

from blipdb.engine import wire
from blipdb.engine.client import EngineClient
from blipdb.errors import EngineError
from blipdb.host import owner
from tests.engine.engines import Engine, install, is_root
from tests.images.pictures import encode, scene

PICTURE = encode(scene(), "PNG")
TEXT = "a red bicycle"


@contextmanager
def connected(engine: Engine) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(5)
        sock.connect(str(engine.settings.engine_socket))
        yield sock


def request(engine: Engine, verb: str, body: bytes, *fields: str, kind: str = wire.PLAIN) -> bytes:
    lines = (
        f"POST /v1/{verb} HTTP/1.1",
        "Host: engine",
        f"Content-Type: {kind}",
        f"Content-Length: {len(body)}",
        *fields,
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def answer(data: bytes) -> tuple[int, dict[str, str]]:
    """Status and JSON of a whole HTTP answer."""
    head, _, body = data.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


def works(engine: Engine) -> bool:
    return len(engine.client.ask("embed_text", engine.model | {"text": TEXT})["itc"]) == 16


def deep_work(engine: Engine, count: int = 40_000) -> tuple[str, bytes]:
    """The body of a request that takes many seconds."""
    arch = engine.deep.architecture
    raw = bytes(count * arch.image_tokens * (arch.vision_width + 4))
    model = {"model": "deep", "digest": engine.deep.digest}
    return wire.pack(model | {"text": TEXT, "count": count}, raw)


# Who it is


def test_health(engine: Engine) -> None:
    health = engine.client.health()
    assert health["status"] == "ok"
    assert health["version"] == version("blipdb")
    assert health["pid"] == engine.process.pid
    assert {model["name"] for model in health["models"]} == {"tiny", "deep"}


def test_it_runs_as_the_servers_user(engine: Engine) -> None:
    uid = owner.current().uid
    uids = psutil.Process(engine.process.pid).uids()
    assert set(uids) == {uid}
    mode = engine.settings.engine_socket.stat()
    assert (stat.S_IMODE(mode.st_mode), mode.st_uid) == (0o660, uid)
    assert stat.S_IMODE(engine.settings.run_dir.stat().st_mode) == 0o750
    assert (engine.settings.run_dir / "engine.pid").read_text() == f"{engine.process.pid}\n"
    assert EngineClient(engine.settings.engine_socket, uid=uid).health()["status"] == "ok"


def test_a_client_notices_another_users_process(engine: Engine) -> None:
    with pytest.raises(EngineError, match="a process of user"):
        EngineClient(engine.settings.engine_socket, uid=12345).health()


ASK_AS_NOBODY = """
import socket, sys
with socket.socket(socket.AF_UNIX) as sock:
    sock.connect(sys.argv[1])
    sock.sendall(b"GET /v1/health HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n")
    print(b"".join(iter(lambda: sock.recv(1000), b"")).decode())
"""


@pytest.mark.skipif(not is_root(), reason="only root can be two users")
def test_other_users_are_refused(engine: Engine) -> None:
    """By the folder's mode, and were that open, by the engine."""
    nobody = pwd.getpwnam("nobody").pw_uid
    command = ["/usr/bin/python3", "-c", ASK_AS_NOBODY, str(engine.settings.engine_socket)]

    def ask() -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(command, user=nobody, capture_output=True, cwd="/")

    assert b"PermissionError" in ask().stderr
    try:
        engine.settings.run_dir.chmod(0o755)
        engine.settings.engine_socket.chmod(0o666)
        status, said = answer(ask().stdout)
    finally:
        engine.settings.run_dir.chmod(0o750)
        engine.settings.engine_socket.chmod(0o660)
    assert (status, said["sqlstate"]) == (403, "42501")


def test_there_is_one_engine_a_home(engine: Engine) -> None:
    command = [sys.executable, "-m", "blipdb.engine", "--home", str(engine.settings.home)]
    second = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert second.returncode == 1
    assert f"already serves {engine.settings.home}: process {engine.process.pid}" in second.stderr
    assert "Traceback" not in second.stderr
    assert works(engine)


def test_threads_out_of_range(engine: Engine) -> None:
    command = [sys.executable, "-m", "blipdb.engine", "--threads", "9999"]
    wrong = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (wrong.returncode, wrong.stderr.split(";")[0]) == (2, "threads is 9999")


# What it survives


@pytest.mark.parametrize(
    "data",
    [
        b"\0" * 5_000,
        b"hello\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"POST /v1/embed_text HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/embed_text HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n",
        b"POST /v1/embed_text HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"PUT /v1/health HTTP/1.1\r\n\r\n",
        b"POST /v1/%2e%2e/health HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}",
    ],
)
def test_garbage_gets_an_error(engine: Engine, data: bytes) -> None:
    with connected(engine) as sock:
        try:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            said = sock.recv(1_000)
        except OSError:
            said = b""
    assert said == b"" or said.startswith(b"HTTP/1.1 4"), said
    assert works(engine)


def test_errors_are_json(engine: Engine) -> None:
    for body, status, sqlstate in (
        (b"{", 400, "08P01"),
        (b"[]", 400, "08P01"),
        (b"{}", 400, "22023"),
        (json.dumps(engine.model | {"text": "\0\n\t"}).encode(), 400, "22023"),
    ):
        with connected(engine) as sock:
            sock.sendall(request(engine, "embed_text", body, "Connection: close"))
            found, said = answer(b"".join(iter(lambda s=sock: s.recv(9_999), b"")))  # type: ignore[misc]
        assert (found, said["sqlstate"]) == (status, sqlstate)


def test_the_body_is_asked_for_only_if_it_will_be_read(engine: Engine) -> None:
    kind, body = wire.pack(engine.model | {"text": TEXT})
    with connected(engine) as sock:
        asked = request(engine, "embed_text", body, "Expect: 100-continue", kind=kind)
        sock.sendall(asked[: -len(body)])
        assert sock.recv(99) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(body)
        assert sock.recv(99_999).startswith(b"HTTP/1.1 200")
    with connected(engine) as sock:
        sock.sendall(asked.replace(b"Content-Length: ", b"Content-Length: 9999999")[: -len(body)])
        assert sock.recv(99_999).startswith(b"HTTP/1.1 413")


def test_callers_that_leave_midway(engine: Engine) -> None:
    """Anywhere in the request: no slot stays taken, and no work goes on."""
    kind, body = deep_work(engine)
    data = request(engine, "rerank", body, kind=kind)
    for sent in (1, 30, 200, len(data) // 2, len(data) - 1, len(data)):
        with connected(engine) as sock:
            sock.sendall(data[:sent])
            time.sleep(0.05)
        engine.wait_until_idle(0.5)
    assert works(engine)


def test_callers_that_wait_leave_too(engine: Engine) -> None:
    """More requests than workers: those in the queue are forgotten at once."""
    kind, body = deep_work(engine)
    data = request(engine, "rerank", body, kind=kind)
    socks = []
    for _ in range(8):
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(str(engine.settings.engine_socket))
        sock.sendall(data)
        socks.append(sock)
    deadline = time.monotonic() + 5
    while engine.client.health()["requests"] < 8:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    for sock in socks:
        sock.close()
    engine.wait_until_idle(0.5)


def test_a_full_queue_is_said(engine: Engine) -> None:
    kind, body = deep_work(engine, 200)
    data = request(engine, "rerank", body, kind=kind)
    capacity = engine.client.health()["workers"] + 64
    socks = []
    for _ in range(capacity):
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(str(engine.settings.engine_socket))
        sock.sendall(data[:-1])  # so that none is done before the queue is full
        socks.append(sock)
    deadline = time.monotonic() + 5
    while engine.client.health()["requests"] < capacity:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    with pytest.raises(EngineError) as busy:
        works(engine)
    assert busy.value.message == f"the blipdb engine is busy with {capacity} requests"
    for sock in socks:
        sock.close()
    engine.wait_until_idle(2)
    assert works(engine)


def test_32_connections_at_once(engine: Engine) -> None:
    verbs: list[tuple[str, dict[str, object], bytes | None]] = [
        ("embed_text", {"text": TEXT}, None),
        ("embed_image", {}, PICTURE),
        ("match_image", {"text": TEXT}, PICTURE),
        ("caption_image", {"beams": 2, "max_tokens": 6}, PICTURE),
    ]
    expected = [engine.client.ask(op, {**engine.model, **head}, raw) for op, head, raw in verbs]
    failures: list[object] = []

    def session(number: int) -> None:
        op, head, raw = verbs[number % 4]
        for _ in range(5):
            try:
                found = engine.client.ask(op, {**engine.model, **head}, raw)
            except EngineError as error:
                failures.append(error)
            else:
                if found != expected[number % 4]:
                    failures.append((op, found))

    threads = [threading.Thread(target=session, args=(i,)) for i in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_questions_are_answered(engine: Engine) -> None:
    vqa = install(engine.settings, 2, "vqa", roles=("answerer",))
    model = {"model": vqa.name, "digest": vqa.digest}
    asked = model | {"question": "is the dog red"}
    written = engine.client.ask("answer_image", asked, PICTURE)["answer"]
    assert written == engine.client.ask("answer_image", asked, PICTURE)["answer"]
    among = {"among": ["blue", "a red dog"]}
    assert engine.client.ask("answer_image", asked | among, PICTURE)["answer"] in among["among"]
    for head, message in (
        (model, "has no question"),
        (asked | {"among": "blue"}, "among is 'blue', no list"),
        (asked | {"among": ["blue", 3]}, "holds something that is no text"),
        (asked | {"among": []}, "no answer to choose from"),
        (engine.model | {"question": "dog"}, "tiny has no question graph"),
    ):
        with pytest.raises(EngineError, match=message):
            engine.client.ask("answer_image", head, PICTURE)
    with pytest.raises(EngineError, match="The model vqa makes no vectors"):
        engine.client.ask("embed_image", model, PICTURE)


def test_memory_does_not_grow(engine: Engine) -> None:
    process = psutil.Process(engine.process.pid)
    large = encode(scene(1_200, 1_000), "BMP")

    def round() -> None:
        for _ in range(8):
            engine.client.ask("match_image", engine.model | {"text": TEXT}, large)

    round()
    before = process.memory_info().rss
    for _ in range(3):
        round()
    assert process.memory_info().rss - before < 20 << 20


def test_its_memory_is_capped(empty_home: Path) -> None:
    """A request that needs more is refused as out of memory, and the engine lives on."""
    from blipdb.settings import Settings

    settings = Settings(empty_home)
    artifact = install(settings)
    code = (
        "from blipdb.engine.server import serve; from blipdb.settings import Settings;"
        f"from pathlib import Path; serve(Settings(Path({str(empty_home)!r})), memory=200 << 20)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        while "listening" not in process.stderr.readline():
            assert process.poll() is None
        client = EngineClient(settings.engine_socket)
        model = {"model": "tiny", "digest": artifact.digest}
        arch = artifact.architecture
        size = arch.image_tokens * (arch.vision_width + 4)
        count = (60 << 20) // size
        with pytest.raises(EngineError, match=r"^the blipdb engine is out of memory"):
            client.ask("rerank", model | {"text": TEXT, "count": count}, bytes(count * size))
        assert client.ask("embed_text", model | {"text": TEXT})["itc"]
        process.terminate()
        assert process.wait(10) == 0


# The models


def test_a_model_that_comes_later_and_one_that_is_altered(engine: Engine) -> None:
    """Every file is checked; whichever has one byte changed is named, until it is whole again."""
    later = install(engine.settings, 7, "later")
    model = {"model": "later", "digest": later.digest, "text": TEXT}
    names = sorted(later.manifest.files)
    assert len(names) >= 6
    for name in names:
        path = later.folder / name
        good = path.read_bytes()
        path.write_bytes(good[:-3] + bytes([good[-3] ^ 1]) + good[-2:])
        with pytest.raises(EngineError) as refused:
            engine.client.ask("embed_text", model)
        assert refused.value.message.startswith(f"{path} was altered"), name
        assert refused.value.hint is not None
        path.write_bytes(good)
    manifest = later.folder / "model.json"
    good = manifest.read_bytes()
    manifest.write_bytes(good.replace(b"random", b"RANDOM"))
    with pytest.raises(EngineError, match=r"model\.json was altered"):
        engine.client.ask("embed_text", model)
    manifest.write_bytes(good)
    assert engine.client.ask("embed_text", model)["itc"]


def test_an_altered_model_does_not_stop_the_start(engine: Engine) -> None:
    bad = install(engine.settings, 8, "bad")
    path = bad.folder / "text.onnx"
    path.write_bytes(path.read_bytes()[:-1])
    engine.process.send_signal(signal.SIGTERM)
    engine.restart()
    assert f"{path} was altered" in engine.log
    assert works(engine)
    shutil.rmtree(bad.folder)


def test_few_models_are_kept(engine: Engine) -> None:
    models = [install(engine.settings, 20 + i, f"extra{i}") for i in range(5)]
    for artifact in models:
        head = {"model": artifact.name, "digest": artifact.digest, "text": TEXT}
        assert engine.client.ask("embed_text", head)["itc"]
    loaded = [model["name"] for model in engine.client.health()["models"]]
    assert loaded == ["extra1", "extra2", "extra3", "extra4"]
    assert works(engine)
    for artifact in models:
        shutil.rmtree(artifact.folder)


# Its end


def test_it_ends_soon_even_at_work(engine: Engine) -> None:
    kind, body = deep_work(engine, count=160_000)  # longer than it may take to say goodbye
    with connected(engine) as sock:
        sock.sendall(request(engine, "rerank", body, kind=kind))
        time.sleep(0.3)
        family = psutil.Process(engine.process.pid).children(recursive=True)
        start = time.monotonic()
        engine.process.terminate()
        status, said = answer(b"".join(iter(lambda: sock.recv(9_999), b"")))
        assert (status, said["sqlstate"]) == (503, "57P01")
        assert engine.process.wait(10) == 0
    assert time.monotonic() - start < 8
    assert psutil.wait_procs(family, timeout=3)[1] == []
    assert not engine.settings.engine_socket.exists()
    assert "Traceback" not in engine.log
    engine.restart()


def test_it_ends_whichever_thread_gets_the_signal(engine: Engine) -> None:
    pid = engine.process.pid
    threads = {thread.id for thread in psutil.Process(pid).threads()} - {pid}
    tgkill = 234 if platform.machine() == "x86_64" else 131
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.syscall(tgkill, pid, min(threads), signal.SIGTERM) == 0, ctypes.get_errno()
    assert engine.process.wait(10) == 0
    engine.restart()


def test_after_a_kill_the_next_one_starts(engine: Engine) -> None:
    engine.process.kill()
    engine.process.wait()
    assert engine.settings.engine_socket.exists()
    with pytest.raises(EngineError) as gone:
        engine.client.health()
    assert gone.value.hint == "Start it with: blipdb up"
    engine.restart()
    assert works(engine)


def test_a_client_is_patient_only_so_long(engine: Engine) -> None:
    with engine.stopped(), pytest.raises(EngineError, match=r"does not answer within 0\.3 s"):
        EngineClient(engine.settings.engine_socket, seconds=0.3).health()
    assert os.path.exists(engine.settings.engine_socket)
