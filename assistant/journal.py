"""What was answered, and what readers thought of it: kept in a database for some days.

Knows the tables, the key that ids are made with, and when a row is too old. Must not know who
asked, how an answer is found, or how it is shown.
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

from assistant.errors import JournalError, JournalUnwritable
from assistant.model import Answer
from assistant.text import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_DAY = 86_400.0
_SWEEP = 3_600.0  # seconds between two removals of what is too old
_PATIENCE = 2  # seconds that an answer may be held up, for it is worth more than its record
_LONGEST_COMMENT = 2_000
_ID = re.compile(r"[a-z2-7]{16}")

_TABLES = sql.MetaData()
_KEY = sql.Table(
    "journal_key",
    _TABLES,
    sql.Column("n", sql.Integer, primary_key=True),
    sql.Column("key", sql.String(64), nullable=False),
)
# All of an answer is one text, of JSON in ASCII: every database keeps that as it is, half
# characters and zeros with it.
_ANSWER = sql.Table(
    "journal_answer",
    _TABLES,
    sql.Column("id", sql.String(16), primary_key=True),
    sql.Column("at", sql.Double, nullable=False, index=True),
    sql.Column("kept", sql.Text, nullable=False),
    sql.Column("helpful", sql.Boolean),
    sql.Column("comment", sql.Text),
    sql.Column("rated", sql.Double, index=True),
)

# SQLite and PostgreSQL share these words. A single statement is its own transaction.
_MAKE_KEY = sql.text("insert into journal_key values (1, :key) on conflict do nothing")
_KEEP = sql.text(
    "insert into journal_answer (id, at, kept) values (:id, :at, :kept) "
    "on conflict (id) do update set at = excluded.at, kept = excluded.kept"
)

_ARGUMENTS: dict[str, dict[str, Any]] = {
    "sqlite": {"timeout": _PATIENCE},
    "postgresql": {"connect_timeout": _PATIENCE, "options": f"-c statement_timeout={_PATIENCE}s"},
}
# The log survives a process that is killed, and shrinks again after a rush; what is removed is
# overwritten, not only let go.
_PRAGMAS = (
    "journal_mode = wal",
    "synchronous = normal",
    "journal_size_limit = 4194304",
    "secure_delete = on",
)

_ANOTHER = "or choose another with the setting journal"
_HELD = "Try again; if it lasts, end the process that holds it."
_MENDS = {
    sqlite3.SQLITE_BUSY: _HELD,
    sqlite3.SQLITE_LOCKED: _HELD,
    sqlite3.SQLITE_CANTOPEN: f"See that its folder is there and may be written to, {_ANOTHER}.",
    sqlite3.SQLITE_PERM: f"See that it may be written to, {_ANOTHER}.",
    sqlite3.SQLITE_READONLY: f"See that it may be written to, {_ANOTHER}.",
    sqlite3.SQLITE_FULL: "Make room on its disk.",
    sqlite3.SQLITE_IOERR: "Make room on its disk, and see that it is sound.",
}
_DAMAGED = "Move it away with the files beside it; a new one is made."


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer as it was given at a time, in UTC; `texts` are its passages' whole, by their id.

    `language` is the one the answer was shown in.
    """

    id: str
    answer: Answer
    texts: Mapping[str, str]
    at: datetime
    language: str


@dataclass(frozen=True, slots=True)
class Rating:
    """What a reader thought of the answer to a question, and when, in UTC."""

    id: str
    question: str
    helpful: bool
    comment: str
    at: datetime


class Journal:
    """Answers and what was thought of them, by ids nobody can guess; safe to share by threads.

    Nothing is kept of who asked. All methods raise JournalError where the database fails, or is
    held by another process for longer than two seconds.
    """

    def __init__(self, engine: sql.Engine, *, days: int, clock: Callable[[], float]) -> None:
        self._engine = engine
        self._days = days
        self._clock = clock
        self._key = b""
        self._next_sweep = 0.0

    @classmethod
    def open(cls, url: str, *, days: int, clock: Callable[[], float] = time.time) -> Journal:
        """Open the journal of a database's URL, SQLite's or PostgreSQL's, or make a new one.

        What is older than `days` by the clock, in seconds since 1970, is removed. Raises
        JournalError where the database cannot be opened and written.
        """
        journal = cls(_engine(url), days=days, clock=clock)
        try:
            journal._prepare()
        except JournalError:
            journal.close()
            raise
        return journal

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def keep(self, answer: Answer, texts: Mapping[str, str], *, language: str = "") -> str:
        """Keep an answer with the texts it cites and return its id.

        The same answer, of the same generation, has the same id, and is kept once, as it was
        last given.
        """
        kept = {"answer": answer.to_dict(), "texts": dict(texts), "language": language}
        id_, text = self._id(answer), json.dumps(kept)
        with self._connected() as connection:
            connection.execute(_KEEP, {"id": id_, "at": self._clock(), "kept": text})
            self._sweep(connection)
        return id_

    def answer(self, id: str) -> Kept | None:  # noqa: A002 - its name everywhere
        """The answer of an id; None where there is none, or none any more."""
        if not _ID.fullmatch(id):
            return None
        chosen = sql.select(_ANSWER).where(_ANSWER.c.id == id, _ANSWER.c.at >= self._oldest())
        with self._connected() as connection:
            row = connection.execute(chosen).one_or_none()
        with self._reading():
            return self._kept(row) if row else None

    def rate(self, id: str, helpful: bool, comment: str = "") -> bool:  # noqa: A002, FBT001
        """Keep what a reader thinks of an answer, in place of what was thought before.

        False where there is no such answer. A comment is cut at 2,000 characters.
        """
        if not _ID.fullmatch(id):
            return False
        said = {"helpful": helpful, "comment": visible(comment)[:_LONGEST_COMMENT]}
        chosen = sql.update(_ANSWER).where(_ANSWER.c.id == id, _ANSWER.c.at >= self._oldest())
        with self._connected() as connection:
            return connection.execute(chosen, {**said, "rated": self._clock()}).rowcount > 0

    def ratings(self, limit: int = 100) -> tuple[Rating, ...]:
        """What readers thought, newest first, at most `limit` of it."""
        since = self._oldest()
        chosen = (
            sql.select(_ANSWER)
            .where(_ANSWER.c.rated >= since, _ANSWER.c.at >= since)
            .order_by(_ANSWER.c.rated.desc(), _ANSWER.c.id)
            .limit(max(limit, 0))
        )
        with self._connected() as connection:
            rows = connection.execute(chosen).all()
        with self._reading():
            return tuple(
                Rating(
                    row.id,
                    self._kept(row).answer.question,
                    row.helpful,
                    row.comment,
                    datetime.fromtimestamp(row.rated, UTC),
                )
                for row in rows
            )

    def _prepare(self) -> None:
        with self._connected() as connection:
            for table in _TABLES.sorted_tables:
                connection.execute(CreateTable(table, if_not_exists=True))
                for index in table.indexes:
                    connection.execute(CreateIndex(index, if_not_exists=True))
            connection.execute(_MAKE_KEY, {"key": secrets.token_hex(32)})
            key = connection.execute(sql.select(_KEY.c.key)).scalar_one()
            connection.execute(sql.select(_ANSWER).limit(0))  # an older table lacks a column
            self._sweep(connection)
        with self._reading():
            self._key = bytes.fromhex(key)

    def _sweep(self, connection: sql.Connection) -> None:
        """Remove what is too old, unless that was done within the hour."""
        now = self._clock()
        if now < self._next_sweep:
            return
        self._next_sweep = now + _SWEEP
        oldest, nothing = self._oldest(), dict.fromkeys(("helpful", "comment", "rated"))
        connection.execute(sql.delete(_ANSWER).where(_ANSWER.c.at < oldest))
        # An answer that is given again and again outlives what was once thought of it.
        connection.execute(sql.update(_ANSWER).where(_ANSWER.c.rated < oldest), nothing)

    def _oldest(self) -> float:
        return self._clock() - self._days * _DAY

    def _id(self, answer: Answer) -> str:
        """What an answer is known by: a keyed digest, so that nobody learns what was asked."""
        cited = [citation.to_dict() for citation in answer.citations]
        said = json.dumps([answer.question, answer.understood_as, answer.generation, cited])
        digest = hashlib.blake2b(said.encode(), digest_size=10, key=self._key).digest()
        return b32encode(digest).decode().lower()

    def _kept(self, row: sql.Row[Any]) -> Kept:
        """A row as it was kept. Raises ValueError where the answer's words are not that id's."""
        data = json.loads(row.kept)
        answer = Answer.from_dict(data["answer"])
        if self._id(answer) != row.id:
            raise ValueError(f"{row.id} is altered")
        at = datetime.fromtimestamp(row.at, UTC)
        return Kept(row.id, answer, data["texts"], at, data["language"])

    @contextmanager
    def _connected(self) -> Iterator[sql.Connection]:
        try:
            with self._engine.connect() as connection:
                yield connection
        except (exc.SQLAlchemyError, sqlite3.Error, ValueError) as error:
            raise _failure(self._engine.url, error) from error

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Take for damage what was never written so; what is in the row is nobody else's to see."""
        try:
            yield
        except (KeyError, OverflowError, OSError, TypeError, ValueError) as error:
            what = f"{_named(self._engine.url)} holds a row that cannot be read."
            raise JournalError(what, _DAMAGED) from error


def _engine(url: str) -> sql.Engine:
    """What connects to a database; it has not yet."""
    mend = f"Write sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME, {_ANOTHER}."
    try:
        place = sql.make_url(url)
    except (exc.ArgumentError, ValueError) as error:
        raise JournalError("The journal's URL is not that of a database.", mend) from error
    kind = place.get_backend_name()
    if kind not in _ARGUMENTS:
        raise JournalError(f"No journal can be kept in {kind}.", mend)
    if kind == "sqlite" and place.database in {None, "", ":memory:"}:
        raise JournalError("The journal's URL names no file.", mend)
    try:
        engine = sql.create_engine(
            place,
            connect_args=_ARGUMENTS[kind],
            isolation_level="AUTOCOMMIT",
            hide_parameters=True,
            pool_size=0,  # one for each thread that asks at once: nobody waits but for the disk
        )
    except (exc.SQLAlchemyError, ImportError) as error:
        what = f"{_named(place)} cannot be reached: {error}."
        raise JournalError(what, f"Install the package that is missing, {_ANOTHER}.") from error
    if kind == "sqlite":
        sql.event.listen(engine, "connect", _set_up)
    return engine


def _set_up(connection: sqlite3.Connection, _: object) -> None:
    """Set a new connection to SQLite to what a journal needs."""
    for pragma in _PRAGMAS:
        connection.execute(f"pragma {pragma}")


def _named(url: sql.URL) -> str:
    """The journal as a message names it, without a password."""
    return f"The journal {url.database if url.get_backend_name() == 'sqlite' else url!r}"


def _failure(url: sql.URL, error: Exception) -> JournalError:
    """What a database says, in words of ours and with its mend; of what is in it, nothing."""
    said = getattr(error, "orig", None) or error
    code = getattr(said, "sqlite_errorcode", None)
    if code is not None:
        mend = _MENDS.get(code & 0xFF, _DAMAGED)
    elif url.get_backend_name() == "sqlite":
        mend = _DAMAGED
    else:
        mend = f"See that the database runs and its URL is right, {_ANOTHER}."
    reason = next(iter(str(said).splitlines()), type(said).__name__).rstrip(".")
    kind = JournalUnwritable if mend in {*_MENDS.values()} - {_HELD} else JournalError
    return kind(f"{_named(url)} cannot be used: {reason}.", mend)
