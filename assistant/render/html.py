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

from assistant.guide.front_matter import parse_front_matter
from assistant.render import catalogue, urls
from assistant.render.blocks_html import BlockRenderer
from assistant.render.blocks_markdown import render_blocks
from assistant.render.escape import LINE_ENDS, escape, render_link
from assistant.text.normalize import normalise

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from assistant.index.store import FaissStore
    from assistant.models.answers import Answer, Citation
    from assistant.models.documents import Resource
    from assistant.render.catalogue import Messages

CONTEXT_CHARS = 500
"""Characters of a passage shown before and after a quote."""

MAX_RECOMMENDED = 3
"""The most resources that are shown under an answer; an answer that lists them shows all."""

MAX_GIST_CHARS = 200
"""The most characters of an answer that are shown of a closed turn."""

MAX_QUESTION_CHARS = 300
"""The most characters of a question that are shown."""


@dataclass(frozen=True, slots=True)
class Branding:
    """What all pages share: the guide's title, its logo and the address of its feedback form.

    `root` is the path they are published under; `logo` is an address, empty for none. `contact` is
    whom readers ask what the guide does not answer.
    """

    title: str
    root: str = ""
    logo: str = ""
    feedback_url: str = ""
    contact: str = ""


def render_failure(message: str, hint: str) -> str:
    """Render an error and its hint."""
    return f'<div class="notice failure"><p>{escape(message)}</p><p>{escape(hint)}</p></div>'


@dataclass(frozen=True, slots=True)
class HtmlRenderer:
    """Renders answers over one guide, in one language."""

    store: FaissStore
    messages: Messages
    branding: Branding

    def render_turn(self, question: str, body: str, gist: str = "") -> str:
        """Render a question with what follows it, an answer or an error.

        `gist` is the sentence that stays in sight while the turn is closed.
        """
        text = normalise(question[:1000])
        if len(text) > MAX_QUESTION_CHARS:
            text = text[:MAX_QUESTION_CHARS] + " …"
        language, direction = self.messages.language, self.messages.direction
        place = f'class="exchange" lang="{language}" dir="{direction}"'
        if not text:
            return f"<section {place}>{body}</section>"
        heading = f'<h2 class="asked" dir="auto">{escape(text)}</h2>'
        shown = f'<p class="gist" dir="auto">{escape(gist)}</p>' if gist else ""
        # The chat closes a turn when the next one begins.
        return f"<details {place} open><summary>{heading}{shown}</summary>{body}</details>"

    def render_about(self, headings: Sequence[str]) -> str:
        """Render the section that a conversation starts from."""
        section = f"<b>{escape(' › '.join(headings))}</b>"
        note = self._fill("asking_about", "section", section)
        return self.render_turn("", f'<p class="about">{note}</p>')

    def render_answer(
        self, answer: Answer, texts: Mapping[str, str], answer_id: str = "", stamp: str = ""
    ) -> str:
        """Render an answer: quotes, their sources and recommended resources, or a refusal.

        `texts` are the quoted passages by their ids; `answer_id` is the id of the stored answer;
        `stamp` is HTML that follows the sources.
        """
        if answer.is_overview:
            return self._render_overview(answer) + self._render_next_questions(answer)
        if not answer.found:
            return (
                self._render_refusal(answer)
                + self._render_actions(answer, answer_id)
                + stamp
                + self._render_next_questions(answer)
            )
        quotes = self._render_blocks(answer) + self._render_note(answer)
        # Quotes that only list the resources add nothing to their rows, which are links.
        only_lists = all(_is_resource_line(quote, answer.resources) for quote in answer.citations)
        most = None if only_lists else MAX_RECOMMENDED
        rows = "".join(map(self._render_resource, answer.resources[:most]))
        heading = "" if only_lists else f"<h3>{escape(self.messages('recommended'))}</h3>"
        reading = f'{heading}<ul class="reading">{rows}</ul>' if rows else ""
        return (
            (reading if only_lists else quotes)
            + self._render_actions(answer, answer_id)
            + self._render_sources(answer.citations, texts)
            + stamp
            + self._render_interpretation(answer)
            + ("" if only_lists else reading)
            + self._render_next_questions(answer)
        )

    def gist(self, answer: Answer) -> str:
        """Return the words of an answer that decide, or its first line."""
        if not answer.found:
            return "" if answer.is_overview else self.messages("no_answer")
        spans = [
            span
            for block in answer.quoted_blocks
            for row in block.rows
            for cell in row.cells
            for span in cell
        ]
        words = "".join(span.text for span in spans if span.highlight)
        quote = answer.citations[0].quote
        lines = quote.removeprefix(answer.citations[0].headings[-1]).strip() or quote
        return " ".join((words or lines.splitlines()[0]).split())[:MAX_GIST_CHARS]

    def _render_overview(self, answer: Answer) -> str:
        heading = escape(self.messages("ask_a_question"))
        sections = self._render_related("covers", answer)
        return f'<div class="notice overview"><p class="verdict">{heading}</p>{sections}</div>'

    def _render_refusal(self, answer: Answer) -> str:
        messages = self.messages
        note = catalogue.describe_missing(answer, messages)
        detail = f" {escape(note)}" if note else ""
        url = self.branding.feedback_url
        form = (
            f'<p class="tell">{render_link(url, escape(messages("tell_authors")), "button")}</p>'
            if url
            else ""
        )
        return (
            f'<div class="refusal"><p class="verdict">{escape(messages("no_answer"))}{detail}</p>'
            f"{self._render_interpretation(answer)}"
            f"{self._render_related('nearest', answer)}{self._render_contact(answer)}{form}</div>"
        )

    def _render_contact(self, answer: Answer) -> str:
        """Say whom to ask: who keeps the page of the nearest section, or all of the guide."""
        near = self.store.page(answer.related[0].path) if answer.related else None
        owner = parse_front_matter(near.text).get("contact", "owner") if near else ""
        contact = owner or self.branding.contact
        if not contact:
            return ""
        name = f"<b><bdi>{escape(contact)}</bdi></b>"
        return f'<p class="contact">{self._fill("ask_contact", "contact", name)}</p>'

    def _render_interpretation(self, answer: Answer) -> str:
        """Render how the question was understood, with buttons that ask it in another way."""
        note = ""
        if normalise(answer.question).casefold() != answer.understood_as.casefold():
            question = f"<bdi>{escape(answer.understood_as)}</bdi>"
            note = self._fill("interpreted_as", "question", question)
        others = " ".join(_render_ask_button(text, "other") for text in answer.other_readings)
        label = f" {escape(self.messages('did_you_mean'))} " if others else ""
        return f'<p class="understood">{note}{label}{others}</p>' if note or others else ""

    def _render_note(self, answer: Answer) -> str:
        note = catalogue.describe_missing(answer, self.messages)
        return f'<p class="gap" dir="auto">{escape(note)}</p>' if note else ""

    def _render_blocks(self, answer: Answer) -> str:
        source_urls = {citation.n: self._citation_url(citation) for citation in answer.citations}
        renderer = BlockRenderer(self.messages, source_urls, self.branding.root)
        return renderer.render(answer.grouped_blocks)

    def _citation_url(self, citation: Citation) -> str:
        return urls.citation_url(citation, self.branding.root)

    def _render_sources(self, citations: Sequence[Citation], texts: Mapping[str, str]) -> str:
        """Render the sources as a row of links; consecutive quotes of one section share one.

        Each has its passage beside it, hidden, which a script shows in a panel.
        """
        grouped = itertools.groupby(citations, key=lambda c: (c.path, c.anchor))
        groups = [list(group) for _, group in grouped]
        items = "".join(self._render_source(group, texts) for group in groups)
        label = escape(self.messages("sources"))
        return f'<h3 class="unseen">{label}</h3><ul class="sources">{items}</ul>'

    def _render_source(self, group: Sequence[Citation], texts: Mapping[str, str]) -> str:
        first = group[0]
        numbers = "".join(f'<span class="number">{citation.n}</span>' for citation in group)
        page = first.headings[0] if len(first.headings) > 1 else ""
        where = f'<span class="page" dir="auto">{escape(page)}</span>' if page else ""
        content = f'{numbers}<span class="section" dir="auto">{escape(first.headings[-1])}</span>'
        passages = "".join(
            f'<p dir="auto">{_render_context(texts[passage], spans)}</p>'
            for passage, spans in _group_by_passage(group)
            if passage in texts
        )
        path = escape(" › ".join(first.headings[:-1]) or first.path)
        context = (
            f'<div class="context" hidden><p class="path" dir="auto">{path}</p>{passages}</div>'
        )
        link = render_link(self._citation_url(first), content + where, "pill")
        return f"<li>{link}{context}</li>"

    def _render_resource(self, resource: Resource) -> str:
        kind = self.messages(resource.kind)
        if resource.minutes:
            kind += f" · {self.messages('minutes', n=resource.minutes)}"
        content = (
            f'<span class="icon icon-{resource.kind}"></span>'
            f'<span class="title" dir="auto">{escape(resource.title)}</span>'
            f'<span class="kind">{escape(kind)}</span>'
        )
        url = urls.resource_url(resource, self.store, self.branding.root)
        return f"<li>{render_link(url, content)}</li>"

    def _render_related(self, heading: str, answer: Answer) -> str:
        """Render sections that are no answer, each with its page."""
        root = self.branding.root
        items = "".join(
            f'<li><span class="icon icon-article"></span>'
            f'<span dir="auto">{render_link(url, escape(section.headings[-1]))}{page}</span></li>'
            for section in answer.related
            for url in [urls.section_url(section.path, section.anchor, section.url, root)]
            for above in [" › ".join(section.headings[:-1])]
            for page in [f' <span class="page">· {escape(above)}</span>' if above else ""]
        )
        title = escape(self.messages(heading))
        return f'<h3>{title}</h3><ul class="sections">{items}</ul>' if items else ""

    def _render_next_questions(self, answer: Answer) -> str:
        """Render suggestions; the style sheet shows only those of the last turn."""
        buttons = "".join(f"<li>{_render_ask_button(text)}</li>" for text in answer.next_questions)
        heading = escape(self.messages("next_questions"))
        return f'<div class="next"><h3>{heading}</h3><ul>{buttons}</ul></div>' if buttons else ""

    def _fill(self, key: str, name: str, content: str) -> str:
        """Escape a message, and put HTML in the place of one of its values."""
        return escape(self.messages(key, **{name: "\0"})).replace("\0", content)

    def _render_actions(self, answer: Answer, answer_id: str) -> str:
        """Render the buttons to copy, rate and link an answer; hidden without scripts."""
        messages = self.messages
        source = html.escape(self.render_markdown(answer)).replace("\n", "&#10;")
        copy = (
            f'<button class="action copy" value="{source}">'
            f'<span class="label">{escape(messages("copy"))}</span></button>'
        )
        if not answer_id:
            return f'<div class="actions">{copy}</div>'
        url = f"{self.branding.root}/a/{answer_id}"
        label = f'<span class="label">{escape(messages("link_to_answer"))}</span>'
        link = f'<a class="action permalink" href="{escape(url)}">{label}</a>'
        value = escape(answer_id)
        rating = "".join(
            f'<button class="action rate rate-{name}" name="{name}" value="{value}">'
            f'<span class="unseen">{escape(messages(name))}</span></button>'
            for name in ("yes", "no")
        )
        vote = f'<span class="helpful">{escape(messages("helpful"))} {rating}</span>'
        return f'<div class="actions">{copy}{link}{vote}</div>'

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


def _render_ask_button(question: str, css_class: str = "") -> str:
    """Render a button that asks a question."""
    text = escape(question)
    name = f"asks {css_class}".strip()
    return f'<button class="{name}" dir="auto" value="{text}">{text}</button>'


def _escape_brackets(words: str) -> str:
    """Escape brackets, which would end a link."""
    return re.sub(r"([\[\]\\])", r"\\\1", words)


def _group_by_passage(citations: Sequence[Citation]) -> list[tuple[str, list[Citation]]]:
    grouped = itertools.groupby(citations, key=lambda citation: citation.passage)
    return [(passage, list(group)) for passage, group in grouped]


def _render_context(passage: str, citations: Sequence[Citation]) -> str:
    """Render the text around quotes, with the quotes marked, without the section's heading."""
    spans = [citation.span for citation in citations]
    first, last = min(start for start, _ in spans), max(end for _, end in spans)
    heading = citations[0].headings[-1]
    body = passage.removeprefix(heading).lstrip()
    cut = len(passage) - len(body)
    if passage.startswith(heading) and first >= cut:
        passage, first, last = body, first - cut, last - cut
        spans = [(start - cut, end - cut) for start, end in spans]
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
