"""Make, find and revoke API keys: each is shown once, and stored as a digest in a file."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import threading
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from assistant import files
from assistant.errors import ApiKeyError, ApiKeysUnusable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

KeyScope = Literal["read", "feedback", "admin"]
SCOPES: tuple[KeyScope, ...] = get_args(KeyScope)

KEY_PREFIX = "guide_"
"""The beginning of every key, by which a key in a repository or a log is recognised."""

_MAX_NAME = 60


@dataclass(frozen=True, slots=True)
class ApiKey:
    """The record of a key: who it is for, what it allows, when it was made, and its digest.

    A key is 256 random bits and cannot be guessed, so a fast digest (SHA-256) protects it as well
    as a slow one.
    """

    name: str
    scopes: tuple[KeyScope, ...]
    added: str
    sha256: str

    def allows(self, scope: KeyScope) -> bool:
        """Whether the key allows a scope; admin allows all."""
        return scope in self.scopes or "admin" in self.scopes


class ApiKeys:
    """Manages the keys in a file, read again when it has changed; safe to share between threads.

    All methods raise ApiKeysUnusable where the file cannot be read or written. Without a file
    there are no keys.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._cache: tuple[object, dict[str, ApiKey]] = (None, {})
        self._lock = threading.Lock()

    def add(self, name: str, scopes: Sequence[str] = ("read",)) -> str:
        """Make a key for someone and return its token, which is never shown again.

        Raises ApiKeyError for a name that is taken or malformed, and for an unknown scope.
        """
        if not name or name != name.strip() or len(name) > _MAX_NAME or not name.isprintable():
            raise ApiKeyError(
                f"An API key cannot be named {name!a}.",
                f"Name who it is for, in at most {_MAX_NAME} characters.",
            )
        unknown = [scope for scope in scopes if scope not in SCOPES]
        if unknown or not scopes:
            raise ApiKeyError(
                f"There is no scope {', '.join(unknown) or 'given'}.",
                f"The scopes are: {', '.join(SCOPES)}.",
            )
        token = KEY_PREFIX + secrets.token_urlsafe(32)
        chosen = tuple(scope for scope in SCOPES if scope in scopes)
        added = datetime.now(UTC).isoformat(timespec="seconds")
        with self._locked_for_writing() as keys:
            if any(key.name == name for key in keys):
                raise ApiKeyError(
                    f"There is a key named {name} already.", "Revoke it, or choose another name."
                )
            keys.append(ApiKey(name, chosen, added, _digest(token)))
        return token

    def revoke(self, name: str) -> None:
        """Revoke a key: the next request with it is refused.

        Raises ApiKeyError for an unknown name.
        """
        with self._locked_for_writing() as keys:
            others = [key for key in keys if key.name != name]
            if len(others) == len(keys):
                names = ", ".join(key.name for key in keys) or "none"
                raise ApiKeyError(f"There is no key named {name}.", f"The keys are: {names}.")
            keys[:] = others

    def list_keys(self) -> tuple[ApiKey, ...]:
        """List every key, in the order they were made."""
        return tuple(self._keys_by_digest().values())

    def find(self, token: str) -> ApiKey | None:
        """Find the key of a token; None for an unknown one."""
        # The lookup is by digest, so its duration reveals nothing about any token.
        return self._keys_by_digest().get(_digest(token))

    def _keys_by_digest(self) -> dict[str, ApiKey]:
        """Return the keys by their digests; the file is read again where it has changed."""
        try:
            stat = self._path.stat()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise self._file_error("read", error) from error
        version = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        with self._lock:
            if self._cache[0] != version:
                self._cache = version, {key.sha256: key for key in self._read_file()}
            return self._cache[1]

    def _read_file(self) -> list[ApiKey]:
        try:
            data = json.loads(files.read_bytes(self._path))
            return [_parse_key(record) for record in data["keys"]]
        except OSError as error:
            raise self._file_error("read", error) from error
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise ApiKeysUnusable(
                f"{self._path} is not a file of API keys: {error!r}.",
                "Restore it, or remove it and make the keys anew.",
            ) from error

    @contextmanager
    def _locked_for_writing(self) -> Iterator[list[ApiKey]]:
        """Yield the keys to change, then write all of them to the file, or nothing.

        The lock makes writers wait for each other, so that no change is lost. The system releases
        it where a writer is killed.
        """
        from filelock import FileLock

        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{self._path}.lock", mode=0o600, fallback_to_soft=False):
                self._remove_leftovers()
                keys = self._read_file() if self._path.exists() else []
                yield keys
                self._write_file(keys)
        except OSError as error:
            raise self._file_error("written", error) from error

    def _write_file(self, keys: Sequence[ApiKey]) -> None:
        text = json.dumps({"keys": [asdict(key) for key in keys]}, indent=2)
        new = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _remove_leftovers(self) -> None:
        """Remove the files of writers that were killed; the lock's holder is the only writer."""
        for path in sorted(self._path.parent.iterdir()):
            name, _, number = path.name.rpartition(".")
            if name == self._path.name and number.isdecimal() and not path.is_dir():
                path.unlink()

    def _file_error(self, done: str, error: OSError) -> ApiKeysUnusable:
        return ApiKeysUnusable(
            f"{self._path} cannot be {done}: {error.strerror or error}.",
            "Check that its folder exists and may be used, or name another file: the setting keys.",
        )


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _parse_key(data: dict[str, Any]) -> ApiKey:
    name, scopes, added, sha256 = (data[part] for part in ("name", "scopes", "added", "sha256"))
    if not all(isinstance(part, str) for part in (name, added, sha256)):
        raise TypeError("a key's parts are text")
    if not isinstance(scopes, list) or not set(scopes) <= set(SCOPES):
        raise ValueError(f"{scopes} are no scopes")
    return ApiKey(name, tuple(scopes), added, sha256)
