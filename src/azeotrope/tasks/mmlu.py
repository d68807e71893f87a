r"""Questions of 57 school and university subjects with four options each (MMLU); subjects are kept.

Source: Hendrycks et al., arXiv 2009.03300. One file is parted into all splits by the hash of each question, so that
every subject is learned and tested: for selective protection, where one subject is rewritten and the others are not.
There are no published workings: what needs them is refused.
"""

from __future__ import annotations

from azeotrope.errors import Misconfigured
from azeotrope.sheets import Card, Dealer, Limits, Sheet, Source, choice, rows, shared_out, text
from azeotrope.types import Fields, Record

LETTER = "Reason step by step, and put the letter of the right option within \\boxed{}."


class Config(Record, frozen=True):
    """Where the questions are, and which of them."""

    source: Source = Source("hf:cais/mmlu", "all", "test")
    """Columns: question, choices, answer (a letter, or a number from 0), subject."""
    subjects: tuple[str, ...] = ()
    """Such as "abstract_algebra"; all where nothing is given."""
    instruction: str = LETTER
    limits: Limits = Limits()


def build(config: Config) -> Sheet:
    """The task."""
    cards = [_card(row, config.source.path) for row in rows(config.source)]
    cards = [card for card in cards if not config.subjects or card.subject in config.subjects]
    if not cards:
        raise Misconfigured(f"mmlu: {config.source.path} has no question of these subjects")
    return Dealer("mmlu", config.instruction, config.limits, "choice").sheet(shared_out(cards))


def _card(row: Fields, where: str) -> Card:
    question, letter = choice(text(row, "question", where), row.get("choices"), text(row, "answer", where), where)
    return Card(question, letter, subject=str(row.get("subject") or ""))
