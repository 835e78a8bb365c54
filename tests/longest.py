"""Texts that once took minutes, and others drawn from the words of the patterns themselves."""

from __future__ import annotations

from dataclasses import dataclass
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import TYPE_CHECKING, Any

from assistant.answering import suggestions
from assistant.guide import front_matter, page, resources
from assistant.query import follow_ups, politeness, question_type
from assistant.readers import dialects, markdown, mdx
from tests.patterns import compiled

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable, Iterator

ASKING = (question_type, politeness, follow_ups, suggestions)
READING = (dialects, front_matter, page, markdown, mdx, resources)

SHAPES = {
    "how are and": ("how are ", "and "),
    "how are and acronyms": ("how are ", "and ", "PM "),
    "questions": ("how do I decide what to build next when there are many ideas ",),
    "differences": ("difference between ", "a "),
    "tell": ("tell me ",),
    "parts": ("what is PM and how is PO? ",),
    "joined parts": ("and what is PM ",),
    "question marks": ("x", "?"),
    "commas": ("x", ", "),
    "dashes": ("a - ",),
    "thanks": ("x ", "thanks, please, "),
    "greetings": ("hi hello so please ",),
    "politeness": ("can you please help me get some more info on ",),
    "a bit more": ("tell me a bit more a bit more ",),
    "kinds": ("types of ", "a "),
    "who it is": ("is it ", "they that "),
    "names": ("Anna of the ", "Bert. anna "),
    "acronyms": ("PM/PO/",),
    "paths": ("a/b/",),
    "unknown words": tuple(f"gr{a}{b}ality{a} " for a in "aeiouy" for b in "bcdfghjklm"),
    "code": ("foo.bar(baz)_x/y-z ",),
    "spaces": ("a", " "),
    "lines": ("how are\n", "\n"),
    "a script without spaces": ("中文",),
    "marks on letters": ("a\u0301", "\u0905"),
    "initials": ("P.M. ", "a."),
    "brackets": ("x (", "x) "),
    "one word": ("x",),
}


def text(shape: str, size: int) -> str:
    """Return a text of so many characters, in which each fragment is equally frequent."""
    return repeated(SHAPES[shape], size)


def repeated(fragments: Iterable[str], size: int) -> str:
    parts = list(fragments)
    each = max(1, size // len(parts))
    return "".join(part * (each // len(part) + 1) for part in parts)[:size]


@dataclass(frozen=True)
class Drawn:
    """A text that grows: a prefix, a repeated unit, and another repeated unit after it."""

    before: str
    unit: str
    between: str
    other: str
    after: str

    def __call__(self, size: int) -> str:
        room = max(0, size - len(self.before) - len(self.between) - len(self.after))
        half = room // 2 if self.other else room
        unit = (self.unit * (half // len(self.unit) + 1))[:half]
        other = (self.other * (half // len(self.other) + 1))[:half] if self.other else ""
        return (self.before + unit + self.between + other + self.after)[:size]


def drawn(rng: random.Random, modules: Iterable[Any] = ASKING) -> Drawn:
    """Draw a text from the words that the patterns of some modules match."""
    known = fragments(tuple(modules))

    def some(least: int, most: int) -> str:
        return "".join(rng.choice(known) for _ in range(rng.randint(least, most)))

    return Drawn(some(0, 3), some(1, 3), some(0, 1), some(1, 3) * rng.randint(0, 1), some(0, 2))


OTHER = (
    *" \n\t,;:.?!'\"()[]{}<>|/\\-_=+*#&%^~`",
    *("PM ", "PO ", "A", "a", "x", "1", "2.0 ", "Anna ", "the cat ", "é", "中", "’", "“", "—"),
    "\u0301",
    *("foo.bar()", "a_b", "--", "?? ", ", ", "    ", "\n\n"),
)  # fmt: skip
_known: dict[tuple[Any, ...], list[str]] = {}


def fragments(modules: tuple[Any, ...]) -> list[str]:
    """Return the words and marks in the patterns of some modules, and others."""
    if modules not in _known:
        literals = {
            literal
            for module in modules
            for name, value in vars(module).items()
            for _, pattern in compiled(value, name)
            for literal in _literals(parser.parse(_text(pattern.pattern), pattern.flags))
        }
        words = sorted(literals - {""})
        _known[modules] = [*words, *(f"{word} " for word in words if word[-1].isalpha()), *OTHER]
    return _known[modules]


def _text(pattern: str | bytes) -> str:
    return pattern if isinstance(pattern, str) else pattern.decode("latin-1")


def _literals(tree: Any) -> Iterator[str]:
    """Yield the runs of plain characters in a parse tree."""
    run = ""
    for kind, value in tree:
        if kind is sre.LITERAL:
            run += chr(value)
            continue
        yield run
        run = ""
        for inner in value if isinstance(value, tuple) else (value,):
            yield from _inside(inner)
    yield run


def _inside(value: Any) -> Iterator[str]:
    if isinstance(value, parser.SubPattern):
        yield from _literals(value)
    elif isinstance(value, list):
        for part in value:
            yield from _inside(part)
