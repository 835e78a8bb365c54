"""Measure the peers at the same work; runs in their environment, without our package.

    python benchmarks/peers.py PEER TASK --model FOLDER [--passages FILE] [--queries FILE]
                                         [--index FOLDER]

PEER is txtai, txtai-hybrid, txtai-words, langchain, llamaindex or plain (sentence-transformers and
FAISS). TASK is one of

    index        index the passages and save
    retrieve     open what was saved; milliseconds for the ten best passages with their texts
    first        open it and print the best passage for the first query
    texts        open it and print the ten best passages for each query, a JSON list a line
    encode-one   milliseconds to encode one text (plain)
    encode-many  texts encoded per second, in batches of 32 (plain)
    threads      encoding, search and texts from 8 threads at once (plain)

Each library is used as its documentation says, with the same weights and passages. Files are JSON
lines with a `text`. Prints one line of JSON; the first queries are not timed.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import clock

if TYPE_CHECKING:
    from collections.abc import Sequence

BEST = 10
BATCH = 32


class Peer(Protocol):
    """A library, created with the folder of a model; this imports what it needs."""

    def index(self, passages: Sequence[str], folder: Path) -> None:
        """Index passages and save the index."""

    def open(self, folder: Path) -> None:
        """Open a saved index, ready to be asked."""

    def retrieve(self, query: str) -> list[str]:
        """Return the texts of the ten best passages, best first."""


class Txtai:
    """txtai's Embeddings with texts kept as content, by vectors, by words, or by both."""

    def __init__(self, **settings: object) -> None:
        from txtai import Embeddings

        self._library = Embeddings
        self._settings = {"content": True, **settings}

    def index(self, passages: Sequence[str], folder: Path) -> None:
        embeddings = self._library(self._settings)
        embeddings.index(enumerate(passages))
        embeddings.save(str(folder))

    def open(self, folder: Path) -> None:
        self._embeddings = self._library()
        self._embeddings.load(str(folder))

    def retrieve(self, query: str) -> list[str]:
        return [found["text"] for found in self._embeddings.search(query, BEST)]


class LangChain:
    """LangChain's FAISS vector store over its Hugging Face embeddings."""

    def __init__(self, model: str) -> None:
        from langchain_community.vectorstores import FAISS
        from langchain_huggingface import HuggingFaceEmbeddings

        self._library = FAISS
        self._embeddings = HuggingFaceEmbeddings(
            model_name=model, encode_kwargs={"normalize_embeddings": True}
        )

    def index(self, passages: Sequence[str], folder: Path) -> None:
        self._library.from_texts(list(passages), self._embeddings).save_local(str(folder))

    def open(self, folder: Path) -> None:
        # The index is unpickled, which is safe for a file that was written here.
        self._store = self._library.load_local(
            str(folder), self._embeddings, allow_dangerous_deserialization=True
        )

    def retrieve(self, query: str) -> list[str]:
        return [found.page_content for found in self._store.similarity_search(query, k=BEST)]


class LlamaIndex:
    """LlamaIndex's vector index over its FAISS store and Hugging Face embedding."""

    def __init__(self, model: str) -> None:
        from llama_index.embeddings.huggingface import HuggingFaceEmbedding

        self._model = HuggingFaceEmbedding(model_name=model)

    def index(self, passages: Sequence[str], folder: Path) -> None:
        import faiss
        from llama_index.core import StorageContext, VectorStoreIndex
        from llama_index.core.schema import TextNode
        from llama_index.vector_stores.faiss import FaissVectorStore

        vectors = FaissVectorStore(faiss.IndexFlatIP(len(self._model.get_text_embedding("any"))))
        context = StorageContext.from_defaults(vector_store=vectors)
        nodes = [TextNode(text=text) for text in passages]
        VectorStoreIndex(nodes, storage_context=context, embed_model=self._model)
        context.persist(str(folder))

    def open(self, folder: Path) -> None:
        from llama_index.core import StorageContext, load_index_from_storage
        from llama_index.vector_stores.faiss import FaissVectorStore

        context = StorageContext.from_defaults(
            vector_store=FaissVectorStore.from_persist_dir(str(folder)), persist_dir=str(folder)
        )
        index = load_index_from_storage(context, embed_model=self._model)
        self._retriever = index.as_retriever(similarity_top_k=BEST)

    def retrieve(self, query: str) -> list[str]:
        return [found.node.get_content() for found in self._retriever.retrieve(query)]


class Plain:
    """A program without a library: SentenceTransformer.encode, a flat FAISS index, a list."""

    def __init__(self, model: str) -> None:
        import faiss
        from sentence_transformers import SentenceTransformer

        self._faiss = faiss
        self.model = SentenceTransformer(model, device="cpu")

    def index(self, passages: Sequence[str], folder: Path) -> None:
        vectors = self.model.encode(
            list(passages), batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False
        )
        index = self._faiss.IndexFlatIP(vectors.shape[1])
        index.add(vectors)
        folder.mkdir(parents=True, exist_ok=True)
        self._faiss.write_index(index, str(folder / "vectors.faiss"))
        (folder / "texts.json").write_text(json.dumps(list(passages)), encoding="utf-8")

    def open(self, folder: Path) -> None:
        self._index = self._faiss.read_index(str(folder / "vectors.faiss"))
        self._texts = json.loads((folder / "texts.json").read_text(encoding="utf-8"))

    def retrieve(self, query: str) -> list[str]:
        vector = self.model.encode([query], normalize_embeddings=True, show_progress_bar=False)
        _, (found,) = self._index.search(vector, BEST)
        return [self._texts[number] for number in found]

    def encode(self, text: str) -> object:
        return self.model.encode(text, normalize_embeddings=True, show_progress_bar=False)

    def encode_all(self, texts: Sequence[str]) -> object:
        return self.model.encode(
            list(texts), batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("--model", required=True)
    parser.add_argument("--passages", type=Path)
    parser.add_argument("--queries", type=Path)
    parser.add_argument("--index", type=Path)
    arguments = parser.parse_args()
    if arguments.task in OF_PLAIN and arguments.peer != "plain":
        parser.error(f"{arguments.task} is measured for plain only, not for {arguments.peer}")
    TASKS[arguments.task](PEERS[arguments.peer](arguments.model), arguments)


def index(peer: Peer, arguments: argparse.Namespace) -> None:
    passages = clock.texts(arguments.passages)
    started = time.perf_counter()
    peer.index(passages, arguments.index)
    seconds = time.perf_counter() - started
    clock.say({"seconds": seconds, "per_second": len(passages) / seconds})


def retrieve(peer: Peer, arguments: argparse.Namespace) -> None:
    queries = _opened(peer, arguments)
    clock.say({**clock.each(peer.retrieve, queries), "megabytes": clock.peak_megabytes()})


def first(peer: Peer, arguments: argparse.Namespace) -> None:
    peer.open(arguments.index)
    print(peer.retrieve(clock.texts(arguments.queries)[0])[0])


def texts(peer: Peer, arguments: argparse.Namespace) -> None:
    peer.open(arguments.index)
    for query in clock.texts(arguments.queries):
        print(json.dumps(peer.retrieve(query)))


def encode_one(peer: Plain, arguments: argparse.Namespace) -> None:
    queries = clock.texts(arguments.queries)
    clock.each(peer.encode, queries[: clock.WARM])
    clock.say(clock.each(peer.encode, queries[clock.WARM :]))


def encode_many(peer: Plain, arguments: argparse.Namespace) -> None:
    passages = clock.texts(arguments.passages)
    peer.encode_all(passages[: clock.WARM])
    clock.say(clock.at_once(peer.encode_all, passages))


def threads(peer: Plain, arguments: argparse.Namespace) -> None:
    import torch

    queries = _opened(peer, arguments)
    runs = []
    # Count the faster of the two: an operator would choose it.
    for thread_count in (torch.get_num_threads(), 1):
        torch.set_num_threads(thread_count)
        alone = clock.each(peer.retrieve, queries[::2])["p50"]
        runs.append({**clock.together(peer.retrieve, queries[1::2]), "alone": alone})
    clock.say(max(runs, key=lambda figures: figures["per_second"]))


def _opened(peer: Peer, arguments: argparse.Namespace) -> list[str]:
    """Open the index, ask the first queries, and return the others."""
    peer.open(arguments.index)
    queries = clock.texts(arguments.queries)
    clock.each(peer.retrieve, queries[: clock.WARM])
    return queries[clock.WARM :]


PEERS = {
    "txtai": lambda model: Txtai(path=model, hybrid=False),
    "txtai-hybrid": lambda model: Txtai(path=model, hybrid=True),
    "txtai-words": lambda _: Txtai(keyword=True),
    "langchain": LangChain,
    "llamaindex": LlamaIndex,
    "plain": Plain,
}
TASKS = {
    "index": index,
    "retrieve": retrieve,
    "first": first,
    "texts": texts,
    "encode-one": encode_one,
    "encode-many": encode_many,
    "threads": threads,
}
OF_PLAIN = {"encode-one", "encode-many", "threads"}


if __name__ == "__main__":
    main()
