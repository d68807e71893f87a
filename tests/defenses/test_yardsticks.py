"""The yardsticks of experiments: what each does to a real working, and that lies are neither served nor sold."""

import json
from itertools import pairwise

import pytest
from typer.testing import CliRunner

from azeotrope import Given, Replay, Request, Scripted, Trace, ask, catalog, defense
from azeotrope.cli import app
from azeotrope.errors import Misconfigured
from azeotrope.gateway.policy import guards
from azeotrope.gateway.settings import check
from azeotrope.models.text.workings import equation, value, working
from azeotrope.tasks import steps

TASK = steps.build(steps.Config(train=300, proxy=0, validation=0, test=0))
TRACES = [Trace(p.id, p.request, p.solution, f"\\boxed{{{p.gold}}}") for p in TASK.problems("train")]


async def behind(name: str, seed: int = 0, **config) -> list[Trace]:
    teacher = defense(name, config, Given(seed=seed))(Replay(TRACES))
    return [await ask(teacher, trace.request) for trace in TRACES]


def bodies(trace: Trace) -> list[str]:
    found = working(trace.reasoning)
    assert found is not None
    return [step.body for step in found.steps]


@pytest.mark.parametrize("renumber", [True, False])
async def test_shuffled_steps_are_the_same_in_another_order(renumber: bool) -> None:
    for old, new in zip(TRACES, await behind("shuffle", renumber=renumber), strict=True):
        assert sorted(bodies(new)) == sorted(bodies(old))
        assert bodies(new) != bodies(old)
        assert (new.answer, new.lineage[0].outcome) == (old.answer, "released")
        numbers = [step.number for step in working(new.reasoning).steps]
        assert (numbers == sorted(numbers)) is renumber
        if not renumber:
            assert sorted(new.reasoning.splitlines()) == sorted(old.reasoning.splitlines())


async def test_every_order_occurs_and_a_seed_decides_which() -> None:
    one, again, other = [await behind("shuffle", seed) for seed in (1, 1, 2)]
    assert [t.reasoning for t in one] == [t.reasoning for t in again]
    assert [t.reasoning for t in one] != [t.reasoning for t in other]
    three = [(old, new) for old, new in zip(TRACES, one, strict=True) if len(bodies(old)) == 3]
    orders = {
        tuple(bodies(old).index(body) for body in bodies(new)) for old, new in three if len(set(bodies(old))) == 3
    }
    assert len(orders) == 5


async def test_the_answer_stands_first_and_last() -> None:
    for old, new in zip(TRACES, await behind("answer_first"), strict=True):
        assert new.reasoning == f"{old.answer}\n{old.reasoning}"
        assert new.answer == old.answer


async def test_corrupt_makes_every_value_on_the_way_wrong_and_keeps_the_last() -> None:
    for old, new in zip(TRACES, await behind("corrupt"), strict=True):
        right, wrong = [[equation(body) for body in bodies(trace)] for trace in (old, new)]
        for a, b in zip(right[:-1], wrong[:-1], strict=True):
            assert a.rest == b.rest
            assert 0 < abs(int(a.result) - int(b.result)) <= 9
            assert int(b.result) >= 0
        assert wrong[0].left == right[0].left
        assert wrong[-1].result == right[-1].result
        assert all(a.result == b.left for a, b in pairwise(wrong))


async def test_corrupt_reads_thousands_that_are_set_apart() -> None:
    trace = Trace("t", Request.of("?"), "Step 1: 1,200 + 3 = 1,203\nStep 2: 1,203 * 2 = 2,406", "\\boxed{2406}")
    first, last = map(equation, bodies(await ask(defense("corrupt")(Replay([trace])), trace.request)))
    assert first and last and first.left == "1,200" and last.result == "2,406"
    assert 0 < abs(int(value(first.result)) - 1203) <= 9 and last.left == first.result


@pytest.mark.parametrize("name", ["shuffle", "answer_first", "corrupt"])
@pytest.mark.parametrize("reasoning", ["It is plain to see.", "Step 1: think\nStep 1: think", "Step 1: 2 + 2 = 4"])
async def test_what_it_cannot_treat_is_withheld(name: str, reasoning: str) -> None:
    trace = Trace("t", Request.of("?"), reasoning, "no value is stated here, as far as I can see, by any of us")
    out = await ask(defense(name)(Replay([trace])), trace.request)
    assert (out.reasoning, out.lineage[0].outcome) == ("", "withheld")


# --- lies are for experiments


def settings(**policy):
    return check({"upstream": {"base_url": "http://127.0.0.1:1/v1"}, "policies": {"default": policy}}, "here")


@pytest.mark.parametrize(
    "policy",
    [
        {"defense": "corrupt"},
        {"defense": [{"defense": "none"}, {"defense": "corrupt"}]},
    ],
)
def test_the_gateway_does_not_serve_lies(policy) -> None:
    with pytest.raises(Misconfigured, match=r"policy 'default': defense 'corrupt' .* for experiments only"):
        guards(settings(**policy), Scripted(lambda _: "4"), None)


def test_the_gateway_serves_what_is_true() -> None:
    assert set(guards(settings(defense="shuffle"), Scripted(lambda _: "4"), None)) == {"default"}


@pytest.mark.parametrize("flags", [["--defense", "corrupt"], ["--defense", "terse", "--fallback", "corrupt"]])
def test_no_data_set_is_protected_by_lies(flags, tmp_path) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text(json.dumps({"question": "2+2?", "reasoning": "Step 1: 2 + 2 = 4", "answer": "4"}) + "\n")
    run = CliRunner().invoke(app, ["protect", str(source), "-o", str(out), *flags])
    assert isinstance(run.exception, Misconfigured)
    assert "defense 'corrupt' writes what is wrong" in str(run.exception)
    assert not out.exists()


def test_the_mark_of_a_yardstick_is_on_corrupt_alone() -> None:
    marked = {name for name in catalog.names("defenses") if hasattr(catalog.load("defenses", name), "YARDSTICK")}
    assert marked == {"corrupt"}
