"""Attacks by way of a guide, a question, an address and an opinion, carried out in a browser.

Each takes payloads or pages that hold them, shows them in every place they can come to, and clicks
all there is; what that sets off is with the watch.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from assistant.assistant import Assistant
from assistant.index import builder
from assistant.index import index as indexes
from assistant.render.html import MAX_QUESTION_CHARS
from assistant.server.reload import LiveAssistant
from assistant.settings import Settings
from assistant.text.normalize import normalise
from tests.browser import hostile
from tests.browser.driving import sync_api
from tests.served import serving

LONGEST_TALK = 20
"""Questions after which a new talk begins."""


def undefended(browser, all_of_them: Sequence[str], query: str = "") -> Counter[str]:
    """How many payloads set off something, by its kind, where nothing defends their page."""
    with hostile.undefended(all_of_them) as origin:
        watch = hostile.Watch(browser, origin)
        watch.learn()
        for number, payload in enumerate(all_of_them):
            # A page that nothing defends may leave while it is looked at.
            with contextlib.suppress(sync_api.Error):
                watch.visit(f"/{number}{query}", payload)
                watch.click("a, button, input, summary, label")
                watch.settle(30)
        watch.close()
    return watch.counts()


@dataclass(frozen=True, slots=True)
class Subject:
    """A page of a hostile guide: the word it is about, its path, and what its author put in it."""

    word: str
    path: str
    payloads: tuple[str, ...]

    @property
    def question(self) -> str:
        """A question that this page answers, as hostile as the page."""
        return f"what is a {self.word} {' '.join(self.payloads)}?"


def write_guide(folder: Path, all_of_them: Sequence[str], together: int) -> list[Subject]:
    """A guide in which each payload stands wherever an author may put one, some on each page."""
    subjects = []
    for start in range(0, len(all_of_them), together):
        chosen = tuple(all_of_them[start : start + together])
        word = f"zeta{start:04d}"
        # What a name of a file cannot hold, or our reader has no address for, is left out: the
        # gate lets no code of a slash or a zero through, however often it is encoded.
        plain = re.sub(r"%(?=(?:25)*(?:00|2f|5c|2e))", "", chosen[0], flags=re.I)
        name = re.sub(r"[/\\\x00-\x1f\x7f]", "", plain).encode(errors="replace")[:60]
        path = f"{word} {name.decode(errors='ignore')}.md"
        subjects.append(Subject(word, path, chosen))
        pages = "".join(section(word, payload) for payload in chosen)
        head = f"---\ntitle: {json.dumps(chosen[0])}\nlang: {json.dumps(chosen[0])}\n---\n"
        (folder / path).write_text(head + pages, encoding="utf-8", errors="replace")
    return subjects


def section(word: str, payload: str) -> str:
    """A section about a word with a payload in each of its parts; as it is, it comes last."""
    one = " ".join(payload.split())
    return f"""
## What is a {word} {one}?

A {word} is an animal {one} that climbs a tree.

- [read {one}](https://{word}.example/ "{one}")
- [a link of {word}](<{one}>)
- [another link of {word}]({one})
- {one}

[{one}](<{word}.md#{one}>) ![{one}](<{one}> "{one}") [[{one}]] [ref][{word}]

| {one} | kind |
|---|---|
| {one} | [a form of {word}](<{one}>) |

> {one}

`{one}` ${one}$

    {one}

[{word}]: <{one}> "{one}"

<div title="{one}">{one}</div>

{payload}

"""


@dataclass(frozen=True, slots=True)
class Attacked:
    """A hostile guide, and where a server over it answers."""

    subjects: list[Subject]
    live: LiveAssistant
    origin: str


@contextlib.contextmanager
def attacked(
    folder: Path, all_of_them: Sequence[str], together: int, encoder
) -> Iterator[Attacked]:
    """Serve a guide made of payloads, so many of them on each page."""
    guide, index = folder / "guide", folder / "index"
    guide.mkdir()
    subjects = write_guide(guide, all_of_them, together)
    builder.build_index(guide, index, encoder)
    live = LiveAssistant(Assistant(indexes.open_index(index), encoder))
    with serving(live, Settings(index=index, title="A hostile guide")) as origin:
        yield Attacked(subjects, live, origin)


def watched(browser, origin: str) -> hostile.Watch:
    """A tab that knows the scripts of a server's chat."""
    watch = hostile.Watch(browser, origin)
    watch.learn()
    watch.learn("/")
    return watch


def read_pages(watch: hostile.Watch, subjects: Sequence[Subject]) -> list[str]:
    """Open every page with its payload to be marked, click all there is; those not to be had."""
    missing = []
    for subject in subjects:
        text = quote(subject.payloads[0], safe="", errors="replace")
        cited = f"/guide/{quote(subject.path)}?section={text}&first={text}&last={text}"
        if watch.visit(cited, subject.word) != 200:
            missing.append(subject.path)
        watch.click("a, button, summary, label, input")
        watch.settle()
    return missing


@dataclass(slots=True)
class Talked:
    """What came of asking: how many answers quoted, where they are kept, what was shown amiss."""

    quoted: int = 0
    stored: list[str] = field(default_factory=list)
    amiss: list[str] = field(default_factory=list)


def ask_all(watch: hostile.Watch, subjects: Sequence[Subject]) -> Talked:
    """Ask about every page in the chat, click all there is, and say what is thought of answers."""
    talked = Talked()
    for start in range(0, len(subjects), LONGEST_TALK):
        _start_conversation(watch)
        watch.page.locator("#ask:enabled").wait_for()
        for number, subject in enumerate(subjects[start : start + LONGEST_TALK]):
            _ask(watch, subject, number, talked)
        watch.click("#talk summary, #talk a, #talk .copy, #talk .rate, #talk label")
        _comment(watch, subjects[start].payloads[0])
        watch.click("#talk .asks, #next button", pause=100)
        watch.settle(100)
    return talked


def _start_conversation(watch: hostile.Watch) -> None:
    """Open the chat without the conversation that its tab keeps."""
    watch.visit("/", "the chat")
    watch.page.locator("#ask:enabled").wait_for()
    if watch.page.locator("#talk .exchange").count():
        watch.page.locator("#new-conversation").click()
        watch.page.locator("#talk .exchange").first.wait_for(state="detached")


def _ask(watch: hostile.Watch, subject: Subject, number: int, talked: Talked) -> None:
    watch.shown = subject.word
    box = watch.page.locator("#question textarea")
    box.fill(subject.question)
    box.press("Enter")
    watch.page.locator("#talk .exchange").nth(number).wait_for(state="attached")
    watch.settle()
    result = watch.turn()
    request = normalise(subject.question[:1000])
    if result["asked"].removesuffix(" …") != request[:MAX_QUESTION_CHARS]:
        talked.amiss.append(f"{request} is shown as {result['asked']}")
    talked.quoted += result["quotes"] > 0
    talked.stored += [result["kept"]] if result["kept"] else []


def _comment(watch: hostile.Watch, payload: str) -> None:
    """Say by the talk's own form what is thought of an answer that was rated."""
    closed = watch.page.locator("#talk details:not([open]) > summary")
    while closed.count():
        closed.first.click()
    watch.page.locator("#talk .rate-no").first.click()
    form = watch.page.locator("#talk .opinion:has(input)").first
    form.locator("input").fill(payload)
    form.locator("button").click()
    form.locator("button").wait_for(state="detached")


def open_answers(watch: hostile.Watch, stored: Sequence[str]) -> None:
    """Open the pages that answers have of their own, and click all there is."""
    for path in stored:
        assert watch.visit(path, path) == 200
        watch.click("a, button:not(.asks), summary, label")
        watch.settle()


def ask_by_address(watch: hostile.Watch, all_of_them: Sequence[str]) -> list[str]:
    """Open the chat at addresses that ask; the questions that are shown otherwise than asked."""
    amiss = []
    for payload in all_of_them:
        text = quote(payload, safe="", errors="replace")
        _start_conversation(watch)
        watch.visit(f"/?about={text}&q={text}", payload)
        watch.page.locator("#talk .exchange").first.wait_for(state="attached")
        watch.settle()
        shown, request = watch.turn()["asked"], normalise(payload[:1000])
        if shown.removesuffix(" …") != request[:MAX_QUESTION_CHARS]:
            amiss.append(f"{request} is shown as {shown}")
    return amiss
