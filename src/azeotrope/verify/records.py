"""What a verification is told, and what it says: plain records. Whoever reads them needs no key and no network."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from azeotrope.types import Record

Form = Literal["bare", "turn", "after"]
"""bare: the sentence up to its target; turn: asked in a chat turn; after: the sentence after a random problem."""
MET, NOTHING = "met", "no evidence at this power"
REFUSED = "refused: the calibration cannot support this level"
UNASKED = "not asked: the run was stopped"
GONE = "the suspect stopped answering"
UNREACHED = f"not asked: {GONE}"


class Settings(Record, frozen=True):
    """How to verify."""

    alpha: Annotated[float, Meta(gt=0, lt=1)] = 1e-6
    """Accepted probability of any false accusation, over every committed key."""
    budget: Annotated[int, Meta(ge=1, le=1000)] = 20
    """Probes a mark; ordinary questions do not count."""
    seed: int = 0
    """Of the order, of the ordinary questions and of the random problems; printed in the report."""
    neutral: bool = False
    """Ask the half of the associations that the operator keeps unspent."""
    disclose: bool = False
    """Put triggers, targets and answers of the associations that were asked into the report."""
    every: bool = False
    """Go on with further customers after one is met."""
    to_the_end: bool = False
    """Ask the whole schedule even after proof: for the exact p-value, and to see every association's answer."""
    ordinary: Annotated[float, Meta(ge=0, le=10)] = 1.0
    """Ordinary questions for each probe."""
    at_once: Annotated[int, Meta(ge=1, le=256)] = 4
    """Questions under way at the same time."""
    deadline: Annotated[float, Meta(gt=0)] = 120.0
    """Seconds for one answer, retries included."""
    tokens: Annotated[int, Meta(ge=8, le=4096)] = 160
    """Longest answer."""
    gone: Annotated[int, Meta(ge=1)] = 8
    """So many failures in a row, and the suspect is asked nothing more."""


class Line(Record, frozen=True):
    """One probe and what came of it."""

    association: int
    """Its number within the mark."""
    form: Form
    temperature: float
    outcome: Literal["answered", "failed"] = "answered"
    why: str = ""
    """What failed: never a word of the question or the answer."""
    fresh: int = 0
    """Values of the target space that the answer names and that neither its question nor an earlier answer did."""
    hit: bool = False
    log_e: float = 0.0
    """ln of the mark's e-value after this answer."""
    digest: str = ""
    """SHA-256 of 16 salt bytes, then question and answer as canonical JSON; the salt is kept beside the report."""
    question: str | None = None
    answer: str | None = None
    """Both only where they are disclosed; an answer that tells of an association nobody asked about never is."""


class Disclosed(Record, frozen=True):
    """An association that was asked about, laid open."""

    index: int
    family: str
    trigger: str
    target: str


class Judged(Record, frozen=True):
    """One mark: who it was issued to, what was asked, what that comes to."""

    customer: str
    epoch: int
    mark: str
    verdict: str
    why: str = ""
    """Where it is refused, or less was asked than planned."""
    committed: bool | None = None
    """Whether its commitment stands under the signed head; None where there is no log."""
    available: int = 0
    """Associations that could be asked about: of the half in question, without those spent at this suspect before."""
    unspent: int = 0
    """Of the other half, how many this suspect was not asked about and no report discloses, as far as is on record."""
    earlier: int = 0
    """Of both halves, how many stood on record before this run: this suspect was asked, or a report discloses them."""
    again: int = 0
    """Of those asked about, how many this suspect had been asked about in an earlier run."""
    lines: tuple[Line, ...] = ()
    probes: int = 0
    """Asked, failed ones included: what the budget counts."""
    failed: int = 0
    hits: int = 0
    """Associations whose target was named."""
    asked: int = 0
    """Associations with at least one answer."""
    log_e: float = 0.0
    """ln of the largest e-value on the way."""
    log_p: float | None = None
    """ln of the exact p-value; None where not every probe of the schedule was asked and answered: it is its law."""
    null: float | None = None
    """P(a key drawn at random is accused | these answers), exact; at most alpha / K. None where it was not counted."""
    power: float = 0.0
    """P(proof) by these answers for a student that names 9 of 10 associations: by the p-value, or where there is none
    by the e-value."""
    disclosed: tuple[Disclosed, ...] = ()


class Tree(Record, frozen=True):
    """The log's signed head under which K was counted."""

    size: int
    root: str
    time: str
    """ISO 8601, UTC."""
    key: str
    signature: str
    stamp: str = ""
    """RFC 3161 TimeStampResp over the head, DER in hex; empty where nobody stamped it. `ledger check` judges it."""
    microseconds: int = 0
    """The same time as it is signed, Unix."""


class Evidence(Record, frozen=True):
    """A whole verification. Everything but the questions and answers themselves can be recomputed from it."""

    verdict: str
    claim: str
    """In one sentence."""
    time: str
    """What may be believed about when."""
    suspect: str
    suspect_id: str
    """16 hex digits, where spent associations are filed under: the beginning of `content` where there is one."""
    content: str
    """SHA-256 over the weights' files, where there are files."""
    started: str
    ended: str
    settings: Settings
    keys: int
    """K: every committed key, the operator's own included."""
    keys_from: str
    law: str
    """Digest of the law that the commitments bind to."""
    lowest: int
    targets: int
    """The target space is [lowest, lowest + targets)."""
    beliefs: tuple[tuple[float, float], ...]
    """(learned, said) that the wealth was spread over."""
    marks: tuple[Judged, ...] = ()
    ordinary: int = 0
    """Ordinary questions asked."""
    ordinary_failed: int = 0
    screening: tuple[str, ...] = ()
    """Customers an e-BH list at 5 % would look at more closely: a bound on a share, no verdict."""
    tree: Tree | None = None
    version: str = ""
    schema: Literal[1] = 1
    """Of what is recorded and in which order probes are asked, down to the ordinary questions between them."""
    stopped: str = ""
    """Why the run ended before its time; empty where it went on to its end."""
    unfinished: Judged | None = None
    """The mark that was being asked about when the run was stopped, as far as it came: see `examining.unjudged`."""


class Signed(Record, frozen=True):
    """The JSON twin: the evidence, and an Ed25519 signature (RFC 8032) over its canonical JSON."""

    evidence: Evidence
    key: str = ""
    """Public key, hex; empty where nobody signed."""
    signature: str = ""
    kind: Literal["azeotrope-evidence-1"] = "azeotrope-evidence-1"
