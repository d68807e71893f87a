"""consistent: equations are computed, and only what is false in itself goes."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azeotrope import Given, catalog
from azeotrope.models.text import workings
from azeotrope.washes import consistent


async def kept(thief, traces):
    made = thief()
    out = await consistent.wash(consistent.Config(), made)(traces)
    assert made.bill.notes == {"inconsistent": len(traces) - len(out)}
    return out


async def test_true_workings_stay_and_one_wrong_result_is_enough(thief, traces) -> None:
    assert await kept(thief, traces) == traces
    bad = traces[0].but(reasoning=traces[0].reasoning.replace("Step 1: ", "Step 1: 1"))
    assert await kept(thief, [bad, *traces[1:]]) == traces[1:]


async def test_a_corrupted_working_is_found_out_and_other_defenses_are_left_alone(thief, traces) -> None:
    for name, stay in (("corrupt", False), ("shuffle", True), ("answer_first", True), ("terse", True)):
        module = catalog.load("defenses", name)
        rewrite = module.rewrite(module.Config(), Given())
        shown = [one for trace in traces if (one := await rewrite(trace))]
        assert shown
        assert await kept(thief, shown) == (shown if stay else [])


async def test_what_states_no_equation_stays(thief, traces) -> None:
    texts = ["", "First, think.", "Step 1: + 6\nStep 2: * 3", "x = 4", "(1 + 2) * 3 = 9", "2 * (5) - 3 + 1 = 8"]
    given_ = [traces[0].but(reasoning=text) for text in texts]
    assert await kept(thief, given_) == given_


@pytest.mark.parametrize(
    ("said", "true"),
    [
        ("2 + 3 * 4 = 14", True), ("2 + 3 * 4 = 20", False), ("10 / 4 = 2.5", True), ("10 / 3 = 3.33", True),
        ("10 / 3 = 3.34", False), ("1 / 0 = 0", False), ("5 - -2 = 7", True), ("0.1 + 0.2 = 0.3", True),
        ("8 / 2 / 2 = 2", True), ("9 - 3 - 2 = 4", True), ("9 - 3 - 2 = 8", False),
        ("1,200 + 3 = 1,203", True), ("1,200 + 3 = 1,204", False), ("10,000 / 3 = 3,333.33", True),
        ("1,000,000 - 1 = 999999", True), ("2,500 * -2 = -5,000", True),
    ],
)  # fmt: skip
def test_precedence_rounding_and_order(said: str, true: bool) -> None:
    (one,) = consistent.stated(f"so {said}.")
    assert consistent.holds(one) is true


async def test_workings_with_thousands_set_apart_stay(thief, traces) -> None:
    right, wrong = (
        traces[0].but(reasoning=f"Step 1: 1,200 + 3 = 1,203\nStep 2: 1,203 * 2 = {last}") for last in ("2,406", "2,460")
    )
    assert await kept(thief, [right, wrong]) == [right]


NUMBERS = st.integers(0, 9999)


@given(NUMBERS, st.lists(st.tuples(st.sampled_from("+-*/"), NUMBERS), min_size=1, max_size=5), st.integers(-2, 2))
def test_it_computes_as_python_does(left: int, rest: list[tuple[str, int]], off: int) -> None:
    text = str(left) + "".join(f" {sign} {number}" for sign, number in rest)
    try:
        value = eval(str(f"Fraction({left})") + "".join(f" {s} Fraction({n})" for s, n in rest))
    except ZeroDivisionError:
        value = None
    result = off if value is None else round(value) + off
    one = workings.equation(f"{text} = {result}")
    if one is None:  # too long a number
        return
    assert consistent.holds(one) is (value is not None and abs(value - Fraction(result)) <= Fraction(1, 2))


@given(st.text(alphabet="0123456789+-*/=., \nStep:x", max_size=200))
def test_it_reads_whatever_is_written(text: str) -> None:
    for one in consistent.stated(text):
        consistent.holds(one)
