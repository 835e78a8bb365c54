"""Notice a question in another language than the guide's, by its function words and its script."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from assistant.text.scripts import find_script, is_non_latin
from assistant.text.tokenize import STOPWORDS, split_words, stem

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_FUNCTION_WORDS = {
    "de": """der das den dem des ein eine einen einem einer wie viel viele wo wann wer warum welche
        welcher welches ist sind kann können ich wir nicht und oder für mit von auf zu zum zur im
        beim bei nach habe hat haben gibt es mein meine meinen muss darf wird werden bekomme""",
    "es": """el la los las un una es son cómo como cuánto cuántos cuántas dónde donde cuándo cuando
        quién qué que por para con en de del y mi mis puedo tengo hay hacer se debo cuál cual""",
    "fr": """le la les des du un une est sont comment combien où quand qui quoi pourquoi quel quelle
        je nous vous mon ma mes notre pour avec dans sur et ne pas faire puis peut dois faut que""",
    "it": """il lo la gli le un una è sono come quanto quanti quante dove quando chi che quale per
        con di del della non mio mia posso ho fare devo si""",
    "nl": """de het een zijn hoe hoeveel waar wanneer wie waarom welke ik wij mijn voor met van op
        en niet kan moet heb er""",
    "pt": """os um uma é são como quanto quantos quantas onde quando quem que qual por para com em
        do da dos das não meu minha posso tenho há fazer devo""",
}
_LANGUAGES = {name: frozenset(words.split()) - STOPWORDS for name, words in _FUNCTION_WORDS.items()}
_MIN_FUNCTION_WORDS = 2
_MIN_PASSAGE_SHARE = 0.2  # one function word of a guide's language is in this share of its passages
_MIN_TERM_SHARE = 0.02  # of the terms of a guide, in one of its scripts


def detect_languages(document_frequency: Mapping[str, int], passage_count: int) -> frozenset[str]:
    """Detect the languages of a guide besides English, and the scripts besides the Latin one.

    `document_frequency` is in how many passages each stem occurs; it has no English stopwords.
    """
    fewest = _MIN_PASSAGE_SHARE * passage_count
    languages = {
        name
        for name, words in _LANGUAGES.items()
        if any(document_frequency.get(stem(word), 0) >= fewest for word in words)
    }
    scripts = Counter(find_script(term) for term in document_frequency if not term.isascii())
    fewest = _MIN_TERM_SHARE * len(document_frequency)
    return frozenset(languages | {name for name, count in scripts.items() if count >= fewest})


def is_other_language(text: str, guide_languages: Collection[str]) -> bool:
    """Whether a text is in none of a guide's languages, or in none of its scripts.

    It has two function words of another language, of which none is a function word of the guide's.
    """
    words = frozenset(split_words(text))
    if is_non_latin(text):
        return not any(find_script(word) in guide_languages for word in words if is_non_latin(word))
    counts = {name: len(words & known) for name, known in _LANGUAGES.items()}
    most = max(counts.values())
    if most < _MIN_FUNCTION_WORDS or most <= len(words & STOPWORDS):
        return False
    return not any(name in guide_languages for name, count in counts.items() if count == most)
