"""Render questions and answers as HTML, for the chat, the widget and the page of an answer.

The output is one line of harmless elements with all text escaped, so that it can stand in a
paragraph of Markdown and pass a sanitiser unchanged.
"""

from __future__ import annotations

import html
import itertools
import re
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from assistant.render import catalogue, urls
from assistant.render.blocks_html import BlockRenderer
from assistant.render.blocks_markdown import render_blocks
from assistant.render.escape import LINE_ENDS, escape, render_link
from assistant.text.normalize import normalise

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from assistant.index.store import FaissStore
    from assistant.models.answers import Answer, Citation
    from assistant.models.documents import Resource
    from assistant.render.catalogue import Messages

CONTEXT_CHARS = 500
"""Characters of a passage shown before and after a quote."""

MAX_QUESTION_CHARS = 300
"""The most characters of a question that are shown."""


@dataclass(frozen=True, slots=True)
class Branding:
    """What all pages share: the guide's title, its logo and the address of its feedback form.

    `root` is the path they are published under; `logo` is an address, empty for none.
    """

    title: str
    root: str = ""
    logo: str = ""
    feedback_url: str = ""


def render_failure(message: str, hint: str) -> str:
    """Render an error and its hint."""
    return f'<div class="notice failure"><p>{escape(message)}</p><p>{escape(hint)}</p></div>'


@dataclass(frozen=True, slots=True)
class HtmlRenderer:
    """Renders answers over one guide, in one language."""

    store: FaissStore
    messages: Messages
    branding: Branding

    def render_turn(self, question: str, body: str) -> str:
        """Render a question with what follows it, an answer or an error."""
        text = normalise(question[:1000])
        if len(text) > MAX_QUESTION_CHARS:
            text = text[:MAX_QUESTION_CHARS] + " …"
        heading = f'<h2 class="asked" dir="auto">{escape(text)}</h2>' if text else ""
        language, direction = self.messages.language, self.messages.direction
        return (
            f'<section class="exchange" lang="{language}" dir="{direction}">'
            f"{heading}{body}</section>"
        )

    def render_about(self, headings: Sequence[str]) -> str:
        """Render the section that a conversation starts from."""
        section = f"<b>{escape(' › '.join(headings))}</b>"
        note = self._fill("asking_about", "section", section)
        return self.render_turn("", f'<p class="about">{note}</p>')

    def render_answer(self, answer: Answer, texts: Mapping[str, str], answer_id: str = "") -> str:
        """Render an answer: quotes, their sources and recommended resources, or a refusal.

        `texts` are the quoted passages by their ids; `answer_id` is the id of the stored answer.
        """
        if answer.is_overview:
            return self._render_overview(answer) + self._render_next_questions(answer)
        if not answer.found:
            return (
                self._render_refusal(answer)
                + self._render_actions(answer, answer_id)
                + self._render_next_questions(answer)
            )
        quotes = self._render_blocks(answer) + self._render_note(answer)
        cards = "".join(map(self._render_card, answer.resources))
        recommended = self._render_list("recommended", 'ul class="cards"', cards)
        sources = "".join(self._render_sources(answer.citations, texts))
        source_list = self._render_list("sources", 'ol class="sources"', sources)
        if all(_is_resource_line(citation, answer.resources) for citation in answer.citations):
            # The cards contain everything the quotes do, and links, so they come first.
            summary = escape(self.messages("as_listed"))
            details = f"<details><summary>{summary}</summary>{quotes}{source_list}</details>"
            body = recommended + details
        else:
            body = quotes + source_list + recommended
        return (
            self._render_interpretation(answer)
            + body
            + self._render_related("related", answer)
            + self._render_actions(answer, answer_id)
            + self._render_next_questions(answer)
        )

    def _render_overview(self, answer: Answer) -> str:
        heading = escape(self.messages("ask_a_question"))
        sections = self._render_related("covers", answer)
        return f'<div class="notice overview"><p class="verdict">{heading}</p>{sections}</div>'

    def _render_refusal(self, answer: Answer) -> str:
        messages = self.messages
        query = f"<q><bdi>{escape(answer.understood_as)}</bdi></q>"
        url = self.branding.feedback_url
        form = f"<p>{render_link(url, escape(messages('tell_authors')))}</p>" if url else ""
        return (
            f'<div class="notice refusal"><p class="verdict">{escape(messages("no_answer"))}</p>'
            f"<p>{self._fill('looked_for', 'question', query)}</p>"
            f"{self._render_other_readings(answer)}{self._render_note(answer)}"
            f"{self._render_related('nearest', answer)}"
            f"<p>{escape(messages('rephrase'))}</p>{form}</div>"
        )

    def _render_interpretation(self, answer: Answer) -> str:
        note = ""
        if normalise(answer.question).casefold() != answer.understood_as.casefold():
            question = f"<bdi>{escape(answer.understood_as)}</bdi>"
            text = self._fill("interpreted_as", "question", question)
            note = f'<p class="understood">{text}</p>'
        return note + self._render_other_readings(answer)

    def _render_other_readings(self, answer: Answer) -> str:
        """Render buttons that ask the other interpretations of the question."""
        buttons = " ".join(map(self._render_question_button, answer.other_readings))
        label = escape(self.messages("did_you_mean"))
        return f'<p class="others">{label} {buttons}</p>' if buttons else ""

    @staticmethod
    def _render_question_button(question: str) -> str:
        text = escape(question)
        return f'<button class="chip asks" dir="auto" value="{text}">{text}</button>'

    def _render_note(self, answer: Answer) -> str:
        note = catalogue.describe_missing(answer, self.messages)
        return f'<p class="gap" dir="auto">{escape(note)}</p>' if note else ""

    def _render_blocks(self, answer: Answer) -> str:
        source_urls = {citation.n: self._citation_url(citation) for citation in answer.citations}
        renderer = BlockRenderer(self.messages, source_urls, self.branding.root)
        return renderer.render(answer.grouped_blocks)

    def _citation_url(self, citation: Citation) -> str:
        return urls.citation_url(citation, self.branding.root)

    def _render_sources(
        self, citations: Sequence[Citation], texts: Mapping[str, str]
    ) -> Iterator[str]:
        """Render the sources; consecutive quotes of one section share one."""
        for _, together in itertools.groupby(citations, key=lambda c: (c.path, c.anchor)):
            group = list(together)
            numbers = " ".join(f"[{citation.n}]" for citation in group)
            link = render_link(self._citation_url(group[0]), escape(" › ".join(group[0].headings)))
            passages = "".join(
                f'<p dir="auto">{_render_context(texts[passage], [c.span for c in spans])}</p>'
                for passage, spans in _group_by_passage(group)
                if passage in texts
            )
            summary = f"<summary>{escape(self.messages('in_context'))}</summary>"
            context = f"<details>{summary}{passages}</details>" if passages else ""
            yield (
                f'<li><span class="numbers">{numbers}</span> <span dir="auto">{link}</span> '
                f'<span class="page" dir="auto">{escape(group[0].path)}</span>{context}</li>'
            )

    def _render_card(self, resource: Resource) -> str:
        kind = self.messages(resource.kind)
        if resource.minutes:
            kind += f" · {self.messages('minutes', n=resource.minutes)}"
        content = (
            f'<span class="icon icon-{resource.kind}"></span>'
            f'<span><span class="title" dir="auto">{escape(resource.title)}</span>'
            f'<span class="kind">{escape(kind)}</span></span>'
        )
        url = urls.resource_url(resource, self.store, self.branding.root)
        return f"<li>{render_link(url, content)}</li>"

    def _render_related(self, heading: str, answer: Answer) -> str:
        root = self.branding.root
        items = "".join(
            f'<li dir="auto">{render_link(url, escape(" › ".join(section.headings)))}</li>'
            for section in answer.related
            for url in [urls.section_url(section.path, section.anchor, section.url, root)]
        )
        return self._render_list(heading, 'ul class="sections"', items)

    def _render_next_questions(self, answer: Answer) -> str:
        """Render suggestions; the style sheet shows only those of the last turn."""
        buttons = " ".join(map(self._render_question_button, answer.next_questions))
        heading = escape(self.messages("next_questions"))
        return f'<div class="next"><h3>{heading}</h3><p>{buttons}</p></div>' if buttons else ""

    def _render_list(self, heading: str, kind: str, items: str) -> str:
        """Render items under a heading; empty where there are no items."""
        title = escape(self.messages(heading))
        return f"<h3>{title}</h3><{kind}>{items}</{kind[:2]}>" if items else ""

    def _fill(self, key: str, name: str, content: str) -> str:
        """Escape a message, and put HTML in the place of one of its values."""
        return escape(self.messages(key, **{name: "\0"})).replace("\0", content)

    def _render_actions(self, answer: Answer, answer_id: str) -> str:
        """Render the buttons to copy, rate and link an answer; hidden without scripts."""
        messages = self.messages
        source = html.escape(self.render_markdown(answer)).replace("\n", "&#10;")
        copy = f'<button class="action copy" value="{source}">{escape(messages("copy"))}</button>'
        if not answer_id:
            return f'<div class="actions">{copy}</div>'
        url = f"{self.branding.root}/a/{answer_id}"
        value = escape(answer_id)
        rating = "".join(
            f'<button class="action rate" name="{name}" value="{value}">{label}</button>'
            for name in ("yes", "no")
            for label in [escape(messages(name))]
        )
        link = render_link(url, escape(messages("link_to_answer")), "action permalink")
        vote = f'<span class="helpful">{escape(messages("helpful"))} {rating}</span>'
        return f'<div class="actions">{vote}{copy}{link}</div>'

    def render_markdown(self, answer: Answer) -> str:
        """Render the answer with its sources as Markdown; addresses of this server begin with /."""
        paragraphs = [f"**{escape(normalise(answer.question))}**"]
        if not answer.found:
            paragraphs.append(self.messages("no_answer"))
        texts = render_blocks(answer, "[{}]", self.branding.root)
        for group in answer.grouped_blocks:
            quote = "\n\n".join(islice(texts, len(group)))
            paragraphs.append("\n".join(f"> {line}".rstrip() for line in quote.splitlines()))
        for citation in answer.citations:
            headings = _escape_brackets(" › ".join(citation.headings))
            paragraphs.append(f"[{citation.n}] [{headings}]({self._citation_url(citation)})")
        return "\n\n".join(paragraphs)


def _escape_brackets(words: str) -> str:
    """Escape brackets, which would end a link."""
    return re.sub(r"([\[\]\\])", r"\\\1", words)


def _group_by_passage(citations: Sequence[Citation]) -> list[tuple[str, list[Citation]]]:
    grouped = itertools.groupby(citations, key=lambda citation: citation.passage)
    return [(passage, list(group)) for passage, group in grouped]


def _render_context(passage: str, spans: Sequence[tuple[int, int]]) -> str:
    """Render the text around quotes, with the quotes marked."""
    first, last = min(start for start, _ in spans), max(end for _, end in spans)
    begin, end = max(0, first - CONTEXT_CHARS), min(len(passage), last + CONTEXT_CHARS)
    if begin:
        begin = passage.find(" ", begin, first) + 1 or begin
    if end < len(passage):
        end = max(passage.rfind(" ", last, end), last)
    pieces, at = ["… " if begin else ""], begin
    for start, stop in sorted(spans):
        pieces += [
            _escape_lines(passage[at:start]),
            f"<mark>{_escape_lines(passage[start:stop])}</mark>",
        ]
        at = stop
    return "".join([*pieces, _escape_lines(passage[at:end]), " …" if end < len(passage) else ""])


def _escape_lines(words: str) -> str:
    """Escape text as HTML, with its line ends as elements."""
    return "<br>".join(html.escape(line) for line in LINE_ENDS.split(words))


def _is_resource_line(citation: Citation, resources: Sequence[Resource]) -> bool:
    """Whether a quote is the line that lists one of the resources."""
    line = citation.quote.replace(" | ", " ")
    place = (citation.path, citation.anchor)
    return any((r.path, r.anchor) == place and r.title in line for r in resources)
