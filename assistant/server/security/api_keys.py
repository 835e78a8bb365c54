"""Keys to a server: made once, shown once, kept as digests in a file, and revoked at once.

Knows the file, what a key looks like and what each scope allows. Must not know HTTP.
"""

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
"""What every key begins with, so that one in a repository or a log is recognised."""

_MAX_NAME = 60


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is kept of a key: who it is for, what it allows, when it was made, and its digest.

    A key is 256 random bits, so that one fast digest (SHA-256) keeps it as well as a slow one
    would: there is no guessing it.
    """

    name: str
    scopes: tuple[KeyScope, ...]
    added: str
    sha256: str

    def allows(self, scope: KeyScope) -> bool:
        """Whether it does; admin allows all."""
        return scope in self.scopes or "admin" in self.scopes


class ApiKeys:
    """The keys in a file, which is read again whenever it has changed; safe to share by threads.

    All methods raise KeysUnusable where the file cannot be read, or written. No file is no keys.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._cache: tuple[object, dict[str, ApiKey]] = (None, {})
        self._lock = threading.Lock()

    def add(self, name: str, scopes: Sequence[str] = ("read",)) -> str:
        """Make a key for someone, and return it: it is never shown again.

        Raises KeysError for a name that is taken or can be none, and for an unknown scope.
        """
        if not name or name != name.strip() or len(name) > _MAX_NAME or not name.isprintable():
            raise ApiKeyError(
                f"A key cannot be named {name!a}.",
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
        """End a key: the next request with it is refused. Raises KeysError where there is none."""
        with self._locked_for_writing() as keys:
            left = [key for key in keys if key.name != name]
            if len(left) == len(keys):
                known = ", ".join(key.name for key in keys) or "none"
                raise ApiKeyError(f"There is no key named {name}.", f"The keys are: {known}.")
            keys[:] = left

    def list_keys(self) -> tuple[ApiKey, ...]:
        """Every key, in the order they were made in."""
        return tuple(self._keys_by_digest().values())

    def find(self, token: str) -> ApiKey | None:
        """The key that a token is, or None."""
        # What is looked up is the digest, so how long that takes tells nothing of any token.
        return self._keys_by_digest().get(_digest(token))

    def _keys_by_digest(self) -> dict[str, ApiKey]:
        """The keys by their digests; the file is looked at each time, and read where it changed."""
        try:
            stat = self._path.stat()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise self._file_error("read", error) from error
        seen = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        with self._lock:
            if self._cache[0] != seen:
                self._cache = seen, {key.sha256: key for key in self._read_file()}
            return self._cache[1]

    def _read_file(self) -> list[ApiKey]:
        try:
            data = json.loads(files.read_bytes(self._path))
            return [_parse_key(one) for one in data["keys"]]
        except OSError as error:
            raise self._file_error("read", error) from error
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            what = f"{self._path} is not a file of keys: {error!r}."
            raise ApiKeysUnusable(
                what, "Restore it, or remove it and make the keys anew."
            ) from error

    @contextmanager
    def _locked_for_writing(self) -> Iterator[list[ApiKey]]:
        """The keys to change; then they are the file's, whole or not at all."""
        import fcntl

        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            folder = os.open(self._path.parent, os.O_RDONLY)
        except OSError as error:
            raise self._file_error("written", error) from error
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)  # two that add keys at once keep both
            self._remove_leftovers()
            keys = self._read_file() if self._path.exists() else []
            yield keys
            text = json.dumps({"keys": [asdict(key) for key in keys]}, indent=2)
            new = self._path.with_name(f"{self._path.name}.{os.getpid()}")
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text + "\n")
                file.flush()
                os.fsync(file.fileno())
            new.replace(self._path)
            os.fsync(folder)
        except OSError as error:
            raise self._file_error("written", error) from error
        finally:
            os.close(folder)

    def _remove_leftovers(self) -> None:
        """Remove what a writer that was killed left; who holds the lock is the only writer."""
        for path in sorted(self._path.parent.iterdir()):
            name, _, number = path.name.rpartition(".")
            if name == self._path.name and number.isdecimal() and not path.is_dir():
                path.unlink()

    def _file_error(self, done: str, error: OSError) -> ApiKeysUnusable:
        return ApiKeysUnusable(
            f"{self._path} cannot be {done}: {error.strerror or error}.",
            "See that its folder is there and may be used, or name another file: the setting keys.",
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
