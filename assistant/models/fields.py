"""Dataclasses as JSON types, and read back from them.

Knows annotations: dataclasses, tuples, literals, numbers and text. Must not know any type of ours.
"""

from __future__ import annotations

from dataclasses import is_dataclass
from functools import lru_cache
from typing import Any, Literal, get_args, get_origin, get_type_hints


def written(value: Any) -> dict[str, Any]:
    """A dataclass of numbers, text and tuples of them by its fields, in their order."""
    found = {name: getattr(value, name) for name in value.__dataclass_fields__}
    return {name: list(one) if isinstance(one, tuple) else one for name, one in found.items()}


def read(kind: Any, value: Any) -> Any:
    """A value of JSON types as the kind its field is annotated with.

    Raises TypeError where it is not of that kind, and KeyError for a field that the kind has not.
    """
    of = get_args(kind)
    if get_origin(kind) is tuple and isinstance(value, list):
        fits = of[-1] is ... or len(of) == len(value)
    elif get_origin(kind) is Literal:
        fits = value in of
    elif is_dataclass(kind):
        fits = isinstance(value, dict)
    else:
        fits = isinstance(value, float | int if kind is float else kind)
    if not fits:
        raise TypeError(f"{value!r} is not {kind}")
    if isinstance(value, list):
        return tuple(read(of[0], one) for one in value)
    if isinstance(value, dict):
        kinds = _kinds(kind)
        return kind(**{name: read(kinds[name], one) for name, one in value.items()})
    return value


@lru_cache(maxsize=16)
def _kinds(of: type) -> dict[str, Any]:
    """What each field of a type is annotated with; found out once, for it takes a while."""
    return get_type_hints(of)
