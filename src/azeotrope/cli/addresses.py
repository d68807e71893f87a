"""Where the ledger is, said alike to every command that reads or proves. Opens nothing."""

from __future__ import annotations

from typing import Annotated

import typer

Address = Annotated[str, typer.Option("--ledger", envvar="AZEOTROPE_LEDGER", help="The ledger's file or database URL.")]
HERE = "azeotrope-ledger.db"
