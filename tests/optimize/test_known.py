"""What is known already: floors hide and reveal it, searchers share it, another search's results are taken over."""

from msgspec.structs import replace

from azeotrope.codec import decode
from azeotrope.optimize.procedure import run, won
from azeotrope.optimize.records import Candidate, Line
from azeotrope.optimize.results import Memory, looked_at, opened

from .conftest import RUN, Lengths, arena, longer


class Floored(Lengths):
    """As the real scorer: below its search's floors it teaches nobody."""

    def __init__(self, floors, kept: float) -> None:
        super().__init__()
        self._floors, self._kept = floors, kept

    async def score(self, text: str, stage: str) -> Candidate:
        return replace(await super().score(text, stage), kept=self._kept).seen(self._floors)


async def test_who_was_below_the_floors_is_taught_when_they_fall(plan) -> None:
    memory, high, low = Memory(), plan(floors={"kept": 0.9}), plan(floors={"kept": 0.5})
    first = await arena(high, Floored(high.floors, 0.7), memory).scored("x")
    assert first.untaught and first.worth(high.floors) < -1
    again = Floored(high.floors, 0.7)
    await arena(high, again, memory).scored("x")
    assert not again.scored, "under the same floors nobody is asked again"
    second = await arena(low, Floored(low.floors, 0.7), memory).scored("x")
    assert second.damage == second.worth(low.floors) == 0.01 and second.digest == first.digest
    assert memory.candidates[first.digest].damage == 0.01


async def test_who_was_taught_below_higher_floors_is_hidden_and_kept(plan) -> None:
    memory, low, high = Memory(), plan(floors={"kept": 0.5}), plan(floors={"kept": 0.9}, searcher={"start": "x"})
    await arena(low, Floored(low.floors, 0.7), memory).scored("x")
    scorer, model = Floored(high.floors, 0.7), longer()
    here = arena(replace(high, budget=replace(high.budget, evaluations=2)), scorer, memory, model)
    await run(here)
    found = here.found[0]
    assert (found.text, found.damage, found.scores) == ("x", None, {}) and found.worth(high.floors) < -1
    assert "full x" not in scorer.scored, "it is not taught anew"
    assert "damage 1.0 points" not in str(model.asked[0].messages) and "traces kept 70%" in str(model.asked[0].messages)
    assert memory.candidates["full x"].damage == 0.01, "for whoever asks with the lower ones"


async def test_what_withholds_everything_wins_nothing(plan) -> None:
    floors = {"kept": 0.0}
    here = arena(plan(floors=floors), Floored(plan(floors=floors).floors, 0.0))
    found = await here.scored("x" * 50)
    assert found.worth(here.plan.floors) == 0.5 and won(here) is None and here.best is None
    some = arena(plan(floors=floors), Floored(plan(floors=floors).floors, 0.1))
    await some.scored("x")
    assert won(some) is not None


async def test_lineage_is_the_searchs_own_whoever_scored_it_first(plan, tmp_path) -> None:
    """Two searchers in one file: what the first found and the second finds again has the second's parents."""
    path, known = tmp_path / "r.jsonl", set[str]()
    for kind in ("random", "opro"):
        search = plan(searcher={"kind": kind, "start": "x", "early": 0, "space": "a:b"}, budget={"evaluations": 5})
        with opened(path, RUN) as memory:
            here = arena(search, Lengths(), memory, space=["x" * size for size in range(1, 6)])
            await run(here)
        known |= {one.name for one in here.found}
        assert {one.by for one in here.found} == {kind}
    seen = set[str]()
    for one in here.found:
        assert bool(one.parents) == bool(seen) and set(one.parents) <= seen
        seen.add(one.name)
    written = looked_at(path).candidates.values()
    assert len({one.name for one in written}) == len(known) < 10, "some were found twice"
    assert {(one.by, one.parents) for one in written if one.by == "random"} == {("random", ())}, (
        "the file keeps its own"
    )


async def test_what_another_search_scored_is_taken_over_with_its_run_at_no_cost(plan, tmp_path) -> None:
    theirs, mine = tmp_path / "theirs.jsonl", tmp_path / "mine.jsonl"
    with opened(theirs, replace(RUN, config="theirs")) as memory:
        await arena(plan(), Lengths(), memory).scored("x")
        memory.add(Line(candidate=Candidate("full broken", "broken", "full", "x", reason="it broke")))
    scorer = Lengths()
    for _ in range(2):
        with opened(mine, RUN) as memory:
            memory.elsewhere = looked_at(theirs)
            here = arena(plan(), scorer, memory)
            for text in ("new", "x", "broken"):
                await here.scored(text)
    assert scorer.scored == ["full new", "full broken"], "what has no score there is scored here"
    assert here.evaluations == 3 and [one.expense.calls for one in here.found] == [2, 0, 2]
    lines = [decode(text, Line) for text in mine.read_bytes().splitlines()]
    assert [line.run.config if line.run else line.candidate.text for line in lines] == [
        "config", "new", "theirs", "x", "config", "broken",
    ]  # fmt: skip
