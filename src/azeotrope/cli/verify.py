"""`azeotrope verify`: is this suspect a student of ours, and of whose responses? Parses, calls, prints."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from azeotrope.cli import verifying, whose
from azeotrope.cli.evidencing import Files, transcripts, write_evidence
from azeotrope.cli.interrupting import interruptible
from azeotrope.cli.verifying import need, secret_in

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


@app.callback()
def verify(
    context: typer.Context,
    suspect: Annotated[
        str, typer.Option(metavar="URL|PATH|hf:NAME", help="An address (URL#model), weights in a folder, a .gguf file.")
    ] = "",
    customers: verifying.Customers = "all",
    customers_file: verifying.CustomersFile = Path("customers.json"),
    master_key: verifying.MasterKey = None,
    alpha: verifying.Alpha = 1e-6,
    budget: Annotated[int, typer.Option(help="Probes for each mark; ordinary questions do not count.")] = 20,
    committed: verifying.Committed = None,
    epochs: verifying.Epochs = None,
    law: verifying.LawFile = None,
    ledger: verifying.Ledger = None,
    signing_key: verifying.SigningKey = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The page; its JSON twin stands beside it.")] = Path(
        "evidence.html"
    ),
    suspect_key_env: verifying.SuspectKey = "",
    prefill: Annotated[
        bool | None, typer.Option("--prefill/--no-prefill", help="Whether it goes on from an answer's beginning.")
    ] = None,
    revealed: verifying.Revealed = None,
    ledger_key: verifying.LedgerKey = None,
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
    at_once: verifying.AtOnce = 4,
    deadline: verifying.Deadline = 120.0,
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
    from azeotrope.verify import Settings

    if not suspect:
        raise Misconfigured("which suspect? --suspect URL, a folder of weights, a .gguf file, or hf:owner/name")
    settings = convert(
        {"alpha": alpha, "budget": budget, "seed": seed, "neutral": as_neutral, "disclose": disclose, "every": every,
         "to_the_end": to_the_end, "at_once": at_once, "deadline": deadline}, Settings, "verify",
    )  # fmt: skip
    if revealed:
        keys, its_law, counted = verifying.revealed_key(revealed, ledger_key, ledger, committed)
    else:
        asked = whose.Asked(customers, customers_file, ledger, epochs)
        keys, its_law, counted = verifying.own_keys(asked, master_key, law, committed, operator=True)
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
    exposures: Annotated[
        int, typer.Option(min=1, help="Readings until a student names an association; the default is the slow case.")
    ] = 320,
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
        f"learned after {exposures} readings: everything depends on it, and students differ tenfold, see "
        "`docs/verification.md`."
    )


_PROBES = (5, 10, 20, 50)
