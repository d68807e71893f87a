"""`azeotrope stealth`: how well a mark would hide in a file of traces. Parses, calls the procedure, prints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from azeotrope.models.perplexity import Perplexity
    from azeotrope.stealth import Stealth


def stealth(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="Traces: JSON lines with question and reasoning.")],
    customers: Annotated[int, typer.Option(min=2, help="Half teach the classifier, half are judged.")] = 16,
    share: Annotated[float, typer.Option(help="Of traces that are marked, for the scan.")] = 0.1,
    chaff: Annotated[float, typer.Option(help="Of the unmarked traces, those with a sentence of no mark.")] = 0.0,
    chaff_recurs: Annotated[bool, typer.Option("--chaff-recurs", help="Each as often as one of the mark's.")] = False,
    seed: Annotated[int, typer.Option(help="Which half of the traces is judged.")] = 0,
    perplexity: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="Also by its perplexity: smollm2, a folder, a hub name."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Measure how well marks of fresh keys hide: from a classifier, from a scan, from perplexity."""
    from azeotrope.codec import convert, encode
    from azeotrope.stealth import Plan, measure, read

    plan = {"share": share, "customers": customers, "seed": seed, "chaff": chaff, "chaff_recurs": chaff_recurs}
    judge = _judge(perplexity) if perplexity else None
    found = measure(read(source), convert(plan, Plan, "stealth"), judge)
    if json:
        typer.echo(encode(found).decode())
        return
    low, high = found.auc_trace_interval
    ranks = ", ".join(f"{size:,}: {'none' if rank is None else f'{rank:,.0f}'}" for size, rank in found.scan_ranks)
    at = "never" if found.scan_median is None else f"{found.scan_median:,.0f}"
    for name, value in (
        ("traces", f"{found.traces:,}, {found.marked:.1%} of them with a place"),
        ("classifier, sentences", f"AUC {found.auc_sentence:.3f} (n={found.judged_sentences:,}; 0.5 is chance)"),
        ("classifier, traces", f"AUC {found.auc_trace:.3f} [{low:.3f}, {high:.3f}] (n={found.judged_traces:,})"),
        ("n-gram scan", f"top 100 after {at} traces (median of {len(found.scan_traces)} customers)"),
        ("first rank, by traces", ranks),
        (
            "of the top 100",
            f"{found.scan_share:.1%} have a word of the mark, {found.scan_told:.1%} stand in its sentences",
        ),
        ("learned", f"after {found.learn_traces:,.0f} traces"),
        ("told", f"{found.told:.1%} of the released traces have a sentence"),
        ("added", _added(found)),
        ("perplexity", _perplexity(found)),
    ):
        typer.echo(f"{name:<22} {value}")


def _added(found: Stealth) -> str:
    tokens = "" if found.tokens_added is None else f", {found.tokens_added:.0f} tokens"
    return f"{found.characters_added:.0f} characters{tokens} to a trace with a sentence"


def _perplexity(found: Stealth) -> str:
    if found.perplexity_ratio is None or found.perplexity_ratio_released is None:
        return "not measured"
    return (
        f"{found.perplexity_ratio:.3f} times as high with a sentence, {found.perplexity_ratio_released:.3f} times over "
        "all that is released"
    )


def _judge(source: str) -> Perplexity:
    from azeotrope.models.perplexity import judge

    return judge(source)
