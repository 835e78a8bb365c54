"""Define the options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from assistant import console

Corpus = Annotated[
    Path | None,
    typer.Option(
        "--corpus",
        readable=False,
        help="The guide: a folder, an archive, or git+https://…#branch:folder.",
    ),
]
IndexFolder = Annotated[
    Path | None, typer.Option("--index", readable=False, help="The folder of the index.")
]
Model = Annotated[
    str | None, typer.Option("--model", help="The name or folder of a sentence-transformers model.")
]
Device = Annotated[
    str | None, typer.Option("--device", help="The device of the model: cpu or cuda.")
]
BaseUrl = Annotated[
    str | None, typer.Option("--base-url", help="The address at which the guide is published.")
]
Site = Annotated[
    str | None,
    typer.Option(
        "--site", help="The tool that publishes it, such as mkdocs or github; auto to detect it."
    ),
]
Drafts = Annotated[
    bool | None, typer.Option("--drafts", help="Read pages that are not published, too.")
]
Report = Annotated[
    Path | None, typer.Option("--report", help="Write all warnings to a file, one a line.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def warn_renamed(old: str, new: str) -> None:
    """Print that an old spelling is still accepted, but not in the next version."""
    console.echo(f"{old} is now {new}; the next version accepts {new} alone.", err=True)
