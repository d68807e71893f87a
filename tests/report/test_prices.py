"""What a defense takes to serve and how it reads: figures by hand, and in every format of the report."""

import json
import math
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from azeotrope.codec import encode
from azeotrope.errors import Misconfigured
from azeotrope.report import build
from azeotrope.report.markdown import markdown
from azeotrope.report.measured import Measures
from azeotrope.report.page import page
from azeotrope.report.records import Report
from azeotrope.types import Appraisal

BARE = Appraisal(
    "a", "none/steps", "none", "steps", "test", (10.0, 12.0, 30.0), (10, 10, 10), (10.0, 12.0, 30.0), (10, 10, 10),
    (1.0, 1.0, 1.0), (1.0, 1.0, 1.0), ((1.0, 11), (1.0, 21), (1.0, 31)), "smollm2",
)  # fmt: skip
SLOW = replace(
    BARE, digest="b", utility="plan/steps", defense="plan", milliseconds=(30.0, 36.0, 60.0), tokens=(10, 20, 12),
    ease=(1.0, 0.5), figures=(0.5, 0.5), nats=((2.0, 11), (3.0, 31)), clock="wall",
)  # fmt: skip
MUTE = replace(BARE, digest="c", utility="withhold/steps", defense="withhold", ease=(), figures=(), nats=())
UNREAD = replace(
    BARE, digest="d", utility="terse/steps", defense="terse", nats=(), judge="", unread="its | weights are not there"
)
OTHER = replace(BARE, digest="e", utility="ads/steps", defense="ads", task="steps", milliseconds=(20.0, 24.0, 60.0))


@pytest.fixture(scope="module")
def source(made: Callable[..., Path]) -> Path:
    path = made(("steps", "other"), ("none", "withhold", "terse", "plan"), ("sft", "never", "answer_only"), 2, 20)
    with path.open("ab") as file:
        for one in (replace(SLOW, digest="less", milliseconds=(1.0, 1.0, 1.0)), OTHER, BARE, SLOW, MUTE, UNREAD):
            file.write(encode({"appraisal": one}) + b"\n")
    return path


@pytest.fixture(scope="module")
def report(source: Path) -> Report:
    return build(source, Measures(draws=200))


def test_figures_are_what_they_say(report: Report) -> None:
    found = {one.defense: one for one in report.boards[0].prices}
    plan = found["plan"]
    assert plan.trace.value == 36.0 and plan.trace_ratio.value == 3.0, "medians, and of the last that was measured"
    assert plan.token.value == pytest.approx(126 / 42) and plan.token_ratio.value == pytest.approx(3 * 30 / 52)
    assert plan.readability and plan.readability.value == pytest.approx((1.0 * 0.5 + 0.5 * 0.5) / 2)
    assert plan.readability.n == 2 and plan.trace.n == 3
    assert plan.perplexity and plan.perplexity.value == pytest.approx(math.exp((2.0 * 10 + 3.0 * 30) / 40))
    assert (plan.perplexity.low or 0) == pytest.approx(math.exp(2.0)), "both its texts, or one of them twice"
    assert found["none"].trace_ratio.value == found["none"].token_ratio.value == 1.0
    mute, unread = found["withhold"], found["terse"]
    assert mute.readability is mute.perplexity is unread.perplexity is None and unread.readability
    assert unread.unread == "its | weights are not there" and "nothing" in mute.unread


def test_those_on_the_leaderboard_come_first_and_in_its_order(report: Report) -> None:
    board = report.boards[0]
    assert [one.defense for one in board.prices] == [*(row.defense for row in board.rows), "ads"]
    assert report.boards[1].prices == (), "another task's"


def test_the_table_has_them_all_and_stays_one(report: Report) -> None:
    text = markdown(report)
    (head,) = (line for line in text.splitlines() if "ms per token" in line)
    below = text[text.index(head) :].split("\n\n")[0].splitlines()
    cells = {row[0].strip("`"): row for line in below[2:] if (row := [c.strip() for c in line.split("|")[1:-1]])}
    assert set(cells) == {"none", "withhold", "terse", "plan", "ads"} and {len(row) for row in cells.values()} == {9}
    assert cells["plan"][2].endswith("by `sft`") and cells["ads"][1:5] == ["–"] * 4, "nothing is confirmed of it"
    assert cells["plan"][6].startswith("36.0, 3.00 × [") and cells["plan"][5].startswith("3.00, 1.73 × [")
    assert cells["plan"][7].endswith("] (n = 2)") and cells["none"][7].endswith("(n = 3)"), "of those that left"
    assert cells["withhold"][7:] == ["nothing to read", "–"] and cells["terse"][8] == "–"
    assert r"under `smollm2` (its \| weights are not there)." in text


def test_a_file_without_them_has_no_such_table(made: Callable[..., Path]) -> None:
    found = build(made(("steps",), ("none", "plan"), ("sft", "never"), 2, 20), Measures(draws=100))
    assert found.boards[0].prices == () and "ms per token" not in markdown(found)
    assert "takes to serve" not in page(found)


def test_the_page_says_what_its_twin_says(report: Report) -> None:
    twin, seen = json.loads(encode(report)), set[str]()
    for at, name, value in re.findall(r'data-at="/boards/0/prices/(\d+)/(\w+)"><b>([\d.]+)</b>', page(report)):
        assert float(value) == pytest.approx(twin["boards"][0]["prices"][int(at)][name]["value"], abs=0.00501)
        seen.add(name)
    assert seen == {"token", "token_ratio", "trace", "trace_ratio", "readability", "ease", "figures", "perplexity"}
    assert "its | weights are not there" in page(report) and "by the clock" in page(report)
    for told in (page(report), markdown(report)):
        assert "another draw of the teacher" in told, "what the numbers of a shape's working are held against"


def test_a_line_is_one_of_five(source: Path, tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_bytes(encode({"appraisal": BARE, "run": None}) + b"\n" + b"{}\n" + source.read_bytes())
    with pytest.raises(Misconfigured, match=r'line 2: needs exactly one of .* and "superseded"'):
        build(path)
