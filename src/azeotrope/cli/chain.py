"""What a command line says of a chain: defense and watermark with their settings, and the keys that a mark needs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from azeotrope.keys import Key


def links(
    defense: tuple[str, list[str] | None], watermark: tuple[str | None, list[str] | None]
) -> list[tuple[str, dict[str, Any]]]:
    """Names and settings, in the order in which a trace meets them."""
    from azeotrope import lift
    from azeotrope.errors import Misconfigured

    links = [(defense[0], values(defense[1] or []))]
    name, set_ = watermark
    if name is None:
        if set_:
            raise Misconfigured("--watermark-set goes with --watermark")
        return links
    if not lift.marks(name):
        from azeotrope import catalog

        catalog.load("watermarks", name)  # says which there are
    if defense[0] == "withhold":
        raise Misconfigured(
            "--watermark marks reasoning, and withhold leaves none: name another --defense, such as instruct, or none "
            "to mark the reasoning as it is"
        )
    return [*links, (name, values(set_ or []))]


def keys(watermark: str | None, customer: str | None, master_key: Path | None) -> tuple[Key | None, Key | None]:
    """The customer's key and the operator's, where a mark is to be set."""
    from azeotrope.errors import Misconfigured
    from azeotrope.keys import Master

    if watermark is None:
        if customer or master_key:
            raise Misconfigured("--customer and --master-key go with --watermark")
        return None, None
    if not customer:
        raise Misconfigured("--watermark sets a customer's mark: name the customer with --customer")
    master = Master.read(master_key)
    return master.key(customer), master.operator()


def recipe(links: list[tuple[str, dict[str, Any]]], others: list[Any]) -> str:
    """A digest of everything that decides what is written, the files that settings name included."""
    from azeotrope.codec import digest
    from azeotrope.material import material

    return digest([links, material(links), others])


def values(pairs: list[str]) -> dict[str, Any]:
    """KEY=VALUE, the value as TOML writes it, or a bare string; a dotted key is a table's member."""
    import tomllib

    from azeotrope.errors import Misconfigured

    out: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not all(key.split(".")):
            raise Misconfigured(f"--set takes KEY=VALUE, such as attempts=3; got {pair!r}")
        try:
            value: Any = tomllib.loads(f"v = {text}")["v"]
        except tomllib.TOMLDecodeError:
            value = text
        _put(out, key, value)
    return out


def _put(out: dict[str, Any], key: str, value: Any) -> None:
    """Sets the member that a dotted key names. Raises `Misconfigured` where another key said what it is part of, or
    what is part of it."""
    from azeotrope.errors import Misconfigured

    *tables, name = parts = key.split(".")
    table = out
    for depth, part in enumerate(tables, 1):
        inner: Any = table.setdefault(part, {})
        if not isinstance(inner, dict):
            raise Misconfigured(f"--set {'.'.join(parts[:depth])} and --set {key} exclude each other; leave one out")
        table = cast(dict[str, Any], inner)
    there = table.get(name)
    if isinstance(there, dict) and there:
        member = next(iter(cast(dict[str, Any], there)))
        raise Misconfigured(f"--set {key}.{member} and --set {key} exclude each other; leave one out")
    table[name] = value
