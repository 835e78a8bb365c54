"""Fixtures that cost much are made once a run: the exported model, and an index over each guide."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from filelock import FileLock
from hypothesis import settings

from assistant.assistant import Assistant
from assistant.encoders import select as encoder_selection
from assistant.encoders.sentence_transformer import SentenceTransformerEncoder
from assistant.index import builder
from assistant.index import index as indexes
from assistant.text.tokenize import split_words
from tests.sizes import LONG

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from assistant.encoders.base import Encoder

# How long an example takes says more of the machine than of the code.
settings.register_profile("fast", deadline=None, max_examples=25)
settings.register_profile("torture", deadline=None, max_examples=2000)
settings.load_profile("torture" if LONG else "fast")

ROOT = Path(__file__).parent.parent
CORPUS = ROOT / "corpus"
SHARED = ROOT.parent / "shared"
SOURCE_GUIDE = SHARED / "guides" / "product-management"


class WordEncoder:
    """An encoder a reader can follow: a text's vector counts twelve words, then is made unit.

    A text with none of them points the same way in all twelve.
    """

    WORDS = "cat dog bird fish tree flower river mountain house road bread milk".split()
    name = "twelve words"
    backend = "counting"
    window = 64

    @property
    def identity(self) -> str:
        return hashlib.sha256(" ".join(self.WORDS).encode()).hexdigest()

    def encode(self, texts, progress=None):
        vectors = np.zeros((len(texts), len(self.WORDS)), dtype=np.float32)
        for row, text in enumerate(texts):
            result = split_words(text)
            counts = [result.count(w) + result.count(w + "s") for w in self.WORDS]
            vectors[row] = counts if any(counts) else 1.0
        if progress:
            progress(len(texts), len(texts))
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def token_rank(self, word: str) -> int | None:
        return self.WORDS.index(word) if word in self.WORDS else None


@pytest.fixture(scope="session")
def word_encoder() -> WordEncoder:
    return WordEncoder()


LONGEST = ("server/test_lifecycle.py", "server/test_network.py", "cli/test_streams.py")
"""Files that each take a process over a minute, some of it in waiting."""

SLOWEST = ("durability", *LONGEST, "browser", "server", "encoders", "cli", "project", "readers")
"""The files and folders that take longest come first: no process is left with one at the end.

Of the first of them most need no model, so that not all processes wait until one has exported it.
"""


def pytest_collection_modifyitems(items) -> None:
    """Put the slowest first, and mark what needs the model: `make quick` leaves it out."""
    order = {f"tests/{place}": number for number, place in enumerate(SLOWEST)}

    def rank(item) -> int:
        file = item.nodeid.partition("::")[0]
        return order.get(file, order.get("/".join(file.split("/")[:2]), len(order)))

    items.sort(key=rank)
    for item in items:
        if {"encoder", "product_assistant", "reference"} & set(item.fixturenames):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory) -> Path:
    """A folder that all processes of this run share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


def make_once(folder: Path, make: Callable[[Path], object]) -> Path:
    """Make a folder in the first process of the run that needs it; the others wait for it."""
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            draft = folder.with_suffix(".draft")
            make(draft)
            draft.rename(folder)
    return folder


@pytest.fixture(scope="session", autouse=True)
def _own_cache(run_folder):
    """A cache folder of the run's own: the model is exported once a run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(run_folder / "cache"))
        yield


@pytest.fixture(scope="session")
def encoder(_own_cache, run_folder) -> Encoder:
    """The encoder of all tests, with the model exported in this run."""
    with FileLock(run_folder / "export.lock"):
        result, notice = encoder_selection.select_build_encoder()
    assert not notice
    return result


@pytest.fixture(scope="session")
def reference() -> SentenceTransformerEncoder:
    """What the export is held against; it takes seconds to load."""
    return SentenceTransformerEncoder()


@pytest.fixture(scope="session")
def corpus_index(run_folder, encoder) -> Path:
    """An index of the repository's own guide; all tests share it, so none may change it."""
    return make_once(
        run_folder / "corpus-index", lambda folder: builder.build_index(CORPUS, folder, encoder)
    )


@pytest.fixture(scope="session")
def corpus_assistant(corpus_index, encoder) -> Assistant:
    return Assistant(indexes.open_index(corpus_index), encoder)


@pytest.fixture(scope="session")
def source_assistant(run_folder, encoder) -> Assistant:
    """An Assistant over the guide the repository's own was written after."""
    if not SOURCE_GUIDE.is_dir():
        pytest.skip(f"the source guide is not at {SOURCE_GUIDE}")
    folder = make_once(
        run_folder / "source-index",
        lambda folder: builder.build_index(SOURCE_GUIDE, folder, encoder),
    )
    return Assistant(indexes.open_index(folder), encoder)


@pytest.fixture
def shared_folder() -> Iterator[Path]:
    """A folder that other users can reach, as pytest's own cannot be."""
    folder = Path(tempfile.mkdtemp(prefix="assistant-tests-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(params=["corpus", "source"])
def product_assistant(request) -> Assistant:
    """Each of the two product management guides in turn."""
    return request.getfixturevalue(f"{request.param}_assistant")
