"""The command line: words in, an Assistant asked, its answer printed.

Knows flags, exit codes and how things look in a terminal. Must not know how an answer is found.
Errors are two lines on standard error, what is wrong and its mend; answers go to standard output.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import typer
from pydantic import BaseModel, ConfigDict, ValidationError

from assistant import __version__, settings
from assistant.errors import USAGE, AssistantError, GuideError, QuestionError, VerifyError
from assistant.model import Turn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from assistant.ask import Assistant
    from assistant.encoder import Encoder, SentenceTransformerEncoder
    from assistant.index import Built
    from assistant.model import Answer, Search
    from assistant.settings import Settings

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

Corpus = Annotated[Path | None, typer.Option("--corpus", help="The guide: a folder of Markdown.")]
IndexFolder = Annotated[Path | None, typer.Option("--index", help="Where the index is kept.")]
Model = Annotated[str | None, typer.Option("--model", help="A sentence-transformers model.")]
Device = Annotated[str | None, typer.Option("--device", help="Where the model runs: cpu or cuda.")]
BaseUrl = Annotated[str | None, typer.Option("--base-url", help="Where the guide is published.")]
Words = Annotated[str | None, typer.Argument(help="The question.", show_default=False)]
Batch = Annotated[
    str | None, typer.Option("--batch", help="Questions as JSON lines: a file, or - for stdin.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print it all as JSON.")]


class Line(BaseModel):
    """One question of a batch."""

    model_config = ConfigDict(extra="ignore")

    id: str | int
    text: str
    history: tuple[Said, ...] = ()

    @property
    def turns(self) -> list[Turn]:
        """The talk before the question, oldest first."""
        return [Turn(said.role, said.text) for said in self.history]


class Said(BaseModel):
    """One earlier turn of a batch question."""

    role: Literal["user", "agent"]
    text: str


Line.model_rebuild()


def _version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it so
    if wanted:
        typer.echo(f"assistant {__version__}")
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
]


@app.callback()
def options(_: Version = False) -> None:  # noqa: FBT002 - a flag
    """Ask a guide a question; get the right passage back, quoted, with its section."""


@app.command()
def build(
    corpus: Corpus = None,
    index: IndexFolder = None,
    model: Model = None,
    device: Device = None,
    base_url: BaseUrl = None,
) -> None:
    """Build the index, or bring it up to date with the guide."""
    chosen = settings.load(
        corpus=corpus, index=index, model=model, device=device, base_url=base_url
    )
    built = _built(chosen, _encoder(chosen))
    unread = sum(oddity.unread for oddity in built.oddities)
    if unread:
        raise GuideError(
            f"{_count(unread, 'file')} of the guide could not be read.",
            "Mend the files named above and build again; the rest is in the index.",
        )


@app.command()
def ask(
    question: Words = None,
    batch: Batch = None,
    as_json: AsJson = False,  # noqa: FBT002 - a flag
    index: IndexFolder = None,
    model: Model = None,
) -> None:
    """Answer a question from the guide, quoted and cited."""
    questions = _questions(question, batch)
    assistant = _opened(index, model)
    if questions is None:
        answer = assistant.ask(str(question))
        _print(answer.to_dict()) if as_json else _show(answer)
        return
    _run_batch(questions, lambda line: assistant.ask(line.text, line.turns).to_dict())


@app.command()
def search(
    question: Words = None,
    batch: Batch = None,
    k: Annotated[int, typer.Option("-k", min=1, help="How many passages at most.")] = 10,
    as_json: AsJson = False,  # noqa: FBT002 - a flag
    index: IndexFolder = None,
    model: Model = None,
) -> None:
    """Find the passages that answer a question best."""
    questions = _questions(question, batch)
    assistant = _opened(index, model)
    if questions is None:
        found = assistant.search(str(question), k)
        _print(found.to_dict()) if as_json else _list(found)
        return
    _run_batch(questions, lambda line: assistant.search(line.text, k, line.turns).to_dict())


@app.command()
def chat(index: IndexFolder = None, model: Model = None) -> None:
    """Talk with the guide in the terminal; an empty line or Ctrl-D ends the talk."""
    assistant = _opened(index, model)
    turns: list[Turn] = []
    typer.echo("Ask the guide. An empty line ends the talk.", err=True)
    while True:
        try:
            question = input("> ").strip()
        except (EOFError, KeyboardInterrupt):
            typer.echo(err=True)
            return
        if not question:
            return
        try:
            answer = assistant.ask(question, turns)
        except QuestionError as error:
            typer.echo(str(error), err=True)
            continue
        _show(answer)
        turns += [Turn("user", question), Turn("agent", answer.text)]


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="The address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="The port to listen on.")] = None,
    corpus: Corpus = None,
    index: IndexFolder = None,
    model: Model = None,
    base_url: BaseUrl = None,
) -> None:
    """Serve the web chat; the index is built first where it is missing or out of date."""
    chosen = settings.load(
        host=host, port=port, corpus=corpus, index=index, model=model, base_url=base_url
    )
    encoder = _encoder(chosen)  # one for building and serving, so that it is loaded once
    _built(chosen, encoder)
    from assistant import index as indexes
    from assistant import web
    from assistant.ask import Assistant
    from assistant.live import Live

    with suppress(KeyboardInterrupt):  # Ctrl-C is how a chat is meant to end
        web.serve(Live(Assistant(indexes.open(chosen.index), encoder)), chosen)


@app.command()
def verify(
    answer: Annotated[Path, typer.Argument(help="An answer as `ask --json` printed it.")],
    corpus: Corpus = None,
    index: IndexFolder = None,
) -> None:
    """Check every quote of an answer against the guide's own files."""
    from assistant.ask import verify as check

    chosen = settings.load(corpus=corpus, index=index)
    try:
        data = json.loads(answer.read_text(encoding="utf-8"))
    except OSError as error:
        raise VerifyError(
            f"{answer} cannot be read: {error.strerror}.", "Name an answer file."
        ) from error
    except ValueError as error:
        raise VerifyError(
            f"{answer} is not JSON: {error}", "Save one with: assistant ask QUESTION --json"
        ) from error
    quotes = check(data, chosen.corpus, chosen.index)
    typer.echo(f"{quotes} {'quote stands' if quotes == 1 else 'quotes stand'} in the guide.")


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit: 0 done, 2 mend what was typed, 3 mend what lies on disk."""
    command = typer.main.get_command(app)
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        sys.exit(command.main(args=words, prog_name="assistant", standalone_mode=False) or 0)
    except typer.Exit as exit_:
        sys.exit(exit_.exit_code)
    except AssistantError as error:
        typer.echo(str(error), err=True)
        sys.exit(error.exit_code)
    except typer.TyperException as error:
        typer.echo(error.format_message(), err=True)
        typer.echo("See: assistant --help, or --help after a command.", err=True)
        sys.exit(USAGE)
    except (typer.Abort, KeyboardInterrupt):
        typer.echo("Stopped.", err=True)
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output has gone; nothing more can be said to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


def _opened(index: Path | None, model: str | None) -> Assistant:
    from assistant.ask import Assistant

    return Assistant.open(index, model=model)


def _encoder(chosen: Settings) -> SentenceTransformerEncoder:
    from assistant.encoder import SentenceTransformerEncoder

    return SentenceTransformerEncoder(chosen.model, device=chosen.device)


def _built(chosen: Settings, encoder: Encoder) -> Built:
    """Build where needed, with a progress bar, and say why and what came of it."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    from assistant import index as indexes

    bar = Progress(
        TextColumn("{task.description:>9}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
        console=Console(stderr=True),
    )
    steps: dict[str, Any] = {}

    def progress(step: str, done: int, total: int) -> None:
        if step not in steps:
            steps[step] = bar.add_task(step, total=total)
            bar.start()  # not before there is something to show
        bar.update(steps[step], completed=done, total=total)

    try:
        built = indexes.build(
            chosen.corpus, chosen.index, encoder, base_url=chosen.base_url, progress=progress
        )
    finally:
        if steps:
            bar.stop()
    for oddity in built.oddities:
        typer.echo(f"{oddity.path}:{oddity.line}: {oddity.what}", err=True)
    size = f"{_count(built.pages, 'page')}, {_count(built.passages, 'passage')}"
    done = f"Built ({', '.join(built.reasons)})" if built.reasons else "Up to date"
    typer.echo(f"{done}: {size} in {chosen.index}.", err=True)
    return built


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _questions(question: str | None, batch: str | None) -> list[Line] | None:
    """The batch's questions, or None where one question was typed."""
    if (question is None) == (batch is None):
        raise QuestionError(
            "There is no question." if question is None else "There is a question and a batch.",
            "Give a question in quotes, or --batch FILE.",
        )
    if batch is None:
        return None
    try:
        text = sys.stdin.read() if batch == "-" else Path(batch).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise QuestionError(
            f"{batch} cannot be read: {error}", "Name a file of JSON lines."
        ) from error
    return list(_parsed(batch, text))


def _parsed(batch: str, text: str) -> Iterator[Line]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            yield Line.model_validate_json(line)
        except ValidationError as error:
            first = error.errors()[0]
            where = "".join(f"{part}: " for part in first["loc"])
            raise QuestionError(
                f"{batch} line {number} is not a question: {where}{first['msg']}.",
                'Write one {"id": …, "text": …, "history": [{"role": "user", "text": …}]} a line.',
            ) from None


def _run_batch(questions: Sequence[Line], answer: Callable[[Line], dict[str, Any]]) -> None:
    """One JSON line a question, in order; a question that cannot be asked gets its error."""
    refused = 0
    for line in questions:
        try:
            _print({"id": line.id, **answer(line)}, indent=None)
        except QuestionError as error:
            refused += 1
            _print({"id": line.id, "error": {"what": error.what, "mend": error.mend}}, indent=None)
    if refused:
        raise QuestionError(
            f"{_count(refused, 'question')} of the batch could not be asked.",
            "Their lines say why.",
        )


def _print(data: dict[str, Any], *, indent: int | None = 2) -> None:
    typer.echo(json.dumps(data, ensure_ascii=False, indent=indent))


def _show(answer: Answer) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
    if answer.understood_as != answer.question:
        console.print(Text(f"Understood as: {answer.understood_as}", style="dim"))
        console.print()
    console.print(Text(answer.text))
    for citation in answer.citations:
        line = f"[{citation.n}] {' > '.join(citation.headings)} ({citation.url})"
        console.print(Text(f"\n{line}" if citation.n == 1 else line, style="cyan"))
    if answer.resources:
        console.print(Text("\nThe guide recommends:", style="bold"))
    for resource in answer.resources:
        minutes = f", {resource.minutes} min" if resource.minutes else ""
        console.print(Text(f"  {resource.title} ({resource.kind}{minutes})"))
        console.print(Text(f"    {resource.url}", style="cyan"))
    if not answer.found and answer.related:
        console.print(Text("\nThe nearest sections:", style="bold"))
        for section in answer.related:
            console.print(Text(f"  {' > '.join(section.headings)} ({section.url})"))


def _list(found: Search) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
    for hit in found.hits:
        passage = hit.passage
        console.print(Text(f"{hit.rank}. {passage.heading_path}", style="bold"), end="  ")
        console.print(Text(f"{hit.probability:.0%}  {passage.url}", style="cyan"))
        console.print(Text(f"   {' '.join(passage.body.split())[:200]}"))
