"""Test what an answer log removes (by age, by size, on request) and who may read its files."""

from __future__ import annotations

import io
import json
import os
import random
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from assistant.cli.main import main
from assistant.errors import AnswerLogError
from assistant.server.answer_log import AnswerLog
from tests.answered import DAYS, NOON, TEXTS, Clock, answer, open_log, url

ROOT = Path(__file__).parent.parent.parent
FILES = ("journal.sqlite", "journal.sqlite-wal", "journal.sqlite-shm")


def count(folder: Path, table: str = "journal_answer") -> int:
    database = sqlite3.connect(folder / "journal.sqlite")
    (rows,) = database.execute(f"select count(*) from {table}").fetchone()
    database.close()
    return rows


# -- a wrong clock --------------------------------------------------------------------------


def test_a_clock_that_jumps_ahead_for_one_question_removes_nothing(tmp_path):
    clock = Clock()
    log = open_log(tmp_path, clock)
    ids = [log.add(answer(f"question {n}"), TEXTS) for n in range(3)]
    log.rate(ids[0], True, "Thanks.")
    for jump in (200, 10_000):
        clock.move(hours=2)
        clock.set(days=jump)
        log.add(answer("at another time"), TEXTS)
        clock.set(days=-jump)
        clock.move(hours=2)
        ids.append(log.add(answer(f"after {jump}"), TEXTS))
    assert all(log.get(id_) for id_ in ids)
    assert len(log.ratings()) == 1
    log.close()


def test_an_answer_log_opened_while_the_clock_is_wrong_removes_nothing(tmp_path):
    clock = Clock()
    log = open_log(tmp_path, clock)
    id_ = log.add(answer(), TEXTS)
    log.close()
    clock.set(days=200)
    for _ in range(3):
        clock.move(minutes=10)
        log = open_log(tmp_path, clock)
        log.add(answer("at another time"), TEXTS)
        log.close()
    clock.set(days=-200)
    log = open_log(tmp_path, clock)
    assert log.get(id_) is not None
    log.close()


def test_a_second_wrong_time_does_not_confirm_the_first(tmp_path):
    clock = Clock()
    log = open_log(tmp_path, clock)
    id_ = log.add(answer(), TEXTS)
    log.close()
    for _ in range(3):  # the wrong clock moves by days between two, real time by one minute
        clock.set(days=200)
        clock.move(minutes=1)
        open_log(tmp_path, clock).close()
    clock.set(days=-600)
    log = open_log(tmp_path, clock)
    assert log.get(id_) is not None
    log.close()


def test_votes_count_towards_the_size_of_an_answer_log(tmp_path):
    log = AnswerLog.open(url(tmp_path), days=DAYS, megabytes=1, clock=NOON.timestamp)
    ids = [log.add(answer(f"question {n}"), TEXTS) for n in range(4)]
    for number in range(800):
        log.rate(ids[number % 4], True, f"{number} " + "x" * 1990)
    log.close()
    assert (tmp_path / "journal.sqlite").stat().st_size < 2_000_000
    assert count(tmp_path, "journal_vote") < 800


def test_a_clock_set_far_back_removes_nothing(tmp_path):
    clock = Clock()
    log = open_log(tmp_path, clock)
    clock.move(hours=2)
    clock.set(days=-20_000)
    id_ = log.add(answer(), TEXTS)
    clock.set(days=20_000)
    clock.move(hours=2)
    log.add(answer("another"), TEXTS)
    assert log.get(id_) is not None
    log.close()


def test_an_answer_dated_by_a_wrong_clock_is_kept_no_longer_than_others(tmp_path):
    clock = Clock()
    log = open_log(tmp_path, clock)
    clock.set(days=5_000)
    id_ = log.add(answer("dated wrong"), TEXTS)
    clock.set(days=-5_000)
    for _ in range(DAYS + 2):
        clock.move(days=1)
        log.add(answer("another"), TEXTS)
    assert log.get(id_) is None
    assert count(tmp_path) == 1
    log.close()


def test_after_a_long_time_off_old_answers_are_removed_within_an_hour(tmp_path):
    clock = Clock()
    log = open_log(tmp_path, clock)
    old = log.add(answer("old"), TEXTS)
    log.close()
    clock.set(days=200)
    log = open_log(tmp_path, clock)
    assert log.get(old) is None, "not shown"
    new = log.add(answer("new"), TEXTS)
    open_log(tmp_path, clock).close()
    assert count(tmp_path) == 2, "not yet removed"
    clock.move(minutes=61)
    log.add(answer("newer"), TEXTS)
    assert log.get(new) is not None
    assert count(tmp_path) == 2
    log.close()


def test_only_a_process_that_lives_for_an_hour_removes_old_answers(tmp_path):
    clock = Clock()
    ids = []
    for n in range(30):
        log = open_log(tmp_path, clock)
        ids.append(log.add(answer(f"question {n}"), TEXTS))
        log.close()
        clock.set(days=2)  # the machine was off
        clock.move(minutes=5)
    assert count(tmp_path) == 30, "no process can tell this from a wrong clock"
    log = open_log(tmp_path, clock)
    clock.move(minutes=61)
    log.add(answer("newest"), TEXTS)
    clock.move(minutes=61)  # the next check
    log.add(answer("newest of all"), TEXTS)
    log.close()
    assert count(tmp_path) <= DAYS / 2 + 2


# -- size -----------------------------------------------------------------------------------


def test_a_full_answer_log_removes_the_oldest_and_keeps_its_size(tmp_path):
    clock = Clock()
    log = open_log(tmp_path, clock, megabytes=1)
    ids = []
    for n in range(300):
        clock.move(seconds=1)
        ids.append(log.add(answer(f"question {n}"), {"p": f"{n} " * 4_000}))
        log.rate(ids[-1], True, f"comment {n}")
        assert log.get(ids[-1]) is not None
    left = [n for n, id_ in enumerate(ids) if log.get(id_)]
    assert 30 < len(left) < 200
    assert left == list(range(300 - len(left), 300)), "the oldest were removed"
    assert count(tmp_path, "journal_vote") == len(left)
    log.close()
    assert (tmp_path / "journal.sqlite").stat().st_size < 1.1 * 2**20


def test_an_answer_larger_than_the_limit_is_kept_alone(tmp_path):
    log = open_log(tmp_path, megabytes=1)
    first = log.add(answer("first"), TEXTS)
    id_ = log.add(answer(), {"p": "x" * 2**21})
    assert log.get(id_) is not None
    assert log.get(first) is None
    log.close()


def test_the_same_answers_leave_the_same_rows(tmp_path):
    rows = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        clock = Clock()
        log = open_log(folder, clock, megabytes=1)
        for n in range(100):
            log.add(answer(f"question {n}"), {"p": f"{n} " * 4_000})
            clock.move(seconds=1)
        database = sqlite3.connect(folder / "journal.sqlite")
        rows.append(database.execute("select at from journal_answer order by at").fetchall())
        database.close()
        log.close()
    assert rows[0] == rows[1]


# -- who may read it ------------------------------------------------------------------------


def read_modes(folder: Path) -> dict[str, int]:
    return {
        path.name: stat.S_IMODE(path.stat().st_mode)
        for path in folder.iterdir()
        if path.name.startswith("journal")
    }


def test_only_its_owner_may_read_an_answer_log(tmp_path):
    before = os.umask(0)
    try:
        log = open_log(tmp_path)
        log.add(answer(), TEXTS)
    finally:
        os.umask(before)
    assert read_modes(tmp_path) == dict.fromkeys(FILES, 0o600)
    log.close()


def test_opening_an_answer_log_that_others_may_read_closes_it_to_them(tmp_path):
    first = open_log(tmp_path)
    id_ = first.add(answer(), TEXTS)
    for name in FILES:
        (tmp_path / name).chmod(0o664)
    second = open_log(tmp_path)
    assert read_modes(tmp_path) == dict.fromkeys(FILES, 0o600)
    assert second.get(id_) is not None
    second.close()
    first.close()


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["pipe", "folder"])
@pytest.mark.parametrize("name", FILES)
def test_a_pipe_or_a_folder_in_place_of_an_answer_log_is_an_error_at_once(tmp_path, name, make):
    if name != FILES[0]:
        open_log(tmp_path).close()
    make(tmp_path / name)
    with pytest.raises(AnswerLogError) as raised:
        open_log(tmp_path)
    assert str(tmp_path) in raised.value.message


# -- on request -----------------------------------------------------------------------------


def find_files(folder: Path, text: str) -> list[str]:
    """List the files that hold a text, as UTF-8 or as ASCII JSON."""
    forms = {text.encode(), json.dumps(text)[1:-1].encode()}
    return [
        path.name
        for path in sorted(folder.iterdir())
        if path.is_file() and any(form in path.read_bytes() for form in forms)
    ]


SECRETS = ["Ann Lee's pension", "Größe 猫 \U0001f600"]


@pytest.mark.parametrize("secret", SECRETS)
def test_deleted_text_is_in_no_file_while_servers_have_the_answer_log_open(tmp_path, secret):
    server, other = open_log(tmp_path), open_log(tmp_path)
    rng = random.Random(7)
    for n in range(60):  # of many sizes, so that SQLite splits, merges and overflows its pages
        question = f"{secret} {n}" if n % 2 else f"question {n}"
        id_ = server.add(answer(question), {"p": f"{question} " * rng.randrange(1, 900)})
        server.rate(id_, True, f"comment {n}", vote="one")
        server.rate(id_, True, f"Is it {secret}?" if n % 4 == 0 else "Thanks.", vote="one")
    assert find_files(tmp_path, secret)
    matches = other.find_text(secret.upper())
    assert (len(matches.answers), len(matches.votes)) == (30, 15)
    other.delete(matches)
    assert find_files(tmp_path, secret) == []
    assert not any(other.find_text(secret).answers)
    assert count(tmp_path) == 30
    assert count(tmp_path, "journal_vote") == 15
    server.add(answer("another"), TEXTS)
    server.close()
    other.close()


def test_expired_text_is_in_no_file_while_servers_have_the_answer_log_open(tmp_path):
    clock = Clock()
    server, other = open_log(tmp_path, clock), open_log(tmp_path, clock)
    for n in range(40):
        id_ = server.add(answer(f"of old {n}"), {"p": "of old " * n * 20})
        server.rate(id_, True, "of old")
    for _ in range(DAYS + 2):
        clock.move(days=1)
        server.add(answer("another"), TEXTS)
    assert find_files(tmp_path, "of old") == []
    server.close()
    other.close()


def test_delete_reports_a_process_that_still_reads_and_removes_the_rows(tmp_path):
    log = open_log(tmp_path)
    id_ = log.add(answer("a secret"), TEXTS)
    reader = sqlite3.connect(tmp_path / "journal.sqlite", isolation_level=None)
    reader.execute("begin")
    reader.execute("select * from journal_answer").fetchall()
    with pytest.raises(AnswerLogError, match="read by another process"):
        log.delete(log.find_text("a secret"))
    reader.close()
    assert log.get(id_) is None
    log.delete(log.find_text("a secret"))
    assert find_files(tmp_path, "a secret") == []
    log.close()


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    """Run a command over a log of three answers: (exit code, standard output, standard error)."""
    log = AnswerLog.open(url(tmp_path), days=10**5, clock=NOON.timestamp)
    for question in ("is Ann Lee a member?", "who is ANN LEE", "do cats sleep"):
        id_ = log.add(answer(question), TEXTS)
    log.rate(id_, False, "Ask Ann Lee.")
    log.rate(id_, True, "Thanks.")
    log.close()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ASSISTANT_JOURNAL", url(tmp_path))
    monkeypatch.setenv("ASSISTANT_KEEP_DAYS", "100000")

    def run_command(*arguments: str, answers: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(answers))
        with pytest.raises(SystemExit) as exited:
            main(list(arguments))
        captured = capsys.readouterr()
        return int(exited.value.code or 0), captured.out, captured.err

    return run_command


def test_forget_asks_first_and_removes_only_the_matches(run, tmp_path):
    for no in ("", "n\n", "\n", "maybe\n"):
        code, out, err = run("forget", "--match", "ann lee", answers=no)
        assert code == 1
        assert "Removed" not in out
        assert "Found this text in 2 answers and 1 comment." in err
    assert count(tmp_path) == 3
    code, out, _ = run("forget", "--match", "ann lee", answers="y\n")
    assert (code, out.rpartition("\n")[0].rpartition("] ")[2]) == (
        0, "Removed 2 answers and 1 comment.",
    )  # fmt: skip
    assert find_files(tmp_path, "Ann Lee") == find_files(tmp_path, "ANN LEE") == []
    code, out, _ = run("forget", "--match", "ann lee", "--yes")
    assert (code, out) == (0, "No stored answer or comment contains this text.\n")
    _, out, _ = run("feedback")
    assert "1 helpful, 0 not  do cats sleep" in out


def test_forget_needs_a_text_and_an_answer_log(run, monkeypatch):
    for empty in ("", " "):
        code, out, err = run("forget", "--match", empty, "--yes")
        assert (code, out, len(err.splitlines())) == (2, "", 2)
    monkeypatch.setenv("ASSISTANT_JOURNAL", "off")
    code, out, err = run("forget", "--match", "x", "--yes")
    assert (code, out, len(err.splitlines())) == (2, "", 2)


# -- logs of an older format ----------------------------------------------------------------

OLD_SCHEMA = """
create table journal_key (n integer not null, key varchar(64) not null, primary key (n));
create table journal_answer (
    id varchar(16) not null, at double not null, kept text not null,
    helpful boolean, comment text, rated double, primary key (id)
);
create index ix_journal_answer_at on journal_answer (at);
create index ix_journal_answer_rated on journal_answer (rated);
"""


@pytest.fixture
def old_ids(tmp_path) -> list[str]:
    """Return the ids of an old log with one rating an answer: good, bad with a comment, none."""
    new_folder = tmp_path / "made"
    new_folder.mkdir()
    log = open_log(new_folder)
    ids = [log.add(answer(f"question {n}"), TEXTS) for n in range(3)]
    log.close()
    old = sqlite3.connect(tmp_path / "journal.sqlite", isolation_level=None)
    old.execute("pragma journal_mode = wal")
    old.executescript(OLD_SCHEMA)
    old.execute("attach ? as new", [str(new_folder / "journal.sqlite")])
    old.execute("insert into main.journal_key select * from new.journal_key")
    old.execute("insert into main.journal_answer select id, at, kept, null, null, null "
                "from new.journal_answer")  # fmt: skip
    at = NOON.timestamp()
    rate = "update journal_answer set helpful = ?, comment = ?, rated = ? where id = ?"
    old.execute(rate, [True, "", at, ids[0]])
    old.execute(rate, [False, "It is wrong.", at + 1, ids[1]])
    old.close()
    return ids


def read_ratings(log: AnswerLog) -> list[tuple[str, int, int, list[str]]]:
    return [
        (rating.id, rating.helpful, rating.unhelpful, [c.text for c in rating.comments])
        for rating in log.ratings()
    ]


def test_an_old_log_with_one_rating_an_answer_opens_and_keeps_its_ratings(tmp_path, old_ids):
    for _ in range(3):  # the second time there is nothing to migrate
        log = open_log(tmp_path)
        assert [log.get(id_).id for id_ in old_ids] == old_ids
        assert read_ratings(log) == [(old_ids[1], 0, 1, ["It is wrong."]), (old_ids[0], 1, 0, [])]
        log.close()
    log = open_log(tmp_path)
    log.rate(old_ids[0], False, "No.")
    assert read_ratings(log)[-1] == (old_ids[0], 1, 1, ["No."])
    log.delete(log.find_text("it is wrong"))
    assert find_files(tmp_path, "It is wrong.") == []
    log.close()


OPEN = """
import pathlib, sys
from tests.answered import open_log
sys.stdin.readline()
for n in range(5):
    open_log(pathlib.Path(sys.argv[1])).close()
"""


def test_processes_and_threads_that_migrate_at_once_migrate_each_rating_once(tmp_path, old_ids):
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", OPEN, tmp_path], cwd=ROOT, stdin=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    threads = [threading.Thread(target=lambda: open_log(tmp_path).close()) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    for process in processes:
        process.stdin.close()
    log = open_log(tmp_path)
    assert len(read_ratings(log)) == 2
    assert count(tmp_path, "journal_vote") == 2
    log.close()
