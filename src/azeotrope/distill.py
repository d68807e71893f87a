"""From teacher to student: what every attack is handed, and the parts that attacks share. Knows no attack by name.

An attack asks (`Thief.ask`), washes (`Thief.washed`), trains (`Thief.train`); each file in `attacks/` is one way to.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from msgspec.structs import replace

from azeotrope.codec import encode
from azeotrope.errors import Misconfigured, Refused, Unavailable
from azeotrope.models.open import Open
from azeotrope.models.text import split
from azeotrope.protocols import Model, OpenModel, Rewrite, Task
from azeotrope.streams import answered_as, ask
from azeotrope.training import Example, Fitted, Learner, Loss, Weigh, encoded
from azeotrope.training.guided import alike
from azeotrope.types import Fields, Problem, Request, Spent, Trace

Wash = Callable[[Sequence[Trace]], Awaitable[list[Trace]]]
"""What a thief does to traces before training: fewer, other, the same. Requests stay the problems' own."""


def each(rewrite: Rewrite, at_once: int = 512) -> Wash:
    """A rewrite of one trace -> a wash of many; None drops the trace. Order is kept."""

    async def wash(traces: Sequence[Trace]) -> list[Trace]:
        room = asyncio.Semaphore(at_once)

        async def one(trace: Trace) -> Trace | None:
            async with room:
                return await rewrite(trace)

        return [trace for trace in await asyncio.gather(*map(one, traces)) if trace is not None]

    return wash


@dataclass(slots=True)
class Bill:
    """What an attack has cost so far."""

    queries: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    failed: int = 0
    """Queries that were never answered."""
    examples: int = 0
    steps: int = 0
    tokens_trained: int = 0
    cpu_seconds: float = 0.0
    notes: Fields = field(default_factory=dict[str, Any])

    def asked(self, trace: Trace) -> None:
        usage = trace.usage or {}
        self.queries += 1
        self.tokens_in += int(usage.get("prompt_tokens") or 0)
        self.tokens_out += int(usage.get("completion_tokens") or 0)

    def scored(self, queries: int, tokens: int) -> None:
        """Texts of the attacker's own that the teacher was made to read, logits out: a query each."""
        self.queries += queries
        self.tokens_in += tokens

    def trained(self, fitted: Fitted, examples: int) -> None:
        self.examples += examples
        self.steps += fitted.steps
        self.tokens_trained += fitted.tokens
        self.cpu_seconds += fitted.cpu_seconds
        if fitted.truncated:
            self.note(truncated=int(self.notes.get("truncated", 0)) + fitted.truncated)

    def note(self, **notes: Any) -> None:
        """Numbers and words that belong to this attack."""
        self.notes.update(notes)

    def total(self) -> Spent:
        notes = self.notes | ({"failed_queries": self.failed} if self.failed else {})
        return Spent(
            self.queries, self.tokens_in, self.tokens_out, self.examples, self.steps, self.tokens_trained,
            self.cpu_seconds, notes,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Thief:
    """What an attack is handed rather than finds. One a cell; `bill` is its own."""

    learner: Learner
    task: Task
    """Thieves know what they want to be good at, and can grade a final answer where the gold is public."""
    public: tuple[Problem, ...] = ()
    """Problems with published workings, disjoint from what the teacher is asked: the `proxy` split."""
    writer: Model | None = None
    """A model the thief owns: it paraphrases."""
    account: Model | None = None
    """The defended teacher as another customer of it sees it; None where all see the same."""
    washes: tuple[Wash, ...] = ()
    """Applied by `washed`, left to right."""
    seed: int = 0
    share: float = 1.0
    """Of the training budget: a third while screening."""
    at_once: int = 512
    """Queries under way."""
    bill: Bill = field(default_factory=Bill)

    async def ask(
        self, teacher: Model, problems: Sequence[Problem], *, seed: int = 0,
        alter: Callable[[Request], Request] | None = None,
    ) -> list[Trace]:  # fmt: skip
        """The teacher's responses, in order, each under the problem's own request; unanswered ones are left out.

        `seed` goes into the sampling: another one is another sample. `alter` changes what is really asked.
        """
        room = asyncio.Semaphore(self.at_once)

        async def one(problem: Problem) -> Trace | None:
            asked = seeded(problem.request, seed)
            async with room:
                try:
                    trace = await ask(teacher, alter(asked) if alter else asked)
                except (Unavailable, Refused):
                    self.bill.failed += 1
                    return None
            self.bill.asked(trace)
            return answered_as(trace, problem.request)

        found = await asyncio.gather(*map(one, problems))
        return [trace for trace in found if trace is not None]

    async def washed(self, traces: Sequence[Trace]) -> list[Trace]:
        """The traces after every wash."""
        out = list(traces)
        for wash in self.washes:
            out = await wash(out)
        return out

    def train(
        self, examples: Sequence[Example], *, loss: Loss | None = None, weigh: Weigh | None = None,
        start: Open | None = None, share: float = 1.0,
    ) -> Open:  # fmt: skip
        """A student trained on the examples. `share`: of this thief's own share of the budget."""
        fitted = self.learner.fit(
            examples, seed=self.seed, loss=loss, weigh=weigh, start=start, share=share * self.share
        )
        self.bill.trained(fitted, len(examples))
        return fitted.model


def seeded(request: Request, seed: int) -> Request:
    """The request as it is for seed 0, else with the seed in its sampling."""
    if not seed:
        return request
    return Request(request.messages, {**request.sampling, "seed": seed}, request.options)


def examples(traces: Sequence[Trace]) -> list[Example]:
    """What is trained on: each trace as it is; one that says nothing teaches nothing."""
    return [Example.of(trace) for trace in traces if trace.reasoning or trace.answer]


async def forced(
    thief: Thief, teacher: OpenModel, problems: Sequence[Problem], on: Literal["samples", "gold"]
) -> list[Example]:
    """The texts whose logits are asked for, and their bill: the teacher's washed samples, whose logits come with them
    unless a wash altered them, or published workings, each read once.

    gold: of the problems themselves; where those publish none, of as many public ones.
    """
    if on == "gold":
        own = [problem for problem in problems if problem.solution]
        traces, seen = published(own or thief.public[: len(problems)]), set[bytes]()
        thief.bill.note(**({} if own else {"public_traces": len(traces)}))
    else:
        asked = await thief.ask(teacher, problems)
        traces, seen = await thief.washed(asked), set(map(encode, examples(asked)))
    found = examples(traces)
    if not found:
        return []
    student = thief.learner.fresh(thief.seed)
    alike(teacher, student, found)
    rows = encoded(student, found, longest=1 << 20).rows
    read = [row for row, example in zip(rows, found, strict=True) if encode(example) not in seen]
    thief.bill.scored(len(read), sum(len(row.ids) for row in read))
    return found


def in_the_open(trace: Trace, opening: str = "") -> Trace:
    """A working told inside the answer as reasoning and answer, after any that came as reasoning.

    `opening`: how the attacker began it; left out where no working follows, or where the teacher wrote it itself.
    """
    told = "\n".join(filter(None, (trace.reasoning.rstrip(), trace.answer)))
    reasoning, answer = split(told, "span")
    if reasoning.strip() and not reasoning.lstrip().startswith(opening.strip()):
        reasoning = opening + reasoning
    return replace(trace, reasoning=reasoning, answer=answer)


def published(problems: Sequence[Problem]) -> list[Trace]:
    """Public problems as traces of their own workings. Raises `Misconfigured` where there are none."""
    found = [problem for problem in problems if problem.solution]
    if not found:
        raise Misconfigured("this attack needs public problems with workings (the task's proxy split), and has none")
    return [Trace(f"public-{problem.id}", problem.request, *_parted(problem), "public") for problem in found]


def _parted(problem: Problem) -> tuple[str, str]:
    """(working, answer) of a published solution: its answer is the gold, boxed where it is not stated in the end."""
    return problem.solution, f"\\boxed{{{problem.gold}}}"


def by_request(problems: Sequence[Problem]) -> dict[bytes, Problem]:
    """Which problem a trace belongs to: its request's bytes -> the problem."""
    return {encode(problem.request): problem for problem in problems}
