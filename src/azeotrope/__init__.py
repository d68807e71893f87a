"""Azeotrope: what a language model says, made worth little to whoever distils a student from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from azeotrope.lift import chain, defense, none, rewriting, shaping, withholding
    from azeotrope.models.fake import Scripted
    from azeotrope.models.remote import Remote
    from azeotrope.models.replay import Cached, Replay
    from azeotrope.protocols import Given
    from azeotrope.streams import ask, ask_all
    from azeotrope.types import Request, Step, Trace

    __version__: str

_HOMES = {
    "azeotrope.lift": ("chain", "defense", "none", "rewriting", "shaping", "withholding"),
    "azeotrope.models.fake": ("Scripted",),
    "azeotrope.models.remote": ("Remote",),
    "azeotrope.models.replay": ("Cached", "Replay"),
    "azeotrope.protocols": ("Given",),
    "azeotrope.streams": ("ask", "ask_all"),
    "azeotrope.types": ("Request", "Step", "Trace"),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Cached", "Given", "Remote", "Replay", "Request", "Scripted", "Step", "Trace", "ask", "ask_all", "chain",
    "defense", "none", "rewriting", "shaping", "withholding",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Public names are imported when first used, so that `import azeotrope` stays light."""
    if name == "__version__":
        return _version()
    if name not in _HOME:
        raise AttributeError(f"module 'azeotrope' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOME[name]), name)


def _version() -> str:
    """The installed version. Reading it costs a third of what `azeotrope --help` takes."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("azeotrope")
    except PackageNotFoundError:  # run from a checkout that was never installed
        return "0+unknown"
