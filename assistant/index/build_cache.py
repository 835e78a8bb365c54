"""Cache the vectors of texts, and the state of the guide's files, for the next build.

The cache is one SQLite file beside the generations. Every row is verified, and the file may be
deleted at any time.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from assistant.guide.includes import Include

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from types import TracebackType

    Step = tuple[str, Sequence[tuple[object, ...]] | None]

CACHE_FILE = ".vectors.sqlite"

# A cache of an earlier version is used as it is, so its columns keep their names. Earlier records
# of files, in `file`, do not say what a page includes.
_SCHEMA = """
pragma auto_vacuum = full;
pragma journal_mode = wal;
pragma synchronous = normal;
pragma wal_autocheckpoint = 8192;
create table if not exists vector (
    key integer primary key, digest blob unique, vector blob, proof blob);
drop table if exists file;
create table if not exists guide_file (
    path text primary key, size integer, modified integer, changed integer, seen integer,
    sha256 text, includes text, proof blob) without rowid;
create table if not exists folder (path text);
select key, digest, vector, proof from vector limit 0;
select path, size, modified, changed, seen, sha256, includes, proof from guide_file limit 0;
"""

_DIGESTS_PER_QUERY = 500

# The record of a file counts only if its last change was this long before the check: some file
# systems store times in steps of 2 s, and a second change within one step does not show.
_SETTLING_NS = 2_000_000_000

# SQLite's errors for a file that it cannot reach or write; others mean that the file is damaged.
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

# The message for a damaged table may contain bytes that are not UTF-8.
_CORRUPTION_ERRORS = (sqlite3.Error, UnicodeDecodeError)


@dataclass(frozen=True, slots=True)
class FileRecord:
    """The state of a file when it was last checked: size, times in nanoseconds, digest.

    The size is -1 where there was no file. `sha256` is the digest of a page, which covers its
    `includes`; these have records of their own. It is empty where it was not computed.
    """

    size: int
    modified_ns: int
    changed_ns: int
    checked_ns: int
    sha256: str
    includes: tuple[Include, ...] = ()

    def is_unchanged(self, now: os.stat_result | None) -> bool:
        """Whether the file is certainly unchanged: the same stat, and no change just before it."""
        if now is None or self.size < 0:
            return now is None and self.size < 0
        same = (self.size, self.modified_ns, self.changed_ns) == (
            now.st_size,
            now.st_mtime_ns,
            now.st_ctime_ns,
        )
        return same and self.checked_ns - max(self.modified_ns, self.changed_ns) >= _SETTLING_NS


def read_file_records(folder: Path) -> tuple[Path | None, dict[str, FileRecord]]:
    """Read the guide that the cache was last used for, and the records of its files.

    Writes nothing and takes no lock, because a build may be running and the folder may be on a
    read-only mount. Returns (None, {}) if there is no cache, or while a build writes it.
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
    """Vectors and file records that outlive a build; for one writer at a time.

    Every row has a checksum: a row that was altered on disk is ignored. A damaged file is replaced
    by an empty one. Raises OSError if nothing can be written.
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
        """The size of the file in bytes."""
        return self._path.stat().st_size

    def digest(self, text: str, *, kind: str) -> bytes:
        """Compute the digest under which a text's vector of one kind is stored."""
        data = text.encode("utf-8", "surrogatepass")
        return hashlib.blake2b(data, digest_size=16, key=self._salt, person=kind.encode()).digest()

    def contains(self, digests: Sequence[bytes]) -> set[bytes]:
        """Return those of the digests that have a row."""
        return {row[0] for row in self._select("digest", digests)}

    def vectors(self, digests: Sequence[bytes]) -> dict[bytes, bytes]:
        """Read the vectors that exist, by digest."""
        return {
            digest: vector
            for digest, vector, proof in self._select("digest, vector, proof", digests)
            if isinstance(vector, bytes) and proof == _checksum(digest + vector)
        }

    def put(self, rows: Mapping[bytes, bytes]) -> None:
        """Store vectors by digest, replacing old ones, and commit them at once."""
        statement = (
            "insert into vector (digest, vector, proof) values (?, ?, ?) on conflict (digest) "
            "do update set vector = excluded.vector, proof = excluded.proof"
        )
        proven = [(digest, vector, _checksum(digest + vector)) for digest, vector in rows.items()]
        self._transact((statement, proven))

    def retain(self, digests: Iterable[bytes]) -> None:
        """Delete every vector except those named, and free the space."""
        self._transact(
            (
                "create temp table if not exists retained (digest blob primary key) without rowid",
                None,
            ),
            ("insert or ignore into retained values (?)", [(digest,) for digest in digests]),
            ("delete from vector where digest not in (select digest from retained)", None),
            ("drop table retained", None),
        )

    def file_records(self, folder: Path) -> dict[str, FileRecord]:
        """Read the records of the files of a folder, by path."""
        try:
            if self._database.execute("select path from folder").fetchall() != [(str(folder),)]:
                return {}
            return _parse_file_records(self._database)
        except _CORRUPTION_ERRORS as error:
            self._recreate(error)
            return {}

    def save_file_records(self, folder: Path, file_records: Mapping[str, FileRecord]) -> None:
        """Save the records of the files of a folder, and delete all others."""
        before = self.file_records(folder)
        rows = [
            (path, f.size, f.modified_ns, f.changed_ns, f.checked_ns, f.sha256, _pack(f.includes))
            for path, f in sorted(file_records.items())
            if before.get(path) != f
        ]
        removed = [(path,) for path in before if path not in file_records]
        self._transact(
            # Records of another folder, or records that cannot be read.
            *([] if before else [("delete from guide_file", None)]),
            ("delete from folder", None),
            ("insert into folder values (?)", [(str(folder),)]),
            ("delete from guide_file where path = ?", removed),
            (
                "insert or replace into guide_file values (?, ?, ?, ?, ?, ?, ?, ?)",
                [(*row, _checksum(repr(row))) for row in rows],
            ),
        )

    def _select(self, columns: str, digests: Sequence[bytes]) -> Iterator[tuple[Any, ...]]:
        for start in range(0, len(digests), _DIGESTS_PER_QUERY):
            batch = digests[start : start + _DIGESTS_PER_QUERY]
            marks = ",".join("?" * len(batch))
            query = f"select {columns} from vector where digest in ({marks})"
            try:
                yield from self._database.execute(query, batch).fetchall()
            except _CORRUPTION_ERRORS as error:
                self._recreate(error)
                return

    def _transact(self, *steps: Step) -> None:
        """Run statements in one transaction; if the file is damaged, in a new empty file."""
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
        """Start again with an empty file, unless the disk caused the error."""
        self._database.close()
        self._delete_file(error)
        self._database = self._open()

    def _delete_file(self, error: Exception) -> None:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in _DISK_ERRORS:
            raise OSError(str(error)) from error
        for end in ("", "-wal", "-shm"):
            self._path.with_name(CACHE_FILE + end).unlink(missing_ok=True)


def _parse_file_records(database: sqlite3.Connection) -> dict[str, FileRecord]:
    rows = database.execute("select * from guide_file").fetchall()
    return {
        path: FileRecord(size, modified, changed, checked, sha256, _unpack(includes))
        for path, size, modified, changed, checked, sha256, includes, proof in rows
        if proof == _checksum(repr((path, size, modified, changed, checked, sha256, includes)))
    }


def _pack(includes: Sequence[Include]) -> str:
    return json.dumps([[item.path, item.is_whole] for item in includes]) if includes else ""


def _unpack(text: str) -> tuple[Include, ...]:
    return tuple(Include(path, is_whole) for path, is_whole in json.loads(text)) if text else ()


def _checksum(value: str | bytes) -> bytes:
    data = value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(data, digest_size=8).digest()
