"""Replace the tags of template languages by the text that they show: Liquid, Jinja, Hugo, GitBook.

A tag has a name, strings by position, and strings under keys: `{% tab title="Linux" %}` and
`{{< expand "Why" >}}`. What a tag makes is known to the site alone; of its strings, those that a
reader of the page sees are shown.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from assistant.readers.code_fences import find_code_spans

if TYPE_CHECKING:
    from collections.abc import Callable

# A tag has no brace in it, so that a line of tags that do not end takes linear time.
TAG = re.compile(
    r"\{%-?[ \t\n]*+(/?@?[A-Za-z_][\w/-]*+)((?:[^%{}]|%(?!\}))*+)%\}"
    r"|\{\{[<%]-?[ \t\n]*+(/?[\w./-]*+)((?:[^<>%{}]|<|[>%](?!\}\}))*+)[>%]\}\}"
)
"""A tag of Liquid or Jinja, or a shortcode of Hugo: its name and its arguments."""

OPEN_TAG = re.compile(r"\{%-?[ \t]*+[A-Za-z_][^%{}]*+$|\{\{[<%][^<>%{}]*+$")
"""A tag that goes on in the next line."""

_STRING = re.compile(
    r"(?:(?<![\w-])([\w-]+)[ \t\n]*+=[ \t\n]*+)?(?:\"([^\"]*+)\"|'([^']*+)'|`([^`]*+)`)"
)
_PLAIN_URL = re.compile(r"https?://[^\s<>\[\]]+")
_VARIABLE = re.compile(r"\{\{-?\s*[A-Za-z_][\w.\[\]\"'-]*\s*(?:\|[^{}]*)?\}\}")
_FILTERED_STRING = re.compile(r"\{\{-?\s*+(?:\"([^\"{}]*+)\"|'([^'{}]*+)')\s*+\|[^{}]*+\}\}")
# A string of braces is how a template writes the marks of its own language, in code too.
_BRACES = re.compile(r"\{\{-?[ \t]*+([\"'])(\{[{%]|[}%]\})\1[ \t]*+-?\}\}")
_EXAMPLE_MARK = re.compile(r"(\{\{[<%])/\*|\*/(?=[>%]\}\})")
_FILE = re.compile(
    r"\.(?:png|jpe?g|gif|svg|webp|pdf|mp[34]|html?|mdx?|ya?ml|json|toml|csv|txt)\Z", re.I
)
_ADDRESS_STARTS = ("/", "./", "../", "http:", "https:")
_NOTICE_NAMES = frozenset("admonition alert callout hint notice".split())
_NOTICES = frozenset(
    "note tip hint info important success warning caution danger error alert".split()
)
_IN_ADDRESS = ("](", "](<", 'href="', "href='", 'src="', "src='")

# Tags that decide what is shown, and show nothing themselves.
_CONTROL = frozenset(
    "assign block break call capture case comment continue cycle decrement do echo elif else elsif "
    "extends filter for from if import increment layout liquid macro paginate raw schema section "
    "set style stylesheet javascript tablerow unless verbatim when with".split()
)
# Tags whose strings by position are names of files, pages, pictures, or of the tag itself.
_NAMED_BY_POSITION = frozenset(
    "asset codenew columns component embed figure file gist icon image img include "
    "include_cached include_relative instagram link page page_ref param partial post_url posts ref "
    "relref render snippet svg tabpane tabs tweet twitter video vimeo x youtube".split()
)
_CODE_NAMES = frozenset("code-toggle codeblock highlight mermaid".split())
_SILENT_BY_POSITION = _NAMED_BY_POSITION | _CODE_NAMES
# The keys under which a tag has text for the reader; a term stands for a text that is not there.
_TEXT_KEYS = frozenset(
    "caption content header heading label name subtitle summary text title".split()
)
_TERM_KEYS = frozenset({"term_id", "term"})
_NAMELESS = frozenset({"include", "param", "readfile"})  # `name` is no title of these
_LANGUAGE_KEYS = frozenset("codelang lang language".split())
_LANGUAGE = re.compile(r"[A-Za-z][\w+#-]*")


class Tag(NamedTuple):
    """A tag: its name, its first bare word, its strings by position, and those under keys."""

    name: str
    word: str
    positional: tuple[str, ...]
    named: dict[str, str]
    is_complete: bool = False  # it ends itself: {{< name />}}

    @property
    def closes(self) -> bool:
        """Whether it is the end of a pair of tags."""
        return self.name.startswith(("/", "end"))

    @property
    def code_language(self) -> str | None:
        """The language of the code that is the content of a paired tag; None where it is not."""
        language = next((self.named[key] for key in _LANGUAGE_KEYS if key in self.named), None)
        if language is None and self.name in _CODE_NAMES:
            language = self.word or next(iter(self.positional), "")
        if language is None or self.closes or self.is_complete:
            return None
        match = _LANGUAGE.match(language)
        return match[0] if match else ""


def parse_tag(match: re.Match[str]) -> Tag:
    """Return the tag that matched `TAG`."""
    name, arguments = match[1] or match[3] or "", match[2] or match[4] or ""
    strings = [(key, a or b or c) for key, a, b, c in _STRING.findall(arguments)]
    word = arguments.strip().partition(" ")[0].strip("\"'")
    return Tag(
        name,
        "" if "=" in word else word,
        tuple(text for key, text in strings if not key),
        {key.lower(): text for key, text in strings if key},
        arguments.rstrip(" \t\n").endswith("/"),
    )


def shown_text(tag: Tag) -> str:
    """Return the text that a tag shows; empty where it shows none that is known."""
    if tag.closes or tag.name in _CONTROL or tag.name.startswith("@"):
        return ""
    keys = _TEXT_KEYS - {"name"} if tag.name in _NAMELESS else _TEXT_KEYS
    texts = [text for key, text in tag.named.items() if key in keys and text]
    if tag.name == "embed" and not texts and _PLAIN_URL.fullmatch(tag.named.get("url", "")):
        return f"[{tag.named['url']}](<{tag.named['url']}>)"
    if not texts:
        texts = [text.replace("-", " ") for key, text in tag.named.items() if key in _TERM_KEYS]
    if _SILENT_BY_POSITION.isdisjoint({tag.name, *re.split("[-_]", tag.name)}):
        # The last is the text where the first is a name or a kind.
        shown = [text for text in tag.positional if not _is_name(text)]
        if tag.name in _NOTICE_NAMES and tag.positional == (tag.word,):
            shown = [text for text in shown if " " in text]  # a single word is a kind or an icon
        texts += shown[-1:]
    return " ".join(" ".join(texts).split())


def _is_name(text: str) -> bool:
    """Check whether a string is an address, a file, or the kind of a notice."""
    is_address = text.startswith(_ADDRESS_STARTS) or text.count("/") > 1 or _FILE.search(text)
    return text.lower() in _NOTICES or (" " not in text and bool(is_address))


def show_examples(code: str) -> str:
    """Return code with the shortcodes of Hugo that it documents as the page shows them.

    They are written as comments, `{{</* name */>}}`, since Hugo replaces shortcodes in code too.
    """
    return _EXAMPLE_MARK.sub(r"\1", code) if "/*" in code or "*/" in code else code


def show_braces(code: str) -> str:
    """Return code with the braces that a template writes as strings: {{ "{{" }}."""
    return _BRACES.sub(r"\2", code) if "{{" in code else code


def replace_tags(text: str) -> str:
    """Replace the tags and variables of a line outside its code.

    One that stands for an address becomes the address.
    """
    for pattern, show in _REPLACEMENTS:
        replace = replace_outside_code if "`" in text else re.sub
        text = replace(pattern, show, text)
    return text


def replace_outside_code(
    pattern: re.Pattern[str], show: Callable[[re.Match[str]], str], text: str
) -> str:
    """Replace what does not begin in code; the strings of a tag may have code in them."""
    if not pattern.search(text):
        return text
    code = {n for start, end in find_code_spans(text) for n in range(start, end)}
    return pattern.sub(lambda match: match[0] if match.start() in code else show(match), text)


def _show_tag(match: re.Match[str]) -> str:
    arguments = match[4] or ""
    if match[3] == "/" and arguments.startswith("*"):  # the documentation of a shortcode
        return f"{match[0][:3]}{arguments.strip('*/')}{match[0][-3:]}"
    tag = parse_tag(match)
    if match.string.endswith(_IN_ADDRESS, 0, match.start()) and tag.name not in _CONTROL:
        return next(iter(tag.positional), tag.word)
    # The badge of a version in a sentence: "Since 4.0, ...".
    return shown_text(tag) or ("" if tag.closes else tag.named.get("version", ""))


def _show_string(match: re.Match[str]) -> str:
    return match[1] or match[2] or ""


def _show_braces(match: re.Match[str]) -> str:
    """Return braces as references to characters, which no later replacement takes for a mark."""
    return match[2].replace("{", "&#123;").replace("}", "&#125;")


_REPLACEMENTS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (_BRACES, _show_braces),
    (_FILTERED_STRING, _show_string),
    (_VARIABLE, lambda _: ""),
    (TAG, _show_tag),  # may have variables in it
)
