"""Policies made ready: each one's defense built once over the upstream, and kept by digest. Knows no wire."""

from __future__ import annotations

from dataclasses import dataclass

from azeotrope import catalog, lift
from azeotrope.codec import digest
from azeotrope.errors import Misconfigured
from azeotrope.gateway.settings import Link, Policy, Settings
from azeotrope.gateway.wire.leaks import Rules
from azeotrope.models.remote import Remote
from azeotrope.protocols import Defense, Given, Model


@dataclass(frozen=True, slots=True)
class Guard:
    """A policy at work."""

    name: str
    policy: Policy
    digest: str
    """Of the policy: what the ledger names."""
    whole: Model
    """Answers whole responses, and streams under `buffer`."""
    live: Model
    """Answers streams under `live`: where the defense rewrites, the reasoning is withheld."""
    rules: Rules
    forwards: bool
    """Are bytes forwarded as they are?"""
    buffers: bool
    """Is a stream held until all of it is decided and recorded?"""

    def model(self, stream: bool) -> Model:
        return self.live if stream and not self.buffers else self.whole


def guards(settings: Settings, upstream: Model, rewriter: Model | None) -> dict[str, Guard]:
    """Every policy, ready. Raises `Misconfigured` naming the policy that cannot be."""
    built: dict[str, Guard] = {}
    known: dict[str, Guard] = {}
    for name, policy in settings.policies.items():
        key = digest(policy)
        try:
            like = known.get(key) or _guard(name, policy, upstream, rewriter)
        except Misconfigured as error:
            raise Misconfigured(f"policy {name!r}: {error}") from None
        known[key] = like
        built[name] = Guard(name, policy, key, like.whole, like.live, like.rules, like.forwards, like.buffers)
    return built


def _guard(name: str, policy: Policy, upstream: Model, rewriter: Model | None) -> Guard:
    lift.fit_for_readers(*(link.defense for link in policy.chain))
    given = Given(rewriter=rewriter, seed=policy.seed, fail=policy.fail, fallback=policy.fallback)
    defend = lift.chain(*(_defense(link, given) for link in policy.chain))
    whole = defend(upstream)
    offers = [catalog.load("defenses", link.defense) for link in policy.chain]
    rewrites = any(hasattr(module, "rewrite") for module in offers)
    buffers = policy.streaming == "buffer" or (policy.streaming is None and rewrites)
    live = lift.withholding()(upstream) if rewrites else whole
    rules = Rules(policy.top_logprobs, policy.allow_prefill, any(hasattr(module, "shape") for module in offers))
    forwards = policy.chain == (Link("none"),) and not policy.recorded and isinstance(upstream, Remote)
    return Guard(name, policy, digest(policy), whole, live, rules, forwards, buffers)


def _defense(link: Link, given: Given) -> Defense:
    return lift.defense(link.defense, link.config, given)
