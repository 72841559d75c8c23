"""The linter over blipdb's SQL: each rule catches what breaks it, and the tree breaks none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.security import lint

ROOT = Path(__file__).parents[2]
FILES = [*ROOT.glob("sql/*.sql"), *ROOT.glob("migrations/versions/*.py")]

PATH = "SET search_path = pg_catalog, pg_temp"
ALLOWED = "SELECT blip._allow('blip._f(text, regclass)', 'readers');"


def function(
    body: str = "PERFORM 1;",
    *,
    name: str = "blip._f",
    path: str = PATH,
    security: str = "",
    after: str = ALLOWED,
    declared: str = "",
) -> str:
    """A function that breaks no rule but those that the arguments break."""
    return (
        f"CREATE FUNCTION {name}(value text, source regclass) RETURNS void\n"
        f"LANGUAGE plpgsql {security}\n{path}\nAS $$\nDECLARE\n    number integer;{declared}\n"
        f"BEGIN\n    {body}\nEND\n$$;\n"
        f"COMMENT ON FUNCTION {name}(text, regclass) IS 'x';\n{after}\n"
    )


def messages(text: str) -> list[str]:
    return [finding.message for finding in lint.lint("f.sql", text)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_tree_is_clean(path: Path) -> None:
    assert lint.lint_file(path) == []


def test_a_function_without_a_fault() -> None:
    assert messages(function()) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (function(after=""), "blip._f is followed by no SELECT blip._allow(…)"),
        (
            function(after=ALLOWED.replace("_f", "_other")),
            "blip._f is followed by no SELECT blip._allow(…)",
        ),
        (
            function(after="") + function(name="blip._g", after=ALLOWED),
            "blip._f is followed by no SELECT blip._allow(…)",
        ),
        (
            function(security="SECURITY DEFINER"),
            "blip._f is SECURITY DEFINER: name its owner, one of blip_engine, blip_nobody,"
            " blip_owner",
        ),
        (
            function(
                security="SECURITY DEFINER", after=ALLOWED.replace("'readers'", "'readers', 'me'")
            ),
            "blip._f is SECURITY DEFINER: name its owner, one of blip_engine, blip_nobody,"
            " blip_owner",
        ),
        (
            function(after=ALLOWED.replace("'readers'", "'readers', 'blip_owner'")),
            "blip._f is not SECURITY DEFINER, but blip._allow names an owner",
        ),
        (function(path=""), "blip._f must SET search_path = pg_catalog, pg_temp"),
        (
            function(path="SET search_path = pg_catalog"),
            "blip._f must SET search_path = pg_catalog, pg_temp",
        ),
        (
            function(path="SET search_path = pg_temp, pg_catalog"),
            "blip._f must SET search_path = pg_catalog, pg_temp",
        ),
        (
            function(path="SET search_path = pg_catalog, blip, pg_temp"),
            "blip._f must SET search_path = pg_catalog, pg_temp",
        ),
        (
            function(name="_f", after="SELECT blip._allow('_f(text, regclass)', 'readers');"),
            "_f has no schema",
        ),
    ],
)
def test_access(text: str, message: str) -> None:
    assert message in messages(text)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("PERFORM FROM images;", "relation images has no schema"),
        ("PERFORM FROM blip.images JOIN files ON true;", "relation files has no schema"),
        ("INSERT INTO images VALUES (1);", "relation images has no schema"),
        ("UPDATE images SET space = '';", "relation images has no schema"),
        ("DELETE FROM images;", "relation images has no schema"),
        ("number := (SELECT count(*) FROM images);", "relation images has no schema"),
        ("IF EXISTS (SELECT FROM images) THEN RETURN; END IF;", "relation images has no schema"),
        (
            "FOR number IN SELECT 1 FROM images LOOP NULL; END LOOP;",
            "relation images has no schema",
        ),
        ("PERFORM 1; -- lint: FROM\n PERFORM FROM images;", "relation images has no schema"),
        ("PERFORM evil();", "function evil has no schema"),
        ("number := 1 + evil(2);", "function evil has no schema"),
        ("RAISE USING MESSAGE = evil();", "function evil has no schema"),
        ("PERFORM 1::evil;", "type evil has no schema"),
        ("EXECUTE 'SELECT FROM images';", "EXECUTE: relation images has no schema"),
        ("EXECUTE format('SELECT evil(%L)', value);", "EXECUTE: function evil has no schema"),
        (
            "EXECUTE format('SELECT * FROM %I JOIN changed ON true', value);",
            "EXECUTE: relation changed has no schema",
        ),
    ],
)
def test_names(body: str, message: str) -> None:
    assert messages(function(body)) == [message]


@pytest.mark.parametrize(
    "body",
    [
        "PERFORM FROM blip.images i, pg_class c, pg_catalog.pg_type t WHERE length(i.space) > 0;",
        "WITH hit AS (SELECT 1 AS n FROM blip.images) SELECT n INTO number FROM hit;",
        "PERFORM FROM unnest(ARRAY[1]) u (n), LATERAL (SELECT u.n) l;",
        "PERFORM blip._evil('1'::regclass, 2::integer);",
        "PERFORM count(*) FROM changed; -- lint: changed is the transition table",
        "-- lint: changed is the transition table\n    PERFORM count(*) FROM changed;",
    ],
)
def test_names_that_may_stand(body: str) -> None:
    assert messages(function(body)) == []


SAFE = [
    "EXECUTE 'SELECT 1';",
    "EXECUTE format('SELECT %I, %L, %% FROM blip.%I', value, value, value);",
    "EXECUTE format('SELECT %2$L FROM %1$s LIMIT %3$s', source, value, number);",
    "EXECUTE format('SELECT %s', 1);",
    "EXECUTE 'SELECT ' || value; -- lint: quoted by the caller",
    "-- lint: quoted by the caller\n    EXECUTE format('SELECT %s',\n        value);",
    "EXECUTE format('SELECT %s',\n        value) -- lint: quoted by the caller\n    USING 1;",
]
UNSAFE = {
    "EXECUTE value;": "EXECUTE of neither a literal nor format()",
    "EXECUTE 'SELECT ' || quote_ident(value);": "EXECUTE of neither a literal nor format()",
    "EXECUTE blip._made(value);": "EXECUTE of neither a literal nor format()",
    "EXECUTE format(value);": "EXECUTE of format() without a literal",
    "EXECUTE format('SELECT ' || value, 1);": "EXECUTE of format() without a literal",
    "EXECUTE format('SELECT %s', VARIADIC ARRAY[value]);": "EXECUTE of format() without a literal",
    "EXECUTE format('SELECT %s', value);": "EXECUTE of format() with %s",
    "EXECUTE format('SELECT %1$L, %2$s', 1, value);": "EXECUTE of format() with %2$s",
    "EXECUTE format('SELECT %-9s', value);": "EXECUTE of format() with %-9s",
    "EXECUTE format('SELECT %s', upper(value));": "EXECUTE of format() with %s",
    "FOR number IN EXECUTE value LOOP NULL; END LOOP;": "EXECUTE of neither a literal nor format()",
    "NULL; -- lint: of another statement\n    EXECUTE value;": (
        "EXECUTE of neither a literal nor format()"
    ),
    "EXECUTE value;\n    -- lint: comes too late": "EXECUTE of neither a literal nor format()",
    "EXECUTE value; -- lint:": "EXECUTE of neither a literal nor format()",
}


@pytest.mark.parametrize("body", SAFE)
def test_dynamic_sql_that_may_stand(body: str) -> None:
    assert messages(function(body)) == []


@pytest.mark.parametrize("body", UNSAFE)
def test_dynamic_sql(body: str) -> None:
    assert messages(function(body)) == [f"{UNSAFE[body]}: mark it with -- lint: reason"]


def test_other_ways_to_execute() -> None:
    for body in ("RETURN QUERY EXECUTE value;", "OPEN cursor FOR EXECUTE value;"):
        text = function(body, declared="\n    cursor refcursor;").replace("void", "SETOF text")
        assert len(messages(text)) == 1, body


def test_outside_of_functions() -> None:
    assert messages("CREATE VIEW blip.v AS SELECT * FROM images;") == [
        "relation images has no schema"
    ]
    assert messages("DO $$ BEGIN PERFORM FROM images; END $$;") == ["relation images has no schema"]
    assert messages("SELECT 1 FROM;")[0].startswith("does not parse")


def test_where_a_finding_stands() -> None:
    text = function("NULL;\n    PERFORM\n        evil();")
    (finding,) = lint.lint("f.sql", f"-- first\n\n{text}")
    assert str(finding) == "f.sql:11: function evil has no schema"
    (finding,) = lint.lint("f.sql", f"-- first\n\n-- before\n{function(path='')}")
    assert finding.line == 4


def test_functions_of_migrations(tmp_path: Path) -> None:
    public = "REVOKE ALL ON FUNCTION blip._f(text, regclass) FROM PUBLIC;"
    path = tmp_path / "0001_one.py"
    path.write_text(f'A = 1\nB = """{function(after=public)}"""\n')
    assert lint.lint_file(path) == []
    path.write_text(f'A = 1\nB = """{function(after=public.replace("PUBLIC", "blip_reader"))}"""\n')
    (finding,) = lint.lint_file(path)
    assert str(finding) == (
        f"{path}:2: blip._f is followed by no REVOKE ALL ON FUNCTION … FROM PUBLIC"
    )


def test_main_says_where_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.sql"
    path.write_text(function(path=""))
    assert lint.main([str(path)]) == 1
    assert capsys.readouterr().out == (
        f"{path}:1: blip._f must SET search_path = pg_catalog, pg_temp\n"
    )
    path.write_text(function())
    assert lint.main([str(path)]) == 0
    assert capsys.readouterr().out == ""


def test_built_in_names_are_the_servers(conn: psycopg.Connection[Any]) -> None:
    """PostgreSQL removes hardly any name: what a newer server lacks must not be used."""
    for kind, query in (
        (
            "functions",
            "SELECT proname FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace",
        ),
        (
            "relations",
            "SELECT relname FROM pg_class WHERE relnamespace = 'pg_catalog'::regnamespace",
        ),
        ("types", "SELECT typname FROM pg_type WHERE typnamespace = 'pg_catalog'::regnamespace"),
    ):
        found = {name for (name,) in conn.execute(query.encode()).fetchall()}
        lost = lint.built_in(kind) - found
        assert conn.info.server_version >= 160000 or not lost, kind
        assert len(lost) < 50, kind
