"""Build an index: bring it up to date with its guide, with no more work than the changes need."""

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
from assistant.guide.folder import empty_guide_error, read_pages
from assistant.guide.publishers import ReadingOptions
from assistant.guide.site import detect_site
from assistant.index import generations
from assistant.index.build_cache import BuildCache
from assistant.index.database import ReusedPages, has_same_paths
from assistant.index.diff import diff_guide
from assistant.index.embed import embed_pages, list_digests
from assistant.index.index import INDEX_FORMAT, Manifest, open_generation
from assistant.index.store import FaissStore
from assistant.index.writer import write_generation
from assistant.models.documents import ParsedPage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from assistant.encoders.base import Encoder
    from assistant.index.diff import GuideParts
    from assistant.index.embed import Embeddings
    from assistant.index.generations import Generation
    from assistant.index.index import Index
    from assistant.models.documents import GuideWarning, PageLinks
    from assistant.settings import Settings

    Progress = Callable[[str, int, int], None]

# The cache is pruned when it is larger than _CACHE_MIN_BYTES plus _CACHE_GROWTH times the vectors
# of a generation. So the cache of a small guide is never pruned, and that of a large guide only
# after most of the guide is rewritten.
_CACHE_GROWTH = 3
_CACHE_MIN_BYTES = 64_000_000


@dataclass(frozen=True, slots=True)
class BuildResult:
    """The result of a build: its generation, why it was made, its size and its warnings.

    `reasons` is empty where the index was up to date. `pages_read` counts the pages that were read.
    `passages_reused` counts the passages of this generation whose vectors existed before, and
    `passages_embedded` the others. `passages_removed` counts the passages of the previous
    generation that are no longer in this one.
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
    """Choose how to read the guide; a publisher that the settings do not name is guessed."""
    options = detect_site(settings.corpus)
    if settings.site not in {"auto", options.publisher}:
        options = ReadingOptions(publisher=settings.site, title=options.title)
    return replace(options, base_url=settings.base_url, drafts=settings.drafts)


def build_index(
    corpus: Path,
    folder: Path,
    encoder: Encoder,
    *,
    reading_options: ReadingOptions | None = None,
    progress: Progress | None = None,
) -> BuildResult:
    """Bring the index up to date with the guide; do nothing where it already is.

    Only files that changed are read, and only new texts are encoded. The new generation has the
    bytes of one that is built from nothing. `reading_options` say how the guide is read, except
    for the length of passages, which the encoder decides. `progress` receives (step, done, total).

    Raises IndexBusy while another process writes the index, IndexNotWritable where the folder
    cannot be written, and GuideError where there is no guide or it has no page with text.
    """
    started = time.perf_counter()
    chosen = reading_options or detect_site(corpus)
    options = replace(chosen, max_tokens=encoder.window)

    def report(step: str) -> Callable[[int, int], None]:
        return lambda done, total: progress(step, done, total) if progress else None

    with (
        generations.lock_for_writing(folder) as draft,
        _sqlite_errors_as_oserrors(),
        BuildCache(folder, f"{encoder.identity} {encoder.backend}") as cache,
        closing(_open_previous(folder, encoder, options)) as opened,
    ):
        previous = opened
        diff = diff_guide(corpus, previous.page_digests(), cache.file_records(corpus.resolve()))
        # Vectors of another backend can be searched, but not mixed with new ones.
        if diff.is_change and previous.differs_in_backend(encoder):
            previous, diff = previous.without_reuse("the encoder changed"), diff.from_nothing()
        pages = read_pages(
            corpus,
            diff.changed,
            reading_options=options,
            parts=diff.parts,
            progress=report("reading"),
        )
        guide = diff.assemble(pages)
        _check_not_empty(corpus, guide, previous)
        cache.save_file_records(corpus.resolve(), guide.file_records)
        reasons = previous.reasons_to_build(guide)
        if previous.index and not reasons:
            return _unchanged_result(previous.index, folder, guide, started)
        embeddings = embed_pages(guide.pages, encoder, cache, report("encoding"))
        with closing(_write(draft, guide, embeddings, previous)) as store:
            name = _publish(folder, draft, store, encoder, options, previous)
            _prune_cache(cache, store, previous)
            new = sum(digest in embeddings.encoded for digest in embeddings.passages)
            return BuildResult(
                generation=name,
                reasons=reasons,
                pages=len(store.page_digests()),
                passages=store.size,
                warnings=(*guide.warnings, *store.warnings()),
                pages_read=len(guide.pages),
                passages_reused=store.size - new,
                passages_embedded=new,
                passages_removed=_count_removed(previous, guide, embeddings),
                megabytes=_folder_size(folder / name) / 1e6,
                seconds=time.perf_counter() - started,
            )


@contextmanager
def _sqlite_errors_as_oserrors() -> Iterator[None]:
    """Turn an error of SQLite, whose files were checked before, into an OSError of the disk."""
    try:
        yield
    except sqlite3.Error as error:
        raise OSError(str(error)) from error


@dataclass(frozen=True, slots=True)
class _Previous:
    """The previous generation, the store whose pages may be reused, and reasons to build again.

    `index` is None where no generation opens. `reusable` is None where every page is read again.
    """

    index: Index | None
    reusable: FaissStore | None
    reasons: tuple[str, ...]

    def close(self) -> None:
        if self.index:
            self.index.store.close()

    def page_digests(self) -> dict[str, str]:
        return self.reusable.page_digests() if self.reusable else {}

    def differs_in_backend(self, encoder: Encoder) -> bool:
        """Whether another backend computed the vectors, which may be searched but not mixed."""
        backend = self.index.manifest.encoder_backend if self.index else ""
        return self.reusable is not None and backend != encoder.backend

    def without_reuse(self, reason: str) -> _Previous:
        """Return a copy whose pages are all read again, for this reason."""
        return replace(self, reusable=None, reasons=(*self.reasons, "the guide changed", reason))

    def reasons_to_build(self, guide: GuideParts) -> tuple[str, ...]:
        """Return the reasons to build a generation; none where the guide has not changed."""
        if not self.reusable:
            return self.reasons
        warnings = self.reusable.guide_warnings()
        unreadable = tuple(warning for warning in warnings if warning.unreadable)
        all_pages = (ReusedPages(0, len(self.reusable.page_digests())),)
        if guide.parts == all_pages and guide.unreadable == unreadable:
            return self.reasons
        return (*self.reasons, "the guide changed")


def _open_previous(folder: Path, encoder: Encoder, options: ReadingOptions) -> _Previous:
    def load(generation: Generation) -> tuple[str, Index]:
        return generation.damage, open_generation(generation)

    try:
        damage, index = generations.open_current(folder, load, check_all=True)
    except IndexMissing:
        return _Previous(None, None, ("there was no index",))
    except IndexOutdated:
        return _Previous(None, None, ("the index format changed",))
    except IndexDamaged as error:
        return _Previous(None, None, (f"the index was damaged ({error.message})",))
    before = index.reading_options
    changes = {
        "the model changed": index.manifest.model != encoder.identity,
        "the base URL changed": before.base_url != options.base_url,
        "the way of reading changed": replace(before, base_url=options.base_url) != options,
    }
    reasons = tuple(reason for reason, changed in changes.items() if changed)
    reusable = None if reasons else index.store
    if damage:
        reasons += (f"the index was damaged ({damage})",)
    return _Previous(index, reusable, reasons)


def _check_not_empty(corpus: Path, guide: GuideParts, previous: _Previous) -> None:
    passages = (
        len(part.passages)
        if isinstance(part, ParsedPage)
        else previous.reusable and previous.reusable.count_passages(part)
        for part in guide.parts
    )
    if not any(passages):
        raise empty_guide_error(corpus, guide.paths, guide.unreadable, guide.warnings)


def _unchanged_result(index: Index, folder: Path, guide: GuideParts, started: float) -> BuildResult:
    return BuildResult(
        generation=index.generation,
        reasons=(),
        pages=index.manifest.pages,
        passages=index.manifest.passages,
        warnings=(*guide.warnings, *index.store.warnings()),
        passages_reused=index.manifest.passages,
        megabytes=_folder_size(folder / index.generation) / 1e6,
        seconds=time.perf_counter() - started,
    )


def _write(
    draft: Path, guide: GuideParts, embeddings: Embeddings, previous: _Previous
) -> FaissStore:
    """Write the files of a generation, and open them.

    `write_generation` also makes the postings, the BM25 scores, the vocabulary and the acronyms.
    """
    broken = _find_broken_links(guide, previous.reusable)
    try:
        arrays = write_generation(
            draft,
            guide.parts,
            embeddings,
            guide_warnings=(*guide.unreadable, *broken),
            previous=previous.reusable,
        )
        return FaissStore(draft, arrays)
    except (ValueError, KeyError, RuntimeError) as error:
        raise OSError(str(error)) from error  # a library's error for a full disk


def _find_broken_links(guide: GuideParts, previous: FaissStore | None) -> tuple[GuideWarning, ...]:
    """Find the broken links of a guide.

    They are those of the previous generation if no page was added or removed, and if every edited
    page had no broken link, has the same permalink and anchors, and links to the same addresses.
    """
    if previous and has_same_paths(guide.parts, list(previous.page_digests())):
        known = tuple(w for w in previous.guide_warnings() if not w.unreadable)
        paths = {warning.path for warning in known}
        if not any(
            page.page.path in paths
            or not _has_same_links(previous.page_links(page.page.path), page.links)
            for page in guide.pages
        ):
            return known
    old_links = list(previous.all_page_links().values()) if previous else []
    all_links = [
        page
        for part in guide.parts
        for page in (
            old_links[part.start : part.end] if isinstance(part, ReusedPages) else [part.links]
        )
    ]
    return tuple(links.check_links(all_links))


def _has_same_links(old: PageLinks, new: PageLinks) -> bool:
    same = old.permalink == new.permalink and set(old.anchors) == set(new.anchors)
    return same and {to for _, to in old.links} == {to for _, to in new.links}


def _publish(
    folder: Path,
    draft: Path,
    store: FaissStore,
    encoder: Encoder,
    options: ReadingOptions,
    previous: _Previous,
) -> str:
    """Write the manifest, and make the draft the current generation; return its name."""
    digests = store.page_digests()
    lines = "".join(f"{digest}  {path}\n" for path, digest in digests.items())
    manifest = Manifest(
        format=INDEX_FORMAT,
        model=encoder.identity,
        model_name=encoder.name,
        encoder_backend=encoder.backend,
        corpus=hashlib.sha256(lines.encode()).hexdigest(),
        reading_options=options,
        pages=len(digests),
        passages=store.size,
        arrays=dict(store.arrays),
        files=generations.hash_files(draft),
    )
    text = json.dumps(asdict(manifest), indent=2, sort_keys=True) + "\n"
    name = previous.index.generation if previous.index else ""
    return generations.publish(folder, draft, text, previous=name)


def _count_removed(previous: _Previous, guide: GuideParts, embeddings: Embeddings) -> int:
    """Count the passages of the previous generation that are no longer in the new one."""
    if not previous.index:
        return 0
    store = previous.index.store
    reused = {
        number
        for part in guide.parts
        if isinstance(part, ReusedPages)
        for number in range(part.start, part.end)
    }
    removed = Counter(
        embeddings.digest(passage)
        for number, path in enumerate(store.page_digests())
        if number not in reused
        for passage in store.page_passages(path)
    )
    return (removed - Counter(embeddings.passages)).total()


def _prune_cache(cache: BuildCache, store: FaissStore, previous: _Previous) -> None:
    """Delete the vectors that neither generation needs, once most of the cache is not needed."""
    if cache.size < _CACHE_MIN_BYTES + _CACHE_GROWTH * store.vector_bytes:
        return
    stores = [store, previous.index.store] if previous.index else [store]
    cache.retain(digest for each in stores for digest in list_digests(each, cache))


def _folder_size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
