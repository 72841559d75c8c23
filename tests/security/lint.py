"""A linter for the SQL that blipdb installs: access, search paths, names and dynamic SQL.

Run it with: python -m tests.security.lint sql/*.sql migrations/versions/*.py

Rules, for each function:

    access       ``blip._allow`` follows it; with an owner where it is SECURITY DEFINER, and without
                 one where it is not. In a migration, REVOKE ALL … FROM PUBLIC follows it.
    schema       its name has a schema.
    search path  ``SET search_path = pg_catalog, pg_temp``, exactly.

For each statement, in functions and outside, and in dynamic SQL as far as it can be parsed:

    relation     has a schema, is PostgreSQL's own, or is a CTE.
    function     has a schema, or is PostgreSQL's own.
    type         has a schema, or is PostgreSQL's own.
    execute      EXECUTE takes a literal, or ``format`` of one with %I and %L; with %s only for
                 variables of integer and reg… types.

``-- lint: reason``, on one of a statement's lines or on a line of its own before it, permits
dynamic SQL that the last rule can't prove safe. A relation without a schema, as a transition
table, needs its name in the reason. Nothing else can be permitted.
"""

from __future__ import annotations

import ast as python
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from pglast import ast, parse_plpgsql, parse_sql
from pglast.parser import ParseError
from pglast.visitors import Visitor

MARK = re.compile(r"--\s*lint:\s*(\S.*)$")
SEARCH_PATH = ["pg_catalog", "pg_temp"]
DEFINERS = {"blip_owner", "blip_engine", "blip_nobody"}
# Types whose text is a number, or a name that PostgreSQL quotes.
SAFE_TYPES = {"int2", "int4", "int8", "oid", "regclass", "regprocedure", "regrole", "regnamespace"}
_EXECUTED = {
    "PLpgSQL_stmt_dynexecute": "query",
    "PLpgSQL_stmt_dynfors": "query",
    "PLpgSQL_stmt_return_query": "dynquery",
    "PLpgSQL_stmt_open": "dynquery",
}
_MAKES_FUNCTION = re.compile(r"\bCREATE\s+(OR\s+REPLACE\s+)?(FUNCTION|PROCEDURE)\b")
_PLACEHOLDER = re.compile(r"%(?:%|(?:(\d+)\$)?-?\d*([sIL]))")
_ANY_NAME = "lint_placeholder"


@dataclass(frozen=True)
class Finding:
    """A broken rule, and its place."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


def lint(file: str, text: str, *, in_migration: bool = False, first_line: int = 1) -> list[Finding]:
    """Find broken rules in the text of an SQL file, or in an SQL string of a migration.

    Args:
        file: The name to report.
        text: SQL statements.
        in_migration: Whether access is given by REVOKE instead of ``blip._allow``.
        first_line: The line of the file at which the text begins.
    """
    linter = _Linter(file, text, first_line)
    try:
        statements = parse_sql(text)
    except ParseError as error:
        linter.report(0, f"does not parse: {error}")
        return linter.findings
    for number, statement in enumerate(statements):
        linter.check(statement, statements[number + 1 :], in_migration)
    return sorted(linter.findings, key=lambda finding: finding.line)


def lint_migration(file: str, text: str) -> list[Finding]:
    """Find broken rules in those strings of a Python file that make functions."""
    found: list[Finding] = []
    for node in python.walk(python.parse(text)):
        if not isinstance(node, python.Constant) or not isinstance(node.value, str):
            continue
        if _MAKES_FUNCTION.search(node.value):
            found += lint(file, node.value, in_migration=True, first_line=node.lineno)
    return found


def lint_file(path: Path) -> list[Finding]:
    """Find broken rules in a file, by its suffix: .sql, or .py for migrations."""
    text = path.read_text(encoding="utf-8")
    return lint_migration(str(path), text) if path.suffix == ".py" else lint(str(path), text)


@cache
def built_in(kind: str) -> frozenset[str]:
    """Names in pg_catalog of PostgreSQL 15: functions, relations or types."""
    text = Path(__file__).with_name("pg_catalog.txt").read_text(encoding="ascii")
    sections = re.split(r"^\[(\w+)\]$", text, flags=re.MULTILINE)
    return frozenset(sections[sections.index(kind) + 1].split())


class _Linter:
    def __init__(self, file: str, text: str, first_line: int) -> None:
        self.file = file
        self.text = text
        self.first_line = first_line
        self.lines = text.splitlines()
        self.findings: list[Finding] = []

    def report(self, line: int, message: str) -> None:
        """Add a finding at a line of the text, counted from 0."""
        finding = Finding(self.file, self.first_line + line, message)
        if finding not in self.findings:
            self.findings.append(finding)

    def line_at(self, location: int) -> int:
        """The line of a character, after blanks and comments that precede it."""
        rest = re.compile(r"(?:\s|--[^\n]*\n)*").match(self.text, location)
        assert rest is not None
        return self.text.count("\n", 0, rest.end())

    def check(self, raw: Any, following: Sequence[Any], in_migration: bool) -> None:
        line = self.line_at(raw.stmt_location)
        if _is(raw.stmt, ast.CreateFunctionStmt):
            self._check_function(raw, line, following, in_migration)
        elif _is(raw.stmt, ast.DoStmt):
            (body,) = (o.arg.sval for o in raw.stmt.args if o.defname == "as")
            self._check_body(
                f"CREATE FUNCTION public.f() RETURNS void LANGUAGE plpgsql AS $lint${body}$lint$",
                self._line_of_body(raw),
            )
        else:
            for message in _names(raw, ""):
                self.report(line, message)

    def _check_function(
        self,
        raw: Any,
        line: int,
        following: Sequence[Any],
        in_migration: bool,
    ) -> None:
        function = _Function.read(raw.stmt)
        if "." not in function.name:
            self.report(line, f"{function.name} has no schema")
        if function.search_path != SEARCH_PATH:
            self.report(line, f"{function.name} must SET search_path = pg_catalog, pg_temp")
        rest = list(_until_next_function(following))
        message = _revocation(function, rest) if in_migration else _permission(function, rest)
        if message:
            self.report(line, f"{function.name} {message}")
        text = self.text[raw.stmt_location : raw.stmt_location + (raw.stmt_len or len(self.text))]
        if function.language == "plpgsql":
            self._check_body(text, self._line_of_body(raw))
        elif function.language == "sql":
            self._check_static(function.body, self._line_of_body(raw))

    def _line_of_body(self, raw: Any) -> int:
        """The line at which the statement's dollar-quoted body begins."""
        found = re.compile(r"\$\w*\$").search(self.text, raw.stmt_location)
        assert found is not None
        return self.text.count("\n", 0, found.start())

    def _check_body(self, text: str, line: int) -> None:
        # The parser knows the types in pg_catalog and public alone.
        known = re.sub(r"\bblip\.(?=\w+(?!\w*\s*\())", "public.", text)
        try:
            (parsed,) = parse_plpgsql(known)
        except ParseError as error:
            self.report(line, f"does not parse: {error}")
            return
        function = parsed["PLpgSQL_function"]
        variables = _variables(function["datums"])
        for kind, node, at in _statements(function, 1):
            here = line + at - 1
            for expression in _expressions(node):
                self._check_static(_as_statement(expression), here)
            executed = node.get(_EXECUTED.get(kind, ""))
            if executed is not None:
                self._check_dynamic(executed["PLpgSQL_expr"]["query"], here, variables)

    def _check_static(self, text: str, line: int) -> None:
        for statement in parse_sql(text):
            for message in _names(statement, self._mark(line)):
                self.report(line, message)

    def _check_dynamic(self, query: str, line: int, variables: dict[str, str]) -> None:
        mark = self._mark(line)
        text, fault = _dynamic(query, variables)
        if fault and not mark:
            self.report(line, f"{fault}: mark it with -- lint: reason")
        for message in _names_in_text(text, mark):
            self.report(line, f"EXECUTE: {message}")

    def _mark(self, line: int) -> str:
        """The reason of the mark before the statement at this line, or on one of its lines."""
        if line > 0 and (found := re.match(r"\s*" + MARK.pattern, self.lines[line - 1])):
            return found[1]
        for text in self.lines[line:]:
            if found := MARK.search(text):
                return found[1]
            if re.search(r"(;|\bLOOP)\s*(--.*)?$", text):
                break
        return ""


@dataclass
class _Function:
    name: str
    language: str = ""
    body: str = ""
    is_definer: bool = False
    search_path: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, statement: Any) -> _Function:
        function = cls(".".join(part.sval for part in statement.funcname))
        for option in statement.options or ():
            value = option.arg
            if option.defname == "language":
                function.language = value.sval.lower()
            elif option.defname == "as":
                function.body = value[-1].sval
            elif option.defname == "security":
                function.is_definer = bool(value.boolval)
            elif option.defname == "set" and value.name == "search_path":
                function.search_path = [arg.val.sval for arg in value.args or ()]
        return function


def _until_next_function(statements: Iterable[Any]) -> Iterator[Any]:
    for raw in statements:
        if _is(raw.stmt, ast.CreateFunctionStmt):
            return
        yield raw.stmt


def _permission(function: _Function, following: Iterable[Any]) -> str | None:
    """The fault of the ``blip._allow`` call that follows a function, if there is one."""
    for arguments in map(_allowed, following):
        if arguments and arguments[0].partition("(")[0] == function.name:
            break
    else:
        return "is followed by no SELECT blip._allow(…)"
    definer = arguments[2] if len(arguments) > 2 else None
    if function.is_definer and definer not in DEFINERS:
        return f"is SECURITY DEFINER: name its owner, one of {', '.join(sorted(DEFINERS))}"
    if definer is not None and not function.is_definer:
        return "is not SECURITY DEFINER, but blip._allow names an owner"
    return None


def _allowed(statement: Any) -> list[str]:
    """The arguments of a statement that calls ``blip._allow`` with literals; else none."""
    if _is(statement, ast.SelectStmt) and statement.targetList:
        call = statement.targetList[0].val
        if _is(call, ast.FuncCall) and _name(call.funcname) == "blip._allow":
            return [_literal(argument) or "" for argument in call.args or ()]
    return []


def _revocation(function: _Function, following: Iterable[Any]) -> str | None:
    for statement in following:
        if _is(statement, ast.GrantStmt) and not statement.is_grant:
            names = [_name(o.objname) for o in statement.objects or () if hasattr(o, "objname")]
            public = any(g.rolename is None for g in statement.grantees)
            if function.name in names and public:
                return None
    return "is followed by no REVOKE ALL ON FUNCTION … FROM PUBLIC"


def _is(node: Any, kind: type[ast.Node]) -> bool:
    """As isinstance, but without narrowing: pglast declares that any field may be None."""
    return isinstance(node, kind)


def _name(parts: Iterable[Any]) -> str:
    return ".".join(part.sval for part in parts)


def _literal(node: Any) -> str | None:
    if _is(node, ast.A_Const) and _is(node.val, ast.String):
        value: str = node.val.sval
        return value
    return None


def _names(raw: Any, mark: str) -> list[str]:
    """Messages for the names in a statement that have no schema and are not PostgreSQL's own."""
    visitor = _NameVisitor()
    visitor(raw)
    known = {
        "relation": visitor.ctes | built_in("relations") | set(re.findall(r"\w+", mark)),
        "function": built_in("functions"),
        "type": built_in("types") | built_in("relations"),
    }
    return [
        f"{kind} {name} has no schema"
        for kind, name in visitor.found
        if name not in known[kind] | {_ANY_NAME}
    ]


class _NameVisitor(Visitor):
    """The names without a schema in a statement, each with what it names."""

    def __init__(self) -> None:
        self.ctes: set[str] = set()
        self.found: list[tuple[str, str]] = []

    def visit(self, ancestors: Any, node: Any) -> None:
        if _is(node, ast.CommonTableExpr):
            self.ctes.add(node.ctename)
        elif _is(node, ast.RangeVar) and node.schemaname is None:
            self.found.append(("relation", node.relname))
        elif _is(node, ast.FuncCall) and len(node.funcname) == 1:
            self.found.append(("function", node.funcname[0].sval))
        elif _is(node, ast.TypeName) and len(node.names) == 1:
            self.found.append(("type", node.names[0].sval))


def _variables(datums: Iterable[dict[str, Any]]) -> dict[str, str]:
    """The types of a function's parameters and variables, by name."""
    found = {}
    for datum in datums:
        variable = datum.get("PLpgSQL_var")
        if variable and "refname" in variable:
            found[variable["refname"]] = variable["datatype"]["PLpgSQL_type"]["typname"]
    return found


def _statements(node: Any, line: int) -> Iterator[tuple[str, dict[str, Any], int]]:
    """Each statement and declaration of a parsed function, with its line in the body."""
    if isinstance(node, list):
        for part in node:
            yield from _statements(part, line)
    elif isinstance(node, dict):
        for kind, part in node.items():
            if kind == "PLpgSQL_expr":
                continue
            if isinstance(part, dict) and kind.startswith("PLpgSQL_"):
                at = part.get("lineno", line)
                yield kind, part, at
                yield from _statements(list(part.values()), at)
            else:
                yield from _statements(part, line)


def _expressions(node: Any) -> Iterator[dict[str, Any]]:
    """The expressions of one statement, without those of statements within it."""
    for part in node.values() if isinstance(node, dict) else node:
        if isinstance(part, dict):
            if "PLpgSQL_expr" in part:
                yield part["PLpgSQL_expr"]
            elif not any(key.startswith("PLpgSQL_") for key in part):
                yield from _expressions(part)
        elif isinstance(part, list):
            yield from _expressions(part)


def _as_statement(expression: dict[str, Any]) -> str:
    """The SQL of an expression of PL/pgSQL, as a statement that can be parsed by itself."""
    query: str = expression["query"]
    mode = expression["parseMode"]
    if mode >= 3:  # an assignment
        query = re.sub(r"^.*?(?::=|=)", "", query, count=1, flags=re.DOTALL)
    return query if mode < 2 else f"SELECT {query}"


def _dynamic(query: str, variables: dict[str, str]) -> tuple[str, str | None]:
    """The text that EXECUTE is given, with placeholders filled in, and its fault if it has one."""
    statement: Any = parse_sql(f"SELECT {query}")[0].stmt
    node = statement.targetList[0].val
    if (text := _literal(node)) is not None:
        return text, None
    if not _is(node, ast.FuncCall) or _name(node.funcname).split(".")[-1] != "format":
        return "", "EXECUTE of neither a literal nor format()"
    if (text := _literal(node.args[0])) is None or node.func_variadic:
        return "", "EXECUTE of format() without a literal"
    fault = None
    place = 0
    for found in _PLACEHOLDER.finditer(text):
        if found[2] is None:  # %%
            continue
        place = int(found[1]) if found[1] else place + 1
        if found[2] == "s" and not _is_safe(node.args[place], variables):
            fault = f"EXECUTE of format() with {found[0]}"
    return _PLACEHOLDER.sub(_filled, text), fault


def _filled(found: re.Match[str]) -> str:
    return {"s": _ANY_NAME, "I": _ANY_NAME, "L": "'x'", None: "%"}[found[2]]


def _is_safe(argument: Any, variables: dict[str, str]) -> bool:
    """Whether an argument of %s is a number, or a variable of a type that can't hold SQL."""
    if _is(argument, ast.A_Const):
        return _is(argument.val, ast.Integer)
    if _is(argument, ast.ColumnRef) and len(argument.fields) == 1:
        return variables.get(argument.fields[0].sval) in SAFE_TYPES
    return False


def _names_in_text(text: str, mark: str) -> list[str]:
    """Messages for the names in dynamic SQL, as far as it can be parsed."""
    try:
        statements = parse_sql(text)
    except ParseError:
        return []
    return [message for statement in statements for message in _names(statement, mark)]


def main(names: Sequence[str]) -> int:
    """Print the findings in these files. Return 1 if there are any."""
    findings = [finding for name in names for finding in lint_file(Path(name))]
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
