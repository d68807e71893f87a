"""Recipe in, purifier out: fits A and B, checks, keeps the best, goes on where it was stopped. Knows no command line.

In the folder: purifier.safetensors (the artifact), report.json (the outcome), and while it runs state.safetensors,
best.safetensors and history.jsonl. The rule of arXiv 2602.03396: of all checkpoints the one with the least cosine on
held-out texts whose teacher accuracy holds.
"""

# torch is typed in part:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path

import torch
from msgspec import UNSET, to_builtins
from msgspec.structs import replace
from safetensors.torch import load_file

from azeotrope.codec import decode, digest, encode
from azeotrope.defenses import purify
from azeotrope.errors import Misconfigured
from azeotrope.evaluate import heading, teachers
from azeotrope.evaluate.facts import quotable
from azeotrope.fit import looking, matching
from azeotrope.fit.bench import Bench, made, opened_weights
from azeotrope.fit.descent import Descent, recipe_of
from azeotrope.fit.inverting import Inverter
from azeotrope.fit.plan import Fitting
from azeotrope.fit.results import Check, Line, Outcome, Sample, Step
from azeotrope.lift import shaping
from azeotrope.math.lowrank import LowRank
from azeotrope.math.shown import Shown
from azeotrope.math.stats.verdicts import mcnemar
from azeotrope.measure import Measured, score
from azeotrope.models import purifier
from azeotrope.models.purifier import FILE, About
from azeotrope.placing import placed
from azeotrope.protocols import Given, Task
from azeotrope.training import Fitted, batches
from azeotrope.types import Fields

REPORT, HISTORY, STATE, BEST = "report.json", "history.jsonl", "state.safetensors", "best.safetensors"
SAMPLES = 3
Watch = Callable[[Line, int], None]
"""(what was done last, steps in all)."""


async def fit(plan: Fitting, folder: Path, watch: Watch = lambda line, steps: None) -> Outcome:
    """Fits, or goes on with a fit of the same recipe; a finished one is only read again."""
    if (done := _begun(plan, folder)) is not None:
        return done
    began = time.perf_counter()
    async with teachers.opened(plan.teacher) as model:
        bench = made(plan, opened_weights(model))
        run = _Run(bench, folder, digest(plan), watch)
        chosen = await run.done()
        outcome = await _outcome(run, chosen)
    outcome = replace(outcome, seconds=time.perf_counter() - began)
    _put(folder / REPORT, encode(outcome) + b"\n")
    for name in (STATE, BEST):
        (folder / name).unlink(missing_ok=True)
    return outcome


def _begun(plan: Fitting, folder: Path) -> Outcome | None:
    """What a fit of this recipe found there; else the folder is made ready. Raises `Misconfigured` for another's."""
    report, state = folder / REPORT, folder / STATE
    done = decode(report.read_bytes(), Outcome) if report.exists() else None
    if done is not None and digest(done.recipe) == digest(plan):
        return done
    if done is not None or (state.exists() and recipe_of(state) != digest(plan)):
        raise Misconfigured(f"{folder} holds a fit by another recipe: take another folder, or remove this one")
    folder.mkdir(parents=True, exist_ok=True)
    return None


class _Run:
    """One fit under way."""

    def __init__(self, bench: Bench, folder: Path, mine: str, watch: Watch) -> None:
        recipe = bench.plan.purifier
        self.bench, self.folder, self._mine, self._watch = bench, folder, mine, watch
        per_epoch = math.ceil(len(bench.learned) / recipe.batch)
        self.steps = max(1, round(recipe.epochs * per_epoch))
        self._every = max(1, per_epoch // bench.plan.choose.checks)
        self.descent = Descent(bench.plan, bench.size, self.steps, bench.proxies[0].device)
        self.inverter = _inverter(bench, self.descent.m)
        self.curve, self.checks = list[Step](), list[Check]()

    async def done(self) -> Check:
        """Takes every step that is left; the check that was chosen, its map in `best`."""
        self._resume()
        if not self.checks:
            await self._check()
        plan = self.bench.plan
        rows = batches(self.bench.learned, plan.purifier.batch, self.steps, plan.seed, self.bench.teacher.pad)
        places = {row.at: row for row in self.bench.learned}
        for at, batch in enumerate(rows):
            if at < self.descent.step:
                continue
            parts = list(self.bench.parts([places[member] for member in batch.members], at))
            if self.inverter:
                self.inverter.learn(self.descent.m, [part.text for part in parts])
            self._note(Line(step=self.descent.take(parts, looking.objective(self.bench, self._undone))))
            if self.descent.step % self._every == 0 or self.descent.step == self.steps:
                await self._check()
        return self.best()

    def best(self) -> Check:
        """By the rule."""
        least = self.checks[0].teacher.rate - self.bench.plan.choose.tolerance
        return min((one for one in self.checks if one.teacher.rate >= least), key=lambda one: one.cosine)

    def kept(self) -> LowRank:
        """The chosen map."""
        return purifier.read(self.folder / BEST).m

    @property
    def _undone(self) -> Shown | None:
        return self.inverter.view() if self.inverter else None

    async def _check(self) -> None:
        m = self.descent.m
        found = await looking.checked(self.bench, m, self.descent.step, self._undone)
        self._note(Line(check=found))
        if self.best() is found:
            purifier.write(self.folder / BEST, m, about(self.bench))
        self.descent.save(self.folder / STATE, self._mine, self.inverter.state() if self.inverter else {})

    def _note(self, line: Line) -> None:
        if line.step:
            self.curve.append(line.step)
        if line.check:
            self.checks.append(line.check)
        with (self.folder / HISTORY).open("ab") as file:
            file.write(encode(line) + b"\n")
        self._watch(line, self.steps)

    def _resume(self) -> None:
        """Goes on from the last state, without what was noted after it."""
        lines = list[Line]()
        if (self.folder / STATE).exists():
            purifier.read(self.folder / BEST).check(self.bench.teacher)  # the name may stand for other weights by now
            self.descent.load(self.folder / STATE)
            if self.inverter:
                self.inverter.load(load_file(self.folder / STATE))
            noted = (self.folder / HISTORY).read_bytes().split(b"\n")[:-1]
            lines = [line for line in map(_line, noted) if line and _at(line) <= self.descent.step]
        self.curve = [line.step for line in lines if line.step]
        self.checks = [line.check for line in lines if line.check]
        _put(self.folder / HISTORY, b"".join(encode(line) + b"\n" for line in lines))


def _inverter(bench: Bench, m: LowRank) -> Inverter | None:
    hard = bench.plan.hard
    return Inverter(bench.plan, hard.undo, m) if hard.undo else None


def _line(data: bytes) -> Line | None:
    try:
        return decode(data, Line)
    except Misconfigured:  # torn by a kill
        return None


def _at(line: Line) -> int:
    return line.step.step if line.step else line.check.step if line.check else 0


def _put(path: Path, data: bytes) -> None:
    with placed(path) as new:
        new.write_bytes(data)


def about(bench: Bench) -> About:
    """The artifact's header."""
    teacher, recipe = bench.teacher, to_builtins(bench.plan)
    base, words = purifier.fingerprint(teacher.net), purifier.vocabulary(teacher.tokenizer)
    return About(teacher.name, base, words, bench.plan.shows, recipe)


async def _outcome(run: _Run, chosen: Check) -> Outcome:
    bench, m = run.bench, run.kept()
    artifact = purifier.write(run.folder / FILE, m, about(bench))
    shaped = bench.judged.shaped(looking.shape(bench, m))
    gate = purify.shape(purify.Config(str(run.folder)), Given())
    before, after, gated = [
        await score(model, bench.task, bench.fresh) for model in (bench.judged, shaped, shaping(gate)(bench.judged))
    ]
    test = mcnemar(before.score.verdicts, after.score.verdicts)
    found = looking.seen(bench, m)
    matched = await matching.found(bench, m, chosen.teacher) if bench.plan.choose.controls else ()
    inner = torch.eye(m.rank, dtype=torch.float64) + m.b.double() @ m.a.double()
    notes: Fields = {f"proxy {at}": _told(one) for at, one in enumerate(bench.taught)}
    if bench.plan.harden is not UNSET:
        notes["cosine of the source's one student"] = looking.alone(bench, m)
    return Outcome(
        heading.head(bench.plan), bench.plan.name, bench.teacher.name, to_builtins(bench.plan), artifact,
        run.steps, chosen.step, before.score, after.score, gated.score, test.p_value, test.lost, test.gained,
        found.plain, found.shaped, found.tokens, found.agreement, min(1e30, float(torch.linalg.cond(inner))), matched,
        _samples(before, after, bench.task), tuple(run.curve), tuple(run.checks), notes=notes,
    )  # fmt: skip


def _told(proxy: Fitted) -> str:
    return f"{proxy.steps} steps, loss {proxy.curve[-1]}" if proxy.curve else "as it comes"


def _samples(before: Measured, after: Measured, task: Task) -> tuple[Sample, ...]:
    """Those first that differ."""
    all_, quoted = len(before.problems), quotable(task)
    pairs = zip(before.samples(all_, quoted), after.samples(all_, quoted), strict=False)
    ordered = sorted(pairs, key=lambda pair: pair[0][1] == pair[1][1])
    return tuple(Sample(one[0], one[1], two[1]) for one, two in ordered[:SAMPLES])
