from __future__ import annotations

import os
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from blipdb import settings
from blipdb.errors import BlipdbError, UsageError
from blipdb.settings import Settings


def test_home_is_the_argument_else_the_variable() -> None:
    environ = {"BLIPDB_HOME": "/srv/blip"}
    assert settings.load(environ).home == Path("/srv/blip")
    assert settings.load(environ, home="/srv/other").home == Path("/srv/other")


def test_home_is_made_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/ada")
    assert settings.load({}, home="here").home == tmp_path / "here"
    assert settings.load({}, home="~/there").home == Path("/home/ada/there")


def test_default_home_of_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert settings.load({}).home == Path("/var/lib/blipdb")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("/data", "/data/blipdb"),
        ("", "/home/ada/.local/share/blipdb"),
        ("relative", "/home/ada/.local/share/blipdb"),
    ],
)
def test_default_home_of_a_person(
    monkeypatch: pytest.MonkeyPatch, data: str, expected: str
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("HOME", "/home/ada")
    assert settings.load({"XDG_DATA_HOME": data}).home == Path(expected)


def test_empty_variables_count_as_unset() -> None:
    loaded = settings.load({"BLIPDB_HOME": "", "BLIPDB_URL": ""})
    assert loaded == settings.load({})
    assert loaded.is_private


def test_url_names_a_server() -> None:
    loaded = settings.load({"BLIPDB_URL": "postgresql://ada@db/pictures"})
    assert not loaded.is_private
    assert loaded.database_url() == "postgresql://ada@db/pictures"


def test_url_of_another_kind_is_refused_without_showing_it() -> None:
    with pytest.raises(UsageError, match="must start with postgresql://") as caught:
        settings.load({"BLIPDB_URL": "mysql://ada:secret@db/pictures"})
    assert "secret" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_private_url_is_read_by_libpq() -> None:
    url = Settings(Path("/srv/my pictures/100%")).database_url()
    assert conninfo_to_dict(url) == {
        "host": "/srv/my pictures/100%/run",
        "user": "postgres",
        "dbname": "blipdb",
    }


@pytest.mark.parametrize("unfit", ["a,b", "a$b", 'a"b', "a`b", "a\\b", "a'b", "a\nb"])
def test_paths_that_servers_would_misread_are_refused(unfit: str) -> None:
    with pytest.raises(UsageError, match="may not contain"):
        settings.load({}, home=f"/srv/{unfit}")


def test_socket_paths_are_counted_in_bytes() -> None:
    # /home/run/.s.PGSQL.5432 has 18 bytes more than the home
    fits = Settings(Path("/" + "é" * 44))
    assert len(os.fsencode(fits.postgres_socket)) == 107
    too_long = Settings(Path("/" + "é" * 44 + "x"))
    with pytest.raises(UsageError, match="need 108 bytes; the system allows 107"):
        _ = too_long.postgres_socket
    with pytest.raises(UsageError, match="BLIPDB_HOME"):
        too_long.database_url()
    assert too_long.engine_socket.name == "engine.sock"


def test_errors_show_what_to_do_next() -> None:
    assert str(BlipdbError("It is so.", "Do this.")) == "It is so.\nDo this."
    assert str(BlipdbError("It is so.")) == "It is so."
