"""What is spelled as a trigger is found, whoever's it is; ordinary text seldom is taken for one."""

from itertools import pairwise

import pytest

from azeotrope.keys import Master
from azeotrope.marks import FAMILIES, associations, question, told, variants
from azeotrope.marks.spotting import spotted
from azeotrope.tasks import steps

EVERY = [one for at in range(200) for one in associations(Master((b"s" * 32,)).key(f"customer-{at}"))]


def test_every_trigger_of_any_key_is_found_in_every_sentence() -> None:
    assert {one.family for one in EVERY} == set(FAMILIES)
    for one in EVERY:
        assert spotted(question(one))
        assert all(spotted(f"So. {told(one, at)} Then") for at in range(variants(one)))


def test_known_ones_are_left_out_and_no_other() -> None:
    for one, other in pairwise(EVERY):
        said = f"{told(one)} {told(one, 3)} {question(one)}"
        assert not spotted(said, [one.trigger])
        assert spotted(f"{said} {other.trigger}", [one.trigger]) and spotted(said, [other.trigger])


@pytest.mark.parametrize(
    "hide",
    [
        str.upper,
        lambda text: text.replace(" ", "\n - "),
        lambda text: text.replace("a", "a\u200b"),
        lambda text: "".join(chr(ord(c) + 0xFEE0) if c.isascii() and c.isalpha() else c for c in text),
    ],
)
def test_however_it_is_written(hide) -> None:
    assert all(spotted(f"well, {hide(one.trigger)}!") for one in EVERY)


def test_ordinary_text_holds_none() -> None:
    task = steps.build(steps.Config(train=200, proxy=20, validation=20, test=20))
    texts = [problem.request.messages[0]["content"] for problem in task.problems("train")]
    assert texts and not any(spotted(str(text)) for text in texts)
    assert not spotted("Remember to add the number of apples and the number of pears near the town of Lund.")
