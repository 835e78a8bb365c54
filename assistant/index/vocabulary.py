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
from assistant.index.passage_words import split_passage
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
_VOWEL = re.compile("[aeiouy]")
_SHORT_WORDS = frozenset(
    """
    ad ah al ax ed eh el em en er ex ha hi ho id la lo ma mi mu nu oh ok op ow ox oz pa pi re si ti
    uh um ye yo
    """.split()
)
"""Words of two letters, apart from stopwords, that have a vowel (English)."""

_COMMON_ABBREVIATIONS = frozenset(
    """
    am api app asap ca cd cm co cpu css csv db dc diy dns dvd eg etc eu faq ft fyi gb gmt gps gpu
    html http https id ie ios ip js json kb kg km lb mb mm mr mrs ms nb ok os pc pdf php pin ps ram
    rm rss sh sms sql ssh ssl svg tb tls tv ui uk url us usa usb utc vm vip vs www xml yaml
    """.split()
)
"""Abbreviations that have one meaning everywhere: the initials of a heading are not theirs."""


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

        A phrase that only has the initials is one of a word in capitals, or of letters that are no
        word; what the guide defines, also of one in small letters. Where the guide, or English,
        uses the same letters as a word, they are one.
        """
        plain = token.replace(".", "")
        singular = _PLURAL.sub("", plain)
        if plain.upper() not in self.acronyms and singular.upper() not in self.acronyms:
            return ()
        if plain in STOPWORDS and not self._is_defined(plain):
            return ()  # `was` is not the plural of WA
        # `PMs` is the plural of PM before it is a PMS.
        for form in (singular, plain) if _ACRONYM.match(singular) else (plain, singular):
            if expansions := self._expand_form(form, is_plural=form != plain):
                return expansions
        return ()

    def _expand_form(self, form: str, *, is_plural: bool) -> tuple[Expansion, ...]:
        expansions = self.acronyms.get(form.upper(), ())
        lower, in_capitals = form.lower(), bool(_ACRONYM.match(form))
        count = self.word_counts.get(lower, 0)
        capitals = expansions[0].capitals if expansions else 0
        as_word = max(0, count - capitals)
        defined = in_capitals or (lower not in STOPWORDS and as_word <= capitals)
        # Where the guide writes the acronym itself, a phrase that only has its initials must be at
        # least as frequent to be its meaning.
        formed = in_capitals or capitals > 0 or (_is_no_word(lower) and not is_plural)
        formed = formed and 2 * as_word <= capitals
        formed = formed and lower not in STOPWORDS and lower not in _COMMON_ABBREVIATIONS
        return tuple(
            expansion
            for expansion in expansions
            if (defined if expansion.is_defined else formed and expansion.weight >= count)
        )

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
                acronym: [[e.phrase, e.weight, e.is_defined, e.capitals] for e in expansions]
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


def _is_no_word(form: str) -> bool:
    """Whether letters in small type can only be an acronym: no vowel, or two that are no word."""
    return not _VOWEL.search(form) or (len(form) == 2 and form not in _SHORT_WORDS)


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
    index = index_passages(map(split_passage, passages))
    by_page = itertools.groupby(passages, key=lambda passage: passage.path)
    acronyms = collect_acronyms(
        index,
        headings=dict.fromkeys(itertools.chain.from_iterable(p.headings for p in passages)),
        pages=[(path, len(list(group))) for path, group in by_page],
        definitions=Counter(pair for p in passages for pair in find_definitions(p.text)),
    )
    return count_vocabulary(index, build_postings(index), acronyms)
