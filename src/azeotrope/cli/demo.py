"""`azeotrope demo`: the small real model behind the gateway, before and after. Runs the demonstration and prints."""

from __future__ import annotations

from collections import Counter
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from azeotrope.demo import Reply, Round, Told

LONGEST = 320
"""Characters of a reasoning that are shown."""
STEPS = 21
"""Things the demonstration does: 4 customers, 5 questions, and the start."""


def demo() -> None:
    """Show the gateway at work on a small real model: nothing leaves this machine, nothing is kept."""
    import asyncio
    import sys

    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from azeotrope import demo as demonstration

    out = Console(highlight=False, soft_wrap=False)
    out.width = min(out.width, 100)
    rounds: list[Round] = []

    def show(round_: Round) -> None:
        rounds.append(round_)
        _show(out, round_)

    aside = out if out.is_terminal else Console(file=sys.stderr)
    columns = (BarColumn(bar_width=24), TimeElapsedColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=aside, transient=True, disable=not aside.is_terminal) as bar:
        task = bar.add_task("", total=STEPS)

        def doing(said: str) -> None:
            bar.update(task, description=said, advance=1)

        records = asyncio.run(demonstration.run(lambda told: _tell(out, told), show, doing))
    _summarise(out, rounds, records)


def _tell(out: Console, told: Told) -> None:
    from rich.rule import Rule

    out.print(Rule("Azeotrope: a small model behind the gateway", characters="-"))
    out.print(f"model     {told.model} (licence {told.licence}), started in {told.seconds:.1f} s")
    out.print(f"gateway   {told.address}, for this demonstration only")
    out.print(
        "customers four, each with a key and a policy: none, withhold, terse, instruct. The model is asked each "
        "question once and what it said is replayed for all four; instruct has it rewritten by the same small model."
    )


def _show(out: Console, round_: Round) -> None:
    from rich.rule import Rule
    from rich.text import Text

    question, first = round_.question, round_.replies[0]
    made = "SCRIPTED: trace and rewrite were written beforehand, by no model" if question.reasoning else ""
    out.print()
    out.print(Rule(made or f"reasoning-gym, {question.task}", characters="-"))
    out.print(Text(_printable(question.question)))
    out.print(_table(round_))
    same = all(reply.answer == first.answer for reply in round_.replies)
    out.print(Text(f"answer, {'the same for all' if same else 'NOT THE SAME'}: {_cut(first.answer, 160)}"))
    out.print(Text(f"right answer: {question.gold}"))


def _table(round_: Round) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.ASCII if not _unicode() else box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("policy", no_wrap=True)
    table.add_column("reasoning that reached the customer", ratio=1)
    table.add_column("ms", justify="right", no_wrap=True)
    for reply in round_.replies:
        text, style = _reached(reply)
        table.add_row(reply.policy, Text(text, style=style), f"{reply.milliseconds:,.1f}")
    return table


def _reached(reply: Reply) -> tuple[str, str]:
    """(what the customer saw of the reasoning, its style)."""
    if reply.reasoning:
        return _cut(reply.reasoning, LONGEST), "red" if reply.policy == "none" else "green"
    if reply.failures:
        return f"(nothing: the rewrite was withheld by the check {', '.join(reply.failures)})", "yellow"
    return "(nothing: the model gave none)" if reply.outcome == "absent" else "(nothing: withheld)", "dim"


def _summarise(out: Console, rounds: list[Round], records: int) -> None:
    from rich.rule import Rule

    replies = [reply for round_ in rounds for reply in round_.replies]
    changed = sum(reply.answer != round_.replies[0].answer for round_ in rounds for reply in round_.replies)
    real = [reply for round_ in rounds if not round_.question.reasoning for reply in round_.replies]
    rewrites = [reply for reply in real if reply.policy == "instruct"]
    checks = Counter(name for reply in rewrites for name in reply.failures)
    through = [reply.milliseconds - reply.defense_ms for reply in replies if reply.policy != "none"]
    asked = [reply.milliseconds for reply in real if reply.policy == "none"]
    out.print()
    out.print(Rule("What this showed", characters="-"))
    out.print(f"answers changed       {changed} of {len(replies)}")
    out.print(f"ledger                {records} records of {len(replies)} responses, durable before they end")
    left = sum(bool(reply.reasoning) for reply in rewrites)
    withheld = "; checks: " + ", ".join(f"{name} {count}" for name, count in checks.most_common()) if checks else ""
    out.print(f"rewrites by the model {left} of {len(rewrites)} released{withheld}")
    out.print(f"milliseconds, median  {_median(through):.1f} gateway, HTTP and ledger; {_median(asked):,.0f} the model")
    out.print(
        f"                      {_stage(replies, 'terse')} terse; {_stage(real, 'instruct')} instruct (small model)"
    )
    out.print()
    out.print(Rule("What it did not", characters="-"))
    out.print(
        "That a student learns less from what is left: that takes experiments with students. A model this small "
        "answers few questions rightly and seldom rewrites well; a rewrite that fails a check is withheld, never "
        "repaired. Steps that stand in the answer itself, where this model often repeats them, are not protected."
    )
    out.print("Try it yourself: azeotrope serve --demo")


def _stage(replies: list[Reply], policy: str) -> str:
    return f"{_median([reply.defense_ms for reply in replies if reply.policy == policy]):,.1f}"


def _median(values: list[float]) -> float:
    return median(values) if values else float("nan")


def _cut(text: str, longest: int) -> str:
    """At most so many characters, and how many there were."""
    text = "\n".join(line for line in _printable(text).splitlines() if line.strip()).strip()
    return text if len(text) <= longest else f"{text[:longest].rstrip()} ... ({len(text):,} characters)"


def _printable(text: str) -> str:
    """A model's words may hold what steers a terminal."""
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text)


def _unicode() -> bool:
    import sys

    return (sys.stdout.encoding or "").lower().startswith("utf")
