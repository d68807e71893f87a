r"""Whether two mathematical answers are one: exactly where that is cheap, by their parts, at last by math-verify.

Knows nothing of where answers come from. Reads what `normal.plain` wrote.
"""

from __future__ import annotations

import re

from azeotrope.models.text import comparer
from azeotrope.models.text.expressions import askable, put
from azeotrope.models.text.normal import wordless
from azeotrope.models.text.numbers import number, same_number
from azeotrope.models.text.shapes import Shape, alternatives, assigned, interval, named, ordered, shape
from azeotrope.models.text.units import compound, measured, same_unit
from azeotrope.models.text.words import same_words

_CLOCK = re.compile(r"(\d{1,2}:\d{2}(?::\d{2})?)\s*([ap])?\.?\s*(?:m\.?)?", re.IGNORECASE)
_BLANK = re.compile(r"(?<![\d,]) | (?!\d)")


def same_plainly(a: str, b: str) -> bool | None:
    """Two `plain` values: the same spelling or two numbers; None: it takes more."""
    if not a or not b:
        return False
    first, second = number(a), number(b)
    if first and second:
        return same_number(first, second)
    if (several := compound(a)) or compound(b):
        return several == compound(b)
    earlier, later = _CLOCK.fullmatch(wordless(a)), _CLOCK.fullmatch(wordless(b))
    if earlier and later:
        return earlier[1] == later[1] and (not earlier[2] or not later[2] or earlier[2].lower() == later[2].lower())
    if _BLANK.sub("", a) == _BLANK.sub("", b):
        return True
    if _is_prose(measured(a)[0]) or _is_prose(measured(b)[0]):
        return same_words(a, b)
    return None


_COMMAND = re.compile(r"\\[A-Za-z]+")
_FUNCTIONS = (
    {"sin", "cos", "tan", "cot", "sec", "csc", "log", "ln", "exp", "arcsin", "arccos", "arctan", "sinh"}
    | {"cosh", "tanh", "sqrt", "pi", "max", "min", "mod", "gcd", "lcm", "det", "deg"}
    | {"and", "or", "pmatrix", "bmatrix", "matrix", "array"}
)


def _is_prose(text: str) -> bool:
    """Whether words stand in it that mathematics does not know: math-verify would read past them."""
    words = re.findall(r"[^\W\d_]{3,}", _COMMAND.sub(" ", text))
    return any(word.lower() not in _FUNCTIONS for word in words)


_EITHER = re.compile(r"(?<![A-Za-z\\])or(?![A-Za-z])|\\(?:lor|vee)(?![A-Za-z])")


class Comparison:
    """One comparison of two `plain` values. `seconds`: of math-verify's computing, all its elements together."""

    def __init__(self, seconds: float) -> None:
        self._left = seconds

    def same(self, a: str, b: str, depth: int = 0) -> bool:
        decided = same_plainly(a, b)
        if decided is not None:
            return decided
        pairs = named(alternatives(a)), named(alternatives(b))
        if any(pairs):
            if bool(_EITHER.search(wordless(a))) != bool(_EITHER.search(wordless(b))):
                return False
            return self._same_named(a, b, pairs, depth)
        left, right = assigned(a, b)
        if (left, right) != (a, b):
            return bool(left) and bool(right) and self.same(left, right, depth)
        if depth < 5 and (known := self._same_bounds(a, b, depth)) is not None:
            return known
        first, second = shape(alternatives(a)), shape(alternatives(b))
        if depth < 5 and (first or second):
            known = self._same_shapes(first or Shape("list", [[a]]), second or Shape("list", [[b]]), depth)
            if known is not None:
                return known
        (left, unit), (right, other) = measured(a), measured(b)
        if unit or other:
            return same_unit(unit, other) and self.same(left, right, depth + 1)
        left, right = put(a), put(b)
        return askable(left, right) and self._by_math_verify(left, right)

    def _by_math_verify(self, a: str, b: str) -> bool:
        """False once the time is spent. Neither waiting for a process nor a busy machine spends any."""
        if self._left <= 0:
            return False
        compared = comparer.shared.compared(a, b)
        self._left -= compared.seconds
        return compared.equal

    def _same_named(
        self, a: str, b: str, pairs: tuple[list[tuple[str, str]] | None, list[tuple[str, str]] | None], depth: int
    ) -> bool:
        """ "x = 1, y = 2" and "y = 2, x = 1" or "(1, 2)": by name, or in the order of the names."""
        left, right = pairs
        if left and right:
            return [name for name, _ in left] == [name for name, _ in right] and all(
                self.same(x, y, depth + 1) for (_, x), (_, y) in zip(left, right, strict=True)
            )
        values, other = (left, b) if left else (right or [], a)
        other = assigned(other, "")[0]
        parts = shape(other)
        if not parts or "=" in other or parts.brackets not in ("()", "list") or len(parts.rows[0]) != len(values):
            return False
        return all(self.same(x, y, depth + 1) for (_, x), y in zip(values, parts.rows[0], strict=True))

    def _same_bounds(self, a: str, b: str, depth: int) -> bool | None:
        """Inequalities, against each other or against an interval; None: they are not what this is about."""
        left, right = interval(a), interval(b)
        if left and right:
            return left[0] == right[0] and self.same(left[1], right[1], depth + 1)
        if left or right:
            bounds, other = (left, b) if left else (right, a)
            member = re.match(r"(.*?)\s*\\in(?![A-Za-z])", other)
            if bounds and member and member[1] != bounds[0]:
                return False
            return bool(bounds) and not ordered(other) and "=" not in other and self.same(bounds[1], other, depth + 1)
        first, second = ordered(a), ordered(b)
        if not first or not second:
            return False if first or second else None
        if first[1] == second[1] and all(self.same(x, y, depth + 1) for x, y in zip(first[0], second[0], strict=True)):
            return True
        return None

    def _same_shapes(self, a: Shape, b: Shape, depth: int) -> bool | None:
        """None: these are for math-verify."""
        if a.brackets in ("list", "set") and b.brackets in ("list", "set"):
            nested = depth or "\\emptyset" in (*a.rows[0], *b.rows[0])
            if nested and a.brackets != b.brackets:  # {{1}, {2}} is not {1, 2}
                return False
            return self._same_sets(a.rows[0], b.rows[0], depth)
        if a.brackets == "union" or b.brackets == "union":
            return (a.brackets == b.brackets and self._same_sets(a.rows[0], b.rows[0], depth)) or None
        if "list" in (a.brackets, b.brackets):
            single = a if a.brackets == "list" else b
            return None if len(single.rows[0]) == 1 and "ratio" not in (a.brackets, b.brackets) else False
        if a.brackets != b.brackets or [len(row) for row in a.rows] != [len(row) for row in b.rows]:
            return False
        rows = zip(a.rows, b.rows, strict=True)
        return all(self.same(x, y, depth + 1) for row, other in rows for x, y in zip(row, other, strict=True))

    def _same_sets(self, a: list[str], b: list[str], depth: int) -> bool:
        """Each element of one has its own in the other."""
        left = list(b)
        for x in a:
            match = next((i for i, y in enumerate(left) if self.same(x, y, depth + 1)), None)
            if match is None:
                return False
            left.pop(match)
        return not left
