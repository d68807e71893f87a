"""What a fit works on: the teacher's logits, proxy students, texts to learn from and texts held out.

Knows no optimiser and no report.
"""

# torch is typed in part:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

from torch import Tensor

from azeotrope.codec import decode, encode
from azeotrope.distill import examples, published
from azeotrope.errors import Misconfigured
from azeotrope.evaluate import learners, teachers
from azeotrope.evaluate.facts import problems, task_of
from azeotrope.evaluate.plan import Learning, Subject
from azeotrope.fit.plan import Fitting
from azeotrope.fit.proxies import check, tail
from azeotrope.math.information import Tail, Text
from azeotrope.models.dialect import Dialect
from azeotrope.models.open import Open
from azeotrope.models.sampling import Sampling
from azeotrope.protocols import Task
from azeotrope.training import Batch, Encoded, Example, Fitted, encoded
from azeotrope.training.guided import alike
from azeotrope.types import Problem

_LONGEST = 2048
"""Tokens of a text."""
_NUMBERS = 1 << 26
"""Logits looked at at a time: 256 MiB of them."""


class Part(NamedTuple):
    """Of a batch."""

    tails: Sequence[Tail]
    """Of each proxy."""
    text: Text
    """What the teacher says there."""
    share: float
    """Of the batch's rows."""


@dataclass(frozen=True)
class Bench:
    """All of it, ready."""

    plan: Fitting
    teacher: Open
    proxies: tuple[Open, ...]
    learned: tuple[Encoded, ...]
    """Texts that A and B are fitted to."""
    held: tuple[Encoded, ...]
    """Texts that checkpoints are measured on."""
    asked: tuple[Problem, ...]
    """Problems that the teacher answers at each check."""
    fresh: tuple[Problem, ...]
    """Problems that chose nothing: the task's validation split."""
    taught: tuple[Fitted, ...] = ()
    others: tuple[Open, ...] = ()
    """Proxies of other shapes, beside the one whose turn it is."""

    @cached_property
    def size(self) -> int:
        """Logits that teacher and proxies have in common."""
        models = (self.teacher, *self.proxies, *self.others)
        return min(model.net.get_output_embeddings().weight.shape[0] for model in models)

    @cached_property
    def judged(self) -> Open:
        """The teacher as its accuracy is measured."""
        greedy = Sampling(0.0, max_tokens=self.plan.teacher.max_tokens)
        return self.teacher.sampled(greedy) if self.plan.choose.judged == "greedy" else self.teacher

    @property
    def task(self) -> Task:
        return task_of(self.plan.task)

    def parts(self, rows: Sequence[Encoded], turn: int) -> Iterator[Part]:
        """Some rows at a time. Proxies of one shape take turns; those of other shapes are there each time."""
        proxy, few = self.proxies[turn % len(self.proxies)], self.plan.purifier.together
        for at in range(0, len(rows), few):
            some = rows[at : at + few]
            batch = Batch.of(some, self.teacher.pad).to(proxy.device)
            tails = [tail(one.net, batch.to(one.device)) for one in (proxy, *self.others)]
            yield Part(tails, self.said(batch), len(some) / len(rows))

    def said(self, batch: Batch) -> Text:
        """The teacher's logits where the batch has a loss."""
        logits: Tensor = self.teacher.logits(batch.ids)[:, :-1]
        kept = logits[batch.keep.to(logits.device)].to(batch.ids.device)[:, : self.size]
        return Text(kept.float(), batch.targets)

    def seen(self, which: slice = slice(None)) -> Iterator[Text]:
        """The held-out texts, all of them or these, one after the other; a long one of many logits in pieces."""
        few = max(1, _NUMBERS // self.size)
        for row in self.held[which]:
            text = self.said(Batch.of([row], self.teacher.pad).to(self.teacher.device))
            for at in range(0, len(text.labels), few):
                yield Text(text.logits[at : at + few], text.labels[at : at + few])

    def lengths(self) -> list[int]:
        """Tokens that each of the held-out texts has a loss at."""
        return [len(Batch.of([row], self.teacher.pad).targets) for row in self.held]

    def often(self, least: int) -> list[int]:
        """Tokens that the held-out texts have at least so often."""
        met = Counter[int]()
        for row in self.held:
            met.update(Batch.of([row], self.teacher.pad).targets.tolist())
        return sorted(token for token, times in met.items() if times >= least)


def made(plan: Fitting, teacher: Open) -> Bench:
    """Trains the proxies and cuts the train split in two. Raises `Misconfigured` with the cure."""
    learned, held, asked = _texts(plan, teacher)
    seeds = range(plan.seed, plan.seed + plan.proxies)
    turns = tuple(_taught(plan, plan.proxy, teacher, seed) for seed in seeds)
    others = tuple(_taught(plan, proxy, teacher, plan.seed) for proxy in plan.hard.proxies)
    few = examples(published(problems(plan.task, "proxy")))[:8]
    for one in (*turns, *others):
        alike(teacher, one.model, few)
        check(one.model.net, Batch.of(learned[:1], teacher.pad).to(one.model.device))
    fresh = problems(plan.task, "validation")[: plan.choose.problems * 2]
    first, second = (tuple(one.model for one in some) for some in (turns, others))
    return Bench(plan, teacher, first, learned, held, asked, fresh, (*turns, *others), second)


def _texts(plan: Fitting, teacher: Open) -> tuple[tuple[Encoded, ...], tuple[Encoded, ...], tuple[Problem, ...]]:
    train = problems(plan.task, "train")
    cut = len(train) - max(1, round(plan.choose.held * len(train)))
    if cut < 1:
        raise Misconfigured(
            f"task {plan.task.name!r} has {len(train)} train problems: a fit needs some, and some held out"
        )
    asked = train[cut:][: plan.choose.problems]

    def rows(found: Sequence[Problem]) -> tuple[Encoded, ...]:
        return tuple(encoded(teacher, _said(plan, teacher, found), _LONGEST).rows)

    return rows(train[:cut]), rows(train[cut:][: plan.choose.texts]), asked


def _said(plan: Fitting, teacher: Open, found: Sequence[Problem]) -> list[Example]:
    """The texts that are teacher-forced."""
    if plan.texts == "samples":
        return examples(teacher.answers([problem.request for problem in found]))
    if not any(problem.solution for problem in found):
        raise Misconfigured(f"task {plan.task.name!r} publishes no workings to force: set texts = 'samples'")
    return examples(published(found))


def _taught(plan: Fitting, proxy: Learning, teacher: Open, seed: int) -> Fitted:
    """A proxy student, taught the public workings or as it comes; trained once for all variants of a recipe."""
    source = teachers.tokenizer_of(proxy, plan.teacher)
    return _proxy(encode([plan.task, proxy, plan.taught]), source, teacher.dialect, seed)


@lru_cache(4)
def _proxy(key: bytes, tokenizer: str, dialect: Dialect, seed: int) -> Fitted:
    task, proxy, taught = decode(key, tuple[Subject, Learning, bool])
    learner = learners.learner(proxy.kind, proxy.recipe, tokenizer, dialect)
    if not taught:
        return Fitted(learner.fresh(seed), 0, 0, 0.0, 0, ())
    return learner.fit(examples(published(problems(task, "proxy"))), seed=seed)


def opened_weights(model: object) -> Open:
    """The teacher as open weights."""
    if not isinstance(model, Open):
        raise Misconfigured(
            f"{getattr(model, 'name', 'this teacher')} shows no weights: a purifier is fitted to open ones"
        )
    return model
