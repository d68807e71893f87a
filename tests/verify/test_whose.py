"""Whose marks are asked about: nobody whose key was committed to is left out without a word."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from azeotrope.errors import Misconfigured
from azeotrope.gateway import customers
from azeotrope.keys import OPERATOR, Key, Master
from azeotrope.keys import write as write_key
from azeotrope.ledger import Ledger, Note, Signer, Signing, promised

from .conftest import LAW, MASTER
from .test_command import home, run, twin  # noqa: F401 - a fixture
from .test_suspects import knowing, served  # noqa: F401 - a fixture

ROTATED = MASTER.rotated()


def ledger(home: Path, *keys: Key) -> str:  # noqa: F811
    """One with a commitment to each of the keys, under a signed head."""

    async def go() -> None:
        async with Ledger(home / "ledger.db", signing=Signing(Signer(b"\x09" * 32))) as book:
            await book.append(*(Note.of(promised(key, LAW.digest)) for key in keys))

    asyncio.run(go())
    return str(home / "ledger.db")


def rotated(home: Path, master: Master = ROTATED) -> None:  # noqa: F811
    write_key(master, home / "master.key", replace=True)


def asked(home: Path) -> set[tuple[str, int]]:  # noqa: F811
    """Customer and epoch of every mark in the report."""
    return {(one["customer"], one["epoch"]) for one in twin(home)["marks"]}


def test_whoever_was_a_customer_once_is_one_of_all(home: Path, served: Callable[..., str]) -> None:  # noqa: F811
    address = served(lambda server, body: server.answer(knowing(body)))
    customers.add(home / "customers.json", "bob")
    dsn = ledger(home, MASTER.operator(), MASTER.key("acme"), MASTER.key("bob"))
    done = run(home, "--suspect", address, "--ledger", dsn, "--file", str(home / "customers.json"))
    assert done.exit_code == 0, done.output
    assert twin(home)["verdict"] == "met acme's mark"
    assert asked(home) == {(OPERATOR, 1), ("bob", 1), ("acme", 1)}
    assert "not asked about" not in done.output


def test_a_ledger_names_them_where_the_customers_file_is_not_at_hand(home: Path, served: Callable[..., str]) -> None:  # noqa: F811
    address, missing = served(lambda server, body: server.answer(knowing(body))), str(home / "elsewhere.json")
    dsn = ledger(home, MASTER.operator(), MASTER.key("acme"))
    without = run(home, "--suspect", address, "--committed", "9", "--file", missing)
    assert isinstance(without.exception, Misconfigured) and "no customers file" in str(without.exception)
    done = run(home, "--suspect", address, "--ledger", dsn, "--file", missing)
    assert done.exit_code == 0, done.output
    assert asked(home) == {(OPERATOR, 1), ("acme", 1)} and twin(home)["verdict"] == "met acme's mark"


def test_marks_issued_before_a_rotation_are_asked_about(home: Path, served: Callable[..., str]) -> None:  # noqa: F811
    address = served(lambda server, body: server.answer(knowing(body)))
    rotated(home)
    dsn = ledger(home, ROTATED.operator(1), ROTATED.operator(2), ROTATED.key("acme", 1), ROTATED.key("bob", 2))
    done = run(home, "--suspect", address, "--ledger", dsn, "--customers", "carol,bob,acme")
    assert done.exit_code == 0, done.output
    assert twin(home)["verdict"] == "met acme's mark"
    assert asked(home) == {(OPERATOR, 1), (OPERATOR, 2), ("bob", 2), ("acme", 1), ("carol", 2)}
    assert next(one for one in twin(home)["marks"] if one["customer"] == "carol")["verdict"].startswith("refused")


@pytest.mark.parametrize(("epochs", "left"), [("current", 2), ("1", 2), ("all", 0)])
def test_what_was_committed_to_and_not_asked_about_is_counted(
    home: Path,  # noqa: F811
    served: Callable[..., str],  # noqa: F811
    epochs: str,
    left: int,
) -> None:
    address = served(lambda server, body: server.answer("?"))
    rotated(home)
    dsn = ledger(home, ROTATED.operator(1), ROTATED.operator(2), ROTATED.key("acme", 1), ROTATED.key("acme", 2))
    done = run(home, "--suspect", address, "--ledger", dsn, "--customers", "acme", "--epochs", epochs)
    assert done.exit_code == 0, done.output
    assert (f"{left} of 4 committed keys were not asked about" in done.output) == bool(left)
    assert ("not asked about" in done.output) == bool(left)


def test_a_commitment_of_an_epoch_that_this_master_lacks_is_counted(home: Path, served: Any) -> None:  # noqa: F811
    address = served(lambda server, body: server.answer("?"))
    dsn = ledger(home, ROTATED.operator(1), ROTATED.key("acme", 1), ROTATED.key("acme", 2))
    done = run(home, "--suspect", address, "--ledger", dsn, "--customers", "acme")
    assert done.exit_code == 0, done.output
    assert asked(home) == {(OPERATOR, 1), ("acme", 1)}
    assert "1 of 3 committed keys were not asked about" in done.output


def test_without_a_ledger_the_current_epoch_is_asked_about(home: Path, served: Callable[..., str]) -> None:  # noqa: F811
    rotated(home)
    run(home, "--suspect", served(lambda server, body: server.answer("?")), "--customers", "acme")
    assert asked(home) == {(OPERATOR, 2), ("acme", 2)}
    done = run(home, "--suspect", "http://127.0.0.1:9/v1", "--customers", "acme", "--epochs", "committed")
    assert isinstance(done.exception, Misconfigured) and "--ledger" in str(done.exception)
