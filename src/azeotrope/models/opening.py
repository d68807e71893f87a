"""From a source in words to a model: "local", a .gguf path, "hf:owner/name", or an address. Knows no defense."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from urllib.parse import unquote, urldefrag

from azeotrope.errors import Misconfigured
from azeotrope.models import weights
from azeotrope.models.local import Local
from azeotrope.models.patience import Patience
from azeotrope.models.remote import Remote
from azeotrope.models.text import Policy
from azeotrope.models.thinking import Thinking
from azeotrope.protocols import Model

THINK = "think:"


@asynccontextmanager
async def opened(
    spec: str, *, key: str | None = None, reasoning_in_content: Policy = "tags", patience: Patience = Patience()
) -> AsyncGenerator[Model, None]:
    """The model that `spec` names, open while the block lasts.

    `local` (the embedded default), a path that ends in .gguf, `hf:owner/name[:file.gguf]`, or `http(s)://host/v1[#model]`;
    `think:` before any of them gives it a reasoning channel (see `Thinking`). `key`, `reasoning_in_content` and
    `patience` are an address's. Raises `Misconfigured` with the cure.
    """
    if spec.startswith(THINK):
        rest = spec.removeprefix(THINK)
        async with opened(rest, key=key, reasoning_in_content=reasoning_in_content, patience=patience) as model:
            yield Thinking(model)
    elif spec.startswith(("http://", "https://")):
        address, model = urldefrag(spec)
        async with Remote(
            address,
            model=unquote(model) or None,
            key=key,
            reasoning_in_content=reasoning_in_content,
            patience=patience,
        ) as remote:
            yield remote
    elif spec == "local" or spec.startswith("hf:") or spec.endswith(".gguf"):
        async with Local(weights.DEFAULT if spec == "local" else spec) as local:
            yield local
    else:
        named = "that" if "@" in spec or "?" in spec else repr(spec)  # it may be an address with a secret in it
        raise Misconfigured(
            f"no model called {named}; give local, a path that ends in .gguf, hf:owner/name, or an address such as "
            "http://127.0.0.1:8000/v1#model; think: before it makes it think first"
        )
