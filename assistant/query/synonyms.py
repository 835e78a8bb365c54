"""Synonyms that the authors of a guide list: the reader's words for the guide's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assistant.text.tokenize import extract_terms, split_words, stem, tokenize

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


class Synonyms:
    """The synonyms of one guide; safe to share between threads.

    `words` are the reader's words for each of the guide's. `contains` says whether the guide uses a
    word with any ending.
    """

    def __init__(
        self, words: Mapping[str, Sequence[str]], *, contains: Callable[[str], bool]
    ) -> None:
        self._own: dict[tuple[str, ...], str] = {}
        for own in words:  # "requirements" inside "product requirements" is the guide's word
            if len(key := _stem_words(own)) > 1:
                self._own[key] = ""
        for own, others in words.items():
            for other in others:
                if key := _stem_words(other):
                    self._own.setdefault(key, own)
        self._contains = contains
        self._longest = max(map(len, self._own), default=0)

    def replace(self, text: str) -> tuple[str, tuple[str, ...]]:
        """Replace words that the guide never uses, and phrases, by its own words.

        The second value are terms to search for besides: those of the guide's words for a word
        that the guide also uses.
        """
        if not self._own:
            return text, ()
        spans = list(tokenize(text))
        pieces: list[str] = []
        implied: list[str] = []
        end = n = 0
        while n < len(spans):
            length, own = self._match([token for token, _, _ in spans[n : n + self._longest]])
            if length and own:
                if length == 1 and self._contains(spans[n][0]):
                    implied += extract_terms(own)
                else:
                    pieces += [text[end : spans[n][1]], own]
                    end = spans[n + length - 1][2]
            n += length or 1
        return "".join([*pieces, text[end:]]), tuple(implied)

    def _match(self, tokens: Sequence[str]) -> tuple[int, str]:
        """Return how many of the first tokens are a synonym, the longest, and the guide's word.

        The second value is empty where they are the guide's word themselves.
        """
        for length in range(len(tokens), 0, -1):
            own = self._own.get(_stem_words(" ".join(tokens[:length])))
            if own is not None:
                return length, own
        return 0, ""


def _stem_words(text: str) -> tuple[str, ...]:
    return tuple(map(stem, split_words(text)))
