"""Tell scripts apart, and cut a text into character n-grams, which compare words in any script."""

from __future__ import annotations

import re
import unicodedata

from assistant.text.tokenize import UNSPACED_SCRIPTS, split_words

# Chinese, Japanese and Korean write a syllable or a word with one character.
_SYLLABLES = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff]")
_UNSPACED = re.compile(f"[{UNSPACED_SCRIPTS}]+")


def find_script(word: str) -> str:
    """Return the script of a word's first letter, as Unicode names it: LATIN, CYRILLIC, CJK."""
    letter = next(filter(str.isalpha, word), "")
    return unicodedata.name(letter, "").partition(" ")[0] if letter else ""


def is_non_latin(text: str) -> bool:
    """Whether most letters of a text are of another script than the Latin one."""
    if text.isascii():
        return False
    letters = list(filter(str.isalpha, text))
    return 2 * sum(find_script(letter) == "LATIN" for letter in letters) < len(letters)


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
