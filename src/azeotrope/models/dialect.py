"""How a request becomes the text a model goes on from, and a response the text it is to write. Knows no weights."""

from __future__ import annotations

from typing import Any, Protocol, cast

from azeotrope.errors import Refused
from azeotrope.models.text import Policy, split
from azeotrope.types import Message, Record, Request


class Template(Protocol):
    """The part of a Hugging Face tokenizer that writes chats."""

    def apply_chat_template(self, conversation: Any, **how: Any) -> Any: ...


class Dialect(Record, frozen=True):
    """Plain text, or the tokenizer's chat template; reasoning in tags or not."""

    chat: bool = False
    """Written by the tokenizer's chat template; else the last user message and a line feed."""
    think: bool = False
    """Reasoning stands between <think> tags; else right before the answer."""
    split: Policy = "span"
    """How a response's text is told apart."""

    def prompt(self, request: Request, template: Template) -> str:
        """What the model goes on from. A last message of the assistant's is its own beginning (prefill)."""
        messages = [{**message, "content": _text(message)} for message in request.messages]
        begun = bool(messages) and messages[-1].get("role") == "assistant"
        if self.chat:
            return str(
                template.apply_chat_template(
                    messages, tokenize=False, add_generation_prompt=not begun, continue_final_message=begun
                )
            )
        beginning = str(messages[-1]["content"]) if begun else ""
        asked = [str(message["content"]) for message in messages if message.get("role") == "user"]
        if not asked:
            raise Refused("a plain dialect needs a user's message", param="messages")
        return f"{asked[-1]}\n{beginning}"

    def response(self, reasoning: str, answer: str) -> str:
        """What the model is to write for this reasoning and answer."""
        if not reasoning:
            return answer
        if self.think:
            return f"<think>\n{reasoning.strip()}\n</think>\n\n{answer}"
        return f"{reasoning.rstrip()}\n{answer}"

    def told_apart(self, text: str) -> tuple[str, str]:
        """(reasoning, answer) of what a model wrote."""
        return split(text, self.split)


def _text(message: Message) -> str:
    """A message's text; parts that are not text cannot be read by these models."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    parts = cast(list[Any], content) if isinstance(content, list) else []
    texts = [cast(dict[str, Any], part).get("text") for part in parts if isinstance(part, dict)]
    if len(texts) != len(parts) or not all(isinstance(text, str) for text in texts):
        raise Refused("this model reads text only", param="messages")
    return "".join(cast(list[str], texts))
