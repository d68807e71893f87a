"""A text's reading as a file: signed, checked without secrets, any change of it found out, and bound to a law."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from typer.testing import CliRunner

from azeotrope.cli import app
from azeotrope.codec import decode, encode
from azeotrope.errors import Misconfigured
from azeotrope.keys import commitment
from azeotrope.ledger import Signer
from azeotrope.marks import Law, Tokens, associations
from azeotrope.types import Greenness
from azeotrope.verify.records import MET, NOTHING
from azeotrope.verify.signing import Finding, holds
from azeotrope.verify.text_records import Scored, SignedText, TextEvidence
from azeotrope.verify.text_sealing import check, decided, sealed
from azeotrope.verify.texts import judged

from .test_command import committed, home  # noqa: F401 - a fixture
from .test_sealing import leaves
from .test_texts import ACME, CONFIG, LAW, MASTER, greened, reading, said  # noqa: F401 - a fixture

SIGNER = Signer(b"\x06" * 32)
OTHERS = [MASTER.key(f"c{at}") for at in range(5)]
FOUND = judged("them", said(1, ACME), [*OTHERS, ACME], reading(1000))


def faults(found: list[Finding]) -> list[str]:
    return [one.what for one in found if one.holds is False]


def test_what_was_read_holds_signed_or_not() -> None:
    for evidence in (FOUND, judged("x", said(2), OTHERS, reading(7)), judged("x", ["1 2"], OTHERS, reading(7))):
        twin = decode(encode(sealed(evidence, SIGNER)), SignedText)
        assert holds(check(twin)) and holds(check(twin, SIGNER.public.hex())) and not holds(check(twin, "00" * 32))
        bare = sealed(evidence, None)
        assert holds(check(bare)) and not holds(check(bare, SIGNER.public.hex()))


def test_every_change_of_a_value_breaks_the_signature() -> None:
    plain = json.loads(encode(sealed(FOUND, SIGNER)))
    places = leaves(plain["evidence"])
    assert len(places) > 60
    for path in places:
        for other in ("x", 7, None):
            changed = json.loads(encode(sealed(FOUND, SIGNER)))
            at: Any = changed["evidence"]
            for key in path[:-1]:
                at = at[key]
            if at[path[-1]] == other and type(at[path[-1]]) is type(other):
                continue
            at[path[-1]] = other
            try:
                twin = decode(json.dumps(changed), SignedText)
            except Misconfigured:
                continue
            assert not holds(check(twin)), path


FORGED = [
    (lambda e: replace(e, verdict=NOTHING), "verdicts, claim"),
    (lambda e: replace(e, alpha=e.alpha * 1e3), "verdicts, claim"),
    (lambda e: replace(e, keys=1_000_000), "verdicts, claim"),
    (lambda e: replace(e, keys=3), "K are such as"),
    (lambda e: replace(e, gamma=0.25), "p is not that"),
    (lambda e: replace(e, gamma=1.5), "K are such as"),
    (lambda e: replace(e, scored=e.scored + 1), "than there are pairs"),
    (lambda e: replace(e, scored=10**12), "than there are pairs"),
    (lambda e: replace(e, marks=e.marks[1:]), "verdicts, claim"),
    (lambda e: replace(e, marks=e.marks[::-1]), "verdicts, claim"),
    (lambda e: replace(e, marks=_greener(e, 1)), "p is not that"),
    (lambda e: replace(e, marks=_greener(e, 10**6)), "than there are pairs"),
    (lambda e: replace(e, marks=tuple(replace(one, committed=True) for one in e.marks)), "under no head"),
    (lambda e: replace(e, time="long ago"), "verdicts, claim"),
]


def _greener(evidence: TextEvidence, by: int) -> tuple[Scored, ...]:
    first, *rest = evidence.marks
    found = first.found
    return (replace(first, found=Greenness(found.green + by, found.scored, found.log_p)), *rest)


@pytest.mark.parametrize("at", range(len(FORGED)))
def test_a_signature_over_wrong_numbers_is_no_help(at: int) -> None:
    forge, why = FORGED[at]
    assert any(why in one for one in faults(check(sealed(forge(FOUND), SIGNER))))


COUNT = st.integers(-3, 3000) | st.integers(0, 10**10)


@given(green=COUNT, scored=COUNT, log_p=st.floats(), alpha=st.floats(), keys=st.integers())
def test_hostile_numbers_are_findings_and_no_crash(
    green: int, scored: int, log_p: float, alpha: float, keys: int
) -> None:  # fmt: skip
    marks = tuple(replace(one, found=Greenness(green, scored, log_p)) for one in FOUND.marks)
    check(sealed(replace(FOUND, marks=marks, alpha=alpha, keys=keys, scored=scored), None))


def test_a_law_that_names_the_bias_binds_it() -> None:
    bound = Law(tokens=Tokens(CONFIG.gamma, CONFIG.context, "0" * 64))
    assert bound.digest != LAW.digest and commitment(ACME, bound.digest) != commitment(ACME, LAW.digest)
    assert associations(ACME, bound) == associations(ACME, LAW), "the sentences do not depend on it"
    mine = decided(replace(FOUND, law=bound, tokenizer="0" * 64))
    assert holds(check(sealed(mine, SIGNER))) and "no commitment binds" not in mine.claim
    assert "no commitment binds" in FOUND.claim
    for other in (replace(mine, context=2), replace(mine, tokenizer="1" * 64)):
        assert faults(check(sealed(other, SIGNER))) == [
            "gamma, context and tokenizer are those of the law that commitments bind to"
        ]


def test_signed_on_the_command_line_and_checked_there(home: Path, greened: list[str]) -> None:  # noqa: F811
    file, out, key = home / "said.jsonl", home / "t.json", home / "report.key"
    file.write_text("".join(json.dumps({"text": one}) + "\n" for one in greened))
    dsn = committed(home, "acme", "bob")
    base = ["verify", "text", "--texts", str(file), "--tokenizer", "shipped:steps", "-o", str(out), "--customers"]
    base += ["acme", "--master-key", str(home / "master.key"), "--ledger", dsn]

    def call(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, words)
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.exit_code, done.output

    assert call(*base, "--set", "gamma=0.5", "--signing-key", str(key))[0] == 0
    twin = decode(out.read_bytes(), SignedText)
    assert twin.evidence.verdict == f"{MET} acme's mark"
    status, printed = call("verify", "check", str(out), "--public-key", twin.key)
    assert (status, printed.count("FAILS")) == (0, 0) and "open   gamma, context" in printed
    assert "the log's head that K was counted under is signed" in printed
    with pytest.raises(Misconfigured, match="no transcripts"):
        call("verify", "check", str(out), "--transcripts", str(file))
    marks = tuple(replace(one, committed=None) for one in twin.evidence.marks)
    assert [one for one in faults(check(sealed(replace(twin.evidence, marks=marks), SIGNER))) if "whoever's" in one]
    out.write_bytes(encode(replace(twin, evidence=replace(twin.evidence, suspect="somebody else"))))
    assert call("verify", "check", str(out))[0] == 1
    law = home / "law.toml"
    for gamma, tokenizer, why in ((0.25, twin.evidence.tokenizer, "the law has gamma"), (0.5, "0" * 64, "another tok")):
        law.write_text(f'[tokens]\ngamma = {gamma}\ncontext = 1\ntokenizer = "{tokenizer}"\n')
        with pytest.raises(Misconfigured, match=why):
            call(*base, "--set", "gamma=0.5", "--law", str(law))
    law.write_text(f'[tokens]\ngamma = 0.5\ncontext = 1\ntokenizer = "{twin.evidence.tokenizer}"\n')
    call(*base, "--law", str(law))
    again = decode(out.read_bytes(), SignedText).evidence
    assert (again.gamma, again.verdict) == (0.5, "refused: the calibration cannot support this level"), "another law"
    assert again.marks[0].committed is False and again.marks[0].found == twin.evidence.marks[0].found
