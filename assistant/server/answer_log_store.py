"""Define the tables of the answer log, and connect to its database: SQLite or PostgreSQL."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import sqlalchemy as sql
from sqlalchemy import exc
from sqlalchemy.dialects import postgresql, sqlite

from assistant import files
from assistant.errors import AnswerLogError, AnswerLogUnwritable

LOCK_TIMEOUT = 2
"""Seconds that the log may delay an answer: the answer is worth more than its record."""

METADATA = sql.MetaData()
KEYS = sql.Table(
    "journal_key",
    METADATA,
    sql.Column("n", sql.Integer, primary_key=True),
    sql.Column("key", sql.String(64), nullable=False),
)
# A whole answer is one text, JSON in ASCII: every database stores it unchanged, even with lone
# surrogates and null characters in it.
ANSWERS = sql.Table(
    "journal_answer",
    METADATA,
    sql.Column("id", sql.String(16), primary_key=True),
    sql.Column("at", sql.Double, nullable=False, index=True),
    sql.Column("kept", sql.Text, key="record", nullable=False),
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
# The last time at which the clock was right; of a step since then, its offset and its time.
CLOCK = sql.Table(
    "journal_clock",
    METADATA,
    sql.Column("n", sql.Integer, primary_key=True),
    sql.Column("at", sql.Double, nullable=False),
)
# In the first format each answer's row held one rating, and a later rating replaced it.
OLD_ANSWERS = sql.table("journal_answer", *map(sql.column, ("id", "helpful", "comment", "rated")))

# SQLite and PostgreSQL both have ON CONFLICT. A single statement is its own transaction.
_INSERT: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def insert_key(dialect: str, key: str) -> sql.Insert:
    """Insert the key that ids are made with, unless there is one."""
    statement: sql.Insert = _INSERT[dialect](KEYS).values(n=1, key=key).on_conflict_do_nothing()
    return statement


def upsert(dialect: str, table: sql.Table, values: dict[str, Any]) -> sql.Insert:
    """Insert a row, or replace the values of the one with its primary key."""
    statement = _INSERT[dialect](table).values(values)
    return _replace(statement, table)


def upsert_vote(dialect: str, values: dict[str, Any], oldest: float) -> sql.Insert:
    """Insert a vote, or replace the one of its name, if its answer exists and is not too old."""
    columns = [column for column in VOTES.c if column is not VOTES.c.answer]
    row = [sql.cast(values[column.key], column.type).label(column.key) for column in columns]
    answer = sql.select(ANSWERS.c.id, *row).where(
        ANSWERS.c.id == values["answer"], ANSWERS.c.at >= oldest
    )
    names = [VOTES.c.answer, *columns]
    return _replace(_INSERT[dialect](VOTES).from_select(names, answer), VOTES)


def _replace(statement: Any, table: sql.Table) -> sql.Insert:
    """Let an insert replace the row whose primary key it has."""
    changed = {
        column.key: statement.excluded[column.key] for column in table.c if not column.primary_key
    }
    replacing: sql.Insert = statement.on_conflict_do_update(
        index_elements=list(table.primary_key), set_=changed
    )
    return replacing


def move_old_ratings(dialect: str) -> sql.Insert:
    """Copy the ratings of the first format to votes of their own."""
    old = OLD_ANSWERS.c
    ratings = sql.select(
        old.id, old.id, old.helpful, sql.func.coalesce(old.comment, ""), old.rated
    ).where(old.rated.is_not(None), old.helpful.is_not(None))
    names = [VOTES.c.vote, VOTES.c.answer, VOTES.c.helpful, VOTES.c.comment, VOTES.c.at]
    statement: sql.Insert = (
        _INSERT[dialect](VOTES).from_select(names, ratings).on_conflict_do_nothing()
    )
    return statement


def bytes_used(dialect: str) -> sql.Select[Any]:
    """Select how many bytes are in use; SQLite reuses free pages before its file grows."""
    if dialect == "sqlite":
        count, free, size = (_pragma(n) for n in ("page_count", "freelist_count", "page_size"))
        return sql.select((count - free) * size)
    texts = (ANSWERS.c.record, VOTES.c.comment)
    sums = (sql.func.coalesce(sql.func.sum(sql.func.octet_length(text)), 0) for text in texts)
    answers, votes = (sql.select(total).scalar_subquery() for total in sums)
    return sql.select(answers + votes)


def _pragma(name: str) -> sql.ScalarSelect[Any]:
    """Select a pragma of SQLite that is a single number."""
    values = getattr(sql.func, f"pragma_{name}")().table_valued(sql.column(name, sql.Integer))
    return sql.select(values.c[name]).scalar_subquery()


_ARGUMENTS: dict[str, dict[str, Any]] = {
    "sqlite": {"timeout": LOCK_TIMEOUT},
    "postgresql": {
        "connect_timeout": LOCK_TIMEOUT,
        "options": f"-c statement_timeout={LOCK_TIMEOUT}s",
    },
}
# The write-ahead log survives a process that is killed, and shrinks again after many writes;
# deleted rows are overwritten, not only released.
_PRAGMAS = (
    "journal_mode = wal",
    "synchronous = normal",
    "journal_size_limit = 4194304",
    "secure_delete = on",
)

_OR_ANOTHER = "or choose another with the setting journal"
LOCKED_HINT = "Try again; if it lasts, end the process that locks it."
_HINTS = {
    sqlite3.SQLITE_BUSY: LOCKED_HINT,
    sqlite3.SQLITE_LOCKED: LOCKED_HINT,
    sqlite3.SQLITE_CANTOPEN: f"Check that its folder exists and may be written to, {_OR_ANOTHER}.",
    sqlite3.SQLITE_PERM: f"Check that it may be written to, {_OR_ANOTHER}.",
    sqlite3.SQLITE_READONLY: f"Check that it may be written to, {_OR_ANOTHER}.",
    sqlite3.SQLITE_FULL: "Make room on its disk.",
    sqlite3.SQLITE_IOERR: "Make room on its disk, and check the disk.",
}
DAMAGED_HINT = "Move it away with the files beside it; a new one is then made."


def create_engine(url: str) -> sql.Engine:
    """Create the engine of a database; it connects when it is first used.

    Raises AnswerLogError for a URL that cannot be used.
    """
    hint = f"Write sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME, {_OR_ANOTHER}."
    try:
        parsed = sql.make_url(url)
    except (exc.ArgumentError, ValueError) as error:
        raise AnswerLogError(
            "The URL of the answer log is not that of a database.", hint
        ) from error
    kind = parsed.get_backend_name()
    if kind not in _ARGUMENTS:
        raise AnswerLogError(f"No answer log can be stored in {kind}.", hint)
    if kind == "sqlite" and parsed.database in {None, "", ":memory:"}:
        raise AnswerLogError("The URL of the answer log names no file.", hint)
    if kind == "sqlite":
        _make_private(parsed)
    try:
        engine = sql.create_engine(
            parsed,
            connect_args=_ARGUMENTS[kind],
            isolation_level="AUTOCOMMIT",
            hide_parameters=True,
            pool_size=0,  # no limit: no thread waits for another's connection
        )
    except (exc.SQLAlchemyError, ImportError) as error:
        message = f"{describe_url(parsed)} cannot be reached: {error}."
        raise AnswerLogError(
            message, f"Install the package that is missing, {_OR_ANOTHER}."
        ) from error
    if kind == "sqlite":
        sql.event.listen(engine, "connect", _set_pragmas)
    return engine


def _make_private(url: sql.URL) -> None:
    """Make the files readable by their owner alone, before SQLite opens them."""
    database = str(url.database)
    is_uri = database.startswith("file:")
    path = Path(unquote(urlsplit(database).path)) if is_uri else Path(database)
    hint = f"Name a file in an existing folder: move what stands in its place, {_OR_ANOTHER}."
    try:
        files.check_regular(path)
        if not path.parent.is_dir() or (is_uri and not path.exists()):
            return  # SQLite reports what is wrong, or makes the file as the URI says
        files.make_private(path)
        for end in ("-wal", "-shm"):  # SQLite gives new ones the mode of the file
            beside = path.with_name(path.name + end)
            if beside.exists():
                files.make_private(beside)
    except ValueError:
        return  # not the name of a file: SQLite reports it
    except OSError as error:
        message = f"{describe_url(url)} cannot be used: {error.strerror or error}."
        raise AnswerLogError(message, hint) from error


def _set_pragmas(connection: sqlite3.Connection, _: object) -> None:
    """Set up a new connection to SQLite."""
    for pragma in _PRAGMAS:
        connection.execute(f"pragma {pragma}")


def truncate_wal(connection: sql.Connection) -> bool:
    """Write SQLite's write-ahead log to the file and truncate it; False where a reader prevents it.

    SQLAlchemy has no construct for a pragma with an effect.
    """
    busy, *_ = connection.exec_driver_sql("pragma wal_checkpoint(truncate)").one()
    return not busy


def describe_url(url: sql.URL) -> str:
    """Name the answer log in a message, without a password."""
    return f"The answer log {url.database if url.get_backend_name() == 'sqlite' else url!r}"


def to_answer_log_error(url: sql.URL, error: Exception) -> AnswerLogError:
    """Turn a database's error into one with a hint, which shows nothing of the log's contents."""
    cause = getattr(error, "orig", None) or error
    code = getattr(cause, "sqlite_errorcode", None)
    if code is not None:
        hint = _HINTS.get(code & 0xFF, DAMAGED_HINT)
    elif url.get_backend_name() == "sqlite":
        hint = DAMAGED_HINT
    else:
        hint = f"Check that the database runs and its URL is right, {_OR_ANOTHER}."
    reason = next(iter(str(cause).splitlines()), type(cause).__name__).rstrip(".")
    kind = AnswerLogUnwritable if hint in {*_HINTS.values()} - {LOCKED_HINT} else AnswerLogError
    return kind(f"{describe_url(url)} cannot be used: {reason}.", hint)
