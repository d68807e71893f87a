"""Plug-ins against miniatures of the engines' own interfaces; and one prompt, one artifact: the same logits everywhere.

The miniatures are written from the interface files of the released packages: vLLM's two `LogitsProcessor`s with their
loaders' checks, SGLang's `CustomLogitProcessor`. The engines themselves are not run here.
"""

# ruff: noqa: B027 - the engines' own shapes
import enum
import importlib
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch

from azeotrope import Given, defense
from azeotrope.errors import Misconfigured
from azeotrope.fit import folding
from azeotrope.math.lowrank import LowRank
from azeotrope.models import purifier
from azeotrope.models.open import Open
from azeotrope.models.purifier import About, Shows
from azeotrope.models.shipped import shipped

NEWER, OLDER = "vllm.v1.worker.gpu.sample.logits_processor", "vllm.v1.sample.logits_processor"
SGLANG, SERVER = "sglang.srt.sampling.custom_logit_processor", "sglang.srt.server_args"


class NewerProcessor(ABC):
    """The V2 runner's base class: keyed by request slots, `apply` over rows."""

    def __init__(self, vllm_config: Any, req_states: Any) -> None: ...
    @classmethod
    def validate_params(cls, sampling_params: Any) -> None: ...
    def add_request(self, req_idx: int, sampling_params: Any) -> bool:
        return True

    def apply_staged_writes(self) -> None: ...
    @abstractmethod
    def apply(self, logits: torch.Tensor, ctx: Any) -> torch.Tensor: ...


class OlderProcessor(ABC):
    """The V1 runner's base class: one batch, changes told by `update_state`."""

    @classmethod
    def validate_params(cls, sampling_params: Any) -> None: ...
    @abstractmethod
    def __init__(self, vllm_config: Any, device: torch.device, is_pin_memory: bool) -> None: ...
    @abstractmethod
    def apply(self, logits: torch.Tensor) -> torch.Tensor: ...
    @abstractmethod
    def is_argmax_invariant(self) -> bool: ...
    @abstractmethod
    def update_state(self, batch_update: Any) -> None: ...


class CustomLogitProcessor(ABC):
    """SGLang's."""

    @abstractmethod
    def __call__(self, logits: torch.Tensor, custom_param_list: list[dict[str, Any]] | None = None) -> torch.Tensor: ...


def not_set_yet() -> Any:
    """As SGLang's, outside a server."""
    raise ValueError("Global server args is not set yet!")


@dataclass(frozen=True)
class Context:
    """The newer runner's layout of one step: which slot, which offset each row belongs to."""

    expanded_idx_mapping: torch.Tensor
    expanded_local_pos: torch.Tensor
    input_ids: torch.Tensor
    pos: torch.Tensor


class Moved(enum.Enum):
    UNIDIRECTIONAL = enum.auto()
    SWAP = enum.auto()


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Modules that stand where the engines' are."""
    for home, members in (
        (NEWER, {"LogitsProcessor": NewerProcessor}), (OLDER, {"LogitsProcessor": OlderProcessor}),
        (SGLANG, {"CustomLogitProcessor": CustomLogitProcessor}), (SERVER, {"get_global_server_args": not_set_yet}),
    ):  # fmt: skip
        parts = home.split(".")
        for end in range(1, len(parts) + 1):
            name = ".".join(parts[:end])
            if name not in sys.modules:
                monkeypatch.setitem(sys.modules, name, ModuleType(name))
        for member, value in members.items():
            monkeypatch.setattr(sys.modules[home], member, value, raising=False)
    yield
    for name in ("vllm", "sglang"):
        sys.modules.pop(f"azeotrope.plugins.{name}", None)


def plugin(name: str) -> Any:
    sys.modules.pop(f"azeotrope.plugins.{name}", None)
    return importlib.import_module(f"azeotrope.plugins.{name}")


@pytest.fixture(scope="module")
def teacher() -> Open:
    return shipped("steps")


def fitted(path: Path, teacher: Open, shows: Shows = Shows()) -> str:
    draw, size = torch.Generator().manual_seed(0), teacher.net.config.vocab_size
    m = LowRank(torch.randn(size, 4, generator=draw), 5e-3 * torch.randn(4, size, generator=draw))
    about = About("steps", purifier.fingerprint(teacher.net), purifier.vocabulary(teacher.tokenizer), shows)
    purifier.write(path / purifier.FILE, m, about)
    return str(path)


@pytest.fixture(scope="module")
def artifact(teacher, tmp_path_factory) -> str:
    return fitted(tmp_path_factory.mktemp("fit"), teacher)


@pytest.fixture
def config(teacher) -> Any:
    size = teacher.net.config.vocab_size
    model = SimpleNamespace(
        get_vocab_size=lambda: size, tokenizer=str(Path(teacher.net.name_or_path)), model="steps",
        logprobs_mode="processed_logprobs", max_logprobs=20,
    )  # fmt: skip
    return SimpleNamespace(model_config=model)


def states() -> Any:
    return SimpleNamespace(device=torch.device("cpu"), max_num_reqs=4)


def processors(module: Any, config: Any) -> tuple[Any, Any]:
    """As each runner's loader makes it: checked to be a subclass, then called with that runner's arguments."""
    assert isinstance(module.Purify, type)
    assert issubclass(module.Purify, NewerProcessor) and issubclass(module.Purify, OlderProcessor)
    assert not module.Purify.__abstractmethods__
    return module.Purify(config, states()), module.Purify(config, torch.device("cpu"), False)


# --- conformance


def test_the_same_prompt_and_artifact_give_the_same_logits_everywhere(
    engines, teacher, artifact, config, monkeypatch, tmp_path
) -> None:
    monkeypatch.setenv("AZEOTROPE_PURIFIER", artifact)
    ids = torch.tensor(teacher.encode(["Bob has 11 cards, loses 10, triples them. How many?\nStep 1: 11 -"]))
    plain = teacher.logits(ids)[:, -1]
    expected = defense("purify", {"artifact": artifact, "until": "end"}, Given())(teacher).logits(ids)[:, -1]
    assert (expected - plain).abs().max() > 0.5

    newer, older = processors(plugin("vllm"), config)
    from azeotrope.plugins.transformers import Purify

    generated = teacher.net.generate(
        input_ids=ids, max_new_tokens=1, do_sample=False, output_scores=True, return_dict_in_generate=True,
        logits_processor=[Purify(artifact, teacher.net, teacher.tokenizer)], attention_mask=torch.ones_like(ids),
    )  # fmt: skip
    m = purifier.read(artifact)
    folding.save(folding.fold(teacher, m.m), tmp_path / "folded", m)
    rows = Context(torch.tensor([0]), torch.tensor([0]), ids[:, -1], torch.tensor([ids.shape[1] - 1]))
    everywhere = {
        "folded": Open.load(tmp_path / "folded").logits(ids)[:, -1],
        "transformers": generated.scores[0],
        "vllm, newer runner": newer.apply(plain.clone(), rows),
        "vllm, older runner": older.apply(plain.clone()),
        "sglang": plugin("sglang").Purify()(plain.clone(), [{}]),
    }
    for name, logits in everywhere.items():
        assert torch.allclose(logits, expected, atol=2e-4), (name, (logits - expected).abs().max())


# --- vLLM


def test_rows_are_shaped_whatever_request_they_belong_to(engines, teacher, artifact, config, monkeypatch) -> None:
    """Speculative decoding gives a request several rows, and batches are reordered: a row depends on itself alone."""
    monkeypatch.setenv("AZEOTROPE_PURIFIER", artifact)
    newer, older = processors(plugin("vllm"), config)
    logits = torch.randn(5, teacher.net.config.vocab_size, generator=torch.Generator().manual_seed(0))
    assert newer.add_request(2, SimpleNamespace()) is True
    newer.apply_staged_writes()
    slots = Context(torch.tensor([2, 2, 2, 0, 0]), torch.tensor([0, 1, 2, 0, 1]), torch.zeros(5), torch.arange(5))
    out = newer.apply(logits.clone(), slots)
    order = torch.tensor([4, 0, 3, 1, 2])
    assert torch.allclose(newer.apply(logits[order], slots), out[order], atol=1e-5)
    older.update_state(None)
    older.update_state(SimpleNamespace(batch_size=5, removed=[1], added=[], moved=[(0, 1, Moved.SWAP)]))
    assert torch.allclose(older.apply(logits.clone()), out, atol=1e-5)
    assert older.is_argmax_invariant() is False, "else greedy requests would show unshaped logprobs"
    assert not newer.apply(logits[:0], slots).numel()


def test_a_grammars_mask_is_never_written_over(engines, teacher, artifact, config, monkeypatch) -> None:
    monkeypatch.setenv("AZEOTROPE_PURIFIER", artifact)
    newer, _ = processors(plugin("vllm"), config)
    logits = torch.randn(2, teacher.net.config.vocab_size)
    logits[:, ::3] = -torch.inf
    out = newer.apply(logits.clone(), None)
    assert (out[:, ::3] == -torch.inf).all() and out[:, 1::3].isfinite().all()


def test_it_is_opt_in_and_refuses_to_start_without_its_artifact(engines, config, monkeypatch, artifact) -> None:
    assert not entry_points(group="vllm.logits_processors"), "an entry point would load for every model that is served"
    module = plugin("vllm")
    monkeypatch.delenv("AZEOTROPE_PURIFIER", raising=False)
    with pytest.raises(Misconfigured, match="names no purifier"):
        module.Purify(config, states())
    monkeypatch.setenv("AZEOTROPE_PURIFIER", artifact)
    config.model_config.get_vocab_size = lambda: 10
    with pytest.raises(Misconfigured, match="this model has 10"):
        module.Purify(config, states())


@pytest.mark.parametrize("mode", ["raw_logprobs", "raw_logits", None])
def test_where_logprobs_would_be_shown_unshaped_it_does_not_start(engines, config, monkeypatch, artifact, mode) -> None:
    """Raw is the engine's default; one that has no such option shows raw ones."""
    monkeypatch.setenv("AZEOTROPE_PURIFIER", artifact)
    module, model = plugin("vllm"), config.model_config
    if mode is None:
        del model.logprobs_mode
    else:
        model.logprobs_mode = mode
    for most in (20, 0, -1):  # with 0 a request for logprobs=0 passes, and is told the sampled token's
        model.max_logprobs = most
        with pytest.raises(Misconfigured, match="--logprobs-mode processed_logprobs"):
            module.Purify(config, states())
    model.logprobs_mode = "processed_logprobs"
    assert module.Purify(config, states())


def test_another_tokenizer_is_refused(engines, config, teacher, monkeypatch, tmp_path) -> None:
    about = About("other", "?", "no such tokenizer")
    purifier.write(tmp_path / purifier.FILE, LowRank(torch.zeros(9, 1), torch.zeros(1, 9)), about)
    monkeypatch.setenv("AZEOTROPE_PURIFIER", str(tmp_path))
    with pytest.raises(Misconfigured, match="another tokenizer"):
        plugin("vllm").Purify(config, states())


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"prompt_logprobs": 0}, "prompt_logprobs is not available here: it is never processed"),
        ({"prompt_logprob_token_ids": [3]}, "prompt_logprob_token_ids is not available here: it is never processed"),
        ({"logprob_token_ids": [3, 4]}, "logprob_token_ids is not available here: .* beyond --max-logprobs"),
    ],
)
def test_what_no_processor_sees_or_no_bound_holds_is_refused(engines, asked, reason) -> None:
    """Older engines have the first of these fields alone."""
    check = plugin("vllm").Purify.validate_params
    check(SimpleNamespace(prompt_logprobs=None, logprobs=5))
    check(SimpleNamespace(prompt_logprobs=None, logprobs=0, prompt_logprob_token_ids=None, logprob_token_ids=None))
    with pytest.raises(ValueError, match=reason):
        check(SimpleNamespace(**{"prompt_logprobs": None, "logprobs": None, **asked}))


def test_with_one_runner_only_it_still_loads(engines, monkeypatch, artifact, config) -> None:
    monkeypatch.setitem(sys.modules, NEWER, None)
    monkeypatch.setenv("AZEOTROPE_PURIFIER", artifact)
    module = plugin("vllm")
    assert not issubclass(module.Purify, NewerProcessor)
    assert module.Purify(config, torch.device("cpu"), False)


@pytest.mark.parametrize("name", ["vllm", "sglang"])
def test_outside_its_engine_it_says_so(name: str) -> None:
    with pytest.raises(Misconfigured, match="runs inside"):
        plugin(name)


def test_transformers_refuses_another_model(teacher, artifact) -> None:
    from azeotrope.plugins.transformers import Purify

    other = teacher.copied().net
    with torch.no_grad():
        other.model.norm.weight[0] += 1
    with pytest.raises(Misconfigured, match="this model is another"):
        Purify(artifact, other)


def test_sglang_needs_its_artifact(engines, monkeypatch) -> None:
    monkeypatch.delenv("AZEOTROPE_PURIFIER", raising=False)
    with pytest.raises(Misconfigured, match="names no purifier"):
        plugin("sglang").Purify()(torch.zeros(1, 4))


def test_sglang_refuses_a_model_with_fewer_tokens(engines, teacher, artifact, monkeypatch) -> None:
    monkeypatch.setenv("AZEOTROPE_PURIFIER", artifact)
    size, purify = teacher.net.config.vocab_size, plugin("sglang").Purify()
    with pytest.raises(Misconfigured, match=f"for a vocabulary of {size}, this model has {size - 1}"):
        purify(torch.zeros(2, size - 1))
    assert purify(torch.zeros(2, size + 8)).shape == (2, size + 8), "a vocabulary may be padded"


def started(monkeypatch: pytest.MonkeyPatch, tokenizer: str, without: bool = False) -> Any:
    """The plug-in in a server that was started so."""
    told = SimpleNamespace(tokenizer_path=tokenizer, skip_tokenizer_init=without)
    monkeypatch.setattr(sys.modules[SERVER], "get_global_server_args", lambda: told)
    return plugin("sglang").Purify()


def test_sglang_refuses_another_tokenizer_where_the_server_names_one(
    engines, teacher, artifact, monkeypatch, tmp_path
) -> None:
    logits, own = torch.zeros(1, teacher.net.config.vocab_size), str(teacher.net.name_or_path)
    monkeypatch.setenv("AZEOTROPE_PURIFIER", artifact)
    assert started(monkeypatch, own)(logits).shape == logits.shape
    purifier.write(tmp_path / purifier.FILE, purifier.read(artifact).m, About("other", "?", "no such tokenizer"))
    monkeypatch.setenv("AZEOTROPE_PURIFIER", str(tmp_path))
    with pytest.raises(Misconfigured, match=r"fitted for other, and .* is another tokenizer"):
        started(monkeypatch, own)(logits)
    assert started(monkeypatch, own, without=True)(logits).shape == logits.shape, "it reads no text"
    monkeypatch.delattr(sys.modules[SERVER], "get_global_server_args")
    assert plugin("sglang").Purify()(logits).shape == logits.shape, "an older one does not say"
