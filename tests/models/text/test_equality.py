"""Two answers are the same or not as a careful reader would say; both ways round, in any loop, and never for ever."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azeotrope.models.text import Final, close, equal, final_answer, same
from azeotrope.models.text import comparer as comparer_module
from azeotrope.models.text.comparer import Compared, Comparer
from azeotrope.models.text.equality import _quickly

CHEAP_SAME = """
1,000 | 1000 | $1000 | 1000.00 | \\$1,000.00 | 1{,}000 | 1\\,000 | 1 000 | 1000 dollars | １０００ | 1,\\!000
42 | 42 km | 42. | +42 | 42.0 | 042 | $42$ | \\(42\\) | **42** | 42 \\text{ km} | 42\\ \\mathrm{km} | 4.2 \\times 10^1
42 | ٤٢
1/2 | \\frac{1}{2} | 0.5 | .5 | \\dfrac{1}{2} | \\tfrac12 | \\frac12 | 50% | 50\\% | ½ | 2/4 | \\frac{2}{4} | 0.50
-3 | −3 | – 3 | -\\frac{6}{2}
-1/2 | -\\frac{1}{2} | \\frac{-1}{2} | \\frac{1}{-2} | −½ | -0.5
3/2 | 1\\frac{1}{2} | 1 1/2 | 1½ | 1.5 | 1 \\frac{1}{2} | \\frac{3}{2}
90 | 90^\\circ | 90^{\\circ} | 90° | 90 degrees | 90\\degree
50 | 50%
6.02e23 | 6.02 \\times 10^{23} | 602000000000000000000000 | 6.02×10²³ | 6.02*10^23
0.001 | 10^{-3} | 1e-3 | 1/1000
1/3 | 0.333333 | 0.\\overline{3} | \\frac{1}{3}
1011_2 | 1011_{2} | 13_8 | 1011₂
12 cm | 12 \\text{ centimeters} | 12\\text{cm} | 12 centimetres
5 \\text{ cm}^2 | 5 square cm | 5 cm²
60 mph | 60 miles per hour | 60 \\text{ miles/hour}
$18 | 18 dollars | \\$18.00 | 18 USD | \\text{\\$18}
12 apples | 12 red apples | 12
x=5 | 5 | x = 5 | $x = 5$ | \\boxed{5} | \\boxed{x=5}
\\text{Tuesday} | Tuesday | tuesday | **Tuesday** | Tuesday. | \\textbf{Tuesday}
\\text{New York} | New  York | new york
yes | Yes | YES.
naïve | naïve
(2, 3) | (2,3) | \\left(2, 3\\right) | \\left( 2,3 \\right)
[1, 2) | [1,2) | \\left[1, 2\\right)
\\pi | π | $\\pi$ | pi
2\\pi | 2 \\pi | 2π
\\sqrt{2} | √2 | sqrt(2) | \\sqrt2
x^2 | x² | x^{2}
1:30 | 1:30 pm | 1:30 PM | 1:30\\text{ p.m.}
\\text{no solution} | No solution | no solution.
\\emptyset | \\varnothing | ∅
A | (A) | A. | **A** | \\text{A} | \\textbf{(A)} | option A | A) 32
"""

CHEAP_DIFFERENT = """
1000 | 1001 | 100 | 1,0001
42 km | 42 miles | 42 m
5 apples | 5 oranges
$5 | €5 | 5 cents
1/2 | 0.51 | 2/1 | 1/3
1/3 | 0.33 | 0.3333
50% | 5 | 0.05
-3 | 3
1 1/2 | 11/2 | 1/2
1011_2 | 1011_3 | 1011
x=5 | y=5 | x=6
Tuesday | Thursday
A | B | C | 1
A | Apple
3 | three sheep
5 | 5x | 5i
12 cm^2 | 12 cm^3 | 12 cm
4:30 | 4:45
4:30 am | 4:30 pm
7 \\text{ hours} | 7 minutes
100,000 | 100.000
5\\frac{1}{2} | 5\\cdot\\frac{1}{2}
5 | five
"""

SLOW_SAME = """
2\\sqrt{3} | \\sqrt{12} | \\sqrt{3} + \\sqrt{3} | 2 * sqrt(3)
2 | \\sqrt{4} | 2^1 | \\frac{\\sqrt{16}}{2}
x^2+2x+1 | (x+1)^2 | 1 + 2x + x^2
\\frac{\\pi}{2} | \\pi/2 | 0.5\\pi | \\frac{1}{2}\\pi | \\dfrac{\\pi}{2}
\\frac{1}{\\sqrt{2}} | \\frac{\\sqrt{2}}{2}
(2, \\frac{1}{2}) | (2, 0.5) | \\left(2, \\frac12\\right)
\\{1, 2, 3\\} | \\{3, 2, 1\\} | 1, 2, 3 | 3, 1, 2 | \\left\\{1,2,3\\right\\} | 1, 2 and 3
1, -1 | \\pm 1 | x = 1 \\text{ or } x = -1 | x=\\pm1 | \\{-1, 1\\} | -1 and 1 | ±1
[0, \\frac{1}{2}] | [0, 0.5]
(-\\infty, 3) \\cup (3, \\infty) | (3,\\infty)\\cup(-\\infty,3) | (-∞, 3) ∪ (3, ∞)
\\begin{pmatrix} 1 & 2 \\\\ 3 & 4 \\end{pmatrix} | \\begin{bmatrix}1&2\\\\3&4\\end{bmatrix}
\\begin{pmatrix} 1/2 \\\\ 3 \\end{pmatrix} | \\begin{pmatrix} 0.5 \\\\ \\frac{6}{2} \\end{pmatrix}
x > 3 | 3 < x | x>3
x \\le 3 | x \\leq 3 | x ≤ 3
y = 2x + 1 | y = 1 + 2x | 2x+1
3 + 4i | 4i + 3
1 + \\sqrt{2}, 1 - \\sqrt{2} | 1 \\pm \\sqrt{2}
x \\in [1, 2] | [1, 2] | [1,2]
e^{2} | e^2
\\log 2 | \\log{2}
5! | 120
2^{10} | 1024
\\cot x | \\cot{x}
\\log_2 3 | \\log_{2}{3}
\\sqrt[3]{8} | 2
\\binom{5}{2} | 10
\\frac{2\\sqrt{149}}{3} | \\frac{2}{3}\\sqrt{149}
x=2,y=3 | y=3, x=2
-3 \\le x < 5 | [-3, 5)
(0, 1) \\cup (1, 2) | (1,2) \\cup (0,1)
"""

SLOW_DIFFERENT = """
(1, 2) | (2, 1) | [1, 2] | (1, 2] | [1, 2) | \\{1, 2\\} | (1, 2, 3)
\\{1, 2\\} | \\{1, 3\\} | \\{1\\} | \\{1, 2, 3\\}
\\sqrt{2} | \\sqrt{3} | 2 | 1.41
x^2 | x^3 | y^2 | 2x
(-\\infty, 3) \\cup (3, \\infty) | (-\\infty, 3] \\cup (3, \\infty) | (-\\infty, 3)
\\begin{pmatrix} 1 & 2 \\\\ 3 & 4 \\end{pmatrix} | \\begin{pmatrix} 1 & 3 \\\\ 2 & 4 \\end{pmatrix}
\\begin{pmatrix} 1 & 2 \\end{pmatrix} | \\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}
x > 3 | x < 3 | x \\ge 3
\\pm 1 | 1
2x + z = 1 | 1
\\pi | 3.14 | 2\\pi
3 + 4i | 3 - 4i
\\frac{a}{b} | \\frac{b}{a}
x=2, y=3 | x=3, y=2
\\infty | -\\infty
|x| | x
"""


def alike(table: str) -> list[tuple[str, str]]:
    """Every two cells of a row, both ways round for the first."""
    rows = [[cell.strip() for cell in line.split(" | ")] for line in table.strip().splitlines()]
    return [pair for row in rows for cell in row[1:] for pair in ((row[0], cell), (cell, row[0]))]


@pytest.mark.parametrize(("a", "b"), alike(CHEAP_SAME))
def test_same_without_a_process(a: str, b: str) -> None:
    a, b = (found.value if "boxed" in text and (found := final_answer(text)) else text for text in (a, b))
    assert _quickly(a, b, None) in (True, None)
    assert same(a, b)


@pytest.mark.parametrize(("a", "b"), alike(CHEAP_DIFFERENT) + alike(SLOW_DIFFERENT))
def test_different(a: str, b: str) -> None:
    assert not same(a, b)


@pytest.mark.parametrize(("a", "b"), alike(SLOW_SAME))
async def test_same_as_mathematics(a: str, b: str) -> None:
    assert await equal(a, b)


numbers = st.integers(-(10**6), 10**6)


@given(numbers, st.integers(1, 1000), st.integers(1, 9))
def test_a_fraction_is_itself_however_written(above: int, below: int, factor: int) -> None:
    written = [f"{above}/{below}", f"\\frac{{{above}}}{{{below}}}", f"\\dfrac{{{above * factor}}}{{{below * factor}}}"]
    assert all(_quickly(a, b, None) for a in written for b in written)
    assert not _quickly(f"{above}/{below}", f"{above + 1}/{below}", None)


@given(numbers, numbers)
def test_whole_numbers_are_same_only_when_they_are(a: int, b: int) -> None:
    assert _quickly(f"{a:,}", f"${a}.00", None) is True
    assert _quickly(str(a), f"{b:,}", None) is (a == b)


@given(st.text(), st.text(), st.sampled_from([None, "math", "choice", "json", "code", "text"]))
def test_no_two_texts_raise_and_order_does_not_matter(a: str, b: str, kind: None) -> None:
    assert _quickly(a, b, kind) == _quickly(b, a, kind)
    assert not a.strip() or _quickly(a, a, None)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ('{"a": 1, "b": [1, 2]}', '{"b":[1,2],\n"a":1}', True),
        ('{"a": 1}', '{"a": 1.0}', False),
        ('{"a": 1}', '{"a": "1"}', False),
        ('{"a": 1}', '{"a": true}', False),
        ('{"a": 0.10}', '{"a": 0.1}', True),
        ('{"a": [1, 2]}', '{"a": [2, 1]}', False),
        ('{"a": null}', "{}", False),
        ('{"a": 12345678901234567890}', '{"a": 12345678901234567891}', False),
        ('{"a": "\\u00e9"}', '{"a": "é"}', True),
        ('[{"a": ["float", 1]}]', '[{"a": 1.0}]', False),
    ],
)
def test_json_is_compared_by_value(a: str, b: str, expected: bool) -> None:
    assert same(a, b) is same(b, a) is same(a, b, kind="json") is expected


def test_code_is_the_same_but_for_blanks_at_line_ends() -> None:
    assert same("x = 1  \nprint(x)\n\n", "x = 1\nprint(x)", kind="code")
    assert not same("if a:\n  b", "if a:\n b", kind="code")
    assert not same("X = 1", "x = 1", kind="code")


def test_finals_are_compared_by_their_kind() -> None:
    assert same(Final("choice", "B", 0, 1), Final("choice", "B", 5, 9))
    assert same("b", "B", kind="choice")
    assert not same("b", "c", kind="choice")
    assert not same("", "")


BOMBS = [
    "9**9**9**9",
    "9^{9^{9^{9}}}",
    "(10^{9})!",
    "\\sqrt{" * 150 + "2" + "}" * 150,
    "((((" * 200,
    "\\sum_{n=1}^{10^{12}} n^{n}",
]


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_not_known_equal_and_the_next_comparison_works(bomb: str) -> None:
    comparer = Comparer(size=1, seconds=2.0)
    try:
        assert not comparer.equal(bomb, "x^{2}+1")
        assert comparer.equal("(x+1)^{2}", "x^{2}+2x+1")
    finally:
        comparer.close()


def test_a_process_that_hangs_is_killed_and_replaced() -> None:
    comparer = Comparer(size=1, seconds=0.05)
    try:
        assert not comparer.equal(BOMBS[0], "x")
        comparer._seconds = 30.0
        assert comparer.equal("x+1", "1+x")
    finally:
        comparer.close()


def test_a_process_that_the_machine_kept_waiting_still_answers() -> None:
    comparer = Comparer(size=1, seconds=1.0)
    try:
        assert comparer.equal("x+1", "1+x")
        (process,) = comparer._all
        os.kill(process._popen.pid, signal.SIGSTOP)
        goes_on = threading.Timer(1.5, os.kill, (process._popen.pid, signal.SIGCONT))
        goes_on.start()
        assert comparer.equal("(x+1)^{2}", "x^{2}+2x+1")
        goes_on.join()
        assert set(comparer._all) == {process}
    finally:
        comparer.close()


@pytest.mark.parametrize(("elements", "seconds", "expected"), [(3, 4.0, True), (4, 4.0, False), (40, 0.0, True)])
def test_all_elements_share_the_time_and_only_computing_takes_any(
    elements: int, seconds: float, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Slow(Comparer):
        def compared(self, a: str, b: str) -> Compared:
            return Compared(True, seconds)

    monkeypatch.setattr(comparer_module, "shared", Slow())
    left, right = ("(" + ", ".join([root] * elements) + ")" for root in ("\\sqrt{8}", "2\\sqrt{2}"))
    assert same(left, right) is expected


def test_threads_and_loops_share_the_processes() -> None:
    results: list[bool] = []

    async def both() -> list[bool]:
        return await asyncio.gather(equal("\\sqrt{8}", "2\\sqrt{2}"), equal("\\sqrt{8}", "2\\sqrt{3}"))

    threads = [threading.Thread(target=lambda: results.extend(asyncio.run(both()))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [False] * 4 + [True] * 4


def test_close_leaves_no_process_and_work_goes_on_after_it() -> None:
    assert same("\\sqrt{8}", "2\\sqrt{2}")
    ours = [process._popen for process in comparer_module.shared._all]
    assert ours
    close()
    assert all(process.returncode is not None for process in ours)
    assert not comparer_module.shared._all
    assert same("\\sqrt{18}", "3\\sqrt{2}")
    close()


def test_the_process_sees_no_secret_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZEOTROPE_TEST_SECRET", "s3cret")
    comparer = Comparer(size=1)
    try:
        assert comparer.equal("x+1", "1+x")
        (process,) = comparer._all
        assert b"s3cret" not in Path(f"/proc/{process._popen.pid}/environ").read_bytes()
    finally:
        comparer.close()


def test_equality_loads_no_mathematics_here() -> None:
    code = "import sys, azeotrope.models.text as t; assert t.same('1', '1.0'); print('sympy' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
