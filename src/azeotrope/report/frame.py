"""The frame of every page: one head, one style, nothing from elsewhere. Knows no record: each page fills it in.

A page is a template that extends `frame.html`. What comes in as text is escaped; what is not a name there is an error.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from azeotrope.report.words import visible

HERE = Path(__file__).parent


def framed(template: str, **what: Any) -> str:
    """The page."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    style = Markup((HERE / "page.css").read_text(encoding="utf-8"))  # noqa: S704 - our own file
    return environment.get_template(template).render(style=style, visible=visible, **what)


def at(text: object, pointer: str) -> Markup:
    """A figure, and where it stands in the page's JSON twin."""
    return Markup('<span class="f" data-at="{}">{}</span>').format(pointer, text)
