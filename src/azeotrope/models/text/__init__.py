"""Text: splitting reasoning from answer, extraction and equality of answers. The only string surgery of the project."""

from azeotrope.models.text.equality import close, equal, same
from azeotrope.models.text.extraction import answer_start, explicit_answer, final_answer
from azeotrope.models.text.splitting import Piece, Policy, Splitter, split
from azeotrope.models.text.values import Final, Kind

__all__ = [
    "Final",
    "Kind",
    "Piece",
    "Policy",
    "Splitter",
    "answer_start",
    "close",
    "equal",
    "explicit_answer",
    "final_answer",
    "same",
    "split",
]
