"""Verification: is this suspect a student of ours, and whose responses did it learn from? Knows no report page."""

from azeotrope.verify.keys import Accused, accused_of
from azeotrope.verify.procedure import Outcome, Trial, verify
from azeotrope.verify.records import Evidence, Judged, Line, Settings
from azeotrope.verify.spending import Book, SideFile
from azeotrope.verify.suspects import Suspect, opened

__all__ = [
    "Accused", "Book", "Evidence", "Judged", "Line", "Outcome", "Settings", "SideFile", "Suspect", "Trial",
    "accused_of", "opened", "verify",
]  # fmt: skip
