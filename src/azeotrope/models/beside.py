"""What a message holds beside text and tool calls: refusal, annotations, audio, function call, by known members only.

Pure; knows no stream. What is not named here is dropped: it could hold reasoning.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from azeotrope.types import Fields

_FUNCTION_CALL: dict[str, type] = {"name": str, "arguments": str}
_AUDIO: dict[str, type] = {"id": str, "data": str, "transcript": str, "expires_at": int}
_FILE: dict[str, type] = {"file_id": str, "filename": str, "index": int}
_RANGE: dict[str, type] = {"start_index": int, "end_index": int}
_ANNOTATIONS: dict[str, dict[str, type]] = {
    "url_citation": {**_RANGE, "title": str, "url": str},
    "file_citation": _FILE,
    "file_path": _FILE,
    "container_file_citation": {**_FILE, **_RANGE, "container_id": str},
}
"""By type: the members of the object that goes by the type's name."""


def kept_of(message: Fields) -> Fields:
    """The known members of a message, or of a delta of one, each reduced to what is known of it."""
    kept: Fields = {}
    if isinstance(refusal := message.get("refusal"), str):
        kept["refusal"] = refusal
    if isinstance(annotations := message.get("annotations"), list):
        found = map(_annotation, cast(list[Any], annotations))
        kept["annotations"] = [annotation for annotation in found if annotation]
    for name, members in (("audio", _AUDIO), ("function_call", _FUNCTION_CALL)):
        if reduced := _reduced(message.get(name), members):
            kept[name] = reduced
    return kept


def _annotation(value: Any) -> Fields:
    """Its type and its citation; nothing where the type is unknown."""
    fields = cast(Fields, value) if isinstance(value, dict) else {}
    kind = fields.get("type")
    if not isinstance(kind, str) or kind not in _ANNOTATIONS:
        return {}
    cited = _reduced(fields.get(kind), _ANNOTATIONS[kind])
    return {"type": kind, kind: cited} if cited else {"type": kind}


def _reduced(value: Any, members: Mapping[str, type]) -> Fields:
    fields = cast(Fields, value) if isinstance(value, dict) else {}
    return {name: fields[name] for name, kind in members.items() if type(fields.get(name)) is kind}
