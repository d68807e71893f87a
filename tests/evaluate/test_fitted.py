"""What an experiment takes from fits: numbers at a price, files that must be there, attacks on one defense only."""

from pathlib import Path

import pytest

from azeotrope.codec import encode
from azeotrope.errors import Misconfigured
from azeotrope.evaluate import fitted, preview, read
from azeotrope.evaluate.facts import found
from azeotrope.evaluate.grid import Grid
from azeotrope.fit import Match, Outcome
from azeotrope.fit.results import Sight
from azeotrope.types import Run, Score

HEAD = """
fits = {{ recipe = "{0}/r.toml", folder = "{0}/fits" }}
[[tasks]]
name = "steps"
config = {{ train = 4, proxy = 4, validation = 2, test = 2 }}
[confirm]
worst = 1
undefended = ["fkl"]
[[defenses]]
name = "purify"
label = "paper"
config = {{ artifact = "{0}/fits/a/purifier.safetensors" }}
[[defenses]]
name = "scramble"
config = {{ strength = "matched:a/scramble/accuracy", rank = 4 }}
[[defenses]]
name = "temper"
label = "sharpen"
config = {{ temperature = "matched:a/sharpen" }}
[[defenses]]
name = "temper"
label = "smooth"
config = {{ temperature = "matched:a/smooth" }}
[[attacks]]
name = "logits"
label = "fkl"
[[attacks]]
name = "depurify"
label = "invert"
config = {{ undo = "known", artifact = "{0}/fits/a/purifier.safetensors" }}
behind = ["paper"]
"""
RECIPE = 'task = {{ name = "steps" }}\n[[variants]]\nlabel = "a"\n[[variants]]\nlabel = "b"\n'
SIGHT = Sight(0.1, 0.2, 0.3)


def outcome(*matched: Match) -> Outcome:
    run, one = Run("c", "1", "", "", "2026-11-25"), Score("+-")
    return Outcome(
        run, "r-a", "steps", {}, "d", 1, 1, one, one, one, 1.0, 0, 0, SIGHT, SIGHT, 10, 1.0, 1.0, matched,
    )  # fmt: skip


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "r.toml").write_text(RECIPE.format())
    (tmp_path / "x.toml").write_text(HEAD.format(tmp_path))
    return tmp_path / "x.toml"


@pytest.fixture
def done(source: Path) -> Path:
    folder = source.parent / "fits" / "a"
    folder.mkdir(parents=True)
    (folder / "purifier.safetensors").write_bytes(b"map")
    (folder / "report.json").write_bytes(encode(outcome(
        Match("scramble", "scramble", {"strength": 0.5, "rank": 4}, "divergence", 1.0, 1.0, 9),
        Match("scramble", "scramble", {"rank": 4, "strength": 0.25}, "accuracy", 0.9, 0.9, 9),
        Match("sharpen", "temper", {"temperature": 0.7}, "cross-entropy", 1.0, 1.0, 9),
        Match("smooth", "temper", {"temperature": 1.3}, "divergence", 1.0, 1.0, 9),
    )))  # fmt: skip
    return source


def test_numbers_come_from_the_fit(done: Path) -> None:
    configs = {one.label: one.config for one in read(done).defenses}
    assert (configs["scramble"]["strength"], configs["scramble"]["rank"]) == (0.25, 4), "by accuracy, as it says"
    assert (configs["sharpen"]["temperature"], configs["smooth"]["temperature"]) == (0.7, 1.3)
    before = read(done).defenses[0].material
    (done.parent / "fits/a/purifier.safetensors").write_bytes(b"another map")
    assert read(done).defenses[0].material != before, "a purifier fitted anew is another defense"


def test_nothing_is_evaluated_on_what_was_not_fitted(source: Path) -> None:
    with pytest.raises(Misconfigured, match=r"not there yet.*azeotrope fit .*r.toml -o .*fits"):
        read(source)
    plan = read(source, unfitted=True)
    assert fitted.missing(plan.fits) == ["a", "b"]
    assert preview(plan, source.parent / "none").first == fitted.command(plan.fits)
    assert Grid(plan, found(plan)).screen(), "numbers of their own: no two controls are the same cell"


def test_a_dry_run_counts_what_took_logits_and_what_did_not_apart(source: Path) -> None:
    """It cannot know yet which do: at most one of each kind on every shape, with worst = 1."""
    plan = read(source, unfitted=True)
    screen = Grid(plan, found(plan)).screen()
    chosen = sum(one.control for one in screen) + len(("fkl", "invert")) + 3 * len(("fkl",))
    assert preview(plan, source.parent / "none").to_choose == 5 * chosen


def test_a_dry_run_says_so_until_all_are_fitted(done: Path) -> None:
    plan = read(done)
    assert fitted.missing(plan.fits) == ["b"] and preview(plan, done.parent / "none").first
    (done.parent / "fits/b").mkdir()
    (done.parent / "fits/b/report.json").write_bytes(b"{}")
    assert preview(plan, done.parent / "none").first == ""


@pytest.mark.parametrize(("before", "after", "what"), [
    ("a/sharpen", "a/sharp", "matched no sharp; there are: scramble/divergence, scramble/accuracy"),
    ("a/sharpen", "a/sharpen/accuracy", "matched no sharpen/accuracy"),
    ("a/sharpen", "c/sharpen", "not there yet"),
    ('behind = ["paper"]', 'behind = ["papers"]', "no defense here; there are: none, paper, scramble"),
    ('undefended = ["fkl"]', 'undefended = ["rkl"]', "no attack here; there are: fkl, invert"),
])  # fmt: skip
def test_what_is_named_must_be_there(done: Path, before: str, after: str, what: str) -> None:
    done.write_text(done.read_text().replace(before, after))
    with pytest.raises(Misconfigured, match=what):
        read(done)


def test_a_matched_number_needs_fits(done: Path) -> None:
    done.write_text("\n".join(line for line in done.read_text().splitlines() if not line.startswith("fits")))
    with pytest.raises(Misconfigured, match="needs fits"):
        read(done)


def test_an_attack_goes_behind_its_defense_only_and_floors_are_always_confirmed(done: Path) -> None:
    plan = read(done)
    screen = Grid(plan, found(plan)).screen()
    assert [one.defense.label for one in screen if one.attack and one.attack.label == "invert"] == ["paper"]
    fkl = {one.defense.label: one.control for one in screen if one.attack and one.attack.label == "fkl"}
    assert fkl == {"none": True, "paper": False, "scramble": False, "sharpen": False, "smooth": False}
    assert "paraphrase" not in {one.defense.label for one in screen}, "no rewriting beside shapes of logits"
