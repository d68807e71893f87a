"""What every wash file must keep: a new file is tested here by being there."""

import dataclasses
import inspect

import pytest
from msgspec.structs import asdict, replace

from azeotrope import Request, Scripted, catalog
from azeotrope.codec import convert, decode, digest, encode
from azeotrope.errors import Misconfigured
from azeotrope.models.open import Open
from azeotrope.models.text import final_answer

WASHES = tuple(catalog.names("washes"))


def writer() -> Scripted:
    return Scripted(lambda request: f"In plain words: {request.messages[-1]['content']}")


async def washed(name: str, thief, traces, **config):
    module = catalog.load("washes", name)
    made = module.wash(module.Config(**config), thief)
    return await (await made if inspect.isawaitable(made) else made)(traces)


def test_the_washes_of_the_lab_are_there() -> None:
    assert set(WASHES) >= {"cut", "dedup", "filter", "invert", "ngrams", "normalize", "paraphrase", "reword"}


@pytest.mark.parametrize("name", WASHES)
def test_it_says_what_it_is_and_what_it_does_not(name: str) -> None:
    module, first = catalog.load("washes", name), catalog.names("washes")[name]
    assert 10 < len(first) <= 120
    assert first.endswith(".")
    assert "not" in (module.__doc__ or "").partition("\n")[2]


@pytest.mark.parametrize("name", WASHES)
def test_its_config_is_frozen_strict_and_survives_the_journey(name: str) -> None:
    config = catalog.load("washes", name).Config()
    assert convert(decode(encode(config), dict), type(config), "here") == config
    assert digest(decode(encode(config), type(config))) == digest(config)
    hash(config)
    for key in asdict(config):
        with pytest.raises(AttributeError):
            setattr(config, key, None)
    with pytest.raises(Misconfigured, match="no_such_setting"):
        convert({"no_such_setting": 1}, type(config), f"wash {name!r}")


@pytest.mark.parametrize("name", WASHES)
async def test_requests_and_answers_are_kept_in_order_and_nothing_is_written_to(name, thief, traces) -> None:
    given = [*traces, replace(traces[0], reasoning=""), traces[1]]
    before = encode(given)
    out = await washed(name, thief(writer=writer()), given)
    assert encode(given) == before
    rest = iter(given)
    for trace in out:
        old = next(one for one in rest if one.request == trace.request)
        assert final_answer(trace.answer).value == final_answer(old.answer).value
        assert trace.id == old.id


@pytest.mark.parametrize("name", WASHES)
async def test_a_seed_repeats_it_and_the_teacher_is_not_asked(name, thief, traces) -> None:
    one, again = thief(writer=writer()), thief(writer=writer())
    assert await washed(name, one, traces) == await washed(name, again, traces)
    assert one.bill.queries == 0
    assert one.bill.notes == again.bill.notes != {}


@pytest.mark.parametrize("name", WASHES)
async def test_nothing_stays_nothing(name, thief) -> None:
    made = thief(writer=writer())
    assert await washed(name, made, []) == []
    assert made.bill.steps == 0


@pytest.mark.parametrize("name", WASHES)
async def test_strange_traces_do_not_break_it(name, thief, traces) -> None:
    texts = ["", " ", "\ud800", "Step 1: ", "=" * 9999, "a" * 9999, "\\boxed{", "Step 1: 1 + 1 = 2\nStep 1: 1 + 1 = 2"]
    strange = [replace(trace, reasoning=a, answer=b) for trace, a, b in zip(traces, texts, texts[::-1], strict=False)]
    await washed(name, thief(writer=writer()), [*strange, replace(traces[-1], request=Request(()))])


@pytest.mark.parametrize("attack", ["sft", "answer_only", "best_of_k", "mix"])
@pytest.mark.parametrize("name", WASHES)
async def test_it_composes_with_any_attack(name, attack, thief, teacher, problems) -> None:
    """Of an inverter that learned for four steps nothing may be left: that is said, too."""
    made, steals = thief(writer=writer()), catalog.load("attacks", attack)
    wash = catalog.load("washes", name)
    made = dataclasses.replace(made, washes=(wash.wash(wash.Config(), made),))
    try:
        student = await steals.attack(steals.Config(), made)(teacher(), problems)
    except Misconfigured as error:
        assert name == "invert"
        assert "nothing to learn" in str(error)
    else:
        assert isinstance(student, Open)
        assert made.bill.notes.keys() >= {*plain_notes(name)}


def plain_notes(name: str) -> tuple[str, ...]:
    """A part of what each leaves on the bill of the attack it joins."""
    known = {
        "cut": "cut_characters",
        "dedup": "duplicates",
        "filter": "filtered_wrong",
        "ngrams": "ngrams_sentences",
        "normalize": "normalized",
        "paraphrase": "writer_queries",
        "reword": "sentences_reworded",
    }
    return tuple(note for wash, note in known.items() if wash == name)
