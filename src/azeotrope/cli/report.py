"""`azeotrope report`: a results file in, a page that needs nothing else out. Parses, calls the report, prints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from azeotrope.cli.writing import write

if TYPE_CHECKING:
    from azeotrope.report.records import Report


def report(
    source: Annotated[Path, typer.Argument(metavar="RESULTS", help="The results: JSONL, as `evaluate` writes them.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="PAGE", help="The HTML page.")] = None,
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Everything the page says.")] = None,
    markdown: Annotated[
        Path | None,
        typer.Option(
            "--markdown", metavar="FILE",
            help="The tables; put between <!-- begin: lab --> and <!-- end: lab --> where the file is there already.",
        ),
    ] = None,
) -> None:  # fmt: skip
    """Report what a grid found: each defense by its weakest cell, with controls, intervals, costs and warnings.

    Without -o, --json and --markdown, only the headline is printed. Exit status: 0, or 2 for a mistake to mend.
    """
    _need("jinja2", "matplotlib", "scipy")
    from azeotrope.report import build

    found = build(source)
    texts = {path: text for path, text in _texts(found, output, json, markdown) if path}
    for path, text in texts.items():
        write(path, text)
    for sentence in found.headline:
        typer.echo(sentence)
    if found.cautions:
        typer.echo(f"{len(found.cautions)} warnings; read them before you believe a number", err=True)


def _texts(
    found: Report, output: Path | None, json: Path | None, markdown: Path | None
) -> list[tuple[Path | None, str]]:
    """What goes where; all of it is made before any of it is written."""
    from azeotrope.codec import encode
    from azeotrope.report import markdown as tables
    from azeotrope.report.page import page

    return [
        (output, page(found) if output else ""),
        (json, encode(found).decode() + "\n" if json else ""),
        (markdown, tables.written(markdown, tables.markdown(found)) if markdown else ""),
    ]


def _need(*packages: str) -> None:
    from importlib.util import find_spec

    from azeotrope.errors import Misconfigured

    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        raise Misconfigured(f"reports need {', '.join(missing)}: pip install 'azeotrope[lab]'")
