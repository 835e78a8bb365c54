"""What was answered, and what readers thought of it: kept in a database for some days.

Knows the tables, the key that ids are made with, and which rows have to go: those that are too
old, those over the size it may have, and those somebody wants gone. Nothing of who asked is kept.
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
from assistant.server.answer_log_store import (
    ANSWERS,
    BYTES_USED,
    CLOCK,
    DAMAGED_HINT,
    INSERT_KEY,
    KEYS,
    LOCKED_HINT,
    METADATA,
    MOVE_OLD_RATINGS,
    OLD_ANSWERS,
    UPSERT_ANSWER,
    UPSERT_CLOCK,
    UPSERT_VOTE,
    VOTES,
    create_engine,
    describe_url,
    to_answer_log_error,
)
from assistant.steady_clock import SMALL_STEP, SteadyClock
from assistant.text.text import normalise, strip_invisible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    _Seconds = Callable[[], float]

_DAY = 86_400.0
_SWEEP_SECONDS = 3_600.0  # seconds between two removals of what is too old
_MAX_COMMENT = 2_000
_MEGABYTE = 1 << 20
_MAX_VOTES = 500  # of one answer; the oldest leave first
_VOTE_BYTES = 150  # bytes of a vote and its place in the indexes, beside its comment
_PAGE_SIZE = 200  # rows looked through at once
# A journal that is full lets go of four answers, then looks again; of 200 at most for one that is
# kept, which takes .1 s, and no more often than each thousandth part of its size.
_BATCH, _BATCHES, _GRAIN = 4, 50, 1_000
_CHECKPOINT_SECONDS = 10.0  # seconds that emptying the log may take while others read
_LAST_TIME, _STEP_OFFSET, _STEP_SINCE = 1, 2, 3  # rows of the clock
_ID = re.compile(r"[a-z2-7]{16}")


@dataclass(frozen=True, slots=True)
class LoggedAnswer:
    """An answer as it was given at a time, in UTC; `texts` are its passages' whole, by their id.

    `language` is the one the answer was shown in.
    """

    id: str
    answer: Answer
    texts: Mapping[str, str]
    at: datetime
    language: str


@dataclass(frozen=True, slots=True)
class Comment:
    """What one reader wrote of an answer, whether it helped them, and when, in UTC."""

    text: str
    helpful: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Rating:
    """How many readers an answer helped and did not help, what they wrote, and the last time.

    The newest comment stands first. `at` is in UTC.
    """

    id: str
    question: str
    helpful: int
    unhelpful: int
    comments: tuple[Comment, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class LogMatches:
    """The ids of answers and of votes that hold a text."""

    answers: tuple[str, ...]
    votes: tuple[str, ...]


class AnswerLog:
    """Answers and what was thought of them, by ids nobody can guess; safe to share by threads.

    Nothing is kept of who asked. All methods raise JournalError where the database fails, or is
    held by another process for longer than two seconds.
    """

    def __init__(
        self, engine: sql.Engine, days: int, megabytes: int, clocks: tuple[_Seconds, _Seconds]
    ) -> None:
        self._engine = engine
        self._max_age = days * _DAY
        self._max_bytes = megabytes * _MEGABYTE
        self._monotonic = clocks[1]
        self._clock = SteadyClock(*clocks)
        self._key = b""
        self._next_sweep = -float("inf")
        self._bytes_since_check = self._max_bytes  # bytes since its size was looked at
        self._has_deleted_text = False  # whether there is text in the log that is removed

    @classmethod
    def open(
        cls,
        url: str,
        *,
        days: int,
        megabytes: int = 500,
        clock: _Seconds = time.time,
        monotonic: _Seconds = time.monotonic,
    ) -> AnswerLog:
        """Open the journal of a database's URL, SQLite's or PostgreSQL's, or make a new one.

        What is older than `days` by the clock, in seconds since 1970, is removed; where it holds
        more than so many megabytes, the oldest answers are. A clock that jumps ahead removes
        nothing until it has run on evenly for an hour. Raises JournalError where the database
        cannot be opened and written.
        """
        journal = cls(create_engine(url), days, megabytes, (clock, monotonic))
        try:
            journal._create_tables()
        except AnswerLogError:
            journal.close()
            raise
        return journal

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def add(self, answer: Answer, texts: Mapping[str, str], *, language: str = "") -> str:
        """Keep an answer with the texts it cites and return its id.

        The same answer, of the same generation, has the same id, and is kept once, as it was
        last given.
        """
        kept = {"answer": answer.to_dict(), "texts": dict(texts), "language": language}
        id_, text = self._answer_id(answer), json.dumps(kept)
        with self._connection() as connection:
            connection.execute(UPSERT_ANSWER, {"id": id_, "at": self._clock.latest(), "kept": text})
            self._delete_expired(connection)
            self._bytes_since_check += len(text)
            self._delete_oldest(connection, id_)
        return id_

    def get(self, id: str) -> LoggedAnswer | None:  # noqa: A002 - its name everywhere
        """The answer of an id; None where there is none, or none any more."""
        if not _ID.fullmatch(id):
            return None
        chosen = sql.select(ANSWERS).where(ANSWERS.c.id == id, ANSWERS.c.at >= self._cutoff())
        with self._connection() as connection:
            row = connection.execute(chosen).one_or_none()
        with self._damage_as_error():
            return self._parse_answer(row) if row else None

    def rate(self, id: str, helpful: bool, comment: str = "", *, vote: str = "") -> bool:  # noqa: A002, FBT001
        """Keep what a reader thinks of an answer. False where there is no such answer.

        `vote` is what the reader's page calls this vote: another of that name replaces it, for the
        same answer. Without it, it counts as another reader's. A comment is cut at 2,000
        characters, and of an answer the newest 500 votes are kept.
        """
        if not _ID.fullmatch(id):
            return False
        name = json.dumps([id, vote or secrets.token_hex(16)])
        said = {
            "vote": self._digest(name),
            "answer": id,
            "helpful": helpful,
            "comment": strip_invisible(comment)[:_MAX_COMMENT],
            "at": self._clock.latest(),
            "oldest": self._cutoff(),
        }
        own = sql.select(VOTES.c.vote).where(VOTES.c.answer == id)
        over = own.order_by(VOTES.c.at.desc(), VOTES.c.vote).offset(_MAX_VOTES)
        with self._connection() as connection:
            if not connection.execute(UPSERT_VOTE, said).rowcount:
                return False
            self._delete(connection, VOTES, VOTES.c.vote.in_(over))
            self._bytes_since_check += (
                len(str(said["comment"]).encode("utf-8", "replace")) + _VOTE_BYTES
            )
            self._delete_oldest(connection, id)
        return True

    def ratings(self, limit: int = 100) -> tuple[Rating, ...]:
        """What readers thought, newest first, of at most `limit` answers."""
        since, last = self._cutoff(), sql.func.max(VOTES.c.at)
        rated = (
            sql.select(ANSWERS.c.id, last.label("last"))
            .join(VOTES, VOTES.c.answer == ANSWERS.c.id)
            .where(VOTES.c.at >= since, ANSWERS.c.at >= since)
            .group_by(ANSWERS.c.id)
            .order_by(last.desc(), ANSWERS.c.id)
            .limit(max(limit, 0))
        )
        found = []
        with self._connection() as connection:
            for id_, _ in connection.execute(rated).all():
                row = connection.execute(sql.select(ANSWERS).where(ANSWERS.c.id == id_)).one()
                votes = sql.select(VOTES).where(VOTES.c.answer == id_, VOTES.c.at >= since)
                newest = votes.order_by(VOTES.c.at.desc(), VOTES.c.vote)
                found.append((row, connection.execute(newest).all()))
        with self._damage_as_error():
            return tuple(self._parse_rating(row, votes) for row, votes in found)

    def find_text(self, text: str) -> LogMatches:
        """The answers that hold a text, and the votes whose comment does, in whatever case.

        An answer holds it where its question, its quotes or the passages they are of do.
        """
        sought = normalise(text).casefold()
        answers = [
            row.id for row in self._rows(ANSWERS.c.id) if sought in _searchable_text(row.kept)
        ]
        votes = [row.vote for row in self._rows(VOTES.c.vote) if sought in _fold_case(row.comment)]
        return LogMatches(tuple(answers), tuple(votes))

    def delete(self, matches: LogMatches) -> None:
        """Remove answers with all their votes, and votes, so that no file holds their text.

        Raises JournalError where a process that reads holds on to what is removed.
        """
        with self._connection() as connection:
            for column, names in (
                (VOTES.c.vote, matches.votes),
                (VOTES.c.answer, matches.answers),
                (ANSWERS.c.id, matches.answers),
            ):
                for start in range(0, len(names), _PAGE_SIZE):
                    chosen = column.in_(names[start : start + _PAGE_SIZE])
                    self._delete(connection, column.table, chosen)
            ends = time.monotonic() + _CHECKPOINT_SECONDS
            while not self._truncate_wal(connection):
                if time.monotonic() > ends:
                    what = f"{describe_url(self._engine.url)} is read by a process, which holds its log."
                    raise AnswerLogError(f"{what} What is removed stands there still.", LOCKED_HINT)

    def _create_tables(self) -> None:
        with self._connection() as connection:
            for table in METADATA.sorted_tables:
                connection.execute(CreateTable(table, if_not_exists=True))
                for index in table.indexes:
                    connection.execute(CreateIndex(index, if_not_exists=True))
            connection.execute(INSERT_KEY, {"key": secrets.token_hex(32)})
            key = connection.execute(sql.select(KEYS.c.key)).scalar_one()
            for table in (ANSWERS, VOTES):
                connection.execute(sql.select(table).limit(0))  # another's table lacks a column
            self._move_old_ratings(connection)
            self._resume_clock(connection)
            self._delete_expired(connection)
        with self._damage_as_error():
            self._key = bytes.fromhex(key)

    def _move_old_ratings(self, connection: sql.Connection) -> None:
        """Move the ratings that stood in the answers' rows; doing it twice is doing it once."""
        columns = {
            column["name"] for column in sql.inspect(connection).get_columns("journal_answer")
        }
        if "rated" not in columns:
            return
        if connection.execute(MOVE_OLD_RATINGS).rowcount:
            self._has_deleted_text = True
        nothing = dict.fromkeys(("helpful", "comment", "rated"))
        connection.execute(sql.update(OLD_ANSWERS).where(OLD_ANSWERS.c.rated.is_not(None)), nothing)

    def _resume_clock(self, connection: sql.Connection) -> None:
        """Set the steady clock to when this journal was last in use, as it says or its rows do."""
        seen = {n: at for n, at in connection.execute(sql.select(CLOCK.c.n, CLOCK.c.at))}  # noqa: C416
        last = (
            seen.get(_LAST_TIME)
            or connection.execute(sql.select(sql.func.max(ANSWERS.c.at))).scalar()
        )
        if last is not None:
            known = _STEP_OFFSET in seen and _STEP_SINCE in seen
            self._clock.resume(last, (seen[_STEP_OFFSET], seen[_STEP_SINCE]) if known else None)

    def _delete_expired(self, connection: sql.Connection) -> None:
        """Remove what is too old, unless that was done within the hour."""
        passed = self._monotonic()
        if passed < self._next_sweep:
            self._clock.now()  # so that a step is noticed when it is made
            return
        self._next_sweep = passed + _SWEEP_SECONDS
        now, oldest = self._clock.now(), self._clock.earliest() - self._max_age
        step = self._clock.pending_step
        for table in (ANSWERS, VOTES):
            if step is None:  # what is dated by a clock that was wrong would stay too long
                late = table.c.at > now + SMALL_STEP
                connection.execute(sql.update(table).where(late).values(at=now))
            self._delete(connection, table, table.c.at < oldest)
        orphans = VOTES.c.answer.not_in(sql.select(ANSWERS.c.id))
        self._delete(connection, VOTES, orphans)
        connection.execute(UPSERT_CLOCK, {"n": _LAST_TIME, "at": now})
        if step is None:
            connection.execute(sql.delete(CLOCK).where(CLOCK.c.n.in_((_STEP_OFFSET, _STEP_SINCE))))
        else:
            for row, at in zip((_STEP_OFFSET, _STEP_SINCE), step, strict=True):
                connection.execute(UPSERT_CLOCK, {"n": row, "at": at})
        if self._has_deleted_text:
            self._truncate_wal(connection)

    def _delete_oldest(self, connection: sql.Connection, newest: str) -> None:
        """Remove the oldest answers but the one just kept, where they are more than may be."""
        if self._bytes_since_check < self._max_bytes // _GRAIN:
            return
        used = BYTES_USED[self._engine.dialect.name]
        oldest = sql.select(ANSWERS.c.id).where(ANSWERS.c.id != newest)
        batch = oldest.order_by(ANSWERS.c.at, ANSWERS.c.id).limit(_BATCH)
        for _ in range(_BATCHES):
            if connection.execute(used).scalar_one() <= self._max_bytes:
                self._bytes_since_check = 0
                return
            names = connection.execute(batch).scalars().all()
            self._delete(connection, VOTES, VOTES.c.answer.in_(names))
            self._delete(connection, ANSWERS, ANSWERS.c.id.in_(names))

    def _delete(
        self, connection: sql.Connection, table: sql.FromClause, which: sql.ColumnElement[bool]
    ) -> None:
        if connection.execute(sql.delete(table).where(which)).rowcount:  # type: ignore[arg-type]
            self._has_deleted_text = True

    def _truncate_wal(self, connection: sql.Connection) -> bool:
        """Write what SQLite's log holds to the file and cut the log; whether that was done."""
        if self._engine.dialect.name == "sqlite":
            busy, *_ = connection.execute(sql.text("pragma wal_checkpoint(truncate)")).one()
            self._has_deleted_text = bool(busy)
        return not self._has_deleted_text

    def _cutoff(self) -> float:
        return self._clock.latest() - self._max_age

    def _rows(self, key: sql.Column[str]) -> Iterator[sql.Row[Any]]:
        """All rows of a table in the order of a key, some at a time."""
        last = ""
        while True:
            chosen = sql.select(key.table).where(key > last).order_by(key).limit(_PAGE_SIZE)
            with self._connection() as connection:
                rows = connection.execute(chosen).all()
            yield from rows
            if len(rows) < _PAGE_SIZE:
                return
            last = getattr(rows[-1], key.name)

    def _answer_id(self, answer: Answer) -> str:
        """What an answer is known by: a keyed digest, so that nobody learns what was asked."""
        cited = [wire.to_dict(citation) for citation in answer.citations]
        said = json.dumps([answer.question, answer.understood_as, answer.generation, cited])
        return self._digest(said)

    def _digest(self, said: str) -> str:
        digest = hashlib.blake2b(said.encode(), digest_size=10, key=self._key).digest()
        return b32encode(digest).decode().lower()

    def _parse_rating(self, row: sql.Row[Any], votes: Sequence[sql.Row[Any]]) -> Rating:
        """The votes on an answer, the newest first. Raises ValueError where it is altered."""
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
        """A row as it was kept. Raises ValueError where the answer's words are not that id's."""
        data = json.loads(row.kept)
        answer = Answer.from_dict(data["answer"])
        if self._answer_id(answer) != row.id:
            raise ValueError(f"{row.id} is altered")
        at = datetime.fromtimestamp(row.at, UTC)
        return LoggedAnswer(row.id, answer, data["texts"], at, data["language"])

    @contextmanager
    def _connection(self) -> Iterator[sql.Connection]:
        try:
            with self._engine.connect() as connection:
                yield connection
        except (exc.SQLAlchemyError, sqlite3.Error, ValueError) as error:
            raise to_answer_log_error(self._engine.url, error) from error

    @contextmanager
    def _damage_as_error(self) -> Iterator[None]:
        """Take for damage what was never written so; what is in the row is nobody else's to see."""
        try:
            yield
        except (KeyError, OverflowError, OSError, TypeError, ValueError) as error:
            what = f"{describe_url(self._engine.url)} holds a row that cannot be read."
            raise AnswerLogError(what, DAMAGED_HINT) from error


def _searchable_text(kept: str) -> str:
    """All text in a row's JSON, to be searched; the row itself where it is none."""
    try:
        return _fold_case("\n".join(_strings(json.loads(kept))))
    except (RecursionError, ValueError):
        return _fold_case(kept)


def _strings(data: Any) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict | list):
        for value in data.values() if isinstance(data, dict) else data:
            yield from _strings(value)


def _fold_case(text: str) -> str:
    return normalise(text).casefold()
