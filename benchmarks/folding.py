"""What a folded purifier costs where llama.cpp serves it: tokens a second over the same model with a head of its own.

Folding adds no work, but it unties the head from the embeddings: the file grows by a head, and where that is of a wider
type than the embeddings were, more is read for every token. So the folded file stands beside the same file untied and
not folded, in F16 and in Q8_0, and beside the model as it comes. Tokens per second of processor time, one thread, by
turns: every contender is loaded once in each round. `python -m benchmarks folding`.
"""

# xllamacpp has no types:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from azeotrope.fit.folding import Head, write_gguf
from azeotrope.math.lowrank import LowRank
from azeotrope.models import weights
from benchmarks.records import Figure

RANK, SIZE, TOKENS = 32, 49_152, 32
HEADS: tuple[Head, ...] = ("f16", "q8_0")


def measure(rounds: int, *, told: Callable[[str], None]) -> Iterator[Figure]:
    """Each round: every file loaded, asked for so many tokens, and let go."""
    source = weights.find(weights.DEFAULT).path
    with TemporaryDirectory() as place:
        files = {"tied, as it comes": source}
        for head in HEADS:
            for name, strength in (("untied", 0.0), ("folded", 0.1)):
                files[f"{name} {head}"] = Path(place, f"{name}-{head}.gguf")
                write_gguf(source, _drawn(strength), files[f"{name} {head}"], head)
        for round_ in range(rounds):
            for name, path in files.items():
                speed = tokens_a_second(path)
                told(f"{name}: {speed:.1f} tokens per processor second, {path.stat().st_size / 1e6:.0f} MB")
                yield Figure("decoded_per_cpu_second", name, round_, speed)


def tokens_a_second(path: Path) -> float:
    """Of processor time, over one response that is not let end; the prompt is read before."""
    xllamacpp: Any = import_module("xllamacpp")
    settings = xllamacpp.CommonParams()
    settings.model.path, settings.n_ctx, settings.n_parallel, settings.warmup = str(path), 128, 1, False
    settings.cpuparams.n_threads, settings.verbosity = 1, -1
    server = xllamacpp.Server(settings)

    def seconds(tokens: int) -> float:
        began = time.process_time()
        said = server.handle_completions(
            {"prompt": "Once upon a time", "max_tokens": tokens, "temperature": 0.0, "ignore_eos": True}
        )
        assert said["usage"]["completion_tokens"] == tokens, said
        return time.process_time() - began

    seconds(4)
    return TOKENS / (seconds(TOKENS + 1) - seconds(1))


def _drawn(strength: float) -> LowRank:
    draw = torch.Generator().manual_seed(0)
    return LowRank(torch.randn(SIZE, RANK, generator=draw), strength / SIZE * torch.randn(RANK, SIZE, generator=draw))
