"""How answers, passages and long work look in a terminal.

Knows rich, and what an answer holds. Must not know flags, or how an answer is found. Answers go
to standard output, progress to standard error.
"""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Self

from assistant import console, files
from assistant.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from rich.progress import TaskID

    from assistant.encoders.onnx import Encoder
    from assistant.models.answers import Answer, Search
    from assistant.server.answer_log import Rating
    from assistant.settings import Settings

    Progress = Callable[[str, int, int], None]


class Bars:
    """A bar for each step of a build: how far it is, of what, how fast, and how long it takes."""

    UNITS: ClassVar[dict[str, str]] = {
        "exporting": "model, once",
        "reading": "pages",
        "encoding": "texts",
        "asking": "questions",
    }

    def __init__(self, also: Progress | None = None) -> None:
        """`also` is told what is shown."""
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        self._also = also
        self._steps: dict[str, TaskID] = {}
        self._bar = Progress(
            TextColumn("{task.description:>9}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]} {task.fields[rate]}"),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True),
            console=console.rich(err=True),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._steps:
            self._bar.stop()

    def progress(self, step: str, done: int, total: int) -> None:
        """Show how far a step is."""
        if self._also:
            self._also(step, done, total)
        if step not in self._steps:
            self._bar.start()  # not before there is something to show
            unit = self.UNITS.get(step, "")
            self._steps[step] = self._bar.add_task(step, total=total, unit=unit, rate="")
        task = self._bar.tasks[self._steps[step]]
        speed = task.finished_speed or task.speed
        rate = f"{speed:,.0f}/s" if speed else ""
        self._bar.update(self._steps[step], completed=done, total=total, rate=rate)


def show(answer: Answer) -> None:
    """Print an answer with its sources and what the guide recommends."""
    if answer.understood_as != answer.question:
        console.say(f"Understood as: {answer.understood_as}", style="dim")
        console.say()
    # Each quote is an entry of its own: a line within one cannot pass for a source.
    quotes = [f"{citation.quote} [{citation.n}]" for citation in answer.citations]
    for number, quote in enumerate(quotes if answer.found else [answer.text]):
        if number:
            console.say()
        console.say(quote)
    if answer.gap:
        console.say()
        console.say(answer.gap)
    for citation in answer.citations:
        if citation.n == 1:
            console.say()
        path = " > ".join(citation.headings)
        console.say(f"[{citation.n}] {path} ({citation.url})", style="cyan")
    if answer.resources:
        console.say()
        console.say("The guide recommends:", style="bold")
    for resource in answer.resources:
        minutes = f", {resource.minutes} min" if resource.minutes else ""
        console.say(f"{resource.title} ({resource.kind}{minutes})", indent=2)
        console.say(resource.url, indent=4, style="cyan")
    if answer.other_readings:
        console.say()
        console.say(f"Did you mean: {' Or: '.join(answer.other_readings)}")
    sections = [] if answer.found else answer.related
    _list("The nearest sections:", [f"{' > '.join(s.headings)} ({s.url})" for s in sections])
    _list("You can also ask:", answer.next_questions)


def _list(heading: str, entries: Sequence[str]) -> None:
    if entries:
        console.say()
        console.say(heading, style="bold")
    for entry in entries:
        console.say(entry, indent=2)


def opinion(rating: Rating) -> None:
    """Print how many readers an answer helped, and below it what each of them wrote."""
    counted = f"{rating.helpful:,} helpful, {rating.unhelpful:,} not"
    at = rating.at.isoformat(timespec="seconds")
    console.say(f"{at}  {counted}  {console.line(rating.question)}")
    for comment in rating.comments:
        mark = "+" if comment.helpful else "-"
        at = comment.at.isoformat(timespec="seconds")
        console.say(f"{at}  {mark}  {comment.text}", indent=console.INDENT)


def rated(rating: Rating) -> dict[str, Any]:
    """The same as JSON types."""
    comments = [
        {**asdict(comment), "at": comment.at.isoformat(timespec="seconds")}
        for comment in rating.comments
    ]
    at = rating.at.isoformat(timespec="seconds")
    return {**asdict(rating), "comments": comments, "at": at}


def timed(seconds: Mapping[str, float], total: float) -> None:
    """Print on standard error how long each step of an answer took, in milliseconds."""
    shares = {**seconds, "else": total - sum(seconds.values()), "in all": total}
    for name, taken in shares.items():
        console.say(f"{name:>10}  {1000 * taken:7.2f} ms", err=True)


def listed(found: Search) -> None:
    """Print passages, best first, each with its section and how likely it answers."""
    for hit in found.hits:
        passage = hit.passage
        heading = console.line(f"{hit.rank}. {passage.heading_path}")
        console.say(f"{heading}  {hit.probability:.0%}  {passage.url}", style="bold")
        console.say(passage.excerpt, indent=3)


def encoder(chosen: Settings, told: Progress | None = None) -> Encoder:
    """The encoder to build with; the first time its model is exported, with a progress bar."""
    from assistant.encoders import select as encoder_selection

    with Bars(told) as bars:
        exporting = partial(bars.progress, "exporting")
        found, notice = encoder_selection.building(
            chosen.model, device=chosen.device, progress=exporting
        )
    if notice:
        console.say(notice, err=True)
    return found


def write(path: Path, text: str) -> None:
    """Write a file the reader named. Raises SettingsError where it cannot be."""
    try:
        files.write_text(path, text)
    except OSError as error:
        raise SettingsError(
            f"{path} cannot be written: {error.strerror or error}.",
            "Name a file in a folder that is there.",
        ) from error
