r"""Grade-school word problems (GSM8K), tested on GSM8K-Platinum unless told otherwise.

Source: Cobbe et al., arXiv 2110.14168; GSM8K-Platinum (Vendrow et al., arXiv 2502.03461) is its test with wrong labels
taken out; splits as arXiv 2602.15143 has them: the first 70 % of the training file are asked of the teacher. Published
workings keep their calculator marks ("<<48/2=24>>"). Not a test of more than arithmetic in everyday words.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from azeotrope.errors import Misconfigured
from azeotrope.sheets import Card, Dealer, Limits, Sheet, Source, rows, text
from azeotrope.types import Fields, Record

BOXED = "Reason step by step, and put the final answer within \\boxed{}."


class Config(Record, frozen=True):
    """Where the questions are, and how the training file is parted."""

    train: Source = Source("hf:openai/gsm8k", "main", "train")
    test: Source = Source("hf:madrylab/gsm8k-platinum", "main", "test")
    traces: Annotated[float, Meta(gt=0, lt=1)] = 0.7
    """Share of the training file, from its beginning, that is asked of the teacher."""
    validation: Annotated[float, Meta(ge=0, lt=1)] = 0.06
    """Share of the training file, from its end; what lies between is the public's."""
    instruction: str = BOXED
    limits: Limits = Limits()

    def __post_init__(self) -> None:
        if self.traces + self.validation > 1:
            raise ValueError("traces and validation are shares of one file: together at most 1")


def build(config: Config) -> Sheet:
    """The task."""
    cards = [card(row, config.train.path) for row in rows(config.train)]
    first, last = round(len(cards) * config.traces), len(cards) - round(len(cards) * config.validation)
    test = [card(row, config.test.path) for row in rows(config.test)]
    return Dealer("gsm8k", config.instruction, config.limits, "math").sheet(
        {"train": cards[:first], "proxy": cards[first:last], "validation": cards[last:], "test": test}
    )


def card(row: Fields, where: str) -> Card:
    """A row: the answer stands behind "####" in the last line of the working."""
    working, mark, gold = text(row, "answer", where).rpartition("####")
    if not mark or not gold.strip():
        raise Misconfigured(f"{where} has an answer without '#### ' and a value: is it GSM8K?")
    return Card(text(row, "question", where), gold.strip(), working.rstrip())
