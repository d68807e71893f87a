"""`python -m benchmarks.verify_null [--each 1530] [-o FILE]`: innocent suspects of many kinds, put to the real test.

For every transcript the *key null*: the exact probability that a key drawn at random would have been accused by it,
which is to be at most alpha / K (over all K keys: alpha). Once at the shipped law (N = 100,000, K = 1,001,
alpha = 1e-6), once in a space of 40 values, where the levels 5 %, 1 % and 0.1 % are in reach: exact P(p <= t), exact
P(the e-process ever reaches 1 / t). Apart from it the *source null*: keys fixed, suspects many: how many of the pairs
(key, suspect) have hits, against what |S| / N says, and how many are accusations.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy as np

from azeotrope.codec import encode
from azeotrope.keys import Key, Master
from azeotrope.marks import Law, associations, issued
from azeotrope.math.stats import Answered, Rule, accused, found, log_tail, tail
from azeotrope.math.stats.firsthits import sizes
from azeotrope.verify.probes import Question, schedule
from azeotrope.verify.records import Settings
from azeotrope.verify.values import named
from benchmarks import records
from benchmarks.innocents import KINDS, Kind

LEVELS = (0.05, 0.01, 0.001)
SHIPPED, SMALL = Rule(1e-6, 1001, 100_000), Rule(0.05, 1, 40)
LOWEST = 10_000
IN_SMALL = 24
"""Transcripts of each kind in the small space: there every outcome is counted, some 20,000 each."""
FIXED = 1_000
"""Keys of the source null."""


class Transcript(NamedTuple):
    """What one suspect's answers named, in the order of the probes: (association, fresh values)."""

    named: tuple[tuple[int, frozenset[int]], ...]

    @property
    def pattern(self) -> tuple[tuple[int, int], ...]:
        """All that the null law needs."""
        order: dict[int, int] = {}
        return tuple((order.setdefault(at, len(order)), len(values)) for at, values in self.named)

    def answers(self, targets: Sequence[int]) -> list[Answered]:
        """Had these been the targets."""
        return [Answered(at, len(values), targets[at] in values) for at, values in self.named]


def transcript(kind: Kind, questions: Sequence[Question], rng: Random, rule: Rule) -> Transcript:
    """One suspect, asked."""
    say = kind(rng, LOWEST, rule.values)
    return gathered([(question, say(question.text, at)) for at, question in enumerate(questions)], rule)


def gathered(replies: Sequence[tuple[Question, str]], rule: Rule) -> Transcript:
    """Of each answer the values that neither its question nor an earlier answer about its association named."""
    seen, out = dict[int, frozenset[int]](), list[tuple[int, frozenset[int]]]()
    for question, answer in replies:
        assert question.association
        index = question.association.index
        fresh = named(answer, LOWEST, rule.values) - named(question.text, LOWEST, rule.values)
        fresh -= seen.get(index, frozenset())
        seen[index] = seen.get(index, frozenset()) | fresh
        out.append((index, fresh))
    return Transcript(tuple(out))


def transcripts(kind: Kind, count: int, rule: Rule, seed: str) -> Iterator[Transcript]:
    """Each suspect with a key of its own: its triggers are in its questions."""
    master, settings = Master((seed.encode().ljust(32, b".")[:32],)), Settings(ordinary=0.0)
    law = Law()
    for at in range(count):
        key = master.key(f"c{at}")
        asked = schedule(issued(associations(key, law)), settings, key.mark, prefill=False)
        yield transcript(kind, asked, Random(f"{seed} {at}"), rule)


def key_null(found_: Sequence[Transcript], rule: Rule) -> dict[str, Any]:
    """The exact probability of a false accusation, the worst over transcripts."""
    worst = max(accused(one.pattern, rule) for one in found_)
    over_all = -math.expm1(rule.keys * math.log1p(-worst))
    return {
        "transcripts": len(found_), "patterns": len({one.pattern for one in found_}), "worst_per_key": worst,
        "allowed_per_key": rule.alpha / rule.keys, "worst_over_all_keys": over_all, "alpha": rule.alpha,
        "holds": worst <= rule.alpha / rule.keys and over_all <= rule.alpha,
    }  # fmt: skip


def levels(found_: Sequence[Transcript], values: int) -> dict[str, Any]:
    """P(p <= t) and P(the e-process ever reaches 1 / t), exact, the largest over transcripts."""
    out: dict[str, Any] = {}
    for level in LEVELS:
        rule = Rule(2 * level, 1, values)  # 2 K / alpha = 1 / level
        p = max(_p_below(one, level, values) for one in found_)
        e = max(accused(one.pattern, rule, complete=False) for one in found_)
        out[f"{level:g}"] = {"p": p, "e": e, "holds": p <= level and e <= level}
    return out


def _p_below(one: Transcript, level: float, values: int) -> float:
    """P(p <= level | the answers): the tail at the fewest hits whose tail is so small."""
    chances = [size / values for size in sizes(one.answers([-1] * 8)).values()]
    for count in range(len(chances) + 1):
        if log_tail(chances, count) <= math.log(level):
            return tail(chances, count)
    return 0.0


def fixed_keys(master: Master) -> np.ndarray[Any, Any]:
    """Targets of `FIXED` keys. -> [keys, 8]."""
    keys: list[Key] = [master.key(f"fixed{at}") for at in range(FIXED)]
    return np.array([[int(one.target) for one in issued(associations(key, Law()))] for key in keys])


def source_null(found_: Sequence[Transcript], targets: np.ndarray[Any, Any], rule: Rule) -> dict[str, Any]:
    """Every suspect against every fixed key."""
    hits = np.zeros((len(found_), len(targets)), dtype=np.int8)
    expected = accusations = 0
    for row, one in enumerate(found_):
        for at in range(8):
            values = frozenset().union(*(v for a, v in one.named if a == at))
            expected += len(values) / rule.values * len(targets)
            hits[row] += np.isin(targets[:, at], list(values))
        for key in np.flatnonzero(hits[row] >= 2):
            accusations += found(one.answers(list(targets[key])), rule, complete=True).proved
    return {
        "pairs": hits.size, "hits": int(hits.sum()), "hits_expected": round(expected, 1),
        "pairs_with_2_hits": int((hits >= 2).sum()), "pairs_with_3_hits": int((hits >= 3).sum()),
        "accusations": int(accusations), "worst_key_share_with_a_hit": float((hits > 0).mean(0).max()),
    }  # fmt: skip


def measured(name: str, each: int, targets: np.ndarray[Any, Any]) -> dict[str, Any]:
    """One kind, whole."""
    kind, share = KINDS[name]
    count, began = max(2, round(each * share)), time.process_time()
    large = list(transcripts(kind, count, SHIPPED, f"null {name}"))
    small = list(transcripts(kind, min(count, IN_SMALL), SMALL, f"small {name}"))
    return {
        "kind": name, "shipped": key_null(large, SHIPPED), "small": key_null(small, SMALL) | {"N": SMALL.values},
        "levels": levels(small, SMALL.values), "source": source_null(large, targets, SHIPPED),
        "cpu_seconds": round(time.process_time() - began, 1),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.verify_null", description=__doc__)
    parser.add_argument("--each", type=int, default=1530, help="transcripts of each kind at the shipped law")
    parser.add_argument("-o", type=Path, default=Path("results/verify_null.jsonl"))
    given = parser.parse_args()
    targets = fixed_keys(Master((b"the source null's fixed keys....",)))
    run = records.head({"each": given.each, "levels": LEVELS, "fixed_keys": FIXED})
    given.o.parent.mkdir(parents=True, exist_ok=True)
    total = 0
    with given.o.open("wb") as file:
        file.write(encode({"run": run}) + b"\n")
        for name in KINDS:
            line = measured(name, given.each, targets)
            file.write(encode({"null": line}) + b"\n")
            file.flush()
            total += line["shipped"]["transcripts"]
            print(f"{total:>7,} transcripts, {name}: {encode(line).decode()}", flush=True)


if __name__ == "__main__":
    main()
