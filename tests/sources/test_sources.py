"""Finding and reading files. Bytes don't matter here, so the "images" hold a letter."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from blipdb.errors import ImageError, UsageError
from blipdb.sources import files
from blipdb.sources.files import find, read
from blipdb.sources.records import Failure


def touch(path: Path, data: bytes = b"x") -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return str(path)


def uris(found: files.Listing) -> list[str]:
    return [file.uri for file in found.files]


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that strangers may enter, as pytest's own may not be."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextmanager
def as_stranger() -> Iterator[None]:
    """Without root's rights, where the tests have them."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_folder_is_walked_to_its_depth_and_sorted(tmp_path: Path) -> None:
    paths = [touch(tmp_path / name) for name in ("b.jpg", "a.PNG", "sub/deep/c.webp")]
    touch(tmp_path / "notes.txt")
    touch(tmp_path / "a.pdf")
    assert uris(find([tmp_path])) == sorted(paths)


def test_a_file_carries_its_size_and_mtime_in_nanoseconds(tmp_path: Path) -> None:
    path = touch(tmp_path / "a.jpg", b"12345")
    os.utime(path, ns=(1, 1_700_000_000_123_456_789))
    assert find([tmp_path]).files == [(path, 5, 1_700_000_000_123_456_789)]


def test_hidden_names_and_linked_folders_are_passed_over(tmp_path: Path) -> None:
    seen = touch(tmp_path / "in" / "a.jpg")
    touch(tmp_path / "in" / "._a.jpg")
    touch(tmp_path / "in" / ".cache" / "b.jpg")
    touch(tmp_path / "out" / "c.jpg")
    (tmp_path / "in" / "out").symlink_to(tmp_path / "out")
    (tmp_path / "in" / "loop").symlink_to(tmp_path / "in")
    assert uris(find([tmp_path / "in"])) == [seen]


def test_a_linked_file_is_a_place_of_its_own(tmp_path: Path) -> None:
    path = touch(tmp_path / "a.jpg", b"123")
    (tmp_path / "b.jpg").symlink_to(path)
    assert [(Path(f.uri).name, f.size) for f in find([tmp_path]).files] == [
        ("a.jpg", 3),
        ("b.jpg", 3),
    ]


def test_a_dangling_link_and_a_pipe_are_failures_with_reasons(tmp_path: Path) -> None:
    touch(tmp_path / "a.jpg")
    (tmp_path / "b.jpg").symlink_to(tmp_path / "gone")
    os.mkfifo(tmp_path / "c.jpg")
    assert find([tmp_path]).failures == [
        Failure(str(tmp_path / "b.jpg"), "no such file or directory"),
        Failure(str(tmp_path / "c.jpg"), "not a regular file"),
    ]


def test_a_link_to_itself_is_a_failure_and_the_rest_goes_on(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").symlink_to("a.jpg")
    good = touch(tmp_path / "b.jpg")
    (tmp_path / "c.jpg").symlink_to(tmp_path, target_is_directory=True)
    found = find([tmp_path])
    assert uris(found) == [good]
    assert found.failures == [Failure(str(tmp_path / "a.jpg"), "too many levels of symbolic links")]


def test_each_place_once_however_often_it_is_named(tmp_path: Path) -> None:
    path = touch(tmp_path / "a.jpg")
    found = find([tmp_path, path, tmp_path / "." / "a.jpg", f"{tmp_path}/*.jpg"])
    assert uris(found) == [path]


def test_a_relative_path_gets_an_absolute_uri(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = touch(tmp_path / "in" / "a.jpg")
    monkeypatch.chdir(tmp_path / "in")
    assert uris(find(["."])) == uris(find(["a.jpg"])) == uris(find(["../in"])) == [path]


def test_a_named_file_is_taken_whatever_its_suffix(tmp_path: Path) -> None:
    path = touch(tmp_path / "picture.dat")
    assert uris(find([path])) == [path]


def test_a_glob_takes_images_and_walks_folders(tmp_path: Path) -> None:
    wanted = [touch(tmp_path / "2024" / "a.jpg"), touch(tmp_path / "2025" / "x" / "b.jpg")]
    touch(tmp_path / "2024" / "a.txt")
    touch(tmp_path / "1999" / "c.jpg")
    assert uris(find([f"{tmp_path}/20*"])) == wanted
    assert uris(find([f"{tmp_path}/**/a.*"])) == wanted[:1]


def test_brackets_in_a_name_are_no_glob_where_the_file_exists(tmp_path: Path) -> None:
    path = touch(tmp_path / "a [1].jpg")
    assert uris(find([path])) == [path]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\0"])
def test_a_list_on_standard_input(tmp_path: Path, end: str) -> None:
    paths = [touch(tmp_path / "a b.jpg"), touch(tmp_path / "sub" / "c.dat")]
    listed = io.BytesIO(end.join([*paths, str(tmp_path / "gone.jpg"), ""]).encode())
    found = find(["-"], stdin=listed)
    assert uris(found) == paths
    assert found.failures == [Failure(str(tmp_path / "gone.jpg"), "no such file or directory")]


def test_a_name_with_a_line_break_goes_through_a_nul_list(tmp_path: Path) -> None:
    path = touch(tmp_path / "a\nb.jpg")
    assert uris(find(["-"], stdin=io.BytesIO(path.encode() + b"\0"))) == [path]


def test_a_name_that_is_not_utf8_is_a_failure_that_says_so(tmp_path: Path) -> None:
    touch(tmp_path / "a.jpg")
    (tmp_path / os.fsdecode(b"b\xff.jpg")).write_bytes(b"x")
    assert find([tmp_path]).failures == [
        Failure(f"{tmp_path}/b\\xff.jpg", "the file's name is not valid UTF-8: rename it")
    ]


def test_an_empty_path_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="One of the paths is empty"):
        find([""])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gone", "doesn't exist."),
        ("*.jpg", "matches nothing."),
        ("a.jpg/b", "can't be read: not a directory."),
        ("pipe", "is neither a file nor a folder."),
    ],
)
def test_a_named_path_that_leads_nowhere_is_a_usage_error(
    tmp_path: Path, name: str, message: str
) -> None:
    os.mkfifo(tmp_path / "pipe")
    if name.startswith("a.jpg"):
        touch(tmp_path / "a.jpg")
    with pytest.raises(UsageError) as caught:
        find([tmp_path / name])
    assert caught.value.message == f"{tmp_path / name} {message}"
    assert caught.value.exit_code == 2


def test_no_images_names_the_folder_and_the_suffixes(tmp_path: Path) -> None:
    touch(tmp_path / "a.txt")
    with pytest.raises(UsageError) as caught:
        find([tmp_path])
    assert caught.value.message == f"There are no images in {tmp_path}."
    assert caught.value.hint is not None
    assert ".jpg" in caught.value.hint
    with pytest.raises(UsageError, match="blipdb ingest"):
        find([])


def test_a_caption_file_alone_leads_to_the_option_for_it(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--captions FILE"):
        find([touch(tmp_path / "a.csv")])


def test_no_permission_for_a_named_folder_or_file_is_a_usage_error(open_folder: Path) -> None:
    path = Path(touch(open_folder / "closed" / "a.jpg"))
    path.chmod(0)
    path.parent.chmod(0o311)  # its owner may pass, and list no more than a stranger
    try:
        with as_stranger():
            for closed in (path.parent, path):
                with pytest.raises(UsageError) as caught:
                    find([closed])
                assert caught.value.message == f"{closed} can't be read: permission denied."
    finally:
        path.parent.chmod(0o700)


def test_no_permission_inside_a_folder_is_a_failure_and_the_rest_goes_on(open_folder: Path) -> None:
    seen = touch(open_folder / "a.jpg")
    touch(open_folder / "closed" / "b.jpg")
    (open_folder / "closed").chmod(0)
    try:
        with as_stranger():
            found = find([open_folder])
    finally:
        (open_folder / "closed").chmod(0o700)
    assert uris(found) == [seen]
    assert found.failures == [Failure(str(open_folder / "closed"), "permission denied")]


def test_reading_gives_the_bytes_and_the_stat_of_what_was_read(tmp_path: Path) -> None:
    path = touch(tmp_path / "a.jpg", b"hello")
    os.utime(path, ns=(0, 42))
    assert read(path, 5) == (b"hello", 5, 42)
    assert read(touch(tmp_path / "empty.jpg", b""), 5).data == b""


def test_reading_refuses_what_is_no_file_of_its_size(tmp_path: Path) -> None:
    path = touch(tmp_path / "a.jpg", b"hello")
    os.mkfifo(tmp_path / "pipe")
    for name, limit, reason in [
        (path, 4, "5 bytes; at most 4 are read"),
        (str(tmp_path / "pipe"), 4, "not a regular file"),
        ("/dev/zero", 4, "not a regular file"),
        (str(tmp_path / "gone"), 4, "no such file or directory"),
        (str(tmp_path), 4, "not a regular file"),
    ]:
        with pytest.raises(ImageError) as caught:
            read(name, limit)
        assert caught.value.reason == reason
