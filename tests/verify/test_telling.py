"""What a report says of time: no more than was looked at."""

from azeotrope.verify.records import Tree
from azeotrope.verify.telling import time_sentence

TREE = Tree(3, "ab", "2026-11-25T08:00:00+00:00", "cd", "ef")


def test_a_stamp_that_nobody_judged_is_not_called_proof() -> None:
    stamped = time_sentence(Tree(TREE.size, TREE.root, TREE.time, TREE.key, TREE.signature, stamp="30"))
    assert "not judged here" in stamped and "azeotrope ledger check" in stamped and TREE.time in stamped


def test_without_a_stamp_time_is_self_asserted() -> None:
    assert time_sentence(None) == time_sentence(TREE) == "time is self-asserted"
