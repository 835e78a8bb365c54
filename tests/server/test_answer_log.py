"""Test the answer log: answers and ratings, in real SQLite files."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.server.answer_log import AnswerLog, Comment, LoggedAnswer, Rating
from tests.answered import DAYS, NOON, REFUSED, TEXTS, Clock, answer, make_citation, open_log

UNKNOWN_ID = "a" * 16


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def log(tmp_path, clock) -> Iterator[AnswerLog]:
    answer_log = open_log(tmp_path, clock)
    yield answer_log
    answer_log.close()


# -- answers --------------------------------------------------------------------------------


@pytest.mark.parametrize("given_answer", [answer(), answer(**REFUSED)], ids=["found", "refused"])
def test_an_answer_is_stored_as_it_was_given(log, given_answer):
    id_ = log.add(given_answer, TEXTS, language="de")
    assert log.get(id_) == LoggedAnswer(id_, given_answer, TEXTS, NOON, "de")


def test_an_answer_outlives_the_process(tmp_path, log):
    id_ = log.add(answer(), TEXTS)
    log.close()
    again = open_log(tmp_path)
    assert again.get(id_).answer == answer()
    again.close()


def test_the_same_answer_is_stored_once_as_it_was_last_given(tmp_path, log, clock):
    first = log.add(answer(), TEXTS, language="de")
    clock.move(days=1)
    second = log.add(answer(seconds=0.5, resources=()), {}, language="fr")
    assert first == second
    last = answer(seconds=0.5, resources=())
    assert log.get(first) == LoggedAnswer(first, last, {}, clock.now, "fr")
    with sqlite3.connect(tmp_path / "journal.sqlite") as database:
        assert database.execute("select count(*) from journal_answer").fetchone() == (1,)
    database.close()


@pytest.mark.parametrize(
    "changes",
    [
        {"question": "do cats purr"},
        {"understood_as": "do kittens sleep?"},
        {"generation": "2"},
        {"citations": (make_citation(sha256="1" * 64),)},
        {"citations": (make_citation(), make_citation(2))},
        REFUSED,
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_another_answer_has_another_id(log, changes):
    assert log.add(answer(), TEXTS) != log.add(answer(**changes), TEXTS)


def test_an_id_reveals_nothing_without_the_answer_log(tmp_path, log):
    other_folder = tmp_path / "other"
    other_folder.mkdir()
    other_log = open_log(other_folder)
    ids = {log.add(answer(), TEXTS), other_log.add(answer(), TEXTS)}
    other_log.close()
    assert len(ids) == 2
    for id_ in ids:
        assert len(id_) == 16
        assert set(id_) <= set("abcdefghijklmnopqrstuvwxyz234567")


@pytest.mark.parametrize(
    "id_",
    [UNKNOWN_ID, "", "a" * 15, "a" * 17, "A" * 16, "a" * 15 + "\n", "a" * 100_000, "\ud800" * 16,
     "\x00" * 16, "' or '1' = '1' --", "%" * 16],
    ids=lambda text: ascii(text[:17]),
)  # fmt: skip
def test_an_unknown_id_finds_nothing(log, id_):
    log.add(answer(), TEXTS)
    assert log.get(id_) is None
    assert log.rate(id_, True) is False
    assert log.ratings() == ()


def test_the_answer_log_stores_nothing_about_who_asked(tmp_path, log):
    database = sqlite3.connect(tmp_path / "journal.sqlite")
    columns = database.execute(
        "select m.name, c.name from sqlite_master m, pragma_table_info(m.name) c "
        "where m.type = 'table'"
    ).fetchall()
    id_ = log.add(answer(), TEXTS)
    (stored,) = database.execute("select kept from journal_answer where id = ?", [id_]).fetchone()
    database.close()
    assert set(columns) == {
        ("journal_key", "n"), ("journal_key", "key"),
        ("journal_clock", "n"), ("journal_clock", "at"),
        *(("journal_answer", name) for name in "id at kept".split()),
        *(("journal_vote", name) for name in "vote answer helpful comment at".split()),
    }  # fmt: skip
    assert json.loads(stored) == {"answer": answer().to_dict(), "texts": TEXTS, "language": ""}


# -- unusual text ---------------------------------------------------------------------------

ODD = [
    "", "\x00", "\ud800", "\udc00 \ud800", "\u202e\u2066", "'; drop table journal_answer; --",
    "é" * 100_000,
]  # fmt: skip


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> Iterator[AnswerLog]:
    answer_log = open_log(tmp_path_factory.mktemp("shared"))
    yield answer_log
    answer_log.close()


@pytest.mark.parametrize("text", ODD, ids=lambda text: ascii(text[:12]))
def test_an_unusual_text_comes_back_unchanged(shared, text):
    id_ = shared.add(answer(text, generation=text), {text: text}, language=text)
    stored = shared.get(id_)
    assert stored == LoggedAnswer(id_, answer(text, generation=text), {text: text}, NOON, text)
    assert shared.rate(id_, True, text)
    assert all(len(comment.text) <= 2_000 for comment in shared.ratings(1)[0].comments)


@settings(deadline=None, max_examples=50)
@given(st.text(st.characters()), st.text(st.characters()))
def test_any_text_comes_back_as_json_has_it(shared, question, comment):
    question, text = json.loads(json.dumps([question, comment]))  # surrogate pairs merge
    id_ = shared.add(answer(question), {question: text})
    stored = shared.get(id_)
    assert (stored.answer, stored.texts) == (answer(question), {question: text})
    assert shared.rate(id_, False, comment)


# -- ratings --------------------------------------------------------------------------------


def test_the_ratings_of_several_readers_are_counted(log, clock):
    id_ = log.add(answer(), TEXTS)
    assert log.ratings() == ()
    assert log.rate(id_, False, "It is wrong.") is True
    first = Comment("It is wrong.", False, clock.now)
    clock.move(hours=1)
    assert log.rate(id_, True) is True
    assert log.rate(id_, True, "", vote="of another") is True
    clock.move(hours=1)
    assert log.rate(id_, True, "Thanks.") is True
    last = Comment("Thanks.", True, clock.now)
    assert log.ratings() == (Rating(id_, "do cats sleep", 3, 1, (last, first), clock.now),)


def test_a_second_vote_of_a_reader_replaces_only_their_own_first_vote(log, clock):
    first_id, second_id = (log.add(answer(f"question {n}"), TEXTS) for n in (1, 2))
    for id_, vote in ((first_id, "mine"), (first_id, "yours"), (second_id, "mine")):
        log.rate(id_, True, vote, vote=vote)
    clock.move(seconds=1)
    log.rate(first_id, False, "On second thought.", vote="mine")
    first, second = log.ratings()
    assert (first.id, first.helpful, first.unhelpful) == (first_id, 1, 1)
    assert [comment.text for comment in first.comments] == ["On second thought.", "yours"]
    assert (second.id, second.helpful, second.unhelpful) == (second_id, 1, 0)


def test_only_the_newest_500_votes_of_an_answer_are_kept(log, clock):
    id_ = log.add(answer(), TEXTS)
    for n in range(510):
        clock.move(seconds=1)
        log.rate(id_, n % 2 == 0, f"comment {n}")
    (rating,) = log.ratings()
    assert (rating.helpful, rating.unhelpful) == (250, 250)
    assert rating.comments[0].text == "comment 509"
    assert rating.comments[-1].text == "comment 10"


def test_the_ratings_of_an_answer_stay_when_it_is_given_again(log):
    id_ = log.add(answer(), TEXTS)
    log.rate(id_, False, "It is wrong.")
    log.add(answer(), TEXTS)
    assert [rating.comments[0].text for rating in log.ratings()] == ["It is wrong."]


def test_ratings_are_read_newest_first_up_to_a_limit(log, clock):
    ids = [log.add(answer(f"question {n}"), TEXTS) for n in range(5)]
    for n in (3, 0, 4, 1):
        clock.move(seconds=1)
        log.rate(ids[n], n % 2 == 0, f"comment {n}")
    ratings = log.ratings()
    assert [rating.question[-1] for rating in ratings] == ["1", "4", "0", "3"]
    assert [rating.helpful for rating in ratings] == [0, 1, 1, 0]
    assert [rating.at for rating in ratings] == [clock.now - timedelta(seconds=n) for n in range(4)]
    assert log.ratings(2) == ratings[:2]
    assert log.ratings(0) == log.ratings(-1) == ()


def test_a_comment_is_stored_without_control_characters_and_cut_to_2000_characters(log):
    id_ = log.add(answer(), TEXTS)
    log.rate(id_, True, "a\u202eb\x00c\ud800d\ne" + "x" * 3_000)
    assert log.ratings()[0].comments[0].text == "abcd\ne" + "x" * 1_994


# -- retention ------------------------------------------------------------------------------


def read_files(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


def test_an_answer_expires_to_the_second(log, clock):
    id_ = log.add(answer(), TEXTS)
    log.rate(id_, True)
    clock.move(days=DAYS)
    assert log.get(id_) is not None
    assert len(log.ratings()) == 1
    clock.move(seconds=1)
    assert log.get(id_) is None
    assert log.rate(id_, True) is False
    assert log.ratings() == ()


def test_expired_answers_are_removed_when_an_answer_log_is_opened(tmp_path, log, clock):
    old = log.add(answer("a question of old"), TEXTS)
    log.rate(old, True, "a comment of old")
    clock.move(days=1)
    new = log.add(answer("a new question"), TEXTS)
    log.close()
    assert b"of old" in read_files(tmp_path)
    clock.move(days=DAYS - 1.5)
    open_log(tmp_path, clock).close()
    clock.move(days=0.9)  # a clock step is trusted an hour after it was noticed
    again = open_log(tmp_path, clock)
    assert again.get(new) is not None
    again.close()
    left = read_files(tmp_path)
    assert b"of old" not in left, "free pages of the file hold nothing of it either"
    assert b"a new question" in left


def test_expired_answers_are_removed_once_an_hour_while_answers_are_added(tmp_path, log, clock):
    def count_rows() -> int:
        database = sqlite3.connect(tmp_path / "journal.sqlite")
        (result,) = database.execute("select count(*) from journal_answer").fetchone()
        database.close()
        return result

    log.add(answer("first"), TEXTS)
    clock.move(days=DAYS, minutes=-30)
    log.add(answer("second"), TEXTS)  # expired answers were removed long before
    clock.move(minutes=59)
    log.add(answer("third"), TEXTS)
    assert count_rows() == 3, "an hour after the last check, not at every answer"
    clock.move(minutes=1)
    log.add(answer("third"), TEXTS)
    assert count_rows() == 2


def test_an_answer_that_is_given_again_outlives_its_ratings(log, clock):
    id_ = log.add(answer(), TEXTS)
    log.rate(id_, False, "It is wrong.")
    clock.move(days=DAYS - 1)
    log.add(answer(), TEXTS)
    clock.move(days=2)
    assert log.ratings() == ()
    log.add(answer("another"), TEXTS)
    assert log.get(id_).answer == answer()
    clock.set(days=-2)
    assert log.ratings() == (), "the rating was removed"
