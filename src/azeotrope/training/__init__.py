"""From examples to a trained model: what is trained on, how, and what it cost. Knows no attack, no task, no defense."""

from azeotrope.training.examples import Batch, Encoded, Example, batches, encoded
from azeotrope.training.learner import Fitted, Learner, Loss, Weigh

__all__ = ["Batch", "Encoded", "Example", "Fitted", "Learner", "Loss", "Weigh", "batches", "encoded"]
