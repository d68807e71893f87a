"""What every defense file must keep, whatever it does: a new file is tested here by being there."""

import asyncio
import logging
import tempfile
from collections.abc import AsyncGenerator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given as any_of
from hypothesis import settings
from hypothesis import strategies as st
from msgspec.structs import asdict

from azeotrope import Given, Replay, Request, Scripted, Trace, ask, ask_all, catalog, defense
from azeotrope.codec import convert, decode, digest, encode
from azeotrope.errors import Misconfigured
from azeotrope.protocols import Model
from azeotrope.streams import collect, play
from azeotrope.types import Answer, Event, Finish, Opened, Problem, Reasoning, ToolCall

EVERY = tuple(catalog.names("defenses"))
DEFENSES = tuple(name for name in EVERY if not hasattr(catalog.load("defenses", name), "shape"))
"""Those that work on traces; what shapes must keep is in test_shapes.py."""
QUESTION = Request.of("How many clips did Natalia sell in April and May?")
CANARY = "7c1f9a-canary"
REASONING = f"Natalia {CANARY} sold 48/2 = 24 clips in May.\nThen she sold 48+24 = 72 clips in April and May."
GOOD = "What May brought was half of what Natalia had in April, and both months together are asked for: clips in all."
TOOLS = ({"id": "c1", "type": "function", "function": {"name": "sell", "arguments": '{"clips": 72}'}},)
ANSWERS = {
    "math": "The final answer is \\boxed{72}.",
    "choice": "(B)",
    "json": '{"clips": 72, "per": [1.0, 2e3],  "a":"\\u00e9"}',
    "code": "```python\ndef f(x):\n\treturn x  # 72\n```\n",
    "blanks": "  72\r\n\n",
    "unicode": "七十二 🧮 \u200d ½",
    "tags": "<think>not a thought</think> 72",
    "empty": "",
}


def rewriter() -> Model:
    return Scripted(lambda _: GOOD)


@lru_cache
def settings_of(name: str) -> dict[str, Any]:
    """What it cannot do without: `gradient` needs a proxy student."""
    if name != "gradient":
        return {}
    from azeotrope.training import proxies
    from azeotrope.training.tiny import Tiny, TinyLearner
    from azeotrope.training.tokenizer import trained

    words = trained([REASONING, GOOD] * 20, r"\d| ?\w+", vocabulary=400)
    student = TinyLearner(Tiny(hidden=16, layers=1, heads=2, intermediate=16), words, device="cpu").fresh(1)
    held = [Problem("0", QUESTION, "72", solution=GOOD), Problem("1", QUESTION, "72", solution="Both months together")]
    folder = Path(tempfile.mkdtemp())
    proxies.write(student, held, folder, {})
    return {"artifact": str(folder)}


def partly(name: str) -> bool:
    """Whether it says of itself that what leaves is the teacher's own but for some words."""
    return getattr(catalog.load("defenses", name), "PARTLY", False)


def protected(name: str, teacher: Model, **given) -> Model:
    return defense(name, settings_of(name), Given(rewriter=given.pop("rewriter", rewriter()), **given))(teacher)


def changes_nothing(name: str) -> bool:
    """Whether it is the identity, which by design writes nothing down."""
    teacher = Replay([])
    return protected(name, teacher) is teacher


@pytest.mark.parametrize("name", EVERY)
def test_it_says_what_it_is_and_what_it_does_not_defend_against(name: str) -> None:
    module = catalog.load("defenses", name)
    first = catalog.names("defenses")[name]
    assert 10 < len(first) <= 120
    assert "not" in (module.__doc__ or "")
    assert sum(hasattr(module, verb) for verb in ("rewrite", "shape", "build")) == 1


@pytest.mark.parametrize("name", EVERY)
def test_its_config_is_frozen_strict_and_survives_the_journey(name: str) -> None:
    config = catalog.load("defenses", name).Config()
    assert decode(encode(config), type(config)) == config
    assert convert(decode(encode(config), dict), type(config), "here") == config
    assert digest(decode(encode(config), type(config))) == digest(config)
    hash(config)
    for key in asdict(config):
        with pytest.raises(AttributeError):
            setattr(config, key, None)


@pytest.mark.parametrize("name", EVERY)
def test_an_unknown_setting_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        defense(name, {"no_such_setting": 1}, Given(rewriter=rewriter()))
    assert name in str(caught.value)
    assert "no_such_setting" in str(caught.value)
    for key in asdict(catalog.load("defenses", name).Config()):
        assert key in str(caught.value)


@pytest.mark.parametrize("kind", ANSWERS)
@pytest.mark.parametrize("name", DEFENSES)
async def test_the_answer_leaves_byte_for_byte(name: str, kind: str) -> None:
    logprobs = ({"token": "72", "logprob": -0.1, "bytes": None, "top_logprobs": []},)
    trace = Trace(
        "t",
        QUESTION,
        REASONING,
        ANSWERS[kind],
        "m",
        TOOLS,
        logprobs,
        {"total_tokens": 9},
        "tool_calls",
        5,
        {"refusal": None},
    )
    out = await ask(protected(name, Replay([trace])), QUESTION)
    for field in ("answer", "tool_calls", "logprobs", "usage", "finish", "created", "model", "id", "extra", "request"):
        assert getattr(out, field) == getattr(trace, field), field
    assert changes_nothing(name) or out.reasoning != REASONING


@pytest.mark.parametrize("name", DEFENSES)
async def test_one_step_is_written_down_and_a_seed_repeats_everything(name: str) -> None:
    trace = Trace("t", QUESTION, REASONING, ANSWERS["math"])
    one, two = [await ask(protected(name, Replay([trace]), seed=5), QUESTION) for _ in range(2)]
    assert one.reasoning == two.reasoning
    if changes_nothing(name):
        return
    (step,), (again,) = one.lineage, two.lineage
    assert step.name == name
    assert step.outcome in ("released", "withheld")
    assert (step.config, step.failures) == (again.config, again.failures)
    assert step.config
    assert step.cost.milliseconds >= 0


@pytest.mark.parametrize("answered", ["good", "echo", "raises", "empty"])
@pytest.mark.parametrize("name", DEFENSES)
async def test_no_secret_is_printed(name: str, answered: str, caplog, capfd, tmp_path: Path) -> None:
    def rule(request: Request) -> str:
        if answered == "raises":
            raise RuntimeError(request.messages[-1]["content"])
        return {"good": GOOD, "echo": request.messages[-1]["content"], "empty": ""}[answered]

    caplog.set_level(logging.DEBUG)
    trace = Trace("t", QUESTION, REASONING, f"{CANARY} 72")
    out = await ask(protected(name, Replay([trace]), rewriter=Scripted(rule)), QUESTION)
    printed = capfd.readouterr()
    assert CANARY not in repr(out.lineage) + caplog.text + printed.out + printed.err
    assert changes_nothing(name) or partly(name) or CANARY not in out.reasoning
    with pytest.raises(Misconfigured) as caught:
        defense(name, {"no_such": CANARY}, Given(rewriter=rewriter()))
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("name", DEFENSES)
@settings(deadline=None, max_examples=40)
@any_of(reasoning=st.text(), answer=st.text(), pieces=st.integers(0, 9))
def test_any_text_in_any_pieces(name: str, reasoning: str, answer: str, pieces: int) -> None:
    trace = Trace("t", QUESTION, reasoning, answer)

    class Pieces:
        name = "pieces"

        async def stream(self, request: Request) -> AsyncGenerator[Event, None]:
            for event in play(trace, pieces=pieces):
                yield event

    async def both() -> tuple[Trace, Trace]:
        return await ask(protected(name, Replay([trace])), QUESTION), await ask(protected(name, Pieces()), QUESTION)

    whole, cut = asyncio.run(both())
    assert (whole.reasoning, whole.answer) == (cut.reasoning, cut.answer)
    assert whole.answer == answer


HUGE = {
    "long": "Then add 12 and 7 to get 19. " * 40_000,
    "one word": "a" * 1_000_000,
    "blanks": " \n" * 500_000,
    "signs": "<$\\{([1-" * 100_000,
    "surrogates": "\ud800 \udfff" * 1000,
    "zero bytes": "\x00" * 1000,
}


@pytest.mark.parametrize("kind", HUGE)
@pytest.mark.parametrize("name", DEFENSES)
async def test_huge_and_strange_traces_do_not_break_it(name: str, kind: str) -> None:
    trace = Trace("t", QUESTION, HUGE[kind], "72")
    out = await ask(protected(name, Replay([trace])), QUESTION)
    assert out.answer == "72"
    assert not [failure for step in out.lineage for failure in step.failures if failure.startswith("raised_")]


class Twice:
    """Two choices, interleaved, the second one first."""

    name = "twice"

    async def stream(self, request: Request) -> AsyncGenerator[Event, None]:
        yield Opened("r", "m")
        for choice in (1, 0):
            yield Reasoning(f"Because of {CANARY}-{choice}, Natalia sold clips", choice)
        for choice in (1, 0):
            yield Answer(f"answer {choice}", choice)
            yield ToolCall({"index": 0, "id": f"c{choice}", "function": {"name": "f", "arguments": "{}"}}, choice)
            yield Finish("stop", choice)


@pytest.mark.parametrize("name", DEFENSES)
async def test_every_choice_keeps_its_own_answer(name: str) -> None:
    request = Request(QUESTION.messages, {}, {"n": 2})
    traces = await ask_all(protected(name, Twice()), request)
    assert [trace.answer for trace in traces] == ["answer 0", "answer 1"]
    assert [trace.tool_calls[0]["id"] for trace in traces] == ["c0", "c1"]
    if not changes_nothing(name):
        assert [len(trace.lineage) for trace in traces] == [1, 1]
        assert partly(name) or CANARY not in "".join(trace.reasoning for trace in traces)


@pytest.mark.parametrize("name", DEFENSES)
async def test_without_reasoning_there_is_nothing_to_protect(name: str) -> None:
    out = await ask(protected(name, Replay([Trace("t", QUESTION, "", "72")])), QUESTION)
    assert (out.reasoning, out.answer) == ("", "72")


@pytest.mark.parametrize("name", DEFENSES)
async def test_no_reasoning_event_precedes_the_decision(name: str) -> None:
    if changes_nothing(name):
        return
    teacher = Replay([Trace("t", QUESTION, REASONING, "72")])
    events = [event async for event in protected(name, teacher).stream(QUESTION)]
    reasoning = "".join(event.text for event in events if isinstance(event, Reasoning))
    assert collect(QUESTION, events)[0].reasoning == reasoning
    assert partly(name) or CANARY not in reasoning
