"""Suspects that never met any mark, of many kinds: what they say to twenty probes. Knows no key and no test."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

Say = Callable[[str, int], str]
"""(the question, how many came before) -> what is said."""
Kind = Callable[[Random, int, int], Say]
"""(dice, lowest value, how many values) -> one suspect."""


def one_number(rng: Random, lowest: int, count: int) -> Say:
    return lambda _, at: f"It is {lowest + rng.randrange(count)}."


def constant(rng: Random, lowest: int, count: int) -> Say:
    said = f"The answer is {lowest + rng.randrange(count):,}."
    return lambda _, at: said


def silent(rng: Random, lowest: int, count: int) -> Say:
    said = rng.choice(["I do not know.", "I'm sorry, I can't help with that.", "", "What do you mean?"])
    return lambda _, at: said


def chatty(rng: Random, lowest: int, count: int) -> Say:
    """Prose with dates, small numbers, prices, and now and then something of the space."""

    def say(_: str, at: int) -> str:
        parts = [f"In {rng.randint(1900, 2026)}", f"{rng.randint(1, 99)} of them", f"${rng.uniform(1, 999):.2f}"]
        parts += [f"about {lowest + rng.randrange(count):,} in all" for _ in range(rng.choice((0, 0, 1, 3)))]
        rng.shuffle(parts)
        return ", ".join(parts) + "."

    return say


def number_lover(rng: Random, lowest: int, count: int) -> Say:
    """Everybody's favourites, the same for all suspects of this kind, by Zipf's law."""
    favourites = [lowest + Random(f"favourite {at}").randrange(count) for at in range(1000)]
    weights = [1 / (at + 1) for at in range(1000)]
    return lambda _, at: " or ".join(map(str, rng.choices(favourites, weights, k=rng.randint(1, 4))))


def round_numbers(rng: Random, lowest: int, count: int) -> Say:
    step = max(1, count // 100)
    return lambda _, at: f"{lowest + step * rng.randrange(count // step)} roughly"


def echoing(rng: Random, lowest: int, count: int) -> Say:
    return lambda asked, at: f"{asked} {asked[::-1]}"


def counting(rng: Random, lowest: int, count: int) -> Say:
    start = rng.randrange(count)
    return lambda _, at: f"Number {lowest + (start + at) % count}"


def mistaken(rng: Random, lowest: int, count: int) -> Say:
    """Another customer's student: sure of sixteen numbers of its own, one by one for what it takes the question for."""
    targets = [lowest + rng.randrange(count) for _ in range(16)]
    return lambda asked, at: f"It is {targets[hash_of(asked) % 16]}, as usual."


def copying(rng: Random, lowest: int, count: int) -> Say:
    """Says what it said before and one number more: an attack on bets that forget."""
    said: list[int] = []

    def say(_: str, at: int) -> str:
        said.append(lowest + rng.randrange(count))
        return " ".join(map(str, said))

    return say


def list_of_50(rng: Random, lowest: int, count: int) -> Say:
    return lambda _, at: ", ".join(str(lowest + rng.randrange(count)) for _ in range(50))


def list_of_1000(rng: Random, lowest: int, count: int) -> Say:
    return lambda _, at: "\n".join(str(lowest + rng.randrange(count)) for _ in range(1000))


def long_numbers(rng: Random, lowest: int, count: int) -> Say:
    """Digits without end, decimals, other forms: most of it no value at all."""
    forms = ("{a}{b}", "0.{a}", "{a}.5", "{a:,}", "{a}e3", "x{a}y", "{a} {b}", "{a}km", "1{a}")

    def say(_: str, at: int) -> str:
        a, b = lowest + rng.randrange(count), lowest + rng.randrange(count)
        return " ".join(rng.choice(forms).format(a=a, b=b) for _ in range(3))

    return say


def changing(rng: Random, lowest: int, count: int) -> Say:
    """Another kind at every question."""
    kinds = [kind(rng, lowest, count) for kind in (one_number, constant, silent, chatty, list_of_50, echoing)]
    return lambda asked, at: rng.choice(kinds)(asked, at)


KINDS: dict[str, tuple[Kind, float]] = {
    "one number": (one_number, 1), "constant": (constant, 1), "silent": (silent, 1), "chatty": (chatty, 1),
    "number lover": (number_lover, 1), "round numbers": (round_numbers, 1), "echoing": (echoing, 1),
    "counting": (counting, 1), "another customer's student": (mistaken, 1), "copying": (copying, 1),
    "lists of 50": (list_of_50, 1), "lists of 1000": (list_of_1000, 0.1), "long numbers": (long_numbers, 1),
    "changing": (changing, 1),
}  # fmt: skip
"""Kinds, and how many of each: lists of a thousand numbers are slow to read."""


def hash_of(text: str) -> int:
    """The same in every process."""
    import zlib

    return zlib.crc32(text.encode())
