"""The gateway's settings: one TOML file, overridden by the environment, checked before anything starts.

Knows no defense and opens no connection. Secrets are named here (a variable, a file), never held.
"""

from __future__ import annotations

import stat
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, cast

from msgspec import field

from azeotrope.codec import convert, read_toml
from azeotrope.errors import Misconfigured
from azeotrope.models import addresses
from azeotrope.models.patience import Patience
from azeotrope.types import Fields, Record

PREFIX = "AZEOTROPE__"
"""`AZEOTROPE__UPSTREAM__BASE_URL` overrides `base_url` of `[upstream]`."""


class Server(Record, frozen=True):
    """Where the gateway listens, and the limits that keep one client from taking it from the others."""

    host: str = "127.0.0.1"
    port: int = 8080
    body_bytes: int = 32 << 20
    """Largest request body; a larger one is a 413."""
    headers: int = 100
    """Most headers a request may have; more is a 431."""
    header_bytes: int = 32 << 10
    """Most bytes of request line and headers together; more is a 431."""
    header_seconds: float = 20.0
    """A connection that has begun a request and not ended its headers by then is closed."""
    concurrent: int = 2048
    """Requests served at once; one more is a 503 with Retry-After."""
    request_seconds: float = 600.0
    """From first byte to last; after it a 408 (the body did not come), 504 or an error event."""
    keep_alive_seconds: float = 15.0
    """While reasoning is held, a streaming client gets a comment this often."""
    drain_seconds: float = 30.0
    """After SIGTERM, what is in flight has this long to end."""
    buffer_bytes: int = 64 << 10
    """Rendered and not yet sent, per stream; a fuller one stops reading from the upstream."""
    log: Literal["debug", "info", "warning", "error"] = "info"


class Endpoint(Record, frozen=True):
    """A model behind an OpenAI-compatible address."""

    base_url: str
    key_env: str | None = None
    """Environment variable that holds the key."""
    key_file: str | None = None
    """File that holds the key and that nobody else may read."""
    model: str | None = None
    """Asked for instead of what the client names; None leaves the client's choice."""
    reasoning_in_content: Literal["tags", "span", "off"] = "tags"
    think_in_prompt: bool | None = None
    """Is what is cut off before any mark of reasoning a thought: always, never, or (None) as the upstream has shown?"""
    shaped: bool = False
    """Are its logits shaped there already, such as by a purifier? Then no client may search them by biases."""
    patience: Patience = Patience()


class Link(Record, frozen=True):
    """One defense of a chain."""

    defense: str
    config: Fields = field(default_factory=dict[str, Any])


class Policy(Record, frozen=True):
    """What is done to a customer's responses."""

    defense: str | tuple[Link, ...]
    config: Fields = field(default_factory=dict[str, Any])
    streaming: Literal["live", "buffer"] | None = None
    """live: the answer streams as it comes, and a defense that rewrites withholds instead; buffer: all at the end.
    Unset: buffer for a defense that rewrites, live for any other."""
    top_logprobs: int = 0
    """Alternatives per token that a client may ask for."""
    logprob_step: float = 0.0
    """Nats: released log-probabilities are renormalised over the alternatives shown and rounded to multiples of it; 0:
    as they come."""
    greedy: bool = False
    """Every response is the model's likeliest text, whatever a client asks for; members that change what is likely, or
    that are not known here, are refused."""
    fail: Literal["closed", "open"] = "closed"
    fallback: str = "withhold"
    """Tried when a rewrite fails, before `fail`: withhold or terse."""
    ledger: bool | None = None
    """Record every release; unset: yes, but for the defense `none`."""
    allow_prefill: bool = False
    """May a client put words into the model's mouth?"""
    reasoning_field: Literal["reasoning_content", "reasoning"] = "reasoning_content"
    """The member that carries released reasoning."""
    seed: int = 0

    @property
    def chain(self) -> tuple[Link, ...]:
        return self.defense if isinstance(self.defense, tuple) else (Link(self.defense, self.config),)

    @property
    def recorded(self) -> bool:
        return self.ledger if self.ledger is not None else self.chain != (Link("none"),)


class Book(Record, frozen=True):
    """Where releases are recorded."""

    dsn: str = "sqlite:///azeotrope-ledger.db"
    """An SQLite file, or a database's address."""
    key_env: str | None = None
    """Environment variable that holds the key which signs the ledger's heads."""
    key_file: str | None = None
    """File that holds it; `azeotrope ledger key` makes one. Without a key no head is signed."""
    head_seconds: float = 60.0
    """A head is signed this often while there is something new, and at the end."""
    time_authority: str | None = None
    """Address of an RFC 3161 authority that stamps heads; without one, time is self-asserted."""
    stamp_seconds: float = 3600.0
    """A head is stamped this often, and at the end."""


class Clientele(Record, frozen=True):
    """Who may ask, and what applies to whoever has no policy of their own."""

    file: str = "customers.json"
    default_policy: str = "default"


class Marks(Record, frozen=True):
    """What customers' marks are made from, for policies that set them."""

    key_file: str | None = None
    """The master key's file, as `azeotrope keys new` makes it; unset: the variable AZEOTROPE_MASTER_KEY."""
    epoch: int | None = None
    """Whose marks are set; unset: the newest epoch's."""


class Settings(Record, frozen=True):
    """Everything `azeotrope serve` needs. Holds no secret."""

    upstream: Endpoint
    policies: dict[str, Policy]
    server: Server = Server()
    rewriter: Endpoint | None = None
    ledger: Book = Book()
    customers: Clientele = Clientele()
    marks: Marks = Marks()


def sample() -> str:
    """A commented settings file, itself valid."""
    return (files("azeotrope.gateway") / "sample.toml").read_text(encoding="utf-8")


def read(path: Path, environment: Mapping[str, str]) -> Settings:
    """The file's settings with the environment's overrides. Files it names stand relative to its folder."""
    return check(overridden(read_toml(path), environment), str(path), path.parent)


def check(values: Mapping[str, Any], where: str, folder: Path = Path()) -> Settings:
    """A table -> checked settings. Raises `Misconfigured` naming the member at fault."""
    for place in ("upstream", "rewriter", "ledger"):
        if "key" in cast(dict[str, Any], values.get(place) or {}):
            raise Misconfigured(
                f"{where}: [{place}] holds a key; name the variable (key_env) or file (key_file) that holds it instead"
            )
    settings = convert(_anchored(dict(values), folder), Settings, where)
    _check_addresses(settings, where)
    _check_policies(settings, where)
    _check_limits(settings.server, where)
    return settings


def _anchored(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    """File names made relative to the settings' folder."""
    for place, member, usual in (("upstream", "key_file", None), ("rewriter", "key_file", None),
                                 ("ledger", "key_file", None), ("customers", "file", Clientele().file),
                                 ("marks", "key_file", None)):  # fmt: skip
        table = values.get(place, {})
        name = cast(Fields, table).get(member, usual) if isinstance(table, dict) else None
        if isinstance(name, str):
            values[place] = {**cast(Fields, table), member: str(folder / name)}
    book = values.get("ledger", {})
    dsn = cast(Fields, book).get("dsn", Book().dsn) if isinstance(book, dict) else None
    if isinstance(dsn, str):
        values["ledger"] = {**cast(Fields, book), "dsn": _placed(dsn, folder)}
    return values


def _placed(dsn: str, folder: Path) -> str:
    """The ledger's address, its file relative to the settings' folder; a server's address, or no file's, as it is."""
    scheme, slashes, path = dsn.partition(":///") if "://" in dsn else ("sqlite", "", dsn)
    if not scheme.startswith("sqlite") or "://" in scheme or not path or path.startswith((":memory:", "file:", "?")):
        return dsn
    return f"{scheme}{slashes}{folder / path}" if slashes else str(folder / path)


def _check_addresses(settings: Settings, where: str) -> None:
    for place, endpoint in (("upstream", settings.upstream), ("rewriter", settings.rewriter)):
        try:
            if endpoint is not None:
                addresses.checked(endpoint.base_url)
        except Misconfigured as error:
            raise Misconfigured(f"{where}: [{place}] {error}") from None


def _check_policies(settings: Settings, where: str) -> None:
    if (default := settings.customers.default_policy) not in settings.policies:
        raise Misconfigured(
            f"{where}: the default policy {default!r} is not defined; there are: {', '.join(settings.policies)}"
        )
    for name, policy in settings.policies.items():
        if not policy.chain:
            raise Misconfigured(f"{where}: policy {name!r} names no defense; to change nothing, say defense = 'none'")
        if isinstance(policy.defense, tuple) and policy.config:
            raise Misconfigured(f"{where}: policy {name!r} is a chain: put each config beside its defense")
        if not 0 <= policy.top_logprobs <= 20:
            raise Misconfigured(f"{where}: policy {name!r}: top_logprobs is 0 to 20; got {policy.top_logprobs}")
        if not 0 <= policy.logprob_step <= 10:
            raise Misconfigured(f"{where}: policy {name!r}: logprob_step is 0 to 10 nats; got {policy.logprob_step}")
        if policy.fallback not in ("withhold", "terse"):
            raise Misconfigured(f"{where}: policy {name!r}: fallback is withhold or terse; got {policy.fallback!r}")


def _check_limits(server: Server, where: str) -> None:
    if not 0 <= server.port <= 65535:
        raise Misconfigured(f"{where}: [server] port is 0 to 65535; got {server.port}")
    for name in ("body_bytes", "headers", "header_bytes", "header_seconds", "concurrent", "request_seconds",
                 "keep_alive_seconds", "buffer_bytes"):  # fmt: skip
        if getattr(server, name) <= 0:
            raise Misconfigured(f"{where}: [server] {name} must be above 0; got {getattr(server, name)}")


def overridden(values: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, Any]:
    """The table with every `AZEOTROPE__A__B=value` put at a.b; names are lower-cased.

    A value is read as TOML where it can be (8080, true, ["a"]) and is text otherwise; '"8080"' is text.
    """
    out: dict[str, Any] = dict(values)
    for name, text in sorted(environment.items()):
        if not name.startswith(PREFIX):
            continue
        *tables, member = name[len(PREFIX) :].lower().split("__")
        table = out
        for step in tables:
            inner = table.get(step, {})
            if not isinstance(inner, dict):
                raise Misconfigured(f"{name}: {step} is not a table")
            table[step] = table = dict(cast(dict[str, Any], inner))
        table[member] = _value(text)
    return out


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def secret(owner: Endpoint | Book, environment: Mapping[str, str]) -> str | None:
    """The key of an endpoint or of the ledger, from where it is said to be; None where none is named."""
    whose = owner.base_url if isinstance(owner, Endpoint) else "the ledger"
    if owner.key_env and owner.key_file:
        raise Misconfigured(f"{whose}: give key_env or key_file, not both")
    if owner.key_env:
        if not (key := environment.get(owner.key_env, "").strip()):
            raise Misconfigured(f"the environment variable {owner.key_env} (key of {whose}) is not set")
        return key
    return _kept(Path(owner.key_file)) if owner.key_file else None


def _kept(path: Path) -> str:
    """A secret from a file that only its owner may read."""
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise Misconfigured(f"others may read {path}: chmod 600 {path}")
        key = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise Misconfigured(f"cannot read the key in {path}: {error.strerror}") from None
    if not key:
        raise Misconfigured(f"the key file {path} is empty")
    return key
