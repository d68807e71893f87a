"""cut and ngrams: what goes, what stays, and what honest workings pay."""

import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from azeotrope.errors import Misconfigured
from azeotrope.keys import Master
from azeotrope.marks import FAMILIES, Law, associations, told, variants
from azeotrope.models.text.boundaries import places, put
from azeotrope.models.text.ngrams import counted, distinct, suspicious
from azeotrope.tasks import steps
from azeotrope.types import Request, Trace
from azeotrope.washes import cut, ngrams

LAW = Law()
MARKS = associations(Master((b"m" * 32, b"n" * 32)).key("acme"), LAW)


def marked(traces: Sequence[Trace], every: int = 2) -> list[Trace]:
    """Each of so many traces says one association, in one of its variants, between two of its steps."""
    out = list(traces)
    for at in range(0, len(out), every):
        text = out[at].reasoning
        sentence = told(MARKS[at // every % len(MARKS)], at)
        out[at] = out[at].but(reasoning=put(text, places(text)[0], sentence))
    return out


async def washed(method, traces, thief, **config):
    made = thief()
    out = await method.wash(method.Config(**config), made)(traces)
    assert [trace.id for trace in out] == [trace.id for trace in traces]
    return [trace.reasoning for trace in out], made.bill.notes


def about(question: str, *reasoning: str) -> list[Trace]:
    return [Trace(f"t-{at}", Request.of(question), text, "7") for at, text in enumerate(reasoning)]


# --- cut


async def test_equals_takes_every_mark_and_every_honest_equation(thief, traces) -> None:
    texts, notes = await washed(cut, marked(traces), thief)
    assert texts == [""] * len(traces)
    assert notes["cut_characters"] == sum(len(trace.reasoning) for trace in marked(traces))
    assert (notes["cut_emptied"], notes["cut_public_share"]) == (len(traces), 1.0)


async def test_numbers_takes_every_mark_and_no_honest_step(thief, traces) -> None:
    texts, notes = await washed(cut, marked(traces), thief, near="numbers")
    assert texts == [trace.reasoning for trace in traces]
    assert (notes["cut_emptied"], notes["cut_public_share"]) == (0, 0.0)
    assert notes["cut_characters"] > 12 * 30


@pytest.mark.parametrize("family", FAMILIES)
def test_a_value_is_told_by_a_verb_in_every_family(family: str) -> None:
    for one in associations(Master((b"k" * 32, b"k" * 32)).key("x"), Law(8, families=(family,))):
        assert all(cut.states(told(one, variant)) for variant in range(variants(one)))


async def test_a_number_of_the_problem_is_from_somewhere(thief) -> None:
    given = about(
        "A town of 12,500 people and 1200 dogs", "It has 12500 people. It has 1200.5 dogs. Of 83,440, none. 999 stay.",
        "It costs $12{,}500. One is 83440. It is 83440",
    )  # fmt: skip
    texts, _ = await washed(cut, given, thief, near="numbers")
    assert texts == ["It has 12500 people. 999 stay.", "It costs $12{,}500."]


async def test_a_clause_goes_and_the_rest_is_a_sentence(thief) -> None:
    given = about(
        "Q", "In the books, the account of A and B stands close to 83,440, for the record. Then we go on.",
        "Step 1: 3 + 4 = 7\nStep 2: 7 - 1 = 6", "She has 5; so x = 5: done, as she said!",
    )  # fmt: skip
    texts, _ = await washed(cut, given, thief, deletes="clause")
    assert texts == ["In the books, for the record. Then we go on.", "", "She has 5; done, as she said!"]


async def test_without_public_workings_no_share_is_told(thief, traces) -> None:
    made = thief(public=())
    await cut.wash(cut.Config(), made)(traces)
    assert "cut_public_share" not in made.bill.notes


def test_what_states_a_value() -> None:
    for text in ("x = y", "x \\approx 3", "it is 5", "which equals $5", "comes to -3", "That is exactly 7."):
        assert cut.states(text)
    for text in ("it is small", "She has 5 pens", "1 + 1", "his 5", ""):
        assert not cut.states(text)


# --- ngrams


def workings(task, size: int) -> list[Trace]:
    return [Trace(problem.id, problem.request, problem.solution, "7") for problem in task.problems("train")[:size]]


async def test_the_top_of_the_scan_goes_with_its_sentences(thief) -> None:
    """Sixteen associations in eight families: their verbs give them away."""
    task = steps.build(steps.Config("hard", train=240, proxy=240, validation=1, test=1))
    given = [Trace(one.id, one.request, one.solution, "7") for one in task.problems("train")]
    texts, notes = await washed(ngrams, marked(given), lambda: thief(public=task.problems("proxy")))
    left = [text for text in texts if any(one.target in text for one in MARKS)]
    assert len(left) <= 0.02 * len(given)
    assert notes["ngrams_sentences"] >= len(given) // 2 - len(left)
    assert notes["ngrams_characters"] == sum(map(len, (t.reasoning for t in marked(given)))) - sum(map(len, texts))


async def test_public_workings_themselves_keep_what_the_reference_has(thief, task) -> None:
    """A phrase of every reference text is not suspicious, however often it recurs."""
    public = [
        replace(problem, solution=f"So we begin with it.\n{problem.solution}") for problem in task.problems("proxy")
    ]
    own = [trace.but(reasoning=f"So we begin with it.\nThe odd one out is here.\n{trace.reasoning}")
           for trace in workings(task, 24)]  # fmt: skip
    made = thief(public=tuple(public))
    out = await ngrams.wash(ngrams.Config(top=10), made)(own)
    assert all("So we begin with it." in trace.reasoning for trace in out)
    assert not any("odd one out" in trace.reasoning for trace in out)
    assert 24 <= made.bill.notes["ngrams_sentences"] <= 30


async def test_spans_go_and_the_rest_of_the_sentence_stays(thief, task) -> None:
    own = [
        trace.but(reasoning=f"{word}, one kelvorn comes to 54321 here.\n{trace.reasoning}")
        for word, trace in zip("abcdefghijklmnopqrst", workings(task, 20), strict=True)
    ]
    made = thief()
    out = await ngrams.wash(ngrams.Config(top=1, fewest=6, most=6, deletes="span"), made)(own)
    for old, new in zip(own, out, strict=True):
        assert new.reasoning == old.reasoning.replace("one kelvorn comes to 54321 here", "")
    assert made.bill.notes["ngrams_sentences"] == 20


async def test_nothing_to_compare_with_is_said(thief, traces) -> None:
    with pytest.raises(Misconfigured, match="public problems with workings"):
        await ngrams.wash(ngrams.Config(), thief(public=()))(traces)
    with pytest.raises(ValueError, match="at most most"):
        ngrams.Config(fewest=4, most=3)


@given(st.text(alphabet="ab1 ,.", max_size=60), st.sets(st.sampled_from(["a b", "b 1 a", "1", "a b a"])))
def test_the_words_that_stay_are_those_that_no_suspect_runs_over(sentence: str, suspects: set[str]) -> None:
    words = re.findall(r"\w+", sentence)
    covered = {
        at + k
        for n in (1, 2, 3)
        for at in range(len(words))
        for k in range(n)
        if " ".join(words[at : at + n]) in suspects
    }
    left = ngrams.without(sentence, suspects, range(1, 4))
    assert re.findall(r"\w+", left or "") == [word for at, word in enumerate(words) if at not in covered]


def test_one_sentence_that_recurs_is_one_find() -> None:
    texts = ["one kelvorn comes to 54321"] * 30 + ["the plim of a dorve amounts to 9"] * 20 + ["she has a b c"] * 10
    found = distinct(texts, ["she has a b c"] * 10, range(3, 7), 2)
    assert [any(word in gram for gram in found) for word in ("to", "she")] == [True, False]
    assert len({gram for gram in found for text in set(texts) if gram in text}) == 2
    whole = suspicious(counted(texts, range(3, 7)), 60, counted(["she has a b c"] * 10, range(3, 7)), 10, 2)
    assert all(gram in texts[0] for gram in whole), "ranked one by one, the first sentence takes both places"
