"""Reading values out of whatever is said: the forms they are written in, and the numbers they are not."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as some

from azeotrope.verify.values import named

LOWEST, COUNT = 10_000, 100_000
FORMS = (
    "{v}", "{v:,}", "{v:_}", "{d}", "{s}", "{n}", "{t}", "{q}", "{l}", "{m}", "{f}", "{v}.",
   "{v}.00", "({v})", "**{v}**",
    "x{v}y", "{v}km", "${v}$", "-{v}", "{v}, then", "\\boxed{{{v}}}", "{v}%", "{v}!", "={v};", "{v:,}.0", "a{v}",
)  # fmt: skip


def written(value: int, form: str) -> str:
    head, rest = divmod(value, 1000)
    forms = {
        "d": f"{head}.{rest:03}", "s": f"{head} {rest:03}", "n": f"{head}\u00a0{rest:03}",
        "t": f"{head}\u202f{rest:03}",
        "q": f"{head}'{rest:03}", "l": f"{head}{{,}}{rest:03}", "m": f"{head}\\,{rest:03}",
        "f": "".join(chr(0xFF10 + int(c)) for c in str(value)),
    }  # fmt: skip
    return form.format(v=value, **forms)


@pytest.mark.parametrize("form", FORMS)
@given(value=some.integers(LOWEST, LOWEST + COUNT - 1))
def test_every_common_form_is_read(form: str, value: int) -> None:
    for around in ("One marel is {}", "{}", "so {} it is; no other.", "Step 3: {}\n"):
        assert named(around.format(written(value, form)), LOWEST, COUNT) == {value}


@pytest.mark.parametrize(
    "text",
    ["1731619", "731610", "0.73161", "73161.5", "3.73161", "7,316,100", "73161e5", "1.2.73161", "73161.48213",
     "73,161,000",
     "12,345,6789", "073161", "0,73161", "7.3161e4", "1 073 161", "73161" * 2000, "9" * 100_000, "", "no number", "²³"],
)  # fmt: skip
def test_part_of_a_longer_number_is_no_value(text: str) -> None:
    assert not named(f"It is {text} here", LOWEST, COUNT)


@given(
    some.lists(some.integers(LOWEST, LOWEST + COUNT - 1), max_size=30),
    some.sampled_from([", ", "\n", "; ", " and ", ","]),
)
def test_lists_are_read_whole(values: list[int], between: str) -> None:
    assert named(between.join(map(str, values)), LOWEST, COUNT) == set(values)


@given(some.text(max_size=200), some.integers(0, 1000), some.integers(1, 100_000))
def test_nothing_outside_of_the_space_is_ever_named(text: str, lowest: int, count: int) -> None:
    assert all(lowest <= value < lowest + count for value in named(text, lowest, count))


@given(some.text(alphabet="0123456789,. '_eE{}\\", max_size=60))
def test_each_value_stands_there_in_digits(text: str) -> None:
    digits = re.sub(r"\D", "", text)
    assert all(str(value) in digits for value in named(text, LOWEST, COUNT))


@pytest.mark.parametrize("piece", ["1,234", "234,", "1 ", "1.", "9", "0,", "1{,}", "{,", "7e", ",", "12.5e3 "])
def test_megabytes_of_hostile_text_are_read_through(piece: str) -> None:
    """A square law would take hours."""
    assert not named(piece * 300_000, LOWEST, COUNT)


def test_a_small_space_at_zero_works_too() -> None:
    assert named("0 or 7, not 10", 0, 10) == {0, 7}
