"""The thief's instruments find what is there and nothing else, and no figure tells a secret."""

import itertools
import json
import random
from pathlib import Path

import pytest
from typer.testing import CliRunner

from azeotrope.cli import app
from azeotrope.errors import Misconfigured
from azeotrope.models.text.ngrams import counted, suspicious
from azeotrope.stealth import Plan, classify, measure, read, scan

WORDS = "she sold bought gave apples cards clips friends each total then more half twice days week".split()  # noqa: SIM905


def sentence(rng: random.Random) -> str:
    return f"{' '.join(rng.choices(WORDS, k=8)).capitalize()} {rng.randrange(100)}."


def traces(size: int, seed: int = 0) -> list[tuple[str, str]]:
    rng = random.Random(seed)
    return [(f"Problem {i}?", " ".join(sentence(rng) for _ in range(4))) for i in range(size)]


def test_auc_is_the_share_of_pairs_in_order() -> None:
    rng = random.Random(1)
    scores, marked = [rng.randrange(5) for _ in range(60)], [rng.random() < 0.4 for _ in range(60)]
    pairs = [(a > b) + (a == b) / 2 for (a, x), (b, y) in itertools.product(zip(scores, marked, strict=True), repeat=2)
             if x and not y]  # fmt: skip
    assert classify.auc(scores, marked) == pytest.approx(sum(pairs) / len(pairs))


def test_the_classifier_learns_what_is_there_and_nothing_from_noise() -> None:
    rng = random.Random(2)
    texts = [sentence(rng) for _ in range(400)]
    noise = [rng.random() < 0.5 for _ in texts]
    planted = [f"{text} The {rng.choice('pqrstv')}orvil is set to {rng.randrange(10_000, 99_999)}." if one else text
               for text, one in zip(texts, noise, strict=True)]  # fmt: skip
    for these, low, high in ((texts, 0.3, 0.7), (planted, 0.95, 1.0)):
        weights = classify.fitted(these[:200], noise[:200])
        assert low <= classify.auc(classify.scores(weights, these[200:]), noise[200:]) <= high


def test_the_scan_ranks_what_recurs_here_and_not_in_the_reference() -> None:
    reference = counted(text for _, text in traces(300, 1))
    texts = [
        text + (" One kelvorn comes to 54321." if i % 5 == 0 else "") for i, (_, text) in enumerate(traces(100, 2))
    ]
    top = suspicious(counted(texts), 100, reference, 300, 10)
    assert any("kelvorn" in gram for gram in top)
    assert not any(gram == "she" for gram in top)
    assert scan.traces_until_found(texts, reference, 300, ["kelvorn"]) == 25
    assert scan.traces_until_found(texts, reference, 300, ["absent"]) is None


def test_a_mark_is_measured_and_its_figures_hang_together() -> None:
    found = measure(
        traces(400), Plan(share=0.5, customers=4), perplexity=lambda texts: [len(text) / 100 for text in texts]
    )
    assert found.marked == 1.0
    assert 0.5 < found.auc_trace <= 1.0
    assert 0.5 < found.auc_sentence <= 1.0
    assert len(found.scan_traces) == 2
    assert found.learn_traces == 30 * 16 / 0.5
    assert 30 < found.characters_added < 120
    assert found.perplexity_ratio == pytest.approx(2.0, rel=0.6)
    with pytest.raises(Misconfigured, match="32 traces are needed"):
        measure(traces(10), Plan(customers=4))


def test_files_are_read_as_they_are_written(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    rows = [{"question": "a?", "reasoning": "One. Two."}, {"question": "b?", "answer": "6/2 = <<6/2=3>>3.\n#### 3"}]
    path.write_text("\n".join(map(json.dumps, rows)))
    assert read(path) == [("a?", "One. Two."), ("b?", "6/2 = 3.")]
    path.write_text("[1]")
    for bad in (path, tmp_path / "none"):
        with pytest.raises(Misconfigured, match="question and reasoning"):
            read(bad)


def test_the_command_prints_every_figure(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text("".join(json.dumps({"question": q, "reasoning": r}) + "\n" for q, r in traces(64)))
    shown = CliRunner().invoke(app, ["stealth", str(path), "--customers", "2", "--share", "0.5"])
    assert shown.exit_code == 0, shown.output
    for name in ("AUC", "n-gram scan", "learned", "characters"):
        assert name in shown.output
    assert CliRunner().invoke(app, ["stealth", str(path), "--customers", "2", "--json"]).output.startswith("{")
