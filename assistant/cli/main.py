"""The command line.

Answers go to standard output. An error is two lines on standard error, a message and a hint.
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
from assistant.cli.options import (
    AsJson,
    BaseUrl,
    Corpus,
    Device,
    Drafts,
    IndexFolder,
    Model,
    Report,
    Site,
)  # fmt: skip
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
    from collections.abc import Callable, Iterator, Sequence

    from assistant.assistant import Assistant
    from assistant.cli.output import Progress
    from assistant.conversation import Guide
    from assistant.encoders.base import Encoder
    from assistant.index.builder import BuildResult
    from assistant.models.documents import GuideWarning
    from assistant.server.reload import LiveAssistant
    from assistant.settings import Settings

_MAX_WARNINGS = 10  # in the terminal
_MAX_REPEATS = 20  # of one message in a report; whoever mends 20 places knows how to find the rest
_POLL_SECONDS = 0.5  # seconds between two attempts while another process builds

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _print_version(requested: bool) -> None:  # noqa: FBT001 - typer's signature
    if requested:
        console.echo(f"assistant {__version__}")
        raise typer.Exit


Question = Annotated[str | None, typer.Argument(help="The question.", show_default=False)]
Batch = Annotated[
    str | None, typer.Option("--batch", help="Questions as JSON lines: a file, or - for stdin.")
]
Timing = Annotated[bool, typer.Option("--timing", help="Print the milliseconds of each step.")]
Version = Annotated[
    bool,
    typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version."),
]


@app.callback()
def global_options(_: Version = False) -> None:  # noqa: FBT002 - a flag
    """Ask a guide a question; get the right passage, quoted, with its section."""


@app.command()
def build(
    corpus: Corpus = None,
    index: IndexFolder = None,
    model: Model = None,
    device: Device = None,
    base_url: BaseUrl = None,
    site: Site = None,
    drafts: Drafts = None,
    report: Report = None,
) -> None:
    """Build the index, or update it."""
    config = settings.load_settings(
        corpus=corpus, index=index, model=model, device=device, base_url=base_url, site=site,
        drafts=drafts,
    )  # fmt: skip
    config = _fetch_corpus(config)
    result = _build_index(config, output.load_encoder(config), report)
    unreadable = sum(w.unreadable and not w.is_draft for w in result.warnings)
    if unreadable:
        raise GuideError(
            f"{output.count_noun(unreadable, 'file')} of the guide could not be read.",
            "Fix the files named above and build again; all others are in the index.",
        )


# A build reads only what has changed, so an update is the same command.
app.command("update", help="Update the index: the same as build.")(build)


@app.command()
def ask(
    question: Question = None,
    batch: Batch = None,
    as_json: AsJson = False,  # noqa: FBT002 - a flag
    timing: Timing = False,  # noqa: FBT002 - a flag
    index: IndexFolder = None,
    model: Model = None,
) -> None:
    """Answer a question with quotes from the guide."""
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
    k: Annotated[int, typer.Option("-k", min=1, help="The largest number of passages.")] = 10,
    as_json: AsJson = False,  # noqa: FBT002 - a flag
    index: IndexFolder = None,
    model: Model = None,
) -> None:
    """List the passages that answer a question best."""
    questions = _read_questions(question, batch)
    assistant = _open_assistant(index, model)
    if questions is None:
        search = assistant.search(_decode_argument(str(question)), k)
        console.print_json(search.to_dict()) if as_json else output.print_hits(search)
        return
    _run_batch(questions, lambda line: assistant.search(line.text, k, line.turns).to_dict())


@app.command()
def chat(index: IndexFolder = None, model: Model = None) -> None:
    """Chat with the guide in the terminal; an empty line or Ctrl-D ends it."""
    _run_chat(_open_assistant(index, model))


@app.command()
def client(
    url: Annotated[str, typer.Argument(help="The address of the server's chat.")],
    question: Question = None,
    key: Annotated[
        str,
        typer.Option(
            "--key", envvar=settings.KEY_VARIABLE, help="An API key, where the server requires one."
        ),
    ] = "",
    as_json: AsJson = False,  # noqa: FBT002 - a flag
) -> None:
    """Ask a guide on a server; without a question, chat with it."""
    from assistant import client as client_module

    with client_module.connect(url, key=key) as guide:
        if question is None:
            _run_chat(guide)
            return
        answer = guide.ask(_decode_argument(question))
    console.print_json(answer.to_dict()) if as_json else output.print_answer(answer)


@app.command()
def mcp(index: IndexFolder = None, model: Model = None) -> None:
    """Serve one agent over MCP on standard input and output."""
    assistant = _open_assistant(index, model)
    from assistant.index import freshness
    from assistant.server.reload import LiveAssistant, WatchedGuide
    from assistant.server.routes import mcp as agents
    from assistant.server.service import Service, guide_title

    live = LiveAssistant(assistant)
    config = settings.load_settings(index=index, model=model)
    corpus = freshness.find_guide(config)
    with (
        live.watch(WatchedGuide(corpus, config.index, expected=False)) if corpus else nullcontext()
    ):
        agents.serve_stdio(Service(live, title=config.title or guide_title(live, config.corpus)))


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="The address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="The port to listen on.")] = None,
    corpus: Corpus = None,
    index: IndexFolder = None,
    model: Model = None,
    base_url: BaseUrl = None,
    site: Site = None,
    watch: Annotated[bool, typer.Option("--watch", help="Follow changes of the guide.")] = False,  # noqa: FBT002
) -> None:
    """Serve the web chat and the APIs; build or update the index first."""
    config = settings.load_settings(
        host=host, port=port, corpus=corpus, index=index, model=model, base_url=base_url, site=site
    )
    config = _fetch_corpus(config, may_be_old=True)
    from assistant.index import builder
    from assistant.server import lifecycle
    from assistant.server.reload import LiveAssistant, WatchedGuide

    with ExitStack() as stack:

        def prepare(listener: Progress) -> LiveAssistant:
            encoder = output.load_encoder(config, listener)  # loaded once, for building and serving
            assistant, limits = _open_up_to_date(config, encoder, listener)
            live = LiveAssistant(assistant, limits)
            build = partial(
                builder.build_index,
                config.corpus,
                config.index,
                encoder,
                reading_options=builder.choose_reading_options(config),
            )
            is_named = "corpus" in config.model_fields_set
            guide = WatchedGuide(config.corpus, config.index, build if watch else None, is_named)
            if limits:
                live.check(guide)  # before the first answer: the index may be out of date
            stack.enter_context(live.watch(guide))
            return live

        with suppress(KeyboardInterrupt):  # Ctrl-C is the normal way to stop
            lifecycle.serve(prepare, config)


app.add_typer(admin.app)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit: 0 success, 2 fix the command, 3 fix the files on disk."""
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
        # The reader of the output has closed it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    finally:
        console.report_unencodable()


def _print_error(error: AssistantError) -> None:
    """Print an error's message, and on another line its hint."""
    console.echo(error.message, err=True)
    console.echo(error.hint, err=True)


def _run_chat(guide: Guide) -> None:
    """Answer typed questions as one conversation, until an empty line."""
    conversation = guide.conversation()
    console.echo("Ask the guide. An empty line ends the conversation.", err=True)
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
            _print_error(error)  # the server will accept questions again


def _open_assistant(index: Path | None, model: str | None) -> Assistant:
    from assistant.assistant import Assistant

    _print_bundled_note(settings.load_settings(index=index, model=model))
    with output.ProgressBars() as bars:
        assistant = Assistant.open(index, model=model, progress=bars.progress)
    for warning in assistant.warnings:
        console.echo(warning, err=True)
    return assistant


def _fetch_corpus(config: Settings, *, may_be_old: bool = False) -> Settings:
    """Fetch a guide that is a repository or an archive, and return the settings with its folder.

    With `may_be_old`, the copy of before is used where fetching fails.
    """
    from assistant.guide import sources

    if not sources.is_source(config.corpus):
        return config
    if sources.is_repository(config.corpus):
        console.echo("Fetching the guide with git.", err=True)
    try:
        guide = sources.fetch_guide(config.corpus)
    except GuideError as error:
        folder = sources.find_fetched(config.corpus) if may_be_old else None
        if folder is None:
            raise
        _print_error(error)
        guide = sources.LocalGuide(folder, ("The guide is served as it was fetched before.",))
    for note in guide.notes:
        console.echo(note, err=True)
    return config.model_copy(update={"corpus": guide.folder})


def _print_bundled_note(config: Settings) -> None:
    """Print a note where the guide is the bundled one, because the user named none."""
    if config.uses_bundled_guide:
        note = "No guide is named and none is in this folder: using the bundled one."
        console.echo(note, err=True)


def _build_index(
    config: Settings,
    encoder: Encoder,
    report: Path | None = None,
    listener: Progress | None = None,
) -> BuildResult:
    """Build the index where needed, with progress bars, and print the result."""
    from assistant.index import builder

    _print_bundled_note(config)
    with output.ProgressBars(listener) as bars:
        result = builder.build_index(
            config.corpus,
            config.index,
            encoder,
            reading_options=builder.choose_reading_options(config),
            progress=bars.progress,
        )
    _print_warnings(result.warnings, report)
    pages = output.count_noun(result.pages, "page")
    size = f"{pages}, {output.count_noun(result.passages, 'passage')}"
    if not result.reasons:
        console.echo(f"Up to date: {size} in {config.index}.", err=True)
        return result
    changed = (
        f"{result.passages_reused:,} unchanged, {result.passages_embedded:,} embedded, "
        f"{result.passages_removed:,} removed"
    )
    cost = f"{result.seconds:.1f} s, {result.megabytes:.1f} MB in {config.index}."
    console.echo(f"Built ({', '.join(result.reasons)}): {size}; {changed}; {cost}", err=True)
    return result


def _open_up_to_date(
    config: Settings, encoder: Encoder, listener: Progress
) -> tuple[Assistant, tuple[str, ...]]:
    """Update the index and open it; return the Assistant, and why no update was possible.

    Waits while another process builds the index. Opens the index as it is where the guide cannot be
    read or the index cannot be written.
    """
    from assistant.assistant import Assistant
    from assistant.index import index as indexes

    limits: tuple[str, ...] = ()
    failure: AssistantError | None = None
    try:
        _build_when_free(partial(_build_index, config, encoder, listener=listener), listener)
    except (GuideError, IndexNotWritable) as error:
        is_unreadable = isinstance(error, GuideError)
        reason = "the guide cannot be read" if is_unreadable else "it cannot be written"
        limits, failure = (f"The index is not updated: {reason}.",), error
    try:
        index = indexes.open_index(config.index)
    except AssistantError:
        if failure:
            raise failure from None
        raise
    if failure:
        console.echo(f"The index is served as it is: {failure.message} {failure.hint}", err=True)
    return Assistant.open_calibrated(index, encoder, config.index, synonyms=config.synonyms), limits


def _build_when_free(build: Callable[[], BuildResult], listener: Progress) -> BuildResult:
    """Build the index, once no other process is building it."""
    is_waiting = False
    while True:
        try:
            result = build()
        except IndexBusy as error:
            if not is_waiting:
                console.echo(f"{error.message} Waiting for it.", err=True)
                listener("waiting", 0, 1)
            is_waiting = True
            time.sleep(_POLL_SECONDS)
        else:
            if is_waiting:
                listener("waiting", 1, 1)
            return result


def _print_warnings(warnings: Sequence[GuideWarning], report: Path | None) -> None:
    """Print warnings: all of them in the report, the first ones in the terminal.

    A message that is repeated is printed once in the terminal, with its number of places, and
    `_MAX_REPEATS` times in the report.
    """
    places: dict[str, list[GuideWarning]] = {}
    for warning in warnings:
        places.setdefault(warning.message, []).append(warning)
    if report:
        lines = (line for group in places.values() for line in _list_places(group))
        output.write_file(report, "".join(f"{console.format_entry(line)}\n" for line in lines))
    worst_first = sorted(places.values(), key=lambda group: not group[0].unreadable)
    for group in worst_first[:_MAX_WARNINGS]:
        first = group[0]
        message = f"{first.message} ({len(group):,} times)" if len(group) > 1 else first.message
        console.echo(f"{first.path}:{first.line}: {message}", err=True)
    more = sum(len(group) for group in worst_first[_MAX_WARNINGS:])
    if more > 0:
        where = f"all are in {report}" if report else "see all with --report FILE"
        console.echo(f"… and {output.count_noun(more, 'more warning')}: {where}.", err=True)


def _list_places(group: Sequence[GuideWarning]) -> Iterator[str]:
    """Yield the lines of a report for warnings with the same message."""
    for warning in group[:_MAX_REPEATS]:
        yield f"{warning.path}:{warning.line}: {warning.message}"
    if rest := group[_MAX_REPEATS:]:
        message = f"{rest[0].message} ({output.count_noun(len(rest), 'more time')} from here on)"
        yield f"{rest[0].path}:{rest[0].line}: {message}"


def _read_questions(question: str | None, lines: str | None) -> list[batches.BatchQuestion] | None:
    """Read the questions of a batch; None where one question was typed."""
    if (question is None) == (lines is None):
        raise QuestionError(
            "There is no question." if question is None else "There are a question and a batch.",
            "Give a question in quotes, or --batch FILE.",
        )
    return None if lines is None else batches.read_batch(lines)


def _decode_argument(words: str) -> str:
    """Decode an argument as UTF-8, where Python escaped its bytes because of another locale."""
    with suppress(UnicodeEncodeError):
        if any("\udc80" <= character <= "\udcff" for character in words):
            return os.fsencode(words).decode("utf-8", "replace")
    return words


def _error_fields(error: AssistantError) -> dict[str, str]:
    """Return an error as JSON types; `what` and `mend` are its fields' names of version 0.1."""
    message, hint = error.message, error.hint
    return {"message": message, "hint": hint, "what": message, "mend": hint}


def _run_batch(
    questions: Sequence[batches.BatchQuestion],
    answer: Callable[[batches.BatchQuestion], dict[str, Any]],
) -> None:
    """Print one JSON line per question, in order; for a rejected question, its error."""
    refused = 0
    for line in questions:
        try:
            console.print_json({"id": line.id, **answer(line)}, indent=None)
        except QuestionError as error:
            refused += 1
            console.print_json({"id": line.id, "error": _error_fields(error)}, indent=None)
    if refused:
        raise QuestionError(
            f"{output.count_noun(refused, 'question')} of the batch could not be answered.",
            "See the errors in the output.",
        )
