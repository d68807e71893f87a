"""`azeotrope optimize`: a search for the instruction whose rewrites teach least; see `procedure`."""

from azeotrope.optimize.arena import Progress, Watch
from azeotrope.optimize.plan import Search, read
from azeotrope.optimize.procedure import optimize

__all__ = ["Progress", "Search", "Watch", "optimize", "read"]
