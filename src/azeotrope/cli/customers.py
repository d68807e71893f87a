"""`azeotrope customers`: who may ask the gateway. A key is printed once, when it is made, and kept by nobody."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Customers of the gateway and their keys.", no_args_is_help=True, rich_markup_mode=None)

Config = Annotated[Path | None, typer.Option("--config", "-c", help="The gateway's settings, which name the file.")]
File = Annotated[
    Path | None, typer.Option("--file", help="The customers file; customers.json if nothing else is said.")
]
Name = Annotated[str, typer.Argument(help="The customer's name.")]


@app.command()
def add(
    name: Name,
    policy: Annotated[str | None, typer.Option(help="The policy that applies; the default one if not said.")] = None,
    config: Config = None,
    file: File = None,
) -> None:
    """Add a customer and print the key, once."""
    from azeotrope.gateway import customers

    path = _file(config, file, policy)
    typer.echo(customers.add(path, name, policy))
    typer.echo(f"This key is shown once; {path} holds only its hash.", err=True)


@app.command("list")
def list_customers(config: Config = None, file: File = None) -> None:
    """List customers, their policies and the dates of their keys."""
    from azeotrope.gateway import customers

    for customer in customers.read(_file(config, file)).customers:
        typer.echo(f"{customer.name}\t{customer.policy or '(default)'}\t{customer.created}")


@app.command()
def remove(name: Name, config: Config = None, file: File = None) -> None:
    """Remove a customer; the key stops working at once."""
    from azeotrope.gateway import customers

    customers.remove(_file(config, file), name)
    typer.echo(f"removed {name}")


@app.command()
def rotate(name: Name, config: Config = None, file: File = None) -> None:
    """Print a new key for a customer, once; the old one stops working at once."""
    from azeotrope.gateway import customers

    typer.echo(customers.rotate(_file(config, file), name))


def _file(config: Path | None, file: Path | None, policy: str | None = None) -> Path:
    """Where customers are kept; checks the policy where the settings are at hand."""
    import os

    from azeotrope.errors import Misconfigured
    from azeotrope.gateway import settings

    if config is None:
        return file or Path(settings.Clientele().file)
    read = settings.read(config, os.environ)
    if policy is not None and policy not in read.policies:
        raise Misconfigured(f"no policy called {policy!r}; there are: {', '.join(read.policies)}")
    return file or Path(read.customers.file)
