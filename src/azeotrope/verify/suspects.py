"""From a suspect in words to a model that can be asked. Knows no mark.

An address of OpenAI's dialect, a folder of weights, a .gguf file, hf:owner/name[:file.gguf], or a Python callable.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from azeotrope.errors import Misconfigured
from azeotrope.models import opening
from azeotrope.models.fake import Rule, Scripted
from azeotrope.models.patience import Patience
from azeotrope.protocols import Model

_READ = 2**20


@dataclass(frozen=True, slots=True)
class Suspect:
    """A model under test."""

    model: Model
    name: str
    """As it was given."""
    id: str
    """16 hex digits: where what is spent at it is filed under, however it is spelled."""
    content: str = ""
    """SHA-256 (hex) of its file, or over its files in the order of their names; empty where there are none."""
    prefill: bool = False
    """Whether it goes on from the beginning of an answer."""
    also: tuple[str, ...] = ()
    """Ids that go by the spelling: notes from before may be filed under them."""

    @property
    def ids(self) -> tuple[str, ...]:
        """All that notes of this suspect may be filed under."""
        return self.id, *self.also


def patience(deadline: float) -> Patience:
    """For one answer: a suspect that limits its rate is waited for, but not for ever; one that floods is cut off."""
    return Patience(retries=4, backoff=0.5, deadline=deadline, idle=min(60.0, deadline), max_bytes=4 * 2**20)


@asynccontextmanager
async def opened(
    spec: str | Path | Rule, *, key: str | None = None, prefill: bool | None = None, deadline: float = 120.0
) -> AsyncGenerator[Suspect, None]:
    """The suspect, open while the block lasts. `key` is an address's. Raises `Misconfigured` with the cure."""
    if callable(spec):
        yield Suspect(
            Scripted(spec), "a Python callable", _id(getattr(spec, "__name__", "callable")), "", bool(prefill)
        )
        return
    named = str(spec)
    where, files = await asyncio.to_thread(_found, named)
    content = await asyncio.to_thread(_content, files) if files else ""
    id_, also = _ids(where, content)
    if files and not named.endswith(".gguf"):
        model = await asyncio.to_thread(_weights, where)
        yield Suspect(model, named, id_, content, prefill is not False, also)
    elif named.startswith("hf:") and ":" not in named.removeprefix("hf:"):
        model = await asyncio.to_thread(_weights, named.removeprefix("hf:"))
        yield Suspect(model, named, id_, "", prefill is not False, also)
    else:
        async with opening.opened(named, key=key, patience=patience(deadline)) as model:
            yield Suspect(model, named, id_, content, not _remote(named) if prefill is None else prefill, also)


def _ids(where: str, content: str) -> tuple[str, tuple[str, ...]]:
    """The id, and the one by the spelling where that is another.

    Weights are what is in them: two copies are one suspect. An address is one without the model's name behind #, since
    a server may give the same model under many.
    """
    spelled = _id(where)
    id_ = content[:16] or _id(where.partition("#")[0].rstrip("/") if _remote(where) else where)
    return id_, () if spelled == id_ else (spelled,)


def _remote(named: str) -> bool:
    return named.startswith(("http://", "https://"))


def _found(named: str) -> tuple[str, list[Path]]:
    """Where it lies, and its files: a folder's or the one file; none where it is no path."""
    path = Path(named).expanduser()
    if path.is_dir():
        inside = (one for one in path.rglob("*") if one.is_file())
        return str(path.resolve()), sorted(one for one in inside if not _hidden(one.relative_to(path)))
    return (str(path.resolve()), [path]) if path.is_file() else (named.rstrip("/"), [])


def _weights(source: str) -> Model:
    from importlib.util import find_spec

    if not source.strip("/"):
        raise Misconfigured("not a Hugging Face name: write hf:owner/name, or hf:owner/name:file.gguf")
    missing = [package for package in ("torch", "transformers") if find_spec(package) is None]
    if missing:
        raise Misconfigured(f"a suspect's weights need {' and '.join(missing)}: pip install 'azeotrope[lab]'")
    from azeotrope.models.open import Open

    return Open.load(source)


def _hidden(path: Path) -> bool:
    """Where tools note when they fetched what: no part of the weights."""
    return any(part.startswith(".") for part in path.parts)


def _content(files: list[Path]) -> str:
    """One file's own digest, whatever it is called; of several, one over names and digests."""
    if len(files) == 1:
        return _digest(files[0])
    return hashlib.sha256("".join(f"{path.name}\n{_digest(path)}\n" for path in files).encode()).hexdigest()


def _digest(path: Path) -> str:
    whole = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_READ):
            whole.update(piece)
    return whole.hexdigest()


def _id(where: str) -> str:
    return hashlib.sha256(where.encode("utf-8", "surrogatepass")).hexdigest()[:16]
