"""Measure what a guide costs to build, store, open and ask, up to a million passages.

    python benchmarks/scale.py --eval FOLDER [--work FOLDER] [--sizes N ...] [--keep] [--json FILE]
                               [--svg FILE]

Texts are the real pages of `aws_docs`. A larger guide repeats them with one word in ten replaced by
another word of the same length. Encoding a million passages takes hours, so the vectors are made up
from the real ones of 3,000 passages and sentences: the headings of a text choose one of these, and
the digest of the text chooses noise that moves it. A question is as near to its gold section as the
passages of that section are. Everything else is the product itself: the files, their check, the
search, the ranking, the answer. Each size is asked in a process of its own. The time of an answer
includes the encoding of its question: the real encoder runs, and its vector is not used.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import pickle
import platform
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import zlib
from collections import defaultdict
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from assistant.assistant import Assistant
from assistant.encoders import select as encoder_selection
from assistant.encoders.sentence_transformer import SentenceTransformerEncoder
from assistant.evaluation import datasets
from assistant.guide.folder import read_pages
from assistant.guide.publishers import ReadingOptions
from assistant.guide.walk import list_files
from assistant.index import generations, index
from assistant.index.embed import quantize
from assistant.index.writer import write_generation
from assistant.models.documents import ParsedPage
from assistant.text.tokenize import extract_terms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from assistant.encoders.base import Encoder
    from assistant.models.documents import Passage, Resource

ROOT = Path(__file__).parent.parent
SIZES = (1_000, 5_000, 10_000, 100_000, 1_000_000)
SAMPLED = 3_000
MADE_UP = 150
"""How many questions are made of headings, in addition to 50 questions of customers."""

NOISE = 0.75
"""How much noise moves a real vector: the cosine of the two is .8."""

REPLACED_ONE_IN = 10
MODEL = "0" * 64
_NOISE = np.random.default_rng(0).standard_normal(1 << 20).astype(np.float32)


class Around:
    """Replaces an encoder: every vector is a real one moved by noise.

    While `about` is set to headings, these choose the real vector of every text.
    """

    name, identity, window = "real vectors with noise", MODEL, 256

    def __init__(self, folder: Path, real: Encoder | None = None) -> None:
        self.about = ""
        self._real = real
        self._passages = np.load(folder / "passages.npy")
        self._sentences = np.load(folder / "sentences.npy")
        self._words = dict(json.loads((folder / "words.json").read_text()))

    def float32(self, texts: Sequence[str]) -> np.ndarray:
        """Return one unit vector per text; the first line of a passage's text is its headings."""
        chosen = [self.about or text.split("\n", 1)[0] for text in texts]
        real = self._passages[[digest(text) % len(self._passages) for text in chosen]]
        width = self._passages.shape[1]
        places = [digest(text) % (len(_NOISE) - width) for text in texts]
        noise = np.array([_NOISE[place : place + width] for place in places]).reshape(-1, width)
        moved = real + NOISE / np.sqrt(width) * noise
        return np.asarray(moved / np.linalg.norm(moved, axis=1, keepdims=True), dtype=np.float32)

    def int8(self, texts: Sequence[str]) -> np.ndarray:
        """Return the real vector of a sentence for each text."""
        return self._sentences[[digest(text) % len(self._sentences) for text in texts]]

    def encode(self, texts: Sequence[str], progress: object = None) -> np.ndarray:
        """Return one unit vector per text; run the real encoder first, where there is one."""
        del progress
        if self._real:
            self._real.encode(texts)
        return self.float32(texts)

    def token_rank(self, word: str) -> int | None:
        """Return the rank of a word that the real model has a token for."""
        return self._words.get(word)


def digest(text: str) -> int:
    return zlib.crc32(text.encode())


def sample(pages: Sequence[ParsedPage], folder: Path) -> None:
    """Encode the texts whose vectors are used for all others, once."""
    if (folder / "words.json").exists():
        return
    encoder = SentenceTransformerEncoder()
    passages = [passage for page in pages for passage in page.passages]
    passages = passages[:: max(1, len(passages) // SAMPLED)]
    np.save(folder / "passages.npy", encoder.encode([p.search_text for p in passages]))
    sentences = [p.sentence_texts[-1] for p in passages if p.sentences]
    np.save(folder / "sentences.npy", quantize(encoder.encode(sentences)))
    words = {word for page in pages for p in page.passages for word in p.text.lower().split()}
    known = {word: encoder.token_rank(word) for word in sorted(words)}
    known = {word: rank for word, rank in known.items() if rank is not None}
    (folder / "words.json").write_text(json.dumps(known))


# -- a guide of any size -----------------------------------------------------------------------


class Guide:
    """Pages of real text, for a guide of any size."""

    def __init__(self, folder: Path, gold: frozenset[str]) -> None:
        pages = [page for page in read(folder) if page.passages]
        # Gold pages come first, so that every size has them.
        self._pages = sorted(pages, key=lambda p: (p.page.path not in gold, digest(p.page.path)))
        written = {word for page in pages for p in page.passages for word in p.text.split(" ")}
        self._words: dict[int, list[str]] = defaultdict(list)
        for word in sorted(word for word in written if word.isalpha()):
            self._words[len(word)].append(word)

    def pages(self, size: int) -> list[ParsedPage]:
        """Return the pages of a guide of at least `size` passages."""
        chosen: list[ParsedPage] = []
        for number in itertools.count():
            for page in self._pages:
                chosen.append(self._copy(page, number) if number else page)
                size -= len(page.passages)
                if size <= 0:
                    return sorted(chosen, key=lambda page: page.page.path)
        raise AssertionError

    def headings(self) -> Iterator[tuple[str, ...]]:
        """Yield the headings of every passage, those of gold pages first."""
        return (passage.headings for page in self._pages for passage in page.passages)

    def _copy(self, page: ParsedPage, number: int) -> ParsedPage:
        path = f"copy-{number:03}/{page.page.path}"

        def move(resource: Resource) -> Resource:
            return replace(resource, path=path)

        return replace(
            page,
            page=replace(page.page, path=path),
            links=replace(page.links, path=path),
            sections=tuple(replace(section, path=path) for section in page.sections),
            passages=tuple(self._edit(p, path, number) for p in page.passages),
            resources=tuple(map(move, page.resources)),
            warnings=(),
        )

    def _edit(self, passage: Passage, path: str, number: int) -> Passage:
        """Replace one word in ten by another of the same length, so that spans stay valid."""
        begin = passage.sentences[0].end if passage.sentences else 0
        words = passage.text[begin:].split(" ")
        chance = digest(f"{passage.id} {number}")
        for place in range(chance % REPLACED_ONE_IN, len(words), REPLACED_ONE_IN):
            others = self._words.get(len(words[place])) if words[place].isalpha() else None
            if others:
                words[place] = others[(chance + 7919 * place) % len(others)]
        text = passage.text[:begin] + " ".join(words)
        return replace(passage, id=f"{path}#{passage.anchor}/{number}", path=path, text=text)


def read(folder: Path) -> list[ParsedPage]:
    """Read the pages of a folder, once for all sizes."""
    cached = folder.with_name("pages.pickle")
    if not cached.exists():
        parsed = read_pages(
            folder,
            list(list_files(folder).paths),
            reading_options=ReadingOptions(),
        )
        cached.write_bytes(pickle.dumps([page for page in parsed if isinstance(page, ParsedPage)]))
    pages: list[ParsedPage] = pickle.loads(cached.read_bytes())
    return pages


def list_questions(own: datasets.QuestionSet, known: Guide) -> list[tuple[str, str]]:
    """List questions of customers, and made of headings, each with its gold headings."""
    pairs = [(q.text, " > ".join(q.gold[0].headings)) for q in own.questions if q.gold]
    made = dict.fromkeys(headings for headings in itertools.islice(known.headings(), 600))
    chosen = [headings for headings in made if re.fullmatch(r"[A-Za-z ]{8,50}", headings[-1])]
    pairs += [
        (f"how does {headings[-1].lower()} work?", " > ".join(headings))
        for headings in chosen[:: max(1, len(chosen) // MADE_UP)][:MADE_UP]
    ]
    return pairs


# -- costs -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cost:
    """The costs of a guide of one size: seconds, ms per answer, bytes per passage, MB."""

    passages: int
    build_seconds: float
    build_megabytes: float
    bytes_a_passage: float
    check_seconds: float
    open_seconds: float
    first_ms: float
    p50_ms: float
    p95_ms: float
    vectors_p50_ms: float
    vectors_p95_ms: float
    words_p50_ms: float
    words_p95_ms: float
    recall_at_10: float
    resident_megabytes: float
    own_megabytes: float


def build(pages: Sequence[ParsedPage], folder: Path, vectors: Around) -> dict[str, float]:
    """Write and publish a generation, as `build_index` does once texts have vectors."""
    started = time.perf_counter()
    with generations.lock_for_writing(folder) as draft:
        arrays = write_generation(draft, pages, vectors)
        manifest = index.Manifest(
            format=index.INDEX_FORMAT,
            model=MODEL,
            model_name=vectors.name,
            encoder_backend="",
            corpus="",
            reading_options=ReadingOptions(),
            pages=len(pages),
            passages=sum(len(page.passages) for page in pages),
            arrays=arrays,
            files=generations.hash_files(draft),
        )
        name = generations.publish(folder, draft, json.dumps(asdict(manifest)))
    seconds = time.perf_counter() - started
    size = sum(path.stat().st_size for path in (folder / name).rglob("*") if path.is_file())
    started = time.perf_counter()
    generations.check_generation(folder / name)
    return {
        "passages": manifest.passages,
        "build_seconds": seconds,
        "build_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
        "bytes_a_passage": size / manifest.passages,
        "check_seconds": time.perf_counter() - started,
    }


def ask(folder: Path, vectors: Around, questions: Sequence[tuple[str, str]]) -> dict[str, float]:
    """Open a generation and ask every question once."""
    started = time.perf_counter()
    assistant = Assistant(index.open_index(folder), vectors)
    opened = time.perf_counter() - started
    answers, near, words, recall = [], [], [], []
    for text, headings in questions:
        vectors.about = headings
        answers.append(time_ms(partial(assistant.ask, text)))
    memory = status()
    store = assistant.index.store
    exact = store.passage_vectors(slice(0, store.size))
    for text, headings in questions:
        vectors.about = headings
        (vector,) = vectors.encode([text])
        both = time_ms(partial(store.candidates, vector, extract_terms(text), 100))
        near.append(time_ms(partial(store.candidates, vector, (), 100)))
        words.append(max(0.0, both - near[-1]))
        keys = {key for key, _ in store.candidates(vector, [], 10).dense}
        recall.append(len(keys & set(nearest(exact, vector, 10))) / 10)
    return {
        "open_seconds": opened,
        "first_ms": answers[0],
        "p50_ms": float(np.median(answers[1:])),
        "p95_ms": float(np.quantile(answers[1:], 0.95)),
        "vectors_p50_ms": float(np.median(near)),
        "vectors_p95_ms": float(np.quantile(near, 0.95)),
        "words_p50_ms": float(np.median(words)),
        "words_p95_ms": float(np.quantile(words, 0.95)),
        "recall_at_10": float(np.mean(recall)),
        "resident_megabytes": memory["VmRSS"],
        "own_megabytes": memory["RssAnon"],
    }


def time_ms(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return 1e3 * (time.perf_counter() - started)


def nearest(exact: np.ndarray, vector: np.ndarray, k: int) -> list[int]:
    """Compute the k nearest exactly, for 100,000 vectors at a time."""
    step = 100_000
    parts = [exact[n : n + step] @ vector for n in range(0, len(exact), step)]
    return np.argsort(-np.concatenate(parts), kind="stable")[:k].tolist()


def status() -> dict[str, float]:
    """Read the memory of this process in MB, by the names of Linux."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return {line.split(":")[0]: int(line.split()[1]) / 1e3 for line in lines if " kB" in line}


# -- figures -----------------------------------------------------------------------------------


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--eval", type=Path, default=ROOT.parent / "shared" / "eval")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "scale")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--json", type=Path, default=ROOT / "build" / "bench" / "scale.json")
    parser.add_argument("--svg", type=Path, default=ROOT / "build" / "bench" / "scale.svg")
    parser.add_argument("--keep", action="store_true", help="leave the indexes where they are")
    parser.add_argument("--step", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    if arguments.step:
        print(json.dumps(step(arguments, arguments.step[0], int(arguments.step[1]))))
        return
    costs = []
    for size in arguments.sizes:
        figures = {}
        for name in ("build", "ask"):
            command = [sys.executable, __file__, "--eval", arguments.eval, "--work", arguments.work]
            done = subprocess.run(
                [*command, "--step", name, str(size)], stdout=subprocess.PIPE, check=True
            )
            figures |= json.loads(done.stdout.splitlines()[-1])
        costs.append(Cost(**figures))
        print(", ".join(f"{name} {value:,.4g}" for name, value in figures.items()), flush=True)
        if not arguments.keep:
            shutil.rmtree(arguments.work / f"{size}")
        write(costs, arguments.json, arguments.svg)


def step(arguments: argparse.Namespace, name: str, size: int) -> dict[str, float]:
    """Run one step of one size, in a process of its own: memory is counted per process."""
    folder = arguments.work / f"{size}"
    if name == "ask":
        real, _ = encoder_selection.select_query_encoder()
        questions = json.loads((arguments.work / "questions.json").read_text())
        return ask(folder, Around(arguments.work, real), questions)
    (known,) = datasets.read_datasets(arguments.eval / "aws_docs", arguments.work)
    gold = frozenset(gold.path for case in known.questions for gold in case.gold)
    assert known.guide
    pages = Guide(known.guide, gold)
    sample([page for page in pages.pages(20_000) if page.passages], arguments.work)
    (arguments.work / "questions.json").write_text(json.dumps(list_questions(known, pages)))
    return build(pages.pages(size), folder, Around(arguments.work))


def write(costs: Sequence[Cost], table: Path, plot: Path) -> None:
    """Write the figures as JSON and as a plot."""
    table.parent.mkdir(parents=True, exist_ok=True)
    about = {
        "python": platform.python_version(),
        "cores": len(os.sched_getaffinity(0)),
        "sizes": [asdict(cost) for cost in costs],
    }
    table.write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    if len(costs) > 1:
        plot.write_text(draw(costs), encoding="utf-8")


PANELS = (
    ("an answer, p50 and p95 (ms)", ("p50_ms", "p95_ms")),
    ("build (s)", ("build_seconds",)),
    ("open (s)", ("open_seconds",)),
    ("bytes a passage", ("bytes_a_passage",)),
    ("resident, all and own (MB)", ("resident_megabytes", "own_megabytes")),
)
WIDTH, HEIGHT, MARGIN = 260, 200, 44  # pixels


def draw(costs: Sequence[Cost]) -> str:
    """Draw a panel for each cost by the number of passages, both on logarithmic scales."""
    panels = "".join(panel(costs, *spec, WIDTH * n) for n, spec in enumerate(PANELS))
    size = f'width="{WIDTH * len(PANELS)}" height="{HEIGHT}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="10">'
        f'<rect width="100%" height="100%" fill="white"/>{panels}</svg>\n'
    )


def panel(costs: Sequence[Cost], title: str, names: Sequence[str], left: float) -> str:
    sizes = np.log10([cost.passages for cost in costs])
    values = [np.log10([max(getattr(cost, name), 1e-3) for cost in costs]) for name in names]
    low, high = np.floor(np.min(values)), np.ceil(np.max(values) + 1e-9)
    across = left + MARGIN + (sizes - sizes[0]) / np.ptp(sizes) * (WIDTH - MARGIN - 20)
    drawing = [f'<text x="{left + MARGIN}" y="16" font-weight="bold">{title}</text>']

    def up(value: float) -> float:
        return float(HEIGHT - 28 - (value - low) / (high - low) * (HEIGHT - 60))

    for power in range(int(low), int(high) + 1):
        y = up(power)
        ends = f'x1="{left + MARGIN}" x2="{left + WIDTH - 20}" y1="{y:.1f}" y2="{y:.1f}"'
        drawing.append(f'<line {ends} stroke="#ddd"/>')
        label = f"{10.0**power:,g}"
        drawing.append(
            f'<text x="{left + MARGIN - 4}" y="{y + 3:.1f}" text-anchor="end">{label}</text>'
        )
    for x, cost in zip(across, costs, strict=True):
        label = f"{cost.passages / 1000:,.0f}k"
        drawing.append(f'<text x="{x:.1f}" y="{HEIGHT - 10}" text-anchor="middle">{label}</text>')
    for row, colour in zip(values, ("#1f5fa8", "#c2571a"), strict=False):
        points = " ".join(f"{x:.1f},{up(y):.1f}" for x, y in zip(across, row, strict=True))
        drawing.append(f'<polyline points="{points}" fill="none" stroke="{colour}"/>')
        drawing += [
            f'<circle cx="{x:.1f}" cy="{up(y):.1f}" r="2.5" fill="{colour}"/>'
            for x, y in zip(across, row, strict=True)
        ]
    return "".join(drawing)


if __name__ == "__main__":
    main()
