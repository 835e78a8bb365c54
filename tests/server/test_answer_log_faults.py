"""A log used by many at once, killed, held, damaged and on a disk that is full."""

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
from tests.answered import DAYS, TEXTS, answer, opened, url

if TYPE_CHECKING:
    from assistant.models.answers import Answer

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def log(tmp_path) -> Iterator[AnswerLog]:
    result = opened(tmp_path)
    yield result
    result.close()


# -- many at once ---------------------------------------------------------------------------

WRITER = """
import itertools, pathlib, sys
from tests.answered import TEXTS, answer, opened
log = opened(pathlib.Path(sys.argv[1]))
name, most = sys.argv[2], int(sys.argv[3])
for n in itertools.islice(itertools.count(), most or None):
    print(n, log.add(answer(f"{name} {n}"), TEXTS), flush=True)
log.close()
"""


def writer(folder: Path, name: str, most: int = 0) -> subprocess.Popen[str]:
    """A process that keeps answers, without end if `most` is 0, and says so of each."""
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, folder, name, str(most)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_threads_and_another_process_keep_rate_and_read_at_once(tmp_path, log):
    failures, stored = [], {}

    def work(name: int) -> None:
        try:
            for n in range(40):
                id_ = log.add(answer(f"{name} {n}"), TEXTS)
                stored[id_] = f"{name} {n}"
                assert log.rate(id_, n % 2 == 0, f"{name} {n}")
                assert log.get(id_).answer == answer(f"{name} {n}")
                assert log.add(answer("of all"), TEXTS) == of_all
        except Exception as error:  # noqa: BLE001 - told below
            failures.append(error)

    of_all = log.add(answer("of all"), TEXTS)
    with writer(tmp_path, "process", 200) as process:
        threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        elsewhere, _ = process.communicate(timeout=30)
    assert failures == []
    assert process.returncode == 0
    assert {rating.id: rating.comments[0].text for rating in log.ratings(999)} == stored
    assert len(elsewhere.splitlines()) == 200
    for line in elsewhere.splitlines():
        n, id_ = line.split()
        assert log.get(id_).answer == answer(f"process {n}")


def test_processes_that_open_a_new_journal_at_once_share_its_key(tmp_path):
    processes = [writer(tmp_path, "same", 1) for _ in range(4)]
    output = {process.communicate(timeout=30)[0] for process in processes}
    assert len(output) == 1
    assert {process.returncode for process in processes} == {0}


def test_what_was_kept_is_there_after_its_process_was_killed(tmp_path):
    stored = []
    for before in (1, 17, 60):
        with writer(tmp_path, "killed") as process:
            lines = [process.stdout.readline() for _ in range(before)]
            process.kill()
            lines += process.stdout.readlines()
        stored += [line.split() for line in lines if line.endswith("\n")]
    log = opened(tmp_path)
    assert len(stored) >= 78
    for n, id_ in stored:
        assert log.get(id_).answer == answer(f"killed {n}")
    log.add(answer(), TEXTS)
    log.close()
    database = sqlite3.connect(tmp_path / "journal.sqlite")
    assert database.execute("pragma integrity_check").fetchone() == ("ok",)
    database.close()


@pytest.mark.timeout(60)
def test_an_answer_is_held_up_no_longer_than_two_seconds(tmp_path, log):
    id_ = log.add(answer(), TEXTS)
    holder = sqlite3.connect(tmp_path / "journal.sqlite", isolation_level=None)
    holder.execute("begin exclusive")
    assert answer_log_store.LOCK_TIMEOUT <= 2
    with pytest.raises(AnswerLogError) as raised:
        log.add(answer("another"), TEXTS)
    assert "locked" in raised.value.message
    assert "the process that locks it" in raised.value.hint
    assert log.get(id_) is not None, "who reads is not held up"
    holder.execute("rollback")
    holder.close()
    assert log.rate(log.add(answer("another"), TEXTS), True)


# -- what can go wrong ----------------------------------------------------------------------


def failing(text: str) -> AnswerLogError:
    with pytest.raises(AnswerLogError) as raised:
        AnswerLog.open(text, days=DAYS)
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
def test_a_url_that_names_no_journal_is_an_error_that_keeps_its_password(text):
    error = failing(text)
    assert "setting journal" in error.hint
    assert "secret" not in str(error)


def test_a_folder_that_is_missing_is_an_error_and_is_not_made(tmp_path):
    assert "cannot be used" in failing(url(tmp_path / "a\0b")).message
    error = failing(url(tmp_path / "missing"))
    assert str(tmp_path / "missing" / "journal.sqlite") in error.message
    assert "folder" in error.hint
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_the_place_of_the_file_is_an_error(tmp_path):
    (tmp_path / "journal.sqlite").mkdir()
    assert "folder" in failing(url(tmp_path)).hint


def test_a_journal_that_cannot_be_written_is_an_error(tmp_path, log):
    log.close()
    error = failing(f"sqlite:///file:{tmp_path}/journal.sqlite?mode=ro&uri=true")
    assert "readonly" in error.message
    assert "may be written to" in error.hint


@pytest.mark.parametrize("data", [b"no database at all" * 100, b"SQLite format 3\x00" + b"?" * 99])
def test_a_file_that_is_no_database_is_an_error_and_stays_as_it_is(tmp_path, data):
    (tmp_path / "journal.sqlite").write_bytes(data)
    assert "Move it away" in failing(url(tmp_path)).hint
    assert (tmp_path / "journal.sqlite").read_bytes() == data


def test_a_table_of_another_shape_is_an_error(tmp_path):
    database = sqlite3.connect(tmp_path / "journal.sqlite")
    database.execute("create table journal_answer (id, at, helpful, comment, rated)")
    database.close()
    assert "Move it away" in failing(url(tmp_path)).hint


FULL = """
import pathlib, resource, sys
from assistant.errors import AnswerLogError
from tests.answered import TEXTS, answer, opened
log = opened(pathlib.Path(sys.argv[1]))
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


def test_a_disk_that_is_full_is_an_error_and_what_was_kept_can_still_be_read(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", FULL, tmp_path],
        cwd=ROOT, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.stderr == ""
    refused, readable = done.stdout.splitlines()
    assert "Make room on its disk" in refused
    assert readable == "True"


def tried(folder: Path, stored: dict[str, Answer]) -> set[str]:
    """What comes of using a log: nothing but errors of ours, and answers that were given."""
    try:
        log = opened(folder)
    except AnswerLogError:
        return {"not opened"}
    result = set()
    for id_, was in stored.items():
        try:
            row = log.get(id_)
            assert row is None or row.answer.citations == was.citations
            assert row is None or row.answer.question == was.question
            result.add("lost" if row is None else "answered")
            log.rate(id_, True)
        except AnswerLogError:
            result.add("refused")
    for act in (log.ratings, lambda: log.add(answer("more"), TEXTS)):
        try:
            act()
        except AnswerLogError:
            result.add("refused")
    log.close()
    return result


def test_a_damaged_file_gives_errors_of_ours_or_the_answers_that_were_given(tmp_path, log):
    stored = {}
    for n in range(12):
        stored[log.add(answer(f"question {n}"), TEXTS)] = answer(f"question {n}")
    log.close()
    whole = (tmp_path / "journal.sqlite").read_bytes()
    used = [n for n, byte in enumerate(whole) if byte]
    dice, came = random.Random(7), set()
    for n in range(90):
        folder = tmp_path / "damaged"
        folder.mkdir()
        data = bytearray(whole)
        for place in dice.sample(used, 1 + n % 8):
            data[place] ^= 1 << dice.randrange(8)
        end = dice.randrange(len(whole)) if n % 10 == 0 else len(whole)
        (folder / "journal.sqlite").write_bytes(data[:end])
        came |= tried(folder, stored)
        shutil.rmtree(folder)
    assert came == {"not opened", "refused", "answered", "lost"}, "all of it was seen"


def test_words_that_were_altered_on_disk_are_refused_and_not_told(tmp_path, log):
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
