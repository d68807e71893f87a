"""What an experiment takes from what was made for it: files that must be there, and controls at a purifier's price.

`azeotrope fit RECIPE -o FOLDER` comes first; a setting that reads "matched:LABEL/CONTROL/BY" is then the number that
the fit called LABEL found for that control. Fits nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from azeotrope.codec import decode, digest
from azeotrope.errors import Misconfigured
from azeotrope.evaluate.plan import Fits
from azeotrope.material import ARTIFACT
from azeotrope.types import Fields

MATCHED = "matched:"
REPORT = "report.json"


def settings(config: Fields, fits: Fits | None, place: str, unfitted: bool) -> Fields:
    """The config with its numbers in. `unfitted`: what is not known yet is a number of the control's usual size.

    Raises `Misconfigured` where a number it names was not fitted, with the command that does.
    """
    return {name: _number(value, fits, place, unfitted) for name, value in config.items()}


def command(fits: Fits) -> str:
    """What makes them."""
    return f"azeotrope fit {fits.recipe} -o {fits.folder}"


def missing(fits: Fits) -> list[str]:
    """Labels of the recipes that were not fitted, or whose fit is not finished."""
    from azeotrope.fit.plan import sheet

    return [label for label in sheet(Path(fits.recipe)) if not (Path(fits.folder) / label / REPORT).exists()]


def check_there(entry: Any, fits: Fits | None, place: str) -> None:
    """That what an entry's configs name was made: fits, artifacts, instructions in files. `entry`: as plain data.

    Raises `Misconfigured` with the place and the cure: each of its cells would fail, one by one.
    """
    for where, member, text in _texts(entry, place):
        fitted = fits is not None and text.startswith(f"{fits.folder}/")
        made = member == ARTIFACT or (member == "instruction" and text.endswith(".md"))
        if text and (fitted or made) and not Path(text).exists():
            how = f"make it with: {command(fits)}" if fits and fitted else "make it with the command on top of the file"
            raise Misconfigured(f"{where}: {text} is not there yet; {how}")


def _number(value: Any, fits: Fits | None, place: str, unfitted: bool) -> Any:
    if not isinstance(value, str) or not value.startswith(MATCHED):
        return value
    if fits is None:
        raise Misconfigured(f"{place}: {value!r} needs fits = {{ recipe = ..., folder = ... }} on top of the file")
    label, control, by = (*value.removeprefix(MATCHED).split("/"), "", "")[:3]
    report = Path(fits.folder) / label / REPORT
    if not report.exists():
        if unfitted:
            return _usual(value, control)
        raise Misconfigured(f"{place}: {report}, which {value!r} reads, is not there yet; {command(fits)} makes it")
    return _of(report, control, by, place)


def _of(report: Path, control: str, by: str, place: str) -> float:
    from azeotrope.fit.results import Outcome

    found = decode(report.read_bytes(), Outcome).matched
    for one in found:
        if one.control == control and by in ("", one.by):
            return next(float(value) for name, value in one.config.items() if name != "rank")
    there = ", ".join(f"{one.control}/{one.by}" for one in found) or "none"
    raise Misconfigured(f"{place}: {report} matched no {'/'.join(filter(None, (control, by)))}; there are: {there}")


def _usual(reference: str, control: str) -> float:
    """One of its own for each reference: two controls of one kind are two defenses."""
    from azeotrope.fit.matching import CONTROLS

    own = int(digest(reference)[:4], 16) / 0x10000
    return (CONTROLS[control].usual if control in CONTROLS else 1.0) * (1 + own / 10)


def _texts(value: Any, place: str, member: str = "") -> Iterator[tuple[str, str, str]]:
    """(place, the member's name, text)."""
    if isinstance(value, str):
        yield place, member, value
    elif isinstance(value, Mapping):
        for name, inner in cast(Mapping[str, Any], value).items():
            yield from _texts(inner, f"{place}.{name}", name)
    elif isinstance(value, list | tuple):
        for at, inner in enumerate(cast(Sequence[Any], value)):
            yield from _texts(inner, f"{place}[{at}]")
