"""Tell scripts apart, and cut a text into character n-grams, which compare words in any script."""

from __future__ import annotations

import re
import unicodedata

from assistant.text.tokenize import split_words

# Chinese, Japanese and Korean write a syllable or a word with one character.
_SYLLABLES = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff]")
# Thai, Lao, Burmese and Khmer, Chinese and Japanese are written without spaces.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+"
)


def is_non_latin(text: str) -> bool:
    """Whether most letters of a text are of another script than the Latin one."""
    if text.isascii():
        return False
    letters = [character for character in text if character.isalpha()]
    latin = sum(unicodedata.name(letter, "").startswith("LATIN") for letter in letters)
    return 2 * latin < len(letters)


def extract_ngrams(text: str) -> frozenset[str]:
    """Cut the words of a text into n-grams: two syllables, or three letters of an alphabet.

    A shorter word is one n-gram. Words need no dictionary and no stemmer to share some of them.
    """
    lower = text.lower()
    runs = _UNSPACED.findall(lower)
    words = [word for word in split_words(lower) if not _UNSPACED.match(word)]
    ngrams: set[str] = set()
    for word in (*runs, *words):
        size = 2 if _SYLLABLES.match(word) else 3
        ngrams.update(word[start : start + size] for start in range(max(1, len(word) - size + 1)))
    return frozenset(ngrams)
