"""How well a mark hides: from a classifier taught by other customers' marks, from a scan, from perplexity."""

from azeotrope.stealth.procedure import Plan, Stealth, measure, read

__all__ = ["Plan", "Stealth", "measure", "read"]
