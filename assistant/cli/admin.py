"""The commands of those who keep a guide and its server: checks, figures, opinions, keys.

Knows flags and what each command prints. Must not know how any of it is found out.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assistant import console, files, settings
from assistant.cli import output
from assistant.cli.options import AsJson, Corpus, Device, IndexFolder, Model
from assistant.errors import EXIT_STATE, QuestionError, SettingsError, VerifyError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assistant.server.answer_log import AnswerLog

app = typer.Typer()
keys = typer.Typer(no_args_is_help=True, help="Make, list and end the keys to a server.")
app.add_typer(keys, name="keys")

Name = Annotated[str, typer.Argument(help="Who the key is for.", show_default=False)]
Scopes = Annotated[
    list[str] | None,
    typer.Option("--scope", help="What it allows: read, feedback, admin; more than one may be."),
]


@app.command()
def verify(
    answer: Annotated[Path, typer.Argument(help="An answer as `ask --json` printed it.")],
    corpus: Corpus = None,
    index: IndexFolder = None,
) -> None:
    """Check every quote of an answer against the guide's own files."""
    from assistant.verify import verify_saved_answer as check

    chosen = settings.load_settings(corpus=corpus, index=index)
    try:
        data = json.loads(files.read_bytes(answer))
    except OSError as error:
        raise VerifyError(
            f"{answer} cannot be read: {error.strerror}.", "Name an answer file."
        ) from error
    except (RecursionError, ValueError) as error:
        raise VerifyError(
            f"{answer} is not JSON: {error}", "Save one with: assistant ask QUESTION --json"
        ) from error
    quotes = check(data, chosen.corpus, chosen.index)
    console.echo(f"{quotes} {'quote stands' if quotes == 1 else 'quotes stand'} in the guide.")


@app.command()
def opinions(
    index: IndexFolder = None,
    most: Annotated[int, typer.Option(min=1, help="How many at most.")] = 100,
    as_json: AsJson = False,  # noqa: FBT002 - a flag
) -> None:
    """Print how many readers each answer helped and what they wrote, the newest first."""
    with _open_answer_log(index) as journal:
        for rating in journal.ratings(most):
            if as_json:
                console.print_json(output.rating_to_dict(rating), indent=None)
            else:
                output.print_rating(rating)


@app.command()
def forget(
    match: Annotated[str, typer.Option("--match", help="A text that they hold.")],
    yes: Annotated[bool, typer.Option("--yes", help="Remove them without asking.")] = False,  # noqa: FBT002
    index: IndexFolder = None,
) -> None:
    """Remove from the journal the answers and comments that hold a text, in whatever case."""
    if not match.strip():
        raise QuestionError("There is no text to look for.", "Name one: --match TEXT")
    with _open_answer_log(index) as journal:
        found = journal.find_text(match)
        count = f"answers: {len(found.answers):,}, ratings with a comment: {len(found.votes):,}"
        if not (found.answers or found.votes):
            console.echo("Nothing that is kept holds this text.")
            return
        if not yes:
            console.echo(f"They hold this text: {count}.", err=True)
            try:
                sure = console.prompt("Remove them? [y/N] ")
            except EOFError:
                sure = ""
            if sure.strip().casefold() not in {"y", "yes"}:
                console.echo(
                    "Nothing is removed. To remove them without a question: --yes", err=True
                )
                raise typer.Exit(1)
        journal.delete(found)
    console.echo(f"Removed ({count}).")


@contextmanager
def _open_answer_log(index: Path | None) -> Iterator[AnswerLog]:
    from assistant.server.answer_log import AnswerLog

    chosen = settings.load_settings(index=index)
    if not chosen.answer_log_url:
        raise SettingsError("Nothing is kept: the journal is off.", "Set journal to a database.")
    days, megabytes = chosen.keep_days, chosen.journal_megabytes
    journal = AnswerLog.open(chosen.answer_log_url, days=days, megabytes=megabytes)
    try:
        yield journal
    finally:
        journal.close()


@app.command("eval")
def evaluate(
    folders: Annotated[list[Path], typer.Argument(help="Folders of questions with answers.")],
    work: Annotated[Path, typer.Option("--work", help="Where their indexes are kept.")] = Path(
        "build/eval"
    ),
    limit: Annotated[int | None, typer.Option(min=1, help="Ask at most so many a set.")] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write a page to look at.")] = None,
    junit: Annotated[Path | None, typer.Option("--junit", help="Write the goals as tests.")] = None,
    goals: Annotated[Path | None, typer.Option("--goals", help="What to reach, as TOML.")] = None,
    as_json: AsJson = False,  # noqa: FBT002 - a flag
    model: Model = None,
) -> None:
    """Measure the answers on questions whose answers are known; exit 1 where a goal is missed."""
    from assistant.evaluation import datasets, report
    from assistant.evaluation import evaluate as evaluation

    wanted = report.read_goals(goals) if goals else {}
    chosen = settings.load_settings(model=model)
    sets = [given for folder in folders for given in datasets.read_datasets(folder, work)]
    encoder = output.load_encoder(chosen)  # after what may be wrong with the sets
    outcomes = []
    for given in sets:
        with output.ProgressBars() as bars:
            done = evaluation.evaluate(given.sample(limit), work, encoder, progress=bars.progress)
        outcomes.append(done)
    console.print_json(report.to_dict(outcomes)) if as_json else report.print_report(outcomes)
    for path, text in (
        (html, report.render_report),
        (junit, partial(report.render_junit, goals=wanted)),
    ):
        if path:
            output.write_file(path, text(outcomes))
    missed = report.find_missed_goals(outcomes, wanted)
    for line in missed:
        console.echo(line, err=True)
    if missed:
        raise typer.Exit(1)


@app.command()
def calibrate(
    index: IndexFolder = None,
    questions: Annotated[
        Path | None, typer.Option("--questions", help="JSON lines: text, and whether answerable.")
    ] = None,
    lost: Annotated[
        float, typer.Option(min=0.001, max=0.5, help="The share of answerable ones to refuse.")
    ] = 0.05,
    reset: Annotated[bool, typer.Option("--reset", help="Go back to the shipped bar.")] = False,  # noqa: FBT002
    as_json: AsJson = False,  # noqa: FBT002 - a flag
    model: Model = None,
) -> None:
    """Fit to questions of yours from when on the guide answers; without any, only report."""
    from assistant.evaluation import calibration
    from assistant.index import index as indexes

    chosen = settings.load_settings(index=index, model=model)
    if reset:
        forgotten = calibration.reset_calibration(chosen.index)
        console.echo("The shipped bar is used again." if forgotten else "There is no other bar.")
        return
    given = calibration.read_questions(questions) if questions else None
    opened, encoder = indexes.open_index(chosen.index), output.load_encoder(chosen)
    opened.check_model(encoder)
    with output.ProgressBars() as bars:
        asked = given or calibration.make_questions(opened.store)
        scores = calibration.score_questions(opened.store, encoder, asked, progress=bars.progress)
    found = calibration.fit_threshold(
        *scores, max_lost=lost, kept_reason="" if given else calibration.SYNTHETIC_NOTE
    )
    if given:
        calibration.write_calibration(chosen.index, found, encoder.identity)
    if as_json:
        console.print_json(asdict(found))
        return
    for line in str(found).split("\n"):
        console.echo(line)


@app.command()
def doctor(
    corpus: Corpus = None,
    index: IndexFolder = None,
    model: Model = None,
    device: Device = None,
    as_json: AsJson = False,  # noqa: FBT002 - a flag
) -> None:
    """Say what is in use here and whether it is well, with the mend of what is not."""
    from assistant.cli import doctor as doctors

    chosen = settings.load_settings(corpus=corpus, index=index, model=model, device=device)
    found = []
    for check in doctors.run_checks(chosen):
        found.append(check)
        if not as_json:
            console.echo(f"{'FAILS' if check.hint else 'ok':5}  {check.name}: {check.result}")
            if check.hint:
                console.echo(f"       {check.hint}")
    if as_json:
        console.print_json({"checks": [asdict(check) for check in found]})
    if any(check.hint for check in found):
        raise typer.Exit(EXIT_STATE)


@keys.command("add")
def add_key(name: Name, scopes: Scopes = None, index: IndexFolder = None) -> None:
    """Make a key and print it, this once: it is kept as a digest. It may read, unless told."""
    from assistant.server.security.api_keys import ApiKeys

    chosen = settings.load_settings(index=index)
    console.echo(ApiKeys(chosen.keys_file).add(name, scopes or ["read"]))
    kept = f"The key for {name} is not shown again. Its digest is in {chosen.keys_file}."
    console.echo(kept, err=True)


@keys.command("list")
def list_keys(index: IndexFolder = None, as_json: AsJson = False) -> None:  # noqa: FBT002 - a flag
    """Print who has a key, what it allows and when it was made."""
    from assistant.server.security.api_keys import ApiKeys

    made = ApiKeys(settings.load_settings(index=index).keys_file).list_keys()
    if as_json:
        told = [{"name": k.name, "scopes": list(k.scopes), "added": k.added} for k in made]
        console.print_json({"keys": told})
        return
    for key in made:
        console.echo(f"{key.added}  {key.name}  ({', '.join(key.scopes)})")
    if not made:
        console.echo("There are no keys. Make one: assistant keys add NAME", err=True)


@keys.command("revoke")
def revoke_key(name: Name, index: IndexFolder = None) -> None:
    """End a key; a server that is running refuses it from the next request on."""
    from assistant.server.security.api_keys import ApiKeys

    ApiKeys(settings.load_settings(index=index).keys_file).revoke(name)
    console.echo(f"The key for {name} is no more.", err=True)
