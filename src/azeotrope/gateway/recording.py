"""A release is recorded before its last byte leaves, or does not leave: unless the policy fails open. Knows no wire."""

from __future__ import annotations

import time
from collections.abc import Sequence

from msgspec.structs import replace

from azeotrope.errors import Unavailable
from azeotrope.gateway.call import Call, Means
from azeotrope.gateway.failures import Rejected
from azeotrope.ledger import Entry
from azeotrope.types import Trace


async def record(means: Means, call: Call, traces: Sequence[Trace]) -> None:
    """Returns when the release may go out. Raises `Rejected` (503) when it may not."""
    assert call.guard is not None
    began = time.perf_counter()
    if call.guard.policy.recorded:
        await _append(means, call, traces)
    means.metrics.released(call.guard.name, traces, (time.perf_counter() - began) * 1e3)


async def _append(means: Means, call: Call, traces: Sequence[Trace]) -> None:
    assert call.guard is not None and call.customer is not None and means.ledger is not None
    promises = call.guard.promises
    try:
        await means.ledger.append(*means.promises.missing(promises), *_entries(call, traces))
        means.promises.keep(promises)
    except Unavailable as error:
        lost = call.guard.policy.fail == "open"
        means.log.error("ledger_unavailable", request=call.id, policy=call.guard.name, why=str(error), released=lost)
        if not lost:
            raise Rejected(
                503, "this response cannot be recorded, so it is not released", "ledger_unavailable", retry_after=5
            ) from None
        means.metrics.lost.inc(len(traces))


async def record_part(means: Means, call: Call, traces: Sequence[Trace]) -> None:
    """Records what had gone out of a response that was cut short: leaving early must not leave less of a record."""
    assert call.guard is not None
    try:
        await record(means, call, [replace(trace, finish="cut") for trace in traces])
    except Rejected:
        means.metrics.lost.inc(len(traces))


def _entries(call: Call, traces: Sequence[Trace]) -> list[Entry]:
    assert call.guard is not None and call.customer is not None
    name, policy = call.customer.name, f"{call.guard.name}@{call.guard.digest[:16]}"
    return [
        Entry.of(trace, request_id=call.id, customer=name, policy=policy, started=call.started, choice=choice)
        for choice, trace in enumerate(traces)
    ]
