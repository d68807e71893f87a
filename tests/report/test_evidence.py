"""The page of a verification: whole, self-contained, harmless, and opened in a real browser where there is one."""

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

import pytest
from msgspec.structs import replace

from azeotrope.codec import encode
from azeotrope.report.evidence import page
from azeotrope.verify.records import NOTHING, Disclosed, Evidence, Judged, Line, Settings, Signed
from azeotrope.verify.telling import claim

EVIL = "<script>alert(1)</script>\u202e\x00</pre><img src=http://evil.example/x onerror=alert(2)>{{ 7*7 }}\"'&amp;"
VOID = {"meta", "br"}
FETCHES = {"src", "srcset", "href", "action", "data", "poster", "background", "ping", "manifest", "xlink:href"}
CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), ""
)
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--virtual-time-budget=2000",
)  # fmt: skip


def line(at: int, hit: bool, log_e: float, **more: object) -> Line:
    return Line(at, ("bare", "turn", "after")[at % 3], 0.7 * (at % 2), fresh=1, hit=hit, log_e=log_e, **more)


def evidence(text: str = "plain") -> Signed:
    """One mark met and disclosed, one not; `text` wherever text can stand."""
    met = tuple(line(at, True, 10.7 * (at + 1), question=text, answer=text) for at in range(3))
    missed = (*(line(at, False, -0.3 * at) for at in range(4)), Line(5, "bare", 0.0, "failed", text, log_e=-1.0))
    marks = (
        Judged(text, 1, "aa" * 8, f"met {text}'s mark", "", True, 8, 8, 0, 0, met, 3, 0, 3, 3, 32.1, None, 1e-10, 0.97,
               (Disclosed(0, text, text, "73161"),)),
        Judged("bob", 1, "bb" * 8, NOTHING, text, None, 8, 8, 0, 0, missed, 5, 1, 0, 4, 0.0, 0.0, None, 0.9),
    )  # fmt: skip
    draft = Evidence(
        f"met {text}'s mark", "", "time is self-asserted", text, "cc" * 8, text, "2026-11-25T00:00:00+00:00",
        "2026-11-25T00:01:00+00:00", Settings(disclose=True), 1001, text, "dd" * 32, 10_000, 100_000, ((0.5, 0.5),),
        marks, 40, 1, (text,), None, "0.1.0",
    )  # fmt: skip
    return Signed(replace(draft, claim=claim(draft)), "ee" * 32, "ff" * 64)


class Strict(HTMLParser):
    """Elements that nest and close; what figures say and where they stand in the twin."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.figures: list[list[str]] = []
        self._inside = 0
        self.feed(text)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.tags.append((tag, found))
        if found.get("data-at"):
            self.figures.append([found["data-at"], ""])
            self._inside = len(self.open) + 1
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        assert "svg" in self.open, f"<{tag}/> outside of a drawing"

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes nothing at {self.getpos()}"
        if len(self.open) < self._inside:
            self._inside = 0

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.figures[-1][1] += data


def at(twin: object, pointer: str) -> object:
    for part in pointer.split("/")[1:]:
        part = unquote(part)
        twin = twin[int(part)] if isinstance(twin, list) else twin[part]  # type: ignore[index]
    return twin


def test_every_figure_is_that_of_the_twin() -> None:
    signed = evidence()
    twin, kinds = json.loads(encode(signed)), set()
    for pointer, shown in Strict(page(signed)).figures:
        found = at(twin, pointer)
        kinds.add(pointer.rsplit("/", 1)[1])
        if isinstance(found, str):
            assert shown == found
        elif pointer.endswith(("log_e", "log_p")):
            assert float(shown) == pytest.approx(2.718281828459045**found, rel=0.06, abs=0.01)
        else:
            assert float(shown.replace(",", "")) == pytest.approx(found, rel=0.06)
    assert {"verdict", "keys", "alpha", "hits", "probes", "failed", "log_e", "null", "power", "fresh"} <= kinds


@pytest.mark.parametrize("text", ["plain", EVIL])
def test_nothing_is_fetched_and_nothing_runs(text: str) -> None:
    written = page(evidence(text))
    tags = Strict(written).tags
    assert not {tag for tag, _ in tags} & {"script", "link", "img", "iframe", "object", "embed", "base", "form"}
    for tag, attributes in tags:
        assert not [name for name in attributes if name in FETCHES or name.startswith("on")], (tag, attributes)
    assert not re.search(r"url\(|@import", written)
    assert "default-src 'none'" in written
    assert "\u202e" not in written
    assert "{{ 7*7 }}" in written or text == "plain"


def test_the_drawing_tells_itself_and_rises_where_there_are_hits() -> None:
    written = page(evidence())
    told = [attributes["aria-label"] for tag, attributes in Strict(written).tags if tag == "svg"]
    assert len(told) == 2
    assert all("e-value of" in one for one in told)
    path = next(attributes["d"] for tag, attributes in Strict(written).tags if attributes.get("class") == "wealth")
    heights = [float(one) for one in re.findall(r"V([\d.]+)", path)]
    assert all(later < earlier for earlier, later in pairwise(heights))
    assert written.count('class="hit"') == 3


def test_it_says_what_is_not_proved_and_whose_clock_it_was() -> None:
    written = page(evidence())
    for words in ("does not prove intent", "time is self-asserted", "none was named", "Ed25519", "azeotrope 0.1.0"):
        assert words in written


def test_a_thousand_marks_make_one_page() -> None:
    signed = evidence()
    many = replace(signed.evidence, marks=signed.evidence.marks + 1000 * signed.evidence.marks[1:])
    written = page(replace(signed, evidence=many))
    assert len(re.findall("<svg", written)) == 12
    assert len(written) < 3_000_000


@pytest.mark.parametrize("text", ["plain", EVIL])
def test_the_page_is_well_formed(text: str) -> None:
    tags = [tag for tag, _ in Strict(page(evidence(text))).tags]
    assert {"html", "main", "table", "svg"} <= set(tags)


@pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine: pages are parsed and not opened")
@pytest.mark.parametrize("text", ["plain", EVIL])
def test_a_browser_shows_what_was_written(text: str, tmp_path: Path) -> None:
    file = tmp_path / "evidence.html"
    written = page(evidence(text))
    file.write_text(written, encoding="utf-8")
    expected = [tag for tag, _ in Strict(written).tags]
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    done = subprocess.run(
        [CHROMIUM, *FLAGS, profile, "--window-size=390,844", "--dump-dom", file.as_uri()],
        capture_output=True, text=True, timeout=600, check=True,
    )  # fmt: skip
    shown = [tag for tag, _ in Strict(re.sub(r"<(path|line|circle)([^>]*)></\1>", r"<\1\2/>", done.stdout)).tags]
    assert shown == expected
    assert "What it does not prove" in done.stdout
