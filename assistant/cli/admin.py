"""Commands for administrators: verify, feedback, forget, eval, calibrate, doctor and keys."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assistant import console, files, settings
from assistant.cli import output
from assistant.cli.options import AsJson, Corpus, Device, IndexFolder, Model, warn_renamed
from assistant.errors import EXIT_STATE, QuestionError, SettingsError, VerifyError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assistant.server.answer_log import AnswerLog

app = typer.Typer()
keys = typer.Typer(no_args_is_help=True, help="Add, list and revoke the API keys of a server.")
app.add_typer(keys, name="keys")

Name = Annotated[str, typer.Argument(help="The owner of the key.", show_default=False)]
Scopes = Annotated[
    list[str] | None,
    typer.Option("--scope", help="What it allows: read, feedback or admin; repeatable."),
]


@app.command()
def verify(
    answer: Annotated[Path, typer.Argument(help="A file with the output of ask --json.")],
    corpus: Corpus = None,
    index: IndexFolder = None,
) -> None:
    """Check every quote of an answer against the files of the guide."""
    from assistant.verify import verify_saved_answer

    config = output.find_corpus(settings.load_settings(corpus=corpus, index=index))
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
    quotes = verify_saved_answer(data, config.corpus, config.index)
    console.echo(f"Verified {output.count_noun(quotes, 'quote')} in the guide.")


@app.command()
def feedback(
    index: IndexFolder = None,
    limit: Annotated[int, typer.Option(min=1, help="The largest number of answers.")] = 100,
    most: Annotated[int | None, typer.Option(min=1, hidden=True)] = None,
    as_json: AsJson = False,  # noqa: FBT002 - a flag
) -> None:
    """List votes and comments on answers, newest first."""
    if most is not None:
        warn_renamed("--most", "--limit")
    with _open_answer_log(index) as log:
        for rating in log.ratings(limit if most is None else most):
            if as_json:
                console.print_json(output.rating_to_dict(rating), indent=None)
            else:
                output.print_rating(rating)


@app.command(hidden=True)
def opinions(
    index: IndexFolder = None,
    most: Annotated[int, typer.Option(min=1)] = 100,
    as_json: AsJson = False,  # noqa: FBT002 - a flag
) -> None:
    """List votes and comments as feedback does, under its name of version 0.1."""
    warn_renamed("assistant opinions", "assistant feedback")
    feedback(index, most, None, as_json)


@app.command()
def forget(
    match: Annotated[str, typer.Option("--match", help="Text to search for, in any case.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,  # noqa: FBT002
    index: IndexFolder = None,
) -> None:
    """Remove stored answers and comments that contain a text."""
    if not match.strip():
        raise QuestionError("There is no text to search for.", "Name one: --match TEXT")
    with _open_answer_log(index) as log:
        matches = log.find_text(match)
        answers = output.count_noun(len(matches.answers), "answer")
        count = f"{answers} and {output.count_noun(len(matches.votes), 'comment')}"
        if not (matches.answers or matches.votes):
            console.echo("No stored answer or comment contains this text.")
            return
        if not yes:
            console.echo(f"Found this text in {count}.", err=True)
            try:
                reply = console.prompt("Remove them? [y/N] ")
            except EOFError:
                reply = ""
            if reply.strip().casefold() not in {"y", "yes"}:
                console.echo(
                    "Nothing was removed. Use --yes to remove without this question.", err=True
                )
                raise typer.Exit(1)
        log.delete(matches)
    console.echo(f"Removed {count}.")


@contextmanager
def _open_answer_log(index: Path | None) -> Iterator[AnswerLog]:
    from assistant.server.answer_log import AnswerLog

    config = settings.load_settings(index=index)
    if not config.answer_log_url:
        raise SettingsError(
            "Answers are not stored: the setting journal is off.", "Set journal to a database."
        )
    days, megabytes = config.keep_days, config.journal_megabytes
    log = AnswerLog.open(config.answer_log_url, days=days, megabytes=megabytes)
    try:
        yield log
    finally:
        log.close()


@app.command("eval")
def evaluate(
    folders: Annotated[
        list[Path], typer.Argument(help="Folders with questions and their expected answers.")
    ],
    work: Annotated[Path, typer.Option("--work", help="The folder for their indexes.")] = Path(
        "build/eval"
    ),
    limit: Annotated[
        int | None, typer.Option(min=1, help="The largest number of questions of a set.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write the report as an HTML page.")
    ] = None,
    junit: Annotated[
        Path | None, typer.Option("--junit", help="Write the goals as JUnit tests.")
    ] = None,
    goals: Annotated[
        Path | None,
        typer.Option("--goals", help="Goals as TOML: measures and the values to reach."),
    ] = None,
    misses: Annotated[
        int,
        typer.Option("--misses", min=0, help="Print this many of the worst misses of answer sets."),
    ] = 0,
    as_json: AsJson = False,  # noqa: FBT002 - a flag
    model: Model = None,
) -> None:
    """Measure the quality of answers on questions with known answers; exit 1 below a goal."""
    from assistant.evaluation import answer_quality, answer_sets, report
    from assistant.evaluation import evaluate as evaluation

    goal_values = report.read_goals(goals) if goals else {}
    config = settings.load_settings(model=model)
    sets, other_sets = answer_sets.read_sets(folders, work)
    encoder = output.load_encoder(config)  # after reading the sets, which may be malformed
    answers, outcomes = [], []
    for answer_set in sets:
        with output.ProgressBars() as bars:
            answers.append(
                answer_quality.evaluate_answers(
                    answer_set.sample(limit), work, encoder, progress=bars.progress
                )
            )
    for dataset in other_sets:
        with output.ProgressBars() as bars:
            outcomes.append(
                evaluation.evaluate(dataset.sample(limit), work, encoder, progress=bars.progress)
            )
    if as_json:
        console.print_json(report.to_dict(outcomes, answers, misses=misses))
    else:
        report.print_report(outcomes, answers, misses=misses)
    if html:
        output.write_file(html, report.render_report(outcomes, answers))
    if junit:
        output.write_file(junit, report.render_junit(outcomes, goal_values, answers))
    missed = report.find_missed_goals(outcomes, goal_values, answers)
    for line in missed:
        console.echo(line, err=True)
    if missed:
        raise typer.Exit(1)


@app.command()
def calibrate(
    index: IndexFolder = None,
    questions: Annotated[
        Path | None,
        typer.Option("--questions", help="JSON lines with the fields text and answerable."),
    ] = None,
    refuse: Annotated[
        float,
        typer.Option(min=0.001, max=0.5, help="The share of answerable questions to refuse."),
    ] = 0.05,
    lost: Annotated[float | None, typer.Option(min=0.001, max=0.5, hidden=True)] = None,
    reset: Annotated[bool, typer.Option("--reset", help="Restore the default threshold.")] = False,  # noqa: FBT002
    as_json: AsJson = False,  # noqa: FBT002 - a flag
    model: Model = None,
) -> None:
    """Tune the answer threshold on your own questions; without questions, only report."""
    from assistant.evaluation import calibration
    from assistant.index import index as indexes

    if lost is not None:
        warn_renamed("--lost", "--refuse")
        refuse = lost
    config = settings.load_settings(index=index, model=model)
    if reset:
        removed = calibration.reset_calibration(config.index)
        console.echo(
            "Restored the default threshold." if removed else "The default threshold is in use."
        )
        return
    own_questions = calibration.read_questions(questions) if questions else None
    opened, encoder = indexes.open_index(config.index), output.load_encoder(config)
    opened.check_model(encoder)
    with output.ProgressBars() as bars:
        scored = own_questions or calibration.make_questions(opened.store)
        scores = calibration.score_questions(opened.store, encoder, scored, progress=bars.progress)
    result = calibration.fit_threshold(
        *scores, max_lost=refuse, kept_reason="" if own_questions else calibration.SYNTHETIC_NOTE
    )
    if own_questions:
        calibration.write_calibration(config.index, result, encoder.identity)
    if as_json:
        console.print_json(asdict(result))
        return
    for line in str(result).split("\n"):
        console.echo(line)


@app.command()
def doctor(
    corpus: Corpus = None,
    index: IndexFolder = None,
    model: Model = None,
    device: Device = None,
    as_json: AsJson = False,  # noqa: FBT002 - a flag
) -> None:
    """Check this installation, the guide and the index, and suggest fixes."""
    from assistant.cli import doctor as doctors

    config = output.find_corpus(
        settings.load_settings(corpus=corpus, index=index, model=model, device=device)
    )
    checks = []
    for check in doctors.run_checks(config):
        checks.append(check)
        if not as_json:
            console.echo(f"{'FAILS' if check.hint else 'ok':5}  {check.name}: {check.result}")
            if check.hint:
                console.echo(f"       {check.hint}")
    if as_json:
        console.print_json({"checks": [asdict(check) for check in checks]})
    if any(check.hint for check in checks):
        raise typer.Exit(EXIT_STATE)


@keys.command("add")
def add_key(name: Name, scopes: Scopes = None, index: IndexFolder = None) -> None:
    """Add a key and print it once: only its digest is stored. Without --scope it may read."""
    from assistant.server.security.api_keys import ApiKeys

    config = settings.load_settings(index=index)
    console.echo(ApiKeys(config.keys_file).add(name, scopes or ["read"]))
    note = (
        f"Copy the key for {name} now: it cannot be shown again. "
        f"Its digest is in {config.keys_file}."
    )
    console.echo(note, err=True)


@keys.command("list")
def list_keys(index: IndexFolder = None, as_json: AsJson = False) -> None:  # noqa: FBT002 - a flag
    """List the keys: when each was added, its owner and its scopes."""
    from assistant.server.security.api_keys import ApiKeys

    all_keys = ApiKeys(settings.load_settings(index=index).keys_file).list_keys()
    if as_json:
        data = [{"name": k.name, "scopes": list(k.scopes), "added": k.added} for k in all_keys]
        console.print_json({"keys": data})
        return
    for key in all_keys:
        console.echo(f"{key.added}  {key.name}  ({', '.join(key.scopes)})")
    if not all_keys:
        console.echo("There are no keys. Add one: assistant keys add NAME", err=True)


@keys.command("revoke")
def revoke_key(name: Name, index: IndexFolder = None) -> None:
    """Revoke a key; a running server refuses it from the next request on."""
    from assistant.server.security.api_keys import ApiKeys

    ApiKeys(settings.load_settings(index=index).keys_file).revoke(name)
    console.echo(f"Revoked the key for {name}.", err=True)
