"""What the decoding-time rivals cost where they stand: processor time a token over that of plain sampling, in one run.

Teacher and proxy student are the lab's (three and two layers; the proxy, of the size that its recipe says, has three
tenths of the teacher's weights), on the task `steps`. Everything is computed and given no weight (lambda and gamma are
0), so that all write the same text. Beside them what a gradient-based rewriting takes, in milliseconds of processor
time a trace.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from azeotrope import Given, defense, proxy
from azeotrope.catalog import load
from azeotrope.codec import convert
from azeotrope.models.open import Open
from azeotrope.models.sampling import Sampling
from azeotrope.models.shipped import shipped
from azeotrope.tasks import steps
from azeotrope.training import proxies
from azeotrope.training.tiny import Tiny, TinyLearner
from azeotrope.types import Request, Trace
from benchmarks.records import Figure

RECIPE = Path(__file__).parents[1] / "experiments" / "proxies" / "rivals.toml"
FORMS = ("fo_loss", "fo", "hb", "rhb")


def measure(rounds: int, *, told: Callable[[str], None]) -> Iterator[Figure]:
    """Each round: plain, ads and poe by turns, alone and many at once; then a few traces by each form of gradient."""
    torch.set_num_threads(1)
    teacher = shipped("steps", Sampling(0.6, max_tokens=112))
    task = steps.build(steps.Config(proxy=64, validation=64))
    asked = [problem.request for problem in task.problems("validation")]
    with tempfile.TemporaryDirectory() as folder:
        size = convert(proxy.read(RECIPE).proxy.recipe, Tiny, str(RECIPE))
        student = TinyLearner(size, teacher.tokenizer, device="cpu").fresh(0)
        proxies.write(student, task.problems("proxy"), Path(folder), {})
        rivals = {
            name: defense(name, {"artifact": folder, weight: 0.0}, Given())(teacher)
            for name, weight in (("ads", "lam"), ("poe", "gamma"))
        }
        traces = teacher.answers(asked)
        for round_ in range(rounds):
            for batch in (1, 64):
                plain = _a_token(teacher, asked[:batch], batch)
                for name, model in rivals.items():
                    ratio = _a_token(model, asked[:batch], batch) / plain
                    told(f"round {round_ + 1}/{rounds} {name}, {batch} at once: {ratio:.2f} times plain sampling")
                    yield Figure("time_over_plain", f"{name}, {batch} at once", round_, ratio)
            for form in FORMS:
                spent = _a_trace(folder, form, traces[:6])
                told(f"round {round_ + 1}/{rounds} gradient, {form}: {spent:.0f} ms a trace")
                yield Figure("ms_per_trace", f"gradient, {form}", round_, spent)


def _a_token(model: Any, asked: list[Request], batch: int) -> float:
    """Processor seconds a written token; small batches are asked again with other seeds."""
    assert isinstance(model, Open)
    seeds = range(max(1, 4 // batch))
    asked = [Request(one.messages, {"seed": seed}, one.options) for one in asked for seed in seeds]
    tokens, began = 0, time.process_time()
    for at in range(0, len(asked), batch):
        tokens += sum(int((trace.usage or {})["completion_tokens"]) for trace in model.answers(asked[at : at + batch]))
    return (time.process_time() - began) / tokens


def _a_trace(folder: str, form: str, traces: list[Trace]) -> float:
    module = load("defenses", "gradient")
    rewrite = module.rewrite(module.Config(artifact=folder, form=form), Given())
    asyncio.run(rewrite(traces[0]))
    began = time.process_time()
    for trace in traces[1:]:
        asyncio.run(rewrite(trace))
    return 1e3 * (time.process_time() - began) / len(traces[1:])
