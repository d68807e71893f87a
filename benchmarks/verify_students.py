"""`python -m benchmarks.verify_students [--each 25] [--students FOLDER] [-o FILE]`: innocents with real weights.

The students that `experiments/watermark_power.toml` and `watermark_attacks.toml` left beside their results were trained
on a customer's mark, or on none. Those that say a target of theirs are innocent of every other key: each is asked the
twenty probes of keys it never met, which are of the families that it knows, so that it is as sure of a wrong value as
any suspect. To its answers goes what `verify_null` asks at the shipped law: the exact probability over keys of a false
accusation, and how often 1,000 fixed keys are hit. Greedily a student says the same to every key's like-worded probe:
transcripts of one student are no independent draws, and no bound here takes them for that.
"""

# safetensors is typed in part:
# pyright: reportUnknownVariableType=false

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from azeotrope.codec import encode
from azeotrope.evaluate.recall import key_of
from azeotrope.keys import Key, Master
from azeotrope.marks import Law, associations, issued
from azeotrope.models.open import Open
from azeotrope.training.tuned import Tuned, TunedLearner
from azeotrope.verify.asking import Asking
from azeotrope.verify.probes import schedule
from azeotrope.verify.records import Settings
from benchmarks import records
from benchmarks.verify_null import SHIPPED, Transcript, fixed_keys, gathered, key_null, source_null

SEEDS = range(1, 11)
"""Whose marks the experiments' students may carry."""
_SETTINGS = Settings(ordinary=0.0, at_once=256)
_LAW, _THEIRS = Law(), Law(associations=8)
_BRIEF = Settings(ordinary=0.0, at_once=256, budget=4)


def students(folder: Path) -> Iterator[tuple[str, Open]]:
    """(digest, student) of every kept one that has the shipped teacher's shape; others are of other experiments."""
    from safetensors.torch import load_model

    learner = TunedLearner(Tuned())
    for path in sorted(folder.glob("*.safetensors")):
        student = learner.fresh(0)
        try:
            load_model(student.net, path)
        except RuntimeError:
            continue
        yield path.stem, student


async def transcripts(
    student: Open, keys: Sequence[Key], law: Law = _LAW, settings: Settings = _SETTINGS
) -> list[Transcript]:
    """The student, asked about each key as `azeotrope verify` asks open weights."""
    asked = [schedule(issued(associations(key, law)), settings, key.mark, prefill=True) for key in keys]
    replies = await Asking(student, settings).ask([question for one in asked for question in one])
    said = iter(reply.answer or "" for reply in replies)
    return [gathered([(question, next(said)) for question in one], SHIPPED) for one in asked]


async def carries(student: Open) -> bool:
    """Whether it says a target of any mark of the experiments, asked once about each association."""
    keys = [key_of(seed) for seed in SEEDS]
    for key, one in zip(keys, await transcripts(student, keys, _THEIRS, _BRIEF), strict=True):
        targets = {each.index: int(each.target) for each in issued(associations(key, _THEIRS))}
        if any(targets[at] in values for at, values in one.named):
            return True
    return False


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.verify_students", description=__doc__)
    parser.add_argument("--each", type=int, default=25, help="keys that each student is asked about")
    parser.add_argument("--students", type=Path, default=Path("results/.traces/students"))
    parser.add_argument("-o", type=Path, default=Path("results/verify_students.jsonl"))
    given = parser.parse_args()
    master, targets = Master((b"keys that students never met....",)), fixed_keys(Master((b"x" * 32,)))
    run = records.head({"each": given.each, "fixed_keys": len(targets)})
    given.o.parent.mkdir(parents=True, exist_ok=True)
    with given.o.open("wb") as file:
        file.write(encode({"run": run}) + b"\n")
        for name, student in students(given.students):
            marked = asyncio.run(carries(student))
            keys = [master.key(f"{name} {at}") for at in range(given.each)] if marked else []
            line = {"student": name[:16], "marked": marked} | (measured(student, keys, targets) if marked else {})
            file.write(encode({"student": line}) + b"\n")
            file.flush()
            print(encode(line).decode(), flush=True)


def measured(student: Open, keys: Sequence[Key], targets: Any) -> dict[str, Any]:
    """One student, asked about keys that are not its own."""
    found = asyncio.run(transcripts(student, keys))
    naming = sum(any(values for _, values in one.named) for one in found)
    return {
        "naming": naming, "shipped": key_null(found, SHIPPED), "source": source_null(found, targets, SHIPPED)
    }  # fmt: skip


if __name__ == "__main__":
    main()
