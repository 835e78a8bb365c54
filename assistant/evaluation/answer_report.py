"""Report whole answers: the figures first, then kinds, guides and the worst misses."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from assistant import console
from assistant.evaluation import answer_quality
from assistant.evaluation.tables import Table, format_value, tabulate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from assistant.evaluation.answer_quality import AnswerOutcome, AnswerRecord
    from assistant.evaluation.evaluate import Measure

FOR_READING = "for reading"
"""The mark of a kind with few questions: read its answers, its share says little."""

INTERVAL_COLUMNS = ("95 % interval", "questions")
GUIDE_COLUMNS = ("good", "complete", "concise", "refused wrongly", "unanswerable refused")


def make_answer_tables(outcomes: Sequence[AnswerOutcome]) -> Iterator[Table]:
    """Make the tables of answer sets: all figures, the guides if there are several, the kinds."""
    if not outcomes:
        return
    rows = {
        name: answer_quality.measure_answer_quality(records)
        for name, records in answer_quality.subsets(outcomes)
    }
    name, figures = next(iter(rows.items()))
    yield Table(
        f"Answers: {name}",
        ("value", *INTERVAL_COLUMNS),
        tuple((measure, _format_figure(figure)) for measure, figure in figures.items()),
        head="measure",
    )
    if len(outcomes) > 1:
        guides = [(outcome.name, rows[outcome.name]) for outcome in outcomes]
        yield from tabulate("Answers by guide", guides, GUIDE_COLUMNS)
    kinds = answer_quality.measure_kinds(answer_quality.collect_records(outcomes))
    if kinds:
        yield Table(
            "Answers by kind of question",
            ("good", *INTERVAL_COLUMNS, ""),
            tuple(
                (kind, (*_format_figure(good), FOR_READING if is_small(good) else ""))
                for kind, good in kinds.items()
            ),
            head="kind",
        )


def _format_figure(figure: Measure) -> tuple[str, str, str]:
    """Format a figure, its interval and the number of its questions, each for its own column."""
    low, high = (f"{end:.{figure.decimals}f}" for end in (figure.low, figure.high))
    return format_value(figure), f"{low} to {high}", f"{figure.count:,}"


def is_small(measure: Measure) -> bool:
    """Whether a figure is from so few questions that it is only a hint what to read."""
    return measure.count < answer_quality.MIN_QUESTIONS


def print_misses(outcomes: Sequence[AnswerOutcome], limit: int) -> None:
    """Print the worst misses: what is wrong, the question, its gold sentence, and the answer."""
    for record in answer_quality.find_misses(answer_quality.collect_records(outcomes), limit):
        console.echo()
        question = console.one_line(record.question.text)
        console.echo(f"{record.fault} ({record.guide}): {question}", style="bold")
        for label, text in _describe(record):
            console.echo(f"{label}: {console.one_line(text)}", indent=2)


def _describe(record: AnswerRecord) -> Iterator[tuple[str, str]]:
    if record.question.gold:
        yield "gold", record.question.gold
    yield "answer", record.text or record.answer.text


def misses_to_dict(outcomes: Sequence[AnswerOutcome], limit: int) -> list[dict[str, Any]]:
    """Convert the worst misses to JSON types."""
    records = answer_quality.collect_records(outcomes)
    return [
        {
            "set": record.guide,
            "id": record.question.id,
            "kind": record.question.kind,
            "fault": record.fault,
            "question": record.question.text,
            "gold": record.question.gold,
            "answer": record.text,
            "confidence": round(record.answer.confidence, 4),
        }
        for record in answer_quality.find_misses(records, limit)
    ]


def render_misses(outcomes: Sequence[AnswerOutcome], limit: int) -> str:
    """Render the worst misses as a table of HTML; empty where there are none."""
    misses = answer_quality.find_misses(answer_quality.collect_records(outcomes), limit)
    rows = [
        (record.question.text, record.question.gold, record.fault, record.text) for record in misses
    ]
    if not rows:
        return ""
    head = "<tr><th>question</th><th>gold</th><th>fault</th><th>answer</th></tr>"
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows
    )
    return f'<h2>Worst misses</h2><div><table class="worst">{head}{body}</table></div>'
