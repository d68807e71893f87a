"""The JSON twin: signed, checked without secrets, and any change of it found out."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import pytest
from msgspec.structs import replace

from azeotrope.codec import decode, encode
from azeotrope.errors import Misconfigured
from azeotrope.ledger import Signer
from azeotrope.math.stats import Answered, Belief, Rule, Wealth
from azeotrope.math.stats import found as judged_as
from azeotrope.verify import Outcome
from azeotrope.verify.detecting import power
from azeotrope.verify.examining import key_null, screened, sealed_digest
from azeotrope.verify.records import Signed, Tree
from azeotrope.verify.sealing import check, sealed
from azeotrope.verify.signing import COUNTED, LEAVES, holds, tree_of
from azeotrope.verify.telling import claim, overall, time_sentence

from .conftest import heart, student

SIGNER = Signer(b"\x05" * 32)


@pytest.fixture
def twins(judge: Callable[..., Outcome]) -> dict[str, Signed]:
    return _twins(judge)


@cache
def _made(judge: Callable[..., Outcome]) -> dict[str, Outcome]:
    known = student(heart("acme"))
    return {
        "early": judge(known), "whole": judge(known, to_the_end=True, disclose=True), "none": judge(lambda _: "12345"),
        "refused": judge(known, alpha=1e-45),
    }  # fmt: skip


def _twins(judge: Callable[..., Outcome]) -> dict[str, Signed]:
    return {name: sealed(outcome.evidence, SIGNER) for name, outcome in _made(judge).items()}


def test_what_was_written_holds(twins: dict[str, Signed]) -> None:
    for twin in twins.values():
        read = decode(encode(twin), Signed)
        assert holds(check(read)), check(read)
        assert holds(check(read, SIGNER.public.hex()))
        assert not holds(check(read, "00" * 32))
        assert holds(check(sealed(read.evidence, None)))


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [at for key, one in value.items() for at in leaves(one, (*path, key))]
    if isinstance(value, list):
        return [at for key, one in enumerate(value) for at in leaves(one, (*path, key))]
    return [path]


def test_every_changed_value_breaks_the_signature(twins: dict[str, Signed]) -> None:
    for name in ("early", "refused"):
        plain = json.loads(encode(twins[name]))
        for path in leaves(plain["evidence"]):
            changed = json.loads(json.dumps(plain))
            inside = changed["evidence"]
            for key in path[:-1]:
                inside = inside[key]
            old = inside[path[-1]]
            inside[path[-1]] = {bool: not old, int: 7919, float: 0.123, str: "x", type(None): None}[type(old)]
            if inside[path[-1]] == old and type(inside[path[-1]]) is type(old):
                continue
            try:
                twin = decode(json.dumps(changed), Signed)
            except Exception:
                continue
            assert not holds(check(twin)), path


Change = Callable[[Any], Any]


def last(found: Any) -> Any:
    return found.marks[-1]


def with_last(found: Any, **changes: Any) -> Any:
    return replace(found, marks=(*found.marks[:-1], replace(last(found), **changes)))


def line(found: Any, **changes: Any) -> Any:
    lines = last(found).lines
    return with_last(found, lines=(replace(lines[0], **changes), *lines[1:]))


@pytest.mark.parametrize(
    ("which", "change"),
    [
        ("none", lambda e: replace(e, verdict="met bob's mark")),
        ("none", lambda e: with_last(e, verdict="met bob's mark")),
        ("none", lambda e: line(e, hit=True)),
        ("none", lambda e: with_last(e, hits=1)),
        ("none", lambda e: with_last(e, failed=3)),
        ("none", lambda e: with_last(e, log_p=None)),
        ("none", lambda e: with_last(e, lines=last(e).lines[:-1], probes=19)),
        ("early", lambda e: replace(e, keys=10**9)),
        ("early", lambda e: with_last(e, log_e=99.0)),
        ("early", lambda e: with_last(e, log_p=-40.0)),
        ("early", lambda e: with_last(e, committed=False)),
        ("early", lambda e: with_last(e, power=0.5)),
        ("early", lambda e: replace(e, claim="He did it.")),
        ("early", lambda e: replace(e, time="time is attested")),
        ("early", lambda e: replace(e, beliefs=((0.999, 0.999),))),
        ("early", lambda e: replace(e, screening=("bob",))),
        ("none", lambda e: replace(e, settings=replace(e.settings, budget=2))),
        ("whole", lambda e: line(e, answer="It is 54321.")),
        ("whole", lambda e: with_last(e, disclosed=())),
        ("whole", lambda e: line(e, fresh=9)),
    ],
)  # fmt: skip
def test_who_signs_wrong_arithmetic_is_found_out(twins: dict[str, Signed], which: str, change: Change) -> None:
    """Signed anew by the key's holder: the numbers alone give it away."""
    assert not holds(check(sealed(change(twins[which].evidence), SIGNER)))


def test_digests_bind_the_operator_to_every_word(judge: Callable[..., Outcome]) -> None:
    outcome = _made(judge)["early"]
    lines = {(one.mark, at): each for one in outcome.evidence.marks for at, each in enumerate(one.lines)}
    kept = [one for one in outcome.kept if one.line >= 0]
    assert len(kept) == len(lines)
    for one in kept:
        public = lines[one.mark, one.line].digest
        assert public == sealed_digest(one.salt, one.question, one.answer)
        assert public != sealed_digest(one.salt, one.question, f"{one.answer}.")
        assert public != sealed_digest("00" * 16 if one.salt != "00" * 16 else "11" * 16, one.question, one.answer)


def test_the_screening_list_is_of_what_the_wealth_came_to_at_the_end(twins: dict[str, Signed]) -> None:
    """The largest wealth on the way has no bounded mean: e-BH may not be given it."""
    one = twins["whole"].evidence.marks[1]
    assert screened([one]) == ("acme",)
    lost = replace(one, lines=(*one.lines[:-1], replace(one.lines[-1], log_e=1.0)))
    assert lost.log_e > 20
    assert screened([lost]) == screened([]) == ()


def test_one_hit_and_a_belief_made_for_it_prove_nothing(twins: dict[str, Signed]) -> None:
    """Beliefs are part of the test: chosen after the answers, or beyond 1, they would prove anything."""
    found = twins["early"].evidence
    one = last(found)
    hit = next(line for line in one.lines if line.hit)
    for spread in ((0.5, 1e9), (1.0, 1.0)):
        belief = Belief(*spread)
        rule = Rule(found.settings.alpha, found.keys, found.targets, (belief,))
        answers = [Answered(hit.association, hit.fresh, True)]
        log_e = Wealth(rule.values, rule.beliefs).take(answers[0])
        mark = replace(
            one, lines=(replace(hit, log_e=log_e),), probes=1, hits=1, asked=1, log_e=log_e, null=None,
            power=power(answers, Rule(*rule[:3]), complete=False),
        )  # fmt: skip
        draft = replace(found, marks=(*found.marks[:-1], mark), beliefs=(spread,))
        draft = replace(draft, claim=claim(draft), screening=screened(draft.marks))
        assert not holds(check(sealed(draft, SIGNER)))


def under_a_head(found: Any, at: str = "2020-01-01T00:00:00+00:00", **changes: Any) -> Any:
    """The evidence as though its marks were committed under a head of 1,001 leaves that was signed then."""
    signed = datetime.fromisoformat(at)
    tree = tree_of(SIGNER.sign(1001, b"\x01" * 32, int(signed.timestamp() * 1e6)))
    draft = replace(
        found, tree=tree, keys_from=COUNTED, marks=tuple(replace(one, committed=True) for one in found.marks)
    )
    draft = replace(draft, **changes)
    return replace(draft, claim=claim(draft), time=time_sentence(draft.tree))


def later(found: Any, seconds: int) -> str:
    return (datetime.fromisoformat(found.started) + timedelta(seconds=seconds)).isoformat()


def faults(found: Any) -> list[str]:
    return [one.what for one in check(sealed(found, SIGNER)) if not one.holds]


def test_a_head_is_older_than_the_first_probe_by_the_time_that_was_signed(twins: dict[str, Signed]) -> None:
    found = twins["early"].evidence
    for seconds in (-3600, 0):
        assert not faults(under_a_head(found, later(found, seconds)))
    young = under_a_head(found, later(found, 1))
    assert faults(young) == ["by its own clock the head is older than the run"]
    backdated = under_a_head(found, tree=replace(young.tree, time="2020-01-01T00:00:00+00:00"))
    assert faults(backdated) == [
        "the time that is given for the head is the one that was signed",
        "by its own clock the head is older than the run",
    ]
    unsigned = under_a_head(found, tree=replace(backdated.tree, microseconds=1_577_836_800_000_000))
    assert any("head that K was counted under is signed" in what for what in faults(unsigned))
    for started in ("", "tomorrow", "2026-01-01T00:00:00", "~"):
        assert faults(replace(under_a_head(found), started=started))


@pytest.mark.parametrize("committed", [None, False])
def test_under_a_head_nobody_is_met_whose_key_is_not_known_to_be_committed(
    twins: dict[str, Signed], committed: bool | None
) -> None:
    found = under_a_head(twins["early"].evidence)
    assert not faults(found)
    (said,) = faults(with_last(found, committed=committed))
    assert said.endswith("its key was not committed")


def test_without_a_head_no_key_is_called_committed(twins: dict[str, Signed]) -> None:
    (said,) = faults(with_last(twins["early"].evidence, committed=True))
    assert said.endswith("under no head")


@pytest.mark.parametrize(("source", "size", "fits"), [
    (COUNTED, 1000, False), (COUNTED, 1001, True), (COUNTED, 5000, True), (LEAVES, 1000, False), (LEAVES, 1001, True),
    (LEAVES, 5000, False), ("as the operator says", 3, True),
])  # fmt: skip
def test_k_fits_the_head_that_it_is_said_to_come_from(
    twins: dict[str, Signed], source: str, size: int, fits: bool
) -> None:
    tree = tree_of(SIGNER.sign(size, b"\x01" * 32, 1))
    found = under_a_head(twins["early"].evidence, tree=tree, keys_from=source)
    assert found.keys == 1001
    assert faults(found) == ([] if fits else ["K is no other than the head allows"])


TREE = Tree(3, "01" * 32, "2020-01-01T00:00:00+00:00", "02" * 32, "03" * 64, microseconds=1)
HUGE: list[Any] = [-1, 0, 2**70, -(2**70), -1.0, 1e308, -1e308, 5e-324, 2.0, "", "\x1b[2J", None, True]


def test_a_hostile_file_is_refused_and_breaks_nothing(twins: dict[str, Signed]) -> None:
    """Whatever numbers stand where: findings, never a traceback."""
    plain = json.loads(encode(sealed(replace(twins["early"].evidence, tree=TREE), SIGNER)))
    marks = plain["evidence"]["marks"]
    plain["evidence"]["marks"] = [{**marks[-1], "lines": marks[-1]["lines"][:2]}]
    for path in leaves(plain):
        for value in HUGE:
            changed = json.loads(json.dumps(plain))
            inside = changed
            for key in path[:-1]:
                inside = inside[key]
            inside[path[-1]] = value
            try:
                twin = decode(json.dumps(changed), Signed)
            except Misconfigured:
                continue
            assert not holds(check(twin)), path


@pytest.mark.parametrize("fresh", [1, 5_000, 99_999])
def test_a_hostile_file_cannot_keep_the_checker_busy(twins: dict[str, Signed], fresh: int) -> None:
    """A thousand associations, which no mark has: counting their outcomes would take all memory."""
    found = twins["none"].evidence
    one = found.marks[1]
    lines = tuple(replace(one.lines[0], association=at, fresh=fresh) for at in range(1000))
    mark = replace(one, lines=lines, probes=1000, asked=1000)
    draft = replace(found, settings=replace(found.settings, budget=1000), marks=(mark,))
    said = [one.what for one in check(sealed(draft, SIGNER)) if not one.holds]
    assert any("more associations than half a mark has" in what for what in said)


def anew(found: Any, **changes: Any) -> Any:
    """With its last mark changed, and all sentences over it as they follow from that."""
    draft = with_last(found, **changes)
    draft = replace(draft, verdict=overall(draft.marks), screening=screened(draft.marks))
    return replace(draft, claim=claim(draft))


@pytest.mark.parametrize("verdict", ["met bob's mark", "met the operator's mark", "met acme's mark, and bob's", "met"])
def test_a_verdict_names_whom_the_mark_was_issued_to(twins: dict[str, Signed], verdict: str) -> None:
    found = twins["early"].evidence
    assert not faults(anew(found))
    (said,) = faults(anew(found, verdict=verdict))
    assert said.endswith("names somebody else")


def test_a_probe_that_failed_has_the_wealth_before_it_so_that_nobody_gets_on_the_screening_list(
    twins: dict[str, Signed],
) -> None:
    """What a failed last line says of its e-value, the list would take for what the mark ended with."""
    found = twins["none"].evidence
    one = last(found)
    lost = replace(one.lines[-1], outcome="failed", why="unavailable", fresh=0, hit=False)
    rule = Rule(found.settings.alpha, found.keys, found.targets)
    answers = [Answered(line.association, line.fresh, line.hit) for line in one.lines[:-1]]
    for log_e, listed in ((one.lines[-2].log_e, ()), (50.0, ("bob",))):
        draft = anew(
            found, lines=(*one.lines[:-1], replace(lost, log_e=log_e)), failed=1, log_p=None, log_e=0.0,
            power=power(answers, rule, complete=False),
            null=key_null(answers, rule, judged_as(answers, rule, complete=False)),
        )  # fmt: skip
        assert draft.screening == listed
        assert [what for what in faults(draft) if "e-values" in what] if listed else not faults(draft)
