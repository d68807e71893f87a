"""What one task's board says, as Markdown tables: leaderboard, leads, logits, learning curves, marks. Knows no page."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from azeotrope.report import words
from azeotrope.report.records import Answering, Board, Curve, Figure, Greenlisted, Logits, Marked, Paid, Price, Row
from azeotrope.report.teachers import kinds
from azeotrope.report.words import visible
from azeotrope.verify.telling import power_of_ten

HEAD = ("rank", "defense", "best attack", "best student", "leakage", "utility, raw", "utility, forced", "tokens")


def leaderboard(board: Board) -> Iterator[str]:
    """Each defense by its weakest cell, and the controls below."""
    yield from table(HEAD, map(_row, board.rows))
    controls = [
        f"{control.name} {_student(control.student)}" if control.student else f"{control.name} not run"
        for control in board.controls
    ]
    yield ""
    yield f"Controls: {'; '.join(controls)}."


PRICES = (
    "defense", "utility", "weakest cell", "leakage", "tokens", "ms per token", "ms per trace", "readability",
    "perplexity",
)  # fmt: skip


def prices(board: Board) -> Iterator[str]:
    """What each defense leaves beside what it takes to serve, and how it reads."""
    known = {row.defense: row for row in board.rows}
    yield from table(PRICES, (_price(one, known.get(one.defense)) for one in board.prices))
    unread = {one.unread: None for one in board.prices if one.unread and one.readability}
    judges = {one.judge: None for one in board.prices if one.judge}
    yield ""
    yield (
        f"{words.PRICED} Perplexity: of the reasoning alone, under {', '.join(map(code, judges)) or 'no model'}"
        f"{''.join(f' ({plain(why)})' for why in unread)}."
    )


def leads(board: Board) -> Iterator[str]:
    """Where no defense is confirmed: what was screened, as what it is."""
    best: dict[str, tuple[str, Figure]] = {}
    for square in board.squares:
        raw = next((stage.raw for stage in square.stages if stage.stage == "screen" and stage.raw), None)
        if raw and square.attack not in board.untaught:
            known = best.get(square.defense)
            best[square.defense] = (square.attack, raw) if not known or raw.value > known[1].value else known
    head = ("defense", "best screened attack", "its student: a lead, flattered by the choice")
    return table(head, ((code(defense), code(attack), _student(raw)) for defense, (attack, raw) in best.items()))


def logits(found: Logits) -> Iterator[str]:
    """What each defense leaves of the logits' advantage at its weakest cell, beside what it costs the teacher."""
    over = [f"left over {floor.name}" for floor in found.floors]
    head = ("defense", "weakest cell", "student", *over, "teacher", "not shown to do more than")
    rows = [
        (
            code(row.defense), code(row.weakest.attack), _student(row.weakest.student),
            *(words.ratio(one) if one else "no ratio" for one in (row.weakest.first, row.weakest.second)),
            "; ".join(map(_paid, row.paid)) or "–", ", ".join(map(code, row.unbeaten)) or "–",
        )
        for row in found.rows if row.weakest
    ]  # fmt: skip
    return table(head, rows)


def curves(found: Sequence[Curve]) -> Iterator[str]:
    """Students by the steps they were trained for; the defense is named where there are several."""
    budgets = sorted({point.steps for curve in found for point in curve.points})
    several = len({curve.defense for curve in found}) > 1
    rows: list[tuple[str, ...]] = []
    for curve in found:
        at = {point.steps: _student(point.student) for point in curve.points}
        name = (code(curve.defense), code(curve.attack)) if several else (code(curve.attack),)
        rows.append((*name, *(at.get(steps, "–") for steps in budgets)))
    heads = ("defense", "attack") if several else ("attack",)
    return table((*heads, *(f"{steps:.0f} steps" for steps in budgets)), rows)


def marks(found: Sequence[Marked]) -> Iterator[str]:
    """What students say of their mark. A student is the unit of every interval."""
    probes = sorted({after for mark in found for after, _ in mark.proved})
    head = (
        "defense",
        "attack",
        "students",
        "told",
        "read",
        "recall",
        *(f"proved by {after}" for after in probes),
        "never told",
    )
    rows: list[tuple[str, ...]] = []
    for mark in found:
        proved = dict(mark.proved)
        rows.append((
            code(mark.defense), code(mark.attack), str(mark.students), words.count(mark.told),
            "–" if mark.exposures is None else words.count(mark.exposures), words.interval(mark.recall),
            *(words.interval(proved[after]) if after in proved else "–" for after in probes),
            f"{words.percent(mark.never)} of {mark.never.n:,}" if mark.never else "–",
        ))  # fmt: skip
    return table(head, rows)


def greenlists(found: Sequence[Greenlisted]) -> Iterator[str]:
    """How green students' text is by their teacher's key. A student is the unit of every interval."""
    said = ("pairs", "by chance", "traces", "students' text", "never given", "median p", "proved")
    rows = [
        (
            code(one.defense), code(one.attack), str(one.students), words.count(one.pairs), f"{100 * one.chance:.1f} %",
            words.interval(one.taught), words.interval(one.own), words.interval(one.never), power_of_ten(one.log_p),
            words.interval(one.proved),
        )
        for one in found
    ]  # fmt: skip
    return table(("defense", "attack", "students", *said), rows)


def teachers(found: Sequence[Answering]) -> Iterator[str]:
    """The teacher behind each defense, and the chance of such a difference from the undefended one."""
    shown = kinds(found)
    rows = (
        (code(one.defense), *(_utility(one.right.get(kind), one.p_values.get(kind)) for kind in shown)) for one in found
    )
    return table(("defense", *(f"teacher, {kind}" for kind in shown)), rows)


def table(head: Sequence[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """Lines of Markdown, a blank one before them; a cell may hold no bare `|`."""
    yield from ("", _line(head), _line("---" for _ in head), *map(_line, rows))


def code(name: str) -> str:
    """A name in a code span, harmless inside a table."""
    shown = re.sub(r"[`|\n\t]", "?", visible(name, 60))
    return f"`{shown}`"


def _row(row: Row) -> Iterator[str]:
    yield (str(row.rank) if row.rank else "–") + (" ≈" if row.tied else "")
    yield code(row.defense)
    yield f"{code(row.attack)}, of {row.attacks}"
    yield _student(row.student)
    yield words.leaked(row.leakage, row.student) if row.leakage else "no ratio"
    yield _utility(row.utility, row.p_value)
    yield _utility(row.utility_forced, row.p_value_forced)
    yield words.times(row.tokens) if row.tokens is not None else "–"


def _price(price: Price, row: Row | None) -> Iterator[str]:
    yield code(price.defense)
    yield words.interval(row.utility) if row and row.utility else "–"
    yield f"{words.interval(row.student)} by {code(row.attack)}" if row else "–"
    yield (words.leaked(row.leakage, row.student) if row.leakage else "no ratio") if row else "–"
    yield words.times(row.tokens) if row and row.tokens is not None else "–"
    yield words.timed(price.token, price.token_ratio)
    yield words.timed(price.trace, price.trace_ratio)
    reads = price.readability
    yield f"{words.ratio(reads)} ({words.basis(reads)})" if reads else "nothing to read"
    yield words.plainly(price.perplexity) if price.perplexity else "–"


def plain(text: str) -> str:
    """Prose whose names may hold anything."""
    return re.sub(r"([\\`*_\[\]<>|])", r"\\\1", visible(text).replace("\n", " "))


def _student(figure: Figure) -> str:
    return f"{words.interval(figure)} ({words.basis(figure)})"


def _utility(utility: Figure | None, p: float | None) -> str:
    if not utility:
        return "–"
    return f"{words.interval(utility)} ({words.basis(utility)}{f'; {words.chance(p)}' if p is not None else ''})"


def _paid(paid: Paid) -> str:
    change = f"{100 * paid.before:.1f} → {100 * paid.after:.1f} %"
    return f"{paid.kind} {change} (n = {paid.n}, {words.chance(paid.p_value)})"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
