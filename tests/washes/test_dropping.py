"""filter and dedup: which traces go, which stay."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from azeotrope.washes import dedup
from azeotrope.washes import filter as filtering


async def filtered(thief, traces, **config):
    made = thief()
    out = await filtering.wash(filtering.Config(**config), made)(traces)
    return out, made.bill.notes


async def test_clean_traces_stay(thief, traces) -> None:
    assert await filtered(thief, traces) == (traces, {"filtered_wrong": 0, "filtered_odd": 0})


async def test_wrong_answers_go_where_the_gold_is_public(thief, traces) -> None:
    bad = [replace(trace, answer="\\boxed{1000}") if at in (2, 5) else trace for at, trace in enumerate(traces)]
    out, notes = await filtered(thief, bad)
    assert out == [trace for at, trace in enumerate(bad) if at not in (2, 5)]
    assert notes == {"filtered_wrong": 2, "filtered_odd": 0}
    assert (await filtered(thief, bad, wrong=False))[0] == bad


async def test_public_problems_are_graded_and_strangers_are_not(thief, traces, task) -> None:
    proxy, stranger = task.problems("proxy")[0], replace(traces[0], request=task.problems("test")[0].request)
    out, _ = await filtered(thief, [*traces, replace(traces[0], request=proxy.request, answer="0"), stranger])
    assert out == [*traces, stranger]


async def test_odd_lengths_and_cut_traces_go(thief, traces) -> None:
    long = replace(traces[0], reasoning="Step 1: well\n" * 99)
    short = replace(traces[1], reasoning="x")
    cut = replace(traces[2], finish="length")
    given = [long, short, cut, *traces[3:]]
    out, notes = await filtered(thief, given)
    assert out == traces[3:]
    assert notes["filtered_odd"] == 3
    assert (await filtered(thief, given, spread=0, cut=False))[0] == given


async def test_no_reasoning_is_odd_only_where_others_have_some(thief, traces) -> None:
    bare = [trace.but(reasoning="") for trace in traces]
    assert (await filtered(thief, bare))[0] == bare
    some = [*bare[:4], *traces[4:]]
    assert (await filtered(thief, some))[0] == traces[4:]
    assert (await filtered(thief, some, bare=False))[0] == some


# --- dedup


def test_the_first_of_the_same_stays() -> None:
    texts = ["a b c d", "e f g h", "a  b c\nd", "", "", "a b c e", "e f g h"]
    assert dedup.firsts(texts, dedup.Config()) == [0, 1, 3, 4, 5]


WORDS = [str(at) for at in range(400)]


@pytest.mark.parametrize("similarity", [0.5, 0.8, 0.95])
@pytest.mark.parametrize("seed", range(3))
def test_near_is_decided_by_exact_jaccard(similarity: float, seed: int) -> None:
    """n words of 200 replaced at the end: the similarity is known, and the threshold lies between."""
    rng = random.Random(seed)
    base = rng.sample(WORDS, 200)
    changed = {n: [*base[: 200 - n], *[f"new{at}" for at in range(n)]] for n in (1, 4, 20, 40, 60, 100)}
    for n, words in changed.items():
        exact = (198 - n) / (198 + n)
        a, b = (dedup.grams(" ".join(text), 3) for text in (base, words))
        assert dedup.similarity(a, b) == pytest.approx(exact)
        kept = dedup.firsts([" ".join(base), " ".join(words)], dedup.Config(similarity=similarity), seed)
        assert kept == ([0] if exact >= similarity else [0, 1])


def test_minhash_finds_what_comparing_all_pairs_finds() -> None:
    rng = random.Random(0)
    texts: list[str] = []
    for _ in range(150):
        words = (rng.choice(texts).split() if texts and rng.random() < 0.6 else rng.sample(WORDS, 40))[:]
        for _ in range(rng.randrange(4)):
            words[rng.randrange(len(words))] = rng.choice(WORDS)
        texts.append(" ".join(words))
    config, kept, known = dedup.Config(similarity=0.8), list[int](), list[dedup.Grams]()
    for at, text in enumerate(texts):
        found = dedup.grams(text, config.n)
        if all(dedup.similarity(found, other) < 0.8 for other in known):
            kept.append(at)
            known.append(found)
    assert 20 < len(kept) < 130
    assert dedup.firsts(texts, config) == kept


@given(st.lists(st.text(alphabet="ab1+ ", max_size=12)), st.integers(0, 3))
def test_of_what_is_kept_none_is_like_an_earlier_one_and_twice_is_once(texts: list[str], seed: int) -> None:
    config = dedup.Config(similarity=1)
    kept = [texts[at] for at in dedup.firsts(texts, config, seed)]
    assert dedup.firsts(kept, config, seed) == list(range(len(kept)))
    grams = [dedup.grams(text, config.n) for text in kept]
    assert all(not a or a not in grams[:at] for at, a in enumerate(grams))
    assert {dedup.grams(text, config.n) for text in texts} == set(grams)
