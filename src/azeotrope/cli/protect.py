"""`azeotrope protect`: a file of traces in, the protected file out. Parses, calls the procedure, prints."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import quote

import typer

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Iterator

    from azeotrope.keys import Key
    from azeotrope.protect import Summary, Watch
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

    links = _links((defense, set_), (watermark, watermark_set))
    lift.fit_for_readers(*(name for name, _ in links), *([fallback] if fallback else []))
    layout = Layout(
        question_column, reasoning_column, answer_column, messages_column, reasoning_in_content, keep=tuple(keep or ())
    )
    key, operator = _keys(watermark, customer, master_key)
    given = Given(None, seed, fail, fallback, key, operator)
    spec = _spec(rewriter, rewriter_model, rewriter_key_env)
    recipe = _recipe(links, [spec, seed, fail, fallback, *([key.mark] if key else [])])
    at_once = concurrency or (64 if not spec or spec.startswith("http") else 2)  # the embedded engine answers two
    settings = Settings(layout, recipe, at_once, limit, patience, force, restart)

    async def main() -> Summary:
        async with _opened(spec, rewriter_key_env) as model:
            protecting = lift.linked(links, replace(given, rewriter=model))
            with _bar() as watch:
                return await procedure(source, output, protecting, settings, watch)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        summary = runner.run(main())
    _show(summary, json)
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


def _links(
    defense: tuple[str, list[str] | None], watermark: tuple[str | None, list[str] | None]
) -> list[tuple[str, dict[str, Any]]]:
    """Names and settings, in the order in which a trace meets them."""
    from azeotrope import lift
    from azeotrope.errors import Misconfigured

    links = [(defense[0], _values(defense[1] or []))]
    name, set_ = watermark
    if name is None:
        if set_:
            raise Misconfigured("--watermark-set goes with --watermark")
        return links
    if not lift.marks(name):
        from azeotrope import catalog

        catalog.load("watermarks", name)  # says which there are
    if defense[0] == "withhold":
        raise Misconfigured(
            "--watermark marks reasoning, and withhold leaves none: name another --defense, such as instruct, or none "
            "to mark the reasoning as it is"
        )
    return [*links, (name, _values(set_ or []))]


def _keys(watermark: str | None, customer: str | None, master_key: Path | None) -> tuple[Key | None, Key | None]:
    """The customer's key and the operator's, where a mark is to be set."""
    from azeotrope.errors import Misconfigured
    from azeotrope.keys import Master

    if watermark is None:
        if customer or master_key:
            raise Misconfigured("--customer and --master-key go with --watermark")
        return None, None
    if not customer:
        raise Misconfigured("--watermark sets a customer's mark: name the customer with --customer")
    master = Master.read(master_key)
    return master.key(customer), master.operator()


def _recipe(links: list[tuple[str, dict[str, Any]]], others: list[Any]) -> str:
    """A digest of everything that decides what is written; a setting that is a file's path counts with its content."""
    import hashlib

    from azeotrope.codec import digest

    paths = [Path(value) for _, config in links for value in config.values() if isinstance(value, str)]
    files = [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths if path.is_file()]
    return digest([links, files, others])


def _values(pairs: list[str]) -> dict[str, Any]:
    """KEY=VALUE, the value as TOML writes it, or a bare string; a dotted key is a table's member."""
    import tomllib

    from azeotrope.errors import Misconfigured

    out: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not all(key.split(".")):
            raise Misconfigured(f"--set takes KEY=VALUE, such as attempts=3; got {pair!r}")
        try:
            value: Any = tomllib.loads(f"v = {text}")["v"]
        except tomllib.TOMLDecodeError:
            value = text
        table = out
        *tables, name = key.split(".")
        for part in tables:
            table = table.setdefault(part, {})
        table[name] = value
    return out


@contextmanager
def _bar() -> Generator[Watch | None]:
    """A progress bar on stderr, where that is a terminal."""
    import sys
    import time

    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    from azeotrope.protect import Progress as Far

    columns = (BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[said]}"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", said="", total=None)
        started, shown = time.monotonic(), 0.0

        def watch(far: Far) -> None:
            nonlocal shown
            now = time.monotonic()
            if now - shown < 0.1 and far.done < far.size:
                return
            shown = now
            tokens = far.tally.counts["tokens_in"] + far.tally.counts["tokens_out"]
            said = f"{far.tally.rows:,} rows  {far.tally.rows / max(now - started, 1e-9):,.1f}/s  {tokens:,} tokens"
            bar.update(task, completed=far.done, total=far.size, said=said)

        yield watch


def _show(summary: Summary, as_json: bool) -> None:
    if as_json:
        from msgspec import json

        typer.echo(json.encode(summary).decode())
        return
    for name, value in _lines(summary):
        typer.echo(f"{name:<16} {value}")
    if summary.failed:
        typer.echo(
            f"{summary.failed} rows failed and are in {summary.failed_file}, with the reason. "
            "The same command does only those again.",
            err=True,
        )


def _lines(summary: Summary) -> Iterator[tuple[str, str]]:
    ratio = "-" if summary.length_ratio is None else f"{summary.length_ratio:.3f}"
    yield "written", summary.output
    for name in ("rows", "released", "withheld", "fell_back", "opened", "unchanged", "absent", "failed"):
        if (count := getattr(summary, name)) or name not in ("opened", "unchanged"):
            yield name.replace("_", " "), f"{count:,}"
    if summary.traces != summary.rows - summary.absent - summary.failed:
        yield "traces", f"{summary.traces:,}"
    yield "attempts", f"{summary.attempts:,}"
    yield "checks failed", _counts(summary.failures)
    if summary.reasons:
        yield "rows failed", _counts(summary.reasons)
    yield "answers changed", f"{summary.answers_changed}"
    yield "length ratio", ratio
    yield "tokens", f"{summary.tokens_in:,} in, {summary.tokens_out:,} out"
    resumed = f", {summary.resumed:,} rows finished earlier" if summary.resumed else ""
    digits = 1 if summary.rows_per_second >= 10 else 3
    yield "time", f"{summary.seconds:.1f} s, {summary.rows_per_second:,.{digits}f} rows/s{resumed}"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {times:,}" for name, times in counts.items()) or "none"
