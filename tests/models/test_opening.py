"""What a source in words stands for."""

import pytest

from azeotrope.errors import Misconfigured
from azeotrope.models import opening
from azeotrope.models.opening import opened
from azeotrope.models.remote import Remote
from azeotrope.models.thinking import Thinking


class Recorded:
    """Stands for the embedded model: which weights were asked for."""

    def __init__(self, source: str) -> None:
        self.name = source

    async def __aenter__(self):
        return self

    async def __aexit__(self, *exception: object) -> None:
        pass


@pytest.mark.parametrize(
    ("spec", "weights"),
    [("local", "smollm2"), ("a/b.gguf", "a/b.gguf"), ("hf:o/n", "hf:o/n"), ("hf:o/n:f.gguf", "hf:o/n:f.gguf")],
)
async def test_weights(monkeypatch: pytest.MonkeyPatch, spec: str, weights: str) -> None:
    monkeypatch.setattr(opening, "Local", Recorded)
    async with opened(spec) as model:
        assert isinstance(model, Recorded) and model.name == weights
    async with opened(f"think:{spec}") as model:
        assert isinstance(model, Thinking) and model.name == weights


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        ("http://127.0.0.1:9/v1", "127.0.0.1:9"),
        ("http://127.0.0.1:9/v1#org/model", "org/model"),
        ("https://example.org#a%20b", "a b"),
    ],
)
async def test_addresses(spec: str, name: str) -> None:
    async with opened(spec, key="k") as model:
        assert isinstance(model, Remote) and model.name == name


@pytest.mark.parametrize("spec", ["", "loca", "ftp://x", "think:", "gguf", "owner/name"])
async def test_anything_else_is_refused_with_what_there_is(spec: str) -> None:
    with pytest.raises(Misconfigured, match="give local, a path"):
        async with opened(spec):
            pass


@pytest.mark.parametrize("spec", ["http://user:hunter2@h/v1#m", "think:https://h/v1?key=hunter2", "user:hunter2@h/v1"])
async def test_a_secret_in_an_address_is_refused_unquoted(spec: str) -> None:
    with pytest.raises(Misconfigured, match=r"key-env|give local") as refused:
        async with opened(spec):
            pass
    assert "hunter2" not in repr(refused.value)
