"""`azeotrope verify`: is this suspect a student of ours, and of whose responses? Parses, calls, prints."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from azeotrope.cli import whose
from azeotrope.cli.evidencing import Files, transcripts, write_evidence
from azeotrope.cli.interrupting import interruptible
from azeotrope.cli.laws import law_of

if TYPE_CHECKING:
    from azeotrope.keys import Key
    from azeotrope.marks import Law
    from azeotrope.verify import Judged, Outcome, Settings
    from azeotrope.verify.counting import Counted
    from azeotrope.verify.records import Signed
    from azeotrope.verify.text_records import SignedText

app = typer.Typer(
    help="Find out whether a suspect learned from our responses, and from whose; with evidence a sceptic can check.",
    invoke_without_command=True, rich_markup_mode=None,
)  # fmt: skip
SPENT = "azeotrope-spent.jsonl"

Ledger = Annotated[
    str | None,
    typer.Option("--ledger", envvar="AZEOTROPE_LEDGER", help="The ledger: commitments, spent probes, who got most."),
]


@app.callback()
def verify(
    context: typer.Context,
    suspect: Annotated[
        str, typer.Option(metavar="URL|PATH|hf:NAME", help="An address (URL#model), weights in a folder, a .gguf file.")
    ] = "",
    customers: Annotated[
        str,
        typer.Option(
            metavar="all|NAMES", help="Names with commas, most likely first; all: of --file and of the commitments."
        ),
    ] = "all",
    customers_file: Annotated[Path, typer.Option("--file", help="The gateway's customers, for `all`.")] = Path(
        "customers.json"
    ),
    master_key: Annotated[Path | None, typer.Option(help="The master key; else AZEOTROPE_MASTER_KEY.")] = None,
    alpha: Annotated[float, typer.Option(help="Accepted probability of any false accusation, over all keys.")] = 1e-6,
    budget: Annotated[int, typer.Option(help="Probes for each mark; ordinary questions do not count.")] = 20,
    committed: Annotated[
        int | None, typer.Option(min=1, help="K, how many keys were ever issued, where no log says it, or fewer.")
    ] = None,
    epochs: Annotated[
        str | None, typer.Option(help="committed (the default with --ledger), current (without), all, or numbers.")
    ] = None,
    law: Annotated[Path | None, typer.Option(help="The marks' law (TOML), where it is not the default one.")] = None,
    ledger: Ledger = None,
    signing_key: Annotated[Path | None, typer.Option(help="Ed25519 key that signs the report (`ledger key`).")] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The page; its JSON twin stands beside it.")] = Path(
        "evidence.html"
    ),
    suspect_key_env: Annotated[str, typer.Option(help="Environment variable with the suspect's API key.")] = "",
    prefill: Annotated[
        bool | None, typer.Option("--prefill/--no-prefill", help="Whether it goes on from an answer's beginning.")
    ] = None,
    revealed: Annotated[
        Path | None, typer.Option(metavar="FILE", help="One mark, as `keys reveal` wrote it, instead of a master key.")
    ] = None,
    ledger_key: Annotated[
        str | None, typer.Option(help="With --revealed: the log's public key (hex), as `ledger key` prints it.")
    ] = None,
    as_neutral: Annotated[bool, typer.Option("--as-neutral", help="Ask the half that the operator kept back.")] = False,
    disclose: Annotated[
        bool, typer.Option("--disclose", help="Lay open what was asked about a mark that is met; it is used up then.")
    ] = False,
    to_the_end: Annotated[
        bool, typer.Option("--to-the-end", help="Ask the whole schedule even after proof: for the exact p-value.")
    ] = False,
    every: Annotated[bool, typer.Option("--every", help="Go on after the first customer that is met.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Ask again what it was asked before.")] = False,
    seed: Annotated[int, typer.Option(help="Of the order and of the ordinary questions.")] = 0,
    at_once: Annotated[int, typer.Option(help="Questions under way at the same time.")] = 4,
    deadline: Annotated[float, typer.Option(help="Seconds for one answer, retries included.")] = 120.0,
) -> None:  # fmt: skip
    """Ask a suspect about the marks of customers, and write down what that proves.

    Exit status: 0 a verdict was reached, 2 a mistake to mend, 3 the suspect does not answer or nothing more can be
    written down, 4 refused: nothing that is left to ask about could prove at this level, 128 and the signal's number
    where it was stopped. What was found by then is written down all the same.
    """
    if context.invoked_subcommand:
        return
    need("scipy", "jinja2", "cryptography")
    from azeotrope.codec import convert
    from azeotrope.errors import Misconfigured
    from azeotrope.keys import Master
    from azeotrope.verify import Settings
    from azeotrope.verify.counting import in_ledger

    if not suspect:
        raise Misconfigured("which suspect? --suspect URL, a folder of weights, a .gguf file, or hf:owner/name")
    settings = convert(
        {"alpha": alpha, "budget": budget, "seed": seed, "neutral": as_neutral, "disclose": disclose, "every": every,
         "to_the_end": to_the_end, "at_once": at_once, "deadline": deadline}, Settings, "verify",
    )  # fmt: skip
    if revealed:
        keys, its_law, counted = revealed_key(revealed, ledger_key, ledger, committed)
    else:
        keys = whose.keys(Master.read(master_key), whose.Asked(customers, customers_file, ledger, epochs))
        its_law, counted = law_of(law), in_ledger(ledger, committed, len(keys))
    case = _Case(
        suspect, secret_in(suspect_key_env), prefill, its_law, ledger, counted, output.with_name(SPENT), again
    )  # fmt: skip
    if signing_key:
        from azeotrope.ledger import Signer

        Signer.read(signing_key)  # before anything is spent
    files = Files.beside(output)
    told = partial(write_evidence, files=files, signing_key=signing_key)
    outcome = interruptible(_verify(case, keys, settings, files, told))
    told(outcome)
    if ledger and not revealed and (rest := whose.unasked(outcome.evidence, keys, ledger)):
        typer.echo(rest, err=True)
    if outcome.evidence.verdict.startswith("refused"):
        raise typer.Exit(4)


class _Case(NamedTuple):
    """What is asked about, and where it is written down."""

    suspect: str
    key: str | None
    """The suspect's own, where it asks for one."""
    prefill: bool | None
    law: Law
    ledger: str | None
    counted: Counted
    spent: Path
    """Of what is spent, where there is no ledger."""
    again: bool


def secret_in(variable: str) -> str | None:
    """What the environment variable holds; None where none is named."""
    from azeotrope.errors import Misconfigured

    if variable and not os.environ.get(variable):
        raise Misconfigured(f"the environment variable {variable} (--suspect-key-env) is not set")
    return os.environ[variable] if variable else None


async def _verify(
    case: _Case, keys: Sequence[Key], settings: Settings, files: Files, stopped: Callable[[Outcome], None]
) -> Outcome:  # fmt: skip
    """Opens the ledger, the suspect and the transcripts' file, and runs the procedure."""
    import secrets
    from contextlib import AsyncExitStack

    from azeotrope import __version__
    from azeotrope.ledger import Ledger
    from azeotrope.verify import SideFile, Trial, accused_of, opened
    from azeotrope.verify import verify as procedure
    from azeotrope.verify.spending import InLedger

    count, source, tree, under = case.counted
    accused = [accused_of(key, case.law, neutral=settings.neutral, under=under) for key in keys]
    async with AsyncExitStack() as stack:
        if case.ledger:
            book = InLedger(case.ledger, await stack.enter_async_context(Ledger(case.ledger)))
        else:
            book = SideFile(case.spent)
        suspect = await stack.enter_async_context(
            opened(case.suspect, key=case.key, prefill=case.prefill, deadline=settings.deadline)
        )
        keep = stack.enter_context(transcripts(files.private))
        salt = partial(secrets.token_bytes, 16)
        trial = Trial(case.law, count, source, book, salt, tree, __version__, case.again, keep, stopped)
        return await procedure(suspect, accused, trial, settings, _told)


def revealed_key(
    file: Path, signer: str | None, ledger: str | None, said: int | None
) -> tuple[list[Key], Law, Counted]:  # fmt: skip
    """The one key that a neutral party was given, once it is the one that was committed to."""
    from azeotrope.keys import commitment
    from azeotrope.verify.counting import by_proof, in_their_log
    from azeotrope.verify.revealing import opened, read_revealed

    given = read_revealed(file)
    key, head = opened(given, signer)
    if signer is None:
        typer.echo(f"The head is signed by {head.key_id}; whose key that is, nobody said: give --ledger-key.", err=True)
    counted = in_their_log(ledger, head, said) if ledger else None
    return [key], given.law, counted or by_proof(head, commitment(key, given.law.digest).hex(), said)


def _told(one: Judged) -> None:
    typer.echo(f"{one.customer}, epoch {one.epoch}: {one.verdict} ({one.hits} hits, {one.probes} probes, "
               f"{one.failed} failed){'; ' + one.why if one.why else ''}", err=True)  # fmt: skip


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="A report's JSON twin.")],
    public_key: Annotated[str | None, typer.Option(help="The key (hex) that has to have signed it.")] = None,
    shown: Annotated[
        Path | None,
        typer.Option("--transcripts", metavar="FILE", help="Transcripts to hold against it, all or some lines."),
    ] = None,
) -> None:
    """Check a report's signature and arithmetic, offline and without secrets. Exit status 1 where something fails.

    The evidence of `verify text`, too.

    With transcripts, each is held against the digest that the report has of it; those not shown are named.
    """
    need("scipy", "cryptography")
    from azeotrope.errors import Misconfigured
    from azeotrope.report.words import visible
    from azeotrope.verify import sealing, text_sealing
    from azeotrope.verify.records import Signed
    from azeotrope.verify.signing import holds
    from azeotrope.verify.unsealing import read_transcripts, unsealed

    signed = _signed(file)
    if isinstance(signed, Signed):
        findings = sealing.check(signed, public_key)
        findings += unsealed(signed.evidence, read_transcripts(shown)) if shown else []
    elif shown:
        raise Misconfigured(f"{file} is of a reading of text, which has no transcripts: leave --transcripts out")
    else:
        findings = text_sealing.check(signed, public_key)
    for finding in findings:
        typer.echo(f"{ {True: 'holds', False: 'FAILS', None: 'open '}[finding.holds] }  {visible(finding.what)}")
    typer.echo(visible(f"verdict: {signed.evidence.verdict}; {signed.evidence.time}"))
    if not holds(findings):
        raise typer.Exit(1)


def _signed(file: Path) -> Signed | SignedText:
    """Evidence of either kind. Raises `Misconfigured`."""
    from azeotrope.codec import decode
    from azeotrope.errors import Misconfigured
    from azeotrope.verify.records import Signed
    from azeotrope.verify.text_records import TEXT, Kind, SignedText

    try:
        data = file.read_bytes()
    except OSError as error:
        raise Misconfigured(f"cannot read {file}: {error.strerror}") from None
    return decode(data, SignedText if decode(data, Kind).kind == TEXT else Signed)


@app.command()
def power(
    marked_responses: Annotated[int, typer.Option(min=0, help="Marked responses the student learns from.")],
    hit_rate: Annotated[float, typer.Option(min=0, max=1, help="P(a learned association is named).")] = 0.9,
    customers: Annotated[int, typer.Option(min=1, help="Customers; K counts the operator's mark, too.")] = 1000,
    alpha: Annotated[float, typer.Option(help="Accepted probability of any false accusation.")] = 1e-6,
    exposures: Annotated[int, typer.Option(min=1, help="How often a student meets an association to learn it.")] = 30,
    wanted: Annotated[float, typer.Option(min=0, max=1, help="Probability of proof to reach.")] = 0.99,
    targets: Annotated[int, typer.Option(min=2, help="N: size of the target space.")] = 100_000,
) -> None:
    """How many marked responses and probes it takes until a student can be proved to be one."""
    need("scipy")
    from azeotrope.math.stats import Rule, checked, fewest_marked, learned, proof

    rule = checked(Rule(alpha, customers + 1, targets))
    typer.echo(f"P(proof), {marked_responses:,} marked responses, {customers:,} customers, alpha {alpha:g}")
    typer.echo("issued  asked  learned   " + "".join(f"{probes:>4} probes" for probes in _PROBES) + "   marked needed")
    for issued in (4, 8, 16, 32, 64):
        known = learned(marked_responses, issued, exposures)
        cells = [proof(hit_rate * known, issued // 2, probes, rule).probability for probes in _PROBES]
        fewest = fewest_marked(wanted, hit_rate, issued, max(20, issued // 2), rule, exposures=exposures)
        row = "".join(f"{cell:>11.4f}" for cell in cells)
        typer.echo(f"{issued:>6}  {issued // 2:>5}  {known:>7.4f}   {row}   {f'{fewest:,}' if fewest else 'none':>13}")
    typer.echo(
        f"marked needed: for P(proof) >= {wanted:g} with 20 probes or one an association. An association counts as "
        f"learned after {exposures} exposures: an assumption, see `docs/verification.md`."
    )


_PROBES = (5, 10, 20, 50)


def need(*packages: str, extra: str = "verify") -> None:
    """Raises `Misconfigured` where one is not installed, with the extra that brings it."""
    from importlib.util import find_spec

    from azeotrope.errors import Misconfigured

    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        raise Misconfigured(f"verification needs {', '.join(missing)}: pip install 'azeotrope[{extra}]'")
