"""Report whole answers: the figures first, then kinds, guides and the worst misses."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from assistant import console
from assistant.evaluation import answer_quality
from assistant.evaluation.answer_quality import MIN_QUESTIONS, AnswerOutcome
from assistant.evaluation.tables import Table, tabulate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from assistant.evaluation.answer_quality import AnswerRecord
    from assistant.evaluation.evaluate import Measure

FOR_READING = "for reading"
"""The mark of a kind with few questions: read its answers, its share says little."""

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
        ("value", "questions"),
        tuple((measure, (figure, f"{figure.count:,}")) for measure, figure in figures.items()),
        head="measure",
    )
    if len(outcomes) > 1:
        guides = [(outcome.name, rows[outcome.name]) for outcome in outcomes]
        yield from tabulate("Answers by guide", guides, GUIDE_COLUMNS)
    kinds = answer_quality.measure_kinds(answer_quality.collect_records(outcomes))
    if kinds:
        yield Table(
            "Answers by kind of question",
            ("good", "questions", ""),
            tuple(
                (kind, (good, f"{good.count:,}", FOR_READING if is_small(good) else ""))
                for kind, good in kinds.items()
            ),
            head="kind",
        )


def is_small(measure: Measure) -> bool:
    """Whether a figure is from so few questions that it is only a hint what to read."""
    return measure.count < MIN_QUESTIONS


def print_misses(outcomes: Sequence[AnswerOutcome], limit: int) -> None:
    """Print the worst misses: the question, its gold sentence, and the answer."""
    for record in answer_quality.find_misses(answer_quality.collect_records(outcomes), limit):
        console.echo()
        question = console.one_line(record.question.text)
        console.echo(f"{record.fault}: {question}", style="bold")
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
