"""Building: an index brought up to date with its guide, doing no more than what changed needs.

Knows what of a generation still holds when the guide changes, and why it must be made again. Must
not know how generations are kept on disk, nor what is asked of them.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections import Counter
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from assistant.errors import IndexDamaged, IndexMissing, IndexOutdated
from assistant.guide import links
from assistant.guide import page as guides
from assistant.guide.publishers import Reading
from assistant.index import diff, generations
from assistant.index import index as indexes
from assistant.index.build_cache import Cache
from assistant.index.database import Kept, edits_only
from assistant.index.embed import CachedVectors
from assistant.index.index import FORMAT, Index, Manifest
from assistant.index.store import FaissStore
from assistant.models.documents import PageRead

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from assistant.encoders.onnx import Encoder
    from assistant.index.diff import Changes
    from assistant.models.documents import Oddity, PageLinks
    from assistant.settings import Settings

    Progress = Callable[[str, int, int], None]

# The cache is pruned where it is this many times as large as what a generation needs, and then
# some, so that a small guide is never pruned and a large one only once it has been rewritten.
_CACHE_GROWS = 3
_CACHE_AT_LEAST = 64_000_000


@dataclass(frozen=True, slots=True)
class Built:
    """What a build did: the generation, why it was needed (empty: it was not), what was odd.

    `read` counts the pages read; the others next to it are passages of this generation whose
    vectors were there and were not, and passages of the last one that are gone.
    """

    generation: str
    reasons: tuple[str, ...]
    pages: int
    passages: int
    oddities: tuple[Oddity, ...]
    read: int = 0
    kept: int = 0
    embedded: int = 0
    removed: int = 0
    megabytes: float = 0.0
    seconds: float = 0.0


def reading(chosen: Settings) -> Reading:
    """How the settings say the guide is read; what publishes it is guessed where they do not."""
    tool = guides.published_by(chosen.corpus) if chosen.site == "auto" else chosen.site
    return Reading(base_url=chosen.base_url, tool=tool)


def build(
    corpus: Path,
    folder: Path,
    encoder: Encoder,
    *,
    reading: Reading | None = None,
    progress: Progress | None = None,
) -> Built:
    """Bring the index up to date with the guide; does nothing where it already is.

    Only files that changed are read, and only texts that are new are encoded; the generation has
    the bytes it would have if it were built from nothing. `reading` is how the guide is read but
    for the window, which is the encoder's. `progress` is told (step, done, in all).

    One writer at a time: raises IndexBusy. Raises IndexUnwritable where the folder cannot be
    written, and GuideError as `guide.read` does.
    """

    def tell(step: str) -> Callable[[int, int], None]:
        return lambda done, total: progress(step, done, total) if progress else None

    started = time.perf_counter()
    given = reading or Reading(tool=guides.published_by(corpus))
    reading = replace(given, window=encoder.window)
    with (
        generations.writing(folder) as draft,
        _failing_as_files_do(),
        Cache(folder, f"{encoder.identity} {encoder.arithmetic}") as cache,
    ):
        last, base, reasons = _last(folder, encoder.identity, reading)
        try:
            found = _changes(corpus, cache, base, reading=reading, progress=tell("reading"))
            if base and not _is_same(found, base):
                reasons += ("the guide changed",)
                if last and last.manifest.arithmetic != encoder.arithmetic:
                    # What asks an index need not be what built it; what goes on building it must.
                    reasons, base = (*reasons, "the encoder changed"), None
                    found = _changes(corpus, cache, None, reading=reading, progress=tell("reading"))
            if last and not reasons:
                seconds = time.perf_counter() - started
                return _unchanged(last, folder, found.skipped, seconds=seconds)
            vectors = CachedVectors(encoder, cache)
            embedded = vectors.encode(found.read, tell("encoding"))
            with closing(_write(draft, found, vectors, base)) as store:
                manifest = _described(draft, store, encoder, reading)
                text = json.dumps(asdict(manifest), indent=2, sort_keys=True) + "\n"
                previous = last.generation if last else ""
                name = generations.publish(folder, draft, text, previous=previous)
                new = [vectors.digest(p.search_text) for page in found.read for p in page.passages]
                fresh = sum(digest in embedded for digest in new)
                built = Built(
                    name,
                    reasons,
                    manifest.pages,
                    manifest.passages,
                    (*store.oddities(), *found.skipped),
                    read=len(found.read),
                    kept=manifest.passages - fresh,
                    embedded=fresh,
                    removed=_removed(last, found, vectors, new),
                    megabytes=_size(folder / name) / 1e6,
                )
                _prune(cache, store, last, vectors)
        finally:
            if last:
                last.store.close()
    return replace(built, seconds=time.perf_counter() - started)


@contextmanager
def _failing_as_files_do() -> Iterator[None]:
    """Pass on as an OSError what SQLite says of a disk that fails under a checked file."""
    try:
        yield
    except sqlite3.Error as error:
        raise OSError(str(error)) from error


def _last(
    folder: Path, model: str, reading: Reading
) -> tuple[Index | None, FaissStore | None, tuple[str, ...]]:
    """The last generation, its store if pages may be taken over, and why it will not do."""
    try:
        found, last = generations.read(
            folder, lambda found: (found, indexes.opened(found)), whole=True
        )
    except IndexMissing:
        return None, None, ("there was no index",)
    except IndexOutdated:
        return None, None, ("the index format changed",)
    except IndexDamaged as error:
        return None, None, (f"the index was damaged ({error.what})",)
    was = last.reading
    differs = {
        "the model changed": last.manifest.model != model,
        "the base URL changed": was.base_url != reading.base_url,
        "the way of reading changed": replace(was, base_url=reading.base_url) != reading,
    }
    reasons = tuple(reason for reason, differing in differs.items() if differing)
    base = None if reasons else last.store
    if found.damage:
        reasons += (f"the index was damaged ({found.damage})",)
    return last, base, reasons


def _changes(
    corpus: Path,
    cache: Cache,
    base: FaissStore | None,
    *,
    reading: Reading,
    progress: Callable[[int, int], None],
) -> Changes:
    """The guide against the last generation; how its files are is remembered."""
    seen = cache.files(corpus.resolve())
    digests = base.digests() if base else {}
    found = diff.find(corpus, digests, reading=reading, seen=seen, progress=progress)
    passages = (
        len(piece.passages) if isinstance(piece, PageRead) else base and base.size_of(piece)
        for piece in found.pieces
    )
    if not any(passages):
        raise guides.nothing_read(corpus, found.paths, found.unread)
    if found.files != seen:
        cache.remember(corpus.resolve(), found.files)
    return found


def _is_same(found: Changes, base: FaissStore) -> bool:
    """Whether the guide is as it was, down to the files that cannot be read."""
    unread = tuple(oddity for oddity in base.concerns() if oddity.unread)
    return found.pieces == (Kept(0, len(base.digests())),) and found.unread == unread


def _unchanged(last: Index, folder: Path, skipped: tuple[Oddity, ...], *, seconds: float) -> Built:
    return Built(
        last.generation,
        (),
        last.manifest.pages,
        last.manifest.passages,
        (*last.store.oddities(), *skipped),
        kept=last.manifest.passages,
        megabytes=_size(folder / last.generation) / 1e6,
        seconds=seconds,
    )


def _write(
    draft: Path, found: Changes, vectors: CachedVectors, base: FaissStore | None
) -> FaissStore:
    """Write a generation's files, and open them."""
    concerns = (*found.unread, *_broken(found, base))
    try:
        FaissStore.write(draft, found.pieces, vectors, concerns=concerns, old=base)
        return FaissStore(draft)  # FAISS closes a file without saying that its end is not there
    except (ValueError, KeyError, RuntimeError) as error:
        raise OSError(str(error)) from error  # the disk is full, in another library's words


def _broken(found: Changes, base: FaissStore | None) -> tuple[Oddity, ...]:
    """The links of a guide that lead nowhere.

    They are those of the last generation where no page came or went, and the edited ones had no
    such link, have the same links but for their lines, and are themselves found as before.
    """
    if base and edits_only(found.pieces, list(base.digests())):
        known = tuple(oddity for oddity in base.concerns() if not oddity.unread)
        odd = {oddity.path for oddity in known}
        if not any(
            page.page.path in odd or not _links_alike(base.links_of(page.page.path), page.links)
            for page in found.read
        ):
            return known
    linked = list(base.links().values()) if base else []
    pages = [
        page
        for piece in found.pieces
        for page in (linked[piece.start : piece.end] if isinstance(piece, Kept) else [piece.links])
    ]
    return tuple(links.check(pages))


def _links_alike(one: PageLinks, other: PageLinks) -> bool:
    same = one.permalink == other.permalink and set(one.anchors) == set(other.anchors)
    return same and {to for _, to in one.links} == {to for _, to in other.links}


def _described(draft: Path, store: FaissStore, encoder: Encoder, reading: Reading) -> Manifest:
    digests = store.digests()
    lines = "".join(f"{digest}  {path}\n" for path, digest in digests.items())
    return Manifest(
        format=FORMAT,
        model=encoder.identity,
        model_name=encoder.name,
        arithmetic=encoder.arithmetic,
        corpus=hashlib.sha256(lines.encode()).hexdigest(),
        reading=reading,
        pages=len(digests),
        passages=store.size,
        files=generations.digests(draft),
    )


def _removed(
    last: Index | None, found: Changes, vectors: CachedVectors, new: Iterable[bytes]
) -> int:
    """How many passages of the last generation stand in the new one no more."""
    if not last:
        return 0
    kept = {n for p in found.pieces if isinstance(p, Kept) for n in range(p.start, p.end)}
    gone = [path for number, path in enumerate(last.store.digests()) if number not in kept]
    old = Counter(
        vectors.digest(passage.search_text)
        for path in gone
        for passage in last.store.passages_of(path)
    )
    return (old - Counter(new)).total()


def _prune(cache: Cache, store: FaissStore, last: Index | None, vectors: CachedVectors) -> None:
    """Forget the vectors that neither generation needs, once they are most of the cache."""
    if cache.size < _CACHE_AT_LEAST + _CACHE_GROWS * store.size_of_vectors:
        return
    stores = [store, last.store] if last else [store]
    cache.keep(digest for one in stores for digest in vectors.digests(one))


def _size(home: Path) -> int:
    return sum(path.stat().st_size for path in home.rglob("*") if path.is_file())
