"""gradient: words go, numbers and the answer stay; what it does is counted; what it cannot read is withheld."""

import asyncio
import re
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from scipy.stats import spearmanr

from azeotrope import Given, Replay, Request, Trace, ask, defense
from azeotrope.defenses import gradient, poe
from azeotrope.errors import Misconfigured
from azeotrope.models.open import Open
from azeotrope.models.tokens import Spread
from azeotrope.training import Example, encoded, hypergradient, proxies
from azeotrope.training.hypergradient import Passes, Rise, Text
from azeotrope.training.tiny import Tiny, TinyLearner
from azeotrope.training.tokenizer import trained
from azeotrope.types import Problem

QUESTION = Request.of("Ann has 40 cards and finds 2. Twice as many are how many?")
WORKING = "First add the cards that Ann found: 40 + 2 = 42.\nThen take the sum twice: 42 * 2 = 84 cards in all."
OTHERS = "Next count both piles of books. Later share them among all friends. Bob and Eve keep some shells."
HELD = [
    Problem(str(n), Request.of(f"Bob has {n} books and Eve has {n}. How many?"), str(2 * n),
            solution=f"Next add both piles of books: {n} + {n} = {2 * n}.")
    for n in range(2, 10)
]  # fmt: skip
TRACE = Trace("t", QUESTION, WORKING, "\\boxed{84}")


@pytest.fixture(scope="module")
def student() -> Open:
    """Taught a little, so that its gradient is of the workings."""
    words = trained([WORKING, OTHERS, *(one.solution for one in HELD)] * 20, r"\d| ?[^\W\d_]+|\n", vocabulary=600)
    size = Tiny(hidden=32, layers=1, heads=2, intermediate=32, steps=20, rate=1e-2, warmup=1)
    learned = [Example(one.request, one.solution, f"\\boxed{{{one.gold}}}") for one in HELD[:4]]
    return TinyLearner(size, words, device="cpu").fit(learned, seed=0).model


@pytest.fixture(scope="module")
def folder(student, tmp_path_factory) -> str:
    place = tmp_path_factory.mktemp("proxy")
    proxies.write(student, HELD[4:], place, {})
    return str(place)


def rewritten(folder: str, trace: Trace = TRACE, **config: Any) -> Trace:
    protected = defense("gradient", {"artifact": folder, **config}, Given())(Replay([trace]))
    return asyncio.run(ask(protected, trace.request))


def words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", text)


def exchanged(text: str) -> list[tuple[str, str]]:
    """(word, what stands in its place), in the text's order."""
    return [pair for pair in zip(words(WORKING), words(text), strict=True) if pair[0] != pair[1]]


Promised = Callable[[dict[tuple[str, str], float]], list[Text]]


@pytest.fixture
def promised(student, monkeypatch) -> Promised:
    """Sets what `hb` promises of exchanging a token for another, -1 where nothing is said; -> what it is asked."""
    size = student.net.config.vocab_size

    def promise(gains: dict[tuple[str, str], float]) -> list[Text]:
        known = {tuple(ids[0] for ids in student.encode(pair)): gain for pair, gain in gains.items()}
        asked: list[Text] = []

        def hb(net: Any, text: Text, held: Any, eta: float) -> Rise:
            asked.append(text)
            now, rise = text.ids[text.at], torch.full((len(text.at), size), -1.0)
            for (here, other), gain in known.items():
                rise[now == here, other] = gain
            return Rise(rise.scatter(1, now[:, None], 0.0), Passes(1, 1))

        monkeypatch.setattr(hypergradient, "hb", hb)
        return asked

    return promise


@pytest.mark.parametrize("form", ["hb", "fo", "fo_loss", "rhb"])
def test_some_words_go_and_numbers_signs_and_the_answer_stay(folder, form) -> None:
    out = rewritten(folder, form=form, budget=0.3)
    (step,) = out.lineage
    assert step.outcome == "released", step.failures
    before, after = words(WORKING), words(out.reasoning)
    changed = sum(a != b for a, b in zip(before, after, strict=True))
    assert 1 <= changed <= 0.3 * len(before)
    assert re.sub(r"[^\W\d_]+", "w", out.reasoning) == re.sub(r"[^\W\d_]+", "w", WORKING)
    assert out.answer == TRACE.answer
    assert rewritten(folder, form=form, budget=0.3).reasoning == out.reasoning


def test_what_it_took_is_counted(folder) -> None:
    cost = rewritten(folder, form="hb").lineage[0].cost
    assert (cost.attempts, cost.forwards, cost.backwards) == (1, 2, 3)
    assert cost.milliseconds > 0
    cost = rewritten(folder, form="fo").lineage[0].cost
    assert (cost.forwards, cost.backwards) == (4, 4)
    cost = rewritten(folder, form="fo_loss", rounds=3, budget=1.0).lineage[0].cost
    assert (cost.attempts, cost.forwards, cost.backwards) == (3, 3, 3)


def test_it_repeats_itself_also_when_many_ask_at_once(folder) -> None:
    protected = defense("gradient", {"artifact": folder}, Given())(Replay([TRACE]))

    async def many() -> list[Trace]:
        return await asyncio.gather(*(ask(protected, QUESTION) for _ in range(6)))

    assert {one.reasoning for one in asyncio.run(many())} == {rewritten(folder).reasoning}


def test_what_promises_most_goes_and_for_the_nearest_of_the_best(folder, student, promised) -> None:
    table = student.net.get_input_embeddings().weight.detach()
    ids = {word: student.encode([word])[0][0] for word in (" add", " count", " share", " keep")}
    by_distance = sorted(list(ids)[1:], key=lambda word: (table[ids[word]] - table[ids[" add"]]).norm().item())
    promised({(" add", word): 3.0 + at for at, word in enumerate(by_distance)} | {(" take", " keep"): 2.0})
    for k, taken in ((1, by_distance[2]), (2, by_distance[1]), (3, by_distance[0])):
        assert exchanged(rewritten(folder, budget=0.1, k=k).reasoning) == [("add", taken.strip())]
    assert exchanged(rewritten(folder, budget=0.15, k=1).reasoning)[1:] == [("take", "keep")]


def test_some_word_goes_also_where_none_promises_anything(folder, promised) -> None:
    """Of exchanges that all lower the loss, the one that lowers it least."""
    promised({(" take", " keep"): -0.25, (" add", " share"): -0.5})
    assert exchanged(rewritten(folder, budget=0.1).reasoning) == [("take", "keep")]
    assert exchanged(rewritten(folder, budget=0.15).reasoning) == [("add", "share"), ("take", "keep")]


def test_the_budget_is_of_what_may_change_and_of_words_that_did(folder, promised, monkeypatch) -> None:
    """At least one of the 14; a word that cannot be exchanged costs nothing."""
    promised({(" take", " keep"): 3.0, (" add", " share"): 2.0, (" found", " books"): 1.0})
    for budget, most in ((0.01, 1), (0.1, 1), (0.15, 2), (0.3, 4), (1.0, 14)):
        assert 1 <= len(exchanged(rewritten(folder, budget=budget).reasoning)) <= most
    assert len(exchanged(rewritten(folder, budget=0.3).reasoning)) == 4
    put = Spread.put

    def stays(laid: Spread, place: int, token: int, piece: str) -> Spread | None:
        word = laid.words[place]
        return None if laid.text[word.begin : word.end] == "take" else put(laid, place, token, piece)

    monkeypatch.setattr(Spread, "put", stays)
    assert exchanged(rewritten(folder, budget=0.15).reasoning) == [("add", "share"), ("found", "books")]


def test_each_round_spends_its_part_by_a_gradient_of_its_own(folder, promised) -> None:
    asked = promised({(" take", " keep"): 3.0, (" add", " share"): 2.0})
    out = rewritten(folder, budget=0.3, rounds=2)
    assert len(exchanged(out.reasoning)) == 4
    first, second = asked
    assert (first.ids != second.ids).sum() == 2 and len(second.at) == len(first.at) - 2
    assert out.lineage[0].cost.attempts == 2


def test_digits_go_where_they_may(folder, promised) -> None:
    promised({("2", "7"): 1.0})
    assert not re.search("7", rewritten(folder, budget=1.0).reasoning)
    assert "40 + 7" in rewritten(folder, budget=0.1, protect_numbers=False).reasoning


def test_the_checks_are_asked_of_the_text_that_would_leave(folder, promised, monkeypatch) -> None:
    promised({(" add", " share"): 1.0})

    async def failure(text: str, trace: Trace, **how: Any) -> str | None:
        return "off_topic" if "share" in text else None

    monkeypatch.setattr(gradient, "failure", failure)
    out = rewritten(folder, budget=0.1)
    assert (out.reasoning, out.lineage[0].failures) == ("", ("off_topic",))


def test_two_rewriters_of_one_proxy_take_turns(folder, monkeypatch) -> None:
    """While a gradient is taken, other weights stand in the net: nobody else may be in it."""
    alone = [rewritten(folder, form=form).reasoning for form in ("hb", "fo")]
    swapping, inside, most = hypergradient.functional_call, [], []

    def slowly(*asked: Any) -> Any:
        inside.append(None)
        most.append(len(inside))
        time.sleep(0.01)
        try:
            return swapping(*asked)
        finally:
            inside.pop()

    monkeypatch.setattr(hypergradient, "functional_call", slowly)
    before = {name: value.clone() for name, value in proxies.read(folder, "test").model.net.state_dict().items()}
    with ThreadPoolExecutor(2) as threads:
        both = list(threads.map(lambda form: rewritten(folder, form=form).reasoning, ("hb", "fo")))
    assert both == alone and max(most) == 1
    after = proxies.read(folder, "test").model.net.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())


def test_whoever_reads_the_proxy_meanwhile_reads_the_proxy(folder, student, monkeypatch) -> None:
    """`poe`, in the middle of the forward pass of a student that has been moved far."""
    shape = poe.shape(poe.Config(artifact=folder, until="end"), Given()).of(student)
    ids = torch.tensor(student.encode([WORKING]))
    logits = student.logits(ids)[:, -1]
    expected, found = shape(ids, logits), list[torch.Tensor]()
    swapping = hypergradient.functional_call

    def watched(net: Any, *asked: Any) -> Any:
        def look(*_: Any) -> None:
            handle.remove()
            found.append(shape(ids, logits))

        handle = net.register_forward_pre_hook(look)
        return swapping(net, *asked)

    monkeypatch.setattr(hypergradient, "functional_call", watched)
    rewritten(folder, form="hb", eta=50.0)
    assert len(found) == 2 and all(torch.allclose(one, expected, atol=1e-4) for one in found)


def test_nearness_costs_and_makes_the_change_smaller(folder, student) -> None:
    """rhb with a high price takes nearer tokens than hb does, on average; at no price it is hb."""
    table = student.net.get_input_embeddings().weight.detach()

    def distance(text: str) -> float:
        pairs = zip(student.encode([WORKING])[0], student.encode([text])[0], strict=True)
        found = [(table[a] - table[b]).square().sum().item() for a, b in pairs if a != b]
        return statistics.mean(found) if found else 0.0

    far, same, near = (
        rewritten(folder, budget=0.5, k=1, **how)
        for how in ({"form": "hb"}, {"form": "rhb", "proximity": 0.0}, {"form": "rhb", "proximity": 1.0})
    )
    assert {one.lineage[0].outcome for one in (far, same, near)} == {"released"}
    assert same.reasoning == far.reasoning and 0 < distance(near.reasoning) < distance(far.reasoning)


def test_from_where_the_answer_is_stated_on_nothing_changes(folder) -> None:
    told = f"{WORKING}\nFinal answer: 84 cards that Ann found and took twice"
    out = rewritten(folder, TRACE.but(reasoning=told), form="fo_loss", budget=1.0)
    assert out.lineage[0].outcome == "released", out.lineage[0].failures
    assert out.reasoning != told
    assert out.reasoning.endswith("Final answer: 84 cards that Ann found and took twice")


@pytest.mark.parametrize(
    ("reasoning", "why"),
    [("40 + 2 = 42\n42 * 2 = 84", "declined"), ("add " * 2000, "too_long"), ("a" * 100_000, "too_long"),
     ("add the \ud800 cards", "declined"), ("七十二 🧮", "declined")],
)  # fmt: skip
def test_what_it_cannot_change_is_withheld_by_name(folder, reasoning, why) -> None:
    out = rewritten(folder, TRACE.but(reasoning=reasoning))
    assert (out.reasoning, out.answer) == ("", TRACE.answer)
    assert (out.lineage[0].outcome, out.lineage[0].failures) == ("withheld", (why,))


def test_a_text_that_fails_a_release_check_does_not_leave(folder) -> None:
    contradicts = f"{WORKING} Thus the answer is 85."
    out = rewritten(folder, TRACE.but(reasoning=contradicts), form="fo_loss")
    assert out.lineage[0].outcome == "withheld" and out.lineage[0].failures == ("answer_changed",)
    assert out.reasoning == ""


def test_the_request_may_be_one_the_proxy_cannot_read(folder) -> None:
    image = Request(({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]},))
    out = rewritten(folder, Trace("t", image, WORKING, "84"))
    assert (out.lineage[0].outcome, out.lineage[0].failures) == ("withheld", ("declined",))


def test_no_proxy_no_rewriter() -> None:
    with pytest.raises(Misconfigured, match="gradient needs an artifact"):
        defense("gradient", {}, Given())


def test_first_order_gains_tell_what_exchanging_does(student, folder) -> None:
    """Rank correlation of HB's promise with the held-out loss after a real step on the really exchanged text."""
    held = proxies.read(folder, "test").workings(16, 1024)
    row = encoded(student, [Example(QUESTION, WORKING, "\\boxed{84}")], 512).rows[0]
    ids, eta, draw = torch.tensor(row.ids), 1e-2, torch.Generator().manual_seed(0)
    at = torch.arange(row.start, len(ids) - 1)
    gain = hypergradient.gains(hypergradient.hb(student.net, Text(ids, row.start, at), held, eta).of, ids[at])

    def after(text: torch.Tensor) -> float:
        none = torch.empty(0, dtype=torch.long)
        empty = torch.zeros(0, student.net.config.hidden_size), torch.zeros(0, gain.shape[1])
        theta = hypergradient.after_step(student.net, Text(text, row.start, none), eta, *empty)
        with torch.no_grad():
            return sum(hypergradient.held_loss(student.net, theta, batch).double().item() for batch in held)

    promised, came = [], []
    for _ in range(100):
        place, token = (
            torch.randint(len(at), (1,), generator=draw).item(),
            torch.randint(gain.shape[1], (1,), generator=draw).item(),
        )
        other = ids.clone()
        other[at[place]] = token
        promised.append(gain[place, token].item())
        came.append(after(other) - after(ids))
    found = spearmanr(promised, came, alternative="greater")
    assert found.statistic > 0.2 and found.pvalue < 0.01


def test_a_proxy_with_other_tokens_changes_the_same_text(tmp_path: Path) -> None:
    """Across tokenizers: what is exchanged is text, whoever the teacher is."""
    words_ = trained([WORKING.lower(), WORKING, OTHERS] * 9, r"\s|[^\W\d_]+|\d", vocabulary=500)
    other = TinyLearner(Tiny(hidden=16, layers=1, heads=2, intermediate=16), words_, device="cpu").fresh(4)
    proxies.write(other, HELD, tmp_path, {})
    out = rewritten(str(tmp_path), form="fo_loss", budget=0.3)
    assert out.lineage[0].outcome == "released", out.lineage[0].failures
    assert out.reasoning != WORKING
    assert re.findall(r"\d+|[^\w\s]|\s", out.reasoning) == re.findall(r"\d+|[^\w\s]|\s", WORKING)
