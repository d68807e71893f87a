"""A neutral party verifies with one customer's key: the committed one and no other, and it learns no other."""

import itertools
import json
import shutil
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from azeotrope.cli import app
from azeotrope.errors import Misconfigured
from azeotrope.keys import Key, Master, commitment, write
from azeotrope.ledger import Signer, Spent, commitments, newest, spent
from azeotrope.ledger.tables import notes
from azeotrope.marks import associations
from azeotrope.verify.revealing import opened, read_revealed, revealed, written

from ..ledger.conftest import authority  # noqa: F401 - a fixture
from .conftest import LAW, MASTER
from .test_command import appended, committed
from .test_suspects import knowing, served  # noqa: F401 - a fixture

KNOWING = knowing
SIGNER = Signer(b"\x09" * 32).public.hex()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """What the operator hands over, made by the command."""
    write(MASTER, tmp_path / "master.key")
    out = tmp_path / "acme.key"
    named = ["keys", "reveal", "acme", "--ledger", committed(tmp_path, "acme", "bob", "carol"), "-o", str(out)]
    done = CliRunner().invoke(app, [*named, "--master-key", str(tmp_path / "master.key")])
    assert done.exit_code == 0, done.output
    assert MASTER.key("acme").mark in done.output
    assert MASTER.key("acme").reveal() not in done.output
    return out


def neutral(file: Path, *more: str) -> Any:
    """Elsewhere: neither master key nor ledger is at hand."""
    place = file.parent / "elsewhere"
    for old in place.glob("e.*"):
        old.unlink()
    return CliRunner().invoke(
        app, ["verify", "--revealed", str(file), "--as-neutral", "-o", str(place / "e.html"), *more]
    )


def twin(file: Path) -> dict[str, Any]:
    return json.loads((file.parent / "elsewhere" / "e.json").read_text())["evidence"]


def test_a_neutral_party_meets_the_mark_with_the_half_kept_for_it(file: Path, served: Callable[..., str]) -> None:  # noqa: F811
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    address = served(lambda server, body: server.answer(KNOWING(body)))
    done = neutral(file, "--suspect", address, "--ledger-key", SIGNER)
    assert done.exit_code == 0, done.output
    found = twin(file)
    assert found["verdict"] == "met acme's mark"
    assert (found["keys"], found["keys_from"]) == (4, "leaves of the signed head, of which commitments are some")
    (one,) = found["marks"]
    assert one["committed"] is True
    assert {line["association"] for line in one["lines"]} <= set(range(8, 16))
    checked = CliRunner().invoke(app, ["verify", "check", str(file.parent / "elsewhere" / "e.json")])
    assert checked.exit_code == 0 and "FAILS" not in checked.output, checked.output
    assert not spent(file.parent / "ledger.db"), "the operator's ledger is not at hand"


def test_the_master_key_is_not_written_over(file: Path) -> None:
    master = file.parent / "master.key"
    was = master.read_bytes()
    named = ["keys", "reveal", "acme", "--ledger", str(file.parent / "ledger.db"), "-o", str(master)]
    by_file = {"args": [*named, "--master-key", str(master)]}
    for how in (by_file, {"args": named, "env": {"AZEOTROPE_MASTER_KEY": MASTER.text()}}):
        done = CliRunner().invoke(app, **how)
        assert isinstance(done.exception, Misconfigured) and "another file" in str(done.exception)
        assert master.read_bytes() == was


def test_an_innocent_suspect_is_not_met_and_k_comes_from_the_head_or_the_ledger(
    file: Path,
    served: Callable[..., str],  # noqa: F811
) -> None:
    address = served(lambda server, body: server.answer("It is 12345."))
    assert neutral(file, "--suspect", address).exit_code == 0
    assert (twin(file)["verdict"], twin(file)["keys"]) == ("no evidence at this power", 4)
    neutral(file, "--suspect", address, "--committed", "3", "--again")
    assert (twin(file)["keys"], twin(file)["keys_from"][:24]) == (3, "as whoever verifies has ")
    neutral(file, "--suspect", address, "--ledger", str(file.parent / "ledger.db"), "--again")
    assert (twin(file)["keys"], twin(file)["keys_from"]) == (4, "commitments under the signed head")


def test_a_ledger_without_a_head_makes_k_no_smaller(file: Path, served: Callable[..., str]) -> None:  # noqa: F811
    """Where the neutral party's own ledger only keeps what is spent, K is still the proof's."""
    (file.parent / "own").mkdir()
    own = committed(file.parent / "own", sign=False)
    address = served(lambda server, body: server.answer("It is 12345."))
    done = neutral(file, "--suspect", address, "--ledger", own)
    assert done.exit_code == 0, done.output
    assert (twin(file)["keys"], twin(file)["keys_from"][:6]) == (4, "leaves")
    assert spent(own)


def shorter(home: Path) -> str:
    return committed(home, "acme", "bob")


def signed_by_another(home: Path) -> str:
    return committed(home, "acme", "bob", "carol", signer=b"\x08" * 32)


def of_others(home: Path) -> str:
    """As long, signed by the same key, other leaves."""
    return committed(home, "acme", "bob", "dave")


def thinned(home: Path) -> str:
    """The proof's own log, a commitment made a note of another kind, so that it is counted no more."""
    dsn = home / "thinned.db"
    shutil.copy(home.parent / "ledger.db", dsn)
    with closing(sqlite3.connect(dsn)) as database, database:
        for (trigger,) in database.execute("select name from sqlite_master where type = 'trigger'").fetchall():
            database.execute(f"drop trigger {trigger}")
        done = database.execute(f"update {notes} set kind = 'spent' where seq = (select max(seq) from {notes})")
        assert done.rowcount == 1
    return str(dsn)


@pytest.mark.parametrize("made", [shorter, signed_by_another, of_others, thinned])
def test_a_ledger_that_is_not_the_proofs_own_log_counts_no_keys(file: Path, made: Callable[[Path], str]) -> None:
    """K from a log with fewer commitments would be too small."""
    (file.parent / "theirs").mkdir()
    done = neutral(file, "--suspect", "http://127.0.0.1:9/v1#m", "--ledger", made(file.parent / "theirs"))
    assert isinstance(done.exception, Misconfigured) and "not the log that the proof is of" in str(done.exception)
    assert not (file.parent / "elsewhere" / "e.json").exists()


def test_whoever_names_no_log_key_is_told_that_the_signer_is_unknown(file: Path, served: Callable[..., str]) -> None:  # noqa: F811
    address = served(lambda server, body: server.answer("It is 12345."))
    assert "whose key that is, nobody said" in neutral(file, "--suspect", address).output
    assert "nobody said" not in neutral(file, "--suspect", address, "--again", "--ledger-key", SIGNER).output


def test_no_other_key_is_in_it_and_none_can_be_computed_from_it(file: Path) -> None:
    """Other roots are other outputs of HKDF: none is the revealed one, or anything that is derived from it."""
    text, key = file.read_text(), MASTER.key("acme")
    newer = MASTER.rotated()
    others = [MASTER.operator(), MASTER.key("bob"), MASTER.key("carol"), newer.key("acme"), newer.operator()]
    assert key.reveal() in text
    assert not [one for one in others if one.reveal() in text or one.mark in text]
    assert "07" * 32 not in text, "the master secret"
    purposes = ("public id", "mark key", "bob", "carol", "1", "choice of requests", "")
    derived = {key.bytes(purpose).hex() for purpose in purposes}
    derived |= {Key(name, epoch, bytes.fromhex(key.reveal())).bytes(purpose).hex()
                for name, epoch, purpose in itertools.product(("bob", "carol"), (1, 2), purposes)}  # fmt: skip
    assert derived.isdisjoint(one.reveal() for one in others)
    # nor does it open another one's commitment, under whatever name
    promised = {one.customer: one.commitment for one in commitments(file.parent / "ledger.db")}
    for name in ("acme", "bob", "carol"):
        opens = commitment(Key(name, 1, bytes.fromhex(key.reveal())), LAW.digest).hex() == promised[name]
        assert opens == (name == "acme")
    theirs = {a.trigger for one in others for a in associations(one, LAW)}
    assert theirs.isdisjoint(a.trigger for a in associations(opened(read_revealed(file))[0], LAW))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"key": MASTER.key("bob").reveal()}, "not the key that was committed to for acme, epoch 1"),
        ({"customer": "bob"}, "not the key that was committed to for bob"),
        ({"epoch": 2}, "not the key that was committed to"),
        ({"law": {"associations": 32}}, "not as it was written|not the key that was committed to"),
    ],
)
def test_a_key_that_was_not_committed_to_is_refused_and_nothing_is_asked(
    file: Path,
    served: Callable[..., str],  # noqa: F811
    change: dict[str, Any],
    said: str,
) -> None:
    asked: list[Any] = []
    address = served(lambda server, body: asked.append(body) or server.answer("?"))
    given = read_revealed(file)
    for name, value in change.items():
        value = type(LAW)(**value) if name == "law" else value
        given = type(given)(**{**{field: getattr(given, field) for field in given.__struct_fields__}, name: value})
    file.write_text(written(given))
    done = neutral(file, "--suspect", address)
    assert isinstance(done.exception, Misconfigured)
    with pytest.raises(Misconfigured, match=said) as error:
        opened(read_revealed(file))
    assert MASTER.key("acme").reveal() not in str(error.value)
    assert not asked


def test_what_was_changed_in_the_file_is_refused(file: Path) -> None:
    text = file.read_text()
    assert opened(read_revealed(file), SIGNER)[0] == MASTER.key("acme")
    with pytest.raises(Misconfigured, match="signature"):
        opened(read_revealed(file), Signer(b"\x08" * 32).public.hex())
    for at in range(0, len(text) - 1, 7):
        file.write_text(text[:at] + ("0" if text[at] != "0" else "1") + text[at + 1 :])
        with pytest.raises(Misconfigured):
            opened(read_revealed(file))
    for cut in (0, len(text) // 2, len(text) - 1):
        file.write_text(text[:cut])
        with pytest.raises(Misconfigured):
            read_revealed(file)
    file.write_text(text)
    file.chmod(0o644)
    with pytest.raises(Misconfigured, match="chmod 600"):
        read_revealed(file)
    with pytest.raises(Misconfigured, match="no revealed key at"):
        read_revealed(file.with_name("none"))


def test_only_what_stands_in_the_log_is_revealed(file: Path) -> None:
    dsn = file.parent / "ledger.db"
    assert MASTER.key("acme").reveal() not in repr(revealed(MASTER.key("acme"), LAW, dsn))
    assert newest(dsn)
    for key in (MASTER.key("dora"), Master.new().key("acme")):
        with pytest.raises(Misconfigured, match=r"no commitment to mark [0-9a-f]+ under this law"):
            revealed(key, LAW, dsn)
    with pytest.raises(Misconfigured, match="under this law"):
        revealed(MASTER.key("acme"), type(LAW)(associations=32), dsn)


def test_the_proof_is_under_the_oldest_stamped_head_that_covers_every_commitment(
    tmp_path: Path,
    authority: Any,  # noqa: F811
) -> None:
    """One that covers this key's alone would make K, the number of its leaves, too small."""
    committed(tmp_path, "acme", authority=authority.url)
    dsn = committed(tmp_path, "bob", authority=authority.url)
    appended(dsn, Spent(MASTER.key("acme").mark, 0), authority=authority.url)
    appended(dsn, Spent(MASTER.key("acme").mark, 1))
    for name in ("acme", "bob"):
        head = opened(revealed(MASTER.key(name), LAW, dsn))[1]
        assert head.size == 4 and head.stamp


def test_a_mark_that_was_committed_under_two_laws_is_revealed_under_each(tmp_path: Path) -> None:
    """Its id is that of the key alone: only the commitment's hash tells the two apart."""
    laws, key = (LAW, type(LAW)(associations=32)), MASTER.key("acme")
    for law in laws:
        dsn = committed(tmp_path, "acme", law=law)
    for law in laws:
        given = revealed(key, law, dsn)
        assert given.law == law and opened(given, SIGNER)[0] == key
