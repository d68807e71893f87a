"""GGUF files of the Hugging Face hub: from its cache on this machine first, from the network only if it must.

Knows no engine. Needs the extra `hub`; follows the hub's own settings (HF_HOME, HF_HUB_OFFLINE, HF_TOKEN).
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from azeotrope.errors import Misconfigured, Unavailable


def fetch(source: str) -> Path:
    """The file that `"hf:owner/name[:file.gguf]"` names. Raises `Misconfigured` with the cure, or `Unavailable`."""
    name, _, file = source.removeprefix("hf:").partition(":")
    if name.count("/") != 1 or not all(name.split("/")):
        raise Misconfigured(f"not a Hugging Face name: {source!r}; write hf:owner/name or hf:owner/name:file.gguf")
    if find_spec("huggingface_hub") is None:
        raise Misconfigured(f"{source!r} needs the hub's client: pip install 'azeotrope[hub]'")
    hub: Any = import_module("huggingface_hub")
    file = file or _only_file(hub, name)
    if (cached := _snapshot(name) / file).is_file():
        return cached
    return Path(_asked(name, lambda: hub.hf_hub_download(name, file)))


def _only_file(hub: Any, name: str) -> str:
    """The one GGUF file that was downloaded, else the one that the hub has."""
    folder = _snapshot(name)
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.gguf"))
    if not files:
        listed: list[str] = _asked(name, lambda: hub.HfApi().list_repo_files(name))
        files = sorted(file for file in listed if file.endswith(".gguf"))
    if len(files) != 1:
        choice = f"there are {', '.join(files)}; write hf:{name}:FILE" if files else "there is none"
        raise Misconfigured(f"which GGUF file of {name}? {choice}")
    return files[0]


def _snapshot(name: str) -> Path:
    """The cache's folder of the repository's main branch, there or not.

    The layout is the hub's documented one: models--owner--name/refs/main holds the commit of snapshots/<commit>/.
    Asking the client instead fails for a repository of which only one file was downloaded.
    """
    constants: Any = import_module("huggingface_hub.constants")
    folder = Path(constants.HF_HUB_CACHE) / f"models--{name.replace('/', '--')}"
    try:
        commit = (folder / "refs" / "main").read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        commit = "absent"
    return folder / "snapshots" / commit


def _asked(name: str, ask: Callable[[], Any]) -> Any:
    """What the hub answers; its refusals in our words."""
    errors: Any = import_module("huggingface_hub.errors")
    try:
        return ask()
    except (errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled, ConnectionError):
        raise Misconfigured(
            f"{name} is not in the hub's cache and the hub cannot be reached: run `hf download {name}` where there is "
            "a network, or give the path of a .gguf file"
        ) from None
    except (errors.RepositoryNotFoundError, errors.EntryNotFoundError):
        raise Misconfigured(f"the hub has no such repository or file, or it needs a login: {name}") from None
    except errors.HFValidationError:
        raise Misconfigured(f"not a Hugging Face name: {name}") from None
    except Exception as error:  # its network client's errors, which differ between its versions
        raise Unavailable(f"the hub did not give {name}: {type(error).__name__}") from None
