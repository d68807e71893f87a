"""What would leak past a defense: request members that are refused by name, inbound reasoning that is dropped.

Pure; knows no defense by name. Toggles that only ask for less or more reasoning (`reasoning_effort`, `reasoning`,
`include_reasoning`) pass: the reasoning they bring is held like any other.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any, TypeVar, cast

from msgspec import Struct

from azeotrope.errors import Refused
from azeotrope.gateway.wire import stops
from azeotrope.models import channels
from azeotrope.models.text import Piece, Splitter
from azeotrope.models.text.marks import candidate
from azeotrope.types import Fields, Message

R = TypeVar("R")


class Rules(Struct, frozen=True):
    """What a policy allows."""

    top_logprobs: int = 0
    prefill: bool = False
    shaped: bool = False
    """Is a shape active on the logits?"""
    greedy: bool = False
    """Is every response the likeliest text?"""


_PROMPT = "it returns or replays tokens that no defense has seen"
_HIDDEN = "it returns the model's internals beside the text"
_BYPASS = "it runs the client's code or search where a defense or a mark works"
_TEMPLATE = "the template decides what is reasoning and what is answer"
_ENDS = "it can stop at the mark between reasoning and answer, and the reasoning would pass for the answer"
_BANS = "it can forbid the mark between reasoning and answer, and the reasoning would pass for the answer"
_PARSES = "the operator decides how reasoning is told from the answer"
_TOKENS = "it puts tokens past the template, which decides what is reasoning; send messages"
_MOUTH = "it puts words into the model's mouth"

SWITCHES = {
    "echo": _PROMPT,
    "return_token_ids": _PROMPT,
    "return_tokens": _PROMPT,
    "return_tokens_as_token_ids": _PROMPT,
    "return_prompt_text": _PROMPT,
    "return_hidden_states": _HIDDEN,
    "return_routed_experts": _HIDDEN,
    "use_beam_search": _BYPASS,
    "continue_final_message": _MOUTH,
    "continue_": _MOUTH,
}
"""Harmless when false."""

NAMES = {
    "prompt_logprobs": _PROMPT,
    "logprob_token_ids": _PROMPT,
    "n_probs": _HIDDEN,
    "post_sampling_probs": _HIDDEN,
    "custom_logit_processor": _BYPASS,
    "custom_params": _BYPASS,
    "logits_processors": _BYPASS,
    "vllm_xargs": _BYPASS,
    "watermark": "marking is the operator's to decide",
    "watermarking": "marking is the operator's to decide",
    "chat_template": _TEMPLATE,
    "chat_template_kwargs": _TEMPLATE + "; to ask for less reasoning use reasoning_effort",
    "skip_special_tokens": "special tokens are what marks reasoning",
    "reasoning_format": "it moves reasoning into the answer",
    "reasoning_in_content": "it moves reasoning into the answer",
    "reasoning_parser": _PARSES,
    "parse_reasoning": _PARSES,
    "stop_token_ids": _ENDS,
    "stop_regex": _ENDS,
    "stop_sequences": _ENDS + "; use stop",
    "bad_words": _BANS,
    "allowed_token_ids": _BANS,
    "grammar": _BANS + "; use response_format",
    "ebnf": _BANS + "; use response_format",
    "regex": _BANS + "; use response_format",
    "guided_regex": _BANS + "; use response_format",
    "guided_grammar": _BANS + "; use response_format",
    "structural_tag": _BANS + "; use response_format",
    "input_ids": _TOKENS,
    "prompt_token_ids": _TOKENS,
    "return_prompt_token_ids": _PROMPT,
    "chat_format": _PARSES,
    "chat_parser": _PARSES,
    "thinking_forced_open": _PARSES,
    "generation_config": _BYPASS,
}
"""Refused whatever they hold, but null."""

FILLED = {
    "allowed_tokens": _BANS,
    "bad_token_ids": _BANS,
    "bad_words_ids": _BANS,
    "banned_strings": _BANS,
    "banned_tokens": _BANS,
    "begin_suppress_tokens": _BANS,
    "custom_token_bans": _BANS,
    "embedding_bias": _BANS,
    "encoder_no_repeat_ngram_size": _BANS,
    "no_repeat_ngram_size": _BANS,
    "sequence_bias": _BANS,
    "suppress_tokens": _BANS,
    "token_ban_ranges": _BANS,
    "negative_prompt": _BANS,
    "grammar_string": _BANS + "; use response_format",
    "grammar_json_functions": _BANS + "; use response_format",
    "guided_whitespace_pattern": _BANS + "; use response_format",
    "regex_pattern": _BANS + "; use response_format",
    "whitespace_pattern": _BANS + "; use response_format",
    "force_words_ids": _BANS + "; use response_format",
    "custom_stopping_strings": _ENDS + "; use stop",
    "end_id": _ENDS,
    "eos_token_id": _ENDS,
    "forced_eos_token_id": _ENDS,
    "adapter": _TEMPLATE,
    "character": _TEMPLATE,
    "chat_instruct_command": _TEMPLATE,
    "chat_template_str": _TEMPLATE,
    "instruction_template": _TEMPLATE,
    "instruction_template_str": _TEMPLATE,
    "jinja_kwargs": _TEMPLATE,
    "prompt_template": _TEMPLATE,
    "template": _TEMPLATE,
    "template_kwargs": _TEMPLATE + "; to ask for less reasoning use reasoning_effort",
    "template_vars": _TEMPLATE + "; to ask for less reasoning use reasoning_effort",
    "assistant_prefill": _MOUTH,
    "forced_bos_token_id": _MOUTH,
    "forced_decoder_ids": _MOUTH,
    "generation_prompt": _MOUTH,
    "reasoning_budget_end": _MOUTH,
    "reasoning_budget_message": _MOUTH,
    "response_prefix": _MOUTH,
    "token_healing": "it writes the prompt's end anew, where a mark of reasoning may stand",
    "context": _TOKENS,
    "prompt": _TOKENS,
    "prompt_embeds": _TOKENS,
    "raw": _TOKENS,
    "raw_prompting": _TOKENS,
    "session_params": _TOKENS,
    "token_data": _TOKENS,
    "use_raw_prompt": _TOKENS,
    "decoder_input_details": _PROMPT,
    "echo_last": _PROMPT,
    "raw_output": _PROMPT,
    "return_full_text": _PROMPT,
    "return_context_logits": _HIDDEN,
    "return_generation_logits": _HIDDEN,
    "top_n_tokens": _HIDDEN,
    "logits_processor": _BYPASS,
}
"""Refused unless they are empty, false or 0, as many clients send them: other servers' names for the same."""

STOPS = ("stop", "stop_sequence", "stop_strings", "stopping_strings")
"""Texts to stop at, by any server's name."""
MOST_STOPS = 128
"""Texts to stop at: each is held against every mark."""

RISKY_WHEN_FALSE = {
    "add_generation_prompt": _MOUTH,
    "separate_reasoning": "it moves reasoning into the answer",
    "do_preprocess": _TEMPLATE,
}

DECIDING_NOTHING = frozenset({
    "messages", "model", "stream", "stream_options", "max_tokens", "max_completion_tokens", "stop", "n", "seed",
    "temperature", "top_p", "top_k", "min_p", "logprobs", "top_logprobs", "tools", "tool_choice", "parallel_tool_calls",
    "functions", "function_call", "response_format", "reasoning_effort", "user", "metadata", "store", "service_tier",
    "safety_identifier", "prompt_cache_key", "continue_final_message", "add_generation_prompt",
})  # fmt: skip
"""Members that leave the likeliest text what it is, or have a rule of their own: all that a greedy policy allows."""
NEUTRAL: Fields = {
    "presence_penalty": 0, "frequency_penalty": 0, "repetition_penalty": 1, "repeat_penalty": 1, "dry_multiplier": 0,
    "logit_bias": {},
}  # fmt: skip
"""What moves chosen tokens' logits, and where it moves none. A penalty does it to whatever the prompt or the response
already says, which is the client's to choose: as good as a bias."""

MOST_BIASES = 16
"""Tokens that may be biased: raising most of a vocabulary is lowering the rest."""
_FORMATS = ("text", "json_object", "json_schema")
NESTS = ("extra_body", "extra_args", "sampling_params", "structured_outputs", "options", "parameters", "nvext")
"""Members under which some servers look for further ones."""

INBOUND = frozenset(channels.NAMES) | {"encrypted_content", "reasoning_signature", "thought_signature"}
"""Members of a message that carry reasoning back."""
_INBOUND_PARTS = frozenset({"thinking", "redacted_thinking", "reasoning", "thought"})
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
        raise _refused(where, f"it biases more than {MOST_BIASES} tokens; {_BANS}")
    if any(isinstance(bias, bool) or not isinstance(bias, int | float) or bias < 0 for bias in biases):
        raise _refused(where, f"only an object of numbers that are not negative is; else {_BANS}")


def _check_format(value: Any, where: str) -> None:
    """A schema shapes the answer alone; some servers also take grammars here."""
    if isinstance(value, dict) and cast(Fields, value).get("type", "text") not in _FORMATS:
        raise _refused(where, f"its type is none of {', '.join(_FORMATS)}; {_BANS}")


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


Steps = Generator[int, None, R]
"""Work in small steps, so that whoever is served beside it need not wait for its end: each says how many characters it
has read, or what takes as long."""

STEP = 1 << 14
"""Most characters that one step reads: at a microsecond each, where every one of them belongs to a mark."""


def cleaning(messages: list[Message]) -> Steps[list[Message]]:
    """The messages without reasoning that comes back: members of any name, parts, and tagged text of the assistant."""
    out: list[Message] = []
    for message in messages:
        if message.get("role") == "assistant" or not INBOUND.isdisjoint(message):
            message = yield from _clean(message)
        out.append(message)
        yield 1
    return out


def _clean(message: Message) -> Steps[Message]:
    out = {name: value for name, value in message.items() if name not in INBOUND}
    if message.get("role") != "assistant":
        return out
    content = out.get("content")
    if isinstance(content, str):
        out["content"] = yield from _untagged(content)
    elif isinstance(content, list):
        out["content"] = yield from _parts(cast(list[Any], content))
    return out


def _parts(parts: list[Any]) -> Steps[list[Any]]:
    out: list[Any] = []
    for part in parts:
        fields = cast(Fields, part) if isinstance(part, dict) else {}
        text = fields.get("text")
        if fields.get("type") not in _INBOUND_PARTS:
            out.append({**fields, "text": (yield from _untagged(text))} if isinstance(text, str) else part)
        yield 1
    return out


def _untagged(text: str) -> Steps[str]:
    if len(text) <= STEP and candidate(text, 0) == len(text):
        yield len(text)
        return text
    splitter, pieces = Splitter("tags"), list[Piece]()
    for at in range(0, len(text), STEP):
        pieces += splitter.feed(text[at : at + STEP])
        yield STEP
    return "".join(piece.text for piece in [*pieces, *splitter.close()] if piece.kind == "answer")
