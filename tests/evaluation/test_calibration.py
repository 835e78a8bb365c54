"""The threshold of one guide: fitted to questions, stored beside the index, used while it fits."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.assistant import Assistant
from assistant.errors import GuideError, IndexBusy, IndexDamaged, QuestionError
from assistant.evaluation import calibration
from assistant.evaluation.calibration import LabelledQuestion, fit_threshold
from assistant.index import builder, generations
from assistant.index import index as indexes
from assistant.retrieval.answerability import CALIBRATION_FILE, digest_json, read_threshold
from assistant.retrieval.ranker import load_shipped_model

DEFAULT_THRESHOLD = load_shipped_model().threshold
PETS = {
    "cats.md": "# Cats\n\nThe cat sleeps on the warm bread of the neighbour every afternoon.\n",
    "trees.md": "# Trees\n\nThe tree beside the river carries yellow flowers in early spring.\n",
    "short.md": "# Short\n\nMilk.\n",
}


@pytest.fixture
def folder(tmp_path, word_encoder):
    """An index over three pages, one of them without a long sentence."""
    (tmp_path / "pets").mkdir()
    for name, text in PETS.items():
        (tmp_path / "pets" / name).write_text(text)
    builder.build_index(tmp_path / "pets", tmp_path / "index", word_encoder)
    return tmp_path / "index"


@pytest.fixture
def store(folder):
    return indexes.open_index(folder).store


def scores(answerable, others):
    probabilities = np.array([*answerable, *others])
    return probabilities, np.arange(len(probabilities)) < len(answerable)


def spread(low: float, high: float, count: int = 100):
    return np.linspace(low, high, count).tolist()


HIGH = scores(spread(0.6, 0.99), spread(0.01, 0.5))
LOW = scores(spread(0.1, 0.9), spread(0.001, 0.09))


@pytest.mark.parametrize("questions", [HIGH, LOW])
def test_questions_that_contradict_the_default_threshold_change_it(questions):
    fitted = fit_threshold(*questions)
    assert fitted.kept_reason == ""
    assert fitted.low <= fitted.threshold <= fitted.high
    assert not fitted.low <= DEFAULT_THRESHOLD <= fitted.high
    assert fitted.refused_answerable <= calibration.MAX_LOST
    assert (fitted.answerable, fitted.unanswerable) == (100, 100)
    assert "its own" in str(fitted)


probabilities = st.lists(st.floats(0, 1), min_size=40, max_size=60)


@settings(max_examples=25)
@given(probabilities, probabilities, st.floats(0.05, 0.3))
def test_a_new_threshold_never_refuses_more_answerable_questions_than_allowed(
    answerable, others, lost
):
    questions = scores(answerable, others)
    fitted = fit_threshold(*questions, max_lost=lost)
    assert fitted == fit_threshold(*questions, max_lost=lost)
    assert 0 < fitted.threshold <= 1
    assert (
        (fitted.threshold == DEFAULT_THRESHOLD)
        if fitted.kept_reason
        else (fitted.refused_answerable <= lost)
    )
    assert fitted.refused_answerable == np.mean(np.array(answerable) < fitted.threshold)
    assert fitted.refused_unanswerable == np.mean(np.array(others) < fitted.threshold)


@pytest.mark.parametrize(
    ("questions", "why"),
    [
        (scores(spread(0.6, 0.99, 39), spread(0.01, 0.5)), "it takes 40"),
        (scores(spread(0.6, 0.99), spread(0.6, 0.99)), "hardly separate"),
        (scores([0.0] * 10 + spread(0.6, 0.99), spread(0.01, 0.5)), "refuses so few"),
        (scores(spread(0.18, 0.99), spread(0.01, 0.2)), "inside this interval"),
    ],
)
def test_the_default_threshold_is_kept_with_a_reason_where_the_questions_are_not_enough(
    questions, why
):
    fitted = fit_threshold(*questions)
    assert fitted.threshold == DEFAULT_THRESHOLD
    assert why in fitted.kept_reason
    assert fitted.kept_reason in str(fitted)


def test_fewer_questions_leave_the_interval_wider():
    few, many = (
        fit_threshold(*scores(spread(0.5, 0.99, n), spread(0.01, 0.2))) for n in (40, 1000)
    )
    assert many.high - many.low < few.high - few.low


def test_synthetic_questions_are_asked_with_their_section_and_without(store, word_encoder):
    questions = calibration.make_questions(store)
    assert [one.answerable for one in questions] == [True, False, True, False]
    assert questions[0].text == questions[1].text
    assert "cat sleeps" in questions[0].text
    assert not questions[0].hidden
    hidden = store.passages(questions[1].hidden)
    assert {passage.path for passage in hidden} == {"cats.md"}
    probabilities, answerable = calibration.score_questions(store, word_encoder, questions)
    assert answerable.tolist() == [one.answerable for one in questions]
    assert probabilities[0] > probabilities[1]
    assert probabilities[2] > probabilities[3]


def test_a_store_without_some_passages_neither_finds_nor_counts_them(store, word_encoder):
    (vector,) = word_encoder.encode(["cat"])
    key = store.candidates(vector, ["cat"], 1).dense[0][0]
    smaller = store.excluding([key])
    candidates = smaller.candidates(vector, ["cat"], 2)
    assert len(candidates.dense) == 2
    assert key not in [other for other, _ in (*candidates.dense, *candidates.lexical)]
    assert smaller.vocabulary.passages == store.vocabulary.passages - 1
    assert not smaller.vocabulary.contains("cat")
    assert store.vocabulary.contains("cat")
    assert store.candidates(vector, ["cat"], 1).dense[0][0] == key


def test_a_question_has_probability_0_where_all_passages_are_hidden(store, word_encoder):
    questions = [
        LabelledQuestion("what does the cat do?", answerable=False, hidden=tuple(range(store.size)))
    ]
    probabilities, _ = calibration.score_questions(store, word_encoder, questions)
    assert probabilities.tolist() == [0.0]


def test_a_guide_without_a_sentence_has_no_questions(tmp_path, word_encoder):
    (tmp_path / "page.md").write_text("# Milk\n\nMilk.\n")
    builder.build_index(tmp_path, tmp_path / "index", word_encoder)
    with pytest.raises(GuideError, match="no sentence"):
        calibration.make_questions(indexes.open_index(tmp_path / "index").store)


def test_labelled_questions_are_read_line_by_line(tmp_path):
    rows = [{"text": "a cat?", "answerable": True}, {"text": "a car?", "answerable": False}]
    path = tmp_path / "questions.jsonl"
    path.write_text("\n\n".join(map(json.dumps, rows)))
    assert calibration.read_questions(path) == [
        LabelledQuestion("a cat?", True),
        LabelledQuestion("a car?", False),
    ]


YES = '{"text": "a cat?", "answerable": true}\n'


@pytest.mark.parametrize(
    ("text", "message"),
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
def test_any_other_file_is_refused(tmp_path, text, message):
    path = tmp_path / "questions.jsonl"
    path.write_text(text)
    with pytest.raises(QuestionError, match=message):
        calibration.read_questions(path)


def test_a_threshold_is_stored_beside_the_generations_and_used(folder, word_encoder):
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    opened = indexes.open_index(folder)
    plain = Assistant.open_calibrated(opened, word_encoder, folder).ask("what does the cat do?")
    high = replace(fit_threshold(*HIGH), threshold=0.9999)
    calibration.write_calibration(folder, high, word_encoder.identity)
    assert read_threshold(folder, word_encoder.identity) == (0.9999, "")
    assistant = Assistant.open_calibrated(opened, word_encoder, folder)
    assert plain.found
    assert plain.confidence < 0.9999
    for other in (assistant, assistant.with_index(opened)):
        answer = other.ask("what does the cat do?")
        assert (answer.found, answer.degraded) == (False, ())
    after = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    assert after.keys() - before.keys() == {folder / CALIBRATION_FILE}
    assert all(after[path] == before[path] for path in before)


def test_a_threshold_survives_updates_and_the_removal_of_old_generations(folder, word_encoder):
    calibration.write_calibration(folder, fit_threshold(*HIGH), word_encoder.identity)
    stored = (folder / CALIBRATION_FILE).read_bytes()
    for number in range(3):
        (folder.parent / "pets" / "dogs.md").write_text(f"# Dogs\n\nThe dog eats {number} fish.\n")
        builder.build_index(folder.parent / "pets", folder, word_encoder)
    assert (folder / CALIBRATION_FILE).read_bytes() == stored
    assert not indexes.open_index(folder).warning


def test_a_threshold_is_removed_where_the_default_one_is_kept_or_on_reset(folder, word_encoder):
    calibration.write_calibration(folder, fit_threshold(*HIGH), word_encoder.identity)
    calibration.write_calibration(
        folder, fit_threshold(*HIGH, kept_reason="a reason"), word_encoder.identity
    )
    assert read_threshold(folder, word_encoder.identity) == (None, "")
    calibration.write_calibration(folder, fit_threshold(*HIGH), word_encoder.identity)
    assert [calibration.reset_calibration(folder), calibration.reset_calibration(folder)] == [
        True,
        False,
    ]
    assert read_threshold(folder, word_encoder.identity) == (None, "")


def test_a_threshold_of_another_model_is_not_used_and_every_answer_warns(folder, word_encoder):
    calibration.write_calibration(folder, fit_threshold(*HIGH), "another model")
    threshold, warning = read_threshold(folder, word_encoder.identity)
    assert threshold is None
    assert "another model" in warning
    opened = indexes.open_index(folder)
    assistant = Assistant.open_calibrated(opened, word_encoder, folder)
    assert assistant.ask("what does the cat do?").degraded == (warning,)
    assert assistant.with_index(opened).warnings == (warning,)


def test_a_threshold_of_another_ranking_model_is_not_used(folder, word_encoder):
    data = {"bar": 0.5, "model": word_encoder.identity, "ranking": "of before"}
    data["digest"] = digest_json(data)
    (folder / CALIBRATION_FILE).write_text(json.dumps(data))
    threshold, warning = read_threshold(folder, word_encoder.identity)
    assert threshold is None
    assert "another ranking" in warning
    assert "assistant calibrate" in warning


def test_an_altered_file_is_reported_with_a_hint_wherever_it_is_altered(folder, word_encoder):
    calibration.write_calibration(folder, fit_threshold(*HIGH), word_encoder.identity)
    path = folder / CALIBRATION_FILE
    whole = path.read_bytes()
    damaged = [whole[:end] for end in range(0, len(whole) - 2, 7)]
    damaged += [whole[:n] + bytes([whole[n] ^ 1]) + whole[n + 1 :] for n in range(len(whole) - 2)]
    damaged += [b"[]", b"null", b"\xff", b"[" * 100_000]
    for altered in damaged:
        path.write_bytes(altered)
        with pytest.raises(IndexDamaged) as error:
            read_threshold(folder, word_encoder.identity)
        assert CALIBRATION_FILE in error.value.message
        assert "--reset" in error.value.hint


def test_a_threshold_is_not_written_while_another_process_builds(folder, word_encoder):
    with generations.lock_for_writing(folder), pytest.raises(IndexBusy):
        calibration.write_calibration(folder, fit_threshold(*HIGH), word_encoder.identity)
    assert read_threshold(folder, word_encoder.identity) == (None, "")
