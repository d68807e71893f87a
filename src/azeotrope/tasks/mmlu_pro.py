r"""Harder questions of 14 subjects with up to ten options each (MMLU-Pro); subjects are kept.

Source: Wang et al., arXiv 2406.01574. One file is parted into all splits by the hash of each question. Published
workings (cot_content) are kept where a row has one: the hub's test file has none.
"""

from __future__ import annotations

from azeotrope.errors import Misconfigured
from azeotrope.sheets import Card, Dealer, Limits, Sheet, Source, choice, rows, shared_out, text
from azeotrope.types import Fields, Record

LETTER = "Reason step by step, and put the letter of the right option within \\boxed{}."


class Config(Record, frozen=True):
    """Where the questions are, and which of them."""

    source: Source = Source("hf:TIGER-Lab/MMLU-Pro", "", "test")
    """Columns: question, options, answer (a letter), category, and cot_content where there is one."""
    subjects: tuple[str, ...] = ()
    """Such as "law"; all where nothing is given."""
    instruction: str = LETTER
    limits: Limits = Limits()


def build(config: Config) -> Sheet:
    """The task."""
    cards = [_card(row, config.source.path) for row in rows(config.source)]
    cards = [card for card in cards if not config.subjects or card.subject in config.subjects]
    if not cards:
        raise Misconfigured(f"mmlu_pro: {config.source.path} has no question of these subjects")
    return Dealer("mmlu_pro", config.instruction, config.limits, "choice").sheet(shared_out(cards))


def _card(row: Fields, where: str) -> Card:
    question, letter = choice(text(row, "question", where), row.get("options"), text(row, "answer", where), where)
    working = str(row.get("cot_content") or "").removeprefix("A: ")
    return Card(question, letter, working, str(row.get("category") or ""))
