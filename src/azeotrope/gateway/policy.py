"""Policies made ready: each one's defense built once over the upstream, and kept by digest. Knows no wire."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from azeotrope import lift
from azeotrope.codec import convert, digest
from azeotrope.errors import Misconfigured
from azeotrope.gateway.settings import Link, Policy, Settings
from azeotrope.gateway.wire.leaks import Rules
from azeotrope.keys import VARIABLE, Key, Master
from azeotrope.ledger import Commitment, promised
from azeotrope.models.remote import Remote
from azeotrope.protocols import Given, Model


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
    marks: bool = False
    """Does it set a customer's mark?"""
    promises: tuple[Commitment, ...] = ()
    """Of the keys whose marks it sets: they stand in the ledger before anything marked leaves."""

    def model(self, stream: bool) -> Model:
        return self.live if stream and not self.buffers else self.whole


class Guards:
    """Every policy, ready. One that sets marks is built for each customer who asks, once, and kept."""

    def __init__(self, settings: Settings, upstream: Model, rewriter: Model | None, master: Master | None) -> None:
        self._upstream, self._rewriter, self._master = upstream, rewriter, master
        self._epoch = settings.marks.epoch
        self._shaped = settings.upstream.shaped
        self._built: dict[str, Guard] = {}
        self._marked: dict[tuple[str, str], Guard] = {}
        """By the policy's digest and the mark's public id."""
        known: dict[str, Guard] = {}
        for name, policy in settings.policies.items():
            key = digest(policy)
            try:
                like = known.get(key) or self._for(name, policy, None)
            except Misconfigured as error:
                raise Misconfigured(f"policy {name!r}: {error}") from None
            known[key] = like
            self._built[name] = replace(like, name=name)

    def of(self, name: str, customer: str) -> Guard | None:
        """The policy's guard for this customer; None where there is no such policy."""
        guard = self._built.get(name)
        if guard is None or not guard.marks or self._master is None:
            return guard
        key = self._master.key(customer, self._epoch)
        made = self._marked.get((guard.digest, key.mark))
        if made is None:
            made = self._marked[guard.digest, key.mark] = self._for(name, guard.policy, key)
        return made if made.name == name else replace(made, name=name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._built)

    def __len__(self) -> int:
        return len(self._built)

    def _for(self, name: str, policy: Policy, key: Key | None) -> Guard:
        """The policy built with a customer's key, or, to see that it can be, with the operator's."""
        given = Given(self._rewriter, policy.seed, policy.fail, policy.fallback)
        if marks := [link.defense for link in policy.chain if lift.marks(link.defense)]:
            if self._master is None:
                raise Misconfigured(
                    f"{marks[0]} needs a master key: make one with `azeotrope keys new FILE` and name it "
                    f"by key_file in [marks], or set {VARIABLE}"
                )
            operator = self._master.operator(self._epoch)
            given = replace(given, key=key or operator, operator=operator)
        made = _guard(name, policy, self._upstream, given, self._shaped)
        return replace(made, promises=_promises(policy, given)) if key else made


def guards(settings: Settings, upstream: Model, rewriter: Model | None, master: Master | None = None) -> Guards:
    """Every policy, ready. Raises `Misconfigured` naming the policy that cannot be."""
    return Guards(settings, upstream, rewriter, master)


def master_key(settings: Settings, environment: Mapping[str, str]) -> Master | None:
    """The master key that the settings or the environment name; None where neither does, or no policy sets marks."""
    if not any(lift.marks(link.defense) for policy in settings.policies.values() for link in policy.chain):
        return None
    if settings.marks.key_file is not None:
        return Master.read(Path(settings.marks.key_file))
    return Master.parse(text, VARIABLE) if (text := environment.get(VARIABLE)) else None


def _promises(policy: Policy, given: Given) -> tuple[Commitment, ...]:
    """One of each key, for each watermark whose suspects are tested against a law."""
    keys = [key for key in (given.operator, given.key) if key]
    offers = [(lift.method(link.defense), link.config) for link in policy.chain if lift.marks(link.defense)]
    laws = [module.law(convert(dict(config or {}), module.Config, "marks")) for module, config in offers
            if hasattr(module, "law")]  # fmt: skip
    return tuple(promised(key, law) for law in laws for key in keys)


def _guard(name: str, policy: Policy, upstream: Model, given: Given, already: bool) -> Guard:
    """already: the upstream's logits are shaped where it runs."""
    lift.fit_for_readers(*(link.defense for link in policy.chain))
    whole = lift.linked([(link.defense, link.config) for link in policy.chain], given)(upstream)
    offers = [lift.method(link.defense) for link in policy.chain]
    rewrites = any(hasattr(module, "rewrite") for module in offers)
    buffers = policy.streaming == "buffer" or (policy.streaming is None and rewrites)
    live = lift.withholding()(upstream) if rewrites else whole
    shaped = already or any(hasattr(module, "shape") for module in offers)
    rules = Rules(policy.top_logprobs, policy.allow_prefill, shaped, policy.greedy)
    forwards = (
        policy.chain == (Link("none"),)
        and not policy.recorded
        and not policy.logprob_step
        and not policy.greedy
        and isinstance(upstream, Remote)
    )
    marks = any(lift.marks(link.defense) for link in policy.chain)
    return Guard(name, policy, digest(policy), whole, live, rules, forwards, buffers, marks)
