"""Names of request members that would leak past a defense, and why: ours, and other servers' for the same. Pure.

Toggles that only ask for less or more reasoning (`reasoning_effort`, `reasoning`, `include_reasoning`) are not here:
the reasoning they bring is held like any other.
"""

from __future__ import annotations

from azeotrope.types import Fields

_PROMPT = "it returns or replays tokens that no defense has seen"
_HIDDEN = "it returns the model's internals beside the text"
_BYPASS = "it runs the client's code or search where a defense or a mark works"
_TEMPLATE = "the template decides what is reasoning and what is answer"
_ENDS = "it can stop at the mark between reasoning and answer, and the reasoning would pass for the answer"
BANS = "it can forbid the mark between reasoning and answer, and the reasoning would pass for the answer"
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
    "bad_words": BANS,
    "allowed_token_ids": BANS,
    "grammar": BANS + "; use response_format",
    "ebnf": BANS + "; use response_format",
    "regex": BANS + "; use response_format",
    "guided_regex": BANS + "; use response_format",
    "guided_grammar": BANS + "; use response_format",
    "structural_tag": BANS + "; use response_format",
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
    "allowed_tokens": BANS,
    "bad_token_ids": BANS,
    "bad_words_ids": BANS,
    "banned_strings": BANS,
    "banned_tokens": BANS,
    "begin_suppress_tokens": BANS,
    "custom_token_bans": BANS,
    "embedding_bias": BANS,
    "encoder_no_repeat_ngram_size": BANS,
    "no_repeat_ngram_size": BANS,
    "sequence_bias": BANS,
    "suppress_tokens": BANS,
    "token_ban_ranges": BANS,
    "negative_prompt": BANS,
    "grammar_string": BANS + "; use response_format",
    "grammar_json_functions": BANS + "; use response_format",
    "guided_whitespace_pattern": BANS + "; use response_format",
    "regex_pattern": BANS + "; use response_format",
    "whitespace_pattern": BANS + "; use response_format",
    "force_words_ids": BANS + "; use response_format",
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
NESTS = ("extra_body", "extra_args", "sampling_params", "structured_outputs", "options", "parameters", "nvext")
"""Members under which some servers look for further ones."""
