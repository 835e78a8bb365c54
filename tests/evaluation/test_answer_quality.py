"""The figures of answer sets, against values worked out by hand."""

from __future__ import annotations

import json
import math

import pytest

from assistant.evaluation import answer_quality, answer_report, answer_sets, report
from assistant.evaluation.answer_quality import AnswerOutcome, AnswerRecord
from assistant.evaluation.answer_sets import AnswerQuestion
from tests.answered import REFUSED as REFUSAL
from tests.answered import answer

GOLD = "The lock opens at 06:15"
PADDING = " ".join(["word"] * 100)


def record(
    text: str, *, kind: str = "fact", rank: int | None = 1, confidence: float = 0.5, **labels
) -> AnswerRecord:
    values = {"answerable": True, "gold": GOLD, "pages": frozenset({"p.md"})} | labels
    question = AnswerQuestion("1", "when?", kind=kind, **values)
    outcome = answer(confidence=confidence, **({} if text else REFUSAL))
    return AnswerRecord("canal", question, outcome, text, rank)


def unanswerable(text: str, confidence: float) -> AnswerRecord:
    return record(
        text, confidence=confidence, rank=None, answerable=False, gold="", pages=frozenset()
    )


GOOD = record(GOLD, confidence=0.9)
LONG = record(f"{GOLD} {PADDING}", confidence=0.8, rank=3)
POOR = record("The lock opens", confidence=0.6, kind="table")
REFUSED = record("", confidence=0.2, rank=None, kind="table")
CORRECTLY_REFUSED = unanswerable("", 0.1)
ANSWERED = unanswerable("Boats are white.", 0.7)
ALL = [GOOD, LONG, POOR, REFUSED, CORRECTLY_REFUSED, ANSWERED]


def values(records) -> dict[str, float]:
    measures = answer_quality.measure_answer_quality(records)
    return {name: measure.value for name, measure in measures.items()}


def test_all_figures_of_six_questions():
    assert values(ALL) == {
        "good": 1 / 4,
        "complete": 2 / 4,
        "concise": 2 / 4,
        "right page": 3 / 4,  # all of these answers cite the page, and a refusal cites none
        "refused wrongly": 1 / 4,
        "unanswerable refused": 1 / 2,
        "median words": 5,  # of 3, 3, 5 and 105, the upper of the two in the middle
        # Pairs of answerable and unanswerable in the right order: .9, .8 and .6, .2 above .1 are
        # four; above .7 are .9 and .8.
        "near AUROC": 6 / 8,
        "gold in first 1": 2 / 4,
        "gold in first 3": 3 / 4,
        "gold in first 20": 3 / 4,
        "good where gold is first": 1 / 2,
    }


def test_each_figure_is_from_the_questions_that_it_is_about():
    measures = answer_quality.measure_answer_quality(ALL)
    counts = {name: measure.count for name, measure in measures.items()}
    assert (counts["good"], counts["unanswerable refused"]) == (4, 2)
    assert (counts["median words"], counts["near AUROC"]) == (4, 6)
    assert counts["good where gold is first"] == 2


def test_a_hundred_words_are_concise_and_bars_between_cells_are_no_words():
    assert record(" ".join(["word"] * 100)).concise
    assert not record(" ".join(["word"] * 101)).concise
    assert record(" | ".join(["word"] * 100)).words == 100
    assert not record("").concise


def test_faults_are_named():
    faults = [one.fault for one in ALL]
    assert faults == ["", "105 words", "incomplete", "refused", "", "answered"]
    assert record("The lock", pages=frozenset({"other.md"})).fault == "another page"


def test_unanswerable_questions_alone_have_no_figures_of_answers():
    assert values([CORRECTLY_REFUSED, ANSWERED]) == {
        "unanswerable refused": 1 / 2,
        "median words": 3,
    }
    assert values([CORRECTLY_REFUSED]) == {"unanswerable refused": 1.0}
    assert list(report.make_tables([], [AnswerOutcome("canal", (CORRECTLY_REFUSED,))]))


def test_answerable_questions_alone_have_no_figures_of_refusals():
    measures = values([REFUSED])
    assert measures.keys() == {
        "good", "complete", "concise", "right page", "refused wrongly", "gold in first 1",
        "gold in first 3", "gold in first 20",
    }  # fmt: skip
    assert measures["refused wrongly"] == 1.0


def test_no_questions_have_no_figures():
    assert values([]) == {}
    assert list(report.make_tables([])) == []


def test_the_gold_is_looked_for_in_the_first_twenty_passages():
    passages = ["Boats are white."] * 19 + ["At 06:15 the lock opens."]
    assert answer_quality.find_gold(passages, GOLD) == 20
    assert answer_quality.find_gold(["Boats.", *passages], GOLD) is None
    assert answer_quality.find_gold(passages, "") is None


def test_kinds_come_with_the_largest_first():
    kinds = answer_quality.measure_kinds([*ALL, GOOD])
    assert [(kind, good.value, good.count) for kind, good in kinds.items()] == [
        ("fact", pytest.approx(2 / 3), 3),
        ("table", 0.0, 2),
    ]


def test_thirty_questions_are_enough_for_a_kind():
    outcome = AnswerOutcome("canal", (GOOD,) * 30 + (POOR,) * 29)
    *_, kinds = report.make_tables([], [outcome])
    assert kinds.head == "kind"
    assert [(name, row[-2:]) for name, row in kinds.rows] == [
        ("fact", ("30", "")),
        ("table", ("29", "for reading")),
    ]
    figures = report.to_dict([], [outcome])
    assert figures["canal, fact"]["good"]["for_reading"] is False
    assert figures["canal, table"]["good"]["for_reading"] is True


def test_the_interval_of_a_share_is_near_the_normal_one_and_reproducible():
    records = [GOOD] * 60 + [POOR] * 40
    good = answer_quality.measure_answer_quality(records)["good"]
    error = 1.96 * math.sqrt(0.6 * 0.4 / 100)
    assert (good.low, good.high) == pytest.approx((0.6 - error, 0.6 + error), abs=0.02)
    assert good == answer_quality.measure_answer_quality(records)["good"]


# -- several sets ---------------------------------------------------------------------------------

SETS = [AnswerOutcome("canal", (GOOD, GOOD, GOOD, REFUSED)), AnswerOutcome("river", (LONG, LONG))]


def test_several_sets_are_averaged_over_all_questions_with_a_row_for_each():
    first, guides, _ = report.make_tables([], SETS)
    assert first.title == "Answers: all answer sets"
    assert first.rows[0] == ("good", ("0.500", first.rows[0][1][1], "6"))
    assert [(name, row[0].value) for name, row in guides.rows] == [("canal", 0.75), ("river", 0.0)]


def test_the_first_table_of_the_report_is_that_of_answers():
    (table, *_) = report.make_tables([], [AnswerOutcome("canal", tuple(ALL))])
    assert [name for name, _ in table.rows] == list(values(ALL))
    assert table.columns == ("value", "95 % interval", "questions")
    figures = report.to_dict([], SETS)
    assert list(figures) == [
        "all answer sets", "canal", "river", "all answer sets, fact", "all answer sets, table",
    ]  # fmt: skip
    assert figures["canal"]["good"]["value"] == 0.75


def test_goals_of_answer_sets_are_checked():
    goals = {
        "all answer sets": {"good": 0.5, "refused wrongly": 0.1, "median words": 105},
        "canal": {"complete": 0.8},
        "river, fact": {"good": 1.0},
    }
    assert report.find_missed_goals([], goals, SETS) == [
        "all answer sets: refused wrongly 0.167 is over 0.1",
        "canal: complete 0.750 is under 0.8",
    ]
    assert 'tests="4" failures="2"' in report.render_junit([], goals, SETS)


# -- misses ---------------------------------------------------------------------------------------


def test_the_worst_misses_have_the_fewest_gold_words_and_the_most_confidence():
    sure = record("White boats", confidence=0.95)
    doubtful = record("White boats", confidence=0.4)
    also_answered = unanswerable("It is.", 0.8)
    records = [POOR, doubtful, *ALL, sure, also_answered]
    misses = answer_quality.find_misses(records, 3)
    assert misses == [sure, doubtful, REFUSED, also_answered, ANSWERED]
    assert answer_quality.find_misses(records, 0) == []


def test_a_printed_miss_has_the_question_the_gold_and_the_answer(capsys):
    answer_report.print_misses([AnswerOutcome("canal", (POOR, REFUSED, ANSWERED))], 5)
    assert capsys.readouterr().out.split("\n") == [
        "",
        "refused (canal): when?",
        f"  gold: {GOLD}",
        "  answer: The guide does not answer this.",
        "",
        "incomplete (canal): when?",
        f"  gold: {GOLD}",
        "  answer: The lock opens",
        "",
        "answered (canal): when?",
        "  answer: Boats are white.",
        "",
    ]


def test_misses_are_in_the_json_only_where_they_are_wanted():
    outcome = AnswerOutcome("canal", (GOOD, POOR))
    assert "worst misses" not in report.to_dict([], [outcome])
    (miss,) = report.to_dict([], [outcome], misses=1)["worst misses"]
    assert miss == {
        "set": "canal", "id": "1", "kind": "table", "fault": "incomplete", "question": "when?",
        "gold": GOLD, "answer": "The lock opens", "confidence": 0.6,
    }  # fmt: skip


def test_the_page_has_the_figures_and_the_misses_escaped():
    evil = record("<script>alert(1)</script>", kind="<b>")
    page = report.render_report([], [AnswerOutcome("<i>", (evil,))])
    assert "Worst misses" in page
    assert "&lt;script&gt;" in page
    assert not any(tag in page for tag in ("<script", "<b>", "<i>"))


# -- a guide, from its files to the figures -------------------------------------------------------

PAGE = """# House

## Cat

A cat drinks milk from bowl 3 in the house.

## Dog

A dog sits on the road and eats bread.
"""
ROWS = [
    {"kind": "fact", "text": "what does the cat drink?", "answerable": True,
     "gold_path": "house.md", "gold_sentence": "drinks milk from bowl 3"},
    {"kind": "follow-up", "text": "where does it sit?", "answerable": True,
     "history": [{"role": "user", "text": "what does the dog eat?"}],
     "gold_path": "house.md", "gold_sentence": "sits on the road"},
    {"kind": "fact", "text": "what does the dog eat?", "answerable": True,
     "gold_path": "house.md", "gold_sentence": "eats 2 loaves of bread"},
    {"kind": "unanswerable", "text": "how is a pension paid out?", "answerable": False},
]  # fmt: skip


def test_a_set_is_measured_from_its_files(tmp_path, word_encoder):
    folder = tmp_path / "animals"
    (folder / "docs").mkdir(parents=True)
    (folder / "docs" / "house.md").write_text(PAGE)
    (folder / "questions.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in ROWS))
    answer_set = answer_sets.read_answer_set(folder, tmp_path)
    outcome = answer_quality.evaluate_answers(answer_set, tmp_path / "work", word_encoder)
    cat, dog, loaves, pension = outcome.records
    assert (cat.good, cat.gold_rank, cat.cites_gold) == (True, 1, True)
    assert (dog.good, dog.gold_rank) == (True, 1)  # only the conversation says what "it" is
    assert (loaves.complete, loaves.gold_rank, loaves.fault) == (False, None, "incomplete")
    assert not pension.is_answered
    figures = values(outcome.records)
    assert (figures["good"], figures["unanswerable refused"]) == (pytest.approx(2 / 3), 1.0)
