"""What a build need not do again: vectors by the digest of their text, and files by their stat.

Knows one SQLite file that lies beside the generations, is trusted in nothing, and may be deleted
at any time. Must not know what the texts are, nor what encodes them.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from types import TracebackType

    Step = tuple[str, Sequence[tuple[object, ...]] | None]

CACHE_FILE = ".vectors.sqlite"

_SCHEMA = """
pragma auto_vacuum = full;
pragma journal_mode = wal;
pragma synchronous = normal;
pragma wal_autocheckpoint = 8192;
create table if not exists vector (
    key integer primary key, digest blob unique, vector blob, proof blob);
create table if not exists file (
    path text primary key, size integer, modified integer, changed integer, seen integer,
    sha256 text, proof blob) without rowid;
create table if not exists folder (path text);
select key, digest, vector, proof from vector limit 0;
select path, size, modified, changed, seen, sha256, proof from file limit 0;
"""

# How many values one statement asks for, and how long a file must have lain before it was looked
# at: some file systems tell times in steps of 2 s, and within one a file may change unseen.
_DIGESTS_PER_QUERY = 500
_SETTLING_NS = 2_000_000_000

# What SQLite says where it cannot reach or write a file, as against one it did not write so.
_DISK_ERRORS = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
}

# Of a name that is damaged SQLite cannot even say so in UTF-8.
_CORRUPTION_ERRORS = (sqlite3.Error, UnicodeDecodeError)


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A file when it was last looked at: size, times and clock in nanoseconds, its sha256."""

    size: int
    modified_ns: int
    changed_ns: int
    checked_ns: int
    sha256: str

    def is_unchanged(self, now: os.stat_result) -> bool:
        """Whether the file is for certain as it was: the same stat, and settled when taken."""
        same = (self.size, self.modified_ns, self.changed_ns) == (
            now.st_size,
            now.st_mtime_ns,
            now.st_ctime_ns,
        )
        return same and self.checked_ns - max(self.modified_ns, self.changed_ns) >= _SETTLING_NS


def read_file_records(folder: Path) -> tuple[Path | None, dict[str, FileRecord]]:
    """The guide that the cache in a folder was last used for, and how its files were.

    Nothing is written, and no lock is taken: a build may go on meanwhile, and the folder may be
    on a read-only mount. None and nothing where the cache is not there, or is being written.
    """
    path = folder / CACHE_FILE
    if not path.is_file() or path.with_name(f"{CACHE_FILE}-wal").exists():
        return None, {}
    try:
        uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
        with closing(sqlite3.connect(uri, uri=True)) as database:
            guides = database.execute("select path from folder").fetchall()
            return (Path(guides[0][0]), _parse_file_records(database)) if guides else (None, {})
    except (*_CORRUPTION_ERRORS, OSError, ValueError, TypeError):
        return None, {}


class BuildCache:
    """Vectors and stats kept between builds; for one writer at a time.

    Every row proves itself, so that one changed on disk is no row. A file that cannot be read is
    replaced by an empty one. Raises OSError where nothing can be written.
    """

    def __init__(self, folder: Path, model: str) -> None:
        self._path = folder / CACHE_FILE
        self._salt = hashlib.sha256(model.encode()).digest()
        self._database = self._open()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._database.close()

    @property
    def size(self) -> int:
        """How many bytes the file takes."""
        return self._path.stat().st_size

    def digest(self, text: str, *, kind: str) -> bytes:
        """What a text's vector of one kind is kept under."""
        data = text.encode("utf-8", "surrogatepass")
        return hashlib.blake2b(data, digest_size=16, key=self._salt, person=kind.encode()).digest()

    def contains(self, digests: Sequence[bytes]) -> set[bytes]:
        """Those of the digests there is a row for."""
        return {row[0] for row in self._select("digest", digests)}

    def vectors(self, digests: Sequence[bytes]) -> dict[bytes, bytes]:
        """The vectors there are, each as it was put, by digest."""
        return {
            digest: vector
            for digest, vector, proof in self._select("digest, vector, proof", digests)
            if isinstance(vector, bytes) and proof == _checksum(digest + vector)
        }

    def put(self, rows: Mapping[bytes, bytes]) -> None:
        """Keep vectors by digest, in place of any there; they survive the process at once."""
        statement = (
            "insert into vector (digest, vector, proof) values (?, ?, ?) on conflict (digest) "
            "do update set vector = excluded.vector, proof = excluded.proof"
        )
        proven = [(digest, vector, _checksum(digest + vector)) for digest, vector in rows.items()]
        self._transact((statement, proven))

    def retain(self, digests: Iterable[bytes]) -> None:
        """Forget every vector but those named, and give the space back."""
        self._transact(
            ("create temp table if not exists kept (digest blob primary key) without rowid", None),
            ("insert or ignore into kept values (?)", [(digest,) for digest in digests]),
            ("delete from vector where digest not in (select digest from kept)", None),
            ("drop table kept", None),
        )

    def file_records(self, folder: Path) -> dict[str, FileRecord]:
        """The files of a folder as they were when last remembered, by path."""
        try:
            if self._database.execute("select path from folder").fetchall() != [(str(folder),)]:
                return {}
            return _parse_file_records(self._database)
        except _CORRUPTION_ERRORS as error:
            self._recreate(error)
            return {}

    def save_file_records(self, folder: Path, file_records: Mapping[str, FileRecord]) -> None:
        """Keep how the files of a folder are, and forget any others."""
        before = self.file_records(folder)
        rows = [
            (path, f.size, f.modified_ns, f.changed_ns, f.checked_ns, f.sha256)
            for path, f in sorted(file_records.items())
            if before.get(path) != f
        ]
        gone = [(path,) for path in before if path not in file_records]
        self._transact(
            # Of another folder, or of none that can be read.
            *([] if before else [("delete from file", None)]),
            ("delete from folder", None),
            ("insert into folder values (?)", [(str(folder),)]),
            ("delete from file where path = ?", gone),
            (
                "insert or replace into file values (?, ?, ?, ?, ?, ?, ?)",
                [(*row, _checksum(repr(row))) for row in rows],
            ),
        )

    def _select(self, columns: str, digests: Sequence[bytes]) -> Iterator[tuple[Any, ...]]:
        for start in range(0, len(digests), _DIGESTS_PER_QUERY):
            some = digests[start : start + _DIGESTS_PER_QUERY]
            marks = ",".join("?" * len(some))
            query = f"select {columns} from vector where digest in ({marks})"
            try:
                yield from self._database.execute(query, some).fetchall()
            except _CORRUPTION_ERRORS as error:
                self._recreate(error)
                return

    def _transact(self, *steps: Step) -> None:
        """Take some steps in one transaction; where the file is no good, over an empty one."""
        try:
            self._execute(steps)
        except _CORRUPTION_ERRORS as error:
            self._recreate(error)
            try:
                self._execute(steps)
            except _CORRUPTION_ERRORS as again:
                raise OSError(str(again)) from again

    def _execute(self, steps: Iterable[Step]) -> None:
        with self._database:
            self._database.execute("begin")
            for statement, rows in steps:
                if rows is None:
                    self._database.execute(statement)
                else:
                    self._database.executemany(statement, rows)

    def _open(self) -> sqlite3.Connection:
        try:
            return self._connect()
        except _CORRUPTION_ERRORS as error:
            self._delete_file(error)
        try:
            return self._connect()
        except _CORRUPTION_ERRORS as error:
            raise OSError(str(error)) from error

    def _connect(self) -> sqlite3.Connection:
        database = sqlite3.connect(self._path, isolation_level=None)
        try:
            database.executescript(_SCHEMA)
        except _CORRUPTION_ERRORS:
            database.close()
            raise
        return database

    def _recreate(self, error: Exception) -> None:
        """Begin again with an empty file, unless it is the disk that is at fault."""
        self._database.close()
        self._delete_file(error)
        self._database = self._open()

    def _delete_file(self, error: Exception) -> None:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in _DISK_ERRORS:
            raise OSError(str(error)) from error
        for end in ("", "-wal", "-shm"):
            self._path.with_name(CACHE_FILE + end).unlink(missing_ok=True)


def _parse_file_records(database: sqlite3.Connection) -> dict[str, FileRecord]:
    rows = database.execute("select * from file").fetchall()
    return {
        path: FileRecord(*stat)
        for path, *stat, proof in rows
        if proof == _checksum(repr((path, *stat)))
    }


def _checksum(of: str | bytes) -> bytes:
    data = of if isinstance(of, bytes) else of.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(data, digest_size=8).digest()
