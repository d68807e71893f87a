"""What would leak past a defense is refused, by the member's name or by what it holds. Pure; knows no defense."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from msgspec import Struct

from azeotrope.errors import Refused
from azeotrope.gateway.wire import stops
from azeotrope.gateway.wire.refused import (
    BANS,
    DECIDING_NOTHING,
    FILLED,
    MOST_BIASES,
    MOST_STOPS,
    NAMES,
    NESTS,
    NEUTRAL,
    RISKY_WHEN_FALSE,
    STOPS,
    SWITCHES,
)  # fmt: skip
from azeotrope.types import Fields


class Rules(Struct, frozen=True):
    """What a policy allows."""

    top_logprobs: int = 0
    prefill: bool = False
    shaped: bool = False
    """Is a shape active on the logits?"""
    greedy: bool = False
    """Is every response the likeliest text?"""


_FORMATS = ("text", "json_object", "json_schema")
_DEPTH = 4


def refuse(fields: Fields, rules: Rules, where: str = "", depth: int = 0) -> None:
    """Raises `Refused` naming the first member that would leak."""
    _check_spelling(fields, where)
    for name in fields.keys() & _WATCHED:
        _check(name, fields[name], rules, where + name)
    if not depth:
        if rules.greedy:
            _check_greedy(fields)
        _prefill(cast(list[Any], fields.get("messages") or []), rules)
    for nest in NESTS:
        if isinstance(inner := fields.get(nest), dict):
            if depth >= _DEPTH:
                raise _refused(where + nest, "it is nested too deeply")
            refuse(cast(Fields, inner), rules, f"{where}{nest}.", depth + 1)


_WATCHED = frozenset({
    *SWITCHES, *NAMES, *FILLED, *STOPS, *RISKY_WHEN_FALSE, *NEUTRAL, "top_logprobs", "logprobs", "messages",
    "response_format",
})  # fmt: skip


def _check_spelling(fields: Fields, where: str) -> None:
    """Some servers read names in any case, and the last of two that they take for one."""
    for name in fields:
        if name not in _WATCHED and name.casefold() in _WATCHED:
            raise _refused(where + name, f"some servers take it for {name.casefold()}, which is checked")


def _check_greedy(fields: Fields) -> None:
    for name, value in fields.items():
        if name not in DECIDING_NOTHING and value is not None and value != NEUTRAL.get(name):
            raise _refused(name, "every response is the likeliest text, and this may change which that is")


def _check(name: str, value: Any, rules: Rules, where: str) -> None:
    """One watched member."""
    if value is None:
        return
    if name in NAMES:
        raise _refused(where, NAMES[name])
    if name in FILLED and value:
        raise _refused(where, FILLED[name])
    if name in SWITCHES and value is not False and not (name == "continue_final_message" and rules.prefill):
        raise _refused(where, SWITCHES[name])
    if name in RISKY_WHEN_FALSE and value is not True and not (name == "add_generation_prompt" and rules.prefill):
        raise _refused(where, RISKY_WHEN_FALSE[name])
    if name in ("top_logprobs", "logprobs"):
        _check_logprobs(name, value, rules, where)
    if name in STOPS:
        _check_stop(value, where)
    if name == "logit_bias" and value:
        _check_bias(value, where)
    if name == "response_format":
        _check_format(value, where)
    if name == "messages" and where != "messages":
        raise _refused(where, "messages belong at the top")


def _check_logprobs(name: str, value: Any, rules: Rules, where: str) -> None:
    if isinstance(value, bool) and name == "logprobs":
        return
    if not isinstance(value, int) or isinstance(value, bool) or value > rules.top_logprobs or value < 0:
        raise Refused(f"{where} may be at most {rules.top_logprobs} here", code="unsupported_value", param=where)


def _check_stop(value: Any, where: str) -> None:
    """Stopping at the mark where reasoning ends makes a server take the reasoning for the answer."""
    texts = cast(list[Any], value) if isinstance(value, list) else [value]
    if len(texts) > MOST_STOPS:
        raise _refused(where, f"it has more than {MOST_STOPS} texts")
    for text in texts:
        if not isinstance(text, str):
            raise _refused(where, "only texts are: a number may be the token of the mark between reasoning and answer")
        if stops.at_a_mark(text):
            raise _refused(where, "it stops at the mark between reasoning and answer")


def _check_bias(value: Any, where: str) -> None:
    """Only a few tokens, and only upwards. Some servers read false as a ban and text as a number."""
    biases = list(cast(Fields, value).values()) if isinstance(value, dict) else [None]
    if len(biases) > MOST_BIASES:
        raise _refused(where, f"it biases more than {MOST_BIASES} tokens; {BANS}")
    if any(isinstance(bias, bool) or not isinstance(bias, int | float) or bias < 0 for bias in biases):
        raise _refused(where, f"only an object of numbers that are not negative is; else {BANS}")


def _check_format(value: Any, where: str) -> None:
    """A schema shapes the answer alone; some servers also take grammars here."""
    if isinstance(value, dict) and cast(Fields, value).get("type", "text") not in _FORMATS:
        raise _refused(where, f"its type is none of {', '.join(_FORMATS)}; {BANS}")


def alternatives(fields: Fields, rules: Rules) -> int | None:
    """How many alternatives a released token may show; None where no logprobs were asked for."""
    everything = flattened(fields)
    if not (logprobs := everything.get("logprobs")):
        return None
    asked = everything.get("top_logprobs")
    if not isinstance(asked, int):
        asked = logprobs
    return 0 if isinstance(asked, bool) or not isinstance(asked, int) else min(asked, rules.top_logprobs)


def refuse_bias(fields: Fields, rules: Rules) -> None:
    """What moves logits is refused where these could be recovered by searching for it: under a shape, or beside
    logprobs. Whichever of two members of one name a server reads."""
    levels = list(_levels(fields))
    shown = any(level.get("logprobs") or level.get("top_logprobs") is not None for level in levels)
    if not rules.shaped and not shown:
        return
    for name, harmless in NEUTRAL.items():
        if any(level.get(name) not in (None, harmless) for level in levels):
            raise _refused(name, "with logprobs or a shape, logits could be recovered by searching for biases")


def flattened(fields: Fields) -> Fields:
    """The members with those of nests beside them."""
    top, *nested = _levels(fields)
    return dict(top) | {name: value for level in nested for name, value in level.items() if value}


def _levels(fields: Fields, depth: int = 0) -> Iterator[Fields]:
    """The members, and those of each nest."""
    yield fields
    for nest in NESTS:
        if depth < _DEPTH and isinstance(inner := fields.get(nest), dict):
            yield from _levels(cast(Fields, inner), depth + 1)


def _prefill(messages: list[Any], rules: Rules) -> None:
    if rules.prefill or not messages:
        return
    if cast(Fields, messages[-1]).get("role") == "assistant":
        raise _refused("messages", "the last message may not be the assistant's: it puts words into the model's mouth")
    if any(cast(Fields, message).get("prefix") or cast(Fields, message).get("partial") for message in messages):
        raise _refused("messages", "prefix puts words into the model's mouth")


def _refused(name: str, why: str) -> Refused:
    return Refused(f"{name} is not allowed here: {why}", code="unsupported_parameter", param=name)
