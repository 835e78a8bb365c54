"""Verify that every quote of a saved answer is literally in the guide's own files."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from assistant.answering.blocks import SpanCutter, find_marker
from assistant.errors import IndexMissing, VerifyError
from assistant.guide.links import LinkResolver
from assistant.guide.page import read_page
from assistant.guide.publishers import ReadingOptions
from assistant.guide.walk import list_files
from assistant.index.index import open_index
from assistant.models import wire
from assistant.models.answers import OVERVIEW, REFUSAL, Block
from assistant.models.documents import PageLinks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from assistant.answering.blocks import ResolvePage
    from assistant.models.answers import BlockRow, Cell
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

    resolver = LinkResolver(PageLinks(path, "", (), ()) for path in pages)

    def resolve_page(origin: str, address: str) -> str | None:
        path = resolver.resolve(origin, address)
        return read_page(corpus, path, reading_options=options).page.url if path else None

    def read(path: str) -> tuple[str, Sequence[Passage]]:
        checked.add(path)
        if path not in pages:
            message = f"There is no page {path[:200]!a} in {corpus}."
            raise VerifyError(message, _NAME_GUIDE_HINT)
        parsed = read_page(corpus, path, reading_options=options)
        return parsed.page.sha256, parsed.passages

    try:
        return verify_answer(answer, read, resolve_page)
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


def _resolve_nothing(_origin: str, _address: str) -> None:
    return None


def verify_answer(
    answer: Mapping[str, Any],
    read_passages: Callable[[str], tuple[str, Sequence[Passage]]],
    resolve_page: ResolvePage = _resolve_nothing,
) -> int:
    """Verify an answer, as `Answer.to_dict` writes it, and return its number of quotes.

    `read_passages` returns a page's sha256 and passages by its path; `resolve_page` the page that
    an address on a page means. Raises VerifyError at the first citation that is not literally in
    its passage, at its span, in an unchanged page; where the text has anything but its quotes and
    their markers; and where a block has a text, link, style, marker or total of its own.
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
    sources = {
        claim.n: _Source(claim, claim.verify(*read_passages(claim.path)), resolve_page)
        for claim in claims
    }
    _verify_blocks(answer.get("blocks") or (), sources)
    return len(claims)


def _verify_blocks(blocks: object, sources: Mapping[int, _Source]) -> None:
    """Verify that every block is in the quotes that it cites, as it is there.

    Raises VerifyError at the first that is not.
    """
    try:
        for block in wire.from_dict(_Blocks, {"blocks": blocks}).blocks:
            cited = [sources[number] for number in block.citations]
            if block.header and not any(s.has_row("header", block.header) for s in cited):
                raise _block_error(block.header)
            for row in block.rows:
                own = [sources[row.citation]] if row.citation else cited
                if not any(source.has(block, row) for source in own):
                    raise _block_error(row.cells)
            if block.total and not any(source.has_total(block) for source in cited):
                message = f"No {block.kind} of the guide that is cited has {block.total:,} entries."
                raise VerifyError(message, _ASK_AGAIN_HINT)
    except (KeyError, ValidationError) as error:
        raise VerifyError("The blocks are not those of an answer.", _ASK_AGAIN_HINT) from error


def _without_empty(cells: Sequence[Cell]) -> Sequence[Cell]:
    return [cell for cell in cells if any(span.text for span in cell)]


def _block_error(cells: Iterable[Cell]) -> VerifyError:
    text = " | ".join("".join(span.text for span in cell) for cell in cells)
    message = f"A block has a text, a link or a style that its quotes do not have: {text[:80]!a}."
    return VerifyError(message, _ASK_AGAIN_HINT)


@dataclass(frozen=True, slots=True)
class _Source:
    """A verified quote, and its passage as the file has it."""

    claim: _CitationClaim
    passage: Passage
    resolve_page: ResolvePage

    def has(self, block: Block, row: BlockRow) -> bool:
        """Whether the quote has a row of a block, with its links, styles and marker."""
        if block.kind == "table":
            kinds = ("row", "header")
            return any(
                self.has_row(kind, row.cells, has_header=bool(block.header)) for kind in kinds
            )
        if len(row.cells) != 1:
            return False
        (cell,) = row.cells
        text = "".join(span.text for span in cell)
        cutter = SpanCutter(self.passage, self.resolve_page)
        return any(
            _is_proven(cell, cutter.cut(start, start + len(text)))
            and (not row.marker or self._has_marker(start, row))
            for start in self._find(text)
        )

    def has_row(self, kind: str, cells: Sequence[Cell], *, has_header: bool = True) -> bool:
        """Whether the quote has a row of a table with these cells.

        Under a header the empty ones count too: they say which column a cell belongs to.
        """
        cutter = SpanCutter(self.passage, self.resolve_page)
        rows: Iterator[Sequence[Cell]] = (
            cutter.cut_row(sentence)
            for sentence in self.passage.sentences
            if sentence.kind == kind
            and self.claim.start <= sentence.start
            and sentence.end <= self.claim.end
        )
        if not has_header:
            cells, rows = _without_empty(cells), map(_without_empty, rows)
        return any(len(row) == len(cells) and all(map(_is_proven, cells, row)) for row in rows)

    def has_total(self, block: Block) -> bool:
        """Whether the passage has a list or a table of this length."""
        return any((g.kind, g.total) == (block.kind, block.total) for g in self.passage.groups)

    def _find(self, text: str) -> Iterator[int]:
        """Yield where a text is in the quote."""
        start = self.passage.text.find(text, self.claim.start, self.claim.end) if text else -1
        while start >= 0:
            yield start
            start = self.passage.text.find(text, start + 1, self.claim.end)

    def _has_marker(self, start: int, row: BlockRow) -> bool:
        return any(
            sentence.start == start and find_marker(self.passage, n) == (row.marker, row.level)
            for n, sentence in enumerate(self.passage.sentences)
        )


def _is_proven(claimed: Cell, actual: Cell) -> bool:
    """Whether a text has the links and the styles that are claimed, which need not be all."""
    if "".join(span.text for span in claimed) != "".join(span.text for span in actual):
        return False
    proofs = [span for span in actual for _ in span.text]  # of each character
    at = 0
    for span in claimed:
        own = proofs[at : at + len(span.text)]
        at += len(span.text)
        if any(span.url not in {"", proof.url} for proof in own):
            return False
        if any(not set(span.styles) <= set(proof.styles) for proof in own):
            return False
    return True


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

    def verify(self, sha256: str, passages: Iterable[Passage]) -> Passage:
        """Return the passage that has the quote. Raises VerifyError where none has."""
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
        return passage
