"""Pages of a search and of a replay: hostile text stays text, nothing is fetched, empty ends are said."""

import asyncio
from html.parser import HTMLParser

from msgspec.structs import replace

from azeotrope.optimize import edits, grammar
from azeotrope.optimize.outcome import Outcome, Row
from azeotrope.optimize.plan import checked
from azeotrope.optimize.records import Candidate, Confirmed, Expense, Line, Mean
from azeotrope.optimize.replay import replay
from azeotrope.optimize.results import Memory
from azeotrope.report import replayed, searched
from azeotrope.types import Run, Score

EVIL = "<script>alert(1)</script>\u202e\x00</pre><img src=http://evil.example/x onerror=alert(2)>{{ 7*7 }}\"'&amp;$x_1$"
PLAN = {"searcher": {"kind": "gepa", "seed": 0}, "floors": {"kept": 0.9, "readable": 0.5}}
RUN = Run("c0ffee", "1", "", "here", "now")


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs) -> None:
        self.found.append((tag, dict(attrs)))


def row(number: int, damage: float | None, **members) -> Row:
    return Row(**{
        "number": number, "name": f"n{number}", "text": EVIL, "by": "gepa", "parents": ("n1",), "worth": damage,
        "cheap": 0.5, "nats": 1.0, "damage": damage, "kept": 1.0, "readable": 0.7, "failures": {EVIL: 1},
        "scores": {"0": Score("+-?")}, "samples": (EVIL,), "reason": EVIL, "expense": Expense(1, 2, 3),
        "on_front": damage is not None, **members,
    })  # fmt: skip


def harmless(page: str) -> None:
    tags = Tags(page).found
    assert not {tag for tag, _ in tags} & {"script", "img", "iframe", "link", "form"}
    assert not any(name.startswith("on") or name == "src" for _, attrs in tags for name in attrs)
    assert all((attrs.get("href") or "#").startswith("#") for _, attrs in tags)
    assert "\u202e" not in page and "{{" not in page.replace("{{ 7*7 }}", "")


def test_a_search_of_hostile_texts() -> None:
    rows = (row(1, None), row(2, 0.31), row(3, 0.9))
    confirmed = (Confirmed("n3", 7, "c", Score("++++"), Score("+---"), 0.75, 0.5),)
    outcome = Outcome(
        RUN, EVIL, PLAN, {"0": Score("++-")}, rows, "n3", confirmed, Expense(5), 3, (), Mean(0.9, 0.8, 0.95),
        Mean(0.75, 0.5, 1.0), (f"instruction={EVIL}",),
    )  # fmt: skip
    page, lines = searched.page(outcome), list(searched.lines(outcome))
    harmless(page)
    assert "90.0 [80.0, 95.0] points" in lines[0] and "chose nothing 75.0 [50.0, 100.0]" in lines[0]
    assert "75 % were kept, readability 0.50" in lines[1] and lines[1] in page
    earlier = Confirmed("n3", 7, "c", Score("++++"), Score("+---"))
    assert len(list(searched.lines(replace(outcome, confirmed=(earlier,), settings=())))) == 1, "nothing is made up"
    assert page.count("<svg") == 2 and "100.0 % [" in page


def test_a_search_that_found_nothing_says_so() -> None:
    for rows in ((), (row(1, None),)):
        outcome = Outcome(RUN, "x", PLAN, {}, rows, evaluations=len(rows))
        harmless(searched.page(outcome))
        assert "none beats no rewrite" in searched.headline(outcome)


def test_a_replay_is_told_in_lines_and_drawn() -> None:
    memory = Memory()
    for at, point in enumerate(list(grammar.points())[::5]):
        text = grammar.instruction(point)
        for stage in ("screen", "full"):
            scores = {"damage": at / 20} if stage == "full" else {"nats": at / 5}
            memory.add(Line(candidate=Candidate(f"{stage}{at}", text, stage, "x", kept=1.0, readable=1.0, **scores)))
    plan = checked({"task": {"name": "steps"}, "rewriter": {"name": "x"}, "reflector": {"name": "x"},
                    "budget": {"evaluations": 6}}, "here")  # fmt: skip
    found = asyncio.run(replay(plan, memory, edits.reflector(), 3))
    page, lines = replayed.page(found), list(replayed.lines(found))
    harmless(page)
    assert page.count("<svg") == 2
    assert lines[0].startswith("13 entries, best 60.0 points, 2 within five")
    assert (
        lines[1].startswith("rank correlation")
        and "1.00 [1.00, 1.00], n = 13" in lines[1]
        and "13 are above" in lines[1]
    )
    assert any(line.startswith("random") for line in lines) and any("ahead of random" in line for line in lines)
