"""Report an evaluation: tables, a page with curves, JSON, and goals as JUnit."""

from __future__ import annotations

import tomllib
from html import escape
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from assistant import console, files
from assistant.errors import SettingsError
from assistant.evaluation import answer_quality, answer_report, evaluate, metrics, tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from assistant.evaluation.answer_quality import AnswerOutcome
    from assistant.evaluation.evaluate import Measure, Outcome, Record
    from assistant.evaluation.tables import Table

    Goals = Mapping[str, Mapping[str, float]]

MAX_WORST_MISSES = 15
"""How many of a set's worst misses the page shows."""

_LOWER_IS_BETTER = {"ECE", "lost", "median words", "refused wrongly"}


def collect_measures(
    outcomes: Iterable[Outcome], answers: Sequence[AnswerOutcome] = ()
) -> dict[str, dict[str, Measure]]:
    """Collect every measure of every set, for the last retriever: the one that answers."""
    measures = answer_quality.collect_answer_measures(answers)
    for outcome in outcomes:
        for name, records in outcome.subsets():
            measures.setdefault(name, {}).update(
                {
                    **evaluate.measure_ranking(records, evaluate.RETRIEVER_NAMES[-1]),
                    **evaluate.measure_answers(records),
                    **evaluate.measure_refusals(records),
                }
            )
        measures.setdefault(outcome.name, {}).update(evaluate.measure_robustness(outcome))
    return measures


def make_tables(
    outcomes: Sequence[Outcome], answers: Sequence[AnswerOutcome] = ()
) -> Iterator[Table]:
    """Make the tables: answer sets; then ranking by retriever, answers, refusals, robustness."""
    yield from answer_report.make_answer_tables(answers)
    ranked = [
        (f"{name} · {retriever}", evaluate.measure_ranking(records, retriever))
        for outcome in outcomes
        for name, records in outcome.subsets()
        for retriever in evaluate.RETRIEVER_NAMES
        if retriever != evaluate.RETRIEVER_NAMES[-1]
        or any(record.case.history for record in records)
    ]
    measures = list(collect_measures(outcomes).items())
    yield from tables.tabulate("Ranking", ranked, "nDCG@10 R@1 R@5 R@10 MRR page@5".split())
    yield from tables.tabulate("Answers", measures, "F1 evidence answered".split())
    yield from tables.tabulate(
        "Refusals", measures, ("AUROC", "caught at 5 % lost", "refused", "lost", "ECE")
    )
    yield from tables.tabulate(
        "Conversation and spelling", measures, "misspelt rewritten copied".split()
    )


def describe_latency(outcomes: Iterable[Outcome | AnswerOutcome]) -> Iterator[str]:
    """Describe how long answers took, one line per set."""
    for outcome in outcomes:
        if outcome.records:
            median, slow = evaluate.measure_latency([record.answer for record in outcome.records])
            count = len(outcome.records)
            yield (
                f"{outcome.name}: {count:,} questions, half of them within {median * 1000:.0f} ms, "
                f"95 % within {slow * 1000:.0f} ms"
            )


def print_report(
    outcomes: Sequence[Outcome], answers: Sequence[AnswerOutcome] = (), *, misses: int = 0
) -> None:
    """Print the tables, the latencies, and that many worst misses of the answer sets."""
    tables.print_tables(make_tables(outcomes, answers))
    for line in describe_latency([*answers, *outcomes]):
        console.echo(line)
    answer_report.print_misses(answers, misses)


def to_dict(
    outcomes: Sequence[Outcome], answers: Sequence[AnswerOutcome] = (), *, misses: int = 0
) -> dict[str, Any]:
    """Convert all figures with their intervals to JSON types, by set and measure.

    A figure of a kind of question that is too rare is marked `for_reading`. With `misses` there is
    a list of that many `worst misses` of the answer sets.
    """
    report: dict[str, Any] = {
        name: {measure: _figure_to_dict(figure) for measure, figure in row.items()}
        for name, row in collect_measures(outcomes, answers).items()
    }
    for name in answer_quality.name_kinds(answers):
        for figure in report[name].values():
            figure["for_reading"] = figure["count"] < answer_quality.MIN_QUESTIONS
    if misses:
        report["worst misses"] = answer_report.misses_to_dict(answers, misses)
    return report


def _figure_to_dict(figure: Measure) -> dict[str, Any]:
    return {
        "value": round(figure.value, 4),
        "interval": [round(figure.low, 4), round(figure.high, 4)],
        "count": figure.count,
    }


def read_goals(path: Path) -> Goals:
    """Read the value that each measure of each set has to reach: TOML with one table per set.

    Raises SettingsError for a file that cannot be read or that contains a goal that is no number.
    """
    try:
        goals = tomllib.loads(files.read_text(path))
    except (OSError, RecursionError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or error
        raise SettingsError(f"{path} cannot be read: {reason}.", "Name a TOML file.") from error
    if not all(isinstance(value, dict) for value in goals.values()):
        raise SettingsError(f"{path} has a goal outside a set.", 'Write ["set"] above its goals.')
    for name, own_goals in goals.items():
        for measure, goal in own_goals.items():
            if isinstance(goal, bool) or not isinstance(goal, int | float):
                raise SettingsError(
                    f"{path}: the goal {measure} of {name} is not a number.",
                    "Write for example 0.8.",
                )
    return goals


def find_missed_goals(
    outcomes: Sequence[Outcome], goals: Goals, answers: Sequence[AnswerOutcome] = ()
) -> list[str]:
    """List the goals that are not reached or were not measured, one line each."""
    return [line for _, _, line in _check_goals(outcomes, goals, answers) if line]


def _check_goals(
    outcomes: Sequence[Outcome], goals: Goals, answers: Sequence[AnswerOutcome]
) -> Iterator[tuple[str, str, str]]:
    """List set, measure, and the problem with its goal; empty where the goal is reached."""
    for name, measures in collect_measures(outcomes, answers).items():
        for measure, goal in goals.get(name, {}).items():
            figure = measures.get(measure)
            less = measure in _LOWER_IS_BETTER
            if figure is None:
                yield name, measure, f"{name}: {measure} was not measured"
            elif figure.value > goal if less else figure.value < goal:
                over = "over" if less else "under"
                yield name, measure, f"{name}: {measure} {figure.value:.3f} is {over} {goal}"
            else:
                yield name, measure, ""


def render_junit(
    outcomes: Sequence[Outcome], goals: Goals, answers: Sequence[AnswerOutcome] = ()
) -> str:
    """Render the goals as test cases, in the XML that continuous integration reads."""
    suite = ET.Element("testsuite", name="assistant eval")
    failures = 0
    for name, measure, wrong in _check_goals(outcomes, goals, answers):
        case = ET.SubElement(suite, "testcase", classname=name, name=measure)
        if wrong:
            failures += 1
            ET.SubElement(case, "failure", message=wrong)
    suite.set("tests", str(len(suite)))
    suite.set("failures", str(failures))
    return ET.tostring(suite, encoding="unicode", xml_declaration=True)


# -- the page -------------------------------------------------------------------------------------

_STYLE = """
:root {
  color-scheme: light dark;
  --ink: light-dark(#1d2327, #e7e9ea);
  --soft: light-dark(#545d64, #a4adb3);
  --line: light-dark(#dedbd5, #343d42);
  --mark: light-dark(#0b5c6b, #6fc7d6);
}
body { max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .8rem; text-align: right; border-bottom: 1px solid var(--line); }
.wide :is(th, td) { white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
small { color: var(--soft); }
.worst :is(th, td) { text-align: left; vertical-align: top; }
figure { display: inline-block; margin: 1rem 2rem 1rem 0; }
figcaption { color: var(--soft); max-width: 20rem; font-size: .9rem; }
svg { display: block; }
"""


def render_report(outcomes: Sequence[Outcome], answers: Sequence[AnswerOutcome] = ()) -> str:
    """Render a page of HTML with the tables, the curves of each set, and the worst misses."""
    body = ["<h1>Evaluation of the answers</h1>"]
    body.append("<p>In brackets: the interval of 95 % of resamples of the questions.</p>")
    body += map(tables.render_table, make_tables(outcomes, answers))
    body += [f"<p>{escape(line)}</p>" for line in describe_latency([*answers, *outcomes])]
    body.append(answer_report.render_misses(answers, MAX_WORST_MISSES))
    for outcome in outcomes:
        curves, worst = "".join(_render_curves(outcome)), _render_worst_misses(outcome.records)
        if curves or worst:
            body.append(f"<h2>{escape(outcome.name)}</h2>{curves}{worst}")
    title = "<title>Evaluation</title><meta name=viewport content='width=device-width'>"
    start = f"<!doctype html><html lang=en><meta charset=utf-8>{title}<style>{_STYLE}</style>"
    return start + "\n".join(filter(None, body)) + "\n"


def _render_curves(outcome: Outcome) -> Iterator[str]:
    confidences, answerable = evaluate.collect_confidences(outcome.records)
    if len(confidences) and answerable.any() and not answerable.all():
        points = [
            (mean, share) for mean, share, _ in metrics.reliability_bins(confidences, answerable)
        ]
        yield _render_curve(
            points,
            "Reliability: the predicted probability, and how often the guide did answer.",
            "predicted",
            "true",
            diagonal=True,
        )
        yield _render_curve(
            metrics.risk_coverage(confidences, answerable),
            "Risk and coverage: of the questions answered, the share the guide has no answer to.",
            "share answered",
            "of these wrong",
        )


_PLOT_SIZE, _PLOT_MARGIN = 280, 36


def _render_curve(
    points: Sequence[tuple[float, float]], caption: str, x: str, y: str, *, diagonal: bool = False
) -> str:
    """Render a curve over the unit square as SVG."""

    def place(point: tuple[float, float]) -> str:
        left, top = _PLOT_MARGIN + point[0] * _PLOT_SIZE, _PLOT_SIZE - point[1] * _PLOT_SIZE + 8
        return f"{left:.1f},{top:.1f}"

    step = max(1, len(points) // 400)
    line = " ".join(map(place, [*points[::step], points[-1]]))
    frame = " ".join(map(place, [(0, 1), (0, 0), (1, 0)]))
    ideal = f'<polyline points="{place((0, 0))} {place((1, 1))}" stroke="var(--line)"/>'
    dots = "".join(
        '<circle cx="{}" cy="{}" r="3" fill="var(--mark)"/>'.format(*place(point).split(","))
        for point in (points if diagonal else ())
    )
    low = _PLOT_SIZE + 26
    labels = (
        f'<text x="{_PLOT_MARGIN}" y="{low}">0</text>'
        f'<text x="{_PLOT_MARGIN + _PLOT_SIZE}" y="{low}" text-anchor="end">{escape(x)} 1</text>'
        f'<text x="{_PLOT_MARGIN - 8}" y="16" text-anchor="end">1</text>'
        f'<text x="{_PLOT_MARGIN + 8}" y="16">{escape(y)}</text>'
    )
    return (
        f'<figure><svg width="{_PLOT_SIZE + _PLOT_MARGIN + 8}" height="{_PLOT_SIZE + 32}" '
        f'role="img" fill="none" '
        f'aria-label="{escape(caption)}"><polyline points="{frame}" stroke="var(--soft)"/>'
        f'{ideal if diagonal else ""}<polyline points="{line}" stroke="var(--mark)" '
        f'stroke-width="2"/>{dots}<g fill="var(--soft)" font-size="11">{labels}</g></svg>'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def _render_worst_misses(records: Sequence[Record]) -> str:
    """Render the questions whose gold ranks lowest, with what ranked first instead."""
    last = evaluate.RETRIEVER_NAMES[-1]
    with_gold = [record for record in records if record.gold]
    worst = sorted(with_gold, key=lambda r: metrics.reciprocal_rank(r.rankings[last], r.gold))
    rows = []
    for record in worst[:MAX_WORST_MISSES]:
        rank = metrics.reciprocal_rank(record.rankings[last], record.gold)
        instead = record.answer.hits[0].passage.heading_path if record.answer.hits else "nothing"
        cells: tuple[Any, ...] = (
            record.answer.understood_as,
            ", ".join(sorted(record.gold)),
            f"{1 / rank:.0f}" if rank else "not ranked",
            instead,
        )
        rows.append("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in cells) + "</tr>")
    if not rows:
        return ""
    head = "<tr><th>question</th><th>gold</th><th>its rank</th><th>first instead</th></tr>"
    return f'<h3>Worst misses</h3><table class="worst">{head}{"".join(rows)}</table>'
