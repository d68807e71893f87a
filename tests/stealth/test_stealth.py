"""The thief's instruments find what is there and nothing else, and no figure tells a secret."""

import itertools
import json
import random
from pathlib import Path
from statistics import NormalDist, fmean, variance

import pytest
from typer.testing import CliRunner

from azeotrope.cli import app
from azeotrope.errors import Misconfigured
from azeotrope.models.text.ngrams import counted, suspicious
from azeotrope.stealth import Plan, classify, measure, read, scan
from azeotrope.stealth.released import Released

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
    there, absent = (
        scan.scanned(texts, (reference, 300), [word], [f"One {word} comes to 54321."]) for word in ("kelvorn", "absent")
    )
    assert there.told > there.share, "comes to, one"
    assert 0 < absent.told < there.told
    assert there.found == 25 and 0 < there.share < 1
    assert [size for size, _ in there.ranks] == [25, 50, 100] and there.ranks[-1][1]
    assert absent[:3] == (None, ((25, None), (50, None), (100, None)), 0.0)
    assert scan.medians([there.ranks, absent.ranks, absent.ranks]) == absent.ranks
    assert (scan.middle([25, None, None]), scan.middle([25, None, 50]), scan.middle([1, 4])) == (None, 50, 2.5)
    assert scan.medians([((25, 3),), ((25, 7),), ((25, None),)]) == ((25, 7),)


def test_a_mark_is_measured_and_its_figures_hang_together() -> None:
    found = measure(
        traces(400), Plan(share=0.5, customers=4),
        perplexity=lambda texts: [(len(text) / 100, len(text) // 4) for text in texts],
    )  # fmt: skip
    assert found.marked == 1.0
    assert 0.5 < found.auc_trace <= 1.0
    assert 0.5 < found.auc_sentence <= 1.0
    assert len(found.scan_traces) == 2
    assert found.learn_traces == 30 * 16 / 0.5
    assert 30 < found.characters_added < 120
    assert found.perplexity_ratio == pytest.approx(2.0, rel=0.6)
    assert found.tokens_added == pytest.approx(found.characters_added / 4, abs=1)
    assert found.told == pytest.approx(0.5, abs=0.15)
    assert 1 < (found.perplexity_ratio_released or 0) < (found.perplexity_ratio or 0)
    low, high = found.auc_trace_interval
    assert low <= found.auc_trace <= high
    with pytest.raises(Misconfigured, match="32 traces are needed"):
        measure(traces(10), Plan(customers=4))


def test_chaff_takes_from_the_classifier_what_theory_says() -> None:
    """Who sees a strange sentence knows that a trace is marked or chaff: the AUC is 1 - chaff / 2."""
    bare, half, full = (measure(traces(1200), Plan(0.2, 4, chaff=chaff, chaff_recurs=True)) for chaff in (0, 0.6, 1))
    one = (1 / (12 * 2 * 16)) ** 0.5  # what recurs is one draw: two judged customers of 16 associations
    for found, expected, chaff in ((bare, 1.0, 0), (half, 0.7, 0.6), (full, 0.5, 1)):
        assert found.auc_trace == pytest.approx(expected, abs=0.02 + 4 * one * chaff)
    assert bare.auc_trace > half.auc_trace > full.auc_trace
    assert bare.told < half.told < full.told == pytest.approx(full.marked, abs=1e-9)
    assert full.scan_share < bare.scan_share
    assert full.scan_told > 0.2, "what the families' sentences have in common is found all the same"


def test_one_problem_asked_again_and_again_is_measured_too() -> None:
    found = measure([("The same?", text) for _, text in traces(80)], Plan(customers=2))
    assert found.judged_traces == 40 and found.marked == 1


def draws(rng: random.Random, clusters: int, size: int) -> tuple[list[float], list[bool], list[str]]:
    """So many marked clusters of texts that share most of their score, and as many unmarked texts of their own."""
    shared = [rng.gauss(1, 1) for _ in range(clusters)]
    ones = [(shared[at] + rng.gauss(0, 0.3), True, f"one {at}") for at in range(clusters) for _ in range(size)]
    others = [(rng.gauss(0, 1), False, f"other {at}") for at in range(clusters * size)]
    scores, marked, named = zip(*ones, *others, strict=True)
    return list(scores), list(marked), list(named)


def test_the_interval_of_an_auc_is_delongs_where_no_two_texts_are_one_cluster() -> None:
    scores, marked = [3.0, 1.0, 4.0, 1.5, 0.5, 2.0, 2.5], [True, True, True, False, False, False, True]
    ones, others = [3.0, 1.0, 4.0, 2.5], [1.5, 0.5, 2.0]
    above = [[float(one > other) for other in others] for one in ones]
    by_one, by_other = [fmean(row) for row in above], [fmean(column) for column in zip(*above, strict=True)]
    width = 1.96 * (variance(by_one) / len(ones) + variance(by_other) / len(others)) ** 0.5
    area = classify.auc(scores, marked)
    apart = list(map(str, range(7)))
    assert classify.interval(scores, marked, apart) == pytest.approx((max(0, area - width), min(1, area + width)))
    assert classify.interval([1, 2, 3, 4], [False, False, True, True], ["a", "b", "c", "d"]) == (1.0, 1.0)
    assert classify.interval(scores, marked, ["one" if one else at for one, at in zip(marked, apart, strict=True)]) == (
        0.0, 1.0,
    )  # fmt: skip


def test_texts_that_are_said_twice_make_no_interval_narrower() -> None:
    scores, marked, clusters = draws(random.Random(1), 12, 2)
    twice = classify.interval(scores * 2, marked * 2, clusters * 2)
    assert twice == pytest.approx(classify.interval(scores, marked, clusters))


def test_the_interval_covers_what_it_says_though_sentences_recur() -> None:
    rng, expected = random.Random(2), NormalDist().cdf(1 / (1 + 1 + 0.3**2) ** 0.5)
    made = [classify.interval(*draws(rng, 24, 12)) for _ in range(400)]
    assert sum(low <= expected <= high for low, high in made) / len(made) == pytest.approx(0.95, abs=0.045)
    apart = [classify.interval(scores, marked, list(map(str, range(len(marked)))))
             for scores, marked, _ in (draws(rng, 24, 12) for _ in range(400))]  # fmt: skip
    assert sum(low <= expected <= high for low, high in apart) / len(apart) < 0.8, "as if all were independent"


def test_a_sentence_is_named_by_its_number() -> None:
    was = "One and 5 is 6. One is 7."
    for put_in in ("One marel is 73162. ", "The toll from A to B adds up to 73162, as usual. "):
        assert Released(f"One and 5 is 6. {put_in}One is 7.", was, True).sentence == "73162"
    assert Released(was, was, False).sentence == ""


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
    for name in ("AUC", "n-gram scan", "first rank", "learned", "characters", "not measured"):
        assert name in shown.output
    assert CliRunner().invoke(app, ["stealth", str(path), "--customers", "2", "--json"]).output.startswith("{")
