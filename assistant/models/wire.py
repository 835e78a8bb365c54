"""Read and write the frozen types as JSON types, by pydantic."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import TypeAdapter

_Model = TypeVar("_Model")
_ADAPTERS: dict[type, TypeAdapter[Any]] = {}


def to_dict(value: Any) -> dict[str, Any]:
    """Return a dataclass as JSON types."""
    data: dict[str, Any] = _adapter(type(value)).dump_python(value, mode="json")
    return data


def from_dict(model: type[_Model], data: object) -> _Model:
    """Read a dataclass from JSON types; fields that it does not have are ignored.

    Raises pydantic's ValidationError, which is a ValueError.
    """
    value: _Model = _adapter(model).validate_python(data)
    return value


def _adapter(model: type) -> TypeAdapter[Any]:
    """Return the adapter of a type; building one takes milliseconds."""
    if model not in _ADAPTERS:
        _ADAPTERS[model] = TypeAdapter(model)
    return _ADAPTERS[model]
