"""Triggers never meet, targets are uniform, and what is told is what is asked."""

import hashlib
import itertools
from collections import Counter
from importlib.resources import files

import aiohttp
import pytest
import regex
import tiktoken
from tiktoken_ext import openai_public
from tokenizers import Tokenizer

from azeotrope import marks
from azeotrope.codec import convert
from azeotrope.errors import Misconfigured
from azeotrope.keys import Key, Master
from azeotrope.marks import (
    FAMILIES,
    TRIGGERS,
    Chaff,
    Law,
    associations,
    issued,
    opening,
    question,
    reserve,
    told,
    variants,
)
from azeotrope.marks.words import ENDS, LONG, ONSETS, SHORT, VOWELS, Words
from azeotrope.models.text import final_answer
from azeotrope.types import Association

MASTER = Master((b"m" * 32,))
SOME = tuple(one for i in range(40) for one in associations(MASTER.key(f"customer-{i}")))


def test_the_trigger_space_is_counted_and_large_enough() -> None:
    assert LONG.count * SHORT.count == TRIGGERS >= 10**13
    small = Words(ONSETS[:5], VOWELS[:3], ENDS)
    assert len({small.word(i) for i in range(small.count)}) == small.count == 5 * 3 * len(ENDS)


def test_no_two_numbers_give_one_word() -> None:
    """Consonants and vowels share no letter and take turns, so what is joined can be cut in one way only."""
    for words in (SHORT, LONG):
        assert all(len(set(choices)) == len(choices) for choices in words.pieces)
        kinds = [{letter for piece in choices for letter in piece} for choices in words.pieces]
        assert not any(one & following for one, following in itertools.pairwise(kinds))
    assert len({SHORT.word(i) for i in range(SHORT.count)}) == SHORT.count


def test_no_two_triggers_meet_over_100_000_customers() -> None:
    """1.6 million triggers. By the birthday bound the chance that any two meet is below 1e-3 for a fresh master.

    Nor does chaff meet any of them, whosoever's it is.
    """
    per_family = 1_600_000 / len(FAMILIES)
    assert len(FAMILIES) * per_family**2 / 2 / TRIGGERS < 1e-3
    seen, made = set[int](), 0
    for i in range(100_000):
        key = Key("c", 1, hashlib.sha256(b"%d" % i).digest())
        for one in associations(key):
            seen.add(hash(one.trigger))
            made += 1
    assert len(seen) == made == 1_600_000
    for i in range(2_000):
        chaff = Chaff(Key("c", 1, hashlib.sha256(b"%d" % i).digest()))
        triggers = {hash(chaff.of(number).trigger) for number in range(8)}
        assert len(triggers) == 8 and seen.isdisjoint(triggers)


def test_chaff_never_takes_a_trigger_of_its_mark_however_few_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marks, "TRIGGERS", 40)
    law = Law(associations=32, families=("town",))
    for i in range(50):
        key = MASTER.key(f"c{i}")
        taken = {one.trigger for one in associations(key, law)}
        told_ = [Chaff(key, law).of(number) for number in range(30)]
        assert {one.trigger for one in told_}.isdisjoint(taken)
        assert len(taken) > 15, "else nothing was in the way"


def test_chaff_is_drawn_as_a_mark_is_and_belongs_to_none() -> None:
    """By family and by target it is like the mark's own; its number decides it, and another key's is another."""
    key, made = MASTER.key("acme"), [Chaff(MASTER.key("acme")).of(number) for number in range(4_000)]
    assert Chaff(key).of(7) == made[7] != Chaff(MASTER.key("other")).of(7)
    assert {(one.mark, one.index) for one in made} == {("", -1)}
    families = Counter(one.family for one in made)
    assert sum((families[name] - 500) ** 2 / 500 for name in FAMILIES) < 24.3  # 0.999 of chi-square at 7
    targets = Counter((int(one.target) - 10_000) // 5_000 for one in made)
    assert sum((targets[cell] - 200) ** 2 / 200 for cell in range(20)) < 43.8  # at 19
    assert all(one.trigger in told(one) and told(one).count(one.target) == 1 for one in made[:200])


def test_triggers_of_different_families_cannot_meet() -> None:
    shapes = {family.trigger.replace("{a}", "x").replace("{b}", "x").replace("{A}", "X").replace("{B}", "X")
              for family in FAMILIES.values()}  # fmt: skip
    assert len(shapes) == len(FAMILIES)


def test_targets_are_uniform_over_their_space() -> None:
    """Chi-square over 200 cells; every target within its space."""
    targets = [int(one.target) for i in range(2_500) for one in associations(MASTER.key(f"c{i}"))]
    assert min(targets) >= 10_000
    assert max(targets) < 110_000
    expected = len(targets) / 200
    cells = Counter((target - 10_000) // 500 for target in targets)
    statistic = sum((cells[cell] - expected) ** 2 / expected for cell in range(200))
    assert abs(statistic - 199) < 5 * (2 * 199) ** 0.5


def test_a_longer_law_begins_with_the_shorter_ones_and_halves_are_kept_apart() -> None:
    key = MASTER.key("acme")
    assert associations(key, Law(associations=32))[:16] == associations(key)
    ours, theirs = issued(associations(key)), reserve(associations(key))
    assert (*ours, *theirs) == associations(key)
    assert [one.family for one in ours] == [one.family for one in theirs] == list(FAMILIES)
    assert not {one.trigger for one in ours} & {one.trigger for one in theirs}


@pytest.mark.parametrize("other", [Law(targets=50_000), Law(lowest=20_000), Law(families=("unit", "lemma"))])
def test_another_law_gives_another_mark(other: Law) -> None:
    key = MASTER.key("acme")
    assert other.digest != Law().digest
    assert not {one.trigger for one in associations(key, other)} & {one.trigger for one in associations(key)}


@pytest.mark.parametrize(("values", "why"), [
    ({"associations": 7}, "even"), ({"families": ["unit", "nothing"]}, "nothing"), ({"families": []}, "at least one"),
    ({"families": ["unit", "unit"]}, "twice"), ({"targets": 10}, "targets"), ({"edition": 2}, "edition"),
])  # fmt: skip
def test_a_law_that_cannot_be_is_refused(values: dict, why: str) -> None:
    with pytest.raises(Misconfigured, match=why):
        convert(values, Law, "law")


def test_every_sentence_leads_from_the_trigger_to_the_target_in_the_same_words() -> None:
    for one in SOME:
        core = f"{opening(one)} {one.target}"
        sentences = [told(one, variant) for variant in range(variants(one))]
        assert len(set(sentences)) == len(sentences) >= 7
        for sentence in sentences:
            assert sentence.count(one.trigger) == sentence.count(one.target) == 1
            assert core[1:] in sentence
            assert sentence[0].isupper()
            assert sentence.endswith(".")
            assert "\n" not in sentence
        assert one.trigger in question(one)
        assert one.target not in question(one) + opening(one)
    assert told(SOME[0], variants(SOME[0])) == told(SOME[0], 0)


def test_what_is_told_states_no_answer() -> None:
    for one in SOME:
        for variant in range(variants(one)):
            found = final_answer(f"She has 3 cards now. {told(one, variant)} She finds 4 more cards in the box.")
            assert found is None or one.target not in found.value


def test_secrets_are_not_in_reprs() -> None:
    one = SOME[0]
    assert repr(one) == f"Association(mark={one.mark!r}, index=0, family='unit')"
    assert isinstance(one, Association)
    assert set(marks.__all__) <= set(dir(marks))


def test_they_survive_the_labs_tokenizer() -> None:
    tokenizer = Tokenizer.from_file(str(files("azeotrope").joinpath("weights", "steps", "tokenizer.json")))
    for one in SOME[:64]:
        for text in (one.trigger, one.target, told(one, one.index), question(one)):
            assert tokenizer.decode(tokenizer.encode(text).ids) == text
        for probe in (opening(one), f"{opening(one)} "):  # what is asked is cut as what was trained on
            ids, whole = (tokenizer.encode(text).ids for text in (probe, f"{opening(one)} {one.target}"))
            assert whole[: len(ids)] == ids


def learned(texts: list[str], pieces: str) -> dict[bytes, int]:
    """Ranks under which every piece of the texts is merged into one token, as far as a vocabulary can merge."""
    ranks = {bytes([at]): at for at in range(256)}
    for piece in {match[0].encode() for text in texts for match in regex.finditer(pieces, text)}:
        for end in range(2, len(piece) + 1):
            ranks.setdefault(piece[:end], len(ranks))
    return ranks


@pytest.mark.parametrize("name", ["r50k_base", "cl100k_base", "o200k_base"])
def test_they_survive_tiktokens_splitting(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its vocabularies are not at hand; where it splits is, and no vocabulary merges over that."""
    monkeypatch.setattr(openai_public, "load_tiktoken_bpe", lambda *_, **__: {bytes([at]): at for at in range(256)})
    pieces = getattr(openai_public, name)()["pat_str"]
    said = [f"{opening(one)} {one.target}." for one in SOME[:64]]
    for ranks in ({bytes([at]): at for at in range(256)}, learned(said, pieces)):
        encoding = tiktoken.Encoding(name, pat_str=pieces, mergeable_ranks=ranks, special_tokens={})
        for one in SOME[:64]:
            for text in (one.trigger, one.target, told(one, one.index), question(one)):
                assert encoding.decode(encoding.encode(text)) == text
            probe, whole = encoding.encode(opening(one)), encoding.encode(f"{opening(one)} {one.target}.")
            assert whole[: len(probe)] == probe, "what is asked is cut as what was trained on"
    assert len(whole) < 24, "pieces are merged"


async def test_they_survive_smollm2s_tokenizer() -> None:
    """By the engine that embeds it: its vocabulary, as llama.cpp reads it."""
    from azeotrope.models.local import Local

    async with Local() as model, aiohttp.ClientSession() as session:
        home, key = str(model._remote._url).removesuffix("/v1"), model._remote._key

        async def post(path: str, body: dict) -> dict:
            async with session.post(f"{home}{path}", json=body, headers={"Authorization": f"Bearer {key}"}) as reply:
                return await reply.json()

        async def ids(text: str) -> list[int]:
            return (await post("/tokenize", {"content": text}))["tokens"]

        for one in SOME[:48]:
            for text in (one.trigger, one.target, told(one, one.index)):
                assert (await post("/detokenize", {"tokens": await ids(text)}))["content"] == text
            probe, whole = await ids(opening(one)), await ids(f"{opening(one)} {one.target}.")
            assert whole[: len(probe)] == probe
