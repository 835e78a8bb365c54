"""Name the directives and roles of Sphinx that reStructuredText and MyST share."""

from __future__ import annotations

VERSION_DIRECTIVES = {
    "versionadded": "Added in version",
    "versionchanged": "Changed in version",
    "versionremoved": "Removed in version",
    "deprecated": "Deprecated since version",
}
"""The words that the published page shows before the argument of each directive."""

IGNORED_DIRECTIVES = frozenset(
    """
    autosummary codeauthor contents cssclass currentmodule default-domain highlight highlightlang
    index moduleauthor rst-class sectionauthor tabularcolumns toctree
    """.split()
)
"""Directives of navigation and settings, which are not text."""

CODE_DIRECTIVES = frozenset(
    """
    code code-block code-cell code-tab digraph doctest graph graphviz include ipython
    jupyter-execute jupyter-input jupyter-output literalinclude math mermaid plantuml plot
    productionlist prompt sourcecode testcode testcleanup testoutput testsetup uml
    """.split()
)
"""Directives whose content is code."""

CALL_ROLES = frozenset("func meth".split())
"""Roles of functions, whose names are shown with parentheses."""

_NAME_ROLES = CALL_ROLES | frozenset(
    "any attr attribute class const data decorator exc exception function macro member method mod "
    "module obj object property type var".split()
)


def show_name(role: str, name: str) -> str:
    """Return a dotted name as its role shows it; the text of any other role unchanged.

    A tilde shows the last part alone; a leading dot and exclamation mark are not shown.
    """
    if role not in _NAME_ROLES:
        return name
    name = name.lstrip("!")
    shown = name.rsplit(".", 1)[-1] if name.startswith("~") else name
    shown = shown.lstrip("~.") or name
    return f"{shown}()" if role in CALL_ROLES and not shown.endswith(")") else shown
