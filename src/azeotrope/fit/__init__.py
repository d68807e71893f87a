"""Fits a purifier of logits: a recipe in, an artifact and a report out. Knows no task and no learner by name.

`azeotrope fit FILE -o FOLDER`, or `fit.fit(fit.read(Path("fit.toml")), Path("folder"))`.
"""

from azeotrope.fit.plan import Fitting, Purifying, read
from azeotrope.fit.procedure import fit
from azeotrope.fit.results import Outcome, Step

__all__ = ["Fitting", "Outcome", "Purifying", "Step", "fit", "read"]
