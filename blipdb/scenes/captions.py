"""Captions of scenes: from a bare fragment to a complete description, always true."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from .grammar import (
    COLOUR_WORDS,
    NOUNS,
    NUMBERS,
    PLACES,
    RELATION_WORDS,
    SIZE_WORDS,
    NounPhrase,
    plural,
)
from .world import INVERSE, Scene, Thing, groups, relations, separation, union

Group = tuple[Thing, ...]
MAX_WORDS = 36
_INVERSES = INVERSE | {"inside": "around", "on": "under", "beside": "beside"}


@dataclass(frozen=True)
class Content:
    """Content of a scene's full captions: fixed by the scene, whatever the wording.

    `relations` are (index of a group, relation, index of a group) with left, above, inside or on.
    """

    groups: tuple[Group, ...]
    relations: tuple[tuple[int, str, int], ...]
    sizes: bool
    place: bool


def _clarity(a: Group, b: Group) -> float:
    """Dominance of one direction over the other between two groups."""
    box_a, box_b = union(a), union(b)
    dx = abs(box_b[0] + box_b[2] - box_a[0] - box_a[2])
    dy = abs(box_b[1] + box_b[3] - box_a[1] - box_a[3])
    return max(dx, dy) / (dx + dy) - max(0.0, max(separation(box_a, box_b))) / 10


def _facts(groups: Sequence[Group]) -> list[tuple[float, int, str, int]]:
    """(rank, group, relation, group) for every related two groups, the clearest first."""
    facts = []
    for i, j in combinations(range(len(groups)), 2):
        for a, b in ((i, j), (j, i)):
            names = relations(groups[a], groups[b])
            for relation in ("inside", "on", "left", "above"):
                if relation in names:
                    touching = relation in ("inside", "on")
                    rank = 2.0 if touching else _clarity(groups[a], groups[b])
                    facts.append((rank, a, relation, b))
                    break
    return sorted(facts, key=lambda fact: (-fact[0], fact[1], fact[3]))


def content(scene: Scene) -> Content:
    """Return the content that every full caption of the scene states.

    Sizes and place are stated for some scenes only; the scene's seed decides which.
    """
    all_groups = tuple(groups(scene))
    facts: list[tuple[int, str, int]] = []
    limit = 1 if len(all_groups) < 3 or scene.seed % 7 < 2 else 2
    for _, a, relation, b in _facts(all_groups):
        new = {a, b} - {i for x, _, y in facts for i in (x, y)}
        if new and len(facts) < limit:
            facts.append((a, relation, b))
    return Content(all_groups, tuple(facts), scene.seed % 3 == 0, scene.seed % 11 < 4)


class Writer:
    """Words for one caption, chosen by `rng`: mostly the usual ones, synonyms now and then."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def word(self, options: Sequence[str], usual: float = 0.7) -> str:
        """Choose the first option with probability `usual`, else one of the others."""
        if len(options) == 1 or self.chance(usual):
            return options[0]
        return options[1 + int(self.rng.random() * (len(options) - 1))]

    def shuffled(self, n: int) -> list[int]:
        return [int(i) for i in self.rng.permutation(n)]

    def phrase(self, np_: NounPhrase, *, bare: bool = False) -> str:
        """The noun phrase in words; bare leaves out "a", and the number of several."""
        words = []
        if np_.size is not None:
            words.append(self.word(SIZE_WORDS[np_.size], 0.6))
        if np_.colour is not None:
            words.append(self.word(COLOUR_WORDS[np_.colour], 0.85))
        noun = self.word(NOUNS[np_.kind], 0.75)
        words.append(noun if np_.count == 1 else plural(noun))
        if np_.definite:
            words.insert(0, "the")
        elif np_.count > 1 and not (bare and np_.kind != "fish"):
            words.insert(0, self.word(NUMBERS[np_.count], 0.85))
        elif np_.count == 1 and not bare:
            article = "an" if words[0][0] in "aeiou" else "a"
            words.insert(0, self.word((article, "one"), 0.93))
        return " ".join(words)

    def relation(self, relation: str) -> str:
        return self.word(RELATION_WORDS[relation], 0.55)

    def finish(self, body: str, scene: Scene, count: int, *, place: bool) -> str:
        """The body with an opening now and then, and the place if it is to be said."""
        opening = ""
        if self.chance(0.3):
            openings = ("there are", "here are") if count > 1 else ("there is", "here is")
            opening = (
                self.word((*openings, "a picture of", "a drawing of", "an image of"), 0.4) + " "
            )
        if not place:
            return opening + body
        where = self.word(PLACES[scene.background], 0.6)
        if self.chance(0.2):
            return f"{where} {opening}{body}"
        return f"{opening}{body} {where}"


def _describe(group: Group, *, colour: bool = True, size: bool = False) -> NounPhrase:
    first = group[0]
    return NounPhrase(
        first.kind,
        first.colour if colour else None,
        first.size if size and first.size in SIZE_WORDS else None,
        len(group),
    )


def _reference(groups: Sequence[Group], i: int) -> NounPhrase:
    """ "the car", or "the red car" where there are cars of other colours too."""
    alone = sum(group[0].kind == groups[i][0].kind for group in groups) == 1
    first = groups[i][0]
    return NounPhrase(first.kind, None if alone else first.colour, None, len(groups[i]), True)


def _turned(fact: tuple[int, str, int], writer: Writer, swap: float) -> tuple[int, str, int]:
    """State the same fact from the other side: left of as right of."""
    a, relation, b = fact
    return (b, _INVERSES[relation], a) if writer.chance(swap) else fact


def _listing(statement: Content, writer: Writer) -> tuple[str, int]:
    """ "a red car a blue house and a green tree with the car left of the house" """
    order = writer.shuffled(len(statement.groups))
    phrases = [writer.phrase(_describe(statement.groups[i], size=statement.sizes)) for i in order]
    clauses = []
    for fact in statement.relations:
        a, relation, b = _turned(fact, writer, 0.4)
        first, second = _reference(statement.groups, a), _reference(statement.groups, b)
        clauses.append(
            f"{writer.phrase(first)} {writer.relation(relation)} {writer.phrase(second)}"
        )
    body = " ".join(phrases[:-1]) + " and " + phrases[-1]
    if clauses:
        body += " with " + " and ".join(clauses)
    return body, len(statement.groups[order[0]])


def _clauses(statement: Content, writer: Writer) -> tuple[str, int]:
    """ "a red car left of a blue house and a green tree above the house" """
    mentioned: set[int] = set()

    def mention(i: int) -> str:
        if i in mentioned:
            return writer.phrase(_reference(statement.groups, i))
        mentioned.add(i)
        return writer.phrase(_describe(statement.groups[i], size=statement.sizes))

    clauses, leading = [], 0
    for fact in statement.relations:
        a, relation, b = _turned(fact, writer, 0.4)
        if a in mentioned and b not in mentioned and writer.chance(0.5):
            a, relation, b = b, _inverse(relation), a
        leading = leading or len(statement.groups[a])
        clauses.append(f"{mention(a)} {writer.relation(relation)} {mention(b)}")
    rest = [i for i in range(len(statement.groups)) if i not in mentioned]
    body = " and ".join(clauses)
    if rest:
        body += " and also " + " and ".join(mention(i) for i in rest)
    return body, leading


def _inverse(relation: str) -> str:
    back = {value: key for key, value in _INVERSES.items()}
    return _INVERSES.get(relation) or back[relation]


def _whole(scene: Scene, statement: Content, writer: Writer) -> str:
    if len(statement.groups) == 1:
        group = statement.groups[0]
        body, count = writer.phrase(_describe(group, size=statement.sizes)), len(group)
    else:
        body, count = (_listing if writer.chance(0.3) else _clauses)(statement, writer)
    return writer.finish(body, scene, count, place=statement.place)


def full_caption(scene: Scene, rng: np.random.Generator) -> str:
    """Name kind, colour and number of every thing and, of several groups, a relation or two, in at
    most 36 words.

    The content is fixed by the scene (`content`); wording and order vary with `rng`.
    """
    statement, writer = content(scene), Writer(rng)
    while True:
        text = _whole(scene, statement, writer)
        if text.count(" ") < MAX_WORDS:
            return text


def _fragment(scene: Scene, writer: Writer, detail: float) -> str:
    """One noun phrase: "red bicycle", "a dog", "two stars"."""
    all_groups = groups(scene)
    group = all_groups[int(writer.rng.random() * len(all_groups))]
    phrase = _describe(group, colour=writer.chance(0.65 + detail), size=writer.chance(0.12))
    total = len(phrase.named(scene))
    phrase = NounPhrase(phrase.kind, phrase.colour, phrase.size, total)
    body = writer.phrase(phrase, bare=writer.chance(0.45))
    if writer.chance(detail * 0.6):
        body += " " + writer.word(PLACES[scene.background], 0.6)
    return body


def _partial(scene: Scene, writer: Writer, detail: float) -> str:
    """Name some of the things, with some of their attributes and relations."""
    all_groups = groups(scene)
    order = writer.shuffled(len(all_groups))
    named = order[: 1 + sum(writer.chance(0.3 + 0.7 * detail) for _ in order[1:])]
    phrases: dict[int, NounPhrase] = {}
    for i in named:
        phrase = _describe(
            all_groups[i],
            colour=writer.chance(0.55 + 0.5 * detail),
            size=writer.chance(0.35 * detail),
        )
        if phrase.colour is None and len(phrase.named(scene)) != len(all_groups[i]):
            phrase = _describe(all_groups[i], size=phrase.size is not None)
        phrases[i] = phrase
    body = ""
    if len(named) > 1 and writer.chance(0.65):
        a, b = named[0], named[1]
        names = sorted(relations(all_groups[a], all_groups[b]))
        if names:
            relation = names[int(writer.rng.random() * len(names))]
            body = (
                f"{writer.phrase(phrases[a])} {writer.relation(relation)} "
                f"{writer.phrase(phrases[b])}"
            )
            named = named[2:]
    if named:
        listed = " and ".join(writer.phrase(phrases[i]) for i in named)
        body = f"{body} and also {listed}" if body else listed
    first = len(all_groups[order[0]])
    return writer.finish(body, scene, first, place=writer.chance(0.1 + 0.3 * detail))


def caption(scene: Scene, rng: np.random.Generator, *, detail: float | None = None) -> str:
    """Write a caption that is true of the scene; `detail` from 0 (a fragment such as "red bicycle")
    to 1 (everything, as `full_caption`); None draws it at random."""
    if detail is None:
        detail = float(rng.random())
    if not 0 <= detail <= 1:
        raise ValueError(f"detail goes from 0 to 1, not {detail}")
    if detail > 0.7:
        return full_caption(scene, rng)
    writer = Writer(rng)
    if detail < 0.25:
        return _fragment(scene, writer, detail)
    return _partial(scene, writer, detail)
