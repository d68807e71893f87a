"""Keys are bound to what they are for, uniform, private in their file, and never shown."""

import itertools
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from azeotrope import keys
from azeotrope.errors import Misconfigured
from azeotrope.keys import Key, Master, Stream, commitment
from azeotrope.ledger import Signer, commitments, newest, vouching
from azeotrope.marks import Law

from .ledger.conftest import authority  # noqa: F401 - a fixture

MASTER = Master((bytes(range(32)), bytes(range(32, 64))))


def test_a_key_is_bound_to_customer_purpose_and_epoch() -> None:
    made = [
        key.bytes(purpose)
        for key in (MASTER.key("acme"), MASTER.key("acme", 1), MASTER.key("acm"), MASTER.operator(), MASTER.operator(1))
        for purpose in ("a", "b", "", "a#0")
    ]
    assert len(set(made)) == len(made) == 20
    assert MASTER.key("acme").bytes("a") == Master.parse(MASTER.text(), "here").key("acme").bytes("a")
    assert MASTER.key("acme").bytes("a", 100)[:32] == MASTER.key("acme").bytes("a")


def test_hkdf_is_rfc_5869s() -> None:
    """Appendix A.1, by the library; `Key.bytes` is that expansion."""
    prk = bytes.fromhex("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5")
    info = bytes.fromhex("f0f1f2f3f4f5f6f7f8f9").decode("latin-1")
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

    okm = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
    assert HKDFExpand(SHA256(), 42, info.encode("latin-1")).derive(prk).hex() == okm
    assert Key("c", 1, prk).bytes("abc", 42) == HKDFExpand(SHA256(), 42, b"abc").derive(prk)


class Bytes:
    """Stands for a key whose bytes are given."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def bytes(self, purpose: str, length: int) -> bytes:
        return self._data if purpose.endswith("#0") else bytes(length)


@pytest.mark.parametrize("below", [1, 2, 3, 5, 100, 129, 255, 256])
def test_every_integer_comes_from_equally_many_byte_strings(below: int) -> None:
    """Exactly uniform: over all pairs of bytes each value comes equally often, those rejected twice aside."""
    counts: Counter[int] = Counter()
    bits = (below - 1).bit_length()
    for first, second in itertools.product(range(256), repeat=2):
        accepted = [value >> (8 - bits) for value in (first, second) if value >> (8 - bits) < below]
        if bits and not accepted:
            continue
        counts[Stream(Bytes(bytes([first, second])), "x").below(below)] += 1
    assert set(counts) == set(range(below))
    assert len(set(counts.values())) == 1


def test_integers_of_many_keys_are_uniform() -> None:
    """Chi-square over 100 cells, 20,000 keys: within 5 standard deviations of its mean."""
    counts = Counter(MASTER.key(f"customer-{i}").integer("target", 100_000) // 1000 for i in range(20_000))
    statistic = sum((counts[cell] - 200) ** 2 / 200 for cell in range(100))
    assert abs(statistic - 99) < 5 * (2 * 99) ** 0.5


@given(st.integers(1, 2**80))
def test_an_integer_is_below_its_bound(bound: int) -> None:
    assert 0 <= MASTER.key("acme").integer("p", bound) < bound


def test_a_long_stream_does_not_repeat_itself() -> None:
    stream = MASTER.key("acme").stream("many")
    assert len({stream.below(1 << 64) for _ in range(1000)}) == 1000
    with pytest.raises(Misconfigured):
        stream.below(0)


def test_a_commitment_binds_to_key_customer_epoch_and_law_and_opens_by_what_is_revealed() -> None:
    key = MASTER.key("acme")
    made = {commitment(MASTER.key(name, epoch), law)
            for name in ("acme", "other") for epoch in (1, 2) for law in ("law", "other law")}  # fmt: skip
    assert len(made) == 8
    assert all(len(one) == 32 for one in made)
    assert commitment(Key("acme", key.epoch, bytes.fromhex(key.reveal())), "law") == commitment(key, "law")
    assert Key("acme", key.epoch, bytes.fromhex(key.reveal())) == key


def test_rotation_keeps_the_id_and_the_retired_epochs_keys() -> None:
    new = MASTER.rotated()
    assert (new.id, new.epoch, list(new.epochs)) == (MASTER.id, 3, [1, 2, 3])
    for epoch in (1, 2):
        assert new.key("acme", epoch).bytes("p") == MASTER.key("acme", epoch).bytes("p")
    assert new.key("acme").mark != MASTER.key("acme").mark
    with pytest.raises(Misconfigured, match="has no epoch 4: it has 1 to 3"):
        new.key("acme", 4)
    assert MASTER.rotated().key("acme").mark != new.key("acme").mark  # a fresh secret, not a derived one


def test_nobody_is_called_as_the_operator() -> None:
    from azeotrope.gateway.customers import NAME

    assert not NAME.fullmatch(keys.OPERATOR)
    alike = ("(Operator)", " (operator) ", "\uff08operator\uff09", "(oper\u00adator)")
    for name in ("", keys.OPERATOR, *alike, "acme\nmet bob's mark", "\u202eemca", "a\udc80"):
        with pytest.raises(Misconfigured):
            MASTER.key(name)


def test_nothing_secret_is_shown_or_encoded() -> None:
    key = MASTER.key("acme")
    for secret in (bytes(range(32)).hex(), bytes(range(32, 64)).hex(), key.reveal()):
        assert secret not in repr(MASTER) + repr(key) + repr([key]) + str(key)
    for value in (MASTER, key):
        with pytest.raises(TypeError):
            msgspec.json.encode(value)
    assert not hasattr(key, "__dict__")


# the file


def test_the_file_is_its_owners_alone_and_is_never_replaced_by_new(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    keys.write(MASTER, path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert Master.read(path).key("acme") == MASTER.key("acme")
    with pytest.raises(Misconfigured, match="is there already"):
        keys.write(Master.new(), path)
    with pytest.raises(Misconfigured, match="no file's name"):
        keys.write(MASTER, Path())
    assert Master.read(path).id == MASTER.id
    assert [one.name for one in tmp_path.iterdir()] == ["master.key"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o666])
def test_a_file_that_others_can_read_or_write_is_refused_with_the_cure(tmp_path: Path, mode: int) -> None:
    keys.write(MASTER, path := tmp_path / "master.key")
    path.chmod(mode)
    with pytest.raises(Misconfigured, match=f"chmod 600 {path}"):
        Master.read(path)


def test_a_link_to_the_file_stays_one_and_both_names_get_the_new_epoch(tmp_path: Path) -> None:
    keys.write(MASTER, path := tmp_path / "master.key")
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "link"
    link.symlink_to(path)
    new = keys.rotate(link)
    assert link.is_symlink()
    assert Master.read(path).key("acme") == Master.read(link).key("acme") == new.key("acme")
    path.chmod(0o644)
    with pytest.raises(Misconfigured, match="chmod 600"):  # the file's mode counts, not the link's
        Master.read(link)


def test_there_is_no_default_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(keys.VARIABLE, raising=False)
    with pytest.raises(Misconfigured, match="azeotrope keys new"):
        Master.read()
    with pytest.raises(Misconfigured, match="azeotrope keys new"):
        Master.read(tmp_path / "none")
    monkeypatch.setenv(keys.VARIABLE, MASTER.text().replace("\n", " "))
    assert Master.read().id == MASTER.id


@given(st.text(max_size=200) | st.text("azeotrop-mskey1 0:\n", max_size=200))
def test_no_text_but_a_master_key_is_taken_for_one(text: str) -> None:
    with pytest.raises(Misconfigured, match=r"^there holds no master key"):
        Master.parse(text, "there")


@given(st.data())
def test_a_damaged_master_key_is_refused_without_being_quoted(data: st.DataObject) -> None:
    text = MASTER.text()
    at = data.draw(st.integers(0, len(text) - 2))
    cut = (
        text[:at]
        if data.draw(st.booleans())
        else text[:at] + data.draw(st.sampled_from(["", "x", " ", ":"])) + text[at + 1 :]
    )
    try:
        found = Master.parse(cut, "there")
    except Misconfigured as error:
        assert bytes(range(32)).hex()[:20] not in str(error)
    else:  # cut between two epochs: whole ones are left
        assert found.key("acme", 1) == MASTER.key("acme", 1)


# the command


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if name != keys.VARIABLE} | environment
    return subprocess.run(
        [sys.executable, "-m", "azeotrope", "keys", *arguments], capture_output=True, text=True, env=env
    )


def test_new_rotate_and_show_id(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    made = run("new", str(path))
    secret = path.read_text().split(":")[1].strip()
    rotated, shown = run("rotate", str(path)), run("show-id", str(path))
    by_variable = run("show-id", **{keys.VARIABLE: path.read_text()})
    again, nothing = run("new", str(path)), run("show-id")
    assert [one.returncode for one in (made, rotated, shown, by_variable, again, nothing)] == [0, 0, 0, 0, 2, 2]
    master = Master.read(path)
    assert master.epoch == 2
    assert master.id in made.stdout
    assert shown.stdout == by_variable.stdout
    assert "epoch 2" in rotated.stdout
    for one in (made, rotated, shown, by_variable, again, nothing):
        assert secret not in one.stdout + one.stderr
        assert "Traceback" not in one.stderr


def test_commit_writes_what_verify_counts_and_nothing_twice(tmp_path: Path) -> None:
    files = {name: str(tmp_path / name) for name in ("master", "sign", "ledger.db")}
    run("new", files["master"])
    subprocess.run([sys.executable, "-m", "azeotrope", "ledger", "key", files["sign"]], check=True, capture_output=True)
    rest = ["--ledger", files["ledger.db"], "--signing-key", files["sign"], "--master-key", files["master"]]
    assert "3 of 3" in run("commit", "--customers", "acme, bob", *rest).stdout
    assert "1 of 3" in run("commit", "--customers", "bob,carl", *rest).stdout
    unstamped = run("commit", "--customers", "bob", *rest, "--authority", "http://127.0.0.1:1/tsr")
    assert unstamped.returncode == 3 and "not time-stamped" in unstamped.stderr
    master, head = Master.read(tmp_path / "master"), newest(tmp_path / "ledger.db")
    assert head
    found = commitments(tmp_path / "ledger.db", under=head)
    wanted = [master.operator(), *map(master.key, ("acme", "bob", "carl"))]
    assert [one.commitment for one in found] == [commitment(key, Law().digest).hex() for key in wanted]


def test_commit_has_its_head_stamped(tmp_path: Path, authority: Any) -> None:  # noqa: F811
    keys.write(MASTER, tmp_path / "master")
    Signer.make(tmp_path / "sign")
    named = [
        "commit",
        "--customers",
        "acme",
        "--ledger",
        str(tmp_path / "l.db"),
        "--signing-key",
        str(tmp_path / "sign"),
    ]
    done = run(*named, "--master-key", str(tmp_path / "master"), "--authority", authority.url)
    assert done.returncode == 0, done.stderr
    head = newest(tmp_path / "l.db")
    assert head and head.stamp and head == vouching(tmp_path / "l.db")
