"""Print answers, passages and progress in a terminal.

Answers go to standard output, progress to standard error.
"""

from __future__ import annotations

import itertools
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Self

from assistant import console, files
from assistant.errors import SettingsError
from assistant.render.text import render_blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from rich.progress import TaskID

    from assistant.encoders.base import Encoder
    from assistant.models.answers import Answer, Search
    from assistant.server.answer_log import Rating
    from assistant.settings import Settings

    Progress = Callable[[str, int, int], None]


class ProgressBars:
    """A progress bar for each step of a build."""

    UNITS: ClassVar[dict[str, str]] = {
        "exporting": "model, once",
        "reading": "pages",
        "encoding": "texts",
        "asking": "questions",
    }

    def __init__(self, listener: Progress | None = None) -> None:
        """`listener` is called with every step as well."""
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        self._listener = listener
        self._steps: dict[str, TaskID] = {}
        self._progress = Progress(
            TextColumn("{task.description:>9}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]} {task.fields[rate]}"),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True),
            console=console.rich_console(err=True),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._steps:
            self._progress.stop()

    def progress(self, step: str, done: int, total: int) -> None:
        """Show the progress of a step."""
        if self._listener:
            self._listener(step, done, total)
        if step not in self._steps:
            self._progress.start()  # not before there is something to show
            unit = self.UNITS.get(step, "")
            self._steps[step] = self._progress.add_task(step, total=total, unit=unit, rate="")
        task = self._progress.tasks[self._steps[step]]
        speed = task.finished_speed or task.speed
        rate = f"{speed:,.0f}/s" if speed else ""
        self._progress.update(self._steps[step], completed=done, total=total, rate=rate)


def count_noun(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural unless the number is 1."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def print_answer(answer: Answer) -> None:
    """Print an answer with its sources and what the guide recommends."""
    if answer.understood_as != answer.question:
        console.echo(f"Understood as: {answer.understood_as}", style="dim")
        console.echo()
    for number, block in enumerate(render_blocks(answer) if answer.found else [answer.text]):
        if number:
            console.echo()
        # Of several lines all are indented, so that none of them can pass for a source.
        lines = block.splitlines()
        for line in lines:
            console.echo(line, indent=4 if len(lines) > 1 else 0)
    if answer.note:
        console.echo()
        console.echo(answer.note)
    # Consecutive quotes of one section, such as a header and a row of its table, share a line.
    for place, together in itertools.groupby(answer.citations, key=lambda one: (one.path, one.url)):
        group = list(together)
        if group[0].n == 1:
            console.echo()
        numbers = " ".join(f"[{citation.n}]" for citation in group)
        path = " > ".join(group[0].headings)
        console.echo(f"{numbers} {path} ({place[1]})", style="cyan")
    if answer.resources:
        console.echo()
        console.echo("The guide recommends:", style="bold")
    for resource in answer.resources:
        minutes = f", {resource.minutes} min" if resource.minutes else ""
        console.echo(f"{resource.title} ({resource.kind}{minutes})", indent=2)
        console.echo(resource.url, indent=4, style="cyan")
    if answer.other_readings:
        console.echo()
        console.echo(f"Did you mean: {' Or: '.join(answer.other_readings)}")
    sections = [] if answer.found else answer.related
    label = "The guide covers:" if answer.is_overview else "The nearest sections:"
    _print_list(label, [f"{' > '.join(s.headings)} ({s.url})" for s in sections])
    _print_list("You can also ask:", answer.next_questions)


def _print_list(heading: str, entries: Sequence[str]) -> None:
    if entries:
        console.echo()
        console.echo(heading, style="bold")
    for entry in entries:
        console.echo(entry, indent=2)


def print_rating(rating: Rating) -> None:
    """Print the votes on an answer, and below them the comments."""
    counts = f"{rating.helpful:,} helpful, {rating.unhelpful:,} not"
    at = rating.at.isoformat(timespec="seconds")
    console.echo(f"{at}  {counts}  {console.one_line(rating.question)}")
    for comment in rating.comments:
        mark = "+" if comment.helpful else "-"
        at = comment.at.isoformat(timespec="seconds")
        console.echo(f"{at}  {mark}  {comment.text}", indent=console.INDENT)


def rating_to_dict(rating: Rating) -> dict[str, Any]:
    """Return the votes on an answer and its comments as JSON types."""
    comments = [
        {**asdict(comment), "at": comment.at.isoformat(timespec="seconds")}
        for comment in rating.comments
    ]
    at = rating.at.isoformat(timespec="seconds")
    return {**asdict(rating), "comments": comments, "at": at}


def print_timing(seconds: Mapping[str, float], total: float) -> None:
    """Print the milliseconds of each step of an answer on standard error."""
    shares = {**seconds, "else": total - sum(seconds.values()), "in all": total}
    for name, taken in shares.items():
        console.echo(f"{name:>10}  {1000 * taken:7.2f} ms", err=True)


def print_hits(search: Search) -> None:
    """Print passages, best first, each with its section and its probability."""
    for hit in search.hits:
        passage = hit.passage
        heading = console.one_line(f"{hit.rank}. {passage.heading_path}")
        console.echo(f"{heading}  {hit.probability:.0%}  {passage.url}", style="bold")
        console.echo(passage.excerpt, indent=3)


def load_encoder(settings: Settings, listener: Progress | None = None) -> Encoder:
    """Load the encoder to build with; the first time, export its model with a progress bar."""
    from assistant.encoders import select as encoder_selection

    with ProgressBars(listener) as bars:
        exporting = partial(bars.progress, "exporting")
        encoder, notice = encoder_selection.select_build_encoder(
            settings.model, device=settings.device, progress=exporting
        )
    if notice:
        console.echo(notice, err=True)
    return encoder


def find_corpus(config: Settings) -> Settings:
    """Return the settings with the folder of a guide that was fetched before; fetch nothing."""
    from assistant.guide import sources

    folder = sources.find_fetched(config.corpus) if sources.is_source(config.corpus) else None
    return config.model_copy(update={"corpus": folder}) if folder else config


def write_file(path: Path, text: str) -> None:
    """Write a file that the user named. Raises SettingsError where that fails."""
    try:
        files.write_text(path, text)
    except OSError as error:
        raise SettingsError(
            f"{path} cannot be written: {error.strerror or error}.",
            "Name a file in a folder that exists.",
        ) from error
