"""The command: keys, ledger, report, check and exit statuses, with a served suspect."""

import asyncio
import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from azeotrope.cli import app
from azeotrope.errors import Misconfigured
from azeotrope.keys import write
from azeotrope.ledger import Commitment, Ledger, Note, Signer, Signing, Spent, newest, promised, spent
from azeotrope.marks import Law
from azeotrope.verify.counting import by_proof, in_ledger

from ..ledger.conftest import authority  # noqa: F401 - a fixture
from .conftest import LAW, MASTER, heart
from .test_suspects import knowing, served  # noqa: F401 - a fixture

KNOWING = knowing


@pytest.fixture
def home(tmp_path: Path) -> Path:
    write(MASTER, tmp_path / "master.key")
    Signer.make(tmp_path / "report.key")
    return tmp_path


def committed(
    home: Path, *customers: str, sign: bool = True, signer: bytes = b"\x09" * 32, law: Law = LAW, **signing: Any
) -> str:  # fmt: skip
    """A ledger with these customers' and the operator's commitments, under a signed head."""
    dsn, keys = str(home / "ledger.db"), [MASTER.operator(), *map(MASTER.key, customers)]
    appended(dsn, *(promised(key, law.digest) for key in keys), sign=sign, signer=signer, **signing)
    return dsn


def appended(
    dsn: str, *notes: Commitment | Spent, sign: bool = True, signer: bytes = b"\x09" * 32, **signing: Any
) -> None:  # fmt: skip
    """Writes the notes, and signs a head over them."""

    async def go() -> None:
        async with Ledger(dsn, signing=Signing(Signer(signer), **signing) if sign else None) as book:
            await book.append(*map(Note.of, notes))

    asyncio.run(go())


def run(home: Path, *more: str) -> Any:
    if "--ledger" not in more:
        more = ("--committed", "4", *more)
    named = ["verify", "--master-key", str(home / "master.key"), "-o", str(home / "e.html"), *more]
    return CliRunner().invoke(app, named)


def twin(home: Path) -> dict[str, Any]:
    return json.loads((home / "e.json").read_text())["evidence"]


def test_a_student_is_met_with_the_ledgers_k(home: Path, served: Callable[..., str]) -> None:  # noqa: F811
    address = served(lambda server, body: server.answer(KNOWING(body)))
    dsn = committed(home, "bob", "acme", "carol")
    done = run(
        home, "--suspect", address, "--customers", "bob,acme", "--ledger", dsn, "--signing-key",
        str(home / "report.key"),
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    found = twin(home)
    assert found["verdict"] == "met acme's mark"
    assert (found["keys"], found["keys_from"]) == (4, "commitments under the signed head")
    assert found["tree"]["size"] == 4
    assert found["time"] == "time is self-asserted"
    checked = CliRunner().invoke(app, ["verify", "check", str(home / "e.json")])
    assert checked.exit_code == 0, checked.output
    assert "FAILS" not in checked.output
    marks = {one["mark"]: one for one in found["marks"]}
    assert {note.mark for note in spent(dsn)} == set(marks)
    assert {note.suspect for note in spent(dsn)} == {found["suspect_id"]}
    assert stat.S_IMODE((home / "e.private.jsonl").stat().st_mode) == 0o600
    public = (home / "e.html").read_text() + (home / "e.json").read_text() + done.output
    assert not [trigger for trigger in heart("acme") if trigger in public.lower()]


def test_a_stamp_reaches_the_report_while_its_head_covers_every_commitment(
    home: Path,
    served: Callable[..., str],  # noqa: F811
    authority: Any,  # noqa: F811
) -> None:
    """Heads over spent probes come later and are not stamped."""
    address = served(lambda server, body: server.answer("?"))
    dsn = committed(home, "acme", authority=authority.url)
    for seen in range(2):
        appended(dsn, Spent("of another mark", seen))
        done = run(home, "--suspect", address, "--customers", "acme", "--ledger", dsn, "--again", "-o",
                   str(home / f"{seen}.html"))  # fmt: skip
        assert done.exit_code == 0, done.output
        found = json.loads((home / f"{seen}.json").read_text())["evidence"]
        assert found["tree"]["size"] == 2 and found["tree"]["stamp"]
        assert "RFC 3161" in found["time"]
        checked = CliRunner().invoke(app, ["verify", "check", str(home / f"{seen}.json")])
        assert checked.exit_code == 0, checked.output
    committed(home, "bob")
    later = in_ledger(dsn, None, 2)
    assert later.tree and (later.keys, later.tree.stamp) == (3, ""), "the stamped head does not cover bob's key"


def test_a_key_that_is_not_in_the_log_accuses_nobody(home: Path, served: Callable[..., str]) -> None:  # noqa: F811
    address = served(lambda server, body: server.answer(KNOWING(body)))
    done = run(home, "--suspect", address, "--customers", "acme", "--ledger", committed(home, "bob"))
    assert done.exit_code == 0, done.output
    found = twin(home)
    assert found["verdict"] == "no evidence at this power"
    assert found["marks"][1]["verdict"].startswith("refused")


def test_without_a_signed_head_k_is_what_one_says(home: Path, served: Callable[..., str]) -> None:  # noqa: F811
    address = served(lambda server, _: server.answer("?"))
    dsn = committed(home, "acme", sign=False)
    run(home, "--suspect", address, "--customers", "acme", "--ledger", dsn, "--committed", "500")
    assert (twin(home)["keys"], twin(home)["keys_from"]) == (
        500,
        "as the operator says; no log with a signed head was named",
    )
    assert twin(home)["tree"] is None


def test_k_is_the_largest_of_what_is_said_what_is_in_the_log_and_what_is_asked(home: Path) -> None:
    dsn = committed(home, "acme", "bob")
    for said, asked, keys, source in [
        (None, 2, 3, "commitments under the signed head"), (3, 3, 3, "commitments under the signed head"),
        (5000, 2, 5000, "as the operator says: more than stand under the signed head"),
        (4, 9, 9, "the marks that are asked about: more than stand under the signed head"),
    ]:  # fmt: skip
        counted = in_ledger(dsn, said, asked)
        assert (counted.keys, counted.source) == (keys, source)
        assert counted.tree and counted.tree.size == 3 and len(counted.under or ()) == 3
    assert in_ledger(None, 2, 5).keys == 5
    head = newest(dsn)
    assert head and [by_proof(head, "", said).keys for said in (None, 2, 3, 5000)] == [3, 2, 3, 5000]


def test_unsigned_commitments_make_k_no_smaller(home: Path) -> None:
    dsn = committed(home, "acme", "bob", sign=False)
    assert [in_ledger(dsn, said, 2).keys for said in (1, 7)] == [3, 7]
    assert in_ledger(dsn, 1, 2).tree is None


def test_the_marks_of_one_run_are_no_k(home: Path) -> None:
    """Customer by customer, each run would have the whole level: nothing is asked before K is known."""
    named = ["verify", "--master-key", str(home / "master.key"), "--suspect", "http://127.0.0.1:9/v1#m",
             "--customers", "acme", "-o", str(home / "e.html")]  # fmt: skip
    for more in ([], ["--ledger", committed(home, "acme", sign=False)]):
        done = CliRunner().invoke(app, [*named, *more])
        assert isinstance(done.exception, Misconfigured)
        assert "--committed" in str(done.exception) and "--ledger" in str(done.exception)
    assert not (home / "e.json").exists()
    assert not (home / "azeotrope-spent.jsonl").exists()


def test_where_no_log_counts_the_page_says_so(home: Path, served: Callable[..., str]) -> None:  # noqa: F811
    address = served(lambda server, body: server.answer("?"))
    run(home, "--suspect", address, "--customers", "acme", "--committed", "1001")
    page = (home / "e.html").read_text()
    assert "K, keys ever issued; no log counts them" in page and "K, keys committed" not in page
    assert "over 1,001 keys, which no log counts," in twin(home)["claim"]


def test_a_changed_twin_fails_the_check(home: Path, served: Callable[..., str]) -> None:  # noqa: F811
    address = served(lambda server, body: server.answer(KNOWING(body)))
    run(home, "--suspect", address, "--customers", "acme", "--signing-key", str(home / "report.key"))
    file = home / "e.json"
    file.write_text(file.read_text().replace("acme", "bobo"))
    checked = CliRunner().invoke(app, ["verify", "check", str(file)])
    assert checked.exit_code == 1
    assert "FAILS" in checked.output


def test_a_hostile_twin_cannot_paint_the_terminal(home: Path, served: Callable[..., str]) -> None:  # noqa: F811
    run(home, "--suspect", served(lambda server, body: server.answer("?")), "--customers", "acme")
    file = home / "e.json"
    file.write_text(file.read_text().replace('"verdict":"no evidence at this power","version"',
                                             '"verdict":"\\u001b[2Jall of it holds","version"'))  # fmt: skip
    checked = CliRunner().invoke(app, ["verify", "check", str(file)], color=True)
    assert checked.exit_code == 1
    assert "all of it holds" in checked.output
    assert "\x1b" not in checked.output


def test_a_report_that_could_not_be_written_costs_no_probe(home: Path, served: Callable[..., str]) -> None:  # noqa: F811
    asked: list[Any] = []
    address = served(lambda server, body: asked.append(body) or server.answer("?"))
    dsn = committed(home, "acme")
    (home / "file").write_text("")
    (home / "folder.html").mkdir()
    for output in ("file/e.html", "folder.html"):
        done = run(home, "--suspect", address, "--customers", "acme", "--ledger", dsn, "-o", str(home / output))
        assert isinstance(done.exception, Misconfigured), done.output
    assert not asked
    assert not spent(dsn)


def test_a_hopeless_level_is_exit_four(home: Path) -> None:
    done = run(home, "--suspect", "http://127.0.0.1:9/v1", "--customers", "acme", "--alpha", "1e-45")
    assert done.exit_code == 4
    assert "refused: the calibration cannot support this level" in done.output


@pytest.mark.parametrize("given", [[], ["--suspect", "x", "--epochs", "soon"], ["--suspect", "nothing"]])
def test_mistakes_are_named(home: Path, given: list[str]) -> None:
    done = run(home, "--customers", "acme", *given)
    assert isinstance(done.exception, Misconfigured)


def test_power_is_a_table() -> None:
    done = CliRunner().invoke(app, ["verify", "power", "--marked-responses", "600", "--customers", "10"])
    assert done.exit_code == 0
    assert "marked needed" in done.output
    assert len(done.output.splitlines()) >= 8


def test_power_takes_a_student_to_be_a_slow_one_unless_it_is_told() -> None:
    asked = ["verify", "power", "--marked-responses", "1000", "--customers", "10"]
    slow, quick = (CliRunner().invoke(app, [*asked, *more]).output for more in ([], ["--exposures", "30"]))
    assert "after 320 readings" in slow and slow == CliRunner().invoke(app, [*asked, "--exposures", "320"]).output
    told = [[float(cell) for cell in line.split()[3:7]] for line in slow.splitlines() if line.split()[0] == "16"]
    assert told == [[0.0] * 4], "1,000 marked responses tell each of 16 some 63 times"
    assert "after 30 readings" in quick and quick != slow


def test_a_suspects_key_that_is_not_there_is_said_before_anything_is_asked(home: Path, monkeypatch: Any) -> None:
    monkeypatch.delenv("SUSPECTS_KEY", raising=False)
    done = run(home, "--suspect", "http://127.0.0.1:9/v1#m", "--customers", "acme", "--suspect-key-env", "SUSPECTS_KEY")
    assert isinstance(done.exception, Misconfigured) and "SUSPECTS_KEY" in str(done.exception)
    assert not (home / "azeotrope-spent.jsonl").exists()
