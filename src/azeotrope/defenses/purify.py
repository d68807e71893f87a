"""A low-rank map of the logits, fitted so that what a student takes from them misleads it.

Source: the purifier z' = (I + A B) z of arXiv 2602.03396, fitted by `azeotrope fit`; in the variants `paper`, `argmax`,
`topk` and `rounded`, as the artifact says. Text is drawn from z', and shaping stops where the answer starts unless
`until` says otherwise: what follows is drawn from the teacher's own logits, which must then not be handed out there.
Does not defend text: a student of the greedy text, or of the argmax where that is kept, learns as before. With all
logits the map is invertible, and whoever knows it, or some pairs, undoes it: only `topk` and `rounded` remove anything.
"""

from __future__ import annotations

from typing import Literal

from azeotrope.errors import Misconfigured
from azeotrope.models import purifier
from azeotrope.models.gate import Gate, until_answer
from azeotrope.models.open import Open
from azeotrope.protocols import Given, OpenModel, Shape
from azeotrope.types import Record


class Config(Record, frozen=True):
    """Which purifier, and how far into a response."""

    artifact: str = ""
    """The file or folder that `azeotrope fit` wrote."""
    until: Literal["answer", "end"] = "answer"
    """answer: shaping stops where the answer starts; end: everything is shaped, as folded weights do."""
    marks: tuple[str, ...] = ()
    """What starts an answer; unset: </think> where the model thinks in tags, else a box, ####, "final answer"."""


def shape(config: Config, given: Given) -> _Purifying:
    """The shape, which must see the teacher it is for before it shapes anything."""
    return _Purifying(config)


class _Purifying:
    def __init__(self, config: Config) -> None:
        self._config = config

    def of(self, teacher: OpenModel) -> Shape:
        """Raises `Misconfigured` where the artifact is missing, damaged or another model's."""
        if not self._config.artifact:
            raise Misconfigured("purify needs an artifact: `azeotrope fit FILE -o FOLDER` makes one for this model")
        fitted = purifier.read(self._config.artifact)
        weights = getattr(teacher, "weights", teacher)
        if not isinstance(weights, Open):
            raise Misconfigured(f"{teacher.name} shows logits but no weights: which model it is cannot be checked")
        fitted.check(weights)
        if self._config.until == "end":
            return fitted.shape
        gate = Gate(weights.tokenizer, weights.dialect, self._config.marks)
        return until_answer(gate, fitted.shape)
