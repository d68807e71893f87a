"""`azeotrope serve --demo`: the embedded model behind the gateway, on loopback, for one customer. Reads no settings."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from azeotrope.gateway import serving
from azeotrope.gateway.customers import Only
from azeotrope.gateway.settings import check
from azeotrope.models import weights
from azeotrope.models.local import Local
from azeotrope.models.thinking import Thinking


async def serve(port: int, *, announce: Callable[[str], Any], show: Callable[[str], Any]) -> None:
    """Serves until told to stop. `show` is given the model with its weights' licence, and the customer's key, once."""
    customer = Only("demo")
    with tempfile.TemporaryDirectory(prefix="azeotrope-demo-") as folder:
        settings = check(table(port, Path(folder)), "the demo")
        async with Local(weights.DEFAULT) as local:
            show(f"model: {local.name} (licence {local.licence})")
            show(f"key: {customer.key}")
            await serving.serve(settings, {}, announce=announce, customers=customer, upstream=Thinking(local))


def table(port: int, folder: Path) -> dict[str, Any]:
    """The demo's settings."""
    return {
        "server": {"host": "127.0.0.1", "port": port, "log": "warning"},
        "upstream": {"base_url": "http://127.0.0.1:9/v1"},  # stands for the embedded model
        "policies": {"default": {"defense": "withhold"}},
        "ledger": {"dsn": f"sqlite:///{folder / 'ledger.db'}"},
    }
