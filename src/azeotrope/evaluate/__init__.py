"""`azeotrope evaluate`: every attack on every defense, screened and confirmed, resumable; see `procedure`."""

from azeotrope.evaluate.plan import Experiment
from azeotrope.evaluate.procedure import Preview, evaluate, preview
from azeotrope.evaluate.reading import read
from azeotrope.evaluate.slices import Progress, Settings, Summary, Watch

__all__ = ["Experiment", "Preview", "Progress", "Settings", "Summary", "Watch", "evaluate", "preview", "read"]
