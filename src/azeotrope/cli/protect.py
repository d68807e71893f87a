"""`azeotrope protect`: a file of traces in, the protected file out. Parses, calls the procedure, prints."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import quote

import typer

from azeotrope.cli import chain
from azeotrope.cli.summary import bar, show

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from azeotrope.protect import Summary
    from azeotrope.protocols import Model


def protect(
    source: Annotated[Path, typer.Argument(metavar="IN", help="The traces: JSONL, or Parquet.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="OUT", help="The file to write.")],
    defense: Annotated[str, typer.Option(help="Which defense; `azeotrope list` shows them.")] = "withhold",
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A setting of the defense.")
    ] = None,
    watermark: Annotated[
        str | None, typer.Option(help="Set a customer's mark behind the defense; `azeotrope list watermarks`.")
    ] = None,
    watermark_set: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="A setting of the watermark, such as share=0.1.")
    ] = None,
    customer: Annotated[str | None, typer.Option(help="Whose mark.")] = None,
    master_key: Annotated[
        Path | None, typer.Option(help="What it is made from; AZEOTROPE_MASTER_KEY if not said.")
    ] = None,
    rewriter: Annotated[
        str | None, typer.Option(help="Who rewrites: local, a .gguf path, hf:owner/name, or an OpenAI-compatible URL.")
    ] = None,
    rewriter_model: Annotated[str | None, typer.Option(help="The model's name at that URL.")] = None,
    rewriter_key_env: Annotated[str | None, typer.Option(help="The environment variable with the URL's key.")] = None,
    fallback: Annotated[str | None, typer.Option(help="A defense to use where a rewrite fails, such as terse.")] = None,
    fail: Annotated[
        Literal["closed", "open"], typer.Option(help="closed: withhold what cannot be rewritten; open: release it.")
    ] = "closed",
    seed: Annotated[int, typer.Option(help="Given to the rewriter.")] = 0,
    concurrency: Annotated[
        int | None,
        typer.Option(min=1, max=10_000, help="Rows in work at once; 64, or 2 with a rewriter in this process."),
    ] = None,
    limit: Annotated[int, typer.Option(min=0, help="Only the first rows; 0: all.")] = 0,
    patience: Annotated[int, typer.Option(min=1, help="Stop when so many rows fail one after another.")] = 20,
    force: Annotated[bool, typer.Option("--force", help="Replace OUT if it is there.")] = False,
    restart: Annotated[
        bool, typer.Option("--restart", help="Forget an unfinished run instead of resuming it.")
    ] = False,
    question_column: Annotated[str, typer.Option(help="Found by name unless given, as are the next three.")] = "",
    reasoning_column: Annotated[str, typer.Option()] = "",
    answer_column: Annotated[str, typer.Option()] = "",
    messages_column: Annotated[str, typer.Option()] = "",
    reasoning_in_content: Annotated[
        Literal["tags", "span", "off"],
        typer.Option(help="What of an answer's text is reasoning: marked-up, all before the final answer, nothing."),
    ] = "tags",
    keep: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN", help="A column that may repeat the reasoning.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Protect a file of traces: rewrite or withhold the reasoning, leave every answer and every other column alone.

    An interrupted run is resumed by the same command. Rows that fail are in OUT.failed.jsonl; the same command does
    only those again. Exit status: 0 all rows written, 1 some failed, 2 a mistake to mend, 3 the rewriter or the disk.
    """
    import asyncio

    import uvloop

    from azeotrope import lift
    from azeotrope.models.columns import Layout
    from azeotrope.protect import Settings
    from azeotrope.protect import protect as procedure
    from azeotrope.protocols import Given

    links = chain.links((defense, set_), (watermark, watermark_set))
    lift.fit_for_readers(*(name for name, _ in links), *([fallback] if fallback else []))
    layout = Layout(
        question_column, reasoning_column, answer_column, messages_column, reasoning_in_content, keep=tuple(keep or ())
    )
    key, operator = chain.keys(watermark, customer, master_key)
    given = Given(None, seed, fail, fallback, key, operator)
    spec = _spec(rewriter, rewriter_model, rewriter_key_env)
    recipe = chain.recipe(links, [spec, seed, fail, fallback, *([key.mark] if key else [])])
    at_once = concurrency or (64 if not spec or spec.startswith("http") else 2)  # the embedded engine answers two
    settings = Settings(layout, recipe, at_once, limit, patience, force, restart)

    async def main() -> Summary:
        async with _opened(spec, rewriter_key_env) as model:
            protecting = lift.linked(links, replace(given, rewriter=model))
            with bar() as watch:
                return await procedure(source, output, protecting, settings, watch)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        summary = runner.run(main())
    show(summary, json)
    if summary.failed:
        raise typer.Exit(1)


def _spec(rewriter: str | None, model: str | None, key_env: str | None) -> str:
    """The rewriter's source in words, "" for none."""
    from azeotrope.errors import Misconfigured

    address = rewriter is not None and rewriter.startswith(("http://", "https://"))
    if model and not (address and "#" not in (rewriter or "")):
        raise Misconfigured("--rewriter-model names a model at a URL: give --rewriter http(s)://... without #model")
    if key_env and not address:
        raise Misconfigured("--rewriter-key-env goes with --rewriter http(s)://...")
    return f"{rewriter}#{quote(model)}" if model else rewriter or ""


@asynccontextmanager
async def _opened(spec: str, key_env: str | None) -> AsyncGenerator[Model | None]:
    from azeotrope.errors import Misconfigured
    from azeotrope.models.opening import opened

    if not spec:
        yield None
        return
    key = os.environ.get(key_env) if key_env else None
    if key_env and not key:
        raise Misconfigured(f"the environment variable {key_env} (--rewriter-key-env) is not set")
    async with opened(spec, key=key) as model:
        yield model
