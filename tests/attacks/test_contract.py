"""What every attack file must keep: a new file is tested here by being there."""

import pytest
from msgspec.structs import asdict

from azeotrope import catalog
from azeotrope.codec import convert, decode, digest, encode
from azeotrope.errors import Misconfigured
from azeotrope.models.open import Open

ATTACKS = tuple(catalog.names("attacks"))


def attack(name: str, thief, **config):
    module = catalog.load("attacks", name)
    return module.attack(module.Config(**config), thief)


def test_the_attacks_of_the_lab_are_there() -> None:
    assert set(ATTACKS) >= {
        "answer_only", "best_of_k", "elicit", "labels", "logits", "mix", "never", "prefill", "public", "relearn",
        "retemper", "reweight", "sft", "twice", "two_accounts",
    }  # fmt: skip


@pytest.mark.parametrize("name", ATTACKS)
def test_it_says_what_it_is_and_what_it_does_not(name: str) -> None:
    module, first = catalog.load("attacks", name), catalog.names("attacks")[name]
    assert 10 < len(first) <= 120
    assert first.endswith(".")
    assert "not" in (module.__doc__ or "").partition("\n")[2]


@pytest.mark.parametrize("name", ATTACKS)
def test_its_config_is_frozen_strict_and_survives_the_journey(name: str) -> None:
    config = catalog.load("attacks", name).Config()
    assert convert(decode(encode(config), dict), type(config), "here") == config
    assert digest(decode(encode(config), type(config))) == digest(config)
    hash(config)
    for key in asdict(config):
        with pytest.raises(AttributeError):
            setattr(config, key, None)
    with pytest.raises(Misconfigured, match="no_such_setting"):
        convert({"no_such_setting": 1}, type(config), f"attack {name!r}")


@pytest.mark.parametrize("name", ATTACKS)
async def test_it_makes_a_student_keeps_to_the_budget_and_touches_nothing(name, thief, teacher, problems) -> None:
    asked, made, before = teacher(), thief(), encode(problems)
    student = await attack(name, made)(asked, problems)
    assert isinstance(student, Open)
    assert made.bill.queries == len(asked.asked)
    assert made.bill.queries <= len(problems)
    assert (made.bill.tokens_in, made.bill.tokens_out) == (7 * len(asked.asked), 11 * len(asked.asked))
    assert made.bill.failed == 0
    assert encode(problems) == before
    assert (made.bill.steps, made.bill.examples) == (0, 0) if name == "never" else made.bill.steps == 4
    spent = made.bill.total()
    assert decode(encode(spent), type(spent)) == spent


@pytest.mark.parametrize("name", ATTACKS)
async def test_a_seed_repeats_the_student(name, thief, teacher, problems, weights) -> None:
    one, again, other = [weights(await attack(name, thief(seed=seed))(teacher(), problems)) for seed in (1, 1, 2)]
    assert one == again
    assert one != other


@pytest.mark.parametrize("name", ATTACKS)
async def test_it_washes_what_it_trains_on_and_nothing_else(name, thief, teacher, problems) -> None:
    seen = []

    async def wash(traces):
        seen.append([trace.request for trace in traces])
        return traces[:5]

    made = thief(washes=(wash,))
    await attack(name, made)(teacher(), problems)
    if not made.bill.queries:
        assert seen == []
        return
    (requests,) = seen
    assert requests == [p.request for p in problems[: len(requests)]]
    added = made.bill.notes.get("public_examples", 0) + made.bill.notes.get("own_examples", 0)
    assert made.bill.examples == added + 5


@pytest.mark.parametrize("name", ATTACKS)
async def test_where_nothing_is_left_to_learn_that_is_said(name, thief, teacher, problems) -> None:
    async def wash(traces):
        return []

    made = thief(washes=(wash,))
    if name in ("never", "public"):
        await attack(name, made)(teacher(), problems)
        return
    with pytest.raises(Misconfigured, match="nothing to learn"):
        await attack(name, made)(teacher(), problems)
