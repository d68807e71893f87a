"""Tiny random weights that read bytes, and a chat model's folder around them: no download."""

from pathlib import Path
from typing import Any

import pytest

from azeotrope.training import Example
from azeotrope.types import Request

CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' }}{% if message['role'] == 'assistant' %}"
    "{% generation %}{{ message['content'] + '<|im_end|>' }}{% endgeneration %}{% else %}"
    "{{ message['content'] + '<|im_end|>' }}{% endif %}{{ '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
UNMARKED = CHATML.replace("{% generation %}", "").replace("{% endgeneration %}", "")


@pytest.fixture(scope="session")
def alphabet() -> Any:
    """A tokenizer of 256 bytes, <pad> and <eos>."""
    from azeotrope.training.tokenizer import trained

    return trained((), r"\d")


@pytest.fixture(scope="session")
def chat(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained two-layer Llama for chat; what fills is what ends, as in many a tuned model."""
    from azeotrope.training.tiny import Tiny, TinyLearner
    from azeotrope.training.tokenizer import trained

    tokenizer = trained((), r"\d")
    tokenizer.split_special_tokens = False
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>"]})
    tokenizer.eos_token = tokenizer.pad_token = "<|im_end|>"
    tokenizer.chat_template = UNMARKED
    net = TinyLearner(Tiny(hidden=32, layers=2, heads=2, intermediate=64), tokenizer, device="cpu").fresh(3).net
    folder = tmp_path_factory.mktemp("chat")
    net.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def lessons() -> list[Example]:
    """Sums of all lengths, worked out."""
    return [
        Example(Request.of(f"{at} + {at * at} = ?"), f"Step 1: {at}\n" * (1 + at % 3), f"\\boxed{{{at + at * at}}}")
        for at in range(24)
    ]
