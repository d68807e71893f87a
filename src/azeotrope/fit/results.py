"""What a fit finds, as records: each step, each check, and the outcome that the report shows. Knows no tensor."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import field

from azeotrope.types import Fields, Record, Run, Score


class Step(Record, frozen=True):
    """One optimiser step: the terms of the objective, averaged over its texts, before it was taken."""

    step: int
    cross_entropy: float
    """Of z' on the text's tokens, nats."""
    cosine: float
    """cos(g, g'): 1 where the student is told what the teacher would tell it."""


class Check(Record, frozen=True):
    """What a checkpoint is worth, on held-out texts and problems."""

    step: int
    cross_entropy: float
    cosine: float
    teacher: Score
    """The teacher behind the map, shaped to the end."""
    length: float
    """Frobenius norm of A B."""


class Line(Record, frozen=True, omit_defaults=True):
    """One line of the history: one of these."""

    step: Step | None = None
    check: Check | None = None


class Sight(Record, frozen=True):
    """What one side's shown logits look like on held-out texts."""

    cross_entropy: float | None
    """Of the text's tokens, nats; None (infinite) where a token is not shown."""
    entropy: float
    """Mean, nats."""
    cmi: float
    """Mean KL to the centroid of the label, nats: what the logits say beyond the label."""


class Sample(Record, frozen=True):
    """A problem and what the teacher says to it, bare and behind the purifier."""

    problem: str
    before: str
    after: str


By = Literal["cross-entropy", "divergence", "accuracy"]
"""What a control costs the teacher: the text's cross-entropy, nats per token; the mean KL(p || p') of what it shows;
its accuracy."""


class Match(Record, frozen=True):
    """A control that costs the teacher as much as the purifier does, on what was held out."""

    control: str
    defense: str
    config: Fields
    by: By
    target: float
    """The purifier's cost."""
    reached: float
    """The control's."""
    n: int
    """Tokens; problems where accuracy is matched."""


class Outcome(Record, frozen=True):
    """Everything there is to tell: the report's JSON twin."""

    run: Run
    name: str
    model: str
    recipe: Fields
    artifact: str
    """Digest of the purifier's tensors."""
    steps: int
    chosen: int
    """The step whose A and B are kept; 0 is the identity: nothing was found that protects and costs little."""
    before: Score
    """The teacher itself, on problems that chose nothing."""
    after: Score
    """Behind the purifier, shaped to the end: what folded weights say."""
    gated: Score
    """Shaped until the answer starts: what the defense `purify` says by default."""
    p_value: float
    """McNemar's, of before against after."""
    lost: int
    gained: int
    plain: Sight
    shaped: Sight
    cmi_tokens: int
    """Tokens that the CMI estimates rest on: those whose label was met at least 50 times."""
    agreement: float
    """Share of positions whose argmax stays."""
    condition: float
    """Of I + B A: the smaller, the more exactly the map is undone by whoever knows it."""
    matched: tuple[Match, ...] = ()
    """Controls that cost the teacher as much."""
    samples: tuple[Sample, ...] = ()
    curve: tuple[Step, ...] = ()
    checks: tuple[Check, ...] = ()
    seconds: float = 0.0
    notes: Fields = field(default_factory=dict[str, Any])
