"""docs/index-format.md describes every file of a generation, and FAISS alone reads its vectors."""

from __future__ import annotations

import json
import re
import zlib
from pathlib import Path

import faiss
import numpy as np
import pytest

from assistant.guide.folder import read_pages
from assistant.guide.publishers import ReadingOptions
from assistant.index import builder
from assistant.index.arrays import ArraySpec
from assistant.index.build_cache import BuildCache
from assistant.index.database import ReusedPages
from assistant.index.embed import embed_pages
from assistant.index.index import open_index
from assistant.index.store import FaissStore
from assistant.index.writer import write_generation
from tests.conftest import WordEncoder

DOCUMENT = Path(__file__).parents[2] / "docs" / "index-format.md"
ROW = re.compile(r"^\| `(\w+\.\w+)` \|([^|]*)\|([^|]*)\|", re.M)
GUIDE = {
    "a.md": "# Pets\n\nA cat chases a bird. A dog (D) sleeps.\n\n## Outside\n\nA tree.\n",
    "b.md": "# Food\n\nBread and milk.\n\n- [A book on bread](https://books.example/bread)\n",
}


@pytest.fixture(scope="module")
def generation(tmp_path_factory, word_encoder) -> Path:
    work = tmp_path_factory.mktemp("format")
    (work / "guide").mkdir()
    for name, text in GUIDE.items():
        (work / "guide" / name).write_text(text)
    built = builder.build_index(work / "guide", work / "index", word_encoder)
    return work / "index" / built.generation


@pytest.fixture(scope="module")
def table() -> dict[str, tuple[str, str]]:
    """The type and the shape of each file, as the document gives them."""
    rows = ROW.findall(DOCUMENT.read_text(encoding="utf-8"))
    return {name: (kind.strip(), shape.strip()) for name, kind, shape in rows}


def test_every_file_of_a_generation_is_in_the_table(generation, table):
    assert set(table) == {path.name for path in generation.iterdir()}


def test_each_array_has_the_type_and_the_shape_of_the_table(generation, table):
    manifest = json.loads((generation / "manifest.json").read_text(encoding="utf-8"))
    store = open_index(generation.parent).store
    passages = list(store.all_passages())
    words, codes = (
        (generation / name).stat().st_size // 4 for name in ("forward_index.bin", "term_rows.bin")
    )
    sizes = {
        "P": len(passages),
        "S": sum(len(passage.sentences) for passage in passages),
        "R": len(list(store.all_resources())),
        "T": len(store.vocabulary.document_frequency),
        "N": sum(store.vocabulary.document_frequency.values()),
        "W": words,
        "C": codes,
        "D": len(WordEncoder.WORDS),
    }
    arrays = {name: row for name, row in table.items() if name.endswith(".bin")}
    assert set(arrays) == set(manifest["arrays"])
    for name, (kind, shape) in arrays.items():
        spec = manifest["arrays"][name]
        assert np.dtype(spec["dtype"]).name == kind
        assert spec["shape"] == evaluate(shape, sizes), name
        size = np.dtype(spec["dtype"]).itemsize * int(np.prod(spec["shape"]))
        assert (generation / name).stat().st_size == size
    for name in ("vectors.faiss", "resources.faiss"):
        index = faiss.read_index(str(generation / name))
        assert isinstance(index, faiss.IndexFlatIP)
        assert [index.ntotal, index.d] == evaluate(table[name][1].removesuffix(" float32"), sizes)


def evaluate(shape: str, sizes: dict[str, int]) -> list[int]:
    """The numbers of a shape such as `*P* × *D*` or `*P* + 1`."""
    lengths = []
    for part in shape.split(" × "):
        name, _, more = part.partition(" + ")
        own = sizes[name.strip("*")] if name.startswith("*") else int(name)
        lengths.append(own + int(more or 0))
    return lengths


class ScatteredEncoder(WordEncoder):
    """An encoder whose vectors are all different: the digest of a text chooses its own."""

    def encode(self, texts, progress=None):
        seeds = [zlib.crc32(text.encode()) for text in texts]
        rows = [np.random.default_rng(seed).standard_normal(16) for seed in seeds]
        vectors = np.array(rows, dtype=np.float32).reshape(-1, 16)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.mark.parametrize("flat_up_to", [50, 1000], ids=["in lists", "flat"])
def test_faiss_alone_finds_the_same_ten_after_a_build_and_after_an_update(tmp_path, flat_up_to):
    encoder, paths = ScatteredEncoder(), ["a.md", "b.md", "c.md"]
    (tmp_path / "guide").mkdir()
    for path in paths:
        sections = (f"## Part {n}\n\nThe part {n} of {path}.\n" for n in range(100))
        (tmp_path / "guide" / path).write_text("\n".join(sections))
    a, b, c = read_pages(tmp_path / "guide", paths, reading_options=ReadingOptions())

    def write(name: str, parts, previous: FaissStore | None = None) -> FaissStore:
        (tmp_path / name).mkdir()
        pages = [part for part in parts if not isinstance(part, ReusedPages)]
        with BuildCache(tmp_path, "scattered") as cache:
            embeddings = embed_pages(pages, encoder, cache, lambda _done, _total: None)
            arrays = write_generation(
                tmp_path / name, parts, embeddings, previous=previous, flat_up_to=flat_up_to
            )
        return FaissStore(tmp_path / name, arrays)

    built = write("built", [a, b])
    updated = write("updated", [ReusedPages(0, 1), c], previous=built)
    for store in (built, updated):
        alone = faiss.read_index(str(store.folder / "vectors.faiss"))
        assert isinstance(alone, faiss.IndexFlatIP if flat_up_to == 1000 else faiss.IndexRefine)
        for query in encoder.encode([f"question {n}" for n in range(30)]):
            _, (keys,) = alone.search(query[None], 10)
            assert keys.tolist() == [key for key, _ in store.candidates(query, [], 10).dense]


def test_an_array_that_the_manifest_describes_wrongly_does_not_open(generation):
    arrays = dict(open_index(generation.parent).store.arrays)
    arrays["term_rows.bin"] = ArraySpec("<i4", (7, 1))
    with pytest.raises(ValueError, match=r"term_rows\.bin has \d+ bytes, not 28"):
        FaissStore(generation, arrays)
