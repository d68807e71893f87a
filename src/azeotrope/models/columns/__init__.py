"""Where a data set's row keeps its reasoning: a row's values -> turns to protect, and the edits that write them back.

Knows no file format: values are plain Python (dicts, lists, strings), an edit is a path into them and a new text.
"""

from azeotrope.models.columns.detecting import detect
from azeotrope.models.columns.layout import Layout, Unreadable
from azeotrope.models.columns.places import Edit, Path, Spot, Turn
from azeotrope.models.columns.reading import edited, read, unmarked

__all__ = ["Edit", "Layout", "Path", "Spot", "Turn", "Unreadable", "detect", "edited", "read", "unmarked"]
