"""The time of `import blipdb`, and the packages that a client never imports."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.client.conftest import World

SLOW = 0.15  # s
HEAVY = ("torch", "transformers", "celery")
LATER = ("psycopg", "sqlalchemy", "numpy", "onnxruntime", "PIL", "rich")

MEASURE = """
import json, sys, time
begin = time.perf_counter()
import blipdb
seconds = time.perf_counter() - begin
print(json.dumps({"seconds": seconds, "modules": sorted(sys.modules)}))
"""

# In the way of every import of what a client must do without.
BLOCK = f"""
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {HEAVY}:
            raise ImportError(f"{{name}} is blocked")
sys.meta_path.insert(0, Block())
"""

WORK = f"""{BLOCK}
import asyncio, json, sys
from pathlib import Path
import blipdb
url, home, path = sys.argv[1:]
with blipdb.connect(url, home=home) as db:
    hits = db.search("red bicycle", 3)
    first = hits[0].image_id
    said = db.caption(first), db.answer(first, "what is red"), hits._repr_html_()[:5]
    db.add(Path(path).read_bytes())
    report = db.ingest(path)
async def main():
    async with blipdb.aconnect(url, home=home) as db:
        return len(await db.search("red bicycle", 3))
assert asyncio.run(main()) == 3
loaded = [name for name in {HEAVY} if name in sys.modules]
print(json.dumps([db.inference, loaded, report.unchanged]))
"""


def run(code: str, *arguments: str | Path) -> Any:
    environment = {name: value for name, value in os.environ.items() if name != "BLIPDB_URL"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout)


def test_importing_is_quick() -> None:
    run(MEASURE)  # once to have it compiled
    answers = [run(MEASURE) for _ in range(5)]
    assert min(answer["seconds"] for answer in answers) < SLOW
    loaded = {module.partition(".")[0] for module in answers[0]["modules"]}
    assert not loaded & {*HEAVY, *LATER}


def test_what_is_lazy_is_typed() -> None:
    """A type checker, and whoever asks for the module's names, knows what comes later."""
    import blipdb

    assert blipdb.connect.__module__ == "blipdb.client.connecting"
    for name in blipdb.__all__:
        assert getattr(blipdb, name).__module__.startswith("blipdb.")


def test_a_client_works_without_what_trains_and_queues(write: World) -> None:
    assert run(WORK, write.url, write.home, write.paths[0]) == [write.kind, [], 1]


def test_a_servers_client_loads_no_model(with_functions: World) -> None:
    """Nor what runs one: it is the engine's."""
    code = """
import json, sys, blipdb
with blipdb.connect(sys.argv[1], home="/nowhere") as db:
    count = len(db.search("red bicycle", 3))
print(json.dumps([count, [name for name in ("numpy", "onnxruntime", "PIL", "sqlalchemy")
                          if name in sys.modules]]))
"""
    assert run(code, with_functions.url) == [3, []]


# Only what blipdb itself requires can be imported, whatever else is installed here.
BASE = """
import re, sys
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
base, ahead = set(), ["blipdb"]
while ahead:
    name = ahead.pop().lower().replace("_", "-")
    if name not in base:
        base.add(name)
        try:
            found = requires(name) or ()
        except PackageNotFoundError:
            continue  # of another system
        extras = {"psycopg": ("binary", "pool")}.get(name, ())
        ahead += [
            re.match("[A-Za-z0-9_.-]+", one)[0] for one in found
            if "extra ==" not in one or any(f'"{extra}"' in one for extra in extras)
        ]
owners = packages_distributions()
class Base:
    def find_spec(self, name, path=None, target=None):
        owner = {one.lower().replace("_", "-") for one in owners.get(name.partition(".")[0], ())}
        if owner and not owner & base:
            raise ModuleNotFoundError(f"{name} is of no requirement")
sys.meta_path.insert(0, Base())
"""


def test_what_make_demo_installs_is_enough() -> None:
    """For the commands, the engine, the tables and migrations; SQLAlchemy's asyncio is extra."""
    modules = (
        "blipdb.cli, blipdb.engine.handler, blipdb.orm, blipdb.scenes.demo, blipdb.database.jobs"
    )
    assert run(f"{BASE}\nimport {modules}\nprint('[]')") == []
