"""Make answers, an answer log and a clock that stands still, for the tests of the log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from assistant.models.answers import Answer, Citation, Related
from assistant.models.documents import Resource
from assistant.server.answer_log import AnswerLog

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAYS = 30
QUOTE = "Cats sleep."
TEXTS = {"p.md#cats/1": "Cats\n\nCats sleep. They purr."}


class Clock:
    """A clock that stands still until it is moved or set to a wrong time."""

    def __init__(self) -> None:
        self.now = NOON
        self.passed = 0.0

    def __call__(self) -> float:
        return self.now.timestamp()

    def monotonic(self) -> float:
        """Return the seconds by which the clock was moved; setting it changes nothing here."""
        return self.passed

    def move(self, **by: float) -> None:
        """Let time pass."""
        self.now += timedelta(**by)
        self.passed += timedelta(**by).total_seconds()

    def set(self, **by: float) -> None:
        """Set the clock to another time, by mistake or to correct one."""
        self.now += timedelta(**by)


def make_citation(n: int = 1, *, sha256: str = "0" * 64) -> Citation:
    return Citation(
        n, "p.md#cats/1", "p.md", ("Guide", "Cats"), "cats", "p.md#cats", QUOTE, (6, 17), (3, 3),
        sha256,
    )  # fmt: skip


def answer(question: str = "do cats sleep", **changes: Any) -> Answer:
    values: dict[str, Any] = {
        "question": question,
        "understood_as": f"{question}?",
        "found": True,
        "citations": (make_citation(),),
        "confidence": 0.75,
        "resources": (Resource("On cats", "https://a.example", "book", 7, "", ("Guide",), ""),),
        "related": (Related("p.md", ("Guide", "Dogs"), "dogs", "p.md#dogs"),),
        "missing": (),
        "next_questions": ("What is a dog?",),
        "hits": (),
        "writer": "extractive",
        "degraded": (),
        "generation": "1",
        "seconds": 0.25,
    }
    return Answer(**(values | changes))


REFUSED: dict[str, Any] = {"found": False, "citations": (), "missing": ("mink",)}


def url(folder: Path) -> str:
    return f"sqlite:///{folder / 'journal.sqlite'}"


def open_log(folder: Path, clock: Clock | None = None, **limits: int) -> AnswerLog:
    clock = clock or Clock()
    return AnswerLog.open(
        url(folder), **{"days": DAYS, **limits}, clock=clock, monotonic=clock.monotonic
    )


def without_hrefs(data: dict) -> dict:
    """Return an answer or a search of the REST interface without its `href` fields."""
    return {
        name: [{key: item[key] for key in item if key != "href"} for item in value]
        if isinstance(value, list) and value and isinstance(value[0], dict)
        else value
        for name, value in data.items()
    }
