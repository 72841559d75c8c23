from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blipdb.errors import ModelError, SetupError, StoppedError, TextError, UsageError
from blipdb.model.artifact import Manifest, digests
from blipdb.model.runtime import Encoded, Pixels, Runtime
from tests.tiny import MAX_TOKENS, tiny_artifact

TEXTS = ["red bicycle", "the blue dog is on the left of a big house", "a car and a boat", "tree"]


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Runtime:
    return Runtime.load(tiny_artifact(tmp_path_factory.mktemp("model")).folder)


@pytest.fixture(scope="module")
def pixels() -> Pixels:
    return np.random.default_rng(0).integers(0, 256, (9, 32, 32, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def encoded(runtime: Runtime, pixels: Pixels) -> Encoded:
    return runtime.encode_images(pixels)


def test_shapes_and_types(encoded: Encoded) -> None:
    assert (encoded.itc.shape, encoded.itc.dtype.name) == ((9, 16), "float32")
    assert (encoded.tokens.shape, encoded.tokens.dtype.name) == ((9, 5, 32), "int8")
    assert (encoded.scales.shape, encoded.scales.dtype.name) == ((9, 5), "float32")
    np.testing.assert_allclose(np.linalg.norm(encoded.itc, axis=1), 1, atol=1e-6)


def test_images_do_not_depend_on_their_batch(
    runtime: Runtime, pixels: Pixels, encoded: Encoded
) -> None:
    for one, (itc, tokens, scales) in zip(pixels, zip(*encoded, strict=True), strict=True):
        alone = runtime.encode_images(one[None])
        np.testing.assert_allclose(alone.itc[0], itc, atol=1e-6)
        np.testing.assert_allclose(alone.scales[0], scales, rtol=1e-5)
        steps = np.abs(alone.tokens[0].astype(int) - tokens)
        assert steps.max() <= 1  # a value between two levels may go either way
        assert steps.mean() < 0.01


def test_texts_do_not_depend_on_their_batch(runtime: Runtime) -> None:
    together = runtime.embed_texts(TEXTS)
    alone = np.concatenate([runtime.embed_texts([text]) for text in TEXTS])
    np.testing.assert_allclose(together, alone, atol=1e-6)
    assert np.abs(together[0] - together[1]).max() > 0.01


@pytest.mark.parametrize("chunk", [1, 2, 4, 100, None])
def test_rerank_does_not_depend_on_chunks(
    runtime: Runtime, encoded: Encoded, chunk: int | None
) -> None:
    _, tokens, scales = encoded
    itm = runtime.rerank(TEXTS[1], tokens, scales, chunk=chunk)
    assert itm.shape == (9, 2)
    turned = runtime.rerank(TEXTS[1], tokens[::-1], scales[::-1], chunk=3)
    np.testing.assert_allclose(itm, turned[::-1], atol=1e-5)


@pytest.mark.parametrize("decoding", [{"beams": 3}, {"beams": 1}, {"nucleus": 0.9, "seed": 7}])
def test_captions_do_not_depend_on_their_batch(
    runtime: Runtime, encoded: Encoded, decoding: dict[str, Any]
) -> None:
    _, tokens, scales = encoded
    together = runtime.caption(tokens, scales, **decoding)
    alone = [
        runtime.caption(token[None], scale[None], **decoding)[0]
        for token, scale in zip(tokens, scales, strict=True)
    ]
    assert together == alone
    assert len(set(together)) > 1


def test_captions_keep_their_limits(runtime: Runtime, encoded: Encoded) -> None:
    _, tokens, scales = encoded
    for text in runtime.caption(tokens, scales, min_tokens=4, max_tokens=6):
        assert 4 <= len(text.split()) <= 6
    for text in runtime.caption(tokens, scales, nucleus=1.0, max_tokens=3):
        assert 1 <= len(text.split()) <= 3


def test_a_seed_repeats_a_sample(runtime: Runtime, encoded: Encoded) -> None:
    _, tokens, scales = encoded
    first = runtime.caption(tokens, scales, nucleus=0.95, seed=1)
    assert first == runtime.caption(tokens, scales, nucleus=0.95, seed=1)
    assert first != runtime.caption(tokens, scales, nucleus=0.95, seed=2)
    assert first != runtime.caption(tokens, scales, nucleus=0.95)


def test_nothing_gives_nothing(runtime: Runtime, encoded: Encoded) -> None:
    none = runtime.encode_images(np.empty((0, 32, 32, 3), np.uint8))
    assert none.itc.shape == (0, 16)
    assert runtime.embed_texts([]).shape == (0, 16)
    assert runtime.rerank("red", none.tokens, none.scales).shape == (0, 2)
    assert runtime.caption(none.tokens, none.scales) == []


def test_several_threads_at_once(runtime: Runtime, pixels: Pixels, encoded: Encoded) -> None:
    def work(number: int) -> tuple[Any, ...]:
        text = TEXTS[number % len(TEXTS)]
        _, tokens, scales = runtime.encode_images(pixels)
        itm = runtime.rerank(text, tokens, scales)
        return itm, runtime.embed_texts([text]), runtime.caption(tokens[:2], scales[:2])

    expected = [work(number) for number in range(len(TEXTS))]
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(work, range(24)))
    for number, results in enumerate(found):
        for mine, theirs in zip(results, expected[number % len(TEXTS)], strict=True):
            np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("after", [0, 1, 3])
def test_stop_ends_a_rerank_between_chunks(runtime: Runtime, encoded: Encoded, after: int) -> None:
    asked: list[bool] = []

    def stop() -> bool:
        asked.append(True)
        return len(asked) > after

    with pytest.raises(StoppedError):
        runtime.rerank("red", encoded.tokens, encoded.scales, chunk=2, stop=stop)
    assert len(asked) == after + 1


@pytest.mark.parametrize("decoding", [{}, {"nucleus": 0.9}])
def test_stop_ends_a_caption_between_words(
    runtime: Runtime, encoded: Encoded, decoding: dict[str, Any]
) -> None:
    answers = iter([False, False, True])
    stop = answers.__next__
    with pytest.raises(StoppedError):
        runtime.caption(encoded.tokens, encoded.scales, min_tokens=5, stop=stop, **decoding)
    assert next(answers, None) is None


def test_bad_text_is_refused(runtime: Runtime, encoded: Encoded) -> None:
    _, tokens, scales = encoded
    for text in ("", "zebra", "red " * MAX_TOKENS):
        with pytest.raises(TextError):
            runtime.rerank(text, tokens, scales)
        with pytest.raises(TextError):
            runtime.embed_texts(["red", text])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"beams": 0}, "beams is 0; it must be from 1 to 16"),
        ({"beams": 17}, "beams is 17"),
        ({"max_tokens": 20}, "max_tokens is 20; it must be from 1 to 19"),
        ({"max_tokens": 0}, "max_tokens is 0"),
        ({"min_tokens": 5, "max_tokens": 5}, "min_tokens is 5; it must be from 0 to 4"),
        ({"nucleus": 0.0}, "nucleus is 0.0; it must be above 0"),
        ({"nucleus": 1.1}, "nucleus is 1.1"),
        ({"nucleus": float("nan")}, "nucleus is nan"),
        ({"nucleus": 0.9, "seed": -1}, "seed is -1; it must be from 0 to 9223372036854775807"),
    ],
)
def test_decoding_out_of_range_is_refused(
    runtime: Runtime, encoded: Encoded, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        runtime.caption(encoded.tokens, encoded.scales, **arguments)


def test_arrays_of_another_shape_are_refused(runtime: Runtime, encoded: Encoded) -> None:
    _, tokens, scales = encoded
    with pytest.raises(ValueError, match=r"pixels are uint8 \(1, 16, 32, 3\)"):
        runtime.encode_images(np.zeros((1, 16, 32, 3), np.uint8))
    with pytest.raises(ValueError, match="pixels are float32"):
        runtime.encode_images(np.zeros((1, 32, 32, 3), np.float32))
    with pytest.raises(ValueError, match=r"scales \(8, 5\)"):
        runtime.rerank("red", tokens, scales[1:])
    with pytest.raises(ValueError, match=r"tokens are int8 \(9, 4, 32\)"):
        runtime.caption(tokens[:, 1:], scales[:, 1:])


@pytest.mark.parametrize("scale", [np.nan, np.inf, 3e38])
def test_damaged_tokens_are_an_error_and_no_score(
    runtime: Runtime, encoded: Encoded, scale: float
) -> None:
    scales = np.full_like(encoded.scales, scale)
    with pytest.raises(ModelError, match="computed what is no number"):
        runtime.rerank("red", encoded.tokens, scales)
    with pytest.raises(ModelError, match="computed what is no number"):
        runtime.caption(encoded.tokens, scales)


def test_only_the_graphs_that_are_asked_for(tmp_path: Path) -> None:
    folder = tiny_artifact(tmp_path).folder
    runtime = Runtime.load(folder, graphs=["text"])
    assert runtime.embed_texts(["red"]).shape == (1, 16)
    with pytest.raises(ModelError, match="tiny has no image graph here; it has text"):
        runtime.encode_images(np.zeros((1, 32, 32, 3), np.uint8))
    with pytest.raises(ModelError, match="tiny has no answer graph; it has image, text"):
        Runtime.load(folder, graphs=["answer"])


def test_an_altered_graph_is_not_loaded(tmp_path: Path) -> None:
    folder = tiny_artifact(tmp_path).folder
    data = bytearray((folder / "rerank.onnx").read_bytes())
    data[-100] ^= 1
    (folder / "rerank.onnx").write_bytes(data)
    with pytest.raises(ModelError, match=r"rerank\.onnx was altered"):
        Runtime.load(folder)


def test_a_graph_that_is_none_is_named(tmp_path: Path) -> None:
    artifact = tiny_artifact(tmp_path)
    (tmp_path / "text.onnx").write_bytes(b"nonsense")
    files = {name: (tmp_path / name).read_bytes() for name in artifact.manifest.files}
    changed = Manifest(**{**vars(artifact.manifest), "files": digests(files)})
    (tmp_path / "model.json").write_bytes(changed.to_json())
    with pytest.raises(ModelError, match=r"text\.onnx can't be loaded"):
        Runtime.load(tmp_path)


def test_the_runtime_needs_neither_torch_nor_onnx(tmp_path: Path) -> None:
    """onnx takes long to import and is for building graphs alone."""
    folder = tiny_artifact(tmp_path).folder
    script = (
        "import sys; from blipdb.model.runtime import Runtime; "
        f"Runtime.load({str(folder)!r}).embed_texts(['red']); "
        "print(sorted({'torch', 'transformers', 'onnx', 'celery'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"


def test_nothing_is_reported_to_anybody(tmp_path: Path) -> None:
    """ONNX Runtime keeps what it is about to report in a database under the home folder."""
    home = tmp_path / "home"
    home.mkdir()
    folder = tiny_artifact(tmp_path / "tiny").folder
    program = "import sys; from blipdb.model.runtime import Runtime; Runtime.load(sys.argv[1])"
    # It reports nothing from a CI anyway.
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG")}
    subprocess.run(
        [sys.executable, "-c", program, str(folder)], env=kept | {"HOME": str(home)}, check=True
    )
    assert list(home.rglob("*")) == []


def test_another_device_is_a_variable_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tiny_artifact(tmp_path / "m").folder
    monkeypatch.setenv("BLIPDB_PROVIDERS", "CPUExecutionProvider")
    assert Runtime.load(folder, graphs=["text"]).embed_texts(["a car"]).shape == (1, 16)
    monkeypatch.setenv("BLIPDB_PROVIDERS", "NoSuchProvider, CPUExecutionProvider")
    message = r"BLIPDB_PROVIDERS names NoSuchProvider; ONNX Runtime here has .*CPUExecutionProvider"
    with pytest.raises(SetupError, match=message):
        Runtime.load(folder)


def test_graphs_can_be_loaded_later(tmp_path: Path) -> None:
    runtime = Runtime.load(tiny_artifact(tmp_path / "m").folder, graphs=["image"])
    runtime.open("image", "text")
    assert runtime.embed_texts(["a car"]).shape == (1, 16)
    with pytest.raises(ModelError, match="has no question graph"):
        runtime.open("question")
