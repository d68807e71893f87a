"""What the attacks cost the attacker: ranges over students, never a mean over attacks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from azeotrope.report.records import Cost, Seed, Square


def costs(squares: Iterable[Square], attacks: Sequence[str]) -> tuple[Cost, ...]:
    """One line an attack and stage, in the order of `attacks`; stages are apart since a screen has less to spend."""
    found: dict[tuple[str, str], list[Seed]] = {}
    for square in squares:
        for judged in square.stages:
            found.setdefault((square.attack, judged.stage), []).extend(judged.seeds)
    return tuple(
        _cost(attack, stage, seeds)
        for attack in attacks
        for stage in ("confirm", "screen")
        if (seeds := found.get((attack, stage)))
    )


def _cost(attack: str, stage: str, seeds: Sequence[Seed]) -> Cost:
    return Cost(
        attack=attack,
        stage="confirm" if stage == "confirm" else "screen",
        students=len(seeds),
        queries=_ends([one.queries for one in seeds]),
        tokens_in=_ends([one.tokens_in for one in seeds]),
        tokens_out=_ends([one.tokens_out for one in seeds]),
        examples=_ends([one.examples for one in seeds]),
        tokens_trained=_ends([one.tokens_trained for one in seeds]),
        cpu_seconds=_spans([one.cpu_seconds for one in seeds]),
    )


def _ends(numbers: Sequence[int]) -> tuple[int, int]:
    return min(numbers), max(numbers)


def _spans(numbers: Sequence[float]) -> tuple[float, float]:
    return min(numbers), max(numbers)
