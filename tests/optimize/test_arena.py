"""The arena: budgets end a search, nothing is paid twice, a killed search goes on as if it had not been."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from azeotrope.codec import encode
from azeotrope.errors import Misconfigured, Refused, Unavailable
from azeotrope.models.fake import Scripted
from azeotrope.optimize import chance, edits
from azeotrope.optimize.arena import LONGEST, Spent
from azeotrope.optimize.procedure import run
from azeotrope.optimize.records import Candidate, Line
from azeotrope.optimize.reflecting import TRIED
from azeotrope.optimize.results import Memory, looked_at, opened
from azeotrope.types import Score, Trace

from .conftest import RUN, Lengths, arena, longer


async def test_each_budget_ends_a_search(plan) -> None:
    for budget, least, most in (
        ({"evaluations": 5}, 5, 5), ({"evaluations": 99, "calls": 12}, 4, 6),
        ({"evaluations": 99, "tokens": 2000}, 2, 9), ({"evaluations": 99, "minutes": 1e-9}, 1, 1),
    ):  # fmt: skip
        here = arena(plan(budget=budget, searcher={"kind": "opro", "start": "x", "early": 0}), Lengths())
        await run(here)
        assert least <= here.evaluations <= most, budget
        with pytest.raises(Spent):
            await here.scored("something new")
        with pytest.raises(Spent):
            await here.told("another prompt")


async def test_what_passed_the_cheap_score_last_is_still_scored_in_full(plan) -> None:
    here = arena(plan(budget={"evaluations": 1}), Lengths())
    await here.screened("one")
    assert here.over
    assert (await here.scored("one")).stage == "full"
    assert (await here.screened("one")).stage == "screen", "what is known is told at any time"


async def test_a_searcher_that_proposes_nothing_new_ends(plan) -> None:
    same = Scripted(lambda request: "x")
    here = arena(plan(searcher={"kind": "opro", "start": "x"}, budget={"patience": 7}), Lengths(), reflector=same)
    await run(here)
    assert here.evaluations == 1 and len(same.asked) <= 3 * 7


async def test_a_known_proposal_of_an_early_round_is_counted_once(plan) -> None:
    same = Scripted(lambda request: "x")
    search = plan(searcher={"kind": "opro", "start": "x", "early": 99}, budget={"patience": 7})
    await run(here := arena(search, Lengths(), reflector=same))
    assert here.evaluations == 1 and len(same.asked) == 3 * 7, "one a round, of three calls"


async def test_patience_counts_gepas_proposals_and_not_its_look_ups(plan) -> None:
    search = plan(searcher={"kind": "gepa", "start": "x"}, budget={"patience": 7})
    same = Scripted(lambda request: "x")
    here = arena(search, Lengths(), reflector=same)
    await run(here)
    assert (here.evaluations, len(same.asked)) == (1, 7)

    turns = iter(range(99))
    slow = Scripted(lambda request: "y" * (2 + at) if (at := next(turns)) % 7 == 6 else "x")
    here = arena(plan(searcher={"kind": "gepa", "start": "x"}, budget={"patience": 7, "evaluations": 4}), Lengths(),
                 reflector=slow)  # fmt: skip
    await run(here)
    assert here.evaluations == 4, "six known ones in a row are not seven, however often their parent is looked up"


async def test_nothing_is_scored_or_asked_twice(plan) -> None:
    scorer, reflector, memory = Lengths(), longer(), Memory()
    search = plan(searcher={"kind": "opro", "start": "x"}, budget={"evaluations": 8})
    first = arena(search, scorer, memory, reflector)
    await run(first)
    scored, asked = len(scorer.scored), len(reflector.asked)
    again = arena(search, scorer, memory, reflector)
    await run(again)
    assert (len(scorer.scored), len(reflector.asked)) == (scored, asked)
    assert again.found == first.found and again.spent == first.spent
    more = arena(replace(search, budget=replace(search.budget, evaluations=10)), scorer, memory, reflector)
    await run(more)
    assert more.found[: len(first.found) - 1] == first.found[:-1] and more.evaluations == 10


async def test_what_failed_is_tried_again_by_the_same_call(plan, tmp_path) -> None:
    """A rewriter that was down is up again; where it is not, no second line says so."""

    class Down(Lengths):
        up = False

        async def score(self, text: str, stage: str) -> Candidate:
            made = await super().score(text, stage)
            return made if self.up else replace(made, damage=None, nats=None, scores={}, reason="the rewriter is down")

    path, scorer = tmp_path / "r.jsonl", Down()

    async def tried() -> Candidate:
        with opened(path, RUN) as memory:
            return await arena(plan(), scorer, memory).scored("x")

    assert (await tried()).reason == "the rewriter is down"
    before = path.read_bytes()
    assert (await tried()).reason == "the rewriter is down" and path.read_bytes() == before
    scorer.up = True
    found = await tried()
    assert (found.reason, found.damage, len(scorer.scored)) == ("", 0.01, 3)
    assert looked_at(path).candidates[found.digest] == found == await tried()
    assert len(scorer.scored) == 3, "what has a score is not scored again"


class Refusing(Lengths):
    """The rewriter refuses what has an r in it."""

    async def score(self, text: str, stage: str) -> Candidate:
        made = await super().score(text, stage)
        failed = {"damage": None, "nats": None, "scores": {}, "failures": {"timed_out": 2}, "reason": "too slow"}
        return replace(made, **failed) if "r" in text else made


async def test_one_or_two_instructions_that_are_refused_stop_nothing_and_three_in_a_row_do(plan, tmp_path) -> None:
    path = tmp_path / "r.jsonl"
    with opened(path, RUN) as memory:
        here = arena(plan(), Refusing(), memory)
        for text in ("x", "r1", "r2", "y", "r3"):
            await here.scored(text)
        await here.screened("r4")
        await here.scored("r4")
        with pytest.raises(Unavailable, match=r"timed_out 2\) of 3 instructions in a row: .*seconds .* seed"):
            await here.scored("r5")
    known = looked_at(path).candidates
    assert {one.text for one in known.values() if one.undone} == {"r1", "r2", "r3", "r4", "r5"}


async def test_a_start_that_is_refused_stops_at_once(plan) -> None:
    for kind in ("opro", "gepa"):
        scorer = Refusing()
        with pytest.raises(Unavailable, match=r"instruction to begin with: .* another \[searcher\] start"):
            await run(arena(plan(searcher={"kind": kind, "start": "r"}), scorer, start="r"))
        assert scorer.scored == ["full r"]


async def test_the_same_question_may_be_answered_otherwise_the_second_time(plan) -> None:
    count = iter(range(9))
    memory, model = Memory(), Scripted(lambda request: f"say {next(count)}")
    here = arena(plan(), Lengths(), memory, model)
    assert [await here.told("?"), await here.told("?")] == ["say 0", "say 1"]
    assert {request.sampling["seed"] for request in model.asked} == {0, 1}
    again = arena(plan(), Lengths(), memory, model)
    assert [await again.told("?"), await again.told("?")] == ["say 0", "say 1"], "remembered, turn by turn"
    other = arena(plan(searcher={"seed": 1, "start": "x"}), Lengths(), memory, model)
    assert await other.told("?") == "say 2"


async def test_what_another_rule_said_is_not_what_this_one_says(plan) -> None:
    memory = Memory()
    for edition in ("one", "two", "one"):
        model = Scripted(lambda request, said=edition: said)
        model.edition = edition  # type: ignore[attr-defined]
        assert await arena(plan(), Lengths(), memory, model).told("?") == edition
    assert len(memory.reflected) == 2


def test_the_shipped_rule_has_an_edition_by_what_it_says(monkeypatch) -> None:
    first = edits.reflector().edition
    assert edits.reflector().edition == first
    monkeypatch.setattr(edits, "UNSEEN", 0.9)
    assert edits.reflector().edition != first


@pytest.mark.parametrize("shown", [0, 1, 3])
async def test_the_reflector_is_shown_as_many_rewrites_as_the_plan_says(plan, shown: int) -> None:
    class Sampled(Lengths):
        async def score(self, text: str, stage: str) -> Candidate:
            return replace(await super().score(text, stage), samples=("REWRITE a", "REWRITE b", "REWRITE c"))

    reflector = {"name": "x", "examples": shown}
    model = longer()
    await run(arena(plan(searcher={"start": "x"}, reflector=reflector, budget={"evaluations": 2}), Sampled(),
                    reflector=model))  # fmt: skip
    prompt = str(model.asked[0].messages[-1]["content"])
    assert prompt.count("REWRITE") == shown and ("Rewrites" in prompt) == bool(shown)


async def test_opro_shows_the_ten_best_and_asks_for_three_new_ones(plan) -> None:
    model = longer()
    search = plan(searcher={"kind": "opro", "start": "x", "early": 0}, budget={"evaluations": 20})
    await run(arena(search, Lengths(), reflector=model))
    prompts = [str(request.messages[-1]["content"]) for request in model.asked]
    told = [[len(text) for text, _ in TRIED.findall(prompt)] for prompt in dict.fromkeys(prompts)]
    assert len(told[0]) == 1 and len(told[-1]) == 10 and all(sizes == sorted(sizes) for sizes in told)
    assert all(prompts.count(prompt) == 3 for prompt in prompts)


@pytest.mark.parametrize("kind", ["opro", "gepa"])
async def test_a_prompt_is_bounded_however_long_the_instructions_are(kind: str, plan) -> None:
    count = iter(range(99))
    wordy = Scripted(lambda request: f"{next(count)} " + "x" * LONGEST)
    search = plan(searcher={"kind": kind, "start": "x", "early": 0}, budget={"evaluations": 15})
    await run(here := arena(search, Lengths(), reflector=wordy))
    sizes = [len(str(request.messages[-1]["content"])) for request in wordy.asked]
    assert here.evaluations == 15 and 2 * LONGEST < max(sizes) < 45_000


async def test_a_prompt_is_kept_as_a_digest_and_a_text_is_cut(plan, tmp_path) -> None:
    path = tmp_path / "r.jsonl"
    with opened(path, RUN) as memory:
        here = arena(plan(), Lengths(), memory, Scripted(lambda request: "fine"))
        await here.told("a secret prompt")
        assert len((await here.screened("y" * (2 * LONGEST))).text) == LONGEST
    assert b"secret" not in path.read_bytes()


async def test_random_asks_for_each_of_the_space_once(plan) -> None:
    space = tuple("abcdefgh")
    orders = []
    for seed in range(3):
        here = arena(plan(searcher={"kind": "random", "seed": seed, "space": "a:b"}), Lengths(), start="c", space=space)
        await chance.search(here)
        orders.append([one.text for one in here.found])
        assert sorted(orders[-1]) == list(space) and orders[-1][0] == "c"
    assert orders[0] != orders[1] or orders[1] != orders[2]


async def test_a_reflection_model_that_is_down_stops_the_search(plan) -> None:
    def down(request):
        raise Unavailable("down")

    for kind in ("opro", "gepa"):
        model, scorer = Scripted(down), Lengths()
        with pytest.raises(Unavailable, match="down"):
            await run(arena(plan(searcher={"kind": kind, "start": "x"}), scorer, reflector=model))
        assert len(model.asked) == 1, f"{kind} asks again, and goes on"
        assert {text.partition(" ")[2] for text in scorer.scored} == {"x"}


@pytest.mark.parametrize("kind", ["opro", "gepa"])
async def test_a_refused_reflection_says_nothing_and_counts_as_idle(kind: str, plan, tmp_path) -> None:
    path, calls = tmp_path / "r.jsonl", iter(range(99))

    def filtered(request):
        if next(calls) % 2 == 0:
            raise Refused("the upstream refused this request (400)")
        return longer()._rule(request)

    search = plan(searcher={"kind": kind, "start": "x"}, budget={"evaluations": 4, "patience": 7})
    with opened(path, RUN) as memory:
        here = arena(search, Lengths(), memory, Scripted(filtered))
        await run(here)
    assert here.evaluations == 4 and "" not in {one.text for one in here.found}
    assert "" in {one.said for one in looked_at(path).reflected.values()}, "it is not asked the same again"
    assert here.spent.calls >= 2 * 4 + 2

    def never(request):
        raise Refused("no")

    silent = Scripted(never)
    await run(ended := arena(search, Lengths(), reflector=silent))
    assert ended.evaluations == 1 and 7 <= len(silent.asked) <= 3 * 7


@pytest.mark.parametrize("finish", ["length", "content_filter", "abort", ""])
async def test_a_reply_that_is_cut_off_proposes_nothing(finish: str, plan, tmp_path) -> None:
    cut = Scripted(lambda request: Trace("id", request, "", "Write every result as a", finish=finish))
    memory = Memory()
    here = arena(plan(), Lengths(), memory, cut)
    assert await here.told("?") == "" and here.spent.calls == 1
    assert [one.said for one in memory.reflected.values()] == [""]


@pytest.mark.parametrize("count", [-5, "many", None, 0, 2.5])
async def test_an_endpoint_that_counts_backwards_gives_no_budget_back(count, plan) -> None:
    usage = {"prompt_tokens": count, "completion_tokens": count}
    model = Scripted(lambda request: Trace("id", request, "", "Be brief and dense.", usage=usage))
    here = arena(plan(), Lengths(), reflector=model)
    await here.told("what may score higher?")
    assert (here.spent.tokens_in, here.spent.tokens_out) == (5, 4)


async def test_a_scorer_that_fails_stops_the_search(plan) -> None:
    class Broken(Lengths):
        async def score(self, text: str, stage: str) -> Candidate:
            raise Unavailable("the rewriter does not answer")

    for kind in ("opro", "gepa"):
        with pytest.raises(Unavailable, match="does not answer"):
            await run(arena(plan(searcher={"kind": kind, "start": "x"}), Broken()))


# --- on disk ---

KILLED = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, {here!r})
from azeotrope.optimize import edits, plan as plans
from azeotrope.optimize.procedure import run
from azeotrope.optimize.results import opened
from conftest import FILE, RUN, Lengths, arena
search = plans.checked({{**FILE, "searcher": {searcher!r}, "budget": {{"evaluations": 8}}}}, "here")
with opened(Path({path!r}), RUN) as memory:
    asyncio.run(run(arena(search, Lengths({dies}), memory, edits.reflector())))
"""


@pytest.mark.parametrize("kind", ["gepa", "opro"])
def test_killed_it_loses_only_what_was_under_way(kind: str, plan, tmp_path) -> None:
    path = tmp_path / "r.jsonl"
    searcher = {"kind": kind, "start": "Begin every line with Part."}
    script = KILLED.format(here=str(Path(__file__).parent), searcher=searcher, path=str(path), dies=5)
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -signal.SIGKILL
    assert len(looked_at(path).candidates) == 4
    with path.open("ab") as file:
        file.write(b'{"candidate": {"tor')  # a writer killed while it wrote
    search = plan(searcher=searcher, budget={"evaluations": 8})
    scorer = Lengths()
    with opened(path, RUN) as memory:
        asyncio.run(run(resumed := arena(search, scorer, memory, edits.reflector())))
    unbroken = arena(search, Lengths(), Memory(), edits.reflector())
    asyncio.run(run(unbroken))
    assert [one.digest for one in resumed.found] == [one.digest for one in unbroken.found]
    assert len(scorer.scored) == len(unbroken.found) - 4
    assert set(looked_at(path).candidates) >= {one.digest for one in unbroken.found}


def test_only_one_writes_and_a_damaged_file_is_named(tmp_path) -> None:
    path = tmp_path / "r.jsonl"
    with opened(path, RUN), pytest.raises(Misconfigured, match="another process"), opened(path, RUN):
        pass
    path.write_bytes(b'{"candidate": 3}\n')
    with pytest.raises(Misconfigured, match="line 1"), opened(path, RUN):
        pass
    with pytest.raises(Misconfigured, match="cannot read"):
        looked_at(tmp_path / "nowhere")


def test_a_full_disk_keeps_what_is_there(tmp_path) -> None:
    class Full:
        def write(self, data: bytes) -> int:
            raise OSError(28, "No space left on device")

    memory = Memory(tmp_path / "r.jsonl")
    memory.written_to(Full(), RUN)  # type: ignore[arg-type]
    with pytest.raises(Unavailable, match="make room"):
        memory.add(Line(candidate=Candidate("d", "t", "full", "x")))
    assert not memory.candidates, "what is not on disk is not known"


def test_lines_come_back_as_they_were(tmp_path) -> None:
    one = Candidate("d", "t\n\u2028é", "full", "x", ("p",), 0.5, 0.25, 0.125, None, {"1": Score("+-?")}, {"copied": 2})
    with opened(tmp_path / "r.jsonl", RUN) as memory:
        memory.add(Line(candidate=one))
    assert encode(looked_at(tmp_path / "r.jsonl").candidates["d"]) == encode(one)
