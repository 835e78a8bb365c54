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
    USAGE,
    AssistantError,
    GuideError,
    IndexBusy,
    IndexUnwritable,
    QuestionError,
    ServerError,
)
from assistant.timing import watching

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from assistant.assistant import Assistant
    from assistant.cli.output import Progress
    from assistant.conversation import Guide
    from assistant.encoders.onnx import Encoder
    from assistant.index.builder import Built
    from assistant.models.documents import Oddity
    from assistant.server.reload import Live
    from assistant.settings import Settings

_ODDITIES_SHOWN = 10
_WAITING = 0.5  # seconds between two looks at whether another process is still building

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it so
    if wanted:
        console.say(f"assistant {__version__}")
        raise typer.Exit


Words = Annotated[str | None, typer.Argument(help="The question.", show_default=False)]
Batch = Annotated[
    str | None, typer.Option("--batch", help="Questions as JSON lines: a file, or - for stdin.")
]
Timing = Annotated[bool, typer.Option("--timing", help="Say where the milliseconds went.")]
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
    site: Site = None,
    report: Report = None,
) -> None:
    """Build the index, or bring it up to date with the guide."""
    chosen = settings.load(
        corpus=corpus, index=index, model=model, device=device, base_url=base_url, site=site
    )
    built = _built(chosen, output.encoder(chosen), report)
    unread = sum(oddity.unread for oddity in built.oddities)
    if unread:
        raise GuideError(
            f"{_count(unread, 'file')} of the guide could not be read.",
            "Mend the files named above and build again; the rest is in the index.",
        )


# Building reads what changed and no more, so that bringing up to date is the same thing.
app.command("update", help="Bring the index up to date: the same as build.")(build)


@app.command()
def ask(
    question: Words = None,
    batch: Batch = None,
    as_json: AsJson = False,  # noqa: FBT002 - a flag
    timing: Timing = False,  # noqa: FBT002 - a flag
    index: IndexFolder = None,
    model: Model = None,
) -> None:
    """Answer a question from the guide, quoted and cited."""
    questions = _questions(question, batch)
    assistant = _opened(index, model)
    if questions is None:
        with watching() as seconds:
            answer = assistant.ask(_text(str(question)))
        console.print_json(answer.to_dict()) if as_json else output.show(answer)
        if timing:
            output.timed(seconds, answer.seconds)
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
        found = assistant.search(_text(str(question)), k)
        console.print_json(found.to_dict()) if as_json else output.listed(found)
        return
    _run_batch(questions, lambda line: assistant.search(line.text, k, line.turns).to_dict())


@app.command()
def chat(index: IndexFolder = None, model: Model = None) -> None:
    """Talk with the guide in the terminal; an empty line or Ctrl-D ends the talk."""
    _talk(_opened(index, model))


@app.command()
def client(
    url: Annotated[str, typer.Argument(help="Where the server's chat is opened.")],
    question: Words = None,
    key: Annotated[
        str, typer.Option("--key", envvar=settings.KEY, help="A key to it, where it needs one.")
    ] = "",
    as_json: AsJson = False,  # noqa: FBT002 - a flag
) -> None:
    """Ask the guide of a server; without a question, talk with it."""
    from assistant import client as client_module

    with client_module.connect(url, key=key) as guide:
        if question is None:
            _talk(guide)
            return
        answer = guide.ask(_text(question))
    console.print_json(answer.to_dict()) if as_json else output.show(answer)


@app.command()
def mcp(index: IndexFolder = None, model: Model = None) -> None:
    """Answer an agent that speaks MCP, over standard input and output."""
    assistant = _opened(index, model)
    from assistant.index import freshness
    from assistant.server.reload import Followed, Live
    from assistant.server.routes import mcp as agents
    from assistant.server.service import Service, title_of

    live = Live(assistant)
    chosen = settings.load(index=index, model=model)
    corpus = freshness.guide_of(chosen)
    with live.watch(Followed(corpus, chosen.index, expected=False)) if corpus else nullcontext():
        agents.speak(Service(live, title=chosen.title or title_of(live)))


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
    chosen = settings.load(
        host=host, port=port, corpus=corpus, index=index, model=model, base_url=base_url, site=site
    )
    from assistant.index import builder
    from assistant.server import app as server_app
    from assistant.server.reload import Followed, Live

    with ExitStack() as stack:

        def prepare(told: Progress) -> Live:
            encoder = output.encoder(
                chosen, told
            )  # one for building and serving: it is loaded once
            assistant, limits = _current(chosen, encoder, told)
            live = Live(assistant, limits)
            build = partial(
                builder.build,
                chosen.corpus,
                chosen.index,
                encoder,
                reading=builder.reading(chosen),
            )
            named = "corpus" in chosen.model_fields_set
            followed = Followed(chosen.corpus, chosen.index, build if watch else None, named)
            if limits:
                live.look(followed)  # before the first answer: it may be out of date
            stack.enter_context(live.watch(followed))
            return live

        with suppress(KeyboardInterrupt):  # Ctrl-C is how a chat is meant to end
            server_app.serve(prepare, chosen)


app.add_typer(admin.app)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit: 0 done, 2 mend what was typed, 3 mend what lies on disk."""
    console.prepare()
    command = typer.main.get_command(app)
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        sys.exit(command.main(args=words, prog_name="assistant", standalone_mode=False) or 0)
    except typer.Exit as exit_:
        sys.exit(exit_.exit_code)
    except AssistantError as error:
        _fail(error)
        sys.exit(error.exit_code)
    except typer.TyperException as error:
        console.say(error.format_message(), err=True)
        console.say("See: assistant --help, or --help after a command.", err=True)
        sys.exit(USAGE)
    except (typer.Abort, KeyboardInterrupt):
        console.say("Stopped.", err=True)
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output has gone; nothing more can be said to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    finally:
        console.finish()


def _fail(error: AssistantError) -> None:
    """Say what is wrong, and in another line how to fix it."""
    console.say(error.what, err=True)
    console.say(error.mend, err=True)


def _talk(guide: Guide) -> None:
    """Ask what is typed, as one talk, until nothing is."""
    conversation = guide.conversation()
    console.say("Ask the guide. An empty line ends the talk.", err=True)
    while True:
        try:
            question = console.ask("> ").strip()
        except (EOFError, KeyboardInterrupt):
            console.say(err=True)
            return
        if not question:
            return
        try:
            output.show(conversation.ask(question))
        except QuestionError as error:
            _fail(error)
        except ServerError as error:
            if error.retry_after is None:
                raise
            _fail(error)  # the talk goes on when the server does


def _opened(index: Path | None, model: str | None) -> Assistant:
    from assistant.assistant import Assistant

    _whose(settings.load(index=index, model=model))
    with output.Bars() as bars:
        assistant = Assistant.open(index, model=model, progress=bars.progress)
    for warning in assistant.warnings:
        console.say(warning, err=True)
    return assistant


def _whose(chosen: Settings) -> None:
    """Say so where the guide is one that nobody named."""
    if chosen.bundled:
        said = "No guide is named, and none is here: this is the one that comes with the assistant."
        console.say(said, err=True)


def _built(
    chosen: Settings,
    encoder: Encoder,
    report: Path | None = None,
    told: Progress | None = None,
) -> Built:
    """Build where needed, with progress bars, and say why and what came of it."""
    from assistant.index import builder

    _whose(chosen)
    with output.Bars(told) as bars:
        built = builder.build(
            chosen.corpus,
            chosen.index,
            encoder,
            reading=builder.reading(chosen),
            progress=bars.progress,
        )
    _tell(built.oddities, report)
    size = f"{_count(built.pages, 'page')}, {_count(built.passages, 'passage')}"
    if not built.reasons:
        console.say(f"Up to date: {size} in {chosen.index}.", err=True)
        return built
    changed = f"{built.kept:,} kept, {built.embedded:,} embedded, {built.removed:,} removed"
    cost = f"{built.seconds:.1f} s, {built.megabytes:.1f} MB in {chosen.index}."
    console.say(f"Built ({', '.join(built.reasons)}): {size}; {changed}; {cost}", err=True)
    return built


def _current(
    chosen: Settings, encoder: Encoder, told: Progress
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
        _waited(partial(_built, chosen, encoder, told=told), told)
    except (GuideError, IndexUnwritable) as error:
        unread = isinstance(error, GuideError)
        why = "the guide cannot be read" if unread else "it cannot be written"
        limits, failure = (f"The index is not brought up to date: {why}.",), error
    try:
        index = indexes.open(chosen.index)
    except AssistantError:
        if failure:
            raise failure from None
        raise
    if failure:
        console.say(f"The index is served as it is: {failure.what} {failure.mend}", err=True)
    return Assistant.calibrated(index, encoder, chosen.index), limits


def _waited(build: Callable[[], Built], told: Progress) -> Built:
    """Build, once no other process is building the same index."""
    waits = False
    while True:
        try:
            built = build()
        except IndexBusy as error:
            if not waits:
                console.say(f"{error.what} It is waited for.", err=True)
                told("waiting", 0, 1)
            waits = True
            time.sleep(_WAITING)
        else:
            if waits:
                told("waiting", 1, 1)
            return built


def _tell(oddities: Sequence[Oddity], report: Path | None) -> None:
    """Name what was odd: all of it in the report, here no more than can be read."""
    lines = [f"{oddity.path}:{oddity.line}: {oddity.what}" for oddity in oddities]
    if report:
        output.write(report, "".join(f"{console.entry(line)}\n" for line in lines))
    worst_first = sorted(range(len(lines)), key=lambda n: not oddities[n].unread)
    for number in worst_first[:_ODDITIES_SHOWN]:
        console.say(lines[number], err=True)
    more = len(lines) - _ODDITIES_SHOWN
    if more > 0:
        where = f"all are in {report}" if report else "name a file with --report to see all"
        console.say(f"… and {more:,} more that were odd: {where}.", err=True)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _questions(question: str | None, lines: str | None) -> list[batches.Line] | None:
    """The batch's questions, or None where one question was typed."""
    if (question is None) == (lines is None):
        raise QuestionError(
            "There is no question." if question is None else "There is a question and a batch.",
            "Give a question in quotes, or --batch FILE.",
        )
    return None if lines is None else batches.read(lines)


def _text(words: str) -> str:
    """Words as UTF-8, also where the locale is another and Python keeps their bytes as halves."""
    with suppress(UnicodeEncodeError):
        if any("\udc80" <= character <= "\udcff" for character in words):
            return os.fsencode(words).decode("utf-8", "replace")
    return words


def _run_batch(
    questions: Sequence[batches.Line], answer: Callable[[batches.Line], dict[str, Any]]
) -> None:
    """One JSON line a question, in order; a question that cannot be asked gets its error."""
    refused = 0
    for line in questions:
        try:
            console.print_json({"id": line.id, **answer(line)}, indent=None)
        except QuestionError as error:
            refused += 1
            console.print_json(
                {"id": line.id, "error": {"what": error.what, "mend": error.mend}}, indent=None
            )
    if refused:
        raise QuestionError(
            f"{_count(refused, 'question')} of the batch could not be asked.",
            "Their lines say why.",
        )
