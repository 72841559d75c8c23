"""blip._engine and blip._ask in a real PostgreSQL, against a real engine."""

from __future__ import annotations

import os
import select
import signal
import socket
import threading
import time
from base64 import b64decode
from typing import Any

import numpy as np
import psycopg
import pytest
from psycopg.types.json import Jsonb

from blipdb.model.runtime import Runtime
from blipdb.model.tokens import pack_batch, record_size
from tests.engine.engines import Engine, is_root, stop_process
from tests.images.pictures import encode, scene

ASK = "SELECT blip._ask(%s, %s, %s)"
ASK_ZEROS = "SELECT blip._ask(%s, %s, decode(repeat('00', %s), 'hex'))"
TEXT = "a red bicycle"
PICTURE = encode(scene(), "PNG")
CANCELED = "canceling statement due to user request"
LONG_COUNT = 40_000  # images that the deep model reranks in many seconds


def ask(
    conn: psycopg.Connection, op: str, head: dict[str, Any], body: bytes | int | None = None
) -> dict[str, Any]:
    """``body`` as a number is so many zero bytes, made by the server."""
    query = ASK_ZEROS if isinstance(body, int) else ASK
    row = conn.execute(query, (op, Jsonb(head), body)).fetchone()
    assert row is not None
    found: dict[str, Any] = row[0]
    return found


@pytest.fixture
def runtime(engine: Engine) -> Runtime:
    return Runtime.load(engine.artifact.folder)


def long_work(engine: Engine) -> tuple[dict[str, Any], int]:
    """A rerank that takes many seconds."""
    arch = engine.deep.architecture
    model = {"model": "deep", "digest": engine.deep.digest}
    size = record_size(arch.image_tokens, arch.vision_width)
    return model | {"text": TEXT, "count": LONG_COUNT}, LONG_COUNT * size


def refused(
    conn: psycopg.Connection, op: str, head: dict[str, Any], body: bytes | int | None = None
) -> psycopg.Error:
    """The error of a call: never with a traceback."""
    with pytest.raises(psycopg.Error) as caught:
        ask(conn, op, head, body)
    text = str(caught.value) + str(caught.value.diag.context)
    assert "Traceback" not in text
    assert "PL/Python" not in text
    return caught.value


# What it computes


def test_a_text(conn: psycopg.Connection, engine: Engine, runtime: Runtime) -> None:
    reply = ask(conn, "embed_text", engine.model | {"text": TEXT})
    assert np.allclose(reply["itc"], runtime.embed_texts([TEXT])[0], atol=1e-6)


def test_an_image(conn: psycopg.Connection, engine: Engine, runtime: Runtime) -> None:
    size = engine.artifact.architecture.image_size
    pixels = np.asarray(scene().resize((size, size), 3))[None]
    encoded = runtime.encode_images(pixels)
    reply = ask(conn, "embed_image", engine.model, PICTURE)
    assert np.allclose(reply["itc"], encoded.itc[0], atol=1e-6)

    itm = runtime.rerank(TEXT, encoded.tokens, encoded.scales)
    reply = ask(conn, "match_image", engine.model | {"text": TEXT}, PICTURE)
    assert np.allclose(reply["itm"], itm[0], atol=1e-5)
    (record,) = pack_batch(encoded.tokens, encoded.scales)
    reply = ask(conn, "rerank", engine.model | {"text": TEXT, "count": 1}, record)
    assert np.allclose(reply["itm"], itm, atol=1e-5)

    (text,) = runtime.caption(encoded.tokens, encoded.scales)
    assert ask(conn, "caption", engine.model, record) == {"caption": text}
    assert ask(conn, "caption_image", engine.model | {"beams": 3}, PICTURE) == {"caption": text}
    drawn = engine.model | {"nucleus": 0.9, "seed": 7, "max_tokens": 5}
    first = ask(conn, "caption", drawn, record)
    assert ask(conn, "caption", drawn, record) == first


def test_many_images_in_order(conn: psycopg.Connection, engine: Engine, runtime: Runtime) -> None:
    rng = np.random.default_rng(3)
    size = engine.artifact.architecture.image_size
    pixels = rng.integers(0, 256, (100, size, size, 3)).astype(np.uint8)
    encoded = runtime.encode_images(pixels)
    records = b"".join(pack_batch(encoded.tokens, encoded.scales))
    reply = ask(conn, "rerank", engine.model | {"text": TEXT, "count": 100}, records)
    expected = runtime.rerank(TEXT, encoded.tokens, encoded.scales)
    assert np.allclose(reply["itm"], expected, atol=1e-5)
    assert ask(conn, "rerank", engine.model | {"text": TEXT, "count": 0}, b"") == {"itm": []}


def test_images_for_searches(conn: psycopg.Connection, engine: Engine, runtime: Runtime) -> None:
    """Of a call: as each alone, in their order."""
    size = engine.artifact.architecture.image_size
    pictures = [scene(30 + number, 20) for number in range(7)]
    files = [encode(picture, "PNG") for picture in pictures]
    head = {"sizes": [len(file) for file in files], "names": [f"no. {n}" for n in range(7)]}
    reply = ask(conn, "encode_images", engine.model | head, b"".join(files))
    assert len(reply["images"]) == 7
    for picture, image in zip(pictures, reply["images"], strict=True):
        encoded = runtime.encode_images(np.asarray(picture.resize((size, size), 3))[None])
        (record,) = pack_batch(encoded.tokens, encoded.scales)
        assert np.allclose(image["itc"], encoded.itc[0], atol=1e-6)
        assert len(b64decode(image["tokens"])) == len(record)
        assert (image["width"], image["height"]) == picture.size


# What it refuses


def test_only_its_verbs(conn: psycopg.Connection, engine: Engine) -> None:
    for op in ("health", "../health", "embed_text HTTP/1.1\r\n\r\nGET /v1/health", ""):
        assert refused(conn, op, engine.model).sqlstate == "22023"


def test_a_text_without_known_words(conn: psycopg.Connection, engine: Engine) -> None:
    error = refused(conn, "embed_text", engine.model | {"text": "xyzzy"})
    assert error.sqlstate == "22023"
    assert "'xyzzy'" in str(error)


def test_a_bad_image(conn: psycopg.Connection, engine: Engine) -> None:
    error = refused(conn, "embed_image", engine.model, PICTURE[:-40])
    assert (error.sqlstate, error.diag.message_primary) == (
        "22P03",
        "the image is refused: truncated PNG: image file is truncated",
    )


def test_one_bad_image_of_several_is_named(conn: psycopg.Connection, engine: Engine) -> None:
    files = [PICTURE, PICTURE[:-40], PICTURE]
    head = engine.model | {"sizes": list(map(len, files)), "names": ["a", "b", "c"]}
    error = refused(conn, "encode_images", head, b"".join(files))
    assert error.diag.message_primary == (
        "the image is refused: b: truncated PNG: image file is truncated"
    )


@pytest.mark.parametrize("sizes", [[], [4], [2, 2, 2], [-1, 6], [2, 3.0], ["5", "0"], [True, 4]])
def test_sizes_that_are_not_the_images(
    conn: psycopg.Connection, engine: Engine, sizes: list[Any]
) -> None:
    head = engine.model | {"sizes": sizes, "names": ["a", "b"]}
    error = refused(conn, "encode_images", head, b"12345")
    assert error.sqlstate == "22023"
    assert "with 2 names; its images have 5 bytes" in str(error)


def test_a_bad_request(conn: psycopg.Connection, engine: Engine) -> None:
    for head in (
        {},
        engine.model,
        engine.model | {"text": 3},
        engine.model | {"text": "a", "x": 1},
    ):
        assert refused(conn, "embed_text", head).sqlstate == "22023"
    assert refused(conn, "embed_text", engine.model | {"text": "a " * 50_000}).sqlstate == "08P01"
    misfit = refused(conn, "rerank", engine.model | {"text": TEXT, "count": 2}, b"short")
    assert misfit.sqlstate == "XX001"
    assert "5 bytes are not 2 records" in str(misfit)


def test_a_model_that_is_not_there(conn: psycopg.Connection, engine: Engine) -> None:
    error = refused(conn, "embed_text", {"model": "tiny", "digest": "0" * 64, "text": TEXT})
    assert error.sqlstate == "55000"
    assert error.diag.message_primary == (
        "The engine has no model 'tiny' with digest 0000000000000000."
    )
    assert "blipdb models add" in str(error.diag.message_hint)
    assert (
        refused(conn, "embed_text", engine.model | {"model": "x", "text": TEXT}).sqlstate == "55000"
    )


def test_too_large(conn: psycopg.Connection, engine: Engine) -> None:
    """Refused by its stated size: the bytes are not even sent."""
    with pytest.raises(psycopg.Error, match="at most 67,") as caught:
        conn.execute(
            "SELECT blip._ask('embed_image', %s, convert_to(repeat('x', 70000000), 'UTF8'))",
            [Jsonb(engine.model)],
        )
    assert caught.value.sqlstate == "54000"


# An engine that isn't there, hangs or ends


def absent(conn: psycopg.Connection, engine: Engine, message: str) -> None:
    """Said within a second or so: the best of three, as the machine may be busy."""
    took = []
    for _ in range(3):
        begin = time.monotonic()
        error = refused(conn, "embed_text", engine.model | {"text": TEXT})
        took.append(time.monotonic() - begin)
        assert (error.sqlstate, error.diag.message_primary) == ("08006", message)
        assert error.diag.message_hint == "Start it with: blipdb up"
    assert min(took) < 1.2


def test_a_request_without_a_head(conn: psycopg.Connection, engine: Engine) -> None:
    with pytest.raises(psycopg.Error, match="without a head") as caught:
        conn.execute("SELECT blip._ask('embed_text', NULL)")
    assert caught.value.sqlstate == "22004"
    assert "Traceback" not in str(caught.value)


@pytest.mark.alone
def test_a_hung_engine(conn: psycopg.Connection, engine: Engine) -> None:
    with engine.stopped():
        absent(conn, engine, "the blipdb engine does not answer: it hangs")
    assert ask(conn, "embed_text", engine.model | {"text": TEXT})["itc"]


def test_a_hung_engine_whose_backlog_is_full(conn: psycopg.Connection, engine: Engine) -> None:
    callers = []
    with engine.stopped():
        for _ in range(1_000):
            caller = socket.socket(socket.AF_UNIX)
            caller.setblocking(False)
            callers.append(caller)
            if caller.connect_ex(str(engine.settings.engine_socket)):
                break
            caller.send(b"GET /v1/health HTTP/1.1\r\n\r\n")
        else:
            pytest.fail("the backlog has no end")
        absent(conn, engine, "the blipdb engine does not answer: it hangs")
        threading.Timer(0.3, engine.process.send_signal, (signal.SIGCONT,)).start()
        assert ask(conn, "embed_text", engine.model | {"text": TEXT})["itc"]
    for caller in callers:
        caller.close()


def test_an_engine_that_hangs_at_work(conn: psycopg.Connection, engine: Engine) -> None:
    head, body = long_work(engine)
    moment = time.monotonic()

    def stop() -> None:
        nonlocal moment
        stop_process(engine.process.pid)
        moment = time.monotonic()

    thread = engine.when_at_work(stop, 1.2)
    error = refused(conn, "rerank", head, body)
    assert time.monotonic() - moment < 4
    thread.join()
    engine.process.send_signal(signal.SIGCONT)
    assert error.diag.message_primary == "the blipdb engine does not answer: it hangs"
    engine.wait_until_idle()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_an_engine_that_ended(
    conn: psycopg.Connection, engine: Engine, how: signal.Signals
) -> None:
    engine.process.send_signal(how)
    assert engine.process.wait(10) == (-how if how == signal.SIGKILL else 0)
    absent(conn, engine, "the blipdb engine does not run")
    engine.restart()
    assert ask(conn, "embed_text", engine.model | {"text": TEXT})["itc"]


def test_an_engine_killed_at_work(conn: psycopg.Connection, engine: Engine) -> None:
    head, body = long_work(engine)
    thread = engine.when_at_work(engine.process.kill)
    error = refused(conn, "rerank", head, body)
    thread.join()
    engine.process.wait(10)  # so that the next test sees that it has ended
    assert (error.sqlstate, error.diag.message_primary) == (
        "08006",
        "the blipdb engine ended before it answered",
    )
    engine.restart()
    assert ask(conn, "embed_text", engine.model | {"text": TEXT})["itc"]


@pytest.mark.skipif(not is_root(), reason="only root can be two users")
def test_an_impostor_at_the_socket(conn: psycopg.Connection, engine: Engine) -> None:
    conn.execute("UPDATE blip.settings SET value = '65534' WHERE name = 'engine_uid'")
    absent(conn, engine, "the process at the blipdb engine's socket is another user's")


@pytest.mark.parametrize(
    "answer",
    [b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"\0" * 99],
)
def test_something_else_at_the_socket(
    conn: psycopg.Connection, engine: Engine, answer: bytes, tmp_path_factory: Any
) -> None:
    path = engine.settings.home / "other.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        path.chmod(0o666)
        listener.listen()
        conn.execute(
            "UPDATE blip.settings SET value = CASE name WHEN 'engine_socket' THEN %s ELSE %s END",
            (str(path), str(os.geteuid())),
        )

        def reply() -> None:
            caller, _ = listener.accept()
            with caller:
                caller.sendall(answer)
                select.select([caller], [], [], 0.1)

        thread = threading.Thread(target=reply)
        thread.start()
        error = refused(conn, "embed_text", engine.model | {"text": TEXT})
        thread.join()
    path.unlink()
    assert error.sqlstate in ("08P01", "08006")


def test_settings_that_are_missing(conn: psycopg.Connection, engine: Engine) -> None:
    with conn.transaction(force_rollback=True):
        conn.execute("DELETE FROM blip.settings WHERE name = 'engine_uid'")
        error = refused(conn, "embed_text", engine.model | {"text": TEXT})
    assert error.diag.message_primary == (
        "blip.settings does not say where the blipdb engine listens"
    )


# Cancelling


def cancel_at_work(conn: psycopg.Connection, url: str, seconds: float) -> list[float]:
    """In a thread: wait until ``conn`` is at work, ``seconds`` more, and cancel. When that was."""
    moment: list[float] = []

    def cancel() -> None:
        query = "SELECT state = 'active' FROM pg_stat_activity WHERE pid = %s"
        with psycopg.connect(url, autocommit=True) as other:
            while other.execute(query, [conn.info.backend_pid]).fetchone() != (True,):
                time.sleep(0.001)
        time.sleep(seconds)
        moment.append(time.monotonic())
        conn.cancel_safe()

    threading.Thread(target=cancel).start()
    return moment


def cancelled(conn: psycopg.Connection, engine: Engine, url: str, seconds: float) -> float:
    """Cancel a long call after ``seconds``; how long it then went on."""
    head, body = long_work(engine)
    moment = cancel_at_work(conn, url, seconds)
    error = refused(conn, "rerank", head, body)
    took = time.monotonic() - moment[0]
    assert (error.sqlstate, error.diag.message_primary) == ("57014", CANCELED)
    assert (error.diag.severity, error.diag.message_hint) == ("ERROR", None)
    return took


@pytest.mark.alone
def test_a_cancel_stops_the_call_and_the_engine(
    conn: psycopg.Connection, engine: Engine, module_database: str
) -> None:
    """At fifty moments: while connecting, sending, waiting. Only the work's own end is later."""
    ask(conn, "embed_text", engine.model | {"text": TEXT})
    took = []
    for i in range(50):
        took.append(cancelled(conn, engine, module_database, 0.005 * i))
        engine.wait_until_idle(0.25)
        assert ask(conn, "embed_text", engine.model | {"text": TEXT})["itc"]
    took.sort()
    assert took[25] < 0.1
    assert took[48] < 0.25  # the slowest may be the machine's doing
    assert took[49] < 1


@pytest.mark.alone
def test_a_cancel_while_the_engine_hangs(
    conn: psycopg.Connection, engine: Engine, module_database: str
) -> None:
    with engine.stopped():
        assert cancelled(conn, engine, module_database, 0.3) < 0.25
    engine.wait_until_idle()


@pytest.mark.alone
def test_a_statement_timeout(conn: psycopg.Connection, engine: Engine) -> None:
    head, body = long_work(engine)
    with conn.transaction(force_rollback=True):
        conn.execute("SET LOCAL statement_timeout = '400ms'")
        begin = time.monotonic()
        error = refused(conn, "rerank", head, body)
        assert time.monotonic() - begin < 1.5
    assert error.diag.message_primary == "canceling statement due to statement timeout"
    assert error.sqlstate == "57014"
    engine.wait_until_idle()


def test_a_cancel_rolls_back_to_a_savepoint(conn: psycopg.Connection, engine: Engine) -> None:
    with conn.transaction():
        conn.execute("CREATE TEMPORARY TABLE kept ON COMMIT DROP AS SELECT 1 AS one")
        conn.execute("SET LOCAL statement_timeout = '300ms'")
        head, body = long_work(engine)
        with pytest.raises(psycopg.errors.QueryCanceled), conn.transaction():
            ask(conn, "rerank", head, body)
        assert conn.execute("SELECT one FROM kept").fetchone() == (1,)


def test_a_terminated_backend_leaves_nothing(
    conn: psycopg.Connection, engine: Engine, module_database: str
) -> None:
    head, body = long_work(engine)
    with psycopg.connect(module_database, autocommit=True) as other:
        pid = other.info.backend_pid
        query = "SELECT pg_terminate_backend(%s)"
        thread = engine.when_at_work(lambda: conn.execute(query, (pid,)))
        with pytest.raises(psycopg.OperationalError):
            ask(other, "rerank", head, body)
        thread.join()
    engine.wait_until_idle()


# Rights and memory


def test_a_reader_asks_but_does_not_see_where(conn: psycopg.Connection, engine: Engine) -> None:
    with conn.transaction(force_rollback=True):
        conn.execute("SET LOCAL ROLE blip_reader")
        assert ask(conn, "embed_text", engine.model | {"text": TEXT})["itc"]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("SELECT * FROM blip.settings")


def test_nobody_else_asks(conn: psycopg.Connection, engine: Engine) -> None:
    with conn.transaction(force_rollback=True):
        conn.execute("CREATE ROLE stranger")
        conn.execute("GRANT USAGE ON SCHEMA blip TO stranger")
        conn.execute("SET LOCAL ROLE stranger")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            ask(conn, "embed_text", engine.model | {"text": TEXT})


def anonymous_bytes(pid: int) -> int:
    with open(f"/proc/{pid}/smaps_rollup") as lines:
        (line,) = (line for line in lines if line.startswith("Pss_Anon:"))
    return int(line.split()[1]) * 1024


@pytest.mark.skipif(not is_root(), reason="only root can look at PostgreSQL's memory")
def test_a_backend_that_asked_holds_little_memory(
    conn: psycopg.Connection, engine: Engine, module_database: str
) -> None:
    """After requests of a megabyte, which is the largest that a search makes."""
    picture = encode(scene(620, 560), "BMP")
    assert len(picture) > 1_000_000
    conn.execute("CREATE TABLE picture AS SELECT %s::bytea AS content", [picture])
    head = Jsonb(engine.model | {"text": TEXT})
    with psycopg.connect(module_database, autocommit=True) as other:
        other.execute("SELECT count(*) FROM blip.models")
        before = anonymous_bytes(other.info.backend_pid)
        for _ in range(10):
            ask(other, "embed_text", engine.model | {"text": TEXT})
            other.execute("SELECT blip._ask('match_image', %s, content) FROM picture", [head])
        assert anonymous_bytes(other.info.backend_pid) - before < 9 << 20


def test_calls_from_many_sessions(
    engine: Engine, conn: psycopg.Connection, module_database: str
) -> None:
    """32 sessions at once: each gets its own answer."""
    words = ["red", "green", "blue", "yellow", "big", "small", "bicycle", "dog"]
    expected = {w: ask(conn, "embed_text", engine.model | {"text": w})["itc"] for w in words}
    wrong: list[str] = []

    def session(word: str) -> None:
        with psycopg.connect(module_database, autocommit=True) as other:
            for _ in range(10):
                if ask(other, "embed_text", engine.model | {"text": word})["itc"] != expected[word]:
                    wrong.append(word)

    threads = [threading.Thread(target=session, args=(words[i % 8],)) for i in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
