"""Verify that every quote of a saved answer is literally in the guide's own files."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from assistant.errors import IndexMissing, VerifyError
from assistant.guide.page import read_page
from assistant.guide.publishers import ReadingOptions
from assistant.guide.walk import list_files
from assistant.index.index import open_index
from assistant.models import wire
from assistant.models.answers import OVERVIEW, REFUSAL, Block

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from assistant.models.documents import Passage

_NAME_GUIDE_HINT = "Name the guide that was asked and its index: --corpus FOLDER --index FOLDER."
_ASK_AGAIN_HINT = "Ask again, and trust the new answer."


def verify_saved_answer(answer: Mapping[str, Any], corpus: Path, folder: Path) -> int:
    """Verify an answer against a guide's files and return its number of quotes.

    Reads the files with the options that the index was built with. Raises VerifyError at the first
    quote that is not there; the message says so where the answer is from another index.
    """
    options, generation = ReadingOptions(), ""
    with suppress(IndexMissing):
        index = open_index(folder)
        options, generation = index.reading_options, index.generation
    pages = frozenset(list_files(corpus).paths)
    checked: set[str] = set()

    def read(path: str) -> tuple[str, Sequence[Passage]]:
        checked.add(path)
        if path not in pages:
            message = f"There is no page {path[:200]!a} in {corpus}."
            raise VerifyError(message, _NAME_GUIDE_HINT)
        parsed = read_page(corpus, path, reading_options=options)
        return parsed.page.sha256, parsed.passages

    try:
        return verify_answer(answer, read)
    except VerifyError as error:
        answered_from = answer["generation"] if checked and "generation" in answer else generation
        if answered_from == generation or not generation:
            raise
        message = (
            f"{error.message} The answer is from another guide, or from another version of this "
            f"one: it is from generation {str(answered_from)[:40]!a}, the index in {folder} is "
            f"{generation!a}."
        )
        raise VerifyError(message, _NAME_GUIDE_HINT) from error


def verify_answer(
    answer: Mapping[str, Any], read_passages: Callable[[str], tuple[str, Sequence[Passage]]]
) -> int:
    """Verify an answer, as `Answer.to_dict` writes it, and return its number of quotes.

    `read_passages` returns a page's sha256 and passages by its path. Raises VerifyError at the
    first citation that is not literally in its passage, at its span, in an unchanged page, and
    where the text has anything but its quotes and their markers.
    """
    try:
        claims = [_CitationClaim.from_dict(citation) for citation in answer["citations"]]
        text, is_answered = str(answer["text"]), bool(answer["found"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise VerifyError(
            f"This is not an answer: {type(error).__name__} at {error}.",
            "Save one with: assistant ask QUESTION --json",
        ) from error
    quotes = [f"{claim.quote} [{claim.n}]" for claim in claims]
    expected = {"\n\n".join(quotes)} if quotes else {REFUSAL, OVERVIEW}
    if text not in expected or is_answered != bool(quotes):
        raise VerifyError("The text is not made of its quotes alone.", _ASK_AGAIN_HINT)
    for claim in claims:
        claim.verify(*read_passages(claim.path))
    _verify_blocks(answer.get("blocks") or (), {claim.n: claim.quote for claim in claims})
    return len(claims)


def _verify_blocks(blocks: object, quotes: Mapping[int, str]) -> None:
    """Verify that the text of every block is in the quotes that it cites.

    Raises VerifyError at the first text that is not.
    """
    try:
        for block in wire.from_dict(_Blocks, {"blocks": blocks}).blocks:
            cited = "\n".join(quotes[n] for n in block.citations)
            cells = [*block.header, *(cell for row in block.rows for cell in row.cells)]
            for text in ("".join(span.text for span in cell) for cell in cells):
                if text not in cited:
                    message = f"A block has a text that its quotes do not have: {text[:80]!a}."
                    raise VerifyError(message, _ASK_AGAIN_HINT)
    except (KeyError, ValidationError) as error:
        raise VerifyError("The blocks are not those of an answer.", _ASK_AGAIN_HINT) from error


@dataclass(frozen=True, slots=True)
class _Blocks:
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class _CitationClaim:
    """A citation as an answer claims it."""

    n: int
    path: str
    passage: str
    quote: str
    start: int
    end: int
    sha256: str

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> _CitationClaim:
        start, end = data["span"]
        return cls(
            int(data["n"]),
            str(data["path"]),
            str(data["passage"]),
            str(data["quote"]),
            int(start),
            int(end),
            str(data["sha256"]),
        )

    def verify(self, sha256: str, passages: Iterable[Passage]) -> None:
        if sha256 != self.sha256:
            message = f"[{self.n}] {self.path} has changed since the answer."
            raise VerifyError(message, _ASK_AGAIN_HINT)
        passage = next((item for item in passages if item.id == self.passage), None)
        if passage is None:
            message = f"[{self.n}] There is no passage {self.passage}."
            raise VerifyError(message, _ASK_AGAIN_HINT)
        if not self.quote or self.start < 0 or passage.text[self.start : self.end] != self.quote:
            message = f"[{self.n}] The quote is not in {self.passage}."
            raise VerifyError(message, _ASK_AGAIN_HINT)
