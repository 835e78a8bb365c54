"""Compare our answers with those of simple writers over the same search, and with the peers.

    python benchmarks/writers.py FOLDER... [--work FOLDER] [--peers PYTHON] [--no-peers]

FOLDERs are answer sets (docs/evaluation.md). The answer of a peer is the first 100 words of its
best passage, from the same passages: txtai by words, which needs no model, and
sentence-transformers with FAISS, with the same weights. The second is installed here; the first
needs the Python of the peers' environment.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ours import encoder as load_encoder
from simple_writers import LIMIT, WRITERS, rank_sentences

from assistant.encoders.weights import Weights
from assistant.evaluation import answer_quality, answer_sets, tables
from assistant.evaluation.evaluate import build_assistant
from assistant.text.normalize import normalise

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from assistant.assistant import Assistant
    from assistant.encoders.base import Encoder
    from assistant.evaluation.answer_quality import AnswerRecord
    from assistant.evaluation.answer_sets import AnswerSet

OURS = "this project"
COLUMNS = (
    "good", "concise", "refused wrongly", "unanswerable refused", "median words",
    "gold in first 1", "gold in first 3",
)  # fmt: skip
WORDS, PLAIN = "txtai-words", "plain"
PEERS = {WORDS: "txtai, by words", PLAIN: "sentence-transformers + FAISS"}
"""LangChain and LlamaIndex are left out: each would encode every passage again, with that model."""

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Peers:
    """The peers to ask: the Python that has them, and the folder for their indexes."""

    python: Path
    work: Path
    names: tuple[str, ...]

    def ask(self, peer: str, name: str, passages: list[str], queries: list[str]) -> list[list[str]]:
        """Return the ten best passages of a peer for each query to a guide."""
        folder = self.work / "peers" / peer / name
        folder.mkdir(parents=True, exist_ok=True)
        written = _write_lines(folder / "passages.jsonl", passages)
        proof, digest = folder / "sha256", hashlib.sha256(written.read_bytes()).hexdigest()
        files: dict[str, Path] = {"index": folder / "index", "passages": written}
        if not proof.is_file() or proof.read_text(encoding="ascii") != digest:
            self._run(peer, "index", files)
            proof.write_text(digest, encoding="ascii")
        files["queries"] = _write_lines(folder / "queries.jsonl", queries)
        lines = self._run(peer, "texts", files).splitlines()
        return [json.loads(line) for line in lines]

    def _run(self, peer: str, task: str, files: dict[str, Path]) -> str:
        command: list[Any] = [self.python, HERE / "peers.py", peer, task]
        command += ["--model", Weights().folder]
        for name, path in files.items():
            command += [f"--{name}", path]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        return done.stdout


def _write_lines(path: Path, texts: list[str]) -> Path:
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--work", type=Path, default=Path("build/eval"))
    parser.add_argument("--peers", type=Path)
    parser.add_argument("--no-peers", action="store_true")
    arguments = parser.parse_args()
    installed = arguments.peers and arguments.peers.is_file()
    python = arguments.peers.absolute() if installed else Path(sys.executable)
    names = () if arguments.no_peers else tuple(PEERS) if installed else (PLAIN,)
    peers = Peers(python, arguments.work, names)
    sets, _ = answer_sets.read_sets(arguments.folders, arguments.work)
    encoder = load_encoder()
    by_writer: dict[str, list[AnswerRecord]] = {}
    for answer_set in sets:
        print(f"{answer_set.name} …", file=sys.stderr)
        for writer, records in compare(answer_set, arguments.work, encoder, peers):
            by_writer.setdefault(writer, []).extend(records)
    rows = [
        (name, answer_quality.measure_answer_quality(records))
        for name, records in by_writer.items()
    ]
    title = "Answers, beside simple writers and peers"
    table = tables.tabulate(title, rows, COLUMNS)
    tables.print_tables(replace(one, head="writer") for one in table)


def compare(
    answer_set: AnswerSet, work: Path, encoder: Encoder, peers: Peers
) -> Iterator[tuple[str, list[AnswerRecord]]]:
    """Yield the outcomes of our answers, of each simple writer and of each peer."""
    assistant = build_assistant(
        answer_set.guide, answer_set.name, work, encoder, progress=lambda *_: None
    )
    records = list(answer_quality.ask_questions(assistant, answer_set))
    yield OURS, records
    yield from _rewrite(assistant, encoder, records)
    yield from _ask_peers(assistant, answer_set, records, peers)


def _rewrite(
    assistant: Assistant, encoder: Encoder, records: Sequence[AnswerRecord]
) -> Iterator[tuple[str, list[AnswerRecord]]]:
    store = assistant.index.store
    queries = [record.answer.understood_as for record in records]
    vectors = encoder.encode(queries)
    ranked = [
        [rank_sentences(store, vector, query, hit) for hit in record.answer.hits[:2]]
        for record, query, vector in zip(records, queries, vectors, strict=True)
    ]
    for name, writer in WRITERS.items():
        yield (
            name,
            [
                replace(record, text=writer(passages) if passages else "")
                for record, passages in zip(records, ranked, strict=True)
            ],
        )


def _ask_peers(
    assistant: Assistant, answer_set: AnswerSet, records: Sequence[AnswerRecord], peers: Peers
) -> Iterator[tuple[str, list[AnswerRecord]]]:
    """Ask the peers; they know nothing of a conversation, so they get the question alone."""
    passages = {p.search_text: p.text for p in assistant.index.store.all_passages()}
    queries = [normalise(record.question.text) for record in records]
    for peer in peers.names:
        best = peers.ask(peer, answer_set.name, list(passages), queries)
        texts = [[passages[text] for text in ten] for ten in best]
        yield (
            f"{PEERS[peer]}, the first 100 words",
            [
                replace(
                    record,
                    text=" ".join(ten[0].split()[:LIMIT]) if ten else "",
                    gold_rank=answer_quality.find_gold(ten, record.question.gold),
                )
                for record, ten in zip(records, texts, strict=True)
            ],
        )


if __name__ == "__main__":
    main()
