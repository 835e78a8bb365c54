"""The vocabulary of one guide: its words, their frequencies, and its acronyms."""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from assistant.index.acronyms import Expansion, collect_acronyms, find_definitions
from assistant.index.forward_index import count_words, index_passages
from assistant.index.postings import build_postings
from assistant.text.tokenize import STOPWORDS, split_words, stem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from assistant.index.forward_index import ForwardIndex
    from assistant.index.postings import Postings
    from assistant.models.documents import Passage

_ACRONYM = re.compile(r"^[A-Z](?=[a-z&/]{0,6}[A-Z0-9])[A-Za-z0-9&/]{1,7}$")
_PLURAL = re.compile(r"['’]?s$")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words and acronyms of one guide.

    `passages` is the number of passages, `document_frequency` how many of them contain each term,
    `word_counts` how often each word is written, `acronyms` the expansions of each acronym,
    likeliest first.
    """

    passages: int
    document_frequency: dict[str, int]
    word_counts: dict[str, int]
    acronyms: dict[str, tuple[Expansion, ...]]

    def idf(self, term: str) -> float:
        """Compute ln(1 + N / (n + ½)), for N passages of which n contain the term.

        Weighs the terms of a question, in the features of the ranker and in the choice of quotes.
        It is highest for a term that the guide does not contain. The BM25 scores on disk have an
        idf of their own, Lucene's ln(1 + (N − n + ½) / (n + ½)): see `index/bm25.py`.
        """
        return math.log(1 + self.passages / (self.document_frequency.get(term, 0) + 0.5))

    def idfs(self, terms: Iterable[str]) -> NDArray[np.float64]:
        """Compute the idf of each term."""
        return np.array([*map(self.idf, terms)], dtype=np.float64)

    def contains(self, word: str) -> bool:
        """Whether the guide uses the word, with any ending."""
        return stem(word.lower()) in self.document_frequency

    def excluding(self, passages: Iterable[Passage]) -> Vocabulary:
        """Return the vocabulary of the guide without some passages."""
        terms = [{stem(word) for word in split_words(p.search_text)} for p in passages]
        lost = Counter(term for passage_terms in terms for term in passage_terms)
        left = self.document_frequency | {
            term: self.document_frequency.get(term, 0) - n for term, n in lost.items()
        }
        frequency = {term: count for term, count in left.items() if count > 0}
        return replace(self, passages=self.passages - len(terms), document_frequency=frequency)

    def expansions(self, token: str) -> tuple[Expansion, ...]:
        """Return the expansions of a word of a query; empty for a word that is no acronym.

        A lower-case word is an acronym only if it has no other meaning, in the guide or in English.
        """
        plain = token.replace(".", "")
        singular = _PLURAL.sub("", plain)
        if plain.upper() not in self.acronyms and singular.upper() not in self.acronyms:
            return ()
        if plain in STOPWORDS and not self._is_defined(plain):
            return ()  # `was` is not the plural of WA
        # `PMs` is the plural of PM before it is a PMS.
        for form in (singular, plain) if _ACRONYM.match(singular) else (plain, singular):
            if not _ACRONYM.match(form) and self._is_a_word(form):
                continue
            # Where the guide writes the acronym itself, a phrase that only has its initials must
            # be at least as frequent to be its meaning.
            count = self.word_counts.get(form.lower(), 0)
            expansions = tuple(
                expansion
                for expansion in self.acronyms.get(form.upper(), ())
                if expansion.is_defined or expansion.weight >= count
            )
            if expansions:
                return expansions
        return ()

    def _is_a_word(self, form: str) -> bool:
        if self._is_defined(form):
            return form.lower() in STOPWORDS
        return form.lower() in STOPWORDS or form.lower() in self.word_counts

    def _is_defined(self, form: str) -> bool:
        expansions = self.acronyms.get(form.upper(), ())
        return any(expansion.is_defined for expansion in expansions)

    def defined_acronyms(self) -> Iterator[tuple[str, str]]:
        """Yield (acronym, phrase) for those that the guide defines, in order."""
        for acronym, expansions in sorted(self.acronyms.items()):
            for expansion in expansions:
                if expansion.is_defined:
                    yield acronym, expansion.phrase

    def to_dict(self) -> dict[str, Any]:
        """Return the vocabulary as JSON types, keys sorted."""
        return {
            "passages": self.passages,
            "document_frequency": dict(sorted(self.document_frequency.items())),
            "word_counts": dict(sorted(self.word_counts.items())),
            "acronyms": {
                acronym: [[e.phrase, e.weight, e.is_defined] for e in expansions]
                for acronym, expansions in sorted(self.acronyms.items())
            },
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Vocabulary:
        """Return the vocabulary that `to_dict` described."""
        return cls(
            passages=data["passages"],
            document_frequency=data["document_frequency"],
            word_counts=data["word_counts"],
            acronyms={
                acronym: tuple(Expansion(*fields) for fields in expansions)
                for acronym, expansions in data["acronyms"].items()
            },
        )


def count_vocabulary(
    index: ForwardIndex, postings: Postings, acronyms: dict[str, tuple[Expansion, ...]]
) -> Vocabulary:
    """Count the vocabulary of a guide from its words, its postings and its acronyms."""
    frequency = np.diff(postings.offsets).tolist()
    return Vocabulary(
        passages=len(index),
        document_frequency=dict(zip(postings.terms, frequency, strict=True)),
        word_counts=count_words(index),
        acronyms=acronyms,
    )


def build_vocabulary(passages: Sequence[Passage]) -> Vocabulary:
    """Build the vocabulary of a guide from its passages alone."""
    index = index_passages(passages)
    by_page = itertools.groupby(passages, key=lambda passage: passage.path)
    acronyms = collect_acronyms(
        index,
        headings=dict.fromkeys(itertools.chain.from_iterable(p.headings for p in passages)),
        pages=[(path, len(list(group))) for path, group in by_page],
        definitions=Counter(pair for p in passages for pair in find_definitions(p.text)),
    )
    return count_vocabulary(index, build_postings(index), acronyms)
