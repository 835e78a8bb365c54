"""Render answers as Markdown with footnotes, and parse such a text as an earlier turn."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assistant.models.answers import OVERVIEW, REFUSAL, Turn
from assistant.render import catalogue, urls
from assistant.render.blocks_markdown import (
    blank_code,
    render_blocks,
    render_link,
    strip_markdown,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from assistant.index.store import FaissStore
    from assistant.models.answers import Answer, Citation
    from assistant.models.documents import Passage, Resource
    from assistant.render.catalogue import Messages

MAX_FOOTNOTES = 100
"""The most footnotes of a turn that are parsed; no answer has as many."""

PARAGRAPH_BREAK = "\n\n"
"""The separator of two paragraphs."""

# Brackets in a label follow a backslash, so that every line can be parsed in one way only.
_LABEL_PATTERN = r"((?:[^\[\]\\]|\\.)*+)"
_DASH = " — "
_FOOTNOTE = re.compile(
    rf"\[\^(\d{{1,3}})\]: {_LABEL_PATTERN}(?<={_DASH})\[{_LABEL_PATTERN}\]\(\S*\)"
)
_MARKER = re.compile(r" ?\[\^\d+\]")
_LABEL_SPECIALS = re.compile(r"([\[\]\\<])")
_PIECE_END = re.compile(r"\n+|(?<=\s)\|(?=\s)")
_ITEM_MARKER = re.compile(r"^\s*(?:[-*+•]|\(?\w{1,4}[.)])\s+")


@dataclass(frozen=True, slots=True)
class MarkdownRenderer:
    """Renders and parses answers over one guide, in one language.

    `base_url` is the origin of this server, and the path it is published under.
    """

    store: FaissStore
    messages: Messages
    base_url: str = ""

    def render_answer(self, answer: Answer) -> list[str]:
        """Return the paragraphs in order: quotes with markers, resources and footnotes.

        An answer without quotes is the refusal and the nearest sections.
        """
        paragraphs = list(render_blocks(answer, "[^{}]", self.base_url))
        if not answer.found:
            key = "ask_a_question" if answer.is_overview else "no_answer"
            paragraphs.append(self.messages(key))
        if note := catalogue.describe_missing(answer, self.messages):
            paragraphs.append(note)
        if answer.resources:
            paragraphs.append(
                self._render_list("recommended", map(self._render_resource, answer.resources))
            )
        if answer.related and not answer.found:
            nearest = (
                _render_link(
                    " > ".join(section.headings),
                    urls.section_url(section.path, section.anchor, section.url, self.base_url),
                )
                for section in answer.related
            )
            key = "covers" if answer.is_overview else "nearest"
            paragraphs.append(self._render_list(key, nearest))
        if answer.is_overview and answer.next_questions:
            questions = map(_escape_label, answer.next_questions)
            paragraphs.append(self._render_list("next_questions", questions))
        if answer.citations:
            paragraphs.append("\n".join(map(self._render_footnote, answer.citations)))
        return paragraphs

    def parse_turn(self, text: str) -> Turn:
        """Parse an earlier message as an answer with its sources; return any other text unchanged.

        An answer ends with its footnotes, numbered from 1.
        """
        lines = text.replace("\r\n", "\n").rstrip().split("\n")
        notes: list[re.Match[str]] = []
        while lines and (note := _FOOTNOTE.fullmatch(lines[-1])):
            notes.append(note)
            lines.pop()
        notes.reverse()
        body = "\n".join(lines).rstrip("\n")
        opening = body.partition(PARAGRAPH_BREAK)[0]
        if opening in _messages("no_answer"):
            return Turn("agent", REFUSAL)
        if opening in _messages("ask_a_question"):
            return Turn("agent", OVERVIEW)
        in_order = [int(note[1]) for note in notes] == list(range(1, len(notes) + 1))
        quotes = _split_quotes(body, len(notes)) if in_order and len(notes) <= MAX_FOOTNOTES else []
        if not quotes:
            return Turn("agent", _MARKER.sub("", body))
        texts = (
            f"{text} {' '.join(f'[{n}]' for n in numbers)}".strip() for numbers, text in quotes
        )
        sources = (
            source
            for numbers, text in quotes
            for source in self._find_sources(text, [notes[n - 1] for n in numbers])
        )
        return Turn("agent", PARAGRAPH_BREAK.join(texts), tuple(sources))

    def _render_footnote(self, citation: Citation) -> str:
        headings = _escape_label(" > ".join(citation.headings))
        page = _render_link(citation.path, urls.citation_url(citation, self.base_url))
        return f"[^{citation.n}]: {headings} — {page}"

    def _render_resource(self, resource: Resource) -> str:
        kind = self.messages(resource.kind)
        if resource.minutes:
            kind += f", {self.messages('minutes', n=resource.minutes)}"
        address = urls.resource_url(resource, self.store, self.base_url)
        return f"{_render_link(resource.title, address)} ({kind})"

    def _render_list(self, heading: str, items: Iterable[str]) -> str:
        return "\n".join((f"{self.messages(heading)}:\n", *(f"- {item}" for item in items)))

    def _find_sources(self, quote: str, notes: Sequence[re.Match[str]]) -> Iterator[str]:
        """Yield the ids of the passages with a quote, found by their headings.

        The lines and cells of the quote are compared, without their markers. A table may be from
        several passages, of which each has a part.
        """
        pieces = [_ITEM_MARKER.sub("", piece).strip(" |") for piece in _PIECE_END.split(quote)]
        pieces = [piece for piece in pieces if piece]
        has_quote = all if len(notes) == 1 else any
        taken: set[str] = set()
        for note in notes:
            headings = _unescape_label(note[2].removesuffix(_DASH))
            passages = self._passages_under(headings, _unescape_label(note[3]))
            ids = [p.id for p in passages if has_quote(piece in p.text for piece in pieces)]
            if source := next((own for own in ids if own not in taken), next(iter(ids), "")):
                taken.add(source)
                yield source

    def _passages_under(self, headings: str, path: str) -> Iterator[Passage]:
        for section in self.store.sections(path):
            if " ".join(" > ".join(section.headings).split()) == headings:
                for _, passage in self.store.section_passages(path, section.anchor):
                    yield passage


def _split_quotes(body: str, count: int) -> list[tuple[list[int], str]]:
    """Split a text after the markers 1 to `count`; markers that follow one another share a text.

    Empty where a marker is missing.
    """
    quotes: list[tuple[list[int], str]] = []
    at, text = 0, blank_code(body)
    for n in range(1, count + 1):
        marker = re.compile(rf"(?:^|\s)\[\^{n}\](?=\s|$)").search(text, at)
        if not marker:
            return []
        quote_text = strip_markdown(body[at : marker.start()].strip())
        if quotes and not quote_text:
            quotes[-1][0].append(n)
        else:
            quotes.append(([n], quote_text))
        at = marker.end()
    return quotes


def _messages(key: str) -> Sequence[str]:
    """Return a message in every language."""
    return [catalogue.choose_messages("", language)(key) for language in catalogue.languages()]


def _render_link(words: str, url: str) -> str:
    return render_link(_escape_label(words), url)


def _escape_label(words: str) -> str:
    """Return text on one line that cannot end the link around it or begin an element."""
    return _LABEL_SPECIALS.sub(r"\\\1", " ".join(words.split()))


def _unescape_label(label: str) -> str:
    return re.sub(r"\\(.)", r"\1", label)
