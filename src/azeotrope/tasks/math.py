r"""Competition mathematics (MATH) by level and subject, answers boxed.

Source: Hendrycks et al., arXiv 2103.03874; the split with 12,000 to train and 500 to test is that of Lightman et al.,
arXiv 2305.20050. Called by the data set's own name; inside this package nothing shadows the standard library's `math`,
since imports are absolute. Answers that equality cannot prove equal count as wrong: it errs on that side.
"""

from __future__ import annotations

import re

from azeotrope.errors import Misconfigured
from azeotrope.models.text import final_answer
from azeotrope.sheets import Card, Dealer, Limits, Sheet, Source, rows, shared_out, text
from azeotrope.splits import WITHOUT_TEST
from azeotrope.types import Fields, Record

BOXED = "Reason step by step, and put the final answer within \\boxed{}."


class Config(Record, frozen=True):
    """Where the questions are, and which of them."""

    train: Source = Source("hf:nlile/hendrycks-MATH-benchmark", "", "train")
    """Parted into train, proxy and validation by the hash of each question."""
    test: Source = Source("hf:nlile/hendrycks-MATH-benchmark", "", "test")
    levels: tuple[int, ...] = ()
    """1 to 5; all where nothing is given."""
    subjects: tuple[str, ...] = ()
    """Such as "Algebra"; all where nothing is given."""
    instruction: str = BOXED
    limits: Limits = Limits()


def build(config: Config) -> Sheet:
    """The task."""
    train, test = (
        [_card(row, source.path) for row in rows(source) if _wanted(row, config)]
        for source in (config.train, config.test)
    )
    if not train and not test:
        raise Misconfigured(
            "math: no question of these levels and subjects; levels are 1 to 5, subjects as in the file"
        )
    dealer = Dealer("math", config.instruction, config.limits, "math")
    return dealer.sheet({**shared_out(train, WITHOUT_TEST), "test": test})


def _wanted(row: Fields, config: Config) -> bool:
    level = re.search(r"\d+", str(row.get("level", "")))
    return (not config.levels or (level is not None and int(level[0]) in config.levels)) and (
        not config.subjects or _subject(row) in config.subjects
    )


def _subject(row: Fields) -> str:
    """One column, two names."""
    return str(row.get("subject") or row.get("type") or "")


def _card(row: Fields, where: str) -> Card:
    solution = text(row, "solution", where)
    gold = row.get("answer")
    if gold is None:
        stated = final_answer(solution, "math")
        if stated is None:
            raise Misconfigured(f"{where} has a solution without a boxed answer: is it MATH?")
        gold = stated.value
    return Card(text(row, "problem", where), str(gold), solution, _subject(row))
