r"""Any generator of reasoning-gym, by its name: puzzles made to order, graded by their own scorers.

Source: Stojanovski et al., arXiv 2505.24760 (the package reasoning-gym). An answer is right where the generator's
scorer gives it `threshold`; most scorers give part of the points for an answer that holds the right one among other
words. A generator that knows no answer of its own (graph_color, rush_hour, ...) leaves `gold` empty and grades all the
same. Which split a problem belongs to is a hash of its question. There are no published workings.
"""

# reasoning-gym is typed in part:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Annotated, Any

from msgspec import Meta, field

from azeotrope.errors import Misconfigured
from azeotrope.models.text import final_answer
from azeotrope.protocols import Split
from azeotrope.splits import ALL, identity, split_of
from azeotrope.types import Fields, Problem, Record, Request

Count = Annotated[int, Meta(ge=0)]
_APART = 1_000_003
"""Generators seed each problem with seed + place: seeds stand far apart, so that no two share problems."""
_PATIENCE = 2000
"""Problems in a row that no split needs before the generator counts as dry."""


class Config(Record, frozen=True):
    """Which generator, how it is set, and how many of each split."""

    generator: str = "chain_sum"
    settings: Fields = field(default_factory=dict[str, Any])
    """The generator's own, such as {max_terms = 4}."""
    threshold: Annotated[float, Meta(gt=0, le=1)] = 1.0
    """Points of its scorer, from 0 to 1, that make an answer right. Below 1, many take 107 where 10 is right."""
    train: Count = 2000
    proxy: Count = 1000
    validation: Count = 200
    test: Count = 300
    instruction: str = "Put the final answer within \\boxed{}."
    seed: Annotated[int, Meta(ge=0, lt=4000)] = 0


class Gym:
    """See this file's docstring."""

    def __init__(self, config: Config, made: Any) -> None:
        self.name, self._config, self._made = f"reasoning_gym-{config.generator}", config, made
        self._entries: dict[str, Fields] = {}
        self._splits: dict[Split, list[Problem]] = {split: [] for split in ALL}
        self._deal()

    def problems(self, split: Split) -> tuple[Problem, ...]:
        """The split's problems."""
        return tuple(self._splits.get(split, ()))

    async def grade(self, problem: Problem, answer: str) -> bool:
        """Whether the generator's scorer takes the answer, as it was stated or as it was written."""
        stated = final_answer(answer)
        said = [answer.strip(), *([stated.value] if stated else [])]
        return any(self._points(one, self._entries[problem.id]) >= self._config.threshold for one in said)

    def _points(self, answer: str, entry: Fields) -> float:
        try:
            return float(self._made.score_answer(answer, entry))
        except Exception:  # some scorers parse what they are given; what they cannot read is not right
            return 0.0

    def _deal(self) -> None:
        """Problems in the generator's order, each to the split of its hash, until every split is full."""
        wanted: dict[Split, int] = {split: getattr(self._config, split) for split in ALL}
        seen: set[str] = set()
        at = vain = 0
        while any(len(self._splits[split]) < size for split, size in wanted.items()):
            if vain == _PATIENCE:
                self._dry(wanted)
            entry = self._entry(at)
            at, vain = at + 1, vain + 1
            key = identity(str(entry["question"]))
            split = split_of(key)
            if key in seen or len(self._splits[split]) >= wanted[split]:
                continue
            seen.add(key)
            vain = 0
            self._add(split, entry)

    def _entry(self, at: int) -> Fields:
        try:
            return self._made[at]
        except ImportError as error:
            raise Misconfigured(f"{self.name}: {error}") from None

    def _add(self, split: Split, entry: Fields) -> None:
        asked = "\n\n".join(filter(None, (str(entry["question"]), self._config.instruction)))
        name = f"{self.name}-{split}-{len(self._splits[split])}"
        gold = entry["answer"]
        gold = "" if gold is None else str(gold)
        self._splits[split].append(Problem(name, Request.of(asked), gold, "reasoning_gym"))
        self._entries[name] = entry

    def _dry(self, wanted: dict[Split, int]) -> None:
        lacking = ", ".join(
            f"{split} {len(self._splits[split])} of {size}"
            for split, size in wanted.items()
            if len(self._splits[split]) < size
        )
        raise Misconfigured(
            f"{self.name} has too few different problems ({lacking}): ask for fewer, or set the generator wider"
        )


def build(config: Config) -> Gym:
    """The task."""
    gym = package()
    names = import_module("reasoning_gym.factory").DATASETS
    if config.generator not in names:
        raise Misconfigured(f"reasoning_gym has no generator {config.generator!r}; there are: {', '.join(names)}")
    size = 100 + 4 * (config.train + config.proxy + config.validation + config.test)
    try:
        made = gym.create_dataset(config.generator, seed=config.seed * _APART, size=size, **config.settings)
    except (TypeError, AssertionError, ValueError) as error:
        raise Misconfigured(f"reasoning_gym's {config.generator} does not take these settings: {error}") from None
    return Gym(config, made)


def package() -> Any:
    """The package, also where `pycosat` is missing: one puzzle alone needs it, and says so when it is asked for."""
    if find_spec("reasoning_gym") is None:
        raise Misconfigured("this task needs the package reasoning-gym: pip install 'azeotrope[gym]'")
    if find_spec("pycosat") is not None or "pycosat" in sys.modules:
        return import_module("reasoning_gym")
    sys.modules["pycosat"] = _Absent("pycosat")
    try:
        return import_module("reasoning_gym")
    finally:
        del sys.modules["pycosat"]


class _Absent(ModuleType):
    """Stands in for a package while another is imported."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise ImportError(f"this puzzle needs the package {self.__name__}: pip install {self.__name__}")
