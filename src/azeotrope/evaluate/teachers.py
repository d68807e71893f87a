"""From a teacher in words to a model, and to the digest that says which one it is. Also the models that rewrite."""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, asynccontextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

from msgspec.structs import asdict, replace

from azeotrope import catalog
from azeotrope.codec import digest
from azeotrope.errors import Misconfigured
from azeotrope.evaluate.plan import SHIPPED, Learning, Subject, Teacher
from azeotrope.models import opening, weights
from azeotrope.models.replay import Replay
from azeotrope.protocols import Model
from azeotrope.types import Event, Fields, Problem, Request

TASK, PYTHON = "task:", "python:"


@asynccontextmanager
async def opened(teacher: Teacher, solved: Sequence[Problem] = ()) -> AsyncGenerator[Model, None]:
    """The teacher, open while the block lasts. `solved`: what a published one may be asked.

    Raises `Misconfigured` with the cure.
    """
    if teacher.kind == "endpoint":
        key = secret(teacher.key_env)
        async with opening.opened(teacher.name, key=key, reasoning_in_content=teacher.reasoning_in_content) as model:
            yield _Drawing(model, _sampling(teacher))
    elif teacher.kind == "python":
        yield catalog.called(teacher.name, "[teacher] name")
    elif teacher.kind == "published":
        from azeotrope.distill import published

        yield Replay(published(solved), name=teacher.kind)
    else:
        yield _weights(teacher)


def folder(teacher: Teacher) -> str:
    """Where its weights and tokenizer are, a folder or a hub name; "" for one that shows none."""
    if teacher.kind == "shipped":
        return shipped_folder(teacher.name)
    return teacher.name if teacher.kind in ("path", "hub") else ""


def shipped_folder(name: str) -> str:
    """Where a model that ships with the package is."""
    return str(files("azeotrope").joinpath("weights", name))


def tokenizer_of(learner: Learning, teacher: Teacher) -> str:
    """Where the student's tokenizer is; the teacher's own where nothing is said."""
    if learner.tokenizer.startswith(SHIPPED):
        return shipped_folder(learner.tokenizer.removeprefix(SHIPPED))
    return learner.tokenizer or folder(teacher)


def identity(teacher: Teacher) -> str:
    """A digest of the weights, where they can be read, and of how they draw. No secret goes into it."""
    settings = {name: value for name, value in asdict(teacher).items() if name not in ("key_env", "revision")}
    if teacher.kind in ("shipped", "path"):
        return digest([{**settings, "name": ""}, _bytes(Path(folder(teacher)))])
    if teacher.kind == "hub":
        return digest([settings, _commit(teacher)])
    return digest(settings)


@asynccontextmanager
async def writing(spec: str, key_env: str, task: Subject) -> AsyncGenerator[Model | None, None]:
    """The model that rewrites; None for "".

    `task:plan` is the task's own by rule, `python:package.module:function` your own; else see `models.opening`.
    """
    if not spec:
        yield None
    elif spec.startswith(TASK):
        yield offered(task)[spec.removeprefix(TASK)]()
    elif spec.startswith(PYTHON):
        yield catalog.called(spec.removeprefix(PYTHON), PYTHON)
    else:
        async with opening.opened(spec, key=secret(key_env)) as model:
            yield model


def offered(task: Subject) -> dict[str, Any]:
    """name -> a function that makes the task's own writer by rule; empty where the task offers none."""
    module = catalog.load("tasks", task.name)
    return {kind: lambda kind=kind: module.writer(kind) for kind in getattr(module, "writers", ())}


def secret(variable: str) -> str | None:
    """The environment variable's content; None where none is named."""
    if not variable:
        return None
    if not (key := os.environ.get(variable, "").strip()):
        raise Misconfigured(f"the environment variable {variable} (a key) is not set")
    return key


def _sampling(teacher: Teacher) -> Fields:
    return {"temperature": teacher.temperature, "top_p": teacher.top_p, "max_tokens": teacher.max_tokens}


def _weights(teacher: Teacher) -> Model:
    from azeotrope.models.open import Open
    from azeotrope.models.sampling import Sampling
    from azeotrope.models.shipped import shipped

    how = Sampling(teacher.temperature, teacher.top_p, max_tokens=teacher.max_tokens)
    if teacher.kind == "shipped":
        return shipped(teacher.name, how)
    return Open.load(teacher.name, how=how, revision=teacher.revision or None)


def _bytes(place: Path) -> dict[str, str]:
    """Every file's digest, by name. A GGUF file, or "smollm2", is one file."""
    if str(place) == weights.DEFAULT or place.suffix == ".gguf":
        place = weights.find(str(place)).path
    found = sorted(path for path in place.iterdir() if path.is_file()) if place.is_dir() else []
    found = [place] if place.is_file() else found
    if not found:
        raise Misconfigured(f"[teacher] there is no model in {place}: give a folder as transformers writes it")
    out: dict[str, str] = {}
    for path in found:
        with path.open("rb") as file:
            out[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return out


def _commit(teacher: Teacher) -> str:
    """The commit that a hub name stands for now; the cache has it in its path."""
    from transformers.utils import hub

    find: Any = hub.cached_file  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    try:
        found = find(teacher.name, "config.json", revision=teacher.revision or None)
    except (OSError, ValueError) as error:
        why = str(error).partition("\n")[0]
        raise Misconfigured(f"[teacher] cannot find {teacher.name} on the hub: {why}") from None
    return Path(str(found)).parent.name


class _Drawing:
    """A model asked to draw in this way where a request says nothing."""

    def __init__(self, model: Model, sampling: Fields) -> None:
        self.name = model.name
        self._model, self._sampling = model, sampling

    async def stream(self, request: Request) -> AsyncGenerator[Event, None]:
        asked = replace(request, sampling={**self._sampling, **request.sampling})
        async with aclosing(self._model.stream(asked)) as events:
            async for event in events:
                yield event
