"""Captions: BLEU, CIDEr, METEOR and SPICE by the standard package, pycocoevalcap (COCO's own
evaluation, arXiv 1504.00325).

BLEU and CIDEr-D are Python. METEOR, SPICE and the tokenizer that they all begin with are Java:
without it `treebank` splits captions, and what can't be computed is left out, with the reason.
"""

from __future__ import annotations

import contextlib
import importlib.util
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from blipdb.errors import SetupError

from . import treebank

STANDARD = "pycocoevalcap"
TOKENIZER = ("tokenizer", "stanford-corenlp-3.4.1.jar")
PARSER = ("stanford-corenlp-3.6.0.jar", "stanford-corenlp-3.6.0-models.jar")
NO_JAVA = "there is no java here"

Captions = Mapping[str, Sequence[str]]
"""By image: what was written (one), or what people wrote (one or more); as text, or as words with
single spaces between."""


@dataclass(frozen=True)
class Scores:
    """Figures of captions. figures: percentages by name. words: the tokenizer of captions. missing:
    the reason of each absent figure, by its name."""

    figures: Mapping[str, float]
    words: str
    missing: Mapping[str, str]


def score(captions: Mapping[str, str], references: Captions) -> Scores:
    """Score captions against those that people wrote.

    Raises:
        SetupError: the standard package is not installed.
        ValueError: an image has no caption or no reference, or there is one image alone.
    """
    _require_same(captions, references)
    package()
    texts = {image: [text] for image, text in captions.items()}
    if shutil.which("java") is None:
        missing = dict.fromkeys(("METEOR", "SPICE"), NO_JAVA)
        tokens, people = split(texts), split(references)
        return Scores(bleu(tokens, people) | cider(tokens, people), "treebank.py", missing)
    tokens, people = split_by_java(texts), split_by_java(references)
    figures = bleu(tokens, people) | cider(tokens, people)
    missing = {}
    for name, compute in (("METEOR", meteor), ("SPICE", spice)):
        try:
            figures[name] = compute(tokens, people)
        except SetupError as error:
            missing[name] = error.message
    return Scores(figures, "Stanford's PTBTokenizer", missing)


def bleu(captions: Captions, people: Captions) -> dict[str, float]:
    """BLEU-1 to BLEU-4 of the whole corpus (Papineni et al., 2002), of words."""
    from pycocoevalcap.bleu.bleu import Bleu

    scores, _ = Bleu(4).compute_score(people, captions, verbose=0)
    return {f"BLEU-{n}": 100 * float(value) for n, value in enumerate(scores, start=1)}


def cider(captions: Captions, people: Captions) -> dict[str, float]:
    """CIDEr-D (arXiv 1411.5726), of words; the frequency of n-grams is that of `people`."""
    from pycocoevalcap.cider.cider import Cider

    value, _ = Cider().compute_score(people, captions)
    return {"CIDEr": 100 * float(value)}


def meteor(captions: Captions, people: Captions) -> float:
    """METEOR 1.5 (Denkowski and Lavie, 2014), of words.

    Raises:
        SetupError: its Java program ended early.
    """
    from pycocoevalcap.meteor.meteor import Meteor

    scorer = Meteor()
    process = scorer.meteor_p
    try:
        value, _ = scorer.compute_score(people, captions)
    except (OSError, ValueError):
        process.kill()
        message = process.stderr.read().decode(errors="replace").strip()
        last = message.rpartition("\n")[2] or "nothing"
        raise SetupError(f"its program ended early and said: {last}") from None
    finally:
        if scorer.lock.locked():  # as an error leaves it; the scorer's own end would wait for it
            scorer.lock.release()
        with contextlib.suppress(OSError):
            process.stdin.close()
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()
    return 100 * float(value)


def spice(captions: Captions, people: Captions) -> float:
    """SPICE (arXiv 1607.08822), of words.

    Raises:
        SetupError: Stanford's parser, which the package leaves out, isn't there; or it failed.
    """
    folder = package() / "spice" / "lib"
    if missing := [name for name in PARSER if not (folder / name).exists()]:
        raise SetupError(
            f"{' and '.join(missing)} (of CoreNLP 3.6.0) not in {folder}; fetched, if anything, by:"
            f" python -m {STANDARD}.spice.get_stanford_models"
        )
    from pycocoevalcap.spice.spice import Spice

    try:
        value, _ = Spice().compute_score(people, captions)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SetupError(f"its program, written for Java 8, failed: {error}") from None
    return 100 * float(value)


def split(captions: Captions) -> dict[str, list[str]]:
    """Tokenize captions by `treebank`."""
    return {
        image: [" ".join(treebank.words(text)) for text in texts]
        for image, texts in captions.items()
    }


def split_by_java(captions: Captions) -> dict[str, list[str]]:
    """Tokenize captions by the package's PTBTokenizer. Its Python wrapper writes into the package's
    folder, and so is not called.

    Raises:
        SetupError: the program failed.
    """
    from pycocoevalcap.tokenizer.ptbtokenizer import PUNCTUATIONS

    texts = [" ".join(text.splitlines()) for texts in captions.values() for text in texts]
    path, program = package().joinpath(*TOKENIZER), "edu.stanford.nlp.process.PTBTokenizer"
    command = ["java", "-Dfile.encoding=UTF-8", "-cp", str(path), program]
    done = subprocess.run(
        [*command, "-preserveLines", "-lowerCase"],
        input="\n".join(texts).encode(),
        capture_output=True,
        check=False,
    )
    lines = done.stdout.decode().split("\n")[: len(texts)]
    if done.returncode or len(lines) < len(texts):
        message = done.stderr.decode(errors="replace").strip()
        raise SetupError(
            f"PTBTokenizer failed: {message}", "It is Java: see what `java -version` says."
        )
    words = (" ".join(w for w in line.split() if w not in PUNCTUATIONS) for line in lines)
    return {image: [next(words) for _ in texts] for image, texts in captions.items()}


def package() -> Path:
    """Find the standard package's folder.

    Raises:
        SetupError: it is not installed.
    """
    spec = importlib.util.find_spec(STANDARD)
    if spec is None or not spec.submodule_search_locations:
        raise SetupError(
            f"{STANDARD}, which computes the figures of captions, is not installed.",
            "Install it with: pip install 'blipdb[evaluate]'",
        )
    return Path(next(iter(spec.submodule_search_locations)))


def _require_same(captions: Mapping[str, str], references: Captions) -> None:
    if lacking := sorted(captions.keys() ^ references.keys()):
        raise ValueError(f"{lacking[0]} has a caption or references, not both")
    if empty := sorted(image for image, texts in references.items() if not texts):
        raise ValueError(f"{empty[0]} has no references")
    if len(captions) < 2:
        raise ValueError(f"{len(captions)} images: CIDEr tells common words from rare by 2 or more")
