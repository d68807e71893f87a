r"""Your own questions: a file (JSON lines, Parquet, CSV) or a data set of the hub, its columns named here.

Source: ours. Without a test file of its own the file is parted into all splits by the hash of each question, else into
train, proxy and validation. Gold answers are taken as they are: nothing here finds out whether they are right.
"""

from __future__ import annotations

from azeotrope.models.text.values import Kind
from azeotrope.sheets import Card, Dealer, Limits, Sheet, Source, rows, shared_out, text
from azeotrope.splits import WITHOUT_TEST
from azeotrope.types import Fields, Record


class Config(Record, frozen=True):
    """Where the questions are, and what their columns are called."""

    source: Source = Source()
    test: Source | None = None
    question: str = "question"
    answer: str = "answer"
    """The final answer alone."""
    solution: str = ""
    """A published working; none where nothing is given."""
    subject: str = ""
    kind: Kind | None = None
    """What answers are (math, choice, json, code or text); by their looks where nothing is given."""
    instruction: str = ""
    """Stands under every question, such as "Put the final answer within \\\\boxed{}."."""
    limits: Limits = Limits()


def build(config: Config) -> Sheet:
    """The task."""
    cards = [_card(row, config, config.source.path) for row in rows(config.source)]
    dealer = Dealer("jsonl", config.instruction, config.limits, config.kind)
    if config.test is None:
        return dealer.sheet(shared_out(cards))
    test = [_card(row, config, config.test.path) for row in rows(config.test)]
    return dealer.sheet({**shared_out(cards, WITHOUT_TEST), "test": test})


def _card(row: Fields, config: Config, where: str) -> Card:
    optional = (str(row.get(column) or "") if column else "" for column in (config.solution, config.subject))
    return Card(text(row, config.question, where), text(row, config.answer, where), *optional)
