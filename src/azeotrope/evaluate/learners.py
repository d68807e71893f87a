"""From a recipe in words to a `Learner`: the one place where a kind of student is named."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, cast

from msgspec import to_builtins

from azeotrope.codec import convert
from azeotrope.errors import Misconfigured
from azeotrope.evaluate.plan import Learning
from azeotrope.types import Fields, Record

if TYPE_CHECKING:
    from azeotrope.models.dialect import Dialect
    from azeotrope.training import Learner

KINDS = {
    "tiny": ("azeotrope.training.tiny", "Tiny", "TinyLearner"),
    "hub": ("azeotrope.training.hub", "Hub", "HubLearner"),
    "tuned": ("azeotrope.training.tuned", "Tuned", "TunedLearner"),
}
"""kind -> (module, config, learner): the learner is made of (config, tokenizer, dialect=...)."""


def learning(table: object, place: str) -> Learning:
    """A table of kind, tokenizer and the kind's own members. Raises `Misconfigured` naming the member at fault."""
    members = dict(convert(table, Fields, place))
    kind, tokenizer = members.pop("kind", "tiny"), members.pop("tokenizer", "")
    if not isinstance(kind, str) or not isinstance(tokenizer, str):
        raise Misconfigured(f"{place}: kind and tokenizer are text")
    return Learning(kind, checked(kind, members, place), tokenizer)


def checked(kind: str, recipe: Fields, place: str) -> Fields:
    """The recipe as the kind's config has it, defaults filled in. `kind`: one of `KINDS`, or `package.module:name`
    of a function (config, tokenizer, dialect=...) -> learner of your own, whose module holds its `Config`."""
    return to_builtins(convert(recipe, _parts(kind, place)[0], place))


def learner(kind: str, recipe: Fields, tokenizer: str, dialect: Dialect) -> Learner:
    """The learner. `tokenizer`: a folder or a hub name, for kinds whose students are made from nothing."""
    config, make = _parts(kind, "[learner]")
    return make(convert(recipe, config, "[learner]"), tokenizer, dialect=dialect)


def _parts(kind: str, place: str) -> tuple[type[Record], Any]:
    if kind in KINDS:
        home, config, make = KINDS[kind]
    elif ":" in kind:
        home, _, make = kind.partition(":")
        config = "Config"
    else:
        raise Misconfigured(
            f"{place}: no kind of learner called {kind!r}; there are: {', '.join(KINDS)}; "
            "your own is package.module:name"
        )
    try:
        module = importlib.import_module(home)
        return cast(type[Record], getattr(module, config)), getattr(module, make)
    except (ImportError, AttributeError) as error:
        raise Misconfigured(f"{place}: the learner {kind!r} cannot be loaded: {error}") from None
