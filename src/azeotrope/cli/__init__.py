"""The command line: parse, call one procedure, print. No method is named here; one file a command."""

from __future__ import annotations

import sys

import typer

from azeotrope.cli import (
    appraise,
    customers,
    demo,
    doctor,
    evaluate,
    fit,
    keys,
    ledger,
    methods,
    optimize,
    protect,
    proxy,
    report,
    serve,
    stealth,
    teach,
    texts,
    verify,
)
from azeotrope.errors import Misconfigured, Refused, Unavailable

app = typer.Typer(
    name="azeotrope",
    help="Protect what a language model says against unauthorised distillation.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command("list")(methods.list_methods)
app.command("protect")(protect.protect)
app.command("evaluate")(evaluate.evaluate)
app.command("appraise")(appraise.appraise)
app.command("optimize")(optimize.optimize)
app.command("report")(report.report)
app.add_typer(ledger.app, name="ledger")
app.add_typer(customers.app, name="customers")
app.add_typer(keys.app, name="keys")
verify.app.command("text")(texts.text)
app.add_typer(verify.app, name="verify")
app.command("serve")(serve.serve)
app.command("doctor")(doctor.doctor)
app.command("demo")(demo.demo)
app.command("teach")(teach.teach)
app.command("proxy")(proxy.proxy)
app.command("stealth")(stealth.stealth)
app.add_typer(fit.app, name="fit")


def main() -> None:
    """Entry point. A user's mistake is one line and exit 2; what time may mend is exit 3; a refusal exit 4."""
    try:
        app()
    except (Misconfigured, Unavailable, Refused) as error:
        print(f"azeotrope: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, Misconfigured) else 3 if isinstance(error, Unavailable) else 4)
    except BrokenPipeError:  # the reader of our output left
        sys.exit(141)
