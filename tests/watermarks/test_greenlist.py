"""The bias is the key's, stops at the answer, is found in marked text, and nothing is found where there is none."""

import hmac
import math
import random
from collections.abc import Sequence
from typing import Any

import pytest
import torch

from azeotrope import Given, lift
from azeotrope.errors import Misconfigured
from azeotrope.keys import Key, Master
from azeotrope.models.fake import Scripted
from azeotrope.watermarks.greenlist import _KEPT, Config, Pairs, _green, _Lists, evidence, scored, shape

MASTER = Master((b"m" * 32,))
ACME, OTHER = MASTER.key("acme"), MASTER.key("other")


class Teacher:
    name = "teacher"


def holds(key: Key, config: Config, context: Sequence[int], token: int) -> bool:
    """Whether a token is green after a context, in plain integers: SplitMix64 seeded by HMAC-SHA256."""
    said = b"".join(one.to_bytes(8) for one in context)
    seed = hmac.digest(key.bytes(f"green list {config.context}"), said, "sha256")[:8]
    value = int.from_bytes(seed) + (token + 1) * 0x9E3779B97F4A7C15 & 2**64 - 1
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 & 2**64 - 1
    value = (value ^ value >> 27) * 0x94D049BB133111EB & 2**64 - 1
    return (value ^ value >> 31) >> 11 < int(config.gamma * 2**53)


def shaped(config: Config, key=ACME) -> Any:
    return shape(config, Given(key=key)).of(Teacher())


def test_the_bias_is_delta_on_the_green_and_nothing_else() -> None:
    config = Config(gamma=0.3, delta=1.5, context=2, until="end")
    ids, logits = torch.randint(0, 99, (3, 5)), torch.randn(3, 1000, dtype=torch.float64)
    before = logits.clone()
    added = shaped(config)(ids, logits) - logits
    assert torch.equal(logits, before)
    for row in range(3):
        green = [holds(ACME, config, ids[row, -2:].tolist(), token) for token in range(1000)]
        assert torch.allclose(added[row], 1.5 * torch.tensor(green, dtype=torch.float64))
        assert abs(sum(green) - 300) < 5 * (1000 * 0.21) ** 0.5
    assert torch.equal(shaped(Config(delta=0.0, until="end"))(ids, logits), logits)
    assert torch.equal(shaped(config)(ids[:, :1], logits), logits)  # no whole context yet


def test_keys_contexts_and_lengths_of_context_have_lists_of_their_own() -> None:
    def green(key, context: tuple[int, ...]) -> set[int]:
        listed = _Lists(key, Config(gamma=0.5, context=len(context))).green(context, 2000)
        return set(listed.nonzero().flatten().tolist())

    made = [green(key, context) for key in (ACME, OTHER) for context in ((1,), (2,), (1, 2), (2, 1), (0, 1))]
    for i, one in enumerate(made):
        for other in made[:i]:
            assert abs(len(one & other) - 500) < 5 * (2000 * 3 / 16) ** 0.5


def texts(seed: int, count: int = 20, length: int = 60) -> list[list[int]]:
    rng = random.Random(seed)
    return [[min(int(rng.expovariate(0.05)), 300) for _ in range(length)] for _ in range(count)]


@pytest.mark.parametrize("context", [1, 3])
def test_what_is_counted_is_what_is_greened(context: int) -> None:
    config, said = Config(gamma=0.4, context=context), texts(5)
    pairs = {tuple(ids[at - context : at + 1]) for ids in said for at in range(context, len(ids))}
    found = evidence(said, ACME, config)
    assert (found.scored, found.green) == (len(pairs), sum(holds(ACME, config, pair[:-1], pair[-1]) for pair in pairs))
    assert found.share == found.green / found.scored
    assert scored(Pairs(said, context), ACME, config) == found


def greened(key: Key, config: Config, seed: int, odds: float) -> list[list[int]]:
    """Text of any words, green ones drawn `odds` times as often."""
    rng, lists, out = random.Random(seed), _Lists(key, config), list[list[int]]()
    for _ in range(20):
        ids = [rng.randrange(200)]
        while len(ids) < 60:
            green = lists.green(ids[-1:], 200).tolist()
            ids += rng.choices(range(200), [odds if one else 1.0 for one in green])
        out.append(ids)
    return out


def test_a_greened_text_finds_its_key_among_a_thousand_and_no_other() -> None:
    config = Config(gamma=0.5)
    pairs = Pairs(greened(ACME, config, 7, odds=3.0), 1)
    others = {f"c{at}": scored(pairs, MASTER.key(f"c{at}"), config).log_p for at in range(999)}
    assert scored(pairs, ACME, config).log_p < math.log(1e-6 / 1000)
    assert min(others.values()) > math.log(1e-6 / 1000)


def test_one_text_under_fresh_keys_has_the_binomial_law() -> None:
    """The null is over keys: mean and variance of the green count of one text, however its pairs hang together."""
    config, pairs = Config(gamma=0.25), Pairs(texts(9, 5), 1)
    counts = [scored(pairs, MASTER.key(f"k{at}"), config).green for at in range(600)]
    n = len(pairs)
    mean = sum(counts) / len(counts)
    variance = sum((one - mean) ** 2 for one in counts) / (len(counts) - 1)
    assert abs(mean - n / 4) < 5 * (n * 3 / 16 / 600) ** 0.5
    assert abs(variance / (n * 3 / 16) - 1) < 5 * (2 / 599) ** 0.5


def test_a_p_value_below_all_floats_has_a_logarithm() -> None:
    found = evidence(greened(ACME, Config(gamma=0.01), 1, odds=1e9), ACME, Config(gamma=0.01))
    assert math.exp(found.log_p) == 0.0 and -6000 < found.log_p < -800


def test_p_values_of_unmarked_text_are_super_uniform() -> None:
    """Over 1,000 keys, for text of skewed frequencies: within 4 standard deviations of the level, at each."""
    config = Config(gamma=0.25)
    found = [evidence(texts(1, 2), MASTER.key(f"c{i}"), config).log_p for i in range(1000)]
    for level in (0.05, 0.01, 0.001):
        assert sum(log_p <= math.log(level) for log_p in found) <= 1000 * level + 4 * (1000 * level) ** 0.5
    assert sum(log_p <= math.log(0.5) for log_p in found) > 350


def test_repeated_text_is_no_new_evidence() -> None:
    once = texts(3)
    assert evidence(once, ACME, Config()) == evidence(once * 50, ACME, Config())
    assert evidence([[7] * 5000], ACME, Config()).scored == 1
    nothing = evidence([[], [1]], ACME, Config())
    assert (nothing.scored, nothing.log_p, nothing.share) == (0, 0.0, 0.0)


@pytest.fixture(scope="module")
def written() -> dict[str, list[list[int]]]:
    """What the shipped teacher says behind the shape and without it, as its own tokens."""
    from azeotrope.models import sampling
    from azeotrope.models.shipped import shipped
    from azeotrope.tasks import steps

    teacher = shipped("steps")
    problems = steps.build(steps.Config(train=48)).problems("train")
    rows = [
        sampling.Row(tuple(teacher.tokenizer(teacher.dialect.prompt(one.request, teacher.tokenizer)).input_ids), i)
        for i, one in enumerate(problems)
    ]
    how = sampling.Sampling(temperature=1.0, max_tokens=40)
    out = {}
    for name, delta in (("marked", 12.0), ("bare", 0.0)):  # it is sure of every token: a small delta says nothing
        green = shape(Config(gamma=0.5, delta=delta, context=2), Given(key=ACME)).of(teacher)
        said = sampling.write(
            teacher.net,
            rows,
            how,
            ends={teacher.tokenizer.eos_token_id},
            pad=teacher.tokenizer.pad_token_id,
            shape=green,
        )
        out[name] = [list(one.ids) for one in said]
    return out


def test_marked_text_is_found_and_another_key_finds_nothing(written: dict[str, list[list[int]]]) -> None:
    config = Config(gamma=0.5, context=2)
    assert evidence(written["marked"], ACME, config).log_p < math.log(1e-6)
    for found in (evidence(written["marked"], OTHER, config), evidence(written["bare"], ACME, config)):
        assert found.log_p > math.log(1e-3)


def test_shaping_stops_where_the_answer_starts() -> None:
    from azeotrope.models.shipped import shipped

    teacher = shipped("steps")
    green = shape(Config(), Given(key=ACME)).of(teacher)
    ids = teacher.tokenizer(["How many?\nStep 1: 1 + 1 = 2\n", "How many?\nStep 1: 1 + 1 = 2\n\\boxed{"]).input_ids
    logits = torch.zeros(1, len(teacher.tokenizer))
    before, behind = (green(torch.tensor([row]), logits) for row in ids)
    assert before.max() == 2.0
    assert torch.equal(behind, logits)


def test_it_needs_a_key_logits_and_a_teacher_that_says_where_answers_start() -> None:
    with pytest.raises(Misconfigured, match="needs a customer's key"):
        lift.defense("greenlist")
    with pytest.raises(Misconfigured, match="gives text only"):
        lift.defense("greenlist", {}, Given(key=ACME))(Scripted(lambda _: "4"))
    with pytest.raises(Misconfigured, match="until = 'end'"):
        shape(Config(), Given(key=ACME)).of(Teacher())


def test_what_is_kept_is_bounded_over_all_keys_together() -> None:
    for at in range(5):
        lists = _Lists(MASTER.key(f"customer-{at}"), Config())
        for context in range(200):
            lists.green((context,), 8)
    assert _green.cache_info().currsize == _KEPT < 5 * 200
