"""Reflective evolution by the package gepa, from whatever is best by damage, by traces kept or by readability.

Source: Agrawal et al., arXiv 2507.19457 (GEPA). Parents are the best by one of the three, not the whole Pareto front
between them. A child is scored in full if by the cheap score it is hardly below its parent (`ABOUT`) or above. gepa's
two data sets are the search problems and the validation problems, which the two stages stand for; its own cache,
where the two would share their numbers, is off: the arena remembers.
"""

# gepa is typed in part:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeArgument=false, reportUnknownParameterType=false

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from azeotrope.errors import Misconfigured
from azeotrope.optimize.arena import Arena, Spent, history, turned_down
from azeotrope.optimize.records import Candidate, Stage, named
from azeotrope.optimize.reflecting import TEMPLATE, fitting, outcome, pairs, passed_over, proposed

if TYPE_CHECKING:
    from gepa.core.adapter import EvaluationBatch

INSTRUCTION, SHOWN = "instruction", 40
ABOUT = 0.05
"""A child so much below its parent by the cheap score may still be better."""
T = TypeVar("T")


async def search(arena: Arena) -> None:
    """Until the budget is spent."""
    seat = _Seat(arena, asyncio.get_running_loop())
    await asyncio.to_thread(_evolved, seat)
    if seat.fault is not None and not isinstance(seat.fault, Spent):
        raise seat.fault


class _Quiet:
    def log(self, message: str) -> None:
        """gepa's own log repeats what the arena records."""


class _About:
    """gepa's gate to the full score."""

    def should_accept(self, proposal: Any, state: Any) -> bool:
        return sum(proposal.subsample_scores_after) >= sum(proposal.subsample_scores_before) - ABOUT


class _Seat:
    """gepa's adapter, in a thread of gepa's own: what it asks is answered in the arena's loop."""

    propose_new_texts = None

    def __init__(self, arena: Arena, loop: asyncio.AbstractEventLoop) -> None:
        self.arena, self._loop = arena, loop
        self.fault: Exception | None = None
        """gepa goes on after some errors; the search does not."""
        self._parent = ""

    def evaluate(self, batch: list[Stage], candidate: dict[str, str], capture_traces: bool = False) -> EvaluationBatch:
        """`batch`: the stages, one "example" each."""
        from gepa.core.adapter import EvaluationBatch

        found = [self._scored(candidate[INSTRUCTION], stage) for stage in batch]
        scores = [self._worth(one) for one in found]
        objectives = [
            {"damage": -1.0 if one.damage is None else one.damage, "kept": one.kept, "readable": one.readable}
            for one in found
        ]
        return EvaluationBatch(found, scores, found if capture_traces else None, objectives)

    def make_reflective_dataset(
        self, candidate: dict[str, str], eval_batch: EvaluationBatch, components_to_update: list[str]
    ) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """What the reflection model reads: this one's outcome, rewrites it led to, and what was tried before."""
        floors, reflector = self.arena.plan.floors, self.arena.plan.reflector
        assert reflector is not None
        self._parent = candidate[INSTRUCTION]
        beside = len(self._parent) + sum(
            len(text) for one in eval_batch.outputs for text in one.samples[: reflector.examples]
        )
        best, turned = fitting(history(self.arena, SHOWN), turned_down(self.arena, SHOWN), floors, beside)
        tried = "\n\n".join([passed_over(turned, floors), pairs(best, floors)])
        records: list[dict[str, Any]] = []
        for one in eval_batch.outputs:
            shown = {"Rewrites": list(one.samples[: reflector.examples])} if reflector.examples else {}
            records.append({"Outcome": outcome(one, floors), **shown, "Tried so far, the best last": tried})
        return {INSTRUCTION: records}

    def told(self, prompt: Any) -> str:
        """The reflection model, as gepa calls one."""
        text = proposed(self._waited(self.arena.told(str(prompt))))
        self.arena.proposed(text)
        return f"```\n{text}\n```"

    def over(self, gepa_state: Any = None) -> bool:
        """Whether gepa is to stop."""
        return self.fault is not None or self.arena.over

    def _scored(self, text: str, stage: Stage) -> Candidate:
        if (known := self.arena.known(text, stage)) is not None:  # as gepa looks its parents up
            return known
        parents = (named(self._parent),) if self._parent and self._parent != text else ()
        score = self.arena.scored if stage == "full" else self.arena.screened
        return self._waited(score(text, parents))

    def _worth(self, one: Candidate) -> float:
        floors = self.arena.plan.floors
        return one.worth(floors) if one.stage == "full" else one.cheap(floors)

    def _waited(self, what: Coroutine[Any, Any, T]) -> T:
        if self.fault is not None:
            what.close()
            raise self.fault
        try:
            return asyncio.run_coroutine_threadsafe(what, self._loop).result()
        except Exception as error:
            self.fault = error
            raise


def _evolved(seat: _Seat) -> None:
    try:
        from gepa.api import optimize
    except ImportError:
        raise Misconfigured("the searcher gepa needs its package: pip install 'azeotrope[search]'") from None
    try:
        adapter: Any = seat
        optimize(
            {INSTRUCTION: seat.arena.start}, trainset=["screen"], valset=["full"], adapter=adapter,
            reflection_lm=seat.told, reflection_prompt_template=TEMPLATE, reflection_minibatch_size=1,
            candidate_selection_strategy="pareto", frontier_type="objective", skip_perfect_score=False,
            cache_evaluation=False, stop_callbacks=seat.over, logger=_Quiet(), seed=seat.arena.plan.searcher.seed,
            track_best_outputs=False, acceptance_criterion=_About(),
        )  # fmt: skip
    except Exception as error:
        seat.fault = seat.fault or error
