"""How much of a thing the tests do: little in `make test`, all of it in `make torture`."""

from __future__ import annotations

import os

LONG = os.environ.get("TORTURE") == "1"


def size(short, long):
    return long if LONG else short
