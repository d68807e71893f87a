"""`azeotrope stealth`: how well a mark would hide in a file of traces. Parses, calls the procedure, prints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from azeotrope.stealth.procedure import Perplexity


def stealth(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="Traces: JSON lines with question and reasoning.")],
    customers: Annotated[int, typer.Option(min=2, help="Half teach the classifier, half are judged.")] = 16,
    share: Annotated[float, typer.Option(help="Of traces that are marked, for the scan.")] = 0.1,
    seed: Annotated[int, typer.Option(help="Which half of the traces is judged.")] = 0,
    perplexity: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="Also by its perplexity: smollm2, a folder, a hub name."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Measure how well marks of fresh keys hide: from a classifier, from a scan, from perplexity."""
    from azeotrope.codec import encode
    from azeotrope.stealth import Plan, measure, read

    judge = _judge(perplexity) if perplexity else None
    found = measure(read(source), Plan(share, customers, seed=seed), judge)
    if json:
        typer.echo(encode(found).decode())
        return
    ratio = "not measured" if found.perplexity_ratio is None else f"{found.perplexity_ratio:.3f}"
    at = "never" if found.scan_median is None else f"{found.scan_median:,.0f}"
    for name, value in (
        ("traces", f"{found.traces:,}, {found.marked:.1%} of them with a place"),
        ("classifier, sentences", f"AUC {found.auc_sentence:.3f} (n={found.judged_sentences:,}; 0.5 is chance)"),
        ("classifier, traces", f"AUC {found.auc_trace:.3f} (n={found.judged_traces:,})"),
        ("n-gram scan", f"top 100 after {at} traces (median of {len(found.scan_traces)} customers)"),
        ("learned", f"after {found.learn_traces:,.0f} traces"),
        ("added", f"{found.characters_added:.0f} characters a marked trace"),
        ("perplexity", f"marked over unmarked: {ratio}"),
    ):
        typer.echo(f"{name:<22} {value}")


def _judge(source: str) -> Perplexity:
    """Texts -> mean nats per token under a model."""
    import torch

    from azeotrope.models.loading import loaded

    model = loaded(source)

    @torch.no_grad()
    def nats(text: str) -> float:
        ids = torch.tensor([model.tokenizer(text).input_ids])
        return float(model.net(input_ids=ids, labels=ids).loss)

    return lambda texts: [nats(text) for text in texts]
