"""A suspect's text under keys of a token bias: its own key among a thousand, no other, and nobody where nothing is."""

import json
import math
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from azeotrope.cli import app
from azeotrope.errors import Misconfigured, Unavailable
from azeotrope.keys import Key, Master, commitment
from azeotrope.models.fake import Scripted
from azeotrope.verify.counting import Counted
from azeotrope.verify.records import MET, NOTHING, REFUSED, Settings
from azeotrope.verify.text_records import SignedText, TextEvidence
from azeotrope.verify.texts import Reading, judged, questions, written
from azeotrope.watermarks.greenlist import Config, _Lists

from .conftest import LAW, MASTER
from .test_command import committed, home  # noqa: F401 - a fixture
from .test_suspects import served  # noqa: F401 - a fixture

CONFIG = Config(gamma=0.5)
ACME = MASTER.key("acme")


def encode(texts: Sequence[str]) -> list[list[int]]:
    """Words are numbers."""
    return [[int(word) for word in text.split()] for text in texts]


def said(seed: int, key: Key | None = None, odds: float = 3.0, texts: int = 20) -> list[str]:
    """Numbers, those that are green by the key drawn `odds` times as often."""
    rng, out = random.Random(seed), list[str]()
    for _ in range(texts):
        ids = [rng.randrange(200)]
        while len(ids) < 60:
            green = _Lists(key, CONFIG).green(ids[-1:], 200).tolist() if key else [False] * 200
            ids += rng.choices(range(200), [odds if one else 1.0 for one in green])
        out.append(" ".join(map(str, ids)))
    return out


def reading(keys: int, under: frozenset[str] | None = None, alpha: float = 1e-6) -> Reading:
    counted = Counted(keys, "as the test says", None, under)
    return Reading(CONFIG, encode, "00", counted, LAW, alpha, "2026-11-28T00:00:00+00:00")


def test_the_key_of_a_greened_text_is_found_among_a_thousand_and_nobody_else() -> None:
    keys = [MASTER.key(f"c{at}") for at in range(999)] + [ACME]
    found = judged("them", said(1, ACME), keys, reading(1000))
    assert (found.verdict, found.keys, len(found.marks)) == (f"{MET} acme's mark", 1000, 1000)
    assert [one.customer for one in found.marks if one.verdict.startswith(MET)] == ["acme"]
    assert found.marks[0].customer == "acme" and found.marks[0].found.log_p < math.log(1e-9)
    assert "acme's key, 50.0 % by chance" in found.claim and "over 1,000 keys, which no log counts," in found.claim
    innocent = judged("them", said(1), keys, reading(1000))
    assert innocent.verdict == NOTHING and innocent.claim.startswith("None of 1,000 keys was met in 20 texts; ")


def test_false_accusations_are_as_rare_as_the_level_says() -> None:
    """Fresh masters, ten keys each, at a level that can be seen: one text of skewed frequencies, far from random."""
    text = ["7 7 8 9 " * 9 + said(2, texts=1)[0]]
    runs, level = 400, 0.2
    wrong = 0
    for at in range(runs):
        master = Master((at.to_bytes(32),))
        wrong += (
            judged("x", text, [master.key(f"c{n}") for n in range(10)], reading(10, alpha=level)).verdict != NOTHING
        )
    assert wrong <= runs * level + 4 * (runs * level * (1 - level)) ** 0.5


def test_repeated_text_is_no_new_evidence() -> None:
    text = said(3, ACME, texts=2)
    once, often = (judged("x", text * times, [ACME], reading(10)) for times in (1, 40))
    assert once.scored == often.scored and once.marks[0].found == often.marks[0].found


def test_what_is_needed_is_what_proves() -> None:
    found = judged("x", said(4), [ACME], reading(1000))
    assert found.needed is not None
    from azeotrope.math.stats.tails import log_binomial_tail

    at, before = (log_binomial_tail(found.needed - less, found.scored, 0.5) for less in (0, 1))
    assert at <= math.log(1e-9) < before
    little = judged("x", ["1 2 3 4"], [ACME], reading(1000))
    assert (little.needed, little.verdict) == (None, REFUSED) and "too few to prove" in little.claim
    assert judged("x", [None], [ACME], reading(1)).verdict == REFUSED


def test_a_key_that_is_not_in_the_log_accuses_nobody() -> None:
    text, bob = said(1, ACME), MASTER.key("bob")
    under = frozenset({commitment(bob, LAW.digest).hex()})
    found = judged("x", text, [ACME, bob], reading(1000, under))
    assert {one.customer: one.verdict for one in found.marks} == {"acme": REFUSED, "bob": NOTHING}
    assert found.verdict == NOTHING
    both = under | {commitment(ACME, LAW.digest).hex()}
    assert judged("x", text, [ACME, bob], reading(1000, both)).verdict == f"{MET} acme's mark"


async def test_a_suspect_is_asked_ordinary_questions_and_only_its_own_words_count() -> None:
    asked = questions(30, 5)
    assert asked == questions(30, 5) != questions(30, 6) and len(set(asked)) > 20
    answers = await written(Scripted(lambda request: f"about {request.messages[-1]['content']}"), asked, Settings())
    assert answers == [f"about {one}" for one in asked]

    def dies(request: Any) -> str:
        raise Unavailable("gone")

    with pytest.raises(Unavailable, match="says nothing to ordinary questions"):
        await written(Scripted(dies), asked, Settings(at_once=2, gone=4))


def run(home: Path, *more: str) -> tuple[int, TextEvidence, str]:  # noqa: F811
    from azeotrope.codec import decode

    out = home / "t.json"
    given = [] if "--revealed" in more else ["--master-key", str(home / "master.key")]
    named = ["verify", "text", "--tokenizer", "shipped:steps", "-o", str(out), *given, *more]
    done = CliRunner().invoke(app, named)
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, decode(out.read_bytes(), SignedText).evidence, done.output


@pytest.fixture(scope="module")
def greened() -> list[str]:
    """What the shipped teacher's tokens say when they are drawn by acme's key, word by word."""
    from azeotrope.models.shipped import shipped

    words, rng, lists = shipped("steps").tokenizer, random.Random(1), _Lists(ACME, CONFIG)
    out: list[str] = []
    for _ in range(40):
        ids = [rng.randrange(5, 400)]
        while len(ids) < 60:
            green = lists.green(ids[-1:], 454)[5:400].tolist()
            ids += rng.choices(range(5, 400), [30.0 if one else 1.0 for one in green])
        out.append(words.decode(ids))
    return out


def test_the_command_scores_a_file_and_a_third_party_comes_to_the_same(home: Path, greened: list[str]) -> None:  # noqa: F811
    file = home / "said.jsonl"
    file.write_text("".join(json.dumps({"question": "1 2 3", "text": one}) + "\n" for one in greened))
    dsn = committed(home, "acme", "bob")
    common = ("--texts", str(file), "--set", "gamma=0.5")
    status, found, printed = run(home, *common, "--customers", "bob,acme", "--ledger", dsn)
    assert (status, found.verdict) == (0, f"{MET} acme's mark") and found.verdict in printed
    assert (found.keys, found.texts, found.failed) == (3, 40, 0) and found.tree is not None
    assert {one.customer for one in found.marks} == {"acme", "bob"}, "the operator's key biases nobody"
    done = CliRunner().invoke(
        app, ["keys", "reveal", "acme", "--ledger", dsn, "--master-key", str(home / "master.key"), "-o",
              str(home / "acme.key")],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    _, again, _ = run(home, *common, "--revealed", str(home / "acme.key"))
    assert again.verdict == found.verdict and again.marks[0].found == found.marks[0].found
    assert again.texts_digest == found.texts_digest and again.tokenizer == found.tokenizer
    assert ACME.reveal() not in (home / "t.json").read_text() + printed


def test_the_command_asks_a_served_suspect(
    home: Path, greened: list[str], served: Callable[..., str]  # noqa: F811
) -> None:  # fmt: skip
    asked: list[str] = []

    def say(server: Any, body: dict[str, Any]) -> None:
        asked.append(body["messages"][-1]["content"])
        server.answer(greened[len(asked) % len(greened)])

    mine = ("--set", "gamma=0.5", "--customers", "acme", "--committed", "1000", "--ask", "40")
    status, found, _ = run(home, "--suspect", served(say), *mine)
    assert (status, found.verdict, len(asked)) == (0, f"{MET} acme's mark", 40)
    kept = (home / "t.texts.jsonl").read_text().splitlines()
    assert len(kept) == found.texts == 40
    (home / "q.txt").write_text("How many?\nWhy?\n")
    before = len(asked)
    with pytest.raises(Misconfigured, match="may not say again"):
        run(home, "--suspect", served(say), *mine)
    assert len(asked) == before and (home / "t.texts.jsonl").read_text().splitlines() == kept
    (home / "t.texts.jsonl").unlink()
    status, found, _ = run(home, "--suspect", served(say), *mine, "--questions", str(home / "q.txt"), "--at-once", "1")
    assert asked[before:] == ["How many?", "Why?"] and found.texts == 2
    (home / "t.texts.jsonl").unlink()
    status, found, _ = run(home, "--suspect", served(lambda server, _: server.answer("4")), *mine)
    assert (status, found.verdict) == (4, REFUSED)


@pytest.mark.parametrize("more", [
    [], ["--suspect", "x", "--texts", "y"], ["--texts", "/nowhere.jsonl"], ["--texts", "BAD"],
    ["--texts", "BAD", "--set", "gama=0.5"], ["--texts", "BAD", "--tokenizer", "/nowhere"],
])  # fmt: skip
def test_mistakes_are_named(home: Path, more: list[str]) -> None:  # noqa: F811
    (home / "bad.jsonl").write_text('{"question": "only"}\n')
    with pytest.raises(Misconfigured):
        run(
            home,
            "--customers",
            "acme",
            "--committed",
            "9",
            *(str(home / "bad.jsonl") if one == "BAD" else one for one in more),
        )


def test_k_has_to_be_known(home: Path, greened: list[str]) -> None:  # noqa: F811
    (home / "a.txt").write_text(greened[0])
    with pytest.raises(Misconfigured, match="--committed"):
        run(home, "--texts", str(home / "a.txt"), "--customers", "acme")
