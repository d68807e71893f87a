"""How green students' text is, by the key of a token bias: beside the traces that taught it and keys that nobody knew.

A student is the unit, as for other marks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean, median

from azeotrope.evaluate.grid import Stage
from azeotrope.math.stats import clopper_pearson, of_averages
from azeotrope.report.records import Figure, Greenlisted
from azeotrope.report.results import STAGES, Group
from azeotrope.types import Greened, Greenness


def greenlists(by_stage: Mapping[Stage, Mapping[tuple[str, str], Group]]) -> tuple[Greenlisted, ...]:
    """One for each defense and attack whose traces' tokens were biased, at the first stage that has any."""
    for stage in STAGES:
        read = {where: said for where, group in by_stage[stage].items() if (said := _said(group))}
        if read:
            return tuple(_greenlisted(*where, said) for where, said in read.items())
    return ()


def _said(group: Group) -> list[Greened]:
    return [cell.greened for cell in group.cells if cell.greened]


def _greenlisted(defense: str, attack: str, read: Sequence[Greened]) -> Greenlisted:
    proved = sum(one.own.log_p <= math.log(one.alpha / one.keys) for one in read)
    return Greenlisted(
        defense, attack, len(read), fmean(one.own.scored for one in read), read[0].gamma,
        _share([one.taught for one in read]), _share([one.own for one in read]), _share([one.never for one in read]),
        median(one.own.log_p for one in read),
        Figure(proved / len(read), *clopper_pearson(proved, len(read)), n=len(read)), read[0].keys, read[0].alpha,
    )  # fmt: skip


def _share(found: Sequence[Greenness]) -> Figure:
    """Of the pairs of so many students (`seeds`); n: pairs."""
    shares = [one.share for one in found]
    return Figure(fmean(shares), *of_averages(shares), n=sum(one.scored for one in found), seeds=len(found))
