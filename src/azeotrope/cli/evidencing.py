"""The files that one verification leaves: page, JSON twin, transcripts. Asks no suspect."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from azeotrope.cli.writing import can_write


class Files(NamedTuple):
    """Where the evidence goes."""

    page: Path
    twin: Path
    private: Path
    """Transcripts with the salts of their public digests: the operator's alone."""

    @classmethod
    def beside(cls, page: Path) -> Files:
        """All of them, before anything is asked. Raises `Misconfigured` where one is there already.

        Evidence cannot be made again: its probes are spent, and without its salts no digest can be opened.
        """
        from azeotrope.errors import Misconfigured

        if page.suffix == ".json":
            raise Misconfigured(
                f"{page} would be the page and its JSON twin in one: name the page (-o), such as e.html"
            )
        files = cls(page, page.with_suffix(".json"), page.with_suffix(".private.jsonl"))
        for path in files:
            can_write(path)
            if path.exists() or path.is_symlink():
                raise Misconfigured(
                    f"{path} is there already and may be evidence, which cannot be made again: name another page (-o), "
                    "or move it away"
                )
        return files
