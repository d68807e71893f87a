"""Of which family a model is: whether a defense was fitted against students of the thief's own kind. Loads no weights.

A defense that was fitted against the family it is judged by stands on home ground, and a report says so. Families are
told by names: a student from nothing is of its kind, any other is of the model that it began as, without its size.
"""

# safetensors is typed in part:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import json
import re
from pathlib import Path

from safetensors import SafetensorError, safe_open

from azeotrope.codec import convert
from azeotrope.errors import Misconfigured
from azeotrope.evaluate.plan import Learning, Shield
from azeotrope.models import purifier, shipped
from azeotrope.types import Fields

_SIZE = re.compile(r"[-_]?\d+(\.\d+)?[bm]\b.*", re.IGNORECASE)


def notes(defense: Shield, thief: Learning) -> Fields:
    """What a cell's bill says of it; nothing where the defense was fitted against no student."""
    against = [found for link in defense.links if (found := _fitted_against(str(link.config.get("artifact") or "")))]
    return {"proxy_family": ", ".join(dict.fromkeys(against)), "student_family": family(thief)} if against else {}


def family(learning: Learning) -> str:
    """Qwen/Qwen2.5-3B-Instruct -> qwen2.5; a tiny one from nothing -> tiny."""
    began = str(learning.recipe.get("model") or learning.recipe.get("start") or learning.kind)
    return _SIZE.sub("", began.rpartition("/")[2].removeprefix("shipped:").lower()) or began.lower()


def _fitted_against(artifact: str) -> str:
    """The family of the proxy student behind a purifier's file or in a proxy's folder; "" where none is known."""
    place = Path(artifact)
    if not artifact or not place.exists():
        return ""
    try:
        recipe = _recipe(place) if (place / "config.json").is_file() else purifier.read(place).about.recipe
        return family(convert(recipe["proxy"], Learning, artifact))
    except (Misconfigured, OSError, SafetensorError, LookupError, TypeError, ValueError):
        return ""


def _recipe(folder: Path) -> Fields:
    with safe_open(folder / shipped.WEIGHTS, "pt") as file:
        return json.loads((file.metadata() or {})["recipe"])
