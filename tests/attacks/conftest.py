"""What thieves' tests share: a small task, tiny students of a few steps, and a teacher that says what is right."""

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from azeotrope import Replay, Trace
from azeotrope.distill import Thief, by_request
from azeotrope.models.open import Open
from azeotrope.tasks import steps
from azeotrope.training import Example, Fitted
from azeotrope.training import tokenizer as tokenizers
from azeotrope.training.tiny import Tiny, TinyLearner
from azeotrope.types import Problem, Request

RECIPE = Tiny(hidden=16, layers=1, heads=2, intermediate=16, steps=4, batch=8, warmup=1, max_tokens=24)


class Teacher:
    """Says what it is told, for a text only teacher; with logits of its own it is an open one. Keeps what was asked."""

    def __init__(self, says: Callable[[Problem, int], tuple[str, str]], problems: Sequence[Problem]) -> None:
        self.name, self.asked = "teacher", list[Request]()
        self._says, self._problems = says, by_request(problems)

    async def stream(self, request: Request):
        self.asked.append(request)
        known = Request((request.messages[0],))
        problem = next(p for p in self._problems.values() if known.messages[0]["content"].startswith(_text(p)))
        reasoning, answer = self._says(problem, int(request.sampling.get("seed", 0)))
        usage = {"prompt_tokens": 7, "completion_tokens": 11}
        trace = Trace(f"t-{problem.id}", request, reasoning, answer, self.name, usage=usage)
        async for event in Replay([trace]).stream(request):
            yield event


def _text(problem: Problem) -> str:
    return problem.request.messages[-1]["content"]


class OpenTeacher(Teacher):
    """The same, with a net's logits."""

    def __init__(self, says: Any, problems: Sequence[Problem], net: Open) -> None:
        super().__init__(says, problems)
        self._net, self.read = net, 0

    def logits(self, ids: torch.Tensor) -> torch.Tensor:
        self.read += len(ids)
        return self._net.logits(ids)

    def shaped(self, shape: Any) -> Any:
        return self


def gold(problem: Problem, seed: int) -> tuple[str, str]:
    return problem.solution, f"\\boxed{{{problem.gold}}}"


@pytest.fixture(scope="session")
def task() -> steps.Steps:
    return steps.build(steps.Config("easy", train=24, proxy=24, validation=2, test=2))


@pytest.fixture(scope="session")
def problems(task: steps.Steps) -> tuple[Problem, ...]:
    return task.problems("train")


@pytest.fixture(scope="session")
def words() -> Any:
    """A tokenizer."""
    return tokenizers.trained(steps.corpus(0, 200), steps.PIECES, vocabulary=360)


@pytest.fixture
def learner(words: Any) -> TinyLearner:
    return TinyLearner(RECIPE, words)


class Noting:
    """A learner that trains nothing and keeps what it was handed."""

    name = "noting"

    def __init__(self, learner: TinyLearner) -> None:
        self._learner, self.fits = learner, list[Any]()

    def fresh(self, seed: int) -> Open:
        return self._learner.fresh(seed)

    def fit(self, examples: Sequence[Example], *, seed: int, **how: Any) -> Fitted:
        self.fits.append(SimpleNamespace(examples=list(examples), seed=seed, **how))
        return Fitted(self.fresh(seed), 1, 1, 0.0, 0, (0.0,))


@pytest.fixture
def noting(learner: TinyLearner) -> Noting:
    return Noting(learner)


@pytest.fixture
def thief(task: steps.Steps, learner: TinyLearner) -> Callable[..., Thief]:
    """Thieves, each with a bill of its own."""

    def made(**given: Any) -> Thief:
        return Thief(**{"learner": learner, "task": task, "public": task.problems("proxy"), "seed": 3, **given})

    return made


@pytest.fixture
def teacher(problems: tuple[Problem, ...], learner: TinyLearner) -> Callable[..., OpenTeacher]:
    """Open teachers that say what is right, or what they are told to say."""
    return lambda says=gold: OpenTeacher(says, problems, learner.fresh(99))


@pytest.fixture
def traces(problems: tuple[Problem, ...]) -> list[Trace]:
    return [Trace(f"t-{p.id}", p.request, *gold(p, 0)) for p in problems]


@pytest.fixture
def weights() -> Callable[[Open], bytes]:
    """A student's weights as bytes."""
    return lambda model: b"".join(p.detach().numpy().tobytes() for p in model.net.parameters())
