"""A question's texts are encoded in one call, while other questions are answered."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from assistant.assistant import Assistant
from assistant.index.builder import build_index
from assistant.index.index import open_index
from assistant.models.answers import Turn
from tests.conftest import WordEncoder

PAGE = """# House

## Cat

A cat is an animal that drinks milk in the house.

## Dog

A dog is an animal that sits on the road and eats bread.

## Further reading

- [All about the cat](https://books.example/cat), a book
- [All about the dog](https://books.example/dog), a book
"""

CONVERSATION = (
    Turn("user", "what is a cat?"),
    Turn("agent", "A cat is an animal that drinks milk."),
)

QUESTIONS = {
    "a definition": ("what is a cat?", ()),
    "a comparison": ("what is the difference between a cat and a dog?", ()),
    "a reading request": ("which books on the cat should I read?", ()),
    "a reading request without books": ("which videos about the bird should I watch?", ()),
    "a follow-up": ("what does it drink?", CONVERSATION),
    "a comparing follow-up": ("how is it different from a dog?", CONVERSATION),
    "two questions": ("what is a cat? And how is a dog different from a cat?", ()),
}


class CountingEncoder(WordEncoder):
    """Counts its calls."""

    calls = 0

    def encode(self, texts, progress=None):
        self.calls += 1
        return super().encode(texts, progress)


class InterruptedEncoder(WordEncoder):
    """Waits, whenever it encodes a question, until another one has been answered."""

    def __init__(self):
        self.assistant = None
        self.is_interrupted = False

    def encode(self, texts, progress=None):
        if self.assistant and not self.is_interrupted:
            self.is_interrupted = True
            pool = ThreadPoolExecutor(1)
            pool.submit(self.assistant.ask, "where does the dog sit?").result(timeout=20)
            pool.shutdown()
            self.is_interrupted = False
        return super().encode(texts, progress)


@pytest.fixture(scope="module")
def index(tmp_path_factory, word_encoder):
    """An index over a guide that can be asked each of the questions."""
    folder = tmp_path_factory.mktemp("house")
    (folder / "docs").mkdir()
    (folder / "docs" / "house.md").write_text(PAGE)
    build_index(folder / "docs", folder / "index", word_encoder)
    return open_index(folder / "index")


@pytest.mark.parametrize(("question", "history"), QUESTIONS.values(), ids=QUESTIONS)
def test_all_texts_of_a_question_are_encoded_in_one_call(index, question, history):
    encoder = CountingEncoder()
    Assistant(index, encoder).ask(question, history)
    assert encoder.calls == 1


@pytest.mark.parametrize(("question", "history"), QUESTIONS.values(), ids=QUESTIONS)
def test_another_question_is_answered_while_one_is_encoded(index, question, history):
    encoder = InterruptedEncoder()
    encoder.assistant = Assistant(index, encoder)
    answer = encoder.assistant.ask(question, history)
    assert answer.citations == Assistant(index, WordEncoder()).ask(question, history).citations
