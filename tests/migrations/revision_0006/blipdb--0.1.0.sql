-- Assembled from blipdb's sql/ folder; not to be edited here.
\echo Use "CREATE EXTENSION blipdb CASCADE" to load this file. \quit

-- Which model a call uses, and the limits that calls share.

-- What a call needs to know of its model: a type of its own, as the tables may not be there yet
-- when the extension is created.
CREATE TYPE blip._model AS (
    model_id integer,
    name text,
    digest text,
    itc_dims integer,
    token_bytes integer
);
COMMENT ON TYPE blip._model IS 'A registered model; token_bytes is one image''s stored tokens';

CREATE FUNCTION blip._choose(wanted text, for_role text) RETURNS blip._model
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    chosen blip._model;
    registered text;
BEGIN
    PERFORM blip._require_tables();
    SELECT m.model_id, m.name, m.digest, m.itc_dims,
           m.token_count * (m.token_width + CASE WHEN m.merged THEN 8 ELSE 4 END)
    INTO chosen
    FROM blip.models m
    LEFT JOIN blip.active_models a ON a.model_id = m.model_id AND a.role = for_role
    WHERE for_role = ANY (m.roles)
      AND CASE WHEN wanted IS NULL THEN a.role IS NOT NULL ELSE m.name = wanted END
    ORDER BY a.role IS NULL, m.created_at DESC, m.model_id DESC
    LIMIT 1;
    IF FOUND THEN
        RETURN chosen;
    END IF;

    SELECT string_agg(DISTINCT m.name, ', ') INTO registered
    FROM blip.models m WHERE for_role = ANY (m.roles);
    IF wanted IS NOT NULL THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('no model %L with the role %L is registered', wanted, for_role),
            HINT = coalesce('Registered: ' || registered, 'None is. Add one with: blipdb models add');
    END IF;
    RAISE object_not_in_prerequisite_state USING
        MESSAGE = format('no model is active in the role %L', for_role),
        HINT = coalesce('Registered: ' || registered || '. Activate one with: blipdb models activate',
                        'None is registered. Add one with: blipdb models add');
END
$$;
COMMENT ON FUNCTION blip._choose(text, text) IS
    'The registered model of that name, else the one that is active in the role';

CREATE FUNCTION blip._require_tables() RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF to_regclass('blip.active_models') IS NULL THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = 'blipdb''s tables are missing in this database',
            HINT = 'Make them with: blipdb init';
    END IF;
END
$$;
COMMENT ON FUNCTION blip._require_tables() IS 'Raise 55000 where the extension came without tables';

CREATE FUNCTION blip._head(model blip._model) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN jsonb_build_object('model', model.name, 'digest', model.digest);
END
$$;
COMMENT ON FUNCTION blip._head(blip._model) IS 'How a request names its model to the engine';

CREATE FUNCTION blip._require(name text, value integer, lowest integer, highest integer) RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF value IS NULL OR value < lowest OR value > highest THEN
        RAISE invalid_parameter_value USING MESSAGE = format(
            '%s must be between %s and %s, not %s', name, lowest, highest, coalesce(value::text, 'NULL'));
    END IF;
END
$$;
COMMENT ON FUNCTION blip._require(text, integer, integer, integer) IS
    'Raise 22023 unless the value lies between the limits';

CREATE FUNCTION blip._require_text(query text) RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    most constant integer := 10000; -- each may take six bytes of the 65,536 of a request's JSON
BEGIN
    IF query IS NULL OR query !~ '\S' THEN
        RAISE invalid_parameter_value USING
            MESSAGE = 'the query is ' || CASE WHEN query IS NULL THEN 'NULL' ELSE 'empty' END,
            HINT = 'Say what to look for, as in: SELECT * FROM blip_search(''red bicycle'')';
    ELSIF length(query) > most THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('the query has %s characters; at most %s are read', length(query), most);
    END IF;
END
$$;
COMMENT ON FUNCTION blip._require_text(text) IS
    'Raise 22023 for a query without a word, or far longer than any model reads';

CREATE FUNCTION blip._require_image(image bytea, name text DEFAULT 'the image') RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    most constant integer := 67108864;
BEGIN
    IF image IS NULL OR octet_length(image) = 0 THEN
        RAISE invalid_parameter_value USING
            MESSAGE = name || ' is ' || CASE WHEN image IS NULL THEN 'NULL' ELSE 'empty' END;
    ELSIF octet_length(image) > most THEN
        RAISE invalid_parameter_value USING MESSAGE = format(
            '%s has %s bytes; at most %s are taken', name, octet_length(image), most);
    END IF;
END
$$;
COMMENT ON FUNCTION blip._require_image(bytea, text) IS
    'Raise 22023 for an image without or with too many bytes';

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

-- ITC vectors of texts and images.
-- STABLE, or an index could not be used; yet it may be evaluated for each row:
-- write (SELECT blip_embed('…')), which is evaluated once.

CREATE FUNCTION public.blip_embed(query text, model text DEFAULT NULL) RETURNS halfvec
LANGUAGE plpgsql STABLE PARALLEL UNSAFE COST 10000
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF query IS NULL THEN
        RETURN NULL;
    END IF;
    RETURN blip._embed(blip._choose(model, 'retrieval'), query);
END
$$;
COMMENT ON FUNCTION public.blip_embed(text, text) IS
    'The ITC vector of a text; use it as (SELECT blip_embed(''…''))';

CREATE FUNCTION public.blip_embed(image bytea, model text DEFAULT NULL) RETURNS halfvec
LANGUAGE plpgsql STABLE PARALLEL UNSAFE COST 100000
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF image IS NULL THEN
        RETURN NULL;
    END IF;
    RETURN blip._embed(blip._choose(model, 'retrieval'), image);
END
$$;
COMMENT ON FUNCTION public.blip_embed(bytea, text) IS
    'The ITC vector of an image file''s bytes; use it as (SELECT blip_embed(…))';

-- As text in pgvector's notation, which PL/pgSQL can hold without knowing pgvector's schema.
CREATE FUNCTION blip._embed(model blip._model, query text) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL UNSAFE COST 10000
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM blip._require_text(query);
    RETURN blip._ask('embed_text', blip._head(model) || jsonb_build_object('text', query)) ->> 'itc';
END
$$;
COMMENT ON FUNCTION blip._embed(blip._model, text) IS 'The ITC vector of a text, as text';

CREATE FUNCTION blip._embed(model blip._model, image bytea) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL UNSAFE COST 100000
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM blip._require_image(image);
    RETURN blip._ask('embed_image', blip._head(model), image) ->> 'itc';
END
$$;
COMMENT ON FUNCTION blip._embed(blip._model, bytea) IS 'The ITC vector of an image, as text';

-- The first stage: candidates by ITC cosine.

-- The query is built from the arguments that are present, with model and dimensions as literals, so
-- that the one partition and its HNSW index are used; pgvector is named by its schema, which
-- search_path leaves out.
--
-- An iterative scan guarantees a count and not recall: where few images are admitted (by filter,
-- within or a policy) they are compared one by one, and so they are where the index found too few.
CREATE FUNCTION blip._recall(
    model blip._model, query text, wanted integer, filter jsonb, within uuid[],
    OUT image_ids uuid[], OUT itcs real[])
LANGUAGE plpgsql STABLE PARALLEL UNSAFE COST 10000
SET search_path = pg_catalog, pg_temp
SET jit = off
SET hnsw.iterative_scan = 'relaxed_order'
SET hnsw.ef_search = 128
AS $$
DECLARE
    narrowing boolean := filter IS NOT NULL OR within IS NOT NULL
                         OR row_security_active('blip.images');
    admitted text := CASE WHEN within IS NULL THEN '' ELSE ' AND i.image_id = ANY ($2)' END
                  || CASE WHEN filter IS NULL THEN '' ELSE ' AND i.metadata @> $3' END;
BEGIN
    IF jsonb_typeof(filter) <> 'object' THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('filter must be a JSON object, not %s', jsonb_typeof(filter)),
            HINT = 'It is matched as: metadata @> filter';
    END IF;
    IF NOT (narrowing AND blip._is_few(admitted, filter, within)) THEN
        -- Four times as many: at 256 of 60,000 an ef_search of just 256 found .89 of them.
        PERFORM set_config('hnsw.ef_search', least(1000, greatest(128, 4 * wanted))::text, true);
        EXECUTE blip._nearest(model, wanted, narrowing, admitted, false)
        INTO image_ids, itcs USING query, within, filter;
    END IF;
    IF coalesce(cardinality(image_ids), 0) < wanted THEN
        EXECUTE blip._nearest(model, wanted, narrowing, admitted, true)
        INTO image_ids, itcs USING query, within, filter;
    END IF;
    image_ids := coalesce(image_ids, '{}');
    itcs := coalesce(itcs, '{}');
END
$$;
COMMENT ON FUNCTION blip._recall(blip._model, text, integer, jsonb, uuid[]) IS
    'The images nearest to a vector (given as text), nearest first, with their cosines';

CREATE FUNCTION blip._is_few(admitted text, filter jsonb, within uuid[]) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    countable constant integer := 20000; -- rows that take less time to compare than to misjudge
    few boolean := cardinality(within) <= countable;
BEGIN
    IF few IS NOT TRUE THEN
        EXECUTE format('SELECT count(*) <= %s FROM'
                       ' (SELECT FROM blip.images i WHERE true%s LIMIT %1$s + 1) a',
                       countable, admitted)
        INTO few USING NULL, within, filter;
    END IF;
    RETURN few;
END
$$;
COMMENT ON FUNCTION blip._is_few(text, jsonb, uuid[]) IS
    'Whether filter, within and policies together admit at most 20,000 images';

-- Relaxed order comes out of the index nearly sorted: hence materialised, then sorted. No index can
-- serve "distance + 0". What has no tokens can't be reranked, so it is no candidate.
CREATE FUNCTION blip._nearest(
    model blip._model, wanted integer, narrowing boolean, admitted text, exact boolean)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    distance text;
    -- Asked of each candidate: EXISTS would become a join with all that has tokens.
    has_tokens text := format('(SELECT true FROM blip.image_tokens t WHERE t.model_id = %s'
                              ' AND t.image_id = ', model.model_id);
BEGIN
    SELECT format('(v.itc::%1$I.halfvec(%2$s) OPERATOR(%1$I.<=>) $1::%1$I.halfvec(%2$s))',
                  n.nspname, model.itc_dims)
    INTO distance
    FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'vector';
    RETURN format(
        'WITH nearest AS MATERIALIZED (SELECT v.image_id, %s AS distance'
        ' FROM blip.image_vectors v%s WHERE v.model_id = %s%s ORDER BY %s LIMIT %s)'
        ' SELECT array_agg(n.image_id ORDER BY n.distance, n.image_id),'
        ' array_agg((1 - n.distance)::real ORDER BY n.distance, n.image_id) FROM nearest n%s',
        distance,
        CASE WHEN narrowing THEN ' JOIN blip.images i ON i.image_id = v.image_id' ELSE '' END,
        model.model_id,
        admitted || CASE WHEN exact THEN ' AND ' || has_tokens || 'v.image_id)' ELSE '' END,
        distance || CASE WHEN exact THEN ' + 0, v.image_id' ELSE '' END,
        wanted,
        CASE WHEN exact THEN '' ELSE ' WHERE ' || has_tokens || 'n.image_id)' END);
END
$$;
COMMENT ON FUNCTION blip._nearest(blip._model, integer, boolean, text, boolean) IS
    'The query of blip._recall: by the index, or by comparing all that is admitted';

-- A short result is never silent.
CREATE FUNCTION blip._say_short(model blip._model, recalled integer, k integer) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    waiting bigint;
BEGIN
    IF recalled >= k THEN
        RETURN;
    END IF;
    SELECT count(*) INTO waiting FROM blip.jobs j
    WHERE j.stage = 'encode' AND j.model_id = model.model_id AND j.state IN ('p', 'r');
    RAISE NOTICE USING
        MESSAGE = format('only %s of %s: no more images are encoded by model %L and admitted here',
                         recalled, k, model.name),
        DETAIL = format('%s images wait to be encoded; see blip_status().', waiting);
END
$$;
COMMENT ON FUNCTION blip._say_short(blip._model, integer, integer) IS
    'Say in a NOTICE why there are fewer hits than were asked for';

-- The second stage: BLIP's ITM head on query and image tokens together, score = ITM logit + ITC
-- cosine (Li et al. 2022, as their evaluation code does it).

CREATE FUNCTION public.blip_rerank(
    query text, image_ids uuid[], k integer DEFAULT 10, threshold double precision DEFAULT NULL,
    model text DEFAULT NULL, itcs real[] DEFAULT NULL)
RETURNS TABLE (image_id uuid, uri text, caption text, score real, itm real, itc real)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE COST 1000000 ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    chosen blip._model;
    vector text;
    recalled uuid[];
    cosines real[];
    logits jsonb;
BEGIN
    PERFORM blip._require_text(query);
    PERFORM blip._require('k', k, 1, 1000);
    PERFORM blip._require('the number of image_ids', cardinality(image_ids), 0, 1000);
    chosen := blip._choose(model, 'retrieval');
    IF itcs IS NULL THEN
        vector := blip._embed(chosen, query);
        SELECT r.image_ids, r.itcs INTO recalled, cosines
        FROM blip._recall(chosen, vector, cardinality(image_ids), NULL, image_ids) r;
        PERFORM blip._say_short(chosen, cardinality(recalled), least(k, (
            SELECT count(DISTINCT i)::integer FROM unnest(image_ids) i)));
    ELSE
        PERFORM blip._require_recalled(image_ids, itcs);
        recalled := image_ids;
        cosines := itcs;
        PERFORM blip._say_short(chosen, cardinality(recalled), k);
    END IF;
    logits := blip._logits(chosen, query, recalled);
    RETURN QUERY SELECT * FROM blip._hits(recalled, cosines, logits, k, threshold);
END
$$;
COMMENT ON FUNCTION public.blip_rerank(
    text, uuid[], integer, double precision, text, real[]) IS
    'The k best of these images for a text, by ITM logit + ITC cosine. itcs: their ITC cosines with '
    'the text, where the caller has them; then image_ids are all that it recalled';

CREATE FUNCTION blip._require_recalled(image_ids uuid[], itcs real[]) RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF cardinality(itcs) <> cardinality(image_ids) THEN
        RAISE invalid_parameter_value USING MESSAGE = format(
            'there are %s itcs for %s image_ids', cardinality(itcs), cardinality(image_ids));
    ELSIF array_position(itcs, NULL) IS NOT NULL OR array_position(image_ids, NULL) IS NOT NULL THEN
        RAISE invalid_parameter_value USING MESSAGE = 'an image_id or its itc is NULL';
    ELSIF cardinality(image_ids) <> (SELECT count(DISTINCT i) FROM unnest(image_ids) i) THEN
        RAISE invalid_parameter_value USING MESSAGE = 'an image_id comes twice';
    END IF;
END
$$;
COMMENT ON FUNCTION blip._require_recalled(uuid[], real[]) IS
    'Raise 22023 unless each image comes once, and each with a cosine';

CREATE FUNCTION blip._logits(model blip._model, query text, image_ids uuid[]) RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL UNSAFE COST 1000000
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    request constant integer := 1048576; -- bytes: a backend holds one request's tokens at a time
    least constant integer := 4; -- images, as each request reads all of the model's weights
    most constant integer := greatest(least, request / model.token_bytes);
    -- As many in each request, for the engine shares them out among cores.
    count constant integer := cardinality(image_ids);
    size constant integer := ceil(count / greatest(1, ceil(count / most::numeric)));
    chunk uuid[];
    logits jsonb := '[]';
BEGIN
    FOR place IN 1 .. count BY greatest(1, size) LOOP
        chunk := image_ids[place : place + size - 1];
        logits := logits || (blip._ask_about(
            chunk, model, 'rerank',
            jsonb_build_object('text', query, 'count', cardinality(chunk))) -> 'itm');
    END LOOP;
    RETURN logits;
END
$$;
COMMENT ON FUNCTION blip._logits(blip._model, text, uuid[]) IS
    'The ITM head''s two logits (no match, match) for each image, in their order';

-- The tokens go from the table to the engine within one statement: each variable on the way would
-- hold another copy.
CREATE FUNCTION blip._ask_about(image_ids uuid[], model blip._model, op text, head jsonb)
RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL UNSAFE COST 100000
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
DECLARE
    reply jsonb;
    strange uuid;
BEGIN
    EXECUTE format(
        'SELECT blip._ask($2, $3, string_agg(t.tokens, %L ORDER BY c.place))'
        ' FROM unnest($1) WITH ORDINALITY c (image_id, place)'
        ' JOIN blip.image_tokens t ON t.model_id = %s AND t.image_id = c.image_id'
        ' HAVING count(*) = cardinality($1)', ''::bytea, model.model_id)
    INTO reply USING image_ids, op, blip._head(model) || head;
    IF reply IS NULL THEN
        SELECT i INTO strange FROM unnest(image_ids) i WHERE NOT EXISTS (
            SELECT FROM blip.image_tokens t
            WHERE t.model_id = model.model_id AND t.image_id = i) LIMIT 1;
        RAISE no_data_found USING
            MESSAGE = format('image %s is unknown here or not encoded by model %L yet',
                             strange, model.name),
            HINT = 'See blip_status() and blip_failures().';
    END IF;
    RETURN reply;
END
$$;
COMMENT ON FUNCTION blip._ask_about(uuid[], blip._model, text, jsonb) IS
    'The engine''s reply to a request with the stored tokens of these images';

CREATE FUNCTION blip._probability(logits jsonb) RETURNS double precision
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- Clamped: beyond, exp() or the cast to real would raise an error.
    RETURN 1 / (1 + exp(greatest(-80, least(
        80, (logits ->> 0)::double precision - (logits ->> 1)::double precision))));
END
$$;
COMMENT ON FUNCTION blip._probability(jsonb) IS 'Softmax of two logits: that of the second';

-- Without logits (image to image) the score is the cosine alone, and the threshold is on it.
CREATE FUNCTION blip._hits(
    image_ids uuid[], itcs real[], logits jsonb, k integer, threshold double precision)
RETURNS TABLE (image_id uuid, uri text, caption text, score real, itm real, itc real)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED ROWS 10
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
BEGIN
    RETURN QUERY
    WITH pair AS (
        SELECT c.image_id, c.itc, blip._probability(l.logits) AS itm,
               coalesce((l.logits ->> 1)::double precision, 0) + c.itc AS score
        FROM unnest(image_ids, itcs) WITH ORDINALITY c (image_id, itc, place)
        LEFT JOIN jsonb_array_elements(logits) WITH ORDINALITY l (logits, place)
            ON l.place = c.place
    ), hit AS (
        SELECT * FROM pair p
        WHERE threshold IS NULL OR coalesce(p.itm, p.itc)::real >= threshold::real
        ORDER BY p.score DESC, p.image_id LIMIT k
    )
    SELECT h.image_id, blip._where(h.image_id), t.text, h.score::real, h.itm::real, h.itc
    FROM hit h
    LEFT JOIN LATERAL (
        SELECT t.text FROM blip.captions t WHERE t.image_id = h.image_id
        ORDER BY array_position(ARRAY['human', 'web', 'synthetic'], t.origin),
                 t.itm DESC NULLS LAST, t.itc DESC NULLS LAST, t.caption_id
        LIMIT 1
    ) t ON true
    ORDER BY h.score DESC, h.image_id;
END
$$;
COMMENT ON FUNCTION blip._hits(uuid[], real[], jsonb, integer, double precision) IS
    'The k best with a place where each was seen and its best caption';

CREATE FUNCTION blip._where(id uuid) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN coalesce(
        (SELECT f.uri FROM blip.files f WHERE f.image_id = id ORDER BY f.uri LIMIT 1),
        (SELECT coalesce(r.uri, blip._place(a.source, r.key))
         FROM blip.attached_rows r JOIN blip.attachments a ON a.attachment_id = r.attachment_id
         WHERE r.image_id = id ORDER BY r.attachment_id, r.key LIMIT 1));
END
$$;
COMMENT ON FUNCTION blip._where(uuid) IS 'A place where an image was seen; NULL if none is known';

-- Text to image and image to image. Both take their arguments in the same places, or PostgreSQL could
-- not tell which is meant by blip_search('red bicycle', 10, NULL).

CREATE FUNCTION public.blip_search(
    query text, k integer DEFAULT 10, candidates integer DEFAULT NULL, filter jsonb DEFAULT NULL,
    within uuid[] DEFAULT NULL, threshold double precision DEFAULT NULL, model text DEFAULT NULL)
RETURNS TABLE (image_id uuid, uri text, caption text, score real, itm real, itc real)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE COST 1000000 ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    chosen blip._model;
    vector text;
    recalled uuid[];
    cosines real[];
    logits jsonb;
BEGIN
    PERFORM blip._require_text(query);
    PERFORM blip._require('k', k, 1, 1000);
    candidates := coalesce(candidates, greatest(32, k));
    PERFORM blip._require('candidates', candidates, k, 1000);
    chosen := blip._choose(model, 'retrieval');
    vector := blip._embed(chosen, query);
    SELECT r.image_ids, r.itcs INTO recalled, cosines
    FROM blip._recall(chosen, vector, candidates, filter, within) r;
    PERFORM blip._say_short(chosen, cardinality(recalled), k);
    logits := blip._logits(chosen, query, recalled);
    RETURN QUERY SELECT * FROM blip._hits(recalled, cosines, logits, k, threshold);
END
$$;
COMMENT ON FUNCTION public.blip_search(
    text, integer, integer, jsonb, uuid[], double precision, text) IS
    'The k best images for a text: candidates by ITC cosine, ordered by ITM logit + ITC cosine. '
    'filter: metadata @> filter; within: only these images; threshold: least match probability';

CREATE FUNCTION public.blip_search(
    image bytea, k integer DEFAULT 10, candidates integer DEFAULT NULL, filter jsonb DEFAULT NULL,
    within uuid[] DEFAULT NULL, threshold double precision DEFAULT NULL, model text DEFAULT NULL)
RETURNS TABLE (image_id uuid, uri text, caption text, score real, itm real, itc real)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE COST 1000000 ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    chosen blip._model;
    vector text;
    recalled uuid[];
    cosines real[];
BEGIN
    PERFORM blip._require('k', k, 1, 1000);
    candidates := coalesce(candidates, greatest(32, k));
    PERFORM blip._require('candidates', candidates, k, 1000);
    chosen := blip._choose(model, 'retrieval');
    vector := blip._embed(chosen, image);
    SELECT r.image_ids, r.itcs INTO recalled, cosines
    FROM blip._recall(chosen, vector, candidates, filter, within) r;
    PERFORM blip._say_short(chosen, cardinality(recalled), k);
    RETURN QUERY SELECT * FROM blip._hits(recalled, cosines, NULL, k, threshold);
END
$$;
COMMENT ON FUNCTION public.blip_search(
    bytea, integer, integer, jsonb, uuid[], double precision, text) IS
    'The k images most like an image file''s bytes, by ITC cosine: score = itc, no itm. '
    'filter: metadata @> filter; within: only these images; threshold: least cosine';

-- Image to image, by the vector that is stored: no model runs. image_id is INOUT, as PL/pgSQL takes
-- no two parameters of one name.

CREATE FUNCTION public.blip_similar(
    INOUT image_id uuid, k integer DEFAULT 10, candidates integer DEFAULT NULL,
    filter jsonb DEFAULT NULL, within uuid[] DEFAULT NULL, threshold double precision DEFAULT NULL,
    model text DEFAULT NULL,
    OUT uri text, OUT caption text, OUT score real, OUT itm real, OUT itc real)
RETURNS SETOF record
LANGUAGE plpgsql STABLE PARALLEL UNSAFE COST 10000 ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    itself constant uuid := image_id;
    chosen blip._model;
    vector text;
    recalled uuid[];
    cosines real[];
BEGIN
    IF itself IS NULL THEN
        RETURN;
    END IF;
    PERFORM blip._require('k', k, 1, 1000);
    candidates := coalesce(candidates, greatest(32, k));
    PERFORM blip._require('candidates', candidates, k, 1000);
    chosen := blip._choose(model, 'retrieval');
    EXECUTE format(
        'SELECT v.itc::text FROM blip.image_vectors v WHERE v.model_id = %s AND v.image_id = $1',
        chosen.model_id)
    INTO vector USING itself;
    IF vector IS NULL THEN
        RAISE no_data_found USING
            MESSAGE = format('image %s is unknown here or not encoded by model %L yet',
                             itself, chosen.name),
            HINT = 'See blip_status() and blip_failures().';
    END IF;
    -- One more, as it is most like itself.
    SELECT array_agg(o.id ORDER BY o.place), array_agg(o.itc ORDER BY o.place)
    INTO recalled, cosines
    FROM (
        SELECT c.id, c.itc, c.place
        FROM blip._recall(chosen, vector, candidates + 1, filter, within) r,
             unnest(r.image_ids, r.itcs) WITH ORDINALITY c (id, itc, place)
        WHERE c.id <> itself
        ORDER BY c.place LIMIT candidates
    ) o;
    PERFORM blip._say_short(chosen, coalesce(cardinality(recalled), 0), k);
    RETURN QUERY SELECT * FROM blip._hits(recalled, cosines, NULL, k, threshold);
END
$$;
COMMENT ON FUNCTION public.blip_similar(
    uuid, integer, integer, jsonb, uuid[], double precision, text) IS
    'The k images most like a stored one, itself left out, by ITC cosine: score = itc, no itm. '
    'filter: metadata @> filter; within: only these images; threshold: least cosine';

-- Does this text belong to this image?

CREATE FUNCTION public.blip_match(image_id uuid, query text, model text DEFAULT NULL) RETURNS real
LANGUAGE plpgsql STABLE PARALLEL UNSAFE COST 100000
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF image_id IS NULL OR query IS NULL THEN
        RETURN NULL;
    END IF;
    PERFORM blip._require_text(query);
    RETURN blip._probability(
        blip._logits(blip._choose(model, 'retrieval'), query, ARRAY[image_id]) -> 0);
END
$$;
COMMENT ON FUNCTION public.blip_match(uuid, text, text) IS
    'The ITM probability that a text matches a stored image';

CREATE FUNCTION public.blip_match(image bytea, query text, model text DEFAULT NULL) RETURNS real
LANGUAGE plpgsql STABLE PARALLEL UNSAFE COST 1000000
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF image IS NULL OR query IS NULL THEN
        RETURN NULL;
    END IF;
    PERFORM blip._require_text(query);
    PERFORM blip._require_image(image);
    RETURN blip._probability(blip._ask(
        'match_image',
        blip._head(blip._choose(model, 'retrieval')) || jsonb_build_object('text', query),
        image) -> 'itm');
END
$$;
COMMENT ON FUNCTION public.blip_match(bytea, text, text) IS
    'The ITM probability that a text matches an image file''s bytes';

-- The captioner's words: beam search, or nucleus sampling where nucleus is given. What is not given
-- is as the model's own manifest says.

CREATE FUNCTION public.blip_caption(
    image_id uuid, beams integer DEFAULT NULL, max_tokens integer DEFAULT NULL,
    nucleus double precision DEFAULT NULL, seed integer DEFAULT NULL, model text DEFAULT NULL)
RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE COST 1000000
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    chosen blip._model;
BEGIN
    IF image_id IS NULL THEN
        RETURN NULL;
    END IF;
    chosen := blip._choose(model, 'captioner');
    RETURN blip._ask_about(
        ARRAY[image_id], chosen, 'caption', blip._decoding(beams, max_tokens, nucleus, seed)
    ) ->> 'caption';
END
$$;
COMMENT ON FUNCTION public.blip_caption(uuid, integer, integer, double precision, integer, text) IS
    'A caption for a stored image: by beam search, or sampled from the nucleus of that mass';

CREATE FUNCTION public.blip_caption(
    image bytea, beams integer DEFAULT NULL, max_tokens integer DEFAULT NULL,
    nucleus double precision DEFAULT NULL, seed integer DEFAULT NULL, model text DEFAULT NULL)
RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE COST 1000000
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF image IS NULL THEN
        RETURN NULL;
    END IF;
    PERFORM blip._require_image(image);
    RETURN blip._ask(
        'caption_image',
        blip._head(blip._choose(model, 'captioner'))
            || blip._decoding(beams, max_tokens, nucleus, seed),
        image) ->> 'caption';
END
$$;
COMMENT ON FUNCTION public.blip_caption(bytea, integer, integer, double precision, integer, text) IS
    'A caption for an image file''s bytes: by beam search, or sampled from the nucleus of that mass';

CREATE FUNCTION blip._decoding(beams integer, max_tokens integer, nucleus double precision, seed integer)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF beams IS NOT NULL THEN
        PERFORM blip._require('beams', beams, 1, 10);
    END IF;
    IF max_tokens IS NOT NULL THEN
        PERFORM blip._require('max_tokens', max_tokens, 1, 512);
    END IF;
    IF nucleus <= 0 OR nucleus > 1 THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('nucleus must be above 0 and at most 1, not %s', nucleus);
    END IF;
    RETURN jsonb_strip_nulls(jsonb_build_object(
        'beams', beams, 'max_tokens', max_tokens, 'nucleus', nucleus, 'seed', seed));
END
$$;
COMMENT ON FUNCTION blip._decoding(integer, integer, double precision, integer) IS
    'How the captioner is to decode, checked';

-- Visual question answering: the answerer's own words, or the best of those that are given.

CREATE FUNCTION public.blip_answer(
    image_id uuid, question text, model text DEFAULT NULL, among text[] DEFAULT NULL)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL UNSAFE COST 1000000
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF image_id IS NULL OR question IS NULL THEN
        RETURN NULL;
    END IF;
    RETURN blip._ask_about(
        ARRAY[image_id], blip._choose(model, 'answerer'), 'answer',
        blip._question(question, among)) ->> 'answer';
END
$$;
COMMENT ON FUNCTION public.blip_answer(uuid, text, text, text[]) IS
    'The answer to a question about a stored image: in the model''s own words, or the best among these';

CREATE FUNCTION public.blip_answer(
    image bytea, question text, model text DEFAULT NULL, among text[] DEFAULT NULL)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL UNSAFE COST 1000000
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF image IS NULL OR question IS NULL THEN
        RETURN NULL;
    END IF;
    PERFORM blip._require_image(image);
    RETURN blip._ask(
        'answer_image',
        blip._head(blip._choose(model, 'answerer')) || blip._question(question, among),
        image) ->> 'answer';
END
$$;
COMMENT ON FUNCTION public.blip_answer(bytea, text, text, text[]) IS
    'The answer to a question about an image file''s bytes: in the model''s own words, or the best '
    'among these';

CREATE FUNCTION blip._question(question text, among text[]) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    most constant integer := 60000; -- bytes, of the 65,536 of a request's JSON
    asked jsonb;
BEGIN
    IF question !~ '\S' THEN
        RAISE invalid_parameter_value USING
            MESSAGE = 'the question is empty',
            HINT = 'Ask something, as in: blip_answer(image_id, ''what colour is the bicycle?'')';
    END IF;
    IF among IS NOT NULL THEN
        PERFORM blip._require('the number of answers in among', cardinality(among), 1, 4000);
        IF array_position(among, NULL) IS NOT NULL THEN
            RAISE invalid_parameter_value USING MESSAGE = 'among holds a NULL';
        END IF;
    END IF;
    asked := jsonb_strip_nulls(jsonb_build_object('question', question, 'among', among));
    IF octet_length(asked::text) > most THEN
        RAISE invalid_parameter_value USING MESSAGE = format(
            'question and answers take %s bytes; at most %s are read', octet_length(asked::text), most);
    END IF;
    RETURN asked;
END
$$;
COMMENT ON FUNCTION blip._question(text, text[]) IS
    'What the answerer is asked, checked';

-- An image that comes in through SQL: stored whole, encoded later by a worker.

CREATE FUNCTION public.blip_add(
    image bytea, uri text DEFAULT NULL, caption text DEFAULT NULL, metadata jsonb DEFAULT '{}',
    space text DEFAULT '')
RETURNS uuid
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    id uuid;
    nul constant bytea := '\x00';
BEGIN
    PERFORM blip._require_tables();
    PERFORM blip._require_image(image);
    IF jsonb_typeof(metadata) <> 'object' THEN
        RAISE invalid_parameter_value USING MESSAGE = format(
            'metadata must be a JSON object, not %s', jsonb_typeof(metadata));
    ELSIF uri = '' THEN
        RAISE invalid_parameter_value USING
            MESSAGE = 'the uri is empty', HINT = 'Leave it out, or say where the image was seen.';
    END IF;
    space := coalesce(space, '');
    id := blip._half(convert_to(space, 'UTF8') || nul || image);
    INSERT INTO blip.images AS i (image_id, space, sha256, mime, bytes, content, metadata)
    VALUES (id, space, sha256(image), blip._mime(image), octet_length(image), image,
            coalesce(metadata, '{}'))
    ON CONFLICT ON CONSTRAINT images_pkey DO UPDATE
        SET content = coalesce(i.content, excluded.content),
            metadata = i.metadata || excluded.metadata
        WHERE i.content IS NULL OR NOT i.metadata @> excluded.metadata;
    IF uri IS NOT NULL THEN
        INSERT INTO blip.files AS f (uri, space, image_id, size)
        VALUES (uri, space, id, octet_length(image))
        ON CONFLICT ON CONSTRAINT files_pkey DO UPDATE
            SET image_id = excluded.image_id, size = excluded.size, mtime = NULL, seen_at = now()
            WHERE f.image_id <> excluded.image_id;
    END IF;
    IF caption ~ '\S' THEN
        INSERT INTO blip.captions (image_id, caption_id, text, origin)
        VALUES (id, blip._half(convert_to('web', 'UTF8') || nul || convert_to(caption, 'UTF8')),
                caption, 'web')
        ON CONFLICT DO NOTHING;
    END IF;
    PERFORM blip._enqueue(ARRAY[id]);
    RETURN id;
END
$$;
COMMENT ON FUNCTION public.blip_add(bytea, text, text, jsonb, text) IS
    'Store an image file''s bytes and have them encoded; safe to repeat. The caption counts as web: '
    'text that came with the image';

CREATE FUNCTION blip._enqueue(ids uuid[]) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO blip.jobs (image_id, stage, model_id)
    SELECT DISTINCT i.id, 'encode', a.model_id
    FROM unnest(ids) i (id) CROSS JOIN blip.active_models a
    WHERE a.role IN ('retrieval', 'captioner', 'answerer')
    ORDER BY i.id
    ON CONFLICT DO NOTHING;
    IF NOT EXISTS (SELECT FROM blip.active_models a WHERE a.role = 'retrieval') THEN
        RAISE NOTICE USING
            MESSAGE = 'stored, but not to be found: no model is active in the role ''retrieval''',
            HINT = 'Add one with: blipdb models add';
    END IF;
END
$$;
COMMENT ON FUNCTION blip._enqueue(uuid[]) IS
    'Have images encoded by the active models that search, caption or answer';

-- The first half of SHA-256; blipdb/identity.py makes the same ids.
CREATE FUNCTION blip._half(content bytea) RETURNS uuid
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN encode(substr(sha256(content), 1, 16), 'hex')::uuid;
END
$$;
COMMENT ON FUNCTION blip._half(bytea) IS 'The first 128 bits of SHA-256';

CREATE FUNCTION blip._mime(image bytea, name text DEFAULT 'the image') RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    mime constant text := blip._mime_of(image);
BEGIN
    IF mime IS NULL THEN
        RAISE invalid_parameter_value USING
            MESSAGE = name || ' is in no format that is taken: JPEG, PNG, WebP, GIF, BMP or TIFF',
            DETAIL = format('Its first bytes are \x%s.', encode(substr(image, 1, 12), 'hex'));
    END IF;
    RETURN mime;
END
$$;
COMMENT ON FUNCTION blip._mime(bytea, text) IS
    'The image format by its first bytes; whether the rest decodes is for the worker to find out';

CREATE FUNCTION blip._mime_of(image bytea) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    head constant text := encode(substr(image, 1, 12), 'hex');
BEGIN
    RETURN CASE
        WHEN head LIKE 'ffd8ff%' THEN 'image/jpeg'
        WHEN head LIKE '89504e470d0a1a0a%' THEN 'image/png'
        WHEN head LIKE '52494646________57454250' THEN 'image/webp'
        WHEN head LIKE '474946383_61%' THEN 'image/gif'
        WHEN head LIKE '424d%' THEN 'image/bmp'
        WHEN head LIKE '49492a00%' OR head LIKE '4d4d002a%' THEN 'image/tiff'
    END;
END
$$;
COMMENT ON FUNCTION blip._mime_of(bytea) IS 'The image format by its first bytes; NULL for none';

-- An app's own table whose images stay in step, by triggers. No content is stored a second time: a
-- row of blip.attached_rows names the app's row, and whoever needs the image reads it there.
--
-- Which columns are meant stands in the update trigger's own list of columns, which PostgreSQL keeps
-- right when one is renamed and when a database is restored.

CREATE TYPE blip._source AS (
    attachment_id integer,
    source regclass,
    kind text,
    mode text,
    space text,
    image text,
    caption text,
    keys text[],
    types text[]
);
COMMENT ON TYPE blip._source IS
    'An attached table: names of its columns for image, caption and key, and the key''s types';

CREATE FUNCTION public.blip_attach(
    source regclass, image name, caption name DEFAULT NULL, mode text DEFAULT 'background',
    kind text DEFAULT 'content', space text DEFAULT '')
RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    columns smallint[];
    keys smallint[];
    id integer;
BEGIN
    PERFORM blip._require_tables();
    PERFORM blip._require_one_of('mode', mode, ARRAY['background', 'live']);
    PERFORM blip._require_one_of('kind', kind, ARRAY['content', 'path', 'url']);
    PERFORM blip._require_attachable(source, mode, kind);
    keys := blip._key_columns(source);
    columns := ARRAY[
        blip._column(source, image, CASE kind WHEN 'content' THEN '{bytea}'::text[]
                                              ELSE '{text,varchar}' END),
        CASE WHEN caption IS NULL THEN 0
             ELSE blip._column(source, caption, '{text,varchar,bpchar}') END
    ] || keys;
    id := blip._attached_as(source, columns[1]);
    IF id IS NOT NULL THEN
        PERFORM blip._again(id, columns, mode, kind, space);
        RETURN id;
    END IF;
    INSERT INTO blip.attachments (source, places, kind, mode, space)
    VALUES (source, blip._places(columns), kind, mode, coalesce(space, ''))
    RETURNING attachment_id INTO id;
    PERFORM blip._make_triggers(id, source, columns, mode);
    PERFORM blip._let_workers_read(source, columns);
    RETURN id;
END
$$;
COMMENT ON FUNCTION public.blip_attach(regclass, name, name, text, text, text) IS
    'Keep the images of a table''s column in step, by trigger: in the background, or live, within '
    'the transaction that changes them. What is there already is encoded in the background. Called '
    'again, every row is looked at once more. kind: the column holds content, or a path or url';

CREATE FUNCTION public.blip_detach(source regclass, image name DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    id integer;
    count integer := 0;
BEGIN
    PERFORM blip._require_tables();
    PERFORM blip._require_owner(source);
    FOR id IN
        SELECT a.attachment_id FROM blip.attachments a
        WHERE a.source = blip_detach.source
          AND (image IS NULL OR (blip._source(a.attachment_id)).image = image)
    LOOP
        PERFORM blip._drop_triggers(id, source);
        UPDATE blip.attachments a SET mode = 'detached' WHERE a.attachment_id = id;
        PERFORM blip._purge();
        count := count + 1;
    END LOOP;
    IF count = 0 THEN
        RAISE undefined_object USING
            MESSAGE = format('%s is not attached%s', source,
                             coalesce(' by its column ' || quote_ident(image), '')),
            HINT = 'See what is: SELECT * FROM blip_attachments()';
    END IF;
    IF NOT EXISTS (SELECT FROM blip.attachments a WHERE a.source = blip_detach.source) THEN
        PERFORM blip._keep_workers_out(source);
    END IF;
    RETURN count;
END
$$;
COMMENT ON FUNCTION public.blip_detach(regclass, name) IS
    'Undo blip_attach, for one column or all: its triggers go, and so do the images that came by '
    'this table alone';

CREATE FUNCTION public.blip_attachments()
RETURNS TABLE (
    source regclass, image text, caption text, kind text, mode text, space text, rows bigint,
    waiting bigint, encoded bigint, failed bigint, scanned boolean, trouble text)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    searched integer := (SELECT a.model_id FROM blip.active_models a WHERE a.role = 'retrieval');
BEGIN
    PERFORM blip._require_tables();
    RETURN QUERY
    SELECT a.source, s.image, s.caption, a.kind, a.mode, a.space, count(r.key),
           count(*) FILTER (WHERE r.state = 'p' OR r.state = 'd' AND r.image_id IS NOT NULL
                                  AND v.image_id IS NULL AND j.image_id IS NULL),
           count(v.image_id) FILTER (WHERE r.state = 'd'),
           count(*) FILTER (WHERE r.state = 'x' OR r.state = 'd' AND v.image_id IS NULL
                                  AND j.image_id IS NOT NULL),
           a.is_scanned, coalesce(a.trouble, blip._passed_by(a.source) || ': rows pass its triggers by')
    FROM blip.attachments a
    CROSS JOIN LATERAL blip._source(a.attachment_id) s
    LEFT JOIN blip.attached_rows r ON r.attachment_id = a.attachment_id
    LEFT JOIN blip.image_vectors v ON v.image_id = r.image_id AND v.model_id = searched
    LEFT JOIN blip.jobs j ON j.image_id = r.image_id AND j.model_id = searched
                         AND j.stage = 'encode' AND j.state = 'x'
    GROUP BY a.attachment_id, s.image, s.caption
    ORDER BY a.attachment_id;
END
$$;
COMMENT ON FUNCTION public.blip_attachments() IS
    'The attached tables and how far each is: rows with an image that are known, that wait, that '
    'searches find, and that failed; whether all that was there at first was found';

-- What may be attached, and by whom.

CREATE FUNCTION blip._require_one_of(name text, value text, known text[]) RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF value IS NULL OR value <> ALL (known) THEN
        RAISE invalid_parameter_value USING MESSAGE = format(
            '%s must be %s, not %s', name, array_to_string(known, ' or '), coalesce(value, 'NULL'));
    END IF;
END
$$;
COMMENT ON FUNCTION blip._require_one_of(text, text, text[]) IS
    'Raise 22023 unless the value is one of those';

CREATE FUNCTION blip._require_owner(source regclass) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    owner oid := (SELECT c.relowner FROM pg_class c WHERE c.oid = source);
BEGIN
    IF owner IS NULL THEN
        RAISE undefined_table USING MESSAGE = format(
            'there is no table %s', coalesce(source::text, 'NULL'));
    ELSIF NOT pg_has_role(owner, 'USAGE') THEN
        RAISE insufficient_privilege USING MESSAGE = format('%s is not yours', source),
            HINT = format('Its owner %s may do this.', owner::regrole);
    END IF;
END
$$;
COMMENT ON FUNCTION blip._require_owner(regclass) IS 'Raise 42501 unless the table is the caller''s';

CREATE FUNCTION blip._passed_by(source regclass) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (
        SELECT CASE WHEN c.relispartition THEN 'it is a partition'
                    WHEN c.relkind = 'r' AND EXISTS (
                        SELECT FROM pg_inherits h WHERE h.inhparent = c.oid)
                    THEN 'tables inherit from it' END
        FROM pg_class c WHERE c.oid = source);
END
$$;
COMMENT ON FUNCTION blip._passed_by(regclass) IS
    'Why a table''s rows can come and go without its statement triggers, as it is now; NULL if they can''t';

CREATE FUNCTION blip._require_attachable(source regclass, mode text, kind text) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    relation pg_class;
    reason constant text := blip._passed_by(source);
BEGIN
    PERFORM blip._require_owner(source);
    SELECT c.* INTO relation FROM pg_class c WHERE c.oid = source;
    IF relation.relkind NOT IN ('r', 'p') OR relation.relnamespace = 'blip'::regnamespace THEN
        RAISE wrong_object_type USING
            MESSAGE = format('%s can''t be attached: it is no table of an app', source);
    ELSIF relation.relpersistence = 't' THEN
        RAISE wrong_object_type USING
            MESSAGE = format('%s can''t be attached: workers can''t read a temporary table', source);
    ELSIF reason IS NOT NULL THEN
        RAISE wrong_object_type USING
            MESSAGE = format('%s can''t be attached: %s', source, reason),
            HINT = CASE WHEN relation.relispartition
                        THEN format('Attach the whole: %s', pg_partition_root(source))
                        ELSE 'Partition it, or attach the tables that inherit each for itself.' END;
    END IF;
    IF row_security_active('blip.images') THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('policies on blip.images hold for %s, and triggers pass them by',
                             current_user),
            HINT = 'Have it attached by somebody for whom they don''t: a superuser, say.';
    ELSIF kind <> 'content' AND NOT EXISTS (
        SELECT FROM blip.settings s WHERE s.name = 'attach_' || kind || 's')
    THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('columns of %ss may not be attached here', kind),
            HINT = format('Whoever owns blip''s tables can allow it: INSERT INTO blip.settings '
                          'VALUES (''attach_%ss'', %s)', kind,
                          CASE kind WHEN 'path' THEN '''/the/folder''' ELSE '''yes''' END);
    ELSIF kind <> 'content' AND mode = 'live' THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('a %s can''t be read live: the server opens no files and no URLs', kind),
            HINT = 'Attach it in the background; workers read it then.';
    END IF;
END
$$;
COMMENT ON FUNCTION blip._require_attachable(regclass, text, text) IS
    'Raise unless the table is the caller''s, is one that triggers serve, and its kind is allowed';

CREATE FUNCTION blip._column(source regclass, wanted name, allowed text[]) RETURNS smallint
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    number smallint;
    type oid;
BEGIN
    SELECT a.attnum, CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
    INTO number, type
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
    WHERE a.attrelid = source AND a.attname = wanted AND a.attnum > 0 AND NOT a.attisdropped;
    IF number IS NULL THEN
        RAISE undefined_column USING
            MESSAGE = format('%s has no column %s', source, coalesce(quote_ident(wanted), 'NULL')),
            HINT = format('It has: %s', (
                SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum)
                FROM pg_attribute a
                WHERE a.attrelid = source AND a.attnum > 0 AND NOT a.attisdropped));
    ELSIF NOT type = ANY (ARRAY(SELECT to_regtype(a)::oid FROM unnest(allowed) a)) THEN
        RAISE datatype_mismatch USING MESSAGE = format(
            'the column %I of %s is of type %s; it must be %s', wanted, source,
            format_type(type, NULL), array_to_string(allowed, ' or '));
    END IF;
    RETURN number;
END
$$;
COMMENT ON FUNCTION blip._column(regclass, name, text[]) IS
    'A column''s number; raises where there is none, or it is of another type';

-- Of types whose text is the same in every session, and is their value again; and of PostgreSQL's own
-- alone, as a type's owner decides what is called when it is cast.
CREATE FUNCTION blip._key_columns(source regclass) RETURNS smallint[]
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    numbers smallint[];
    strange text;
BEGIN
    SELECT array_agg(k.number ORDER BY k.place),
           string_agg(format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ')
               FILTER (WHERE NOT coalesce(l.collisdeterministic, true) OR b.oid <> ALL (
                   '{int2,int4,int8,numeric,text,varchar,bpchar,uuid,bool,date}'::regtype[]))
    INTO numbers, strange
    FROM pg_index i
    CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY k (number, place)
    JOIN pg_attribute a ON a.attrelid = source AND a.attnum = k.number
    JOIN pg_type t ON t.oid = a.atttypid
    JOIN pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
    LEFT JOIN pg_collation l ON l.oid = a.attcollation
    WHERE i.indrelid = source AND i.indisprimary AND k.place <= i.indnkeyatts;
    IF numbers IS NULL THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = format('%s has no primary key, by which its rows could be told apart', source),
            HINT = format('Give it one, as in: ALTER TABLE %s ADD PRIMARY KEY (…)', source);
    ELSIF strange IS NOT NULL THEN
        RAISE datatype_mismatch USING
            MESSAGE = format('the primary key of %s can''t name its rows: %s', source, strange),
            HINT = 'It may hold integers, numeric, texts that are equal where their bytes are, uuid,'
                   ' boolean and date.';
    END IF;
    RETURN numbers;
END
$$;
COMMENT ON FUNCTION blip._key_columns(regclass) IS
    'The numbers of the primary key''s columns; raises where there is none that can be used';

CREATE FUNCTION blip._attached_as(source regclass, image smallint) RETURNS integer
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (
        SELECT a.attachment_id FROM blip.attachments a
        JOIN pg_trigger t ON t.tgrelid = a.source
                         AND t.tgname = blip._trigger(a.attachment_id, 'update')
        WHERE a.source = _attached_as.source AND t.tgattr[a.places[1] - 1] = image);
END
$$;
COMMENT ON FUNCTION blip._attached_as(regclass, smallint) IS
    'The attachment of a table''s column, if there is one';

-- Another mode, or the same once more: every row is looked at again, for triggers can be disabled,
-- and a partition comes or goes without any.
CREATE FUNCTION blip._again(
    id integer, columns smallint[], mode text, kind text, space text) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    old blip.attachments;
BEGIN
    SELECT a.* INTO old FROM blip.attachments a WHERE a.attachment_id = id;
    IF (old.kind, old.space) <> (kind, coalesce(space, '')) THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = format('%s is attached as %s in the space %L', old.source, old.kind, old.space),
            HINT = format('Detach it first: SELECT blip_detach(%L)', old.source);
    END IF;
    PERFORM blip._drop_triggers(id, old.source);
    UPDATE blip.attachments a
    SET places = blip._places(columns), mode = _again.mode, scanned = NULL, is_scanned = false
    WHERE a.attachment_id = id;
    PERFORM blip._make_triggers(id, old.source, columns, mode);
    PERFORM blip._let_workers_read(old.source, columns);
END
$$;
COMMENT ON FUNCTION blip._again(integer, smallint[], text, text, text) IS
    'Make an attachment''s triggers anew and have all rows looked at';

-- The triggers of attached tables.

-- Triggers of a row run in the order of their names. Ours come before an app's: what those change in
-- the row once more is seen after what they were called for.
CREATE FUNCTION blip._trigger(id integer, event text) RETURNS name
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN format('!blip_attach_%s_%s', id, event);
END
$$;
COMMENT ON FUNCTION blip._trigger(integer, text) IS 'The name of an attachment''s trigger';

-- A trigger's list holds a column once, whatever it is for.
CREATE FUNCTION blip._places(columns smallint[]) RETURNS smallint[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    listed constant smallint[] := blip._listed(columns);
BEGIN
    RETURN ARRAY(SELECT coalesce(array_position(listed, c), 0)::smallint
                 FROM unnest(columns) WITH ORDINALITY u (c, n) ORDER BY n);
END
$$;
COMMENT ON FUNCTION blip._places(smallint[]) IS
    'Where image, caption (0 if there is none) and key columns stand in the update trigger''s list';

CREATE FUNCTION blip._listed(columns smallint[]) RETURNS smallint[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN ARRAY(SELECT c FROM unnest(columns) WITH ORDINALITY u (c, n) WHERE c > 0
                 GROUP BY c ORDER BY min(n));
END
$$;
COMMENT ON FUNCTION blip._listed(smallint[]) IS 'The update trigger''s columns, each once';

-- Whole statements at a time where that can be: rows that go into a partition by its own name pass
-- the parent's statement triggers by, and not its row triggers.
CREATE FUNCTION blip._make_triggers(id integer, source regclass, columns smallint[], mode text)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    is_plain constant boolean := (SELECT c.relkind = 'r' FROM pg_class c WHERE c.oid = source);
    names text[];
BEGIN
    SELECT array_agg(a.attname::text ORDER BY u.n) INTO names
    FROM unnest(blip._listed(columns)) WITH ORDINALITY u (number, n)
    JOIN pg_attribute a ON a.attrelid = source AND a.attnum = u.number;
    EXECUTE format(
        'CREATE TRIGGER %I AFTER UPDATE OF %s ON %s FOR EACH ROW WHEN (%s)'
        ' EXECUTE FUNCTION blip._attached_changed(%L)',
        blip._trigger(id, 'update'),
        (SELECT string_agg(quote_ident(n), ', ' ORDER BY p) FROM unnest(names) WITH ORDINALITY u (n, p)),
        source,
        (SELECT string_agg(format('OLD.%1$I IS DISTINCT FROM NEW.%1$I', n), ' OR ' ORDER BY p)
         FROM unnest(names) WITH ORDINALITY u (n, p)),
        id);
    EXECUTE format(
        'CREATE TRIGGER %I AFTER INSERT ON %s %s EXECUTE FUNCTION blip.%s(%L)',
        blip._trigger(id, 'insert'), source,
        CASE WHEN is_plain
             THEN 'REFERENCING NEW TABLE AS changed FOR EACH STATEMENT' ELSE 'FOR EACH ROW' END,
        CASE WHEN NOT is_plain THEN '_attached_changed' WHEN mode = 'live' THEN '_attached_added_live'
             ELSE '_attached_added' END,
        id);
    EXECUTE format(
        'CREATE TRIGGER %I AFTER DELETE ON %s %s EXECUTE FUNCTION blip.%s(%L)',
        blip._trigger(id, 'delete'), source,
        CASE WHEN is_plain
             THEN 'REFERENCING OLD TABLE AS changed FOR EACH STATEMENT' ELSE 'FOR EACH ROW' END,
        CASE WHEN is_plain THEN '_attached_removed' ELSE '_attached_changed' END,
        id);
    EXECUTE format(
        'CREATE TRIGGER %I AFTER TRUNCATE ON %s EXECUTE FUNCTION blip._attached_emptied(%L)',
        blip._trigger(id, 'truncate'), source, id);
END
$$;
COMMENT ON FUNCTION blip._make_triggers(integer, regclass, smallint[], text) IS
    'The triggers of an attachment: what changes neither image nor caption nor key runs none';

CREATE FUNCTION blip._drop_triggers(id integer, source regclass) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    event text;
BEGIN
    FOREACH event IN ARRAY ARRAY['insert', 'update', 'delete', 'truncate'] LOOP
        EXECUTE format('DROP TRIGGER IF EXISTS %I ON %s', blip._trigger(id, event), source);
    END LOOP;
END
$$;
COMMENT ON FUNCTION blip._drop_triggers(integer, regclass) IS 'Undo blip._make_triggers';

CREATE FUNCTION blip._let_workers_read(source regclass, columns smallint[]) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF to_regrole('blip_worker') IS NULL THEN
        RETURN;
    END IF;
    EXECUTE format('GRANT SELECT (%s) ON %s TO blip_worker', (
        SELECT string_agg(quote_ident(a.attname), ', ') FROM pg_attribute a
        WHERE a.attrelid = source AND a.attnum = ANY (columns)), source);
    IF (SELECT c.relrowsecurity FROM pg_class c WHERE c.oid = source) AND NOT EXISTS (
        SELECT FROM pg_policy p WHERE p.polrelid = source AND p.polname = 'blip_worker')
    THEN
        EXECUTE format(
            'CREATE POLICY blip_worker ON %s FOR SELECT TO blip_worker USING (true)', source);
    END IF;
    IF NOT has_schema_privilege('blip_worker', (
        SELECT c.relnamespace FROM pg_class c WHERE c.oid = source), 'USAGE')
    THEN
        RAISE WARNING USING
            MESSAGE = format('workers may not use the schema of %s', source),
            HINT = format('If they are not its owner: GRANT USAGE ON SCHEMA %s TO blip_worker', (
                SELECT c.relnamespace::regnamespace FROM pg_class c WHERE c.oid = source));
    END IF;
END
$$;
COMMENT ON FUNCTION blip._let_workers_read(regclass, smallint[]) IS
    'Let blip_worker see the columns that it reads, in every row';

CREATE FUNCTION blip._keep_workers_out(source regclass) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    columns text := (
        SELECT string_agg(quote_ident(a.attname), ', ') FROM pg_attribute a
        WHERE a.attrelid = source AND a.attacl IS NOT NULL AND NOT a.attisdropped);
BEGIN
    IF to_regrole('blip_worker') IS NULL THEN
        RETURN;
    END IF;
    IF columns IS NOT NULL THEN
        EXECUTE format('REVOKE SELECT (%s) ON %s FROM blip_worker', columns, source);
    END IF;
    IF EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = source AND p.polname = 'blip_worker') THEN
        EXECUTE format('DROP POLICY blip_worker ON %s', source);
    END IF;
END
$$;
COMMENT ON FUNCTION blip._keep_workers_out(regclass) IS 'Undo blip._let_workers_read';

-- An attachment with the present names of its columns; NULL where its triggers are gone. A domain
-- is named by what it is made of: its checks are its owner's code, which workers and triggers would
-- run with their own rights.
CREATE FUNCTION blip._source(id integer) RETURNS blip._source
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found blip._source;
BEGIN
    SELECT a.attachment_id, a.source, a.kind, a.mode, a.space, c.names[a.places[1]],
           c.names[nullif(a.places[2], 0)],
           ARRAY(SELECT c.names[p] FROM unnest(a.places[3:]) WITH ORDINALITY u (p, n) ORDER BY n),
           ARRAY(SELECT c.types[p] FROM unnest(a.places[3:]) WITH ORDINALITY u (p, n) ORDER BY n)
    INTO found
    FROM blip.attachments a
    JOIN pg_trigger t ON t.tgrelid = a.source AND t.tgname = blip._trigger(a.attachment_id, 'update')
    CROSS JOIN LATERAL (
        SELECT array_agg(b.attname::text ORDER BY u.n),
               array_agg(CASE WHEN y.typtype = 'd' THEN format_type(y.typbasetype, y.typtypmod)
                              ELSE format_type(b.atttypid, b.atttypmod) END ORDER BY u.n)
        FROM unnest(t.tgattr) WITH ORDINALITY u (number, n)
        JOIN pg_attribute b ON b.attrelid = a.source AND b.attnum = u.number
        JOIN pg_type y ON y.oid = b.atttypid
    ) c (names, types)
    WHERE a.attachment_id = id;
    RETURN found;
END
$$;
COMMENT ON FUNCTION blip._source(integer) IS 'An attachment with the present names of its columns';

-- As the attachment's number is an argument that anybody could give to a trigger of their own.
CREATE FUNCTION blip._triggered(id integer, relation oid) RETURNS blip._source
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found constant blip._source := blip._source(id);
BEGIN
    IF found.source = relation
       OR found.source IN (SELECT p.relid FROM pg_partition_ancestors(relation) p)
    THEN
        RETURN found;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION blip._triggered(integer, oid) IS
    'The attachment whose table, or partition of it, this is; else NULL';

CREATE FUNCTION blip._key(source blip._source, alias text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN format('jsonb_build_array(%s)', (
        SELECT string_agg(format('%s.%I', alias, k), ', ' ORDER BY n)
        FROM unnest(source.keys) WITH ORDINALITY u (k, n)));
END
$$;
COMMENT ON FUNCTION blip._key(blip._source, text) IS 'SQL for the key of a row of that alias';

CREATE FUNCTION blip._caption_of(source blip._source, alias text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN CASE WHEN source.caption IS NULL THEN 'NULL::text'
                ELSE format('%s.%I::text', alias, source.caption) END;
END
$$;
COMMENT ON FUNCTION blip._caption_of(blip._source, text) IS
    'SQL for the caption of a row of that alias';

CREATE FUNCTION blip._has_key(source blip._source, alias text, key text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (SELECT string_agg(format('%s.%I = (%s ->> %s)::%s', alias, k, key, n - 1, source.types[n]),
                              ' AND ' ORDER BY n)
            FROM unnest(source.keys) WITH ORDINALITY u (k, n));
END
$$;
COMMENT ON FUNCTION blip._has_key(blip._source, text, text) IS
    'SQL for: the row of that alias is the one that the key names';

-- SECURITY DEFINER: whoever changes the app's table needs no right on ours.
CREATE FUNCTION blip._attached_added() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    source blip._source := blip._triggered(TG_ARGV[0]::integer, TG_RELID);
    keys jsonb[];
BEGIN
    IF source.attachment_id IS NOT NULL THEN
        EXECUTE format('SELECT array_agg(%s) FROM changed n WHERE n.%I IS NOT NULL',
                       blip._key(source, 'n'), source.image)
        INTO keys;
        PERFORM blip._note(source.attachment_id, keys);
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION blip._attached_added() IS 'Note the rows that a statement inserted';

-- Rows that are known by now were changed again by a trigger of the app's: a worker looks at what they
-- hold in the end. Others that insert the same images take them in the same order.
CREATE FUNCTION blip._attached_added_live() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    most constant integer := 16; -- images of one request to the engine
    most_bytes constant integer := 8388608;
    source blip._source := blip._triggered(TG_ARGV[0]::integer, TG_RELID);
    key_of constant text := blip._key(source, 'n');
    added record;
    known jsonb[];
    keys jsonb[] := '{}';
    contents bytea[] := '{}';
    captions text[] := '{}';
    size bigint := 0;
BEGIN
    IF source.attachment_id IS NULL THEN
        RETURN NULL;
    END IF;
    EXECUTE format('SELECT array_agg(r.key) FROM blip.attached_rows r WHERE r.attachment_id = $1'
                   ' AND r.key IN (SELECT %s FROM changed n)', key_of)
    INTO known USING source.attachment_id;
    PERFORM blip._note(source.attachment_id, known);
    FOR added IN EXECUTE format(
        'SELECT %1$s AS key, n.%2$I AS content, %3$s AS caption FROM changed n'
        ' WHERE n.%2$I IS NOT NULL AND (%1$s = ANY ($1)) IS NOT TRUE'
        ' ORDER BY blip._half($2 || n.%2$I)',
        key_of, source.image, blip._caption_of(source, 'n'))
        USING known, convert_to(source.space, 'UTF8') || '\x00'::bytea
    LOOP
        IF cardinality(keys) = most OR size + octet_length(added.content) > most_bytes THEN
            PERFORM blip._attach_live(source, keys, contents, captions);
            keys := '{}';
            contents := '{}';
            captions := '{}';
            size := 0;
        END IF;
        keys := keys || added.key;
        contents := contents || added.content;
        captions := captions || added.caption;
        size := size + octet_length(added.content);
    END LOOP;
    PERFORM blip._attach_live(source, keys, contents, captions);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION blip._attached_added_live() IS
    'Link and encode the rows that a statement inserted, several at a time';

CREATE FUNCTION blip._attached_removed() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    source blip._source := blip._triggered(TG_ARGV[0]::integer, TG_RELID);
    keys jsonb[];
BEGIN
    IF source.attachment_id IS NOT NULL THEN
        EXECUTE format('SELECT array_agg(%s) FROM changed n', blip._key(source, 'n')) INTO keys;
        PERFORM blip._unlink(source.attachment_id, keys);
        IF source.mode = 'live' AND pg_trigger_depth() > 1 THEN
            -- By a trigger of the app's, perhaps before blip._attached_added_live comes to the same rows.
            PERFORM blip._note(source.attachment_id, keys);
        END IF;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION blip._attached_removed() IS 'Forget the rows that a statement deleted';

CREATE FUNCTION blip._attached_emptied() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    source blip._source := blip._triggered(TG_ARGV[0]::integer, TG_RELID);
BEGIN
    IF source.attachment_id IS NOT NULL THEN
        PERFORM blip._unlink_all(source.attachment_id);
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION blip._attached_emptied() IS 'Forget all rows of a table that was truncated';

CREATE FUNCTION blip._attached_changed() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    source blip._source := blip._triggered(TG_ARGV[0]::integer, TG_RELID);
    key_of text;
    old_key jsonb;
    new_key jsonb;
    is_there boolean;
    content bytea;
    caption text;
BEGIN
    IF source.attachment_id IS NULL THEN
        RETURN NULL;
    END IF;
    key_of := blip._key(source, '($1)');
    IF TG_OP <> 'INSERT' THEN
        EXECUTE 'SELECT ' || key_of INTO old_key USING OLD;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        EXECUTE format('SELECT %s, ($1).%I IS NOT NULL', key_of, source.image)
        INTO new_key, is_there USING NEW;
    END IF;
    IF old_key IS NOT NULL AND (old_key IS DISTINCT FROM new_key OR NOT is_there) THEN
        PERFORM blip._unlink(source.attachment_id, ARRAY[old_key]);
    END IF;
    IF is_there THEN
        IF source.mode = 'live' THEN
            EXECUTE format('SELECT ($1).%I, %s', source.image, blip._caption_of(source, '($1)'))
            INTO content, caption USING NEW;
            PERFORM blip._attach_live(source, ARRAY[new_key], ARRAY[content], ARRAY[caption]);
        ELSE
            PERFORM blip._note(source.attachment_id, ARRAY[new_key]);
        END IF;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION blip._attached_changed() IS
    'Note, or encode at once, a row that was inserted or changed; forget one that was deleted';

CREATE FUNCTION blip._attach_live(
    source blip._source, keys jsonb[], contents bytea[], captions text[]) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE COST 1000000
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    names constant text[] := ARRAY(SELECT blip._place(source.source, k) FROM unnest(keys) k);
    ids constant uuid[] := ARRAY(
        SELECT blip._half(convert_to(source.space, 'UTF8') || '\x00'::bytea || c)
        FROM unnest(contents) c);
BEGIN
    IF keys = '{}' THEN
        RETURN;
    END IF;
    PERFORM blip._require_image(u.content, 'the image of ' || u.name)
    FROM unnest(contents, names) u (content, name);
    PERFORM blip._link(
        source.attachment_id, keys, ids, ARRAY(SELECT sha256(c) FROM unnest(contents) c),
        ARRAY(SELECT blip._mime(u.content, 'the image of ' || u.name)
              FROM unnest(contents, names) u (content, name)),
        ARRAY(SELECT octet_length(c)::bigint FROM unnest(contents) c), captions, NULL);
    PERFORM blip._encode(ids, contents, names);
END
$$;
COMMENT ON FUNCTION blip._attach_live(blip._source, jsonb[], bytea[], text[]) IS
    'Link rows'' images and encode them, within the transaction that changes the rows';

CREATE FUNCTION blip._encode(ids uuid[], contents bytea[], names text[]) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE COST 1000000
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    most_name constant integer := 200; -- characters: a request's head has few
    model blip._model := blip._choose(NULL, 'retrieval');
    pgvector regnamespace := (
        SELECT e.extnamespace FROM pg_extension e WHERE e.extname = 'vector');
    sizes integer[];
    body bytea;
    images jsonb;
BEGIN
    SELECT array_agg(g.id ORDER BY g.id), array_agg(left(g.name, most_name) ORDER BY g.id),
           array_agg(octet_length(g.content) ORDER BY g.id), string_agg(g.content, '' ORDER BY g.id)
    INTO ids, names, sizes, body
    FROM (SELECT DISTINCT ON (u.id) u.id, u.content, u.name
          FROM unnest(ids, contents, names) u (id, content, name) ORDER BY u.id) g
    WHERE NOT EXISTS (SELECT FROM blip.image_vectors v
                      WHERE v.image_id = g.id AND v.model_id = model.model_id);
    IF ids IS NULL THEN
        RETURN;
    END IF;
    images := blip._ask(
        'encode_images',
        blip._head(model) || jsonb_build_object('sizes', sizes, 'names', names), body) -> 'images';
    EXECUTE format('INSERT INTO blip.image_vectors (image_id, model_id, itc)'
                   ' SELECT u.id, $2, (($3 -> (n::integer - 1)) ->> ''itc'')::%s.halfvec'
                   ' FROM unnest($1) WITH ORDINALITY u (id, n) ON CONFLICT DO NOTHING', pgvector)
    USING ids, model.model_id, images;
    INSERT INTO blip.image_tokens (image_id, model_id, tokens)
    SELECT ids[n], model.model_id, decode(i.image ->> 'tokens', 'base64')
    FROM jsonb_array_elements(images) WITH ORDINALITY i (image, n)
    ON CONFLICT DO NOTHING;
    UPDATE blip.images i
    SET width = (e.image ->> 'width')::integer, height = (e.image ->> 'height')::integer
    FROM jsonb_array_elements(images) WITH ORDINALITY e (image, n)
    WHERE i.image_id = ids[n] AND i.width IS NULL;
    UPDATE blip.jobs j SET state = 'd', lease = NULL, error = NULL, updated_at = now()
    WHERE j.image_id = ANY (ids) AND j.stage = 'encode' AND j.model_id = model.model_id;
END
$$;
COMMENT ON FUNCTION blip._encode(uuid[], bytea[], text[]) IS
    'Have the engine encode images for searches, and close their jobs';

-- Rows of attached tables and the images in them: linked, let go, and what workers do for that.

-- A plan that a session made while a table was small would look at all its rows for each key later.
-- So functions that are given keys or images plan anew each time, or, as that is slow, can't but go by
-- an index.

CREATE FUNCTION blip._note(attachment integer, keys jsonb[]) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO blip.attached_rows AS r (attachment_id, key)
    SELECT DISTINCT attachment, k FROM unnest(keys) k
    ON CONFLICT ON CONSTRAINT attached_rows_pkey DO UPDATE
    SET state = 'p', attempts = 0, run_after = now(), error = NULL;
END
$$;
COMMENT ON FUNCTION blip._note(integer, jsonb[]) IS 'Have rows of an attached table looked at';

-- An image that another transaction is deleting is gone when that ends: then it is stored again.
CREATE FUNCTION blip._link(
    attachment integer, keys jsonb[], ids uuid[], sha256s bytea[], mimes text[], sizes bigint[],
    captions text[], uris text[])
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    space constant text := (SELECT a.space FROM blip.attachments a WHERE a.attachment_id = attachment);
    count constant bigint := (SELECT count(DISTINCT i) FROM unnest(ids) i);
    old_images uuid[];
    old_captions uuid[];
    found bigint;
BEGIN
    SELECT array_agg(o.image_id), array_agg(o.caption_id) INTO old_images, old_captions
    FROM unnest(keys) k CROSS JOIN LATERAL (
        SELECT r.image_id, r.caption_id FROM blip.attached_rows r
        WHERE r.attachment_id = attachment AND r.key = k AND r.image_id IS NOT NULL OFFSET 0) o;
    IF old_images IS NOT NULL THEN -- all of them at once, in order: two that swap images wait in turns
        PERFORM FROM blip.images i WHERE i.image_id = ANY (old_images || ids)
        ORDER BY i.image_id FOR UPDATE;
    END IF;
    LOOP
        INSERT INTO blip.images (image_id, space, sha256, mime, bytes)
        SELECT DISTINCT ON (u.id) u.id, space, u.sha256, u.mime, u.size
        FROM unnest(ids, sha256s, mimes, sizes) u (id, sha256, mime, size) ORDER BY u.id
        ON CONFLICT DO NOTHING;
        SELECT count(*) INTO found FROM (
            SELECT FROM blip.images i WHERE i.image_id = ANY (ids)
            ORDER BY i.image_id FOR KEY SHARE) held;
        EXIT WHEN found = count;
    END LOOP;
    WITH given AS (
        SELECT u.key, u.id, nullif(btrim(u.caption, E' \t\n\r'), '') AS caption, u.uri,
               blip._half(convert_to('web', 'UTF8') || '\x00'::bytea || convert_to(u.caption, 'UTF8'))
                   AS caption_id
        FROM unnest(keys, ids, captions, uris) u (key, id, caption, uri)
    ), added AS (
        INSERT INTO blip.captions (image_id, caption_id, text, origin)
        SELECT DISTINCT ON (g.id, g.caption_id) g.id, g.caption_id, u.caption, 'web'
        FROM given g JOIN unnest(keys, captions) u (key, caption) ON u.key = g.key
        WHERE g.caption IS NOT NULL ORDER BY g.id, g.caption_id
        ON CONFLICT DO NOTHING
        RETURNING captions.image_id, captions.caption_id
    )
    INSERT INTO blip.attached_rows AS r (attachment_id, key, state, image_id, caption_id, uri)
    SELECT attachment, g.key, 'd', g.id,
           -- A caption that came otherwise is not ours to delete one day.
           CASE WHEN g.caption IS NOT NULL AND (
               EXISTS (SELECT FROM added a WHERE (a.image_id, a.caption_id) = (g.id, g.caption_id))
               OR EXISTS (SELECT FROM blip.attached_rows o
                          WHERE (o.image_id, o.caption_id) = (g.id, g.caption_id)))
                THEN g.caption_id END,
           g.uri
    FROM given g ORDER BY g.key
    ON CONFLICT ON CONSTRAINT attached_rows_pkey DO UPDATE
    SET state = 'd', image_id = excluded.image_id, caption_id = excluded.caption_id,
        uri = excluded.uri, attempts = 0, error = NULL, updated_at = now();
    PERFORM blip._enqueue(ids);
    -- What could not be read where it was may be read where it is now.
    UPDATE blip.jobs j
    SET state = 'p', attempts = 0, run_after = now(), error = NULL, updated_at = now()
    FROM (SELECT f.image_id, f.stage, f.model_id FROM blip.jobs f
          WHERE f.image_id = ANY (ids) AND f.stage = 'encode' AND f.attempts > 0
            AND f.state IN ('p', 'x')
          FOR UPDATE SKIP LOCKED) failed
    WHERE (j.image_id, j.stage, j.model_id) = (failed.image_id, failed.stage, failed.model_id);
    PERFORM blip._drop_orphans(old_images, old_captions);
END
$$;
COMMENT ON FUNCTION blip._link(
    integer, jsonb[], uuid[], bytea[], text[], bigint[], text[], text[]) IS
    'Store images of an attached table''s rows, without content, with captions and jobs; what the '
    'rows were linked to before goes, if nothing else holds it';

-- An image that somebody holds is left to a worker, with its row: two transactions of an app that
-- let go of the same images in different orders would wait for each other. So is a row that came or
-- changed in this transaction: a statement may move a row to a key that it deletes, and its deletes
-- are told last.
CREATE FUNCTION blip._unlink(attachment integer, keys jsonb[]) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    own constant integer := age(pg_current_xact_id()::xid); -- savepoints' are younger
    free uuid[];
    images uuid[];
    captions uuid[];
BEGIN
    PERFORM FROM blip.attached_rows r
    WHERE r.attachment_id = attachment AND r.key = ANY (keys) ORDER BY r.key FOR UPDATE;
    free := ARRAY(
        SELECT i.image_id FROM blip.images i
        WHERE i.image_id IN (
            SELECT r.image_id FROM blip.attached_rows r
            WHERE r.attachment_id = attachment AND r.key = ANY (keys))
        ORDER BY i.image_id FOR UPDATE SKIP LOCKED);
    UPDATE blip.attached_rows r SET state = 'p', attempts = 0, run_after = now() + interval '2 s'
    WHERE r.attachment_id = attachment AND r.key = ANY (keys)
      AND r.image_id IS NOT NULL AND r.image_id <> ALL (free);
    SELECT array_agg(r.image_id), array_agg(r.caption_id) INTO images, captions
    FROM blip.attached_rows r
    WHERE r.attachment_id = attachment AND r.key = ANY (keys) AND r.image_id = ANY (free);
    DELETE FROM blip.attached_rows r
    WHERE r.attachment_id = attachment AND r.key = ANY (keys)
      AND (r.image_id IS NULL OR r.image_id = ANY (free)) AND age(r.xmin) > own;
    UPDATE blip.attached_rows r
    SET state = 'p', attempts = 0, run_after = now(), error = NULL, image_id = NULL,
        caption_id = NULL, uri = NULL, updated_at = now()
    WHERE r.attachment_id = attachment AND r.key = ANY (keys)
      AND (r.image_id IS NULL OR r.image_id = ANY (free));
    PERFORM blip._drop_orphans(images, captions);
END
$$;
COMMENT ON FUNCTION blip._unlink(integer, jsonb[]) IS
    'Forget some rows of an attached table, and the images that only they held';

CREATE FUNCTION blip._unlink_all(attachment integer) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    images uuid[];
    captions uuid[];
BEGIN
    WITH gone AS (
        DELETE FROM blip.attached_rows r WHERE r.attachment_id = attachment
        RETURNING r.image_id, r.caption_id
    )
    SELECT array_agg(g.image_id), array_agg(g.caption_id) INTO images, captions
    FROM gone g WHERE g.image_id IS NOT NULL;
    PERFORM blip._drop_orphans(images, captions);
END
$$;
COMMENT ON FUNCTION blip._unlink_all(integer) IS
    'Forget all rows of an attached table, and the images that only they held';

-- The lock comes first: of two that each let go of one of an image's last two rows, the second must
-- see what the first did.
CREATE FUNCTION blip._drop_orphans(images uuid[], captions uuid[]) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
BEGIN
    IF images IS NULL THEN
        RETURN;
    END IF;
    PERFORM FROM blip.images i WHERE i.image_id = ANY (images) ORDER BY i.image_id FOR UPDATE;
    DELETE FROM blip.captions c USING unnest(images, captions) u (image_id, caption_id)
    WHERE (c.image_id, c.caption_id) = (u.image_id, u.caption_id) AND NOT EXISTS (
        SELECT FROM blip.attached_rows r
        WHERE (r.image_id, r.caption_id) = (u.image_id, u.caption_id));
    DELETE FROM blip.images i
    WHERE i.image_id = ANY (images) AND i.content IS NULL
      AND NOT EXISTS (SELECT FROM blip.files f WHERE f.image_id = i.image_id)
      AND NOT EXISTS (SELECT FROM blip.attached_rows r WHERE r.image_id = i.image_id);
END
$$;
COMMENT ON FUNCTION blip._drop_orphans(uuid[], uuid[]) IS
    'Delete those of these images and captions that came by attached rows alone, and have none now';

-- Anybody may call it: it only ends what its owner has detached, and what has no table any more.
CREATE FUNCTION blip._purge() RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    id integer;
BEGIN
    FOR id IN
        SELECT a.attachment_id FROM blip.attachments a
        WHERE a.mode = 'detached' OR NOT EXISTS (
            SELECT FROM pg_trigger t
            WHERE t.tgrelid = a.source AND t.tgname = blip._trigger(a.attachment_id, 'update'))
    LOOP
        PERFORM blip._unlink_all(id);
        DELETE FROM blip.attachments a WHERE a.attachment_id = id;
    END LOOP;
END
$$;
COMMENT ON FUNCTION blip._purge() IS
    'End attachments that were detached, or whose table or column was dropped';

-- What workers do.

CREATE FUNCTION blip._scan(attachment integer, most integer) RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '500ms'
AS $$
DECLARE
    source constant blip._source := blip._source(attachment);
    begun jsonb;
    ended jsonb;
    count integer;
    columns text;
BEGIN
    SELECT a.scanned INTO begun FROM blip.attachments a
    WHERE a.attachment_id = attachment AND NOT a.is_scanned FOR UPDATE SKIP LOCKED;
    IF NOT FOUND OR source.attachment_id IS NULL THEN
        RETURN 0;
    END IF;
    PERFORM blip._require_readable(source);
    IF begun IS NULL THEN -- what is known already is looked at again
        UPDATE blip.attached_rows r SET state = 'p', attempts = 0, run_after = now(), error = NULL
        FROM (SELECT k.key FROM blip.attached_rows k
              WHERE k.attachment_id = attachment AND k.state <> 'p' FOR UPDATE SKIP LOCKED) known
        WHERE r.attachment_id = attachment AND r.key = known.key;
    END IF;
    columns := (SELECT string_agg(format('s.%I', k), ', ' ORDER BY n)
                FROM unnest(source.keys) WITH ORDINALITY u (k, n));
    EXECUTE format(
        'WITH page AS MATERIALIZED ('
        ' SELECT %1$s AS key, s.%2$I IS NOT NULL AS is_there, row_number() OVER (ORDER BY %3$s) AS n'
        ' FROM %4$s s WHERE %5$s ORDER BY %3$s LIMIT %6$s'
        '), added AS ('
        ' INSERT INTO blip.attached_rows (attachment_id, key)'
        ' SELECT %7$s, p.key FROM page p WHERE p.is_there ON CONFLICT DO NOTHING)'
        ' SELECT count(*), (array_agg(p.key ORDER BY p.n DESC))[1] FROM page p',
        blip._key(source, 's'), source.image, columns, source.source,
        CASE WHEN begun IS NULL THEN 'true' ELSE format('(%s) > (%s)', columns, (
            SELECT string_agg(format('($1 ->> %s)::%s', n - 1, t), ', ' ORDER BY n)
            FROM unnest(source.types) WITH ORDINALITY u (t, n))) END,
        most, attachment)
    INTO count, ended USING begun;
    UPDATE blip.attachments a
    SET scanned = coalesce(ended, a.scanned, '[]'), is_scanned = count < most
    WHERE a.attachment_id = attachment;
    RETURN count;
END
$$;
COMMENT ON FUNCTION blip._scan(integer, integer) IS
    'Note the next rows that were there when the table was attached; how many were looked at';

-- Rows that policies hide would be taken for deleted. And a restrictive policy is code of the table's
-- owner, which would run with a worker's rights.
CREATE FUNCTION blip._require_readable(source blip._source) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    relation constant oid := source.source;
BEGIN
    IF row_security_active(relation) AND NOT EXISTS (
        SELECT FROM pg_policy p
        WHERE p.polrelid = relation AND p.polpermissive AND p.polcmd IN ('r', '*')
          AND pg_get_expr(p.polqual, p.polrelid) = 'true'
          AND EXISTS (SELECT FROM unnest(p.polroles) r WHERE r = 0 OR pg_has_role(r, 'USAGE')))
    THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('policies of %s hide rows from %s', source.source, current_user),
            HINT = format('CREATE POLICY blip_worker ON %s FOR SELECT TO %I USING (true)',
                          source.source, current_user);
    ELSIF row_security_active(relation) AND EXISTS (
        SELECT FROM pg_policy p
        WHERE p.polrelid = relation AND NOT p.polpermissive AND p.polcmd IN ('r', '*')
          AND EXISTS (SELECT FROM unnest(p.polroles) r WHERE r = 0 OR pg_has_role(r, 'USAGE')))
    THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('a restrictive policy of %s holds for %s', source.source, current_user),
            HINT = 'It would hide rows, and run with its rights: restrict it to other roles (TO …).';
    END IF;
END
$$;
COMMENT ON FUNCTION blip._require_readable(blip._source) IS
    'Raise 42501 where row-level security hides rows of an attached table from a worker';

-- The rows stay locked until their links are written: whoever changes one meanwhile waits, and then
-- has it looked at again. So it is some megabytes at a time, and never a wait for others.
CREATE FUNCTION blip._link_due(attachment integer, most integer) RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '500ms'
AS $$
DECLARE
    most_bytes constant bigint := 16777216;
    source constant blip._source := blip._source(attachment);
    due jsonb[];
    gone jsonb[];
    keys jsonb[];
    ids uuid[];
    sha256s bytea[];
    mimes text[];
    sizes bigint[];
    captions text[];
BEGIN
    IF source.attachment_id IS NULL THEN
        RETURN 0;
    END IF;
    PERFORM blip._require_readable(source);
    due := ARRAY(
        SELECT r.key FROM blip.attached_rows r
        WHERE r.attachment_id = attachment AND r.state = 'p' AND r.run_after <= now()
        ORDER BY r.run_after LIMIT most FOR UPDATE SKIP LOCKED);
    EXECUTE format(
        'SELECT array_agg(d.key) FILTER (WHERE s.%1$I IS NULL) FROM unnest($1) d (key)'
        ' LEFT JOIN %2$s s ON %3$s',
        source.image, source.source, blip._has_key(source, 's', 'd.key'))
    INTO gone USING due;
    EXECUTE format(
        'SELECT array_agg(f.key), array_agg(f.id), array_agg(f.sha256), array_agg(f.mime),'
        ' array_agg(f.size), array_agg(f.caption) FROM ('
        ' SELECT l.key, blip._half($2 || s.%1$I) AS id, sha256(s.%1$I) AS sha256,'
        ' coalesce(blip._mime_of(s.%1$I), ''application/octet-stream'') AS mime, l.size, %4$s AS caption'
        ' FROM (SELECT d.key, octet_length(s.%1$I)::bigint AS size,'
        ' sum(octet_length(s.%1$I)) OVER (ORDER BY d.place) - octet_length(s.%1$I) AS before'
        ' FROM unnest($1) WITH ORDINALITY d (key, place) JOIN %2$s s ON %3$s'
        ' WHERE s.%1$I IS NOT NULL) l'
        ' JOIN %2$s s ON %5$s WHERE l.before < %6$s) f',
        source.image, source.source, blip._has_key(source, 's', 'd.key'),
        blip._caption_of(source, 's'), blip._has_key(source, 's', 'l.key'), most_bytes)
    INTO keys, ids, sha256s, mimes, sizes, captions
    USING due, convert_to(source.space, 'UTF8') || '\x00'::bytea;
    IF gone IS NOT NULL THEN
        PERFORM blip._unlink(attachment, gone);
    END IF;
    PERFORM blip._link_all(attachment, keys, ids, sha256s, mimes, sizes, captions);
    RETURN coalesce(cardinality(gone), 0) + coalesce(cardinality(keys), 0);
END
$$;
COMMENT ON FUNCTION blip._link_due(integer, integer) IS
    'Link rows that wait to the images in them, some megabytes of them; how many';

CREATE FUNCTION blip._link_all(
    attachment integer, keys jsonb[], ids uuid[], sha256s bytea[], mimes text[], sizes bigint[],
    captions text[])
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    empty jsonb[] := ARRAY(SELECT u.key FROM unnest(keys, sizes) u (key, size) WHERE u.size = 0);
BEGIN
    IF cardinality(empty) > 0 THEN
        PERFORM blip._fail_rows(attachment, empty, 'the image is empty', true);
        SELECT array_agg(u.key), array_agg(u.id), array_agg(u.sha256), array_agg(u.mime),
               array_agg(u.size), array_agg(u.caption)
        INTO keys, ids, sha256s, mimes, sizes, captions
        FROM unnest(keys, ids, sha256s, mimes, sizes, captions)
            u (key, id, sha256, mime, size, caption)
        WHERE u.size > 0;
    END IF;
    IF keys IS NOT NULL THEN
        PERFORM blip._link(attachment, keys, ids, sha256s, mimes, sizes, captions, NULL);
    END IF;
END
$$;
COMMENT ON FUNCTION blip._link_all(
    integer, jsonb[], uuid[], bytea[], text[], bigint[], text[]) IS
    'As blip._link, where some images may be empty: those fail';

CREATE FUNCTION blip._fail_rows(
    attachment integer, keys jsonb[], reason text, for_good boolean) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    most constant integer := 3; -- attempts, as of a job
    images uuid[];
    captions uuid[];
BEGIN
    SELECT array_agg(r.image_id), array_agg(r.caption_id) INTO images, captions
    FROM blip.attached_rows r
    WHERE r.attachment_id = attachment AND r.key = ANY (keys) AND r.image_id IS NOT NULL;
    UPDATE blip.attached_rows r
    SET state = CASE WHEN for_good OR r.attempts + 1 >= most THEN 'x' ELSE 'p' END,
        attempts = r.attempts + 1, run_after = now() + interval '10 s' * 6 ^ r.attempts,
        image_id = NULL, caption_id = NULL, uri = NULL, error = left(reason, 500),
        updated_at = now()
    WHERE r.attachment_id = attachment AND r.key = ANY (keys);
    PERFORM blip._drop_orphans(images, captions);
END
$$;
COMMENT ON FUNCTION blip._fail_rows(integer, jsonb[], text, boolean) IS
    'Note why rows have no image: tried again later, or given up';

CREATE FUNCTION blip._attached_content(attachment integer, key jsonb) RETURNS bytea
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    source constant blip._source := blip._source(attachment);
    content bytea;
BEGIN
    IF source.kind = 'content' THEN
        EXECUTE format('SELECT s.%I FROM %s s WHERE %s', source.image, source.source,
                       blip._has_key(source, 's', '$1'))
        INTO content USING key;
    END IF;
    RETURN content;
END
$$;
COMMENT ON FUNCTION blip._attached_content(integer, jsonb) IS
    'What an attached row holds now; NULL where it holds none';

CREATE FUNCTION blip._attached_uris(attachment integer, keys jsonb[])
RETURNS TABLE (key jsonb, uri text, caption text)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE ROWS 100
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    source constant blip._source := blip._source(attachment);
BEGIN
    IF source.attachment_id IS NULL THEN
        RETURN;
    END IF;
    PERFORM blip._require_readable(source);
    RETURN QUERY EXECUTE format(
        'SELECT d.key, s.%I::text, %s FROM unnest($1) d (key) LEFT JOIN %s s ON %s',
        source.image, blip._caption_of(source, 's'), source.source, blip._has_key(source, 's', 'd.key'))
    USING keys;
END
$$;
COMMENT ON FUNCTION blip._attached_uris(integer, jsonb[]) IS
    'The path or URL that attached rows hold now; NULL where there is none, or no such row';

CREATE FUNCTION blip._place(source regclass, key jsonb) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (SELECT coalesce(n.nspname || '.' || c.relname, source::text)
            FROM (SELECT) one LEFT JOIN pg_class c ON c.oid = source
            LEFT JOIN pg_namespace n ON n.oid = c.relnamespace)
        || '/' || (SELECT string_agg(v, ',' ORDER BY n)
                   FROM jsonb_array_elements_text(key) WITH ORDINALITY u (v, n));
END
$$;
COMMENT ON FUNCTION blip._place(regclass, jsonb) IS 'Where an attached image is seen: schema.table/key';

-- What is stored, and how far the work on it is.

CREATE FUNCTION public.blip_status()
RETURNS TABLE (what text, model text, state text, count bigint)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED ROWS 20
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM blip._require_tables();
    RETURN QUERY
    SELECT 'images', NULL::text, 'stored', count(*) FROM blip.images
    UNION ALL SELECT 'files', NULL, 'stored', count(*) FROM blip.files
    UNION ALL SELECT 'files', NULL, 'failed', count(*) FROM blip.failed_files
    UNION ALL SELECT 'captions', NULL, 'stored', count(*) FROM blip.captions;

    -- Who let its lease run out no longer runs: the job waits for another worker.
    RETURN QUERY
    WITH job AS (
        SELECT j.stage, j.model_id,
               count(*) FILTER (
                   WHERE j.state = 'p' OR j.state = 'r' AND j.run_after <= now()) AS pending,
               count(*) FILTER (WHERE j.state = 'r' AND j.run_after > now()) AS running,
               count(*) FILTER (WHERE j.state = 'x') AS parked,
               count(*) FILTER (WHERE j.state = 'd') AS done
        FROM blip.jobs j GROUP BY j.stage, j.model_id
    )
    SELECT j.stage, m.name, s.state, s.count
    FROM job j JOIN blip.models m ON m.model_id = j.model_id
    CROSS JOIN LATERAL (
        VALUES (1, 'pending', j.pending), (2, 'running', j.running), (3, 'parked', j.parked),
               (4, 'done', j.done)
    ) s (place, state, count)
    ORDER BY j.stage DESC, j.model_id, s.place;
END
$$;
COMMENT ON FUNCTION public.blip_status() IS
    'How many images, files and captions are stored, and how many jobs are pending, running, '
    'parked and done, by stage and model';

-- What failed for good, and why.

CREATE FUNCTION public.blip_failures()
RETURNS TABLE (
    uri text, image_id uuid, stage text, model text, reason text, attempts integer,
    failed_at timestamptz)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED ROWS 20
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM blip._require_tables();
    RETURN QUERY
    SELECT f.uri, NULL::uuid, 'read', NULL::text, f.reason, f.attempts, f.failed_at
    FROM blip.failed_files f
    UNION ALL
    SELECT blip._place(a.source, r.key), NULL, 'attach', NULL, r.error, r.attempts, r.updated_at
    FROM blip.attached_rows r JOIN blip.attachments a ON a.attachment_id = r.attachment_id
    WHERE r.state = 'x'
    UNION ALL
    SELECT blip._where(j.image_id), j.image_id, j.stage, m.name, j.error, j.attempts, j.updated_at
    FROM blip.jobs j
    JOIN blip.models m ON m.model_id = j.model_id
    WHERE j.state = 'x'
    ORDER BY 7 DESC, 1, 2, 3, 4;
END
$$;
COMMENT ON FUNCTION public.blip_failures() IS
    'Files that could not be read as an image, and jobs given up after their last attempt';


-- Which text these functions were made from: `blipdb init` renews them when it differs.
CREATE FUNCTION blip._build() RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ BEGIN RETURN '9fe0f565e47d9299'; END $$;
COMMENT ON FUNCTION blip._build() IS 'The first digits of the SHA-256 of the extension''s source';

-- Who may call what. Runs when the extension is created, and again by `blipdb init`, as the roles
-- may come later. Nothing is for PUBLIC; roles that do not exist are left out.

DO $$
DECLARE
    function regprocedure;
    role text;
BEGIN
    FOR function IN
        SELECT d.objid FROM pg_catalog.pg_depend d
        JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid AND e.extname = 'blipdb'
        WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.deptype = 'e'
          AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
    LOOP
        EXECUTE pg_catalog.format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', function);
        FOR role IN
            SELECT r.rolname FROM pg_catalog.pg_roles r
            WHERE r.rolname IN ('blip_writer', 'blip_worker', 'blip_owner')
               OR r.rolname = 'blip_reader' AND function NOT IN (
                  'public.blip_add(bytea, text, text, jsonb, text)'::pg_catalog.regprocedure,
                  'public.blip_attach(regclass, name, name, text, text, text)'::pg_catalog.regprocedure,
                  'public.blip_detach(regclass, name)'::pg_catalog.regprocedure,
                  'blip._attached_added()'::pg_catalog.regprocedure,
                  'blip._attached_changed()'::pg_catalog.regprocedure,
                  'blip._attached_removed()'::pg_catalog.regprocedure,
                  'blip._attached_emptied()'::pg_catalog.regprocedure,
                  'blip._enqueue(uuid[])'::pg_catalog.regprocedure)
        LOOP
            EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION %s TO %I', function, role);
        END LOOP;
    END LOOP;
    -- It runs with its owner's rights: those of a role that can read blip.settings and no more.
    IF pg_catalog.to_regrole('blip_engine') IS NOT NULL THEN
        ALTER FUNCTION blip._engine(text, jsonb, bytea) OWNER TO blip_engine;
    END IF;
    -- And these with the rights of the tables' owner, whoever changes an attached table.
    IF pg_catalog.to_regrole('blip_owner') IS NOT NULL THEN
        ALTER FUNCTION blip._attached_added() OWNER TO blip_owner;
        ALTER FUNCTION blip._attached_changed() OWNER TO blip_owner;
        ALTER FUNCTION blip._attached_removed() OWNER TO blip_owner;
        ALTER FUNCTION blip._attached_emptied() OWNER TO blip_owner;
        ALTER FUNCTION blip._purge() OWNER TO blip_owner;
    END IF;
END
$$;
