"""Finds a reasoning that a row repeats where nothing protects it. Knows texts and places, no shape of a row."""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Iterator
from functools import cached_property
from typing import Any, cast

from azeotrope.models.columns.layout import Layout
from azeotrope.models.columns.places import Path, Turn
from azeotrope.types import Fields

_PROBE = 60
"""Characters from the midst of a reasoning by which a copy of it is recognised."""


def copy_in(layout: Layout, row: Fields, turns: Iterable[Turn], said: Iterable[Path]) -> str:
    """The name of a column that repeats a long piece of some reasoning word for word, at any depth, or "".

    What is `said` at these places (an answer, a question, a call) may quote it, in a column that holds reasoning; so
    may the row's own answer and question.
    """
    turns = list(turns)
    spots = {spot.path for turn in turns for spot in turn.spots}
    columns = {path[0] for path in spots}
    passed = spots.union(path for path in said if path[0] in columns or len(path) == 1)
    probes = _Probes([probe for turn in turns if (probe := _probe(turn.trace.reasoning))])
    if not probes.plain:
        return ""
    for column, value in row.items():
        if column not in layout.keep and any(map(probes.stand_in, _texts((column,), value, passed))):
            return column
    return ""


def _probe(reasoning: str) -> str:
    middle = max(0, len(reasoning) - _PROBE) // 2
    return reasoning[middle : middle + _PROBE] if len(reasoning) >= _PROBE else ""


class _Probes:
    """Pieces of reasoning to be found in other texts; how they read inside JSON is worked out where one could be."""

    def __init__(self, plain: list[str]) -> None:
        self.plain = plain

    @cached_property
    def escaped(self) -> frozenset[str]:
        return frozenset[str]().union(*map(_as_json, self.plain))

    def stand_in(self, text: str) -> bool:
        """Whether any is in the text, as it is or, where the text could hold JSON, escaped."""
        if len(text) < _PROBE:
            return False
        return any(probe in text for probe in self.plain) or (
            "\\" in text and any(form in text for form in self.escaped)
        )


def _as_json(probe: str) -> frozenset[str]:
    """The probe as it reads inside a JSON string, and inside one within one; letters beyond ASCII escaped or not."""
    once = {json.dumps(probe, ensure_ascii=plain)[1:-1] for plain in (True, False)}
    twice = {json.dumps(text, ensure_ascii=plain)[1:-1] for text in once for plain in (True, False)}
    return frozenset((once | twice) - {probe})


def _texts(path: Path, value: Any, passed: Container[Path]) -> Iterator[str]:
    """Every text inside a value, members' names among them, but what stands at these places."""
    if path in passed:
        return
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, member in cast(Fields, value).items():
            yield key
            yield from _texts((*path, key), member, passed)
    elif isinstance(value, list):
        for i, item in enumerate(cast(list[Any], value)):
            yield from _texts((*path, i), item, passed)
