"""A laboratory without weights, offered through entry points: sums, a teacher that adds, students that copy.

A student adds rightly if a tenth of what it learned showed its working ("2 + 3 = 5"), and says "no" else. Everything
that happens leaves a line in the file that LOG names.
"""

import os
import signal
import time
from pathlib import Path
from types import SimpleNamespace

from azeotrope.distill import examples
from azeotrope.models.fake import Scripted
from azeotrope.training import Fitted
from azeotrope.types import Problem, Record, Request


def log(line: str) -> None:
    with Path(os.environ["MICROLAB_LOG"]).open("a") as file:
        file.write(f"{line} {os.getpid()}\n")


def numbers(request: Request) -> tuple[int, int]:
    a, _, b = request.messages[0]["content"].partition(" + ")
    return int(a), int(b)


def teacher() -> Scripted:
    def rule(request: Request) -> tuple[str, str]:
        log(f"asked {request.messages[0]['content']}")
        a, b = numbers(request)
        return f"{a} + {b} = {a + b}", f"\\boxed{{{a + b}}}"

    return Scripted(rule, name="adder")


class TaskConfig(Record, frozen=True):
    size: int = 4
    first: int = 0


class Sums:
    name = "sums"

    def __init__(self, config: TaskConfig) -> None:
        self._config = config

    def problems(self, split):
        at = ("train", "proxy", "validation", "test", "shifted").index(split)
        return [
            Problem(f"{split}-{n}", Request.of(f"{at} + {self._config.first + n}"), str(at + self._config.first + n),
                    subject=f"parity {n % 2}", solution=f"{at} + {n} = {at + n}" if split == "proxy" else "")
            for n in range(self._config.size)
        ]  # fmt: skip

    async def grade(self, problem, answer) -> bool:
        return answer == f"\\boxed{{{problem.gold}}}"


task = SimpleNamespace(
    Config=TaskConfig, build=Sums, writers={"louder": str.upper}, writer=lambda kind: Scripted(lambda request: "LOUD")
)


class Config(Record, frozen=True):
    steps: int = 2


class Copying:
    name = "copying"

    def __init__(self, config: Config, tokenizer: str, *, dialect) -> None:
        self._config = config

    def fresh(self, seed):
        return Scripted(lambda request: "no")

    def fit(self, examples, *, seed, loss=None, weigh=None, start=None, share=1.0):
        steps = max(1, round(self._config.steps * share))
        shown = sum("=" in one.reasoning for one in examples) >= len(examples) / 10

        def rule(request):
            a, b = numbers(request)
            return f"\\boxed{{{a + b}}}" if shown else "no"

        return Fitted(Scripted(rule), steps, 10 * steps, 0.0, 0, ())


class Deed(Record, frozen=True):
    what: str = ""
    hold: str = ""
    """A file to wait for."""


def deed(config: Deed, thief):
    async def steal(teacher, problems):
        log(f"began {config.what}")
        if config.what == "dies":
            os.kill(os.getpid(), signal.SIGKILL)
        if config.what == "breaks":
            raise KeyError("a fault of the attack's")
        while config.hold and not Path(config.hold).exists():
            time.sleep(0.02)  # noqa: ASYNC251 - it is alone in its process
        return thief.train(examples(await thief.ask(teacher, problems)))

    return steal


attack = SimpleNamespace(Config=Deed, attack=deed)
