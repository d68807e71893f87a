"""Writes the pages that can be read off the code, so that they cannot lie: `make docs`; the tests check them.

Knows the command line, the settings, the checks, the results and the newest benchmark; everything else is written by
hand.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from functools import cache, partial
from html import unescape
from itertools import chain, takewhile
from pathlib import Path

from docs.grid import grid
from docs.methods import methods
from docs.pictures import pictures, words
from typer.testing import CliRunner

from azeotrope.cli import app
from azeotrope.gateway.settings import sample
from azeotrope.gateway.wire import cleaning, refused
from azeotrope.release import ALWAYS, NAMES, OPTIONAL
from azeotrope.report import build
from azeotrope.report.markdown import markdown
from azeotrope.report.records import Report

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
COMMANDS = (
    "", "list", "serve", "protect", "evaluate", "appraise", "report", "optimize", "customers", "customers add",
    "customers list", "customers rotate", "customers remove", "keys", "keys new", "keys rotate", "keys show-id",
    "keys commit", "keys reveal", "ledger", "ledger tail", "ledger count", "ledger export", "ledger key",
    "ledger sign", "ledger heads", "ledger prove", "ledger reveal", "ledger check", "demo", "doctor", "teach",
    "proxy", "stealth", "fit", "fit recipe", "fit export", "verify", "verify text", "verify power", "verify check",
)  # fmt: skip

MEASURED = {
    "results": (
        "Results: defenses against attacks",
        {
            "lab": "Every defense against every attack",
            "rivals": "Which to deploy: the rivals",
        },
    ),
    "results-logits": (
        "Results: logits, and what purifiers leave of them",
        {
            "logits_few": "What logits teach beside text: little of it, and noisy",
            "logits": "What logits teach beside text: four times as much",
            "purifier_steps": "What a purifier leaves where clients cannot lower the temperature",
            "purifier_greedy": "What a purifier leaves of few greedy texts",
            "purifier_seeds": "Whether a purifier does more than plain controls: ten seeds",
            "purifier_warm": "What a purifier makes of text drawn at temperature 1",
        },
    ),
    "results-marks": (
        "Results: marks in students",
        {
            "watermark_power": "When a student says its mark",
            "watermark_few": "When a student says a mark of few answers",
            "watermark_attacks": "What attacks leave of a mark",
            "watermark_retry": "What more readings save of a mark",
            "watermark_smollm2_full": "Whether real weights say a mark: SmolLM2, trained in full",
            "watermark_smollm2": "Whether real weights say a mark: SmolLM2, by LoRA",
            "greenlist": "Whether a token bias survives into students",
            "greenlist_sure": "A token bias where there is no choice of words",
        },
    ),
}
"""page -> (its title, experiment -> heading, where there are results)."""
GRIDS = ("rivals", "lab")
"""The experiments that README shows in one table; of a defense that both have, the first's."""

MEANINGS = {
    "truncated": "The rewriter stopped because it ran out of tokens.",
    "empty": "There is no text, or none with words.",
    "hidden_text": "Invisible or direction-changing characters that the original does not have.",
    "markup": "Tags or markers that a client's parser would take for reasoning, roles or tool calls.",
    "encoded": "Long runs that look like base64 or hexadecimal: a way to carry the original out.",
    "refusal": "The rewriter declined, or its provider filtered it.",
    "task_leaked": "It speaks of the rewriting, or repeats the instruction.",
    "repetitive": "It says the same words over and over.",
    "length": "Shorter or longer than the bounds, absolute and relative to the original.",
    "copied": "A long run of the original's words, or too large a share of its five-word runs, in either direction.",
    "new_link": "An address that neither the original nor the question has.",
    "off_topic": "It shares next to no words of substance with trace and question.",
    "new_number": "A number, in digits, words or LaTeX, that is neither in the question nor the final answer. "
    "Asked for by `plan`.",
    "answer_changed": "It states a final answer that is not the teacher's.",
    "inconsistent": "A conclusion in its text contradicts the answer.",
}
OTHER_FAILURES = {
    "fence_echoed": "`instruct`: the rewriter repeated the marks that fence the trace.",
    "too_long": "`instruct`, `gradient`: the trace is longer than the rewriter or the proxy student may be sent.",
    "timed_out": "The rewriter did not answer in time.",
    "unavailable": "The rewriter is down or answered nonsense; retries are spent.",
    "rewriter_refused_request": "The rewriter's server refused the request.",
    "unmarked_length": "`association`: the reasoning is too short or too long to be marked, and left as it is.",
    "unmarked_language": "`association`: the reasoning is not in Latin script, and left unmarked.",
    "unmarked_no_place": "`association`: there is no gap between two sentences of prose; left unmarked.",
    "mark_not_verbatim": "`association`: the rewriter changed or repeated the sentence; the rule placed it instead.",
    "mark_last": "`association`: the rewriter put the sentence first or last; the rule placed it instead.",
    "mark_misplaced": "`association`: the rewriter put it inside a sentence or no prose; the rule placed it instead.",
    "text_altered": "`association`: the rewriter changed more than it was asked to; the rule placed it instead.",
    "declined": "The method itself chose to withhold.",
    "raised_...": "The method failed with the error that is named.",
}


def cli() -> str:
    """Every command's help."""
    runner = CliRunner()
    pages = ["# Command line\n", "Written from the program itself."]
    for command in COMMANDS:
        shown = runner.invoke(app, [*command.split(), "--help"], prog_name="azeotrope", env={"COLUMNS": "100"})
        if shown.exit_code:
            raise SystemExit(f"azeotrope {command} --help failed: {shown.output}")
        body = "\n".join(line.rstrip() for line in shown.output.strip().splitlines())
        pages.append(f"\n## `{f'azeotrope {command}'.strip()}`\n\n```text\n{body}\n```")
    return "\n".join(pages) + "\n"


def configuration() -> str:
    """The sample settings and what is refused by name."""
    members = {
        **refused.NAMES,
        **refused.SWITCHES,
        **refused.FILLED,
        **{f"{name} = false": why for name, why in refused.RISKY_WHEN_FALSE.items()},
    }
    rows = "\n".join(f"| `{name}` | {why} |" for name, why in sorted(members.items()))
    stops, most = ", ".join(f"`{name}`" for name in refused.STOPS), refused.MOST_STOPS
    penalties = ", ".join(f"`{name}`" for name in sorted(refused.NEUTRAL) if name != "logit_bias")
    greedy = ", ".join(f"`{name}`" for name in sorted(refused.DECIDING_NOTHING))
    return f"""# Configuration

Written from the program itself. `azeotrope serve --sample-config` prints this file:

```toml
{sample().strip()}
```

## Request members that are refused by name

Under every policy but `none`, with a 400 in OpenAI's error shape, also inside `extra_body` and its kin:

| member | why |
|---|---|
{rows}

Also `top_logprobs` above the policy's bound; `logit_bias` with a negative value or of more than {refused.MOST_BIASES}
tokens, and, beside logprobs or under a shape, any bias or penalty ({penalties}); a `response_format` that
is neither text nor JSON; a last message by the assistant (unless `allow_prefill = true`); texts to stop at
({stops}) that are a reasoning mark, a part of one, or a special token, numbers among them, and more than
{most} of them; and names that are those of watched members in another case (`Logprobs`), which some servers
take for these. Members that only bias, ban, prefill or template where they hold something pass where they are empty,
false or 0, as many clients send them.

A policy with `greedy = true` lets through these members alone, others only where they say nothing (a penalty of 0):
{greedy}.

Members of messages that carry reasoning back ({", ".join(f"`{name}`" for name in sorted(cleaning.INBOUND))}) and
`<think>` blocks in an assistant's content are dropped before the upstream sees them.
"""


def checks() -> str:
    """Every check and what it means."""
    if set(MEANINGS) != set(NAMES):
        raise SystemExit(f"docs/generate.py describes other checks than there are: {set(MEANINGS) ^ set(NAMES)}")
    rows = "\n".join(f"| `{name}` | {MEANINGS[name]} |" for name in NAMES)
    others = "\n".join(f"| `{name}` | {meaning} |" for name, meaning in OTHER_FAILURES.items())
    return f"""# Release checks

A rewrite leaves only if it passes all of these, in this order. Each failed attempt is counted under the check's name:
in the step's `failures`, in the summary of `protect`, in the metric `azeotrope_check_failures_total` and in the ledger.
{len(ALWAYS) + 4} always apply; {", ".join(f"`{name}`" for name in OPTIONAL)} applies where the instruction asks for it.

| check | what it catches |
|---|---|
{rows}

Passing is necessary, not sufficient: no check proves that a rewrite is true or that it teaches little.

## Failures that are no checks

| name | what happened |
|---|---|
{others}
"""


def results(page: str) -> str:
    """What every experiment of a page that has kept results found."""
    title, headings = MEASURED[page]
    others = " · ".join(f"[{other}]({name}.md)" for name, (other, _) in MEASURED.items() if name != page)
    lines = "\n".join(
        (
            f"# {title}",
            "",
            f"Beside this page: {others}.",
            "",
            "Written from `results/`; not by hand. A cell is confirmed at fresh seeds on problems that chose nothing;",
            "brackets are 95 % intervals. `azeotrope report results/NAME.jsonl -o NAME.html` gives the page with every",
            "cell, what its student said, costs and warnings. What the words mean stands in",
            "[find out what a defense is worth](how-to/evaluate.md).",
            *(line for name, heading in headings.items() if _kept_results(name) for line in _measured(name, heading)),
        )
    )
    return re.sub(r"\n{3,}", "\n\n", lines)


def _kept_results(name: str) -> bool:
    """Whether an experiment has results; one that has only begun has no cell yet."""
    file = ROOT / "results" / f"{name}.jsonl"
    return file.exists() and b'{"cell"' in file.read_bytes()


def _measured(name: str, heading: str) -> list[str]:
    """One experiment: what its file says of itself, its command, its tables."""
    plan = ROOT / "experiments" / f"{name}.toml"
    about = [line[1:] for line in takewhile(lambda line: line[:1] == "#", plan.read_text().splitlines())]
    report = _report(name)
    looks = [f"![{unescape(told)}](pictures/{file})" for file, told, _ in pictures(name, report)]
    bare = f"azeotrope evaluate experiments/{name}.toml"
    command = next((line.strip() for line in about if line.strip().startswith(bare)), bare)
    rest = chain.from_iterable(prose(line) for line in about if line.strip() != command)
    return ["", f"## {heading}", "", *rest, "", f"`{command}`", "", *looks, "", markdown(report).rstrip()]


def prose(line: str) -> list[str]:
    """A line of a comment; one that is indented is a command, with a remark two spaces behind it."""
    if not line.startswith("   "):
        return [line.strip()]
    command, _, remark = line.strip().partition("  ")
    return ["", f"* `{command}` {remark.strip()}".rstrip(), ""]


@cache
def _report(name: str) -> Report:
    return build(ROOT / "results" / f"{name}.jsonl")


def drawings() -> dict[Path, str]:
    """The results pages' pictures."""
    shown = [name for _, headings in MEASURED.values() for name in headings if _kept_results(name)]
    return {DOCS / "pictures" / file: svg for name in shown for file, _, svg in pictures(name, _report(name))}


def readme() -> str:
    """README with the newest benchmark's table and the grid's in their places."""
    page = (DOCS / "benchmarks.md").read_text(encoding="utf-8")
    targets = re.search(r"## Targets\n\n(.*?\n)\n", page, re.DOTALL)
    if not targets:
        raise SystemExit("docs/benchmarks.md has no table of targets: run `make bench`")
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = _look() + "\n".join(grid(*map(_report, GRIDS))) + "\n"
    return _placed(_placed(text, "benchmarks", targets[1]), "grid", shown)


def _look() -> str:
    """The picture of the grid: its first task's weakest cells."""
    drawn = pictures(GRIDS[0], _report(GRIDS[0]))
    file, told = next((file, told) for file, told, _ in drawn if file.endswith("-weakest.svg"))
    return f"![{unescape(told)}](docs/pictures/{file})\n"


def _placed(text: str, name: str, table: str) -> str:
    """The page with a table between the two marks of this name."""
    begin, end = f"<!-- begin: {name} -->\n", f"<!-- end: {name} -->"
    if text.count(begin) != 1 or text.count(end) != 1:
        raise SystemExit(f"README.md has no place for its table of {name}: {begin.strip()} and {end}")
    before, _, rest = text.partition(begin)
    return f"{before}{begin}{table}{end}{rest.partition(end)[2]}"


PAGES: dict[Path, Callable[[], str]] = {
    DOCS / "reference" / "cli.md": cli,
    DOCS / "reference" / "configuration.md": configuration,
    DOCS / "reference" / "methods.md": methods,
    DOCS / "reference" / "checks.md": checks,
    **{DOCS / f"{page}.md": partial(results, page) for page in MEASURED},
    ROOT / "README.md": readme,
}


def stale() -> dict[Path, str]:
    """Pages and pictures that are not what the code says, and what it says. A picture is held to its words: how its
    lines are written is matplotlib's."""
    pages = {path: page() for path, page in PAGES.items()}
    found = {path: text for path, text in pages.items() if _kept(path) != text}
    return found | {path: svg for path, svg in drawings().items() if words(_kept(path)) != words(svg)}


def _kept(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


if __name__ == "__main__":
    for path, text in stale().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(f"wrote {path.relative_to(ROOT)}", file=sys.stderr)
    for path in set((DOCS / "pictures").glob("*.svg")) - drawings().keys():
        path.unlink()
