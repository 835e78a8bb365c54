"""Store answers as they were given, and readers' ratings of them, for some days: the answer log.

Rows are deleted when they are too old, when the log is too large, and when an operator deletes a
text. The log does not store who asked.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import sqlite3
import time
from base64 import b32encode
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sql
from sqlalchemy import exc
from sqlalchemy.schema import CreateIndex, CreateTable

from assistant.errors import AnswerLogError
from assistant.models import wire
from assistant.models.answers import Answer
from assistant.server import answer_log_store as store
from assistant.server.answer_log_store import ANSWERS, CLOCK, KEYS, OLD_ANSWERS, VOTES
from assistant.steady_clock import SMALL_STEP, SteadyClock
from assistant.text.normalize import normalise, strip_invisible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    _Clock = Callable[[], float]

_DAY = 86_400.0
_SWEEP_SECONDS = 3_600.0  # between two deletions of expired rows
_MAX_COMMENT_CHARS = 2_000
_MEGABYTE = 1 << 20
_MAX_VOTES = 500  # on one answer; the oldest are deleted first
_VOTE_BYTES = 150  # of a vote and its index entries, without its comment
_PAGE_ROWS = 200  # rows read at once
# A full log deletes four answers, then measures its size again. For each answer it adds, it deletes
# at most 200, which takes .1 s. It measures its size once per thousandth of its limit added.
_ANSWERS_PER_BATCH, _MAX_BATCHES, _CHECKS_PER_LIMIT = 4, 50, 1_000
_CHECKPOINT_SECONDS = 10.0  # to wait for readers until the write-ahead log can be emptied
_LAST_TIME, _STEP_OFFSET, _STEP_SINCE = 1, 2, 3  # rows of the table CLOCK
_ID = re.compile(r"[a-z2-7]{16}")


@dataclass(frozen=True, slots=True)
class LoggedAnswer:
    """An answer as it was given; `texts` are whole passages by their ids.

    `at` is in UTC, and `language` is the language that the answer was shown in.
    """

    id: str
    answer: Answer
    texts: Mapping[str, str]
    at: datetime
    language: str


@dataclass(frozen=True, slots=True)
class Comment:
    """What one reader wrote about an answer, whether it helped them, and when, in UTC."""

    text: str
    helpful: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Rating:
    """The number of readers an answer helped and did not help, and their comments, newest first.

    `at` is the time of the last vote, in UTC.
    """

    id: str
    question: str
    helpful: int
    unhelpful: int
    comments: tuple[Comment, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class LogMatches:
    """The ids of the answers and of the votes that contain a text."""

    answers: tuple[str, ...]
    votes: tuple[str, ...]


class AnswerLog:
    """Stores answers and ratings under ids that cannot be guessed; safe to share between threads.

    All methods raise AnswerLogError where the database fails, or is locked by another process for
    longer than two seconds.
    """

    def __init__(
        self, engine: sql.Engine, days: int, megabytes: int, clocks: tuple[_Clock, _Clock]
    ) -> None:
        self._engine = engine
        self._dialect = engine.dialect.name
        self._max_age = days * _DAY
        self._max_bytes = megabytes * _MEGABYTE
        self._monotonic = clocks[1]
        self._clock = SteadyClock(*clocks)
        self._key = b""
        self._next_sweep = -float("inf")
        self._bytes_since_check = self._max_bytes
        self._has_deleted_text = False  # in the write-ahead log

    @classmethod
    def open(
        cls,
        url: str,
        *,
        days: int,
        megabytes: int = 500,
        clock: _Clock = time.time,
        monotonic: _Clock = time.monotonic,
    ) -> AnswerLog:
        """Open the log at a database URL, SQLite's or PostgreSQL's, or make a new one.

        Rows older than `days` by the clock, which returns seconds since 1970, are deleted; so are
        the oldest answers of a log that is larger than `megabytes`. A clock that jumps ahead
        deletes nothing until it has run evenly for an hour. Raises AnswerLogError where the
        database cannot be opened and written.
        """
        log = cls(store.create_engine(url), days, megabytes, (clock, monotonic))
        try:
            log._prepare()
        except AnswerLogError:
            log.close()
            raise
        return log

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def add(self, answer: Answer, texts: Mapping[str, str], *, language: str = "") -> str:
        """Store an answer with the texts it cites and return its id.

        The same answer, of the same generation, has the same id, and is stored once, as it was
        last given.
        """
        record = {"answer": answer.to_dict(), "texts": dict(texts), "language": language}
        id_, text = self._answer_id(answer), json.dumps(record)
        row = {"id": id_, "at": self._clock.latest(), "record": text}
        with self._connection() as connection:
            connection.execute(store.upsert(self._dialect, ANSWERS, row))
            self._delete_expired(connection)
            self._bytes_since_check += len(text)
            self._delete_oldest(connection, id_)
        return id_

    def get(self, id: str) -> LoggedAnswer | None:  # noqa: A002 - its name everywhere
        """Return the answer of an id; None where there is none, or it was deleted."""
        if not _ID.fullmatch(id):
            return None
        rows = sql.select(ANSWERS).where(ANSWERS.c.id == id, ANSWERS.c.at >= self._cutoff())
        with self._connection() as connection:
            row = connection.execute(rows).one_or_none()
        with self._damage_as_error():
            return self._parse_answer(row) if row else None

    def rate(self, id: str, helpful: bool, comment: str = "", *, vote: str = "") -> bool:  # noqa: A002, FBT001
        """Store a reader's rating of an answer. False where there is no such answer.

        `vote` is the name that the reader's page gives this vote: a later vote of that name on the
        same answer replaces it. A vote without a name counts as another reader's. A comment is cut
        at 2,000 characters. The newest 500 votes on an answer are stored.
        """
        if not _ID.fullmatch(id):
            return False
        row = {
            "vote": self._digest(json.dumps([id, vote or secrets.token_hex(16)])),
            "answer": id,
            "helpful": helpful,
            "comment": strip_invisible(comment)[:_MAX_COMMENT_CHARS],
            "at": self._clock.latest(),
        }
        votes = sql.select(VOTES.c.vote).where(VOTES.c.answer == id)
        surplus = votes.order_by(VOTES.c.at.desc(), VOTES.c.vote).offset(_MAX_VOTES)
        with self._connection() as connection:
            upsert = store.upsert_vote(self._dialect, row, self._cutoff())
            if not connection.execute(upsert).rowcount:
                return False
            self._delete(connection, VOTES, VOTES.c.vote.in_(surplus))
            comment_bytes = len(str(row["comment"]).encode("utf-8", "replace"))
            self._bytes_since_check += comment_bytes + _VOTE_BYTES
            self._delete_oldest(connection, id)
        return True

    def ratings(self, limit: int = 100) -> tuple[Rating, ...]:
        """List the ratings of at most `limit` answers, the newest first."""
        cutoff, last = self._cutoff(), sql.func.max(VOTES.c.at)
        rated = (
            sql.select(ANSWERS.c.id, last.label("last"))
            .join(VOTES, VOTES.c.answer == ANSWERS.c.id)
            .where(VOTES.c.at >= cutoff, ANSWERS.c.at >= cutoff)
            .group_by(ANSWERS.c.id)
            .order_by(last.desc(), ANSWERS.c.id)
            .limit(max(limit, 0))
        )
        rows = []
        with self._connection() as connection:
            for id_, _ in connection.execute(rated).all():
                row = connection.execute(sql.select(ANSWERS).where(ANSWERS.c.id == id_)).one()
                votes = sql.select(VOTES).where(VOTES.c.answer == id_, VOTES.c.at >= cutoff)
                newest = votes.order_by(VOTES.c.at.desc(), VOTES.c.vote)
                rows.append((row, connection.execute(newest).all()))
        with self._damage_as_error():
            return tuple(self._parse_rating(row, votes) for row, votes in rows)

    def find_text(self, text: str) -> LogMatches:
        """Find the answers and the votes that contain a text, ignoring case.

        An answer contains it if its question, its quotes or the quoted passages do; a vote, if its
        comment does.
        """
        folded = _fold_case(text)
        answers = [
            row.id for row in self._rows(ANSWERS.c.id) if folded in _searchable_text(row.record)
        ]
        votes = [row.vote for row in self._rows(VOTES.c.vote) if folded in _fold_case(row.comment)]
        return LogMatches(tuple(answers), tuple(votes))

    def delete(self, matches: LogMatches) -> None:
        """Delete answers with all their votes, and votes, so that no file contains their text.

        Raises AnswerLogError where another process is reading, which keeps the text in the file.
        """
        with self._connection() as connection:
            for column, names in (
                (VOTES.c.vote, matches.votes),
                (VOTES.c.answer, matches.answers),
                (ANSWERS.c.id, matches.answers),
            ):
                for start in range(0, len(names), _PAGE_ROWS):
                    batch = column.in_(names[start : start + _PAGE_ROWS])
                    self._delete(connection, column.table, batch)
            deadline = time.monotonic() + _CHECKPOINT_SECONDS
            while not self._truncate_wal(connection):
                if time.monotonic() > deadline:
                    message = (
                        f"{store.describe_url(self._engine.url)} is being read by another process, "
                        "so the deleted text is still in its write-ahead log."
                    )
                    raise AnswerLogError(message, store.LOCKED_HINT)

    def _prepare(self) -> None:
        """Make the tables and the key where they are missing, and delete what is too old."""
        with self._connection() as connection:
            for table in store.METADATA.sorted_tables:
                connection.execute(CreateTable(table, if_not_exists=True))
                for index in table.indexes:
                    connection.execute(CreateIndex(index, if_not_exists=True))
            connection.execute(store.insert_key(self._dialect, secrets.token_hex(32)))
            key = connection.execute(sql.select(KEYS.c.key)).scalar_one()
            for table in (ANSWERS, VOTES):
                connection.execute(sql.select(table).limit(0))  # fails for a foreign table
            self._move_old_ratings(connection)
            self._resume_clock(connection)
            self._delete_expired(connection)
        with self._damage_as_error():
            self._key = bytes.fromhex(key)

    def _move_old_ratings(self, connection: sql.Connection) -> None:
        """Move the ratings that the first format had in the answers' rows; safe to repeat."""
        columns = {
            column["name"] for column in sql.inspect(connection).get_columns("journal_answer")
        }
        if "rated" not in columns:
            return
        if connection.execute(store.move_old_ratings(self._dialect)).rowcount:
            self._has_deleted_text = True
        empty = dict.fromkeys(("helpful", "comment", "rated"))
        rated = sql.update(OLD_ANSWERS).where(OLD_ANSWERS.c.rated.is_not(None))
        connection.execute(rated, empty)

    def _resume_clock(self, connection: sql.Connection) -> None:
        """Continue the steady clock from when this log was last used: its CLOCK or newest row."""
        times = {n: at for n, at in connection.execute(sql.select(CLOCK.c.n, CLOCK.c.at))}  # noqa: C416
        newest = sql.select(sql.func.max(ANSWERS.c.at))
        last_time = times.get(_LAST_TIME) or connection.execute(newest).scalar()
        if last_time is not None:
            has_step = _STEP_OFFSET in times and _STEP_SINCE in times
            step = (times[_STEP_OFFSET], times[_STEP_SINCE]) if has_step else None
            self._clock.resume(last_time, step)

    def _delete_expired(self, connection: sql.Connection) -> None:
        """Delete expired rows, unless that was done within the last hour."""
        elapsed = self._monotonic()
        if elapsed < self._next_sweep:
            self._clock.now()  # so that a step of the clock is noticed when it happens
            return
        self._next_sweep = elapsed + _SWEEP_SECONDS
        now, cutoff = self._clock.now(), self._clock.earliest() - self._max_age
        step = self._clock.pending_step
        for table in (ANSWERS, VOTES):
            if step is None:  # a row dated by a wrong clock would stay too long
                late = table.c.at > now + SMALL_STEP
                connection.execute(sql.update(table).where(late).values(at=now))
            self._delete(connection, table, table.c.at < cutoff)
        orphans = VOTES.c.answer.not_in(sql.select(ANSWERS.c.id))
        self._delete(connection, VOTES, orphans)
        times = {_LAST_TIME: now}
        if step is None:
            connection.execute(sql.delete(CLOCK).where(CLOCK.c.n.in_((_STEP_OFFSET, _STEP_SINCE))))
        else:
            times |= {_STEP_OFFSET: step[0], _STEP_SINCE: step[1]}
        for n, at in times.items():
            connection.execute(store.upsert(self._dialect, CLOCK, {"n": n, "at": at}))
        if self._has_deleted_text:
            self._truncate_wal(connection)

    def _delete_oldest(self, connection: sql.Connection, newest: str) -> None:
        """Delete the oldest answers except the newest one, where the log is too large."""
        if self._bytes_since_check < self._max_bytes // _CHECKS_PER_LIMIT:
            return
        bytes_used = store.bytes_used(self._dialect)
        others = sql.select(ANSWERS.c.id).where(ANSWERS.c.id != newest)
        batch = others.order_by(ANSWERS.c.at, ANSWERS.c.id).limit(_ANSWERS_PER_BATCH)
        for _ in range(_MAX_BATCHES):
            if connection.execute(bytes_used).scalar_one() <= self._max_bytes:
                self._bytes_since_check = 0
                return
            names = connection.execute(batch).scalars().all()
            self._delete(connection, VOTES, VOTES.c.answer.in_(names))
            self._delete(connection, ANSWERS, ANSWERS.c.id.in_(names))

    def _delete(
        self, connection: sql.Connection, table: sql.FromClause, condition: sql.ColumnElement[bool]
    ) -> None:
        if connection.execute(sql.delete(table).where(condition)).rowcount:  # type: ignore[arg-type]
            self._has_deleted_text = True

    def _truncate_wal(self, connection: sql.Connection) -> bool:
        """Write SQLite's write-ahead log to the file and truncate it; return whether it worked."""
        if self._dialect == "sqlite":
            self._has_deleted_text = not store.truncate_wal(connection)
        return not self._has_deleted_text

    def _cutoff(self) -> float:
        return self._clock.latest() - self._max_age

    def _rows(self, key: sql.Column[str]) -> Iterator[sql.Row[Any]]:
        """Read all rows of a table in the order of a key, a page at a time."""
        last = ""
        while True:
            page = sql.select(key.table).where(key > last).order_by(key).limit(_PAGE_ROWS)
            with self._connection() as connection:
                rows = connection.execute(page).all()
            yield from rows
            if len(rows) < _PAGE_ROWS:
                return
            last = getattr(rows[-1], key.name)

    def _answer_id(self, answer: Answer) -> str:
        """Make the id of an answer: a keyed digest, so that it does not reveal the question."""
        cited = [wire.to_dict(citation) for citation in answer.citations]
        parts = [answer.question, answer.understood_as, answer.generation, cited]
        return self._digest(json.dumps(parts))

    def _digest(self, text: str) -> str:
        digest = hashlib.blake2b(text.encode(), digest_size=10, key=self._key).digest()
        return b32encode(digest).decode().lower()

    def _parse_rating(self, row: sql.Row[Any], votes: Sequence[sql.Row[Any]]) -> Rating:
        """Collect the votes on an answer, the newest first. Raises ValueError for altered rows."""
        helpful = sum(vote.helpful for vote in votes)
        comments = [
            Comment(vote.comment, vote.helpful, datetime.fromtimestamp(vote.at, UTC))
            for vote in votes
            if vote.comment
        ]
        at = datetime.fromtimestamp(votes[0].at, UTC)
        question = self._parse_answer(row).answer.question
        return Rating(row.id, question, helpful, len(votes) - helpful, tuple(comments), at)

    def _parse_answer(self, row: sql.Row[Any]) -> LoggedAnswer:
        """Parse a row. Raises ValueError where the answer does not have that id."""
        record = json.loads(row.record)
        answer = Answer.from_dict(record["answer"])
        if self._answer_id(answer) != row.id:
            raise ValueError(f"{row.id} is altered")
        at = datetime.fromtimestamp(row.at, UTC)
        return LoggedAnswer(row.id, answer, record["texts"], at, record["language"])

    @contextmanager
    def _connection(self) -> Iterator[sql.Connection]:
        try:
            with self._engine.connect() as connection:
                yield connection
        except (exc.SQLAlchemyError, sqlite3.Error, ValueError) as error:
            raise store.to_answer_log_error(self._engine.url, error) from error

    @contextmanager
    def _damage_as_error(self) -> Iterator[None]:
        """Report a row that cannot be parsed as damaged, without showing its contents."""
        try:
            yield
        except (KeyError, OverflowError, OSError, TypeError, ValueError) as error:
            message = f"{store.describe_url(self._engine.url)} has a row that cannot be read."
            raise AnswerLogError(message, store.DAMAGED_HINT) from error


def _searchable_text(record: str) -> str:
    """Return all text in a row's JSON, ready to search; the row itself where it is not JSON."""
    try:
        return _fold_case("\n".join(_strings(json.loads(record))))
    except (RecursionError, ValueError):
        return _fold_case(record)


def _strings(data: Any) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict | list):
        for value in data.values() if isinstance(data, dict) else data:
            yield from _strings(value)


def _fold_case(text: str) -> str:
    return normalise(text).casefold()
