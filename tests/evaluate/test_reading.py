"""An experiment's file: what is wrong is refused with its place and the cure; what is said nowhere has a default."""

import tomllib
from pathlib import Path

import pytest

from azeotrope.errors import Misconfigured
from azeotrope.evaluate import read

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
SHIPPED = [file for file in sorted(EXPERIMENTS.glob("*.toml")) if "attacks" in tomllib.loads(file.read_text())]
"""Not the searches, recipes and stand-ins that lie beside them: other tests read these."""
SFT = '[[attacks]]\nname = "sft"\n'
WRONG = {
    "an unknown attack": ('[[attacks]]\nname = "sftt"\n', r"x.toml: attacks\[0\]: no attack called 'sftt'; .*: .*sft"),
    "an unknown setting": (
        SFT + '[[attacks]]\nname = "mix"\nconfig = { portion = 0.5 }\n',
        r"x.toml: attacks\[1\] 'mix': .*portion.*; there are: share",
    ),
    "a value out of range": (
        SFT + '[[attacks]]\nname = "mix"\nconfig = { share = 2.0 }\n', r"x.toml: attacks\[1\] 'mix': .*share"),
    "an unknown wash": (
        '[[attacks]]\nname = "sft"\nwashes = ["bleach"]\n', r"attacks\[0\].washes\[0\]: no wash called"
    ),
    "an alternative's setting": (
        '[[attacks]]\nname = "mix"\n[[attacks.alternatives]]\nlabel = "a"\nconfig = { share = 7.0 }\n',
        r"attacks\[0\].alternatives\[0\] 'mix'",
    ),
    "an unknown defense": (SFT + '[[defenses]]\nname = "moat"\n', r"defenses\[0\]: no defense called 'moat'"),
    "an unknown member": (SFT + '[[defenses]]\nname = "none"\nlable = "x"\n', r"x.toml: .*lable.* `\$.defenses\[0\]`"),
    "an unknown table": (SFT + "[confrim]\n", "x.toml: .*confrim"),
    "another name for an end of the scale": (
        SFT + '[[defenses]]\nname = "withhold"\nlabel = "mute"\n', r"defenses\[0\]: 'withhold' cannot be called 'mute'"
    ),
    "an end's name for another": (SFT + '[[defenses]]\nname = "terse"\nlabel = "none"\n', "cannot be called 'none'"),
    "a yardstick in disguise": (SFT + '[[defenses]]\nname = "corrupt"\nlabel = "lies"\n', "cannot be called 'lies'"),
    "public data under another name": (
        SFT + '[[attacks]]\nname = "public"\nlabel = "public-500"\n', r"attacks\[1\]: 'public' asks no teacher.*label"),
    "public data, washed": (
        SFT + '[[attacks]]\nname = "public"\nwashes = ["dedup"]\n', r"attacks\[1\]: 'public' asks no teacher.*washes"),
    "public data by shares": (
        SFT + '[[attacks]]\nname = "public"\nshares = [0.5, 1]\n', r"attacks\[1\]: 'public' asks no teacher.*shares"),
    "public data in two settings": (
        SFT + '[[attacks]]\nname = "public"\n[[attacks.alternatives]]\nlabel = "few"\nconfig = { most = 9 }\n',
        r"attacks\[1\]: 'public' asks no teacher.*alternatives"),
    "the untaught under another name": (
        SFT + '[[attacks]]\nname = "never"\nlabel = "fresh"\n', r"attacks\[1\]: 'never' asks no teacher"),
    "public data behind a defense": (
        SFT + '[[attacks]]\nname = "public"\nbehind = ["terse"]\n[[defenses]]\nname = "terse"\n',
        r"attacks\[1\]: 'public' .* is run once, behind 'none'; leave behind out"),
    "the answers under another name": (
        SFT + '[[attacks]]\nname = "answer_only"\nlabel = "floor"\n', r"attacks\[1\]: 'answer_only' .* label out"),
    "an attack under a control's name": (
        '[[attacks]]\nname = "sft"\nlabel = "public"\n', r"attacks\[0\]: 'sft' cannot be called 'public'"),
    "two of one name": (SFT + SFT, r"attacks\[1\] and attacks\[0\] are both called 'sft': give one a label"),
    "the screen's seed again": (SFT + "[screen]\nseed = 2\n", r"\[confirm\] seeds hold the screen's own seed 2"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_refused_with_its_place(lab, what) -> None:
    body, said = WRONG[what]
    with pytest.raises(Misconfigured, match=said):
        lab.plan(body)


UNMADE = {
    "an artifact": (
        '[[defenses]]\nname = "purify"\nconfig = { artifact = "$/map" }\n',
        r"defenses\[0\].config.artifact",
    ),
    "an instruction": (
        '[[defenses]]\nname = "instruct"\nconfig = { instruction = "$/won.md" }\n',
        r"defenses\[0\].config.instruction",
    ),
    "one behind another": (
        '[[defenses]]\nname = "terse"\n[[defenses]]\nname = "terse"\nlabel = "both"\n'
        'then = [{ name = "instruct", config = { instruction = "$/won.md" } }]\n',
        r"defenses\[1\].then\[0\].config.instruction",
    ),
    "an attack's": (
        '[[attacks]]\nname = "depurify"\nconfig = { undo = "known", artifact = "$/map" }\n',
        r"attacks\[1\].config.artifact",
    ),
    "an alternative's": (
        '[[attacks]]\nname = "depurify"\nconfig = { undo = "none" }\n[[attacks.alternatives]]\nlabel = "known"\n'
        'config = { undo = "known", artifact = "$/map" }\n',
        r"attacks\[1\].alternatives\[0\].config.artifact",
    ),
}


@pytest.mark.parametrize("what", UNMADE)
def test_what_was_not_made_yet_is_refused_before_any_cell_fails_for_it(lab, what) -> None:
    body, at = UNMADE[what]
    source = lab.write(SFT + body.replace("$", str(lab.folder)))
    with pytest.raises(Misconfigured, match=rf"x.toml: {at}: .*is not there yet; make it with the command on top"):
        read(source)
    assert read(source, unfitted=True).attacks, "a dry run and a rehearsal need nothing"
    (lab.folder / "map").mkdir()
    (lab.folder / "won.md").write_text("Begin every line with Step.")
    assert read(source).attacks


def test_what_other_defenses_need_may_be_made_later(lab) -> None:
    body = (
        '[[defenses]]\nname = "terse"\n[[defenses]]\nname = "purify"\nlabel = "pure"\nconfig = { artifact = "$/map" }\n'
        '[[attacks]]\nname = "depurify"\nconfig = { undo = "known", artifact = "$/map" }\nbehind = ["pure"]\n'
    )
    source = lab.write(SFT + body.replace("$", str(lab.folder)))
    assert {one.label for one in read(source, only=("terse",)).defenses} == {"terse", "pure"}
    for only in ((), ("pure",), ("terse", "pure")):
        with pytest.raises(Misconfigured, match="is not there yet"):
            read(source, only=only)


def test_a_learner_is_refused_with_its_place(lab) -> None:
    head = lab.write("").read_text()
    with pytest.raises(Misconfigured, match=r"\[learner\]: .*`paces`|\[learner\]: .*paces.*; there are: steps"):
        lab.plan(SFT, head.replace('"microlab:Copying"', '"microlab:Copying"\npaces = 3'))
    with pytest.raises(Misconfigured, match=r"no kind of learner called 'big'; there are: tiny, hub"):
        lab.plan(SFT, head.replace("microlab:Copying", "big"))
    with pytest.raises(Misconfigured, match=r"\[learner\] needs a tokenizer"):
        lab.plan(SFT, head.replace("microlab:Copying", "tiny"))


def test_an_experiment_without_attacks_is_refused(lab) -> None:
    with pytest.raises(Misconfigured, match=r"x.toml: .*`\$.attacks`"):
        lab.plan("", "attacks = []\n" + lab.write("").read_text())


def test_no_file_is_said(tmp_path) -> None:
    with pytest.raises(Misconfigured, match="there is no file"):
        read(tmp_path / "nowhere.toml")


def test_labels_and_defaults(lab) -> None:
    plan = lab.plan(SFT + '[[attacks]]\nname = "sft"\nwashes = ["filter", { name = "dedup" }]\n')
    assert [attack.label for attack in plan.attacks] == ["sft", "sft+filter+dedup"]
    assert [wash.name for wash in plan.attacks[1].washes] == ["filter", "dedup"]
    assert all(wash.config for wash in plan.attacks[1].washes), "defaults are filled in"
    assert (plan.name, plan.screen.seed, plan.learner.recipe) == ("x", 0, {"steps": 2})


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_every_shipped_experiment_is_one(file: Path) -> None:
    assert read(file, unfitted=True).name == file.stem
