"""The command line: words in, an Assistant asked, its answer printed.

Knows flags, exit codes and how things look in a terminal. Must not know how an answer is found.
Errors are two lines on standard error, what is wrong and its mend; answers go to standard output.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import ExitStack, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from assistant import __version__, console, settings
from assistant.cli import admin, output
from assistant.cli import batch as batches
from assistant.cli.options import AsJson, BaseUrl, Corpus, Device, IndexFolder, Model, Report, Site
from assistant.errors import (
    EXIT_USAGE,
    AssistantError,
    GuideError,
    IndexBusy,
    IndexNotWritable,
    QuestionError,
    ServerError,
)
from assistant.timing import record_steps

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from assistant.assistant import Assistant
    from assistant.cli.output import Progress
    from assistant.conversation import Guide
    from assistant.encoders.base import Encoder
    from assistant.index.builder import BuildResult
    from assistant.models.documents import GuideWarning
    from assistant.server.reload import LiveAssistant
    from assistant.settings import Settings

_MAX_WARNINGS = 10
_POLL_SECONDS = 0.5  # seconds between two looks at whether another process is still building

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it so
    if wanted:
        console.echo(f"assistant {__version__}")
        raise typer.Exit


Question = Annotated[str | None, typer.Argument(help="The question.", show_default=False)]
Batch = Annotated[
    str | None, typer.Option("--batch", help="Questions as JSON lines: a file, or - for stdin.")
]
Timing = Annotated[bool, typer.Option("--timing", help="Say where the milliseconds went.")]
Version = Annotated[
    bool,
    typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version."),
]


@app.callback()
def global_options(_: Version = False) -> None:  # noqa: FBT002 - a flag
    """Ask a guide a question; get the right passage back, quoted, with its section."""


@app.command()
def build(
    corpus: Corpus = None,
    index: IndexFolder = None,
    model: Model = None,
    device: Device = None,
    base_url: BaseUrl = None,
    site: Site = None,
    report: Report = None,
) -> None:
    """Build the index, or bring it up to date with the guide."""
    chosen = settings.load_settings(
        corpus=corpus, index=index, model=model, device=device, base_url=base_url, site=site
    )
    built = _build_index(chosen, output.load_encoder(chosen), report)
    unread = sum(oddity.unreadable for oddity in built.warnings)
    if unread:
        raise GuideError(
            f"{count_noun(unread, 'file')} of the guide could not be read.",
            "Mend the files named above and build again; the rest is in the index.",
        )


# Building reads what changed and no more, so that bringing up to date is the same thing.
app.command("update", help="Bring the index up to date: the same as build.")(build)


@app.command()
def ask(
    question: Question = None,
    batch: Batch = None,
    as_json: AsJson = False,  # noqa: FBT002 - a flag
    timing: Timing = False,  # noqa: FBT002 - a flag
    index: IndexFolder = None,
    model: Model = None,
) -> None:
    """Answer a question from the guide, quoted and cited."""
    questions = _read_questions(question, batch)
    assistant = _open_assistant(index, model)
    if questions is None:
        with record_steps() as seconds:
            answer = assistant.ask(_decode_argument(str(question)))
        console.print_json(answer.to_dict()) if as_json else output.print_answer(answer)
        if timing:
            output.print_timing(seconds, answer.seconds)
        return
    _run_batch(questions, lambda line: assistant.ask(line.text, line.turns).to_dict())


@app.command()
def search(
    question: Question = None,
    batch: Batch = None,
    k: Annotated[int, typer.Option("-k", min=1, help="How many passages at most.")] = 10,
    as_json: AsJson = False,  # noqa: FBT002 - a flag
    index: IndexFolder = None,
    model: Model = None,
) -> None:
    """Find the passages that answer a question best."""
    questions = _read_questions(question, batch)
    assistant = _open_assistant(index, model)
    if questions is None:
        found = assistant.search(_decode_argument(str(question)), k)
        console.print_json(found.to_dict()) if as_json else output.print_hits(found)
        return
    _run_batch(questions, lambda line: assistant.search(line.text, k, line.turns).to_dict())


@app.command()
def chat(index: IndexFolder = None, model: Model = None) -> None:
    """Talk with the guide in the terminal; an empty line or Ctrl-D ends the talk."""
    _run_chat(_open_assistant(index, model))


@app.command()
def client(
    url: Annotated[str, typer.Argument(help="Where the server's chat is opened.")],
    question: Question = None,
    key: Annotated[
        str,
        typer.Option(
            "--key", envvar=settings.KEY_VARIABLE, help="A key to it, where it needs one."
        ),
    ] = "",
    as_json: AsJson = False,  # noqa: FBT002 - a flag
) -> None:
    """Ask the guide of a server; without a question, talk with it."""
    from assistant import client as client_module

    with client_module.connect(url, key=key) as guide:
        if question is None:
            _run_chat(guide)
            return
        answer = guide.ask(_decode_argument(question))
    console.print_json(answer.to_dict()) if as_json else output.print_answer(answer)


@app.command()
def mcp(index: IndexFolder = None, model: Model = None) -> None:
    """Answer an agent that speaks MCP, over standard input and output."""
    assistant = _open_assistant(index, model)
    from assistant.index import freshness
    from assistant.server.reload import LiveAssistant, WatchedGuide
    from assistant.server.routes import mcp as agents
    from assistant.server.service import Service, guide_title

    live = LiveAssistant(assistant)
    chosen = settings.load_settings(index=index, model=model)
    corpus = freshness.find_guide(chosen)
    with (
        live.watch(WatchedGuide(corpus, chosen.index, expected=False)) if corpus else nullcontext()
    ):
        agents.serve_stdio(Service(live, title=chosen.title or guide_title(live)))


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="The address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="The port to listen on.")] = None,
    corpus: Corpus = None,
    index: IndexFolder = None,
    model: Model = None,
    base_url: BaseUrl = None,
    site: Site = None,
    watch: Annotated[bool, typer.Option("--watch", help="Follow edits of the guide.")] = False,  # noqa: FBT002
) -> None:
    """Serve the web chat; the index is built first where it is missing or out of date."""
    chosen = settings.load_settings(
        host=host, port=port, corpus=corpus, index=index, model=model, base_url=base_url, site=site
    )
    from assistant.index import builder
    from assistant.server import lifecycle
    from assistant.server.reload import LiveAssistant, WatchedGuide

    with ExitStack() as stack:

        def prepare(told: Progress) -> LiveAssistant:
            encoder = output.load_encoder(
                chosen, told
            )  # one for building and serving: it is loaded once
            assistant, limits = _open_up_to_date(chosen, encoder, told)
            live = LiveAssistant(assistant, limits)
            build = partial(
                builder.build_index,
                chosen.corpus,
                chosen.index,
                encoder,
                reading_options=builder.choose_reading_options(chosen),
            )
            named = "corpus" in chosen.model_fields_set
            followed = WatchedGuide(chosen.corpus, chosen.index, build if watch else None, named)
            if limits:
                live.check(followed)  # before the first answer: it may be out of date
            stack.enter_context(live.watch(followed))
            return live

        with suppress(KeyboardInterrupt):  # Ctrl-C is how a chat is meant to end
            lifecycle.serve(prepare, chosen)


app.add_typer(admin.app)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit: 0 done, 2 mend what was typed, 3 mend what lies on disk."""
    console.configure_streams()
    command = typer.main.get_command(app)
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        sys.exit(command.main(args=words, prog_name="assistant", standalone_mode=False) or 0)
    except typer.Exit as exit_:
        sys.exit(exit_.exit_code)
    except AssistantError as error:
        _print_error(error)
        sys.exit(error.exit_code)
    except typer.TyperException as error:
        console.echo(error.format_message(), err=True)
        console.echo("See: assistant --help, or --help after a command.", err=True)
        sys.exit(EXIT_USAGE)
    except (typer.Abort, KeyboardInterrupt):
        console.echo("Stopped.", err=True)
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output has gone; nothing more can be said to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    finally:
        console.report_unencodable()


def _print_error(error: AssistantError) -> None:
    """Say what is wrong, and in another line how to fix it."""
    console.echo(error.message, err=True)
    console.echo(error.hint, err=True)


def _run_chat(guide: Guide) -> None:
    """Ask what is typed, as one talk, until nothing is."""
    conversation = guide.conversation()
    console.echo("Ask the guide. An empty line ends the talk.", err=True)
    while True:
        try:
            question = console.prompt("> ").strip()
        except (EOFError, KeyboardInterrupt):
            console.echo(err=True)
            return
        if not question:
            return
        try:
            output.print_answer(conversation.ask(question))
        except QuestionError as error:
            _print_error(error)
        except ServerError as error:
            if error.retry_after is None:
                raise
            _print_error(error)  # the talk goes on when the server does


def _open_assistant(index: Path | None, model: str | None) -> Assistant:
    from assistant.assistant import Assistant

    _print_bundled_note(settings.load_settings(index=index, model=model))
    with output.ProgressBars() as bars:
        assistant = Assistant.open(index, model=model, progress=bars.progress)
    for warning in assistant.warnings:
        console.echo(warning, err=True)
    return assistant


def _print_bundled_note(config: Settings) -> None:
    """Say so where the guide is one that nobody named."""
    if config.uses_bundled_guide:
        said = "No guide is named, and none is here: this is the one that comes with the assistant."
        console.echo(said, err=True)


def _build_index(
    config: Settings,
    encoder: Encoder,
    report: Path | None = None,
    listener: Progress | None = None,
) -> BuildResult:
    """Build where needed, with progress bars, and say why and what came of it."""
    from assistant.index import builder

    _print_bundled_note(config)
    with output.ProgressBars(listener) as bars:
        built = builder.build_index(
            config.corpus,
            config.index,
            encoder,
            reading_options=builder.choose_reading_options(config),
            progress=bars.progress,
        )
    _print_warnings(built.warnings, report)
    size = f"{count_noun(built.pages, 'page')}, {count_noun(built.passages, 'passage')}"
    if not built.reasons:
        console.echo(f"Up to date: {size} in {config.index}.", err=True)
        return built
    changed = f"{built.passages_reused:,} kept, {built.passages_embedded:,} embedded, {built.passages_removed:,} removed"
    cost = f"{built.seconds:.1f} s, {built.megabytes:.1f} MB in {config.index}."
    console.echo(f"Built ({', '.join(built.reasons)}): {size}; {changed}; {cost}", err=True)
    return built


def _open_up_to_date(
    config: Settings, encoder: Encoder, listener: Progress
) -> tuple[Assistant, tuple[str, ...]]:
    """The Assistant over an index brought up to date, and what could not be done here, and why.

    Where another process is building the index, what that publishes is waited for. Where the
    guide cannot be read or the index not be written, the index is taken as it is, if it can be
    opened at all.
    """
    from assistant.assistant import Assistant
    from assistant.index import index as indexes

    limits: tuple[str, ...] = ()
    failure: AssistantError | None = None
    try:
        _build_when_free(partial(_build_index, config, encoder, listener=listener), listener)
    except (GuideError, IndexNotWritable) as error:
        unread = isinstance(error, GuideError)
        why = "the guide cannot be read" if unread else "it cannot be written"
        limits, failure = (f"The index is not brought up to date: {why}.",), error
    try:
        index = indexes.open_index(config.index)
    except AssistantError:
        if failure:
            raise failure from None
        raise
    if failure:
        console.echo(f"The index is served as it is: {failure.message} {failure.hint}", err=True)
    return Assistant.open_calibrated(index, encoder, config.index), limits


def _build_when_free(build: Callable[[], BuildResult], listener: Progress) -> BuildResult:
    """Build, once no other process is building the same index."""
    waits = False
    while True:
        try:
            built = build()
        except IndexBusy as error:
            if not waits:
                console.echo(f"{error.message} It is waited for.", err=True)
                listener("waiting", 0, 1)
            waits = True
            time.sleep(_POLL_SECONDS)
        else:
            if waits:
                listener("waiting", 1, 1)
            return built


def _print_warnings(warnings: Sequence[GuideWarning], report: Path | None) -> None:
    """Name what was odd: all of it in the report, here no more than can be read."""
    lines = [f"{oddity.path}:{oddity.line}: {oddity.message}" for oddity in warnings]
    if report:
        output.write_file(report, "".join(f"{console.format_entry(line)}\n" for line in lines))
    worst_first = sorted(range(len(lines)), key=lambda n: not warnings[n].unreadable)
    for number in worst_first[:_MAX_WARNINGS]:
        console.echo(lines[number], err=True)
    more = len(lines) - _MAX_WARNINGS
    if more > 0:
        where = f"all are in {report}" if report else "name a file with --report to see all"
        console.echo(f"… and {more:,} more that were odd: {where}.", err=True)


def count_noun(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _read_questions(question: str | None, lines: str | None) -> list[batches.BatchQuestion] | None:
    """The batch's questions, or None where one question was typed."""
    if (question is None) == (lines is None):
        raise QuestionError(
            "There is no question." if question is None else "There is a question and a batch.",
            "Give a question in quotes, or --batch FILE.",
        )
    return None if lines is None else batches.read_batch(lines)


def _decode_argument(words: str) -> str:
    """Words as UTF-8, also where the locale is another and Python keeps their bytes as halves."""
    with suppress(UnicodeEncodeError):
        if any("\udc80" <= character <= "\udcff" for character in words):
            return os.fsencode(words).decode("utf-8", "replace")
    return words


def _run_batch(
    questions: Sequence[batches.BatchQuestion],
    answer: Callable[[batches.BatchQuestion], dict[str, Any]],
) -> None:
    """One JSON line a question, in order; a question that cannot be asked gets its error."""
    refused = 0
    for line in questions:
        try:
            console.print_json({"id": line.id, **answer(line)}, indent=None)
        except QuestionError as error:
            refused += 1
            console.print_json(
                {"id": line.id, "error": {"what": error.message, "mend": error.hint}}, indent=None
            )
    if refused:
        raise QuestionError(
            f"{count_noun(refused, 'question')} of the batch could not be asked.",
            "Their lines say why.",
        )
