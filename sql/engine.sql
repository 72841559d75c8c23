-- The only way out of PostgreSQL: one request to the engine, over its Unix socket.

-- PL/Python with the standard library alone, and it only translates: jsonb goes as it is and comes
-- back as it came, and an error is returned for PL/pgSQL to raise, as PL/Python would show a
-- traceback. A new connection each time, as a kept one would hand a cancelled call's reply to the
-- next. An engine that hangs still accepts connections: so a large body goes only after "100
-- Continue", and a reply that does not come at once is waited for only while the engine answers a
-- second connection.
CREATE FUNCTION blip._engine(
    op text, head jsonb, body bytea DEFAULT NULL,
    OUT sqlstate text, OUT message text, OUT hint text, OUT reply jsonb)
LANGUAGE plpython3u VOLATILE PARALLEL UNSAFE SECURITY DEFINER COST 10000
SET search_path = pg_catalog, pg_temp
AS $$
import _socket  # socket.py would cost each backend another megabyte
import errno
import select
import sys
import time

OPS = ("embed_text", "embed_image", "encode_images", "rerank", "match_image", "caption",
       "caption_image", "answer", "answer_image")
SETTINGS = "SELECT name, value FROM blip.settings WHERE name LIKE 'engine%'"
TICK = 50  # ms between looks at whether the statement was cancelled
LOOK = 0.3  # s between looks at whether the engine still answers
PATIENCE = 0.7  # s that it has for an answer that needs no work
PIECE = 1 << 16
LARGEST_BLOCK = 2 << 20  # of one request's tokens on their way
HELD_BACK = 1 << 20  # bytes; a larger body waits until the engine says that it will read it


class Absent(Exception):
    pass


def run(query):
    if query not in SD:  # plans are all that is kept between calls
        SD[query] = plpy.prepare(query)
    return plpy.execute(SD[query])


def settings():
    found = {row["name"]: row["value"] for row in run(SETTINGS)}
    if not {"engine_socket", "engine_uid"} <= found.keys():
        raise Absent("blip.settings does not say where the blipdb engine listens")
    return found["engine_socket"], int(found["engine_uid"])


def wait(sock, event, deadline=None):
    poll = select.poll()
    poll.register(sock, event)
    alive = time.monotonic()
    while not poll.poll(TICK):
        tick(deadline)
        if deadline is None and time.monotonic() > alive + LOOK:
            ping()
            alive = time.monotonic()


def tick(deadline):
    run("SELECT 1")  # raises if the statement is cancelled or has timed out
    if deadline is not None and time.monotonic() > deadline:
        raise Absent("the blipdb engine does not answer: it hangs")


def ping():
    deadline = time.monotonic() + PATIENCE
    probe = new_socket()
    try:
        connect(probe, settings()[0], deadline)
        send(probe, b"GET /v1/health HTTP/1.1\r\nHost: engine\r\nConnection: close\r\n\r\n", deadline)
        read_head(probe, b"", deadline)
    finally:
        probe.close()


def new_socket():
    sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    sock.setblocking(False)
    # Room for a search's tokens, as far as the system allows: else both sides wait in turns.
    sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_SNDBUF, HELD_BACK)
    return sock


def connect(sock, path, deadline):
    while (code := sock.connect_ex(path)) == errno.EAGAIN:  # its backlog is full
        tick(deadline)
        time.sleep(0.01)
    if code in (errno.ENOENT, errno.ECONNREFUSED):
        raise Absent("the blipdb engine does not run")
    if code:
        raise OSError(code, "connecting failed")


def check_owner(sock, uid):
    peer = sock.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, 12)  # pid, uid, gid
    if int.from_bytes(peer[4:8], sys.byteorder) != uid:
        raise Absent("the process at the blipdb engine's socket is another user's")


def send(sock, data, deadline=None):
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[sock.send(rest):]
        except BlockingIOError:
            wait(sock, select.POLLOUT, deadline)


def receive(sock, deadline=None):
    wait(sock, select.POLLIN, deadline)
    try:
        data = sock.recv(PIECE)
    except ConnectionResetError:  # it ended with some of the request unread
        data = b""
    if not data:
        raise Absent("the blipdb engine ended before it answered")
    return data


def read_head(sock, data, deadline=None):
    while b"\r\n\r\n" not in data:
        data += receive(sock, deadline)
    lines, _, rest = data.partition(b"\r\n\r\n")
    status, _, fields = lines.partition(b"\r\n")
    return int(status.split()[1]), fields.lower(), rest


def read_answer(sock, fields, data):
    (line,) = (line for line in fields.split(b"\r\n") if line.startswith(b"content-length:"))
    length = int(line.split(b":")[1])
    while len(data) < length:
        data += receive(sock)
    return data.decode()


def request():
    text = head.encode()
    kind, parts = "json", [text]
    if body is not None:
        kind, parts = "octet-stream", [len(text).to_bytes(4, "little") + text, body]
    size = sum(map(len, parts))
    expect = "Expect: 100-continue\r\n" if size > HELD_BACK else ""
    fields = (
        f"POST /v1/{op} HTTP/1.1\r\nHost: engine\r\nConnection: close\r\n{expect}"
        f"Content-Type: application/{kind}\r\nContent-Length: {size}\r\n\r\n")
    return fields.encode(), parts, bool(expect)


def ask(sock):
    path, uid = settings()
    connect(sock, path, time.monotonic() + PATIENCE)
    check_owner(sock, uid)
    fields, parts, is_held_back = request()
    if is_held_back:
        deadline = time.monotonic() + PATIENCE
        send(sock, fields, deadline)
        status, answer, rest = read_head(sock, b"", deadline)
        if status != 100:
            return status, read_answer(sock, answer, rest)
        send_all(sock, parts)
    else:
        send_all(sock, [fields + parts[0], *parts[1:]])
    status, answer, rest = read_head(sock, b"")
    return status, read_answer(sock, answer, rest)


def send_all(sock, parts):
    try:
        for part in parts:
            send(sock, part)
    except (BrokenPipeError, ConnectionResetError):
        pass  # it may have answered already, and then says why


def outcome(status, text):
    if status == 200:
        return None, None, None, text
    import json  # only for errors: a backend's memory is dear

    error = json.loads(text)
    return error["sqlstate"], error["message"], error["hint"], None


def translate():
    sock = new_socket()
    try:
        return outcome(*ask(sock))
    except plpy.SPIError as error:
        return error.sqlstate, str(error), None, None
    except Absent as error:
        return "08006", str(error), "Start it with: blipdb up", None
    except OSError as error:
        reason = f"the blipdb engine can't be reached: {error.strerror}"
        return "08006", reason, "Start it with: blipdb up", None
    except (ValueError, LookupError):
        return "08P01", "what answers at the blipdb engine's socket is no engine", None, None
    finally:
        sock.close()  # at once, as the engine stops its work for it


if "heap" not in SD:
    # glibc gives memory back at once and fetches it anew, page by page, for every request, until it
    # has seen a large block come and go (mallopt(3), M_MMAP_THRESHOLD): a tenth of a search.
    SD["heap"] = len(bytes(LARGEST_BLOCK))
if op not in OPS:
    return "22023", f"the blipdb engine has no operation {op!r}", f"It has {', '.join(OPS)}.", None
if head is None:
    return "22004", "a request to the blipdb engine without a head", None, None
return translate()
$$;
COMMENT ON FUNCTION blip._engine(text, jsonb, bytea) IS
    'One request to the blipdb engine; an error is returned, not raised';
SELECT blip._allow('blip._engine(text, jsonb, bytea)', 'readers', 'blip_engine');

CREATE FUNCTION blip._ask(op text, head jsonb, body bytea DEFAULT NULL) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE COST 10000
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    answer record;
BEGIN
    answer := blip._engine(op, head, body);
    IF answer.sqlstate IS NULL THEN
        RETURN answer.reply;
    END IF;
    IF answer.hint IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = answer.sqlstate, MESSAGE = answer.message;
    END IF;
    RAISE EXCEPTION USING
        ERRCODE = answer.sqlstate, MESSAGE = answer.message, HINT = answer.hint;
END
$$;
COMMENT ON FUNCTION blip._ask(text, jsonb, bytea) IS
    'The engine''s reply; raises its error, and a cancel as PostgreSQL words it';
SELECT blip._allow('blip._ask(text, jsonb, bytea)', 'readers');
