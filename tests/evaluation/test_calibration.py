"""The bar of one guide: fitted to questions, kept beside the index, used where it still fits."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.assistant import Assistant
from assistant.errors import GuideError, IndexBusy, IndexDamaged, QuestionError
from assistant.evaluation import calibration
from assistant.evaluation.calibration import LabelledQuestion, fit_threshold
from assistant.index import builder, generations
from assistant.index import index as indexes
from assistant.retrieval import ranker

SHIPPED = ranker.load_shipped_model().threshold
PETS = {
    "cats.md": "# Cats\n\nThe cat sleeps on the warm bread of the neighbour every afternoon.\n",
    "trees.md": "# Trees\n\nThe tree beside the river carries yellow flowers in early spring.\n",
    "short.md": "# Short\n\nMilk.\n",
}


@pytest.fixture
def folder(tmp_path, word_encoder):
    """An index over three pages, one of which has no sentence to speak of."""
    (tmp_path / "pets").mkdir()
    for name, text in PETS.items():
        (tmp_path / "pets" / name).write_text(text)
    builder.build_index(tmp_path / "pets", tmp_path / "index", word_encoder)
    return tmp_path / "index"


@pytest.fixture
def store(folder):
    return indexes.open_index(folder).store


def scores(answerable, others):
    chances = np.array([*answerable, *others])
    return chances, np.arange(len(chances)) < len(answerable)


def spread(low: float, high: float, count: int = 100):
    return np.linspace(low, high, count).tolist()


HIGH = scores(spread(0.6, 0.99), spread(0.01, 0.5))
LOW = scores(spread(0.1, 0.9), spread(0.001, 0.09))


@pytest.mark.parametrize("asked", [HIGH, LOW])
def test_questions_that_speak_against_the_shipped_bar_move_it(asked):
    found = fit_threshold(*asked)
    assert found.kept_reason == ""
    assert found.low <= found.threshold <= found.high
    assert not found.low <= SHIPPED <= found.high
    assert found.refused_answerable <= calibration.MAX_LOST
    assert (found.answerable, found.unanswerable) == (100, 100)
    assert "of its own" in str(found)


chances = st.lists(st.floats(0, 1), min_size=40, max_size=60)


@given(chances, chances, st.floats(0.05, 0.3))
def test_a_bar_that_is_moved_never_loses_more_than_it_may(answerable, others, lost):
    asked = scores(answerable, others)
    found = fit_threshold(*asked, max_lost=lost)
    assert found == fit_threshold(*asked, max_lost=lost)
    assert 0 < found.threshold <= 1
    assert (found.threshold == SHIPPED) if found.kept_reason else (found.refused_answerable <= lost)
    assert found.refused_answerable == np.mean(np.array(answerable) < found.threshold)
    assert found.refused_unanswerable == np.mean(np.array(others) < found.threshold)


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (scores(spread(0.6, 0.99, 39), spread(0.01, 0.5)), "it takes 40"),
        (scores(spread(0.6, 0.99), spread(0.6, 0.99)), "told apart"),
        (scores([0.0] * 10 + spread(0.6, 0.99), spread(0.01, 0.5)), "doubted"),
        (scores(spread(0.25, 0.99), spread(0.01, 0.3)), "nothing speaks against it"),
    ],
)
def test_the_shipped_bar_stays_where_the_questions_settle_nothing_and_it_is_said_why(asked, why):
    found = fit_threshold(*asked)
    assert found.threshold == SHIPPED
    assert why in found.kept_reason
    assert found.kept_reason in str(found)


def test_fewer_questions_leave_the_interval_wider():
    few, many = (
        fit_threshold(*scores(spread(0.5, 0.99, n), spread(0.01, 0.2))) for n in (40, 1000)
    )
    assert many.high - many.low < few.high - few.low


def test_made_up_questions_are_put_with_their_section_and_without(store, word_encoder):
    asked = calibration.make_questions(store)
    assert [one.answerable for one in asked] == [True, False, True, False]
    assert asked[0].text == asked[1].text
    assert "cat sleeps" in asked[0].text
    assert not asked[0].hidden
    hidden = store.passages(asked[1].hidden)
    assert {passage.path for passage in hidden} == {"cats.md"}
    found, answerable = calibration.score_questions(store, word_encoder, asked)
    assert answerable.tolist() == [one.answerable for one in asked]
    assert found[0] > found[1]
    assert found[2] > found[3]


def test_a_store_without_some_passages_neither_finds_nor_counts_them(store, word_encoder):
    (vector,) = word_encoder.encode(["cat"])
    key = store.candidates(vector, ["cat"], 1).dense[0][0]
    seen = store.without([key])
    found = seen.candidates(vector, ["cat"], 2)
    assert len(found.dense) == 2
    assert key not in [other for other, _ in (*found.dense, *found.lexical)]
    assert seen.vocabulary.passages == store.vocabulary.passages - 1
    assert not seen.vocabulary.says("cat")
    assert store.vocabulary.says("cat")
    assert store.candidates(vector, ["cat"], 1).dense[0][0] == key


def test_a_question_is_doubted_where_nothing_is_left_of_the_guide(store, word_encoder):
    asked = [
        LabelledQuestion("what does the cat do?", answerable=False, hidden=tuple(range(store.size)))
    ]
    found, _ = calibration.score_questions(store, word_encoder, asked)
    assert found.tolist() == [0.0]


def test_a_guide_without_a_sentence_has_no_questions(tmp_path, word_encoder):
    (tmp_path / "page.md").write_text("# Milk\n\nMilk.\n")
    builder.build_index(tmp_path, tmp_path / "index", word_encoder)
    with pytest.raises(GuideError, match="no sentence"):
        calibration.make_questions(indexes.open_index(tmp_path / "index").store)


def test_readers_questions_are_read_line_by_line(tmp_path):
    rows = [{"text": "a cat?", "answerable": True}, {"text": "a car?", "answerable": False}]
    path = tmp_path / "asked.jsonl"
    path.write_text("\n\n".join(map(json.dumps, rows)))
    assert calibration.read_questions(path) == [
        LabelledQuestion("a cat?", True),
        LabelledQuestion("a car?", False),
    ]


YES = '{"text": "a cat?", "answerable": true}\n'


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "both kinds"),
        (YES, "both kinds"),
        (YES + "no JSON", "line 2"),
        (YES + "[1]", "line 2"),
        (YES + '{"text": "a dog?"}', "line 2"),
        (YES + '{"text": 3, "answerable": false}', "line 2"),
        (YES + '{"text": " ", "answerable": false}', "line 2"),
        (YES + '{"text": "a dog?", "answerable": 0}', "line 2"),
        (YES + "[" * 100_000, "line 2"),
    ],
)
def test_a_file_that_holds_no_such_questions_is_turned_away(tmp_path, text, what):
    path = tmp_path / "asked.jsonl"
    path.write_text(text)
    with pytest.raises(QuestionError, match=what):
        calibration.read_questions(path)


def test_a_bar_is_kept_beside_the_generations_and_used_by_who_asks(folder, word_encoder):
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    opened = indexes.open_index(folder)
    plain = Assistant.open_calibrated(opened, word_encoder, folder).ask("what does the cat do?")
    high = replace(fit_threshold(*HIGH), bar=0.9999)
    calibration.write_calibration(folder, high, word_encoder.identity)
    assert calibration.read_threshold(folder, word_encoder.identity) == (0.9999, "")
    assistant = Assistant.open_calibrated(opened, word_encoder, folder)
    assert plain.found
    assert plain.confidence < 0.9999
    for other in (assistant, assistant.with_index(opened)):
        answer = other.ask("what does the cat do?")
        assert (answer.found, answer.degraded) == (False, ())
    after = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    assert after.keys() - before.keys() == {folder / calibration.CALIBRATION_FILE}
    assert all(after[path] == before[path] for path in before)


def test_a_bar_outlives_an_update_and_the_sweep_of_old_generations(folder, word_encoder):
    calibration.write_calibration(folder, fit_threshold(*HIGH), word_encoder.identity)
    kept = (folder / calibration.CALIBRATION_FILE).read_bytes()
    for number in range(3):
        (folder.parent / "pets" / "dogs.md").write_text(f"# Dogs\n\nThe dog eats {number} fish.\n")
        builder.build_index(folder.parent / "pets", folder, word_encoder)
    assert (folder / calibration.CALIBRATION_FILE).read_bytes() == kept
    assert not indexes.open_index(folder).warning


def test_a_bar_is_forgotten_where_the_shipped_one_stays_or_is_wanted_back(folder, word_encoder):
    calibration.write_calibration(folder, fit_threshold(*HIGH), word_encoder.identity)
    calibration.write_calibration(
        folder, fit_threshold(*HIGH, kept_reason="a reason"), word_encoder.identity
    )
    assert calibration.read_threshold(folder, word_encoder.identity) == (None, "")
    calibration.write_calibration(folder, fit_threshold(*HIGH), word_encoder.identity)
    assert [calibration.reset_calibration(folder), calibration.reset_calibration(folder)] == [
        True,
        False,
    ]
    assert calibration.read_threshold(folder, word_encoder.identity) == (None, "")


def test_a_bar_of_another_model_is_not_used_and_every_answer_says_so(folder, word_encoder):
    calibration.write_calibration(folder, fit_threshold(*HIGH), "another model")
    bar, notice = calibration.read_threshold(folder, word_encoder.identity)
    assert bar is None
    assert "another model" in notice
    opened = indexes.open_index(folder)
    assistant = Assistant.open_calibrated(opened, word_encoder, folder)
    assert assistant.ask("what does the cat do?").degraded == (notice,)
    assert assistant.with_index(opened).warnings == (notice,)


def test_an_altered_file_is_named_with_its_mend_wherever_it_is_altered(folder, word_encoder):
    calibration.write_calibration(folder, fit_threshold(*HIGH), word_encoder.identity)
    path = folder / calibration.CALIBRATION_FILE
    whole = path.read_bytes()
    damaged = [whole[:end] for end in range(0, len(whole) - 2, 7)]
    damaged += [whole[:n] + bytes([whole[n] ^ 1]) + whole[n + 1 :] for n in range(len(whole) - 2)]
    damaged += [b"[]", b"null", b"\xff", b"[" * 100_000]
    for altered in damaged:
        path.write_bytes(altered)
        with pytest.raises(IndexDamaged) as error:
            calibration.read_threshold(folder, word_encoder.identity)
        assert calibration.CALIBRATION_FILE in error.value.what
        assert "--reset" in error.value.mend


def test_a_bar_is_not_written_while_another_process_builds(folder, word_encoder):
    with generations.lock_for_writing(folder), pytest.raises(IndexBusy):
        calibration.write_calibration(folder, fit_threshold(*HIGH), word_encoder.identity)
    assert calibration.read_threshold(folder, word_encoder.identity) == (None, "")
