"""How a request becomes the text a model goes on from, and a response the text it is to write. Knows no weights."""

from __future__ import annotations

from typing import Any, Protocol, cast

from azeotrope.errors import Misconfigured, Refused
from azeotrope.models.text import Policy, split
from azeotrope.types import Message, Record, Request

OPEN = "<think>"


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
        """What the model goes on from."""
        return "".join(self.parts(request, template))

    def parts(self, request: Request, template: Template) -> tuple[str, str]:
        """(what the model is told, how its response begins already): a last message of the assistant's is the second.

        Its `reasoning_content`, if it has one, stands where this dialect writes reasoning.
        """
        messages = list(request.messages)
        begun = messages.pop() if messages and messages[-1].get("role") == "assistant" else None
        opening = self._opening([{**message, "content": _text(message)} for message in messages], template)
        if begun is None:
            return opening, ""
        reasoning = begun.get("reasoning_content")
        if isinstance(reasoning, str) and reasoning:
            return opening, self.response(reasoning, _text(begun), opening)
        return opening, _after(opening, _text(begun))

    def _opening(self, messages: list[Message], template: Template) -> str:
        if self.chat:
            return written(template, messages, add_generation_prompt=True)
        asked = [str(message["content"]) for message in messages if message.get("role") == "user"]
        if not asked:
            raise Refused("a plain dialect needs a user's message", param="messages")
        return f"{asked[-1]}\n"

    def response(self, reasoning: str, answer: str, opening: str = "") -> str:
        """What the model is to write for this reasoning and answer, after what it was told."""
        if _thinking(opening) or (self.think and reasoning):
            return _after(opening, f"{OPEN}\n{reasoning.strip()}\n</think>\n\n{answer}")
        return f"{reasoning.rstrip()}\n{answer}" if reasoning else answer

    def told_apart(self, text: str) -> tuple[str, str]:
        """(reasoning, answer) of what a model wrote."""
        return split(text, self.split)


def written(template: Template, messages: list[Message], **how: Any) -> str:
    """The chat as the template writes it. Raises `Misconfigured` where there is none, `Refused` where it objects."""
    if not getattr(template, "chat_template", None):
        raise Misconfigured("this model has no chat template: take one that was tuned for chat, or a plain dialect")
    try:
        return str(template.apply_chat_template(messages, tokenize=False, **how))
    except Exception as error:  # templates raise what they please
        raise Refused(f"the model's chat template objects: {error}", param="messages") from None


def _thinking(opening: str) -> bool:
    """Whether the template has opened the reasoning already (R1 and some Qwen do)."""
    return opening.rstrip().endswith(OPEN)


def _after(opening: str, text: str) -> str:
    """A response's text without the mark that the template has written already."""
    if not (_thinking(opening) and text.lstrip().startswith(OPEN)):
        return text
    text = text.lstrip().removeprefix(OPEN)
    return text.lstrip("\n") if opening.endswith("\n") else text


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
