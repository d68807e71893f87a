"""Finish reasons: which of them say that a model ended by itself. Pure; knows no response.

Fails closed: a reason that is not known here is a cut (`length`, `abort`, `model_length`, `MAX_TOKENS`, `error`,
`insufficient_system_resource`, `content_filter`, ..., and those of next year).
"""

from __future__ import annotations

_WHOLE = frozenset({
    "stop",  # OpenAI and most; Gemini in capitals. Also for a client's own stop string: who asked knows
    "tool_calls", "tool_call", "tool_use",  # OpenAI; Cohere; Anthropic, Bedrock
    "function_call",
    "eos", "eos_token",  # TGI, watsonx
    "end_turn",  # Anthropic, Bedrock
    "complete",  # Cohere
})  # fmt: skip


def whole(reason: str) -> bool:
    """Whether a response with this finish reason is all that the model had to say."""
    return reason.lower().replace("-", "_") in _WHOLE
