"""A tiny random model that reads bytes: no training, no download."""

from typing import Any

import pytest


@pytest.fixture(scope="session")
def alphabet() -> Any:
    """A tokenizer of 256 bytes, <pad> and <eos>."""
    from azeotrope.training.tokenizer import trained

    return trained((), r"\d")


@pytest.fixture(scope="session")
def tiny(alphabet: Any) -> Any:
    """An untrained two-layer Llama as a model, in float64 so that only real differences differ."""
    from azeotrope.training.tiny import Tiny, TinyLearner

    recipe = Tiny(hidden=32, layers=2, heads=4, intermediate=64, max_tokens=24)
    model = TinyLearner(recipe, alphabet, device="cpu").fresh(7)
    model.net.double()
    return model
