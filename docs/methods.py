"""The page of every method's settings, read off the classes that hold them."""

from __future__ import annotations

import ast
import inspect
import textwrap
import types
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec.structs import FieldInfo, fields

from azeotrope import catalog
from azeotrope.report import tables

HEADINGS = {
    "defenses": ("Defenses", "`defense` and `config` of a policy; `name` and `config` under `[[defenses]]`."),
    "watermarks": ("Watermarks", "Named as defenses are, in a policy's `then` or an experiment's."),
    "attacks": ("Attacks", "`name` and `config` under `[[attacks]]`."),
    "washes": ("Washes", "`washes` of an attack: what a thief does to traces before training."),
    "tasks": ("Tasks", "`name` and `config` under `[[tasks]]`."),
}
_SIGNS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<", "min_length": "length ≥", "max_length": "length ≤"}
_SHOWN = 120
_KINDS = {str: "text", int: "integer", float: "number", bool: "true or false", type(None): "none"}


def methods() -> str:
    """Every kind, every method, every setting with its default."""
    if set(HEADINGS) != set(catalog.KINDS):
        raise SystemExit(f"docs/methods.py heads other kinds than there are: {set(HEADINGS) ^ set(catalog.KINDS)}")
    lines = ["# Methods and their settings", "", "Written from the program itself."]
    for kind, (heading, where) in HEADINGS.items():
        lines += ["", f"## {heading}", "", where]
        for name, about in catalog.names(kind).items():
            lines += ["", f"### `{name}`", "", about, *_settings(catalog.load(kind, name))]
    return "\n".join(lines) + "\n"


def _settings(module: types.ModuleType) -> list[str]:
    rows = list(_rows(getattr(module, "Config", None), ""))
    return list(tables.table(["setting", "value", "default", "what it does"], rows)) if rows else []


def _rows(config: type[msgspec.Struct] | None, prefix: str) -> Iterator[list[str]]:
    if config is None:
        return
    told, hints = dict(_told(config)), get_type_hints(config, include_extras=True)
    for one in fields(config):
        inner = _bare(hints[one.name])
        about = _cell(told.get(one.name, ""))
        if isinstance(inner, type) and issubclass(inner, msgspec.Struct):
            yield [f"`{prefix}{one.name}`", "a table", "", about]
            yield from _rows(inner, f"{prefix}{one.name}.")
        else:
            yield [f"`{prefix}{one.name}`", _cell(_value(hints[one.name])), _default(one), about]


def _cell(text: str) -> str:
    """Our own Markdown, fit for a table."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def _told(config: type) -> Iterator[tuple[str, str]]:
    """(a field's name, the text that stands under it), the class's own last."""
    for owner in reversed([one for one in config.__mro__ if one.__module__.startswith("azeotrope")]):
        body = ast.parse(textwrap.dedent(inspect.getsource(owner))).body[0]
        assert isinstance(body, ast.ClassDef)
        for field, text in zip(body.body, body.body[1:], strict=False):
            match field, text:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(said))):
                    yield name, said
                case _:
                    pass


def _bare(hint: Any) -> Any:
    return _bare(get_args(hint)[0]) if get_origin(hint) is Annotated else hint


def _value(hint: Any) -> str:
    """What may stand there, in words."""
    origin, inside = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return ", ".join([_value(inside[0]), *(bound for meta in inside[1:] for bound in _bounds(meta))])
    if origin is Literal:
        return ", ".join(f"{choice!r}" if not isinstance(choice, str) else f'"{choice}"' for choice in inside)
    if origin in (Union, types.UnionType):
        return " or ".join(map(_value, inside))
    if origin in (tuple, list, frozenset, set):
        return f"list of {_value(inside[0])}" if inside[-1] is Ellipsis or len(inside) == 1 else f"{len(inside)} values"
    if origin is dict:
        return f"table of {_value(inside[1])}"
    return _KINDS.get(hint, "a table" if isinstance(hint, type) and issubclass(hint, msgspec.Struct) else "any")


def _bounds(meta: Any) -> Iterator[str]:
    for name, sign in _SIGNS.items():
        if isinstance(meta, msgspec.Meta) and (bound := getattr(meta, name)) is not None:
            yield f"{sign} {bound:,}"


def _default(field: FieldInfo) -> str:
    if field.required:
        return "required"
    default = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    shown = msgspec.json.encode(default).decode()
    if default is None:
        return "unset"
    return "`" + shown.replace("|", "\\|") + "`" if len(shown) <= _SHOWN else "a longer text"
