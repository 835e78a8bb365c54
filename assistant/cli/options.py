"""The flags that several commands take.

Knows their names and what their help says. Must not know what any command does.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Corpus = Annotated[
    Path | None, typer.Option("--corpus", readable=False, help="The guide: a folder of Markdown.")
]
IndexFolder = Annotated[
    Path | None, typer.Option("--index", readable=False, help="Where the index is kept.")
]
Model = Annotated[str | None, typer.Option("--model", help="A sentence-transformers model.")]
Device = Annotated[str | None, typer.Option("--device", help="Where the model runs: cpu or cuda.")]
BaseUrl = Annotated[str | None, typer.Option("--base-url", help="Where the guide is published.")]
Site = Annotated[
    str | None,
    typer.Option("--site", help="What publishes it: auto, github, jekyll, mkdocs, docusaurus."),
]
Report = Annotated[
    Path | None, typer.Option("--report", help="Write all that was odd to a file, a line each.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print it all as JSON.")]
