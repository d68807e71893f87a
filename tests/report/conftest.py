"""`made`: a results file as a grid would write it, of any size; what its students score is drawn, not trained."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from azeotrope.codec import encode
from azeotrope.report import build
from azeotrope.report.measured import Measures
from azeotrope.report.records import Report
from azeotrope.types import Cell, Run, Score, Spent, Utility

DEFENSES = {
    "none": 0.0, "paraphrase": 0.05, "shuffle": 0.72, "answer_first": 0.75, "terse": 0.9, "plan": 0.92,
    "corrupt": 0.97, "withhold": 1.0,
}  # fmt: skip
"""How much of what a trace teaches each takes away."""
ATTACKS = {
    "sft": 0.0, "best_of_k": 0.02, "prefill": 0.3, "elicit": 0.25, "reweight": 0.05, "mix": 0.4, "filter": 0.03,
    "normalize": 0.5, "invert": 0.6, "answer_only": -1.0, "public": -2.0, "never": -3.0,
}  # fmt: skip
"""How much of that each wins back; below 0: a control."""
CLEAN, ANSWERS = 0.75, 0.04
HOSTILE = (
    "<script>alert(1)</script>\u202e\x00</pre><img src=http://evil.example/x onerror=alert(2)> {{ 7*7 }} &amp; \"'"
)


def chance(defense: str, attack: str, hard: float) -> float:
    """How often a student is right."""
    if ATTACKS[attack] < 0:
        return {-1.0: ANSWERS, -2.0: 0.12, -3.0: 0.005}[ATTACKS[attack]]
    floor = 0.14 if attack == "mix" else ANSWERS
    left = 1 - DEFENSES[defense]
    if attack == "normalize" and defense in ("shuffle", "answer_first"):
        left = 0.9
    return floor + (CLEAN - floor) * left * hard + 0.03 * ATTACKS[attack]


def score(p: float, n: int, rng: random.Random) -> Score:
    """Verdicts, some of the misses degenerate."""
    return Score("".join("+" if rng.random() < p else rng.choice("-------0>@") for _ in range(n)))


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """(...) -> a results file. Screens everything at one seed; confirms the controls and each defense's worst three."""

    def make(
        tasks: Sequence[str] = ("steps",), defenses: Sequence[str] = tuple(DEFENSES),
        attacks: Sequence[str] = tuple(ATTACKS), seeds: int = 5, n: int = 200, confirm: int = 3,
    ) -> Path:  # fmt: skip
        rng = random.Random(4)
        lines: list[dict[str, object]] = [{"run": Run("c0ffee" * 10, "0.1.0", "abc1234", "2 cores", "2026-11-25")}]
        for at, task in enumerate(tasks):
            hard = 1.0 - 0.25 * at
            for defense in defenses:
                utility = {"raw": score(0.97, n, rng), "forced": score(0.97 - 0.5 * DEFENSES[defense] * at, n, rng)}
                lines.append(
                    {"utility": Utility(f"{defense}/{task}", defense, task, "test", utility, {"released": n}, 90 * n)}
                )
                worst = sorted((a for a in attacks if ATTACKS[a] >= 0), key=lambda a: -chance(defense, a, hard))[
                    :confirm
                ]
                for attack in attacks:
                    p = chance(defense, attack, hard)
                    if ATTACKS[attack] < -1 and defense != "none":
                        continue
                    lines.append({"cell": cell(rng, defense, attack, task, 0, "screen", p * 0.8, n)})
                    if attack in worst or ATTACKS[attack] < 0:
                        for seed in range(1, seeds + 1):
                            lines.append({"cell": cell(rng, defense, attack, task, seed, "confirm", p, n)})
        path = tmp_path_factory.mktemp("results") / "lab.jsonl"
        path.write_bytes(b"".join(encode(line) + b"\n" for line in lines))
        return path

    return make


@pytest.fixture(scope="session")
def lab(made: Callable[..., Path]) -> Report:
    """The report of a whole grid: 8 defenses, 12 attacks, 2 tasks."""
    return build(made(("steps", "steps <hard>"), n=60), Measures(draws=200))


def cell(
    rng: random.Random, defense: str, attack: str, task: str, seed: int, stage: str, p: float, n: int
) -> Cell:  # fmt: skip
    """One student; its accuracy moves with its seed."""
    p = min(max(p * rng.uniform(0.85, 1.15), 0.0), 1.0)
    scores = {"raw": score(p, n, rng), "forced": score(p + 0.02, n, rng), "shifted": score(p * 0.7, n, rng)}
    spent = Spent(4000, 120_000, 200_000 + rng.randrange(9000), 4000, 900, 190_000, 120 * rng.uniform(0.9, 1.1))
    return Cell(
        f"{defense}/{attack}/{task}/{seed}/{stage}", defense, attack, task, seed,
        "confirm" if stage == "confirm" else "screen", "test" if stage == "confirm" else "validation", scores, spent,
        130.0, samples=(("Bob has 11 cards, loses 10. How many?", f"Step 1: 11 - 10 = 1\n\\boxed{{1}} {HOSTILE}"),),
    )  # fmt: skip
