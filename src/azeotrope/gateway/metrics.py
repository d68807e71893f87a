"""What is counted, in Prometheus' words. Knows no content: labels are policies, outcomes and names of checks."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from azeotrope.types import Trace

CONTENT_TYPE = CONTENT_TYPE_LATEST.encode()
_BUCKETS = (0.5, 1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000)


class Metrics:
    """One gateway's counters; label values are bound once and kept."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.in_flight = Gauge("azeotrope_requests_in_flight", "Requests being served.", registry=self._registry)
        self.lost = Counter(
            "azeotrope_ledger_lost", "Releases that went out unrecorded (fail = open).", registry=self._registry
        )
        self.lost.inc(0)
        requests = self._counter("requests", "Requests by outcome.", "policy", "outcome")
        reasoning = self._counter("reasoning", "What became of the reasoning.", "policy", "outcome")
        checks = self._counter("check_failures", "Failed checks of rewrites, by name.", "policy", "check")
        tokens = self._counter("tokens", "Tokens as the upstream counted them.", "policy", "kind")
        added = Histogram(
            "azeotrope_added_milliseconds", "Time added by rewriting and recording.", ("policy",),
            registry=self._registry, buckets=_BUCKETS)  # fmt: skip
        self._requests, self._reasoning, self._checks, self._tokens = map(_bound, (requests, reasoning, checks, tokens))
        self._added = _bound(added)

    def _counter(self, name: str, what: str, *labels: str) -> Counter:
        return Counter(f"azeotrope_{name}", what, labels, registry=self._registry)

    def request(self, policy: str, outcome: str) -> None:
        self._requests(policy, outcome).inc()

    def released(self, policy: str, traces: Sequence[Trace], recording_ms: float) -> None:
        """Counts what was done to the traces of one response."""
        added = recording_ms
        for trace in traces:
            for step in trace.lineage:
                self._reasoning(policy, step.outcome).inc()
                added += step.cost.milliseconds
                self._spent(policy, "rewriter_input", step.cost.tokens_in)
                self._spent(policy, "rewriter_output", step.cost.tokens_out)
                for check in step.failures:
                    self._checks(policy, check).inc()
        usage = traces[0].usage or {}
        self._spent(policy, "input", usage.get("prompt_tokens"))
        self._spent(policy, "output", usage.get("completion_tokens"))
        self._added(policy).observe(added)

    def _spent(self, policy: str, kind: str, tokens: Any) -> None:
        if isinstance(tokens, int) and tokens > 0:
            self._tokens(policy, kind).inc(tokens)

    def page(self) -> bytes:
        return generate_latest(self._registry)


def _bound(metric: Any) -> Any:
    """labels() with a memory. Labels come from settings and code, never from a client, so they are few."""
    return lru_cache(maxsize=4096)(metric.labels)
