from __future__ import annotations

from blipdb.training.evaluation.metrics.nlvr2 import figures, statement_of


def test_statements_are_known_by_the_releases_ids() -> None:
    assert statement_of("dev-850-0-1") == "dev-850--1"
    assert statement_of("dev-850-3-1") == statement_of("dev-850-0-1")
    assert statement_of("dev-850-0-0") != statement_of("dev-850-0-1")
    assert statement_of("") == statement_of("851") == ""


def test_a_statement_is_consistent_that_is_always_judged_right() -> None:
    ids = ["dev-1-0-0", "dev-1-1-0", "dev-1-0-1", "dev-1-1-1", "dev-2-0-0"]
    texts = ["same words"] * 5
    right = [True, True, True, False, True]
    assert figures(right, texts, ids) == {"accuracy": 80.0, "consistency": 100 * 2 / 3}


def test_without_ids_a_statement_is_known_by_its_words() -> None:
    right, texts = [True, False, True, True], ["one", "one", "two", "two"]
    assert figures(right, texts, [""] * 4) == {"accuracy": 75.0, "consistency": 50.0}
