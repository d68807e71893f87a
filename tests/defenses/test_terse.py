"""The outline: true, without values, without a run of the original, for any text."""

import re
import unicodedata

import pytest
from hypothesis import given as any_of
from hypothesis import strategies as st

from azeotrope import Given, Replay, Request, Trace, ask
from azeotrope.defenses.terse import FURTHER, HEADING, KINDS, OTHER, READ, outline, repeats
from azeotrope.errors import Misconfigured
from azeotrope.lift import defense

NUMBERS = set(
    re.findall(
        r"\w+",
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
        "seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million "
        "billion half third quarter once twice thrice double triple dozen first second fourth fifth pair single both",
    )
)
OURS = sorted({HEADING, FURTHER, OTHER, *KINDS})


async def terse(reasoning: str, **config: int) -> Trace:
    request = Request.of("?")
    return await ask(defense("terse", config)(Replay([Trace("t", request, reasoning, "42")])), request)


def steps(reasoning: str) -> list[str]:
    return outline(reasoning).split("\n")[1:]


def test_no_word_we_can_say_is_a_number() -> None:
    for text in OURS:
        assert not NUMBERS & set(re.findall(r"\w+", text.lower()))
        assert text.isascii() and not any(map(str.isnumeric, text))


@pytest.mark.parametrize(
    ("reasoning", "expected"),
    [
        ("She has 48/2 = <<48/2=24>>24 left.\nIn total 48+24 = 72.\n#### 72", ["division", "addition", "conclusion"]),
        ("Subtract 5 - 3. Then multiply by 4.", ["subtraction", "multiplication"]),
        ("We get \\frac{3}{4} and then \\sqrt{2}.", ["division, powers and roots"]),
        ("Either x is even. Suppose not. That is a contradiction.", ["case split", "assumption", "contradiction"]),
        ("Paris lies on the Seine. I recall that from school.", [OTHER, "recall"]),
        ("Differentiate the integral. Wait. Let me verify it.", [
            "differentiation, integration", "reconsideration", "check"]),
        ("先算总数。再检查。", [OTHER]),
        ("A twenty-four-year-old and/or a 7-km/h walk.", [OTHER]),
    ],
)  # fmt: skip
def test_the_outline_is_true(reasoning: str, expected: list[str]) -> None:
    assert steps(reasoning) == expected


def test_steps_of_one_kind_share_a_line_and_the_rest_is_said_to_exist() -> None:
    assert steps("Add. Add. Divide. Add.") == ["addition", "division", "addition"]
    assert outline("Add. Divide. Add.", 2).split("\n")[1:] == ["addition", "division", FURTHER]
    assert steps("Add.\n" * READ) == ["addition", FURTHER]


PIECES = st.one_of(
    st.text(),
    st.sampled_from([*OURS, *(word for words in KINDS.values() for word in words.split())]),
    st.sampled_from(["Add 12 and 7", "3 * 4 = 12", "\\frac{1}{2}", "twenty-four", ".", "\n", "½", "٣", "\u200b"]),
)


@any_of(st.lists(PIECES, max_size=40).map(" ".join))
async def test_nothing_of_the_original_is_left_whatever_it_is(reasoning: str) -> None:
    out = await terse(reasoning)
    again = await terse(reasoning)
    assert (out.reasoning, out.answer) == (again.reasoning, "42")
    words = out.reasoning.lower().split()
    original = " " + " ".join(reasoning.lower().split()) + " "
    assert not [w for w in zip(words, words[1:], words[2:], words[3:], strict=False) if f" {' '.join(w)} " in original]
    assert not any(unicodedata.numeric(c, None) is not None for c in out.reasoning)
    assert not NUMBERS & set(re.findall(r"\w+", out.reasoning.lower()))
    assert len(out.reasoning) < 45 * 80


@any_of(st.text(max_size=20), st.integers(1, 200), st.integers(1, 2000))
def test_the_outline_is_bounded(piece: str, lines: int, times: int) -> None:
    assert len(outline(piece * times, lines).split("\n")) <= lines + 2


async def test_an_original_written_with_the_outline_in_mind_is_withheld() -> None:
    spoof = "Add. Then divide. " + outline("Add. Then divide.")
    assert repeats(outline(spoof), spoof)
    out = await terse(spoof)
    assert (out.reasoning, out.lineage[0].outcome, out.lineage[0].failures) == ("", "withheld", ("declined",))


async def test_terse_can_stand_in_for_a_rewrite_that_fails() -> None:
    from azeotrope import rewriting

    async def fails(trace: Trace) -> None:
        return None

    request = Request.of("?")
    teacher = Replay([Trace("t", request, "Add 1+1.", "2")])
    out = await ask(rewriting(fails, name="x", given=Given(fallback="terse"))(teacher), request)
    assert (out.reasoning, out.lineage[0].outcome) == (f"{HEADING}\naddition", "fell_back")


@pytest.mark.parametrize("lines", [0, 201, "many"])
def test_a_wrong_bound_is_refused(lines: object) -> None:
    with pytest.raises(Misconfigured, match="steps"):
        defense("terse", {"steps": lines})
