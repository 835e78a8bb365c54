"""The journal's tables, and how its database is reached: SQLite's file or a PostgreSQL server."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import sqlalchemy as sql
from sqlalchemy import exc

from assistant import files
from assistant.errors import AnswerLogError, AnswerLogUnwritable

LOCK_TIMEOUT = 2
"""Seconds that an answer may be held up, for it is worth more than its record."""

METADATA = sql.MetaData()
KEYS = sql.Table(
    "journal_key",
    METADATA,
    sql.Column("n", sql.Integer, primary_key=True),
    sql.Column("key", sql.String(64), nullable=False),
)
# All of an answer is one text, of JSON in ASCII: every database keeps that as it is, half
# characters and zeros with it.
ANSWERS = sql.Table(
    "journal_answer",
    METADATA,
    sql.Column("id", sql.String(16), primary_key=True),
    sql.Column("at", sql.Double, nullable=False, index=True),
    sql.Column("kept", sql.Text, nullable=False),
)
VOTES = sql.Table(
    "journal_vote",
    METADATA,
    sql.Column("vote", sql.String(16), primary_key=True),
    sql.Column("answer", sql.String(16), nullable=False, index=True),
    sql.Column("helpful", sql.Boolean, nullable=False),
    sql.Column("comment", sql.Text, nullable=False),
    sql.Column("at", sql.Double, nullable=False, index=True),
)
# The time at which the clock was last known to be right, and that of a step it has made since.
CLOCK = sql.Table(
    "journal_clock",
    METADATA,
    sql.Column("n", sql.Integer, primary_key=True),
    sql.Column("at", sql.Double, nullable=False),
)
# One rating stood in each answer's own row, and the last replaced those before.
OLD_ANSWERS = sql.table("journal_answer", *map(sql.column, ("id", "helpful", "comment", "rated")))

# SQLite and PostgreSQL share these words. A single statement is its own transaction.
INSERT_KEY = sql.text("insert into journal_key values (1, :key) on conflict do nothing")
UPSERT_ANSWER = sql.text(
    "insert into journal_answer (id, at, kept) values (:id, :at, :kept) "
    "on conflict (id) do update set at = excluded.at, kept = excluded.kept"
)
UPSERT_VOTE = sql.text(
    "insert into journal_vote (vote, answer, helpful, comment, at) "
    "select cast(:vote as varchar(16)), id, cast(:helpful as boolean), cast(:comment as text), "
    "cast(:at as double precision) from journal_answer where id = :answer and at >= :oldest "
    "on conflict (vote) do update "
    "set helpful = excluded.helpful, comment = excluded.comment, at = excluded.at"
)
UPSERT_CLOCK = sql.text(
    "insert into journal_clock values (:n, :at) on conflict (n) do update set at = excluded.at"
)
MOVE_OLD_RATINGS = sql.text(
    "insert into journal_vote (vote, answer, helpful, comment, at) "
    "select id, id, helpful, coalesce(comment, ''), rated from journal_answer "
    "where rated is not null and helpful is not null on conflict do nothing"
)
# Of pages in use; those that are free are used again before the file grows.
BYTES_USED = {
    "sqlite": sql.text(
        "select (count.page_count - free.freelist_count) * size.page_size "
        "from pragma_page_count count, pragma_freelist_count free, pragma_page_size size"
    ),
    "postgresql": sql.text(
        "select (select coalesce(sum(octet_length(kept)), 0) from journal_answer) "
        "+ (select coalesce(sum(octet_length(comment)), 0) from journal_vote)"
    ),
}

_ARGUMENTS: dict[str, dict[str, Any]] = {
    "sqlite": {"timeout": LOCK_TIMEOUT},
    "postgresql": {
        "connect_timeout": LOCK_TIMEOUT,
        "options": f"-c statement_timeout={LOCK_TIMEOUT}s",
    },
}
# The log survives a process that is killed, and shrinks again after a rush; what is removed is
# overwritten, not only let go.
_PRAGMAS = (
    "journal_mode = wal",
    "synchronous = normal",
    "journal_size_limit = 4194304",
    "secure_delete = on",
)

_OR_ANOTHER = "or choose another with the setting journal"
LOCKED_HINT = "Try again; if it lasts, end the process that holds it."
_HINTS = {
    sqlite3.SQLITE_BUSY: LOCKED_HINT,
    sqlite3.SQLITE_LOCKED: LOCKED_HINT,
    sqlite3.SQLITE_CANTOPEN: f"See that its folder is there and may be written to, {_OR_ANOTHER}.",
    sqlite3.SQLITE_PERM: f"See that it may be written to, {_OR_ANOTHER}.",
    sqlite3.SQLITE_READONLY: f"See that it may be written to, {_OR_ANOTHER}.",
    sqlite3.SQLITE_FULL: "Make room on its disk.",
    sqlite3.SQLITE_IOERR: "Make room on its disk, and see that it is sound.",
}
DAMAGED_HINT = "Move it away with the files beside it; a new one is made."


def create_engine(url: str) -> sql.Engine:
    """What connects to a database; it has not yet."""
    mend = f"Write sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME, {_OR_ANOTHER}."
    try:
        place = sql.make_url(url)
    except (exc.ArgumentError, ValueError) as error:
        raise AnswerLogError("The journal's URL is not that of a database.", mend) from error
    kind = place.get_backend_name()
    if kind not in _ARGUMENTS:
        raise AnswerLogError(f"No journal can be kept in {kind}.", mend)
    if kind == "sqlite" and place.database in {None, "", ":memory:"}:
        raise AnswerLogError("The journal's URL names no file.", mend)
    if kind == "sqlite":
        _make_private(place)
    try:
        engine = sql.create_engine(
            place,
            connect_args=_ARGUMENTS[kind],
            isolation_level="AUTOCOMMIT",
            hide_parameters=True,
            pool_size=0,  # one for each thread that asks at once: nobody waits but for the disk
        )
    except (exc.SQLAlchemyError, ImportError) as error:
        what = f"{describe_url(place)} cannot be reached: {error}."
        raise AnswerLogError(
            what, f"Install the package that is missing, {_OR_ANOTHER}."
        ) from error
    if kind == "sqlite":
        sql.event.listen(engine, "connect", _set_pragmas)
    return engine


def _make_private(url: sql.URL) -> None:
    """See to it that a journal's files are read by their owner alone, before SQLite opens them."""
    database = str(url.database)
    is_uri = database.startswith("file:")
    path = Path(unquote(urlsplit(database).path)) if is_uri else Path(database)
    mend = f"Name a file in a folder that is there: move what stands in its place, {_OR_ANOTHER}."
    try:
        files.check_regular(path)
        if not path.parent.is_dir() or (is_uri and not path.exists()):
            return  # SQLite says what is wrong, or makes the file as the URI says
        files.make_private(path)
        for end in ("-wal", "-shm"):  # a new one has the mode of the file
            beside = path.with_name(path.name + end)
            if beside.exists():
                files.make_private(beside)
    except ValueError:
        return  # no name of a file: SQLite says so
    except OSError as error:
        what = f"{describe_url(url)} cannot be used: {error.strerror or error}."
        raise AnswerLogError(what, mend) from error


def _set_pragmas(connection: sqlite3.Connection, _: object) -> None:
    """Set a new connection to SQLite to what a journal needs."""
    for pragma in _PRAGMAS:
        connection.execute(f"pragma {pragma}")


def describe_url(url: sql.URL) -> str:
    """The journal as a message names it, without a password."""
    return f"The journal {url.database if url.get_backend_name() == 'sqlite' else url!r}"


def to_answer_log_error(url: sql.URL, error: Exception) -> AnswerLogError:
    """What a database says, in words of ours and with its mend; of what is in it, nothing."""
    said = getattr(error, "orig", None) or error
    code = getattr(said, "sqlite_errorcode", None)
    if code is not None:
        mend = _HINTS.get(code & 0xFF, DAMAGED_HINT)
    elif url.get_backend_name() == "sqlite":
        mend = DAMAGED_HINT
    else:
        mend = f"See that the database runs and its URL is right, {_OR_ANOTHER}."
    reason = next(iter(str(said).splitlines()), type(said).__name__).rstrip(".")
    kind = AnswerLogUnwritable if mend in {*_HINTS.values()} - {LOCKED_HINT} else AnswerLogError
    return kind(f"{describe_url(url)} cannot be used: {reason}.", mend)
