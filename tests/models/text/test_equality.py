"""Two answers are the same or not as a careful reader would say; both ways round, in any loop, and never for ever."""

import pytest

from azeotrope.models.text import equal, final_answer, same
from azeotrope.models.text.equality import _quickly

CHEAP_SAME = """
1,000 | 1000 | $1000 | 1000.00 | \\$1,000.00 | 1{,}000 | 1\\,000 | 1 000 | 1000 dollars | １０００ | 1,\\!000
42 | 42 km | 42. | +42 | 42.0 | 042 | $42$ | \\(42\\) | **42** | 42 \\text{ km} | 42\\ \\mathrm{km} | 4.2 \\times 10^1 | ٤٢
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
