"""What a report says of time: no more than was looked at."""

from collections.abc import Callable

from azeotrope.types import Request
from azeotrope.verify import Outcome
from azeotrope.verify.records import Tree
from azeotrope.verify.sealing import check, sealed
from azeotrope.verify.signing import holds
from azeotrope.verify.telling import time_sentence

from .conftest import heart, student

TREE = Tree(3, "ab", "2026-11-25T08:00:00+00:00", "cd", "ef")


def test_a_stamp_that_nobody_judged_is_not_called_proof() -> None:
    stamped = time_sentence(Tree(TREE.size, TREE.root, TREE.time, TREE.key, TREE.signature, stamp="30"))
    assert "not judged here" in stamped and "azeotrope ledger check" in stamped and TREE.time in stamped


def test_without_a_stamp_time_is_self_asserted() -> None:
    assert time_sentence(None) == time_sentence(TREE) == "time is self-asserted"


def test_a_claim_quotes_what_proved(judge: Callable[..., Outcome]) -> None:
    """A suspect that says its targets first and then half of all numbers: each is a hit by chance in the end."""
    known, times = student(heart("acme")), dict[str, int]()
    flood = " ".join(map(str, range(10_000, 60_000)))

    def floods(request: Request) -> str:
        said = known(request)
        times[said] = times.get(said, 0) + 1
        return said if times[said] == 1 else flood

    found = judge(floods, names=("acme",), to_the_end=True).evidence
    one = found.marks[1]
    assert one.verdict == "met acme's mark"
    assert one.log_p is not None and one.log_p > -6
    assert "ever reaches this e-value" in found.claim and "names as many" not in found.claim
    assert holds(check(sealed(found, None)))
    assert "names as many with probability 1.0e-40" in judge(known, names=("acme",), to_the_end=True).evidence.claim
