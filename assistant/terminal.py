"""How answers, passages and long work look in a terminal.

Knows rich, and what an answer holds. Must not know flags, or how an answer is found. Answers go
to standard output, progress to standard error.
"""

from __future__ import annotations

import json
import sys
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Self

import typer

from assistant.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from rich.progress import TaskID

    from assistant.encoder import Encoder
    from assistant.journal import Rating
    from assistant.model import Answer, Search
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
        from rich.console import Console
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
            console=Console(stderr=True),
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
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
    if answer.understood_as != answer.question:
        console.print(Text(f"Understood as: {answer.understood_as}", style="dim"))
        console.print()
    console.print(Text(answer.text))
    if answer.gap:
        console.print(Text(f"\n{answer.gap}"))
    for citation in answer.citations:
        line = f"[{citation.n}] {' > '.join(citation.headings)} ({citation.url})"
        console.print(Text(f"\n{line}" if citation.n == 1 else line, style="cyan"))
    if answer.resources:
        console.print(Text("\nThe guide recommends:", style="bold"))
    for resource in answer.resources:
        minutes = f", {resource.minutes} min" if resource.minutes else ""
        console.print(Text(f"  {resource.title} ({resource.kind}{minutes})"))
        console.print(Text(f"    {resource.url}", style="cyan"))
    if answer.other_readings:
        console.print(Text(f"\nDid you mean: {' Or: '.join(answer.other_readings)}"))
    if not answer.found and answer.related:
        console.print(Text("\nThe nearest sections:", style="bold"))
        for section in answer.related:
            console.print(Text(f"  {' > '.join(section.headings)} ({section.url})"))
    if answer.next_questions:
        console.print(Text("\nYou can also ask:", style="bold"))
    for question in answer.next_questions:
        console.print(Text(f"  {question}"))


def thought(rating: Rating) -> str:
    """What a reader thought of an answer, in a line, and in another what they wrote."""
    mark = "+" if rating.helpful else "-"
    said = f"{rating.at.isoformat(timespec='seconds')}  {mark}  {rating.question}"
    return f"{said}\n    {rating.comment}" if rating.comment else said


def timed(seconds: Mapping[str, float], total: float) -> None:
    """Print on standard error how long each step of an answer took, in milliseconds."""
    shares = {**seconds, "else": total - sum(seconds.values()), "in all": total}
    for name, taken in shares.items():
        sys.stderr.write(f"{name:>10}  {1000 * taken:7.2f} ms\n")


def listed(found: Search) -> None:
    """Print passages, best first, each with its section and how likely it answers."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
    for hit in found.hits:
        passage = hit.passage
        console.print(Text(f"{hit.rank}. {passage.heading_path}", style="bold"), end="  ")
        console.print(Text(f"{hit.probability:.0%}  {passage.url}", style="cyan"))
        console.print(Text(f"   {passage.excerpt}"))


def encoder(chosen: Settings, told: Progress | None = None) -> Encoder:
    """The encoder to build with; the first time its model is exported, with a progress bar."""
    from assistant import encoders

    with Bars(told) as bars:
        exporting = partial(bars.progress, "exporting")
        found, notice = encoders.building(chosen.model, device=chosen.device, progress=exporting)
    if notice:
        typer.echo(notice, err=True)
    return found


def write(path: Path, text: str) -> None:
    """Write a file the reader named. Raises SettingsError where it cannot be."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SettingsError(
            f"{path} cannot be written: {error.strerror or error}.",
            "Name a file in a folder that is there.",
        ) from error


def print_json(data: dict[str, Any], *, indent: int | None = 2) -> None:
    """Print JSON types."""
    typer.echo(json.dumps(data, ensure_ascii=False, indent=indent))
