"""Every function of the extension, as the catalogue has it: what changes here is seen in review.

Renew the listing with: pytest tests/sql/test_functions.py --renew-listing
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.security.catalog import violations

Connection = psycopg.Connection[Any]

LISTING = Path(__file__).with_name("functions.txt")

MEMBERS = """
    SELECT p.* FROM pg_proc p
    JOIN pg_depend d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
    JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'blipdb'
"""
QUERY = f"""
    SELECT p.oid::regprocedure::text, pg_get_function_result(p.oid), l.lanname,
           CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END,
           CASE p.proparallel WHEN 's' THEN 'safe' WHEN 'r' THEN 'restricted' ELSE 'unsafe' END,
           CASE WHEN p.prosecdef THEN 'definer' ELSE 'invoker' END, pg_get_userbyid(p.proowner),
           array_to_string(p.proconfig, ', '),
           (SELECT string_agg(a.grantee::regrole::text, ' ' ORDER BY a.grantee::regrole::text)
            FROM aclexplode(p.proacl) a WHERE a.grantee <> p.proowner)
    FROM ({MEMBERS}) p JOIN pg_language l ON l.oid = p.prolang
    ORDER BY p.oid::regprocedure::text COLLATE "C"
"""
HEADINGS = ("returns", "language", "volatility", "parallel", "security", "owner", "set", "callers")


def listing(conn: Connection) -> str:
    lines = []
    for name, *values in conn.execute(QUERY.encode()).fetchall():
        lines.append(f"{name}\n")
        lines += [f"    {key}: {value}\n" for key, value in zip(HEADINGS, values, strict=True)]
    return "".join(lines)


def check(conn: Connection, path: Path, *, renew: bool) -> None:
    """Compare the listing with the one at ``path``, or write it there.

    No listing with a function that breaks a rule of access is written.
    """
    assert violations(conn) == []
    found = listing(conn)
    if renew:
        path.write_text(found)
    assert found == path.read_text()


def test_listing(conn: Connection, pytestconfig: pytest.Config) -> None:
    check(conn, LISTING, renew=pytestconfig.getoption("--renew-listing", default=False))


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER FUNCTION blip._purge() OWNER TO CURRENT_USER",
        "GRANT EXECUTE ON FUNCTION blip._purge() TO blip_reader",
        "GRANT EXECUTE ON FUNCTION blip._build() TO PUBLIC",
        "ALTER FUNCTION blip._build() RESET search_path",
        "ALTER FUNCTION blip._build() SET search_path = public",
    ],
)
def test_a_listing_that_breaks_a_rule_is_not_written(
    conn: Connection, tmp_path: Path, statement: str
) -> None:
    path = tmp_path / "functions.txt"
    check(conn, path, renew=True)
    before = path.read_text()
    conn.execute(statement.encode())
    with pytest.raises(AssertionError):
        check(conn, path, renew=True)
    assert path.read_text() == before


def test_each_has_a_comment(conn: Connection) -> None:
    found = conn.execute(
        f"SELECT p.oid::regprocedure::text FROM ({MEMBERS}) p"
        " WHERE obj_description(p.oid, 'pg_proc') IS NULL".encode()
    ).fetchall()
    assert found == []


def test_what_reaches_the_engine_or_sets_a_parameter_is_parallel_unsafe(conn: Connection) -> None:
    """Any other label can crash the server: PL/Python in a parallel query jumps over its frames.

    Reaching goes through other functions: the callers of whatever is unsafe are unsafe.
    """
    members = conn.execute(
        f"SELECT p.proname, p.prosrc, p.proparallel::text, p.proconfig FROM ({MEMBERS}) p".encode()
    ).fetchall()
    unsafe = {"_engine"}
    while True:
        more = {
            name
            for name, source, _, _ in members
            if "set_config(" in source or any(f"blip.{called}(" in source for called in unsafe)
        }
        if more <= unsafe:
            break
        unsafe |= more
    assert {
        "blip_search",
        "blip_rerank",
        "blip_match",
        "blip_caption",
        "blip_answer",
        "_ask",
    } <= unsafe
    for name, _, parallel, _ in members:
        if name in unsafe:
            assert parallel == "u", name


DEFINERS = [
    "_admit", "_attached_added", "_attached_added_live", "_attached_changed", "_attached_emptied",
    "_attached_removed", "_engine", "_purge", "_read_attached", "_register", "_unregister",
]  # fmt: skip


def test_public_functions_are_invokers_in_plpgsql(conn: Connection) -> None:
    """But for the one that reaches the engine, and what keeps attached tables in step whoever
    changes them."""
    found = conn.execute(
        f"SELECT p.proname::text, l.lanname, p.prosecdef FROM ({MEMBERS}) p"
        " JOIN pg_language l ON l.oid = p.prolang ORDER BY 1".encode()
    ).fetchall()
    assert [name for name, language, _ in found if language != "plpgsql"] == ["_engine"]
    assert [name for name, _, is_definer in found if is_definer] == DEFINERS
