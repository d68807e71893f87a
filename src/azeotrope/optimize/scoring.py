"""What an instruction is worth, measured: the rewriter follows it, proxy students are taught what came of it.

Score: mean over the proxies of accuracy after clean traces minus accuracy after rewritten ones, held-out problems, as
a reproduction of arXiv 2602.15143 reports its appendix. The cheap one is ours: nats that a held-out rewritten response
costs one briefly taught proxy, more than a clean one costs a proxy of clean traces. Below the floors no student is
trained. Knows no searcher.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace as but
from statistics import fmean

from msgspec.structs import replace

from azeotrope import measure
from azeotrope.distill import examples
from azeotrope.optimize.records import CONTROL, Candidate, Expense, Line, Stage, scored_as
from azeotrope.optimize.releasing import Bench, Released, clean, rewritten
from azeotrope.optimize.results import Memory
from azeotrope.training import Fitted
from azeotrope.types import Score, Trace

AT_HAND = 4
"""Instructions whose rewrites are kept for the next stage: a round of OPRO screens three before it scores one."""
_ROWS, _LONGEST = 64, 1 << 14
"""Responses read at a time, and tokens of one."""


class Scoring:
    """Scores instructions on a bench; what clean traces teach is measured once and remembered."""

    def __init__(self, bench: Bench, memory: Memory) -> None:
        self._bench, self._memory = bench, memory
        self._at_hand: dict[str, Released] = {}
        self._student: tuple[tuple[str, int, float], Fitted] | None = None
        """The latest: where the cheap score trains it to the end, it is the first of the full one's."""

    def digest(self, text: str, stage: Stage, by: str = "") -> str:
        """Of everything that decides the score."""
        return scored_as(self._bench.identity, text, stage, by)

    def control(self, stage: Stage) -> Candidate | None:
        """What is known of clean traces on this bench."""
        return self._memory.finished(self.digest("", stage, CONTROL), self._bench.plan.floors)

    async def score(self, text: str, stage: Stage) -> Candidate:
        """Raises `Unavailable` where the rewriter is down, `Misconfigured` where the teacher is of no use."""
        released = await self._released(text)
        found = Candidate(
            self.digest(text, stage), text, stage, "", kept=released.kept, readable=released.readable,
            failures=dict(released.failures), samples=released.samples, expense=released.expense,
            reason=released.undone,
        )  # fmt: skip
        if found.reason or found.shortfall(self._bench.plan.floors) > 0:
            return found
        return await self._taught(found, released, await self._clean(stage))

    async def _clean(self, stage: Stage) -> Candidate:
        """What the same proxies make of the teacher's traces as they are."""
        found = self.control(stage)
        if found is None:
            blank = Candidate(self.digest("", stage, CONTROL), "", stage, CONTROL, kept=1.0, readable=1.0)
            found = await self._taught(blank, await clean(self._bench), None)
            self._memory.add(Line(candidate=found))
        return found

    async def _taught(self, found: Candidate, released: Released, control: Candidate | None) -> Candidate:
        """With the students' part filled in. `control`: None for the control itself."""
        proxies, scores, expense = self._bench.plan.proxies, dict[str, Score](), found.expense
        if found.stage == "screen":
            fitted, cost = self._fitted(found.text, released, proxies.seeds[0], proxies.share)
            more = nats(fitted, released.search) - ((control and control.nats) or 0.0)
            return replace(found, nats=more, expense=expense.plus(cost))
        for seed in proxies.seeds:
            fitted, cost = self._fitted(found.text, released, seed, 1.0)
            judged = await measure.score(fitted.model, self._bench.task, self._bench.validation)
            scores[str(seed)], expense = judged.score, expense.plus(cost)
        before = control.scores if control else scores
        damage = fmean(before[seed].rate - score.rate for seed, score in scores.items())
        return replace(found, damage=damage, scores=scores, expense=expense)

    def _fitted(self, text: str, released: Released, seed: int, share: float) -> tuple[Fitted, Expense]:
        """The student, and what it cost: nothing where it is at hand."""
        key = (text, seed, share)
        if self._student is not None and self._student[0] == key:
            return self._student[1], Expense()
        fitted = self._bench.learner.fit(examples(released.learn), seed=seed, share=share)
        self._student = (key, fitted)
        return fitted, Expense(steps=fitted.steps, cpu_seconds=fitted.cpu_seconds)

    async def _released(self, text: str) -> Released:
        """The latest few are at hand, for the next stage, and paid for."""
        if text in self._at_hand:
            return but(self._at_hand[text], expense=Expense())
        found = self._at_hand[text] = await rewritten(self._bench, text)
        if len(self._at_hand) > AT_HAND:
            self._at_hand.pop(next(iter(self._at_hand)))
        return found


def nats(fitted: Fitted, traces: Sequence[Trace]) -> float:
    """-ln of the probability of a whole response, mean over the traces, in nats."""
    import torch
    from torch.nn import functional

    from azeotrope.training import Batch, encoded

    model, total = fitted.model, 0.0
    rows = encoded(model, examples(traces), _LONGEST).rows
    with torch.no_grad():
        for at in range(0, len(rows), _ROWS):
            batch = Batch.of(rows[at : at + _ROWS], model.pad).to(model.device)
            logits = model.logits(batch.ids)[:, :-1][batch.keep.to(model.device)]
            total += float(functional.cross_entropy(logits.float(), batch.targets, reduction="sum"))
    return total / max(1, len(rows))
