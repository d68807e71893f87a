"""What a purifier costs where it is applied as a shape: its processor time over that of the head's own product.

Folded it costs nothing: a head is a head. As a shape it multiplies by 2 r V numbers where the head multiplies by d V:
the share tends to 2 r / d, beside a pass or two over the logits. Heads in float32 on one thread, r = 32.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import torch

from azeotrope.math.lowrank import LowRank, applied
from benchmarks.records import Figure

RANK = 32
HEADS = {
    "V = 49,152, d = 576 (SmolLM2-135M)": (49_152, 576),
    "V = 49,152, d = 2,048 (SmolLM2-1.7B)": (49_152, 2_048),
    "V = 151,936, d = 3,584 (Qwen2.5-7B)": (151_936, 3_584),
}
BATCHES = (1, 8, 64)


@torch.no_grad()
def measure(rounds: int, *, told: Callable[[str], None]) -> Iterator[Figure]:
    """Each round: head and shape by turns, at every size of a batch."""
    torch.set_num_threads(1)
    for name, (size, width) in HEADS.items():
        head = torch.randn(size, width) / width**0.5
        m = LowRank(torch.randn(size, RANK), torch.randn(RANK, size) / size)
        for batch in BATCHES:
            states = torch.randn(batch, width)
            logits = states @ head.T
            for round_ in range(rounds):
                whole, shape = _seconds(lambda s=states, h=head: s @ h.T), _seconds(lambda z=logits, n=m: applied(n, z))
                told(f"{name}, batch {batch}: {1e3 * whole:.1f} ms, shape {1e3 * shape:.1f} ms")
                yield Figure("share_of_head", f"{name}, batch {batch}", round_, shape / whole)
        del head, m


def _seconds(work: Callable[[], object], least: float = 0.3) -> float:
    """Processor seconds of one call, the fastest of as many as take `least` seconds."""
    work()
    found, began = list[float](), time.process_time()
    while not found or time.process_time() - began < least:
        at = time.process_time()
        work()
        found.append(time.process_time() - at)
    return min(found)
