"""The language of captions: its words, its parser, and the exact truth of its sentences.

A caption is a list of noun phrases ("two small red cars", "a dog", "the house") joined by
relations ("left of") and connectors ("and", "with"), with an optional opening and a place
("at night"). A noun phrase that is not definite states an exact number: "a red car" is true of a
scene with exactly one red car. A relation is between everything its two phrases name.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

from .kinds import KINDS
from .world import Scene, Thing, relations

NOUNS: dict[str, tuple[str, ...]] = {name: (name,) for name in KINDS} | {
    "bicycle": ("bicycle", "bike"),
    "car": ("car", "automobile"),
    "dog": ("dog", "puppy"),
    "cat": ("cat", "kitten"),
    "house": ("house", "cottage"),
    "boat": ("boat", "sailboat"),
    "flower": ("flower", "blossom"),
    "table": ("table", "desk"),
    "cup": ("cup", "mug"),
    "umbrella": ("umbrella", "parasol"),
    "shoe": ("shoe", "sneaker"),
    "airplane": ("airplane", "plane"),
    "train": ("train", "locomotive"),
    "truck": ("truck", "lorry"),
    "mushroom": ("mushroom", "toadstool"),
    "box": ("box", "crate"),
    "ring": ("ring", "hoop"),
}
"""Each kind's nouns, the usual one first."""

_PLURALS = {
    "fish": "fish", "puppy": "puppies", "box": "boxes", "lorry": "lorries",
    "butterfly": "butterflies",
}  # fmt: skip

COLOUR_WORDS: dict[str, tuple[str, ...]] = {
    "red": ("red",), "orange": ("orange",), "yellow": ("yellow",), "green": ("green",),
    "blue": ("blue",), "purple": ("purple", "violet"), "pink": ("pink",), "brown": ("brown",),
    "black": ("black",), "white": ("white",),
}  # fmt: skip
SIZE_WORDS = {"small": ("small", "little"), "large": ("large", "big")}
NUMBERS = {2: ("two", "a pair of"), 3: ("three",), 4: ("four",)}
RELATION_WORDS: dict[str, tuple[str, ...]] = {
    "left": ("left of", "to the left of", "on the left of"),
    "right": ("right of", "to the right of", "on the right of"),
    "above": ("above", "over", "higher than"),
    "below": ("below", "under", "beneath"),
    "inside": ("inside", "in", "within"),
    "around": ("around", "surrounding"),
    "on": ("on", "on top of", "standing on"),
    "under": ("supporting", "carrying"),
    "beside": ("beside", "next to"),
}
PLACES: dict[str, tuple[str, ...]] = {
    "plain": ("on a plain background", "against a plain wall"),
    "sky": ("in the sky", "in the air"),
    "grass": ("on the grass", "in a meadow"),
    "sand": ("on the sand", "at the beach"),
    "water": ("on the water", "at sea"),
    "night": ("at night", "in the dark"),
    "room": ("in a room", "indoors"),
}
OPENINGS = (
    "there is", "there are", "a picture of", "a drawing of", "an image of", "here is", "here are",
)  # fmt: skip
CONNECTORS = ("and", "with", "also")
COPULAS = ("is", "are")


class CaptionError(ValueError):
    """A text that is no caption of this grammar."""


@dataclass(frozen=True, slots=True)
class NounPhrase:
    """Meaning of a noun phrase. `count` 0 is a bare plural: two or more."""

    kind: str
    colour: str | None = None
    size: str | None = None
    count: int = 1
    definite: bool = False

    def named(self, scene: Scene) -> tuple[Thing, ...]:
        """Things of the scene that fit."""
        return tuple(
            t
            for t in scene.things
            if t.kind == self.kind
            and self.colour in (None, t.colour)
            and self.size in (None, t.size)
        )

    def holds(self, scene: Scene) -> bool:
        number = len(self.named(scene))
        if self.definite:
            return number >= 1
        return number >= 2 if self.count == 0 else number == self.count


@dataclass
class Reading:
    """Meaning of a caption: noun phrases, relations between them, and places; and for each in
    turn the words that express it, as (first, behind the last)."""

    phrases: list[NounPhrase] = field(default_factory=list)
    relations: list[tuple[NounPhrase, str, NounPhrase]] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    phrase_words: list[Words] = field(default_factory=list)
    relation_words: list[Words] = field(default_factory=list)
    place_words: list[Words] = field(default_factory=list)


class Token(NamedTuple):
    """A phrase of the lexicon in a caption: its sort, its meaning, and its words."""

    sort: str
    value: str | int
    words: Words


Words = tuple[int, int]
Entry = tuple[str, str | int]


def plural(noun: str) -> str:
    return _PLURALS.get(noun, noun + "s")


@cache
def _lexicon() -> dict[tuple[str, ...], Entry]:
    """Every phrase of the language as words, with its meaning."""
    entries: dict[str, Entry] = {
        "a": ("number", 1), "an": ("number", 1), "one": ("number", 1), "the": ("the", 0),
    }  # fmt: skip
    for kind, nouns in NOUNS.items():
        for noun in nouns:
            entries[plural(noun)] = ("plural", kind)
            entries[noun] = ("noun", kind)
    for sort, table in (
        ("colour", COLOUR_WORDS),
        ("size", SIZE_WORDS),
        ("relation", RELATION_WORDS),
        ("place", PLACES),
    ):
        entries |= {text: (sort, meaning) for meaning, texts in table.items() for text in texts}
    entries |= {text: ("number", number) for number, texts in NUMBERS.items() for text in texts}
    for sort, texts in (
        ("opening", OPENINGS), ("connector", CONNECTORS), ("copula", COPULAS),
    ):  # fmt: skip
        entries |= {text: (sort, text) for text in texts}
    return {tuple(text.split()): token for text, token in entries.items()}


@cache
def vocabulary() -> list[str]:
    """Every word that a caption can hold, sorted, lower case."""
    return sorted({word for words in _lexicon() for word in words})


_MAX_PHRASE_WORDS = 4


def _tokens(caption: str, *, skip_unknown: bool = False) -> list[Token]:
    words, lexicon, i = caption.lower().split(), _lexicon(), 0
    tokens: list[Token] = []
    while i < len(words):
        for length in range(min(_MAX_PHRASE_WORDS, len(words) - i), 0, -1):
            entry = lexicon.get(tuple(words[i : i + length]))
            if entry is not None:
                tokens.append(Token(*entry, (i, i + length)))
                i += length
                break
        else:
            if not skip_unknown:
                raise CaptionError(f"{words[i]!r} is no word of a caption here: {caption!r}")
            tokens.append(Token("unknown", words[i], (i, i + 1)))
            i += 1
    return tokens


class _PhraseBuilder:
    """Collects the words of one noun phrase until its noun."""

    def __init__(self) -> None:
        self.parts: dict[str, str | int] = {}

    def add(self, sort: str, value: str | int) -> None:
        if sort in self.parts:
            raise CaptionError(f"{value!r} comes after another {sort} in the same noun phrase")
        self.parts[sort] = value

    def finish(self, kind: str, *, is_plural: bool) -> NounPhrase:
        colour, size = self.parts.get("colour"), self.parts.get("size")
        number = self.parts.get("number", 0 if is_plural and kind != "fish" else 1)
        phrase = NounPhrase(
            kind,
            None if colour is None else str(colour),
            None if size is None else str(size),
            int(number),
            "the" in self.parts,
        )
        self.parts = {}
        return phrase


def read(caption: str) -> Reading:
    """Parse a caption. Raises CaptionError for a text that is no caption of this grammar."""
    reading, builder = Reading(), _PhraseBuilder()
    subject: NounPhrase | None = None
    pending: Token | None = None
    begin = 0  # of the noun phrase
    for token in _tokens(caption):
        sort, value, words = token
        if sort in ("number", "the", "colour", "size", "noun", "plural") and not builder.parts:
            begin = words[0]
        if sort in ("number", "the", "colour", "size"):
            builder.add(sort, value)
            continue
        if sort in ("noun", "plural"):
            phrase = builder.finish(str(value), is_plural=sort == "plural")
            reading.phrases.append(phrase)
            reading.phrase_words.append((begin, words[1]))
            if pending is None:
                subject = phrase
            elif subject is not None:
                reading.relations.append((subject, str(pending.value), phrase))
                reading.relation_words.append(pending.words)
                pending = None
            continue
        if builder.parts:
            raise CaptionError(f"a noun phrase ends without its noun in {caption!r}")
        if sort == "relation":
            if subject is None or pending is not None:
                raise CaptionError(f"a relation stands without its first thing in {caption!r}")
            pending = token
        elif sort == "place":
            reading.places.append(str(value))
            reading.place_words.append(words)
    if builder.parts or pending is not None or not (reading.phrases or reading.places):
        raise CaptionError(f"the caption {caption!r} is not complete")
    return reading


def truths_of_words(reading: Reading, scene: Scene) -> dict[Words, bool]:
    """Tell which words are true of the scene and which are false. A relation of things that are
    not there is neither."""
    truths = {
        words: phrase.holds(scene)
        for phrase, words in zip(reading.phrases, reading.phrase_words, strict=True)
    }
    for place, words in zip(reading.places, reading.place_words, strict=True):
        truths[words] = place == scene.background
    for (first, relation, second), words in zip(
        reading.relations, reading.relation_words, strict=True
    ):
        a, b = first.named(scene), second.named(scene)
        if a and b:
            truths[words] = not set(a) & set(b) and relation in relations(a, b)
    return truths


def holds(reading: Reading, scene: Scene) -> bool:
    """Whether the whole reading is true of the scene."""
    if any(place != scene.background for place in reading.places):
        return False
    if not all(phrase.holds(scene) for phrase in reading.phrases):
        return False
    for first, relation, second in reading.relations:
        a, b = first.named(scene), second.named(scene)
        if set(a) & set(b) or relation not in relations(a, b):
            return False
    return True


def is_true(caption: str, scene: Scene) -> bool:
    """Exact truth of a caption for a scene: kinds, colours, sizes, counts, relations, place.

    A text outside the grammar (an unknown word, a phrase cut short) states nothing that could be
    true, and is False; `read` says what is wrong with it.
    """
    try:
        reading = read(caption)
    except CaptionError:
        return False
    return holds(reading, scene)


def named_things(caption: str) -> Counter[tuple[str, str]]:
    """(colour, kind) of the things a caption names, with their counts, synonyms resolved.

    Reads any text leniently, generated ones too: words that form no noun phrase are passed over;
    definite phrases ("the car") refer back and count nothing; the colour is '' where none is
    said; a plural without a number counts two.
    """
    counts: Counter[tuple[str, str]] = Counter()
    parts: dict[str, str | int] = {}
    for sort, value, _ in _tokens(caption, skip_unknown=True):
        if sort in ("number", "the", "colour", "size"):
            parts[sort] = value
            continue
        if sort in ("noun", "plural") and "the" not in parts:
            bare = 2 if sort == "plural" and value != "fish" else 1
            counts[str(parts.get("colour", "")), str(value)] += int(parts.get("number", bare))
        parts = {}
    return counts
