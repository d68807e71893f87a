"""Fits a purifier of logits: a recipe in, an artifact and a report out. Knows no task and no learner by name.

`azeotrope fit FILE -o FOLDER`, or `fit.fit(fit.read(Path("fit.toml")), Path("folder"))`.
"""

from azeotrope.fit.plan import Fitting, Purifying, read, sheet
from azeotrope.fit.procedure import fit
from azeotrope.fit.results import Match, Outcome, Step

__all__ = ["Fitting", "Match", "Outcome", "Purifying", "Step", "fit", "read", "sheet"]
