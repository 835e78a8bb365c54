"""Answer sets are read from a folder, and a line that cannot be used is named."""

from __future__ import annotations

import json

import pytest

from assistant.errors import SettingsError
from assistant.evaluation import answer_sets
from assistant.evaluation.answer_sets import AnswerQuestion
from assistant.models.answers import Turn

GOOD = {
    "kind": "fact",
    "text": "when does the ferry leave?",
    "answerable": True,
    "gold_path": "ferry.md",
    "gold_sentence": "leaves at 7:40",
}


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "harbour"
    (folder / "docs" / "boats").mkdir(parents=True)
    (folder / "docs" / "ferry.md").write_text("# Ferry\n\nThe ferry leaves at 7:40.\n")
    (folder / "docs" / "boats" / "hire.md").write_text("# Hire\n\nA canoe costs 12 EUR a day.\n")
    return folder


def write(folder, *rows) -> None:
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    (folder / "questions.jsonl").write_text("".join(f"{line}\n" for line in lines))


def read(folder):
    return answer_sets.read_answer_set(folder, folder.parent / "work")


def test_a_question_has_all_fields_of_its_line(folder):
    row = {
        **GOOD,
        "id": 7,
        "history": [
            {"role": "user", "text": "is there a ferry?"},
            {"role": "agent", "text": "Yes."},
        ],
        "gold_heading": "Ferry",
        "also": ["boats/hire.md"],
    }
    write(folder, row)
    answer_set = read(folder)
    assert answer_set.name == "harbour"
    assert answer_set.guide == folder / "docs"
    assert answer_set.questions == (
        AnswerQuestion(
            id="7",
            text="when does the ferry leave?",
            answerable=True,
            kind="fact",
            history=(Turn("user", "is there a ferry?"), Turn("agent", "Yes.")),
            gold="leaves at 7:40",
            pages=frozenset({"ferry.md", "boats/hire.md"}),
        ),
    )


def test_an_unanswerable_question_needs_no_more_than_its_text(folder):
    write(folder, "", {"text": "is there a tram?", "answerable": False, "kind": None})
    (question,) = read(folder).questions
    assert question == AnswerQuestion("2", "is there a tram?", answerable=False, kind="mixed")


def test_the_two_sides_of_a_comparison_may_be_on_two_pages(folder):
    write(folder, {**GOOD, "gold_path": "ferry.md / boats/hire.md"})
    assert read(folder).questions[0].pages == {"ferry.md", "boats/hire.md"}


@pytest.mark.parametrize(
    ("written", "kind"),
    [("yesno", "yes/no"), ("steps", "how-to"), ("pasted-error", "error"), ("tides", "tides"),
     (" ", "mixed")],
)  # fmt: skip
def test_kinds_that_are_written_in_several_ways_are_one(folder, written, kind):
    write(folder, {**GOOD, "kind": written})
    assert read(folder).questions[0].kind == kind


def test_small_talk_is_not_asked(folder):
    write(folder, {"kind": "small-talk", "text": "thanks!", "answerable": False}, GOOD)
    assert [question.kind for question in read(folder).questions] == ["fact"]


def test_a_sample_is_spread_over_the_set(folder):
    write(folder, *({**GOOD, "id": number} for number in range(6)))
    answer_set = read(folder)
    assert [question.id for question in answer_set.sample(3).questions] == ["0", "2", "4"]
    assert answer_set.sample(None) is answer_set


def less(name: str) -> dict:
    return {key: value for key, value in GOOD.items() if key != name}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("{", "Invalid JSON"),
        ("[1]", "object"),
        (less("text"), "text"),
        (less("answerable"), "answerable"),
        ({**GOOD, "answerable": "yes"}, "answerable"),
        (less("gold_path"), "needs its gold_path"),
        (less("gold_sentence"), "gold_sentence with content words"),
        ({**GOOD, "gold_sentence": "it is for you"}, "gold_sentence with content words"),
        ({**GOOD, "gold_path": "ferries.md"}, "no page ferries.md"),
        ({**GOOD, "also": ["boats"]}, "no page boats"),
        ({**GOOD, "text": " \u200b "}, "question is empty"),
        ({**GOOD, "text": "x" * 2001}, "limit is 2,000"),
        ({**GOOD, "history": [{"role": "root", "text": "x"}]}, "history"),
    ],
    ids=["half a line", "another type", "no text", "no answerable", "answerable as a word",
         "no page", "no gold", "gold of function words", "a missing page", "a folder as a page",
         "no words", "too long", "a turn of nobody"],
)  # fmt: skip
def test_a_line_that_cannot_be_used_is_named_with_the_reason_and_an_example(folder, row, reason):
    write(folder, GOOD, "", row, GOOD)
    with pytest.raises(SettingsError) as error:
        read(folder)
    assert "questions.jsonl line 3 cannot be used: " in error.value.message
    assert reason in error.value.message
    assert '"gold_sentence"' in error.value.hint


@pytest.mark.parametrize("row", ["", {"kind": "small-talk", "text": "hi", "answerable": False}])
def test_a_set_without_a_question_is_an_error(folder, row):
    write(folder, row)
    with pytest.raises(SettingsError, match=r"questions\.jsonl has no questions"):
        read(folder)


def test_a_set_without_its_guide_is_an_error(tmp_path):
    write(tmp_path, GOOD)
    with pytest.raises(SettingsError) as error:
        read(tmp_path)
    assert "corpus.jsonl" in error.value.message


def test_a_folder_may_hold_sets_of_both_forms(folder):
    write(folder, GOOD)
    (folder / "queries.jsonl").write_text('{"id": "1", "text": "a canoe?"}\n')
    answers, others = answer_sets.read_sets([folder], folder.parent / "work")
    assert [len(answers[0].questions), len(others[0].questions)] == [1, 1]


def test_two_sets_of_one_name_are_an_error(folder, tmp_path):
    write(folder, GOOD)
    with pytest.raises(SettingsError) as error:
        answer_sets.read_sets([folder, folder], tmp_path / "work")
    assert "harbour" in error.value.message
