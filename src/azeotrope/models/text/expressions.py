r"""Which expressions math-verify may be asked about, and how they are put to it. Pure functions; nothing is computed.

math-verify reads past what it does not know (units, primes, quotes, dots, limits) and then calls different things
equal. So it is asked only where every sign is one it reads, and where both sides speak of the same letters.
"""

from __future__ import annotations

import re

from azeotrope.models.text.numbers import number

_COMMAND = re.compile(r"\\([A-Za-z]+)")
_COMMANDS = (
    "frac sqrt pi cdot times pm infty cup cap setminus emptyset in le ge ne circ binom begin end angle lfloor rfloor "
    "lceil rceil sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh log ln exp max min gcd alpha beta gamma "
    "delta epsilon zeta eta theta kappa lambda mu nu xi rho sigma tau phi varphi chi psi omega Gamma Delta Theta "
    "Lambda Sigma Phi Psi Omega sum mathbb cdots ldots dots equiv overline triangle mid"
)
_READ = frozenset(_COMMANDS.split())
_SIGNS = re.compile(r"(?:[A-Za-z0-9 +\-*/^_()\[\]{}|,.=<>!&]|\\[A-Za-z]+|\\[{}|\\])*")
_EXACT = re.compile(
    r"(?<![_^\d])\d+ \d|\d\.\d+\.\d|\d+(?:-\d+){2,}|^\d{3}-\d{4}$|^\d+/\d+/\d+|\b0[xob]\w|(?<![.\d])0\d{3,}|!!"
    r"|\d\s*\^\s*\d+\s*\^|\\frac\s*\{\s*d[\w\s]*\}"
    r"|\\(?:overline|mid|triangle|angle|cdots|ldots|dots)(?![A-Za-z])|\.\.\."
    r"|[)\]]\s*(?:\d|\\frac)|(?<![_^\d])\d+\s*[\[{]|(?<![_^{\d])\d+ ?\\frac\{\d+\}\{\d+\}"
    r"|\]\s*\(|\\\}\s*\\\{|(?:^|[-+*/=(\[,\s])\{[^{}]*\}\s*\{"
)
"""What stays what it is: rows of numbers, versions, dates, codes, derivatives, figures, what goes on; and the products
without a sign that math-verify takes for sums, as it does mixed numbers."""
_BOMB = re.compile(r"\^\s*\{?\s*\(?\s*-?\d[\d,]{4,}|\d{4,}\s*\)?\s*!|\d\)\s*!|\^\s*\{?\s*\d+\s*\^|!\s*\)?\s*\^|\)\s*!")
_LETTER = re.compile(r"[A-Za-z]")


def askable(a: str, b: str) -> bool:
    """Whether math-verify's word on two expressions counts, and whether it can be expected to have one."""
    if any(_EXACT.search(text) or _BOMB.search(text) or not _SIGNS.fullmatch(text) for text in (a, b)):
        return False
    if not _closes(a) or not _closes(b):
        return False
    if not all(command in _READ for text in (a, b) for command in _COMMAND.findall(text)):
        return False
    return bool("=" in a) == bool("=" in b) and _letters(a) == _letters(b)


_DEEPEST = 30


def _closes(text: str) -> bool:
    """Whether its brackets, of which intervals mix two kinds, are closed and not nested too deep to be read."""
    depth = 0
    for sign in text:
        depth += (sign in "([{") - (sign in ")]}")
        if not 0 <= depth <= _DEEPEST:
            return False
    return depth == 0


def _letters(text: str) -> set[str]:
    """The letters and names it speaks of; e and i are numbers, begin{...} says nothing."""
    bare = re.sub(r"\\(?:begin|end)\{\w+\}(?:\{[lcr| ]*\})?|\\mathbb\{[A-Z]\}", " ", text)
    names = {name for name in _COMMAND.findall(bare) if name in _NAMES}
    return (names | set(_LETTER.findall(_COMMAND.sub(" ", bare)))) - {"e", "i"}


_GREEK = "alpha beta gamma delta epsilon zeta eta theta kappa lambda mu nu xi rho sigma tau phi varphi chi psi omega"
_NAMES = frozenset(_GREEK.split())


def put(text: str) -> str:
    """The expression as math-verify shall read it: numbers without separators, "3(2)" as a product."""
    known = number(text)
    if known and not known.unit:
        above, below = known.value.as_integer_ratio()
        return str(above) if below == 1 else f"\\frac{{{above}}}{{{below}}}"
    text = re.sub(r"\)\s*\(", r") \\cdot (", text)
    return re.sub(r"(?<![_^{\d.])(\d+)\s*\((?=[^(),]*\))", r"\1 \\cdot (", text)
