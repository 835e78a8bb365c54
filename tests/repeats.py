"""Says where a pattern may take more than a time in proportion to its text, from its parse tree.

A repeat without a bound that fails is tried again at each shorter length. Two of them that can
match the same text share it out in every way there is: side by side that is the square of the
text's length, one inside the other it doubles with each character. `search` and its kin try each
place of a text, which is one more repeat, in front, that matches anything.

So a run of characters is dangerous where two repeats can both take it, and all that must stand
between them can be made of it too. A character between them that one of the two never takes, a
boundary that no such run has, an atomic group or a possessive repeat: each leaves one way only.
Where nothing behind the second repeat can fail, nothing is tried again.
"""

from __future__ import annotations

import re
import string
from dataclasses import dataclass, field
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MANY = 64
"""A repeat of more than this is without a bound."""

FEW = 4
"""Up to so many rounds of a repeat may each be read in two ways."""

_ALPHABET = frozenset(map(chr, range(256))) | frozenset(
    "’‘“”–—…\u2028\u3000\u0301\u05d0\u0905\u0e01\u4e00\u3042\uac00\ufeff\U0001f600\U0001f4d5\U000e0020"
)
_WORD = frozenset(char for char in _ALPHABET if char.isalnum() or char == "_")
_ASCII_WORD = frozenset(string.ascii_letters + string.digits + "_")
_SPACE = frozenset(char for char in _ALPHABET if char.isspace())
_ASCII_SPACE = frozenset(" \t\n\r\f\v")
_DIGIT = frozenset(char for char in _ALPHABET if char.isdecimal())

Chars = frozenset[str]


@dataclass(frozen=True, eq=False)
class One:
    """One character of a set."""

    chars: Chars


@dataclass(frozen=True, eq=False)
class Repeat:
    """A sequence over and over."""

    body: tuple[Node, ...]
    least: int
    most: int
    possessive: bool
    chars: Chars = field(default=frozenset())

    @property
    def unbounded(self) -> bool:
        return self.most > MANY


@dataclass(frozen=True, eq=False)
class Choice:
    """One sequence of several."""

    ways: tuple[tuple[Node, ...], ...]


@dataclass(frozen=True, eq=False)
class Atomic:
    """A sequence that is not tried again once it has matched."""

    body: tuple[Node, ...]


@dataclass(frozen=True, eq=False)
class Look:
    """A sequence that has to stand, or must not, before or behind a place."""

    body: tuple[Node, ...]
    behind: bool
    negative: bool


@dataclass(frozen=True, eq=False)
class Mark:
    """A place: the beginning or the end of the text or of a line, the boundary of a word."""

    kind: str


Node = One | Repeat | Choice | Atomic | Look | Mark
_ANYTHING = Repeat((One(_ALPHABET),), 0, 10**9, possessive=False, chars=_ALPHABET)


def risks(
    pattern: str | bytes, flags: int = 0, *, anywhere: bool = True, whole: bool = False
) -> list[str]:
    """Where two repeats share text; none for a pattern whose time is in proportion.

    `anywhere` is whether it is looked for at each place of a text, `whole` whether the text has
    to end with it.
    """
    text = pattern.decode("latin-1") if isinstance(pattern, bytes) else pattern
    tree = parser.parse(text, flags & ~re.DEBUG)
    flags = tree.state.flags | (re.ASCII if isinstance(pattern, bytes) else 0)
    nodes = _nodes(tree, flags)
    if whole:
        nodes = (*nodes, Mark("end"))
    result: list[str] = []
    if anywhere:
        result += _shared(_ANYTHING, nodes, "its place")
    for repeat, after, inside_many in _repeats(nodes, (), False):
        several = repeat.unbounded or (repeat.most > 1 and inside_many)
        if several and not repeat.possessive:
            result += _shared(repeat, after, _shown(repeat))
        if repeat.most > FEW:
            result += _ambiguous(repeat)
    return list(dict.fromkeys(result))


# -- the parse tree as nodes -----------------------------------------------------------------------


def _nodes(tree: Any, flags: int) -> tuple[Node, ...]:
    return tuple(node for item in tree for node in _node(*item, flags))


def _node(kind: Any, value: Any, flags: int) -> tuple[Node, ...]:
    if kind in (sre.LITERAL, sre.NOT_LITERAL, sre.ANY, sre.IN, sre.CATEGORY, sre.RANGE):
        return (One(_chars(kind, value, flags)),)
    if kind is sre.SUBPATTERN:
        _, added, dropped, body = value
        return _nodes(body, (flags | added) & ~dropped)
    if kind in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
        least, most, tree = value
        body = _nodes(tree, flags)
        own = frozenset[str]().union(*(_all_chars(node) for node in body))
        return (Repeat(body, least, int(most), kind is sre.POSSESSIVE_REPEAT, own),)
    if kind is sre.BRANCH:
        return (Choice(tuple(_nodes(way, flags) for way in value[1])),)
    if kind is sre.ATOMIC_GROUP:
        return (Atomic(_nodes(value, flags)),)
    if kind in (sre.ASSERT, sre.ASSERT_NOT):
        direction, tree = value
        return (Look(_nodes(tree, flags), direction < 0, kind is sre.ASSERT_NOT),)
    if kind is sre.AT:
        return (Mark(_place(value, flags)),)
    if kind is sre.GROUPREF:  # whatever its group has matched
        return (Repeat((One(_ALPHABET),), 0, 1, possessive=False, chars=_ALPHABET),)
    if kind is sre.GROUPREF_EXISTS:
        _, yes, no = value
        return (Choice((_nodes(yes, flags), _nodes(no or (), flags))),)
    raise NotImplementedError(f"{kind} in a pattern")


def _place(kind: Any, flags: int) -> str:
    if kind is sre.AT_BEGINNING:
        return "line begins" if flags & re.MULTILINE else "begin"
    if kind is sre.AT_END:
        return "line ends" if flags & re.MULTILINE else "end"
    names = {
        sre.AT_BEGINNING_STRING: "begin",
        sre.AT_END_STRING: "end",
        sre.AT_BOUNDARY: "boundary",
    }
    return names.get(kind, "anywhere")


def _chars(kind: Any, value: Any, flags: int) -> Chars:
    if kind is sre.IN:
        negated = value[0][0] is sre.NEGATE
        items = value[1:] if negated else value
        result = frozenset[str]().union(*(_chars(*item, flags) for item in items))
        return _ALPHABET - result if negated else result
    if kind is sre.ANY:
        return _ALPHABET if flags & re.DOTALL else _ALPHABET - {"\n"}
    if kind is sre.NOT_LITERAL:
        return _ALPHABET - _cases(chr(value), flags)
    if kind is sre.LITERAL:
        return _cases(chr(value), flags)
    if kind is sre.RANGE:
        first, last = value
        plain = {char for char in _ALPHABET if first <= ord(char) <= last} or {chr(first)}
        return frozenset[str]().union(*(_cases(char, flags) for char in plain))
    return _category(value, flags)


def _cases(char: str, flags: int) -> Chars:
    if not flags & re.IGNORECASE:
        return frozenset(char)
    return frozenset(case for case in (char, char.lower(), char.upper()) if len(case) == 1)


def _category(kind: Any, flags: int) -> Chars:
    ascii_only = bool(flags & re.ASCII)
    word, space = (_ASCII_WORD, _ASCII_SPACE) if ascii_only else (_WORD, _SPACE)
    digit = frozenset(string.digits) if ascii_only else _DIGIT
    return {
        sre.CATEGORY_WORD: word,
        sre.CATEGORY_NOT_WORD: _ALPHABET - word,
        sre.CATEGORY_SPACE: space,
        sre.CATEGORY_NOT_SPACE: _ALPHABET - space,
        sre.CATEGORY_DIGIT: digit,
        sre.CATEGORY_NOT_DIGIT: _ALPHABET - digit,
    }[kind]


def _all_chars(node: Node) -> Chars:
    """Every character that a node may take."""
    match node:
        case One(chars) | Repeat(chars=chars):
            return chars
        case Choice(ways):
            return frozenset[str]().union(*(_all_chars(part) for way in ways for part in way))
        case Atomic(body):
            return frozenset[str]().union(*map(_all_chars, body))
        case _:
            return frozenset()


# -- what is shared --------------------------------------------------------------------------------


def _repeats(
    nodes: Sequence[Node], after: tuple[Node, ...], inside_many: bool
) -> Iterator[tuple[Repeat, tuple[Node, ...], bool]]:
    """Each repeat, what comes after it up to where it is not tried again, and if it is inside one.

    Inside one of so few rounds that two readings of each do no harm is not inside.
    """
    for place, node in enumerate(nodes):
        rest = (*nodes[place + 1 :], *after)
        match node:
            case Repeat(body, _, most, possessive):
                yield node, rest, inside_many
                again = (Repeat(body, 0, most, possessive, node.chars),) if most > 1 else ()
                many = inside_many or most > FEW
                yield from _repeats(body, () if possessive else (*again, *rest), many)
            case Choice(ways):
                for way in ways:
                    yield from _repeats(way, rest, inside_many)
            case Atomic(body) | Look(body):
                yield from _repeats(body, (), False)


def _shared(first: Repeat, after: Sequence[Node], name: str) -> Iterator[str]:
    """What comes after a repeat and can take the same run, up to each one that does."""
    for second, path, rest in _later(after, ()):
        nested = second.body is first.body
        if not nested and not (first.unbounded and second.unbounded):
            continue
        chars = first.chars & second.chars
        contents = (*first.body, *second.body)
        if chars and all(_passes(part, chars) for part in (*contents, *path)):
            if nested and not path:
                continue  # the same repeat going on
            if nested or any(map(_can_fail, rest)):
                yield f"{name} and {_shown(second)} can both take {_sample(chars)}"


def _later(
    nodes: Sequence[Node], path: tuple[Node, ...]
) -> Iterator[tuple[Repeat, tuple[Node, ...], tuple[Node, ...]]]:
    """Each repeat in a sequence, with all that stands before it and all that follows."""
    for place, node in enumerate(nodes):
        rest = tuple(nodes[place + 1 :])
        before = (*path, *nodes[:place])
        match node:
            case Repeat(body):
                yield node, before, rest
                inside = [body]
            case Choice(ways):
                inside = list(ways)
            case Atomic(body) | Look(body):
                inside = [body]
            case _:
                inside = []
        for body in inside:
            for result, way, following in _later(body, before):
                yield result, way, (*following, *rest)


def _passes(node: Node, chars: Chars) -> bool:
    """Whether a node can be got past with these characters alone, inside a run of them."""
    match node:
        case One(own):
            return bool(own & chars)
        case Repeat(body, least):
            return least == 0 or all(_passes(part, chars) for part in body)
        case Choice(ways):
            return any(all(_passes(part, chars) for part in way) for way in ways)
        case Atomic(body):
            return all(_passes(part, chars) for part in body)
        case Look(body, behind, negative):
            before = [part.chars for part in body if isinstance(part, One)]
            if not behind:
                return True
            if negative:
                return len(before) != len(body) or any(chars - own for own in before)
            return all(chars & own for own in before)
        case Mark("boundary"):
            return bool(chars & _WORD) and bool(chars - _WORD)
        case Mark("line begins" | "line ends"):
            return "\n" in chars
        case Mark("begin" | "end"):
            return False
        case _:
            return True


def _can_fail(node: Node) -> bool:
    match node:
        case Repeat(body, least):
            return least > 0 and any(map(_can_fail, body))
        case Choice(ways):
            return all(any(map(_can_fail, way)) for way in ways)
        case Atomic(body):
            return any(map(_can_fail, body))
        case _:
            return True


def _ambiguous(repeat: Repeat) -> Iterator[str]:
    """What lets a run of rounds of a repeat be read in two ways."""
    if not any(map(_can_fail, repeat.body)):
        yield f"{_shown(repeat)} repeats what may be empty"
    elif not repeat.possessive and len(repeat.body) + len(_rounds(repeat.body)) > 2:
        rounds = _rounds(repeat.body)
        if len(rounds) != len(set(rounds)) or _read_twice(sorted(set(rounds), key=len)):
            yield f"the rounds of {_shown(repeat)} can be read in two ways"


Round = tuple[Chars, ...]


def _rounds(body: Sequence[Node]) -> list[Round]:
    """What one round of a repeat may be: the characters at each place, of longer repeats a few."""
    result: list[Round] = [()]
    for node in body:
        result = [(*begun, *own) for begun in result for own in _ways(node)]
    return result


def _ways(node: Node) -> list[Round]:
    match node:
        case One(chars):
            return [(chars,)]
        case Choice(ways):
            return [own for way in ways for own in _rounds(way)]
        case Atomic(body):
            return _rounds(body)
        case Repeat(body, least, most):
            counts = range(least, min(most, least + 1) + 1)
            own = _rounds(body)
            if len(own) > 1 and least + 1 > 2:
                own = own[:2]
            result: list[Round] = []
            for count in counts:
                rounds: list[Round] = [()]
                for _ in range(count):
                    rounds = [(*begun, *one) for begun in rounds for one in own]
                result += rounds
            return result
        case _:
            return [()]


def _read_twice(rounds: Sequence[Round]) -> bool:
    """Whether two different runs of rounds can be the same text (after Sardinas and Patterson).

    What is left over when one round is the beginning of another has to be begun by a round again.
    """
    by_first: dict[str, list[Round]] = {}
    for one in rounds:
        for char in one[0]:
            by_first.setdefault(char, []).append(one)
    left = {
        rest
        for number, one in enumerate(rounds)
        for other in rounds[number + 1 :]
        if (rest := _left_over(one, other)) is not None
    }
    observed: set[Round] = set()
    while left:
        rest = left.pop()
        if not rest:
            return True
        if rest in observed:
            continue
        observed.add(rest)
        near = {id(one): one for char in rest[0] for one in by_first.get(char, ())}
        for one in near.values():
            after = _left_over(one, rest)
            if after is not None:
                left.add(after)
    return False


def _left_over(one: Round, other: Round) -> Round | None:
    """What one has more than the other; None where they do not begin alike."""
    if all(mine & theirs for mine, theirs in zip(one, other, strict=False)):
        longer, shorter = (one, other) if len(one) > len(other) else (other, one)
        return longer[len(shorter) :]
    return None


def _sample(chars: Chars) -> str:
    return repr("".join(sorted(chars, key=lambda char: (not char.isprintable(), char))[:6]))


def _shown(repeat: Repeat) -> str:
    size = len(repeat.chars)
    return f"a repeat of {_sample(repeat.chars)}" + (f" and {size - 6} more" if size > 6 else "")
