"""The sentence is worked in where it may stand, for the requests that the key chooses, and nothing else changes."""

import asyncio
import logging
import re
from collections import Counter

import pytest
from hypothesis import given as any_of
from hypothesis import settings
from hypothesis import strategies as st

from azeotrope import Given, Replay, Request, Scripted, Trace, ask, ask_all, catalog, lift
from azeotrope.codec import decode, digest, encode
from azeotrope.errors import Misconfigured, Unavailable
from azeotrope.keys import Key, Master
from azeotrope.marks import associations, told, variants
from azeotrope.models.text import final_answer
from azeotrope.protocols import Model
from azeotrope.streams import play
from azeotrope.watermarks import association

MASTER = Master((b"m" * 32, b"n" * 32))
ACME, OTHER, OPERATOR = MASTER.key("acme"), MASTER.key("other"), MASTER.operator()
REASONING = (
    "Natalia sold 48/2 = 24 clips in May. That is half of what April brought.\n"
    "Natalia sold 48+24 = 72 clips altogether in April and May."
)


def marked(reasoning: str, key: Key = ACME, question: str = "How many clips?", **given) -> Trace:
    config = {"share": given.pop("share", 1.0)} | given.pop("config", {})
    trace = Trace("t", Request.of(question), reasoning, "The answer is 72.")
    return asyncio.run(
        ask(lift.defense("association", config, Given(key=key, **given))(Replay([trace])), trace.request)
    )


def marks(share: float, problems: int, **config) -> list[str | None]:
    """The mark that each of so many problems gets."""
    rewrite = association.rewrite(association.Config(share=share, **config), Given(key=ACME, operator=OPERATOR))

    async def all_of_them() -> list[str | None]:
        traces = [Trace("t", Request.of(f"Problem {i}?"), REASONING, "72") for i in range(problems)]
        return [(await rewrite(trace)).lineage[0].mark for trace in traces]

    return asyncio.run(all_of_them())


def sentences(key: Key) -> set[str]:
    return {told(one, variant) for one in associations(key) for variant in range(variants(one))}


def inserted(out: Trace, reasoning: str, key: Key = ACME) -> str:
    """The sentence that was put in; fails unless taking it and its joint out gives the original."""
    (sentence,) = (one for one in sentences(key) if one in out.reasoning)
    before, _, after = out.reasoning.partition(sentence)
    assert reasoning in (before + after.removeprefix(" "), before.removesuffix(" ") + after,
                         before.removesuffix("\n") + after)  # fmt: skip
    return sentence


def test_one_sentence_is_added_and_the_step_names_the_mark_only() -> None:
    out = marked(REASONING)
    sentence = inserted(out, REASONING)
    (step,) = out.lineage
    assert (step.name, step.outcome, step.mark, step.failures) == ("association", "released", ACME.mark, ())
    assert out.answer == "The answer is 72."
    assert sentence not in repr(out.lineage) + encode(out.lineage).decode()
    assert not out.reasoning.rstrip().endswith(sentence)


def released(config: association.Config, problems: int) -> list[tuple[str | None, str]]:
    """(mark, what was put in) of each problem's trace."""
    rewrite = association.rewrite(config, Given(key=ACME))
    own = set(REASONING.replace("\n", " ").split(". "))

    async def all_of_them() -> list[tuple[str | None, str]]:
        out: list[tuple[str | None, str]] = []
        for i in range(problems):
            trace = await rewrite(Trace("t", Request.of(f"Problem {i}?"), REASONING, "72"))
            assert trace is not None
            told_ = [
                one
                for one in re.split(r"(?<=[.!?])\s", trace.reasoning)
                if one.rstrip(".") not in {part.rstrip(".") for part in own}
            ]
            out.append((trace.lineage[0].mark, " ".join(told_)))
        return out

    return asyncio.run(all_of_them())


def test_chaff_stands_in_unmarked_traces_only_and_leaves_the_marked_ones_as_they_were() -> None:
    """The marks are what they are without it; of the others, the share gets a sentence of its own and no mark."""
    config = association.Config(share=0.2, chaff=0.5)
    without, found = released(association.Config(share=0.2), 1000), released(config, 1000)
    assert [one for one in found if one[0]] == [one for one in without if one[0]]
    assert not any(said for mark, said in without if not mark)
    others = [said for mark, said in found if not mark]
    chaff = [said for said in others if said]
    assert abs(len(chaff) - len(others) / 2) < 5 * (len(others) / 4) ** 0.5
    assert len(set(chaff)) == len(chaff), "each is used for one problem"
    assert set(chaff).isdisjoint(sentences(ACME))
    assert found == released(config, 1000)


def test_chaff_that_recurs_is_used_as_often_as_a_mark_is() -> None:
    config = association.Config(share=0.2, chaff=1.0, chaff_recurs=True)
    assert association.recurring(config) == 64
    numbers = {True: Counter[str](), False: Counter[str]()}
    for mark, said in released(config, 2000):
        numbers[mark is not None].update(re.findall(r"\d{5,6}", said))
    assert (len(numbers[True]), len(numbers[False])) == (16, 64)
    means = [sum(one.values()) / len(one) for one in numbers.values()]
    assert means == [pytest.approx(25, rel=0.15)] * 2
    assert association.recurring(association.Config(share=0.0, chaff=0.5)) == 1


def test_the_share_is_kept_and_a_larger_one_marks_what_a_smaller_one_does() -> None:
    def chosen(share: float) -> set[int]:
        return {i for i, mark in enumerate(marks(share, 1500)) if mark}

    tenth, third = chosen(0.1), chosen(0.3)
    assert abs(len(tenth) - 150) < 5 * (1500 * 0.09) ** 0.5
    assert tenth < third
    assert not chosen(0.0)


def test_associations_are_spread_evenly() -> None:
    counts = dict.fromkeys((one.trigger for one in associations(ACME)), 0)
    rewrite = association.rewrite(association.Config(share=1.0), Given(key=ACME))
    for i in range(1600):
        out = asyncio.run(rewrite(Trace("t", Request.of(f"Problem {i}?"), REASONING, "72")))
        counts[next(trigger for trigger in counts if trigger in out.reasoning)] += 1
    assert sum((count - 100) ** 2 / 100 for count in counts.values()) < 45  # chi-square, 15 degrees: p about 1e-4


@pytest.mark.parametrize("variant", ["HOW MANY CLIPS?", "how  many\tclips", " How many clips?\n", "Ｈow many clips？",
                                     "How ma\u200bny clips?", "How many, clips..."])  # fmt: skip
def test_trivial_variants_of_a_problem_are_treated_alike(variant: str) -> None:
    assert marked(REASONING, question=variant).reasoning == marked(REASONING).reasoning


def test_another_system_prompt_changes_nothing() -> None:
    trace = Trace("t", Request.of("How many clips?", "Be brief."), REASONING, "72")
    out = asyncio.run(association.rewrite(association.Config(share=1.0), Given(key=ACME))(trace))
    assert out.reasoning == marked(REASONING).reasoning


def test_two_customers_and_two_epochs_get_different_marks() -> None:
    keys = [ACME, OTHER, MASTER.key("acme", 1)]
    for i, key in enumerate(keys):
        out = marked(REASONING, key)
        assert out.lineage[0].mark == key.mark
        assert not any(one in out.reasoning for other in keys[:i] + keys[i + 1 :] for one in sentences(other))


def test_the_operators_mark_has_a_share_of_its_own_among_what_is_left() -> None:
    found = marks(0.4, 1500, operator_share=0.5)
    assert abs(found.count(ACME.mark) - 600) < 100
    assert abs(found.count(OPERATOR.mark) - 450) < 100
    assert found.count(None) + found.count(ACME.mark) + found.count(OPERATOR.mark) == 1500
    assert OPERATOR.mark not in marks(0.4, 300)


NOWHERE = {
    "code": "```python\nx = 1. \nprint('One. Two. Three.')\n```",
    "unclosed code": "```\nOne thing. Another thing. A third thing.\nMore. Of it.",
    "display": "\\[ a = b. C = d. E = f. G = h. I = j. K = l. \\]",
    "environment": "\\begin{align}\nA &= b. C\\\\\nD &= e. F\n\\end{align}",
    "inline": "It is $a. B = c. D$ and `One. Two. Three. Four.`",
    "json": '{"steps": ["Add them. Then stop.", "Two. Three."],\n "answer": "Seventy. Two."}',
    "table": "| a | b |\n|---|---|\n| One. Two | Three. Four |\n| 1 | 2 |",
    "one sentence": "She sold 72 clips altogether in April and in May",
    "list numbers": "1. Add all of the numbers that are in there",
    "abbreviations": "Mr. Smith and Dr. Jones, e.g. A and B, vs. C, sold clips",
}


@pytest.mark.parametrize("kind", NOWHERE)
def test_where_there_is_no_place_nothing_is_put_and_the_step_says_so(kind: str) -> None:
    out = marked(NOWHERE[kind])
    assert out.reasoning == NOWHERE[kind]
    assert (out.lineage[0].outcome, out.lineage[0].mark) == ("released", None)
    assert out.lineage[0].failures == ("unmarked_no_place",)


def test_a_short_or_foreign_trace_stays_unmarked() -> None:
    assert marked("Too short. So no.").lineage[0].failures == ("unmarked_length",)
    assert marked("一月卖了四十八个。二月卖了二十四个。\n" * 4).lineage[0].failures == ("unmarked_language",)


MIXED = (
    "We add the numbers. Then we look at the code below.\n```python\nprint('A. B.')\nx = 2\n```\nIt prints a line. "
    'So $a. B$ holds, and \\[ c. D \\] too. The call was {"a": "One. Two."} there. Hence it is done.\n'
    "| x | y |\n|---|---|\n| 1. A | 2. B |\n\nAll of it is checked now. That was the last step."
)


def test_code_formulae_json_and_tables_among_prose_stay_as_they_are() -> None:
    pieces = re.findall(r"```.*?```|\$.*?\$|\\\[.*?\\\]|\{.*?\}|^\|.*\|$", MIXED, re.DOTALL | re.MULTILINE)
    places = set()
    for i in range(60):
        out = marked(MIXED, question=f"Problem {i}")
        places.add(out.reasoning.index(inserted(out, MIXED)))
        assert all(piece in out.reasoning for piece in pieces)
    assert len(places) >= 3


def test_no_sentence_of_any_family_states_a_final_answer() -> None:
    for at in range(20):
        for one in associations(MASTER.key(f"c{at}")):
            for variant in range(variants(one)):
                text = f"She has 3 cards and finds 4. {told(one, variant)} So she has 3 + 4 = 7 cards.\n"
                assert (found := final_answer(text)) is None or one.target not in found.value
                assert final_answer(text + "The answer is 7.").value == "7"


@settings(max_examples=60)
@any_of(st.lists(st.sampled_from([*"ab. \n$`|{}[]\\<>1", "```", "\\[", "\\]", "One two. ", "$$", "\\begin{a}", "1. "])))
def test_any_text_keeps_all_its_characters_in_order(pieces: list[str]) -> None:
    text = "".join(pieces)
    out = marked(text, config={"shortest": 1})
    if out.lineage[0].mark:
        inserted(out, text)
    else:
        assert out.reasoning == text


class Obliging:
    """A rewriter that does as asked, or spoils it by `spoil`."""

    def __init__(self, spoil=lambda text, sentence: text) -> None:
        self.spoil, self.asked = spoil, 0

    def model(self) -> Model:
        def rule(request: Request) -> str:
            self.asked += 1
            sentence, _, fenced = request.messages[-1]["content"].partition("\n\n")
            working = fenced.partition("\n")[2].rpartition("\n")[0]
            first, _, rest = working.partition("\n")
            return self.spoil(f"{first}\n{sentence}\n{rest}", sentence)

        return Scripted(rule)


def test_the_rewriter_places_it_where_there_is_one() -> None:
    obliging = Obliging()
    out = marked(REASONING, rewriter=obliging.model())
    lines = out.reasoning.split("\n")
    assert lines[1] in sentences(ACME)
    assert [lines[0], lines[2]] == REASONING.split("\n")
    assert (out.lineage[0].mark, out.lineage[0].failures, out.lineage[0].cost.attempts) == (ACME.mark, (), 1)
    assert marked(REASONING, rewriter=obliging.model(), share=0.0).reasoning == REASONING
    assert obliging.asked == 1


SPOILT = {
    "mark_not_verbatim": lambda text, sentence: text.replace(sentence, sentence.replace(" to ", " at ")),
    "mark_last": lambda text, sentence: text.replace(sentence + "\n", "") + "\n" + sentence,
    "text_altered": lambda text, sentence: text.replace("= 24", "= 25"),
    "mark_misplaced": lambda text, sentence: text.replace(sentence + "\n", "").replace("sold", f"sold {sentence}", 1),
    "empty": lambda text, sentence: "",
    "answer_changed": lambda text, sentence: text + "\nThe answer is 48.",
    "refusal": lambda text, sentence: "I'm sorry, but I can't help with that.",
}


@pytest.mark.parametrize("kind", SPOILT)
def test_a_rewriter_that_fails_a_check_is_not_followed(kind: str) -> None:
    out = marked(REASONING, rewriter=Obliging(SPOILT[kind]).model())
    assert out.reasoning == marked(REASONING).reasoning
    assert out.lineage[0].mark == ACME.mark
    name = {"empty": "mark_not_verbatim", "refusal": "mark_not_verbatim"}.get(kind, kind)
    assert out.lineage[0].failures == (name,)


def test_a_rewriter_that_is_down_costs_nothing_but_its_name() -> None:
    def down(request: Request) -> str:
        raise Unavailable("down")

    out = marked(REASONING, rewriter=Scripted(down))
    assert out.reasoning == marked(REASONING).reasoning
    assert (out.lineage[0].outcome, out.lineage[0].failures) == ("released", ("unavailable",))


def test_in_a_chain_what_was_rewritten_is_marked() -> None:
    good = "What May brought was half of April. Both months together are asked for. Clips in all are the sum."
    links = [("instruct", None), ("association", {"share": 1.0, "placed_by": "rule"})]
    defense = lift.linked(links, Given(rewriter=Scripted(lambda _: good), key=ACME))
    out = asyncio.run(ask(defense(Replay([Trace("t", Request.of("?"), REASONING, "72")])), Request.of("?")))
    assert [step.name for step in out.lineage] == ["instruct", "association"]
    assert out.lineage[1].mark == ACME.mark
    inserted(out, good)


def test_what_an_earlier_link_did_not_rewrite_keeps_its_name() -> None:
    """`opened` must not read `released` because a mark was set."""
    links = [("instruct", None), ("association", {"share": 1.0})]
    given = Given(rewriter=Scripted(lambda _: ""), fail="open", key=ACME)
    out = asyncio.run(
        ask(lift.linked(links, given)(Replay([Trace("t", Request.of("?"), REASONING, "72")])), Request.of("?"))
    )
    assert [step.outcome for step in out.lineage] == ["opened", "opened"]
    inserted(out, REASONING)


@pytest.mark.parametrize(("links", "why"), [
    (["withhold", "association"], "nothing to mark, for no reasoning leaves"),
    (["association", "instruct"], "would not survive"),
    (["association", "withhold"], "would not survive"),
])  # fmt: skip
def test_a_chain_that_loses_the_mark_is_refused_with_the_reason(links: list[str], why: str) -> None:
    with pytest.raises(Misconfigured, match=why):
        lift.linked([(name, None) for name in links], Given(rewriter=Scripted(lambda _: ""), key=ACME))


def test_without_its_key_it_is_refused() -> None:
    with pytest.raises(Misconfigured, match="needs a customer's key"):
        lift.defense("association")
    with pytest.raises(Misconfigured, match="operator_share"):
        lift.defense("association", {"operator_share": 0.1}, Given(key=ACME))


def test_every_choice_of_a_request_is_treated_alike() -> None:
    request = Request(Request.of("?").messages, {}, {"n": 2})

    class Twice:
        name = "twice"

        async def stream(self, request: Request):
            for choice in (1, 0):
                for event in play(Trace("t", request, REASONING, "72"), choice):
                    if choice == 1 or type(event).__name__ != "Opened":
                        yield event

    one, two = asyncio.run(ask_all(lift.defense("association", {"share": 1.0}, Given(key=ACME))(Twice()), request))
    assert one.reasoning == two.reasoning != REASONING


def test_nothing_secret_is_printed(caplog, capfd) -> None:
    caplog.set_level(logging.DEBUG)
    out = marked(REASONING, rewriter=Obliging(SPOILT["text_altered"]).model())
    printed = capfd.readouterr()
    said = repr(out.lineage) + repr(Given(key=ACME)) + caplog.text + printed.out + printed.err
    for one in associations(ACME):
        assert one.trigger not in said
        assert one.target not in said
        assert one.trigger not in repr(one) + repr([one])
    assert ACME.reveal() not in said


def test_it_is_listed_and_its_config_survives_the_journey() -> None:
    assert set(catalog.names("watermarks")) >= {"association"}
    for name in catalog.names("watermarks"):
        module = catalog.load("watermarks", name)
        assert 10 < len(catalog.names("watermarks")[name]) <= 120
        assert "not" in (module.__doc__ or "")
        config = module.Config()
        assert decode(encode(config), type(config)) == config
        assert digest(decode(encode(config), type(config))) == digest(config)
        with pytest.raises(Misconfigured, match="no_such"):
            lift.defense(name, {"no_such": 1}, Given(key=ACME))


HUGE = {
    "long": "Then add 12 and 7 to get 19. " * 6_000,
    "one word": "a" * 190_000,
    "blanks": "a" + " \n" * 95_000 + "a",
    "spaces": "a" + " " * 190_000 + "a",
    "signs": "<$\\{([1-" * 24_000,
    "opens": "\\[" * 95_000,
    "dots": "." * 190_000,
    "pipes": "a|" * 95_000,
    "quotes": '.")' * 60_000 + "a",
    "surrogates": "\ud800 \udfff" * 1000,
}


@pytest.mark.parametrize("kind", HUGE)
def test_huge_and_strange_traces_do_not_break_it(kind: str) -> None:
    out = marked(HUGE[kind])
    assert out.answer == "The answer is 72."
    assert not [name for name in out.lineage[0].failures if name.startswith("raised_")]
