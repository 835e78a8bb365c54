"""Name the directives of Sphinx that reStructuredText and MyST share."""

from __future__ import annotations

VERSION_DIRECTIVES = {
    "versionadded": "Added in version",
    "versionchanged": "Changed in version",
    "versionremoved": "Removed in version",
    "deprecated": "Deprecated since version",
}
"""The words that the published page shows before the argument of each directive."""
