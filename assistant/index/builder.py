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
from assistant.guide.publishers import ReadingOptions
from assistant.index import diff, generations
from assistant.index import index as indexes
from assistant.index.build_cache import BuildCache
from assistant.index.database import ReusedPages, has_same_paths
from assistant.index.embed import CachedEmbedder
from assistant.index.index import INDEX_FORMAT, Index, Manifest
from assistant.index.store import FaissStore
from assistant.models.documents import ParsedPage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from assistant.encoders.onnx import Encoder
    from assistant.index.diff import GuideDiff
    from assistant.models.documents import GuideWarning, PageLinks
    from assistant.settings import Settings

    Progress = Callable[[str, int, int], None]

# The cache is pruned where it is this many times as large as what a generation needs, and then
# some, so that a small guide is never pruned and a large one only once it has been rewritten.
_CACHE_GROWTH = 3
_CACHE_MIN_BYTES = 64_000_000


@dataclass(frozen=True, slots=True)
class BuildResult:
    """What a build did: the generation, why it was needed (empty: it was not), what was odd.

    `read` counts the pages read; the others next to it are passages of this generation whose
    vectors were there and were not, and passages of the last one that are gone.
    """

    generation: str
    reasons: tuple[str, ...]
    pages: int
    passages: int
    warnings: tuple[GuideWarning, ...]
    pages_read: int = 0
    passages_reused: int = 0
    passages_embedded: int = 0
    passages_removed: int = 0
    megabytes: float = 0.0
    seconds: float = 0.0


def choose_reading_options(settings: Settings) -> ReadingOptions:
    """How the settings say the guide is read; what publishes it is guessed where they do not."""
    tool = guides.detect_publisher(settings.corpus) if settings.site == "auto" else settings.site
    return ReadingOptions(base_url=settings.base_url, publisher=tool)


def build_index(
    corpus: Path,
    folder: Path,
    encoder: Encoder,
    *,
    reading_options: ReadingOptions | None = None,
    progress: Progress | None = None,
) -> BuildResult:
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
    given = reading_options or ReadingOptions(publisher=guides.detect_publisher(corpus))
    reading_options = replace(given, max_tokens=encoder.window)
    with (
        generations.lock_for_writing(folder) as draft,
        _sqlite_errors_as_oserrors(),
        BuildCache(folder, f"{encoder.identity} {encoder.backend}") as cache,
    ):
        last, base, reasons = _open_previous(folder, encoder.identity, reading_options)
        try:
            found = _diff(corpus, cache, base, reading=reading_options, progress=tell("reading"))
            if base and not _is_unchanged(found, base):
                reasons += ("the guide changed",)
                if last and last.manifest.encoder_backend != encoder.backend:
                    # What asks an index need not be what built it; what goes on building it must.
                    reasons, base = (*reasons, "the encoder changed"), None
                    found = _diff(
                        corpus, cache, None, reading=reading_options, progress=tell("reading")
                    )
            if last and not reasons:
                seconds = time.perf_counter() - started
                return _unchanged_result(last, folder, found.skipped, seconds=seconds)
            vectors = CachedEmbedder(encoder, cache)
            embedded = vectors.embed(found.pages, tell("encoding"))
            with closing(_write(draft, found, vectors, base)) as store:
                manifest = _describe(draft, store, encoder, reading_options)
                text = json.dumps(asdict(manifest), indent=2, sort_keys=True) + "\n"
                previous = last.generation if last else ""
                name = generations.publish(folder, draft, text, previous=previous)
                new = [vectors.digest(p.search_text) for page in found.pages for p in page.passages]
                fresh = sum(digest in embedded for digest in new)
                built = BuildResult(
                    name,
                    reasons,
                    manifest.pages,
                    manifest.passages,
                    (*store.warnings(), *found.skipped),
                    pages_read=len(found.pages),
                    passages_reused=manifest.passages - fresh,
                    passages_embedded=fresh,
                    passages_removed=_count_removed(last, found, vectors, new),
                    megabytes=_folder_size(folder / name) / 1e6,
                )
                _prune_cache(cache, store, last, vectors)
        finally:
            if last:
                last.store.close()
    return replace(built, seconds=time.perf_counter() - started)


@contextmanager
def _sqlite_errors_as_oserrors() -> Iterator[None]:
    """Pass on as an OSError what SQLite says of a disk that fails under a checked file."""
    try:
        yield
    except sqlite3.Error as error:
        raise OSError(str(error)) from error


def _open_previous(
    folder: Path, model: str, reading: ReadingOptions
) -> tuple[Index | None, FaissStore | None, tuple[str, ...]]:
    """The last generation, its store if pages may be taken over, and why it will not do."""
    try:
        found, last = generations.open_current(
            folder, lambda found: (found, indexes.open_generation(found)), check_all=True
        )
    except IndexMissing:
        return None, None, ("there was no index",)
    except IndexOutdated:
        return None, None, ("the index format changed",)
    except IndexDamaged as error:
        return None, None, (f"the index was damaged ({error.message})",)
    was = last.reading_options
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


def _diff(
    corpus: Path,
    cache: BuildCache,
    base: FaissStore | None,
    *,
    reading: ReadingOptions,
    progress: Callable[[int, int], None],
) -> GuideDiff:
    """The guide against the last generation; how its files are is remembered."""
    seen = cache.file_records(corpus.resolve())
    digests = base.page_digests() if base else {}
    found = diff.diff_guide(
        corpus, digests, reading_options=reading, file_records=seen, progress=progress
    )
    passages = (
        len(piece.passages)
        if isinstance(piece, ParsedPage)
        else base and base.count_passages(piece)
        for piece in found.parts
    )
    if not any(passages):
        raise guides.empty_guide_error(corpus, found.paths, found.unreadable)
    if found.file_records != seen:
        cache.save_file_records(corpus.resolve(), found.file_records)
    return found


def _is_unchanged(found: GuideDiff, base: FaissStore) -> bool:
    """Whether the guide is as it was, down to the files that cannot be read."""
    unread = tuple(oddity for oddity in base.guide_warnings() if oddity.unreadable)
    return found.parts == (ReusedPages(0, len(base.page_digests())),) and found.unreadable == unread


def _unchanged_result(
    last: Index, folder: Path, warnings: tuple[GuideWarning, ...], *, seconds: float
) -> BuildResult:
    return BuildResult(
        last.generation,
        (),
        last.manifest.pages,
        last.manifest.passages,
        (*last.store.warnings(), *warnings),
        passages_reused=last.manifest.passages,
        megabytes=_folder_size(folder / last.generation) / 1e6,
        seconds=seconds,
    )


def _write(
    draft: Path, found: GuideDiff, vectors: CachedEmbedder, base: FaissStore | None
) -> FaissStore:
    """Write a generation's files, and open them."""
    concerns = (*found.unreadable, *_find_broken_links(found, base))
    try:
        FaissStore.write(draft, found.parts, vectors, guide_warnings=concerns, previous=base)
        return FaissStore(draft)  # FAISS closes a file without saying that its end is not there
    except (ValueError, KeyError, RuntimeError) as error:
        raise OSError(str(error)) from error  # the disk is full, in another library's words


def _find_broken_links(found: GuideDiff, base: FaissStore | None) -> tuple[GuideWarning, ...]:
    """The links of a guide that lead nowhere.

    They are those of the last generation where no page came or went, and the edited ones had no
    such link, have the same links but for their lines, and are themselves found as before.
    """
    if base and has_same_paths(found.parts, list(base.page_digests())):
        known = tuple(oddity for oddity in base.guide_warnings() if not oddity.unreadable)
        odd = {oddity.path for oddity in known}
        if not any(
            page.page.path in odd
            or not _has_same_links(base.page_links(page.page.path), page.links)
            for page in found.pages
        ):
            return known
    linked = list(base.all_page_links().values()) if base else []
    pages = [
        page
        for piece in found.parts
        for page in (
            linked[piece.start : piece.end] if isinstance(piece, ReusedPages) else [piece.links]
        )
    ]
    return tuple(links.check_links(pages))


def _has_same_links(one: PageLinks, other: PageLinks) -> bool:
    same = one.permalink == other.permalink and set(one.anchors) == set(other.anchors)
    return same and {to for _, to in one.links} == {to for _, to in other.links}


def _describe(
    draft: Path, store: FaissStore, encoder: Encoder, reading: ReadingOptions
) -> Manifest:
    digests = store.page_digests()
    lines = "".join(f"{digest}  {path}\n" for path, digest in digests.items())
    return Manifest(
        format=INDEX_FORMAT,
        model=encoder.identity,
        model_name=encoder.name,
        encoder_backend=encoder.backend,
        corpus=hashlib.sha256(lines.encode()).hexdigest(),
        reading_options=reading,
        pages=len(digests),
        passages=store.size,
        files=generations.hash_files(draft),
    )


def _count_removed(
    last: Index | None, found: GuideDiff, vectors: CachedEmbedder, new: Iterable[bytes]
) -> int:
    """How many passages of the last generation stand in the new one no more."""
    if not last:
        return 0
    kept = {n for p in found.parts if isinstance(p, ReusedPages) for n in range(p.start, p.end)}
    gone = [path for number, path in enumerate(last.store.page_digests()) if number not in kept]
    old = Counter(
        vectors.digest(passage.search_text)
        for path in gone
        for passage in last.store.page_passages(path)
    )
    return (old - Counter(new)).total()


def _prune_cache(
    cache: BuildCache, store: FaissStore, last: Index | None, vectors: CachedEmbedder
) -> None:
    """Forget the vectors that neither generation needs, once they are most of the cache."""
    if cache.size < _CACHE_MIN_BYTES + _CACHE_GROWTH * store.vector_bytes:
        return
    stores = [store, last.store] if last else [store]
    cache.retain(digest for one in stores for digest in vectors.digests(one))


def _folder_size(home: Path) -> int:
    return sum(path.stat().st_size for path in home.rglob("*") if path.is_file())
