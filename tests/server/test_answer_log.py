"""What was answered and what readers thought of it, in real files of SQLite."""

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
from tests.answered import DAYS, NOON, REFUSED, TEXTS, Clock, answer, cited, opened

NOBODYS = "a" * 16


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def log(tmp_path, clock) -> Iterator[AnswerLog]:
    result = opened(tmp_path, clock)
    yield result
    result.close()


# -- answers --------------------------------------------------------------------------------


@pytest.mark.parametrize("given_answer", [answer(), answer(**REFUSED)], ids=["found", "refused"])
def test_an_answer_is_kept_as_it_was_given(log, given_answer):
    id_ = log.add(given_answer, TEXTS, language="de")
    assert log.get(id_) == LoggedAnswer(id_, given_answer, TEXTS, NOON, "de")


def test_an_answer_outlives_the_process(tmp_path, log):
    id_ = log.add(answer(), TEXTS)
    log.close()
    again = opened(tmp_path)
    assert again.get(id_).answer == answer()
    again.close()


def test_the_same_answer_is_kept_once_as_it_was_last_given(tmp_path, log, clock):
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
        {"citations": (cited(sha256="1" * 64),)},
        {"citations": (cited(), cited(2))},
        REFUSED,
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_another_answer_has_another_id(log, changes):
    assert log.add(answer(), TEXTS) != log.add(answer(**changes), TEXTS)


def test_an_id_says_nothing_to_whoever_does_not_have_the_journal(tmp_path, log):
    other = tmp_path / "other"
    other.mkdir()
    elsewhere = opened(other)
    ids = {log.add(answer(), TEXTS), elsewhere.add(answer(), TEXTS)}
    elsewhere.close()
    assert len(ids) == 2
    for id_ in ids:
        assert len(id_) == 16
        assert set(id_) <= set("abcdefghijklmnopqrstuvwxyz234567")


@pytest.mark.parametrize(
    "id_",
    [NOBODYS, "", "a" * 15, "a" * 17, "A" * 16, "a" * 15 + "\n", "a" * 100_000, "\ud800" * 16,
     "\x00" * 16, "' or '1' = '1' --", "%" * 16],
    ids=lambda text: ascii(text[:17]),
)  # fmt: skip
def test_an_id_that_nobody_was_given_finds_nothing(log, id_):
    log.add(answer(), TEXTS)
    assert log.get(id_) is None
    assert log.rate(id_, True) is False
    assert log.ratings() == ()


def test_nothing_is_kept_of_who_asked(tmp_path, log):
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


# -- whatever a text may hold ---------------------------------------------------------------

ODD = [
    "", "\x00", "\ud800", "\udc00 \ud800", "\u202e\u2066", "'; drop table journal_answer; --",
    "é" * 100_000,
]  # fmt: skip


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> Iterator[AnswerLog]:
    result = opened(tmp_path_factory.mktemp("shared"))
    yield result
    result.close()


@pytest.mark.parametrize("text", ODD, ids=lambda text: ascii(text[:12]))
def test_an_odd_text_comes_back_as_it_was(shared, text):
    id_ = shared.add(answer(text, generation=text), {text: text}, language=text)
    stored = shared.get(id_)
    assert stored == LoggedAnswer(id_, answer(text, generation=text), {text: text}, NOON, text)
    assert shared.rate(id_, True, text)
    assert all(len(comment.text) <= 2_000 for comment in shared.ratings(1)[0].comments)


@settings(deadline=None, max_examples=50)
@given(st.text(st.characters()), st.text(st.characters()))
def test_any_text_comes_back_as_json_has_it(shared, question, comment):
    question, text = json.loads(json.dumps([question, comment]))  # two halves may make a whole
    id_ = shared.add(answer(question), {question: text})
    stored = shared.get(id_)
    assert (stored.answer, stored.texts) == (answer(question), {question: text})
    assert shared.rate(id_, False, comment)


# -- ratings --------------------------------------------------------------------------------


def test_what_several_readers_think_of_an_answer_is_counted(log, clock):
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


def test_a_reader_who_thinks_again_replaces_their_own_vote_and_nobody_elses(log, clock):
    one, two = (log.add(answer(f"question {n}"), TEXTS) for n in (1, 2))
    for id_, vote in ((one, "mine"), (one, "yours"), (two, "mine")):
        log.rate(id_, True, vote, vote=vote)
    clock.move(seconds=1)
    log.rate(one, False, "On second thought.", vote="mine")
    first, second = log.ratings()
    assert (first.id, first.helpful, first.unhelpful) == (one, 1, 1)
    assert [comment.text for comment in first.comments] == ["On second thought.", "yours"]
    assert (second.id, second.helpful, second.unhelpful) == (two, 1, 0)


def test_of_an_answer_the_newest_votes_are_kept_and_no_more_than_500(log, clock):
    id_ = log.add(answer(), TEXTS)
    for n in range(510):
        clock.move(seconds=1)
        log.rate(id_, n % 2 == 0, f"comment {n}")
    (rating,) = log.ratings()
    assert (rating.helpful, rating.unhelpful) == (250, 250)
    assert rating.comments[0].text == "comment 509"
    assert rating.comments[-1].text == "comment 10"


def test_what_was_thought_of_an_answer_stays_when_it_is_given_again(log):
    id_ = log.add(answer(), TEXTS)
    log.rate(id_, False, "It is wrong.")
    log.add(answer(), TEXTS)
    assert [rating.comments[0].text for rating in log.ratings()] == ["It is wrong."]


def test_ratings_are_read_newest_first_and_no_more_than_asked_for(log, clock):
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


def test_a_comment_is_kept_as_it_can_be_read_and_cut_where_it_is_too_long(log):
    id_ = log.add(answer(), TEXTS)
    log.rate(id_, True, "a\u202eb\x00c\ud800d\ne" + "x" * 3_000)
    assert log.ratings()[0].comments[0].text == "abcd\ne" + "x" * 1_994


# -- how long -------------------------------------------------------------------------------


def on_disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


def test_what_is_too_old_is_found_no_more_to_the_second(log, clock):
    id_ = log.add(answer(), TEXTS)
    log.rate(id_, True)
    clock.move(days=DAYS)
    assert log.get(id_) is not None
    assert len(log.ratings()) == 1
    clock.move(seconds=1)
    assert log.get(id_) is None
    assert log.rate(id_, True) is False
    assert log.ratings() == ()


def test_what_is_too_old_is_removed_when_a_journal_is_opened(tmp_path, log, clock):
    old = log.add(answer("a question of old"), TEXTS)
    log.rate(old, True, "a comment of old")
    clock.move(days=1)
    new = log.add(answer("a new question"), TEXTS)
    log.close()
    assert b"of old" in on_disk(tmp_path)
    clock.move(days=DAYS - 1.5)
    opened(tmp_path, clock).close()
    clock.move(days=0.9)  # an hour after a step was noticed it is believed
    again = opened(tmp_path, clock)
    assert again.get(new) is not None
    again.close()
    left = on_disk(tmp_path)
    assert b"of old" not in left, "not even in what is free in the file"
    assert b"a new question" in left


def test_what_is_too_old_is_removed_within_an_hour_of_answers(tmp_path, log, clock):
    def rows() -> int:
        database = sqlite3.connect(tmp_path / "journal.sqlite")
        (result,) = database.execute("select count(*) from journal_answer").fetchone()
        database.close()
        return result

    log.add(answer("first"), TEXTS)
    clock.move(days=DAYS, minutes=-30)
    log.add(answer("second"), TEXTS)  # when what was too old had long been removed
    clock.move(minutes=59)
    log.add(answer("third"), TEXTS)
    assert rows() == 3, "looked at an hour after the last time, not at every answer"
    clock.move(minutes=1)
    log.add(answer("third"), TEXTS)
    assert rows() == 2


def test_an_answer_that_is_given_again_outlives_what_was_thought_of_it(log, clock):
    id_ = log.add(answer(), TEXTS)
    log.rate(id_, False, "It is wrong.")
    clock.move(days=DAYS - 1)
    log.add(answer(), TEXTS)
    clock.move(days=2)
    assert log.ratings() == ()
    log.add(answer("another"), TEXTS)
    assert log.get(id_).answer == answer()
    clock.set(days=-2)
    assert log.ratings() == (), "and it was removed"
