"""The page: whole, self-contained, harmless, readable, and saying what its JSON twin says."""

import json
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as some
from msgspec.structs import replace

import azeotrope.report.page as drawing
from azeotrope.codec import encode
from azeotrope.report import build
from azeotrope.report.measured import Measures
from azeotrope.report.page import page
from azeotrope.report.records import Report
from azeotrope.report.words import HIDDEN, visible
from azeotrope.types import Appraisal, Cell, Score, Spent, Utility

VOID = {"meta", "br", "img", "link", "input", "hr"}
FETCHES = {"src", "srcset", "poster", "action", "formaction", "data", "background", "ping", "manifest", "cite"}
EVIL = "<script>alert(1)</script>\u202e\x00</pre><img src=http://evil.example/x onerror=alert(2)>{{ 7*7 }}\"'&amp;$x_1$"


class Strict(HTMLParser):
    """Elements that nest and close; text and attributes as a browser has them."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[tuple[str, dict[str, str]]] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.figures: list[tuple[str, str]] = []
        """(pointer, text)."""
        self.pres: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"an attribute twice: {self.get_starttag_text()}"
        found = (tag, {name: value or "" for name, value in attrs})
        self.tags.append(found)
        if "data-at" in found[1]:
            self.figures.append((found[1]["data-at"], ""))
        if tag == "pre":
            self.pres.append("")
        if tag not in VOID:
            self.open.append(found)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        assert any(name == "svg" for name, _ in self.open), f"<{tag}/> outside of a drawing"

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open[-1][0] == tag, f"</{tag}> closes <{self.open[-1][0]}> at {self.getpos()}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        if any("data-at" in attributes for _, attributes in self.open):
            at, before = self.figures[-1]
            self.figures[-1] = (at, before + data)
        if self.open and self.open[-1][0] == "pre":
            self.pres[-1] += data


@pytest.fixture(scope="module")
def text(lab: Report) -> str:
    return page(lab)


@pytest.fixture(scope="module")
def parsed(text: str) -> Strict:
    return Strict(text)


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A page in which everything that can be named is hostile."""
    cells = [
        Cell(
            f"{defense}{attack}{seed}", defense, attack, EVIL, seed, "confirm", EVIL, {"raw": Score("+-" * 9)},
            Spent(notes={EVIL: EVIL}), samples=((EVIL, EVIL),),
        )
        for defense in ("none", "withhold", EVIL) for attack in ("sft", EVIL) for seed in (1, 2)
    ]  # fmt: skip
    failed = Cell("f", EVIL, "mix", EVIL, 1, "screen", "validation", reason=EVIL)
    both = {"raw": Score("+-" * 9), f"raw:{EVIL}/~": Score("+-"), "forced": Score("++" * 9)}
    utilities = [Utility(name, name, EVIL, EVIL, both, {}, 9) for name in ("none", EVIL)]
    priced = Appraisal("a", EVIL, EVIL, EVIL, EVIL, (1.0,), (1,), (1.0,), (1,), (1.0,), (1.0,), ((1.0, 2),), EVIL, EVIL)
    lines = [{"cell": cell} for cell in [*cells, failed]] + [{"utility": one} for one in utilities]
    lines += [
        {"appraisal": priced},
        {"appraisal": replace(priced, digest="b", utility="none", defense="none", nats=())},
    ]
    path = tmp_path_factory.mktemp("evil") / "r.jsonl"
    path.write_bytes(b"".join(encode(line) + b"\n" for line in lines))
    return page(build(path, Measures(draws=100)))


def at(twin: object, pointer: str) -> object:
    """RFC 6901."""
    for part in pointer.split("/")[1:]:
        part = unquote(part).replace("~1", "/").replace("~0", "~")
        twin = twin[int(part)] if isinstance(twin, list) else twin[part]  # type: ignore[index]
    return twin


def numbers(text: str) -> list[float]:
    return [float(one.replace(",", "")) for one in re.findall(r"-?\d[\d,]*\.?\d*", text)]


def test_every_figure_is_that_of_the_json_twin(lab: Report, parsed: Strict) -> None:
    twin = json.loads(encode(lab))
    kinds = Counter[str]()
    for pointer, shown in parsed.figures:
        found, told = at(twin, pointer), numbers(shown)
        kinds[pointer.rsplit("/", 1)[1]] += 1
        if isinstance(found, dict):
            scale, half = (100, 0.0501) if "%" in shown or "[" not in shown else (1, 0.00501)
            expected = [found["value"], found["low"], found["high"]] if "[" in shown else [found["value"]]
            expected = [scale * one for one in expected]
            half = half if "[" in shown else 0.501
        elif isinstance(found, list):
            expected, half = sorted(set(found)), 0.501
            told = sorted(set(told))
            expected = sorted({round(one) for one in expected})
        elif pointer.rsplit("/", 1)[1].startswith("p_value"):
            if "<" in shown:
                assert found < 0.001
                continue
            expected, half = [found], max(0.051 * found, 0.0051)
        else:
            expected, half = [found], 0.00501 if "×" in shown else 0.501
        assert len(told) == len(expected), (pointer, shown, found)
        assert all(abs(one - other) <= half for one, other in zip(told, expected, strict=True)), (pointer, shown, found)
    assert {"student", "leakage", "utility", "utility_forced", "p_value", "tokens", "raw", "wrong", "loop"} <= set(
        kinds
    )
    assert len(parsed.figures) > 1000


def test_nothing_is_fetched_and_nothing_runs(text: str, parsed: Strict) -> None:
    for tag, attributes in parsed.tags:
        assert tag not in {"script", "link", "iframe", "img", "object", "embed", "base", "image", "foreignobject"}
        assert not {name for name in attributes if name in FETCHES or name.startswith("on")}, (tag, attributes)
        for name in ("href", "xlink:href"):
            assert attributes.get(name, "#").startswith("#"), attributes
    own = re.sub("<pre>.*?</pre>", "", text, flags=re.DOTALL)
    for word in ("http:", "https:", "//", "@import", "javascript:"):
        assert word not in own, word
    assert set(re.findall(r"url\(([^)]*)", text)) == set(re.findall(r"url\((#[^)]*)", text))
    policy = next(a["content"] for tag, a in parsed.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"


def test_ids_are_unique_and_every_link_leads_somewhere(parsed: Strict) -> None:
    ids = Counter(attributes["id"] for _, attributes in parsed.tags if "id" in attributes)
    assert max(ids.values()) == 1
    for _, attributes in parsed.tags:
        wanted = [attributes["href"][1:]] if "href" in attributes else []
        wanted += re.findall(r"url\(#([^)]*)\)", " ".join(attributes.values()))
        wanted += [attributes[name] for name in ("aria-labelledby", "aria-describedby") if name in attributes]
        assert set(wanted) <= set(ids), wanted


def test_hostile_text_is_text(evil: str) -> None:
    parsed = Strict(evil)
    assert "script" not in {tag for tag, _ in parsed.tags}
    assert "img" not in {tag for tag, _ in parsed.tags}
    assert not [name for _, attributes in parsed.tags for name in attributes if name.startswith("on")]
    assert all(shown == visible(EVIL) for shown in parsed.pres) and len(parsed.pres) == 2 * 6 * 2
    assert not re.search("[\x00\u202e]", evil)
    assert "49" not in visible(EVIL) and "{{ 7*7 }}" in "".join(parsed.words)
    drawn = [word for word in parsed.words if word.startswith("<script>alert(1)") and "characters]" in word]
    assert drawn, "the plot names the defense as it is"


def test_a_subject_with_any_name_has_a_pointer(evil: str) -> None:
    pointers = [pointer for pointer, _ in Strict(evil).figures if "/utility_subjects/" in pointer]
    assert {pointer.rsplit("/", 1)[1] for pointer in pointers} == {
        quote(f"{EVIL}/~".replace("~", "~0").replace("/", "~1"), safe="")
    }


def test_what_a_reader_without_eyes_or_colours_needs_is_there(parsed: Strict, lab: Report) -> None:
    assert ("html", {"lang": "en"}) in parsed.tags
    assert [tag for tag, _ in parsed.tags].count("h1") == 1
    for tag, attributes in parsed.tags:
        if tag == "th":
            assert attributes["scope"] in ("row", "col")
        if tag == "svg" or attributes.get("role") == "img":
            assert attributes["aria-label"]
    plots = [attributes["aria-label"] for tag, attributes in parsed.tags if tag == "svg"]
    assert len(plots) == 2 * len(lab.boards)
    assert all(row.defense in told for row in lab.boards[0].rows for told in plots)
    squares = [a["aria-label"] for tag, a in parsed.tags if tag == "a" and " under " in a.get("aria-label", "")]
    assert len(squares) == sum(len(board.squares) for board in lab.boards)
    assert all(re.search(r"%.*, (confirmed|screened)", told) for told in squares)


def test_tables_have_as_many_cells_in_every_row(text: str) -> None:
    for table in re.findall(r"<table.*?</table>", text, re.DOTALL):
        rows = [len(re.findall(r"<t[hd][ >]", row)) for row in re.findall(r"<tr.*?</tr>", table, re.DOTALL)]
        assert len(set(rows)) == 1, table[:300]


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def mixed(one: str, other: str, share: float) -> str:
    pairs = [(int(one[at : at + 2], 16), int(other[at : at + 2], 16)) for at in (1, 3, 5)]
    return "#" + "".join(f"{round(share * a + (1 - share) * b):02x}" for a, b in pairs)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_text_has_the_contrast_that_wcag_asks_for(theme: int) -> None:
    style = (Path(drawing.__file__).parent / "page.css").read_text()
    colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", re.findall(r":root \{(.*?)\}", style, re.DOTALL)[theme]))
    for text, ground in [
        ("ink", "page"), ("ink", "card"), ("quiet", "page"), ("quiet", "card"), ("accent", "card"), ("accent", "page"),
        ("warn", "card"), ("warn", "warn_card"), ("ink", "warn_card"),
    ]:  # fmt: skip
        ground = ground.replace("warn_card", "warn-card")
        found = contrast(colours[text], re.search(rf"--{ground}: (#\w+)", style.split(":root {")[1 + theme])[1])
        assert found >= 4.5, (text, ground, found)
    hottest = mixed(colours["heat"], colours["card"], 0.62)
    assert "calc(var(--v) * 62%)" in style
    assert contrast(colours["ink"], hottest) >= 4.5


@given(some.text(max_size=60))
def test_what_is_visible_hides_nothing(said: str) -> None:
    import unicodedata

    shown = visible(said)
    assert not [c for c in shown if c not in "\n\t" and unicodedata.category(c) in HIDDEN]
    shown.encode("utf-8")
    assert visible(shown) == shown


def test_long_text_is_cut_with_its_rest_counted() -> None:
    assert visible("a" * 2000) == "a" * 1500 + " … [500 more characters]"


def test_the_page_is_the_same_each_time(evil: str, lab: Report, text: str) -> None:
    assert page(lab) == text
