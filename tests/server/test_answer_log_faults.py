"""Test an answer log with many writers, killed writers, a lock, damage and a full disk."""

from __future__ import annotations

import random
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from assistant.errors import EXIT_STATE, AnswerLogError
from assistant.server import answer_log_store
from assistant.server.answer_log import AnswerLog
from tests.answered import DAYS, TEXTS, answer, open_log, url
from tests.serving import PATIENCE

if TYPE_CHECKING:
    from assistant.models.answers import Answer

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def log(tmp_path) -> Iterator[AnswerLog]:
    answer_log = open_log(tmp_path)
    yield answer_log
    answer_log.close()


# -- many at once ---------------------------------------------------------------------------

WRITER = """
import itertools, pathlib, sys
from tests.answered import TEXTS, answer, open_log
log = open_log(pathlib.Path(sys.argv[1]))
name, most = sys.argv[2], int(sys.argv[3])
for n in itertools.islice(itertools.count(), most or None):
    print(n, log.add(answer(f"{name} {n}"), TEXTS), flush=True)
log.close()
"""


def start_writer(folder: Path, name: str, most: int = 0) -> subprocess.Popen[str]:
    """Start a process that adds `most` answers, without end if 0, and prints the id of each."""
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, folder, name, str(most)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_threads_and_another_process_add_rate_and_read_at_once(tmp_path, log):
    failures, questions = [], {}

    def work(name: int) -> None:
        try:
            for n in range(40):
                id_ = log.add(answer(f"{name} {n}"), TEXTS)
                questions[id_] = f"{name} {n}"
                assert log.rate(id_, n % 2 == 0, f"{name} {n}")
                assert log.get(id_).answer == answer(f"{name} {n}")
                assert log.add(answer("of all"), TEXTS) == shared_id
        except Exception as error:  # noqa: BLE001 - asserted below
            failures.append(error)

    shared_id = log.add(answer("of all"), TEXTS)
    with start_writer(tmp_path, "process", 200) as process:
        threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        output, _ = process.communicate(timeout=PATIENCE)
    assert failures == []
    assert process.returncode == 0
    assert {rating.id: rating.comments[0].text for rating in log.ratings(999)} == questions
    assert len(output.splitlines()) == 200
    for line in output.splitlines():
        n, id_ = line.split()
        assert log.get(id_).answer == answer(f"process {n}")


def test_processes_that_open_a_new_answer_log_at_once_share_its_key(tmp_path):
    processes = [start_writer(tmp_path, "same", 1) for _ in range(4)]
    outputs = {process.communicate(timeout=PATIENCE)[0] for process in processes}
    assert len(outputs) == 1
    assert {process.returncode for process in processes} == {0}


def test_stored_answers_survive_the_death_of_their_process(tmp_path):
    stored = []
    for count in (1, 17, 60):
        with start_writer(tmp_path, "killed") as process:
            lines = [process.stdout.readline() for _ in range(count)]
            process.kill()
            lines += process.stdout.readlines()
        stored += [line.split() for line in lines if line.endswith("\n")]
    log = open_log(tmp_path)
    assert len(stored) >= 78
    for n, id_ in stored:
        assert log.get(id_).answer == answer(f"killed {n}")
    log.add(answer(), TEXTS)
    log.close()
    database = sqlite3.connect(tmp_path / "journal.sqlite")
    assert database.execute("pragma integrity_check").fetchone() == ("ok",)
    database.close()


@pytest.mark.timeout(60)
def test_a_lock_delays_an_answer_by_at_most_two_seconds(tmp_path, log):
    id_ = log.add(answer(), TEXTS)
    holder = sqlite3.connect(tmp_path / "journal.sqlite", isolation_level=None)
    holder.execute("begin exclusive")
    assert answer_log_store.LOCK_TIMEOUT <= 2
    with pytest.raises(AnswerLogError) as raised:
        log.add(answer("another"), TEXTS)
    assert "locked" in raised.value.message
    assert "the process that locks it" in raised.value.hint
    assert log.get(id_) is not None, "reading is not blocked"
    holder.execute("rollback")
    holder.close()
    assert log.rate(log.add(answer("another"), TEXTS), True)


# -- errors ---------------------------------------------------------------------------------


def open_and_fail(url: str) -> AnswerLogError:
    with pytest.raises(AnswerLogError) as raised:
        AnswerLog.open(url, days=DAYS)
    assert raised.value.exit_code == EXIT_STATE
    assert raised.value.message.endswith(".")
    assert raised.value.hint
    return raised.value


@pytest.mark.parametrize(
    "text",
    ["", "off", "journal.sqlite", "sqlite:", "://", "sqlite://", "sqlite:///", "sqlite:///:memory:",
     "mysql://writer:secret@host/name", "no-such-thing://writer:secret@host/name",
     "postgresql+no-such-thing://writer:secret@host/name", "postgresql://writer:secret@host:x/name"],
)  # fmt: skip
def test_a_url_of_no_answer_log_is_an_error_that_hides_its_password(text):
    error = open_and_fail(text)
    assert "setting journal" in error.hint
    assert "secret" not in str(error)


def test_a_missing_folder_is_an_error_and_is_not_created(tmp_path):
    assert "cannot be used" in open_and_fail(url(tmp_path / "a\0b")).message
    error = open_and_fail(url(tmp_path / "missing"))
    assert str(tmp_path / "missing" / "journal.sqlite") in error.message
    assert "folder" in error.hint
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_the_place_of_the_file_is_an_error(tmp_path):
    (tmp_path / "journal.sqlite").mkdir()
    assert "folder" in open_and_fail(url(tmp_path)).hint


def test_an_answer_log_that_cannot_be_written_is_an_error(tmp_path, log):
    log.close()
    error = open_and_fail(f"sqlite:///file:{tmp_path}/journal.sqlite?mode=ro&uri=true")
    assert "readonly" in error.message
    assert "may be written to" in error.hint


@pytest.mark.parametrize("data", [b"no database at all" * 100, b"SQLite format 3\x00" + b"?" * 99])
def test_a_file_that_is_no_database_is_an_error_and_stays_unchanged(tmp_path, data):
    (tmp_path / "journal.sqlite").write_bytes(data)
    assert "Move it away" in open_and_fail(url(tmp_path)).hint
    assert (tmp_path / "journal.sqlite").read_bytes() == data


def test_a_table_with_other_columns_is_an_error(tmp_path):
    database = sqlite3.connect(tmp_path / "journal.sqlite")
    database.execute("create table journal_answer (id, at, helpful, comment, rated)")
    database.close()
    assert "Move it away" in open_and_fail(url(tmp_path)).hint


FULL = """
import pathlib, resource, sys
from assistant.errors import AnswerLogError
from tests.answered import TEXTS, answer, open_log
log = open_log(pathlib.Path(sys.argv[1]))
first = log.add(answer(), TEXTS)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
try:
    for n in range(1000):
        log.add(answer(f"question {n}"), {"p": "x" * 1000})
except AnswerLogError as error:
    print(n, error.hint)
print(log.get(first).answer == answer())
log.close()
"""


def test_a_full_disk_is_an_error_and_stored_answers_can_still_be_read(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", FULL, tmp_path],
        cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.stderr == ""
    refused, readable = done.stdout.splitlines()
    assert "Make room on its disk" in refused
    assert readable == "True"


def try_log(folder: Path, stored: dict[str, Answer]) -> set[str]:
    """Use a log and return the outcomes; check that it raises only `AnswerLogError`s

    and returns only answers that were given.
    """
    try:
        log = open_log(folder)
    except AnswerLogError:
        return {"not opened"}
    outcomes = set()
    for id_, expected in stored.items():
        try:
            row = log.get(id_)
            assert row is None or row.answer.citations == expected.citations
            assert row is None or row.answer.question == expected.question
            outcomes.add("lost" if row is None else "answered")
            log.rate(id_, True)
        except AnswerLogError:
            outcomes.add("refused")
    for act in (log.ratings, lambda: log.add(answer("more"), TEXTS)):
        try:
            act()
        except AnswerLogError:
            outcomes.add("refused")
    log.close()
    return outcomes


def test_a_damaged_file_gives_our_errors_or_the_answers_that_were_given(tmp_path, log):
    stored = {}
    for n in range(12):
        stored[log.add(answer(f"question {n}"), TEXTS)] = answer(f"question {n}")
    log.close()
    whole = (tmp_path / "journal.sqlite").read_bytes()
    used = [n for n, byte in enumerate(whole) if byte]
    rng, outcomes = random.Random(7), set()
    for n in range(90):
        folder = tmp_path / "damaged"
        folder.mkdir()
        data = bytearray(whole)
        for place in rng.sample(used, 1 + n % 8):
            data[place] ^= 1 << rng.randrange(8)
        end = rng.randrange(len(whole)) if n % 10 == 0 else len(whole)
        (folder / "journal.sqlite").write_bytes(data[:end])
        outcomes |= try_log(folder, stored)
        shutil.rmtree(folder)
    assert outcomes == {"not opened", "refused", "answered", "lost"}, "every outcome occurred"


def test_text_that_was_altered_on_disk_is_an_error_and_is_not_shown(tmp_path, log):
    id_ = log.add(answer(), TEXTS)
    log.rate(id_, True)
    database = sqlite3.connect(tmp_path / "journal.sqlite")
    with database:
        database.execute("update journal_answer set kept = replace(kept, 'Cats s', 'Dogs s')")
    database.close()
    for act in (lambda: log.get(id_), log.ratings):
        with pytest.raises(AnswerLogError) as raised:
            act()
        assert "cannot be read" in raised.value.message
        assert "Dogs" not in str(raised.value)
