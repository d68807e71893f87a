r"""Dependent arithmetic: a few operations told as a story, each on the result before it; small enough for tiny models.

"Bob has 11 cards, loses 10, triples them, finds 6. How many?" -> "Step 1: 11 - 10 = 1\nStep 2: 1 * 3 = 3\n...",
\boxed{9}. Source: ours. Which split a problem belongs to is decided by a hash of its mathematics alone: no split meets
another's sums, not even under other names. `shifted` is `test`, told in another form, about other names and things.
Not a measure of reasoning in general: what a student cannot do here may be no trouble to a larger one.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from functools import cache
from itertools import islice
from typing import Annotated, Literal, NamedTuple

from msgspec import Meta

from azeotrope.codec import encode
from azeotrope.errors import Misconfigured
from azeotrope.models.fake import Scripted
from azeotrope.models.text import equal, final_answer
from azeotrope.protocols import Split
from azeotrope.splits import split_of
from azeotrope.types import Problem, Record, Request

Count = Annotated[int, Meta(ge=0)]
Difficulty = Literal["easy", "hard"]

LENGTHS: dict[Difficulty, tuple[int, int]] = {"easy": (2, 3), "hard": (3, 5)}
"""Fewest and most steps."""


class Config(Record, frozen=True):
    """How hard, and how many of each split. A larger split begins with the smaller one's problems."""

    difficulty: Difficulty = "hard"
    """easy: 2 to 3 steps; hard: 3 to 5."""
    fewest: Annotated[int, Meta(ge=1, le=9)] | None = None
    """Steps; as the difficulty says where nothing is given."""
    most: Annotated[int, Meta(ge=1, le=9)] | None = None
    largest: Annotated[int, Meta(ge=10, le=9999)] = 99
    """No value on the way is larger, none is below 1."""
    largest_operand: Annotated[int, Meta(ge=2, le=999)] = 19
    """Of what is added or taken away, from 2."""
    train: Count = 16_000
    proxy: Count = 8_000
    validation: Count = 600
    test: Count = 600
    form: Literal["told", "shifted"] = "told"
    """How every split but `shifted` is told: a teacher learns both."""
    seed: int = 0

    def __post_init__(self) -> None:
        fewest, most = lengths(self)
        if fewest > most:
            raise ValueError(f"fewest is a bound below most; got {fewest} > {most}")


def lengths(config: Config) -> tuple[int, int]:
    """Fewest and most steps."""
    fewest, most = LENGTHS[config.difficulty]
    return config.fewest or fewest, config.most or most


class Sum(NamedTuple):
    """The mathematics of a problem."""

    start: int
    operations: tuple[tuple[str, int], ...]
    """("+", 6), ("-", 10) or ("*", 3), in order."""

    def values(self) -> list[int]:
        """The start and every result."""
        out = [self.start]
        for sign, operand in self.operations:
            out.append({"+": out[-1] + operand, "-": out[-1] - operand, "*": out[-1] * operand}[sign])
        return out


class Form(NamedTuple):
    """A surface: who, what, and how it is told ({who}, {start}, {what}, {story})."""

    names: tuple[str, ...]
    things: tuple[str, ...]
    question: str


TOLD = Form(
    ("Ann", "Bob", "Eve", "Tom", "Mia", "Sam", "Zoe", "Max"),
    ("coins", "cards", "books", "shells", "stamps", "apples", "pens", "beads"),
    "{who} has {start} {what}, {story}. How many?",
)
SHIFTED = Form(
    ("Ida", "Leo", "Kim", "Ben", "Una", "Jon", "Ada", "Ray"),
    ("keys", "nuts", "cups", "masks", "bells", "plums", "ropes", "tiles"),
    "Count the {what}: {who} has {start}, {story}.",
)
"""The operations are told in the words of `TOLD`: what a small model never read it cannot know."""
_TIMES = {2: "doubles", 3: "triples"}
_PATIENCE = 20_000
"""Sums drawn in a row without a new one before the well counts as dry."""


class Steps:
    """See this file's docstring."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self.name = f"steps-{config.difficulty}"
        self.problems: Callable[[Split], tuple[Problem, ...]] = cache(self._problems)

    def _problems(self, split: Split) -> tuple[Problem, ...]:
        size: int = getattr(self._config, "test" if split == "shifted" else split)
        form = SHIFTED if "shifted" in (split, self._config.form) else TOLD
        rng = random.Random(f"{self._config.seed}-{split}-told")  # noqa: S311 - a problem, not a secret
        found = list(islice(_sums(self._config, split), size))
        if len(found) < size:
            raise Misconfigured(
                f"steps: split {split} holds {len(found)} different problems, not {size}; "
                "ask for fewer, or raise most, largest or largest_operand"
            )
        return tuple(
            Problem(
                f"{self.name}-{split}-{at}", Request.of(told(one, form, rng)), str(one.values()[-1]), "steps",
                f"{len(one.operations)} steps", working(one),
            )
            for at, one in enumerate(found)
        )  # fmt: skip

    async def grade(self, problem: Problem, answer: str) -> bool:
        """Whether the answer's last statement of a value is the gold number."""
        stated = final_answer(answer)
        return stated is not None and await equal(stated.value, problem.gold)


def build(config: Config) -> Steps:
    """The task."""
    return Steps(config)


def _sums(config: Config, split: Split) -> Iterator[Sum]:
    """The split's sums, none twice, until there seem to be no more."""
    home: Split = "test" if split == "shifted" else split
    rng = random.Random(f"{config.seed}-{home}")  # noqa: S311 - a problem, not a secret
    seen, vain = set[Sum](), 0
    while vain < _PATIENCE:
        one = draw(config, rng)
        if one in seen or split_of(encode(one).decode()) != home:
            vain += 1
            continue
        seen.add(one)
        vain = 0
        yield one


def draw(config: Config, rng: random.Random) -> Sum:
    """A sum whose values stay within bounds. Never multiplied twice in a row."""
    value = start = rng.randint(2, min(60, config.largest))
    operations: list[tuple[str, int]] = []
    for _ in range(rng.randint(*lengths(config))):
        up, down = config.largest - value, value - 1
        signs = [sign for sign, room in (("+", up), ("-", down)) if room >= 2]
        if not operations or operations[-1][0] != "*":
            signs += ["*"] * sum(value * times <= config.largest for times in _TIMES)
        sign = rng.choice(signs)
        if sign == "*":
            operand = rng.choice([times for times in _TIMES if value * times <= config.largest])
        else:
            operand = rng.randint(2, min(config.largest_operand, up if sign == "+" else down))
        operations.append((sign, operand))
        value = Sum(value, ((sign, operand),)).values()[-1]
    return Sum(start, tuple(operations))


def told(one: Sum, form: Form, rng: random.Random) -> str:
    """The question."""
    story = ", ".join(
        f"{_TIMES[operand]} them" if sign == "*" else f"{'finds' if sign == '+' else 'loses'} {operand}"
        for sign, operand in one.operations
    )
    who, what = rng.choice(form.names), rng.choice(form.things)
    return form.question.format(who=who, start=one.start, what=what, story=story)


def working(one: Sum) -> str:
    """The canonical working, a step a line."""
    values = one.values()
    lines = zip(values, one.operations, values[1:], strict=False)
    return "".join(
        f"Step {at}: {before} {sign} {operand} = {after}\n"
        for at, (before, (sign, operand), after) in enumerate(lines, 1)
    )


# --- what a writer makes of a working ---

_LINE = re.compile(r"^Step (\d+): (\d+) ([-+*]) (\d+) = (\d+)$", re.MULTILINE)
_SIGNS = {"+": "plus", "-": "minus", "*": "times"}


def planned(reasoning: str) -> str:
    """The operations and the operands that stand in the question, never a running value: an ideal `plan`."""
    return "\n".join(f"Step {m[1]}: {m[3]} {m[4]}" for m in _LINE.finditer(reasoning))


def paraphrased(reasoning: str) -> str:
    """The same content in other words, as many tokens long: what a paraphrase does that withholds nothing."""
    return "\n".join(f"Part {m[1]}: {m[2]} {_SIGNS[m[3]]} {m[4]} makes {m[5]}" for m in _LINE.finditer(reasoning))


writers: dict[str, Callable[[str], str]] = {"plan": planned, "paraphrase": paraphrased}
"""By the name of what they are asked for."""


def writer(kind: str) -> Scripted:
    """A rewriting model by rule: it finds the working in its last message, whatever stands around it."""
    if kind not in writers:
        raise Misconfigured(f"steps has no writer called {kind!r}; there are: {', '.join(writers)}")
    return Scripted(lambda request: writers[kind](str(request.messages[-1].get("content"))), name=f"steps-{kind}")


# --- for a tokenizer ---

PIECES = (
    r"\n?[A-Z][a-z]+ \d{1,2}: "  # "Step 2: "
    r"| (?:[-+*=]|plus|minus|times|makes) |[-+*=] "
    r"|\n?\\boxed\{|\. How many\?\n|\.\n"
    r"|, [a-z]+ them|,? [a-z]+ (?=\d)|\d|,? ?[A-Za-z]+|\s+|[^\sA-Za-z\d]+?"
)
"""What one token may span at most: numbers are digits, the marker of a step is whole."""


def corpus(seed: int, size: int) -> Iterator[str]:
    """Texts to train a tokenizer on: both forms, both difficulties, every order and wording that defenses write."""
    rng = random.Random(seed)  # noqa: S311 - texts, not secrets
    configs = [Config(difficulty) for difficulty in LENGTHS]
    for at in range(size):
        one = draw(configs[at % 2], rng)
        question, answer = told(one, (TOLD, SHIFTED)[at // 2 % 2], rng), f"\\boxed{{{one.values()[-1]}}}"
        yield f"{question}\n{_said(working(one).rstrip(), answer, rng)}"


def _said(steps: str, answer: str, rng: random.Random) -> str:
    lines = steps.split("\n")
    forms = [
        f"{steps}\n{answer}", f"{planned(steps)}\n{answer}", f"{paraphrased(steps)}\n{answer}", f"{answer}\n{steps}",
        "\n".join([*rng.sample(lines, len(lines)), answer]), answer,
    ]  # fmt: skip
    return rng.choice(forms)
