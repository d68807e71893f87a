"""Distillation losses: how far a student's next-token distributions are from a teacher's, in nats per unmasked token.

student, teacher: logits [B,T,V], finite or -inf; mask: bool [B,T], True where a token counts. Each returns [], averaged
over the unmasked tokens, and its name is the number: nothing is clamped, detached or scaled that is not asked for.
Gradients flow to both sides. Masked positions are taken out first, so that whatever stands there does no harm.

p and q are the teacher's and the student's softmax(logits / temperature). With `scale` the number is multiplied by
temperature^2, which keeps the gradient's size as the temperature rises (Hinton et al., arXiv 1503.02531, section 2).
A token that one side rules out (logit -inf) costs what the formula says: infinitely much where KL says so, else not.

Knows nothing of models, data sets, training loops or weights between losses.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from azeotrope.errors import Misconfigured


def forward_kl(
    student: Tensor, teacher: Tensor, mask: Tensor, temperature: float = 1.0, *, scale: bool = False
) -> Tensor:
    """KL(teacher || student), nats per unmasked token. [B,T,V], [B,T,V], [B,T] -> [].

    Infinite where the student rules out what the teacher does not.
    """
    log_q, log_p = _logs(student, teacher, mask, temperature)
    return _mean(_kl(log_p, log_q), temperature, scale)


def reverse_kl(
    student: Tensor, teacher: Tensor, mask: Tensor, temperature: float = 1.0, *, scale: bool = False
) -> Tensor:
    """KL(student || teacher), nats per unmasked token. [B,T,V], [B,T,V], [B,T] -> [].

    Infinite, and without a usable gradient, where the teacher rules out what the student does not (truncated logits):
    `skewed_reverse_kl` is finite there.
    """
    log_q, log_p = _logs(student, teacher, mask, temperature)
    return _mean(_kl(log_q, log_p), temperature, scale)


def jsd(
    student: Tensor, teacher: Tensor, mask: Tensor, temperature: float = 1.0, *, beta: float = 0.5, scale: bool = False
) -> Tensor:
    """beta KL(p || m) + (1 - beta) KL(q || m), m = beta p + (1 - beta) q, nats per unmasked token. -> [].

    Generalised Jensen-Shannon divergence (GKD, arXiv 2306.13649). At most the entropy of beta: ln 2 at 1/2.
    """
    if not 0 < beta < 1:
        raise Misconfigured(
            f"beta weighs teacher against student, so it lies between 0 and 1, without either: there jsd is 0 for any "
            f"two; got {beta}. jsd / beta tends to forward_kl at 0 and jsd / (1 - beta) to reverse_kl at 1: use those"
        )
    log_q, log_p = _logs(student, teacher, mask, temperature)
    middle = _mixture(log_p, log_q, beta)
    return _mean(beta * _kl(log_p, middle) + (1 - beta) * _kl(log_q, middle), temperature, scale)


def skewed_kl(
    student: Tensor, teacher: Tensor, mask: Tensor, temperature: float = 1.0, *, alpha: float = 0.1, scale: bool = False
) -> Tensor:
    """KL(p || alpha p + (1 - alpha) q), nats per unmasked token: at most -ln alpha; forward_kl at alpha = 0. -> [].

    Skew divergence (DistiLLM, arXiv 2402.03898).
    """
    log_q, log_p = _logs(student, teacher, mask, temperature)
    return _mean(_kl(log_p, _mixture(log_p, log_q, _skew(alpha))), temperature, scale)


def skewed_reverse_kl(
    student: Tensor, teacher: Tensor, mask: Tensor, temperature: float = 1.0, *, alpha: float = 0.1, scale: bool = False
) -> Tensor:
    """KL(q || alpha q + (1 - alpha) p), nats per unmasked token: at most -ln alpha; reverse_kl at alpha = 0. -> [].

    Skew divergence (DistiLLM, arXiv 2402.03898).
    """
    log_q, log_p = _logs(student, teacher, mask, temperature)
    return _mean(_kl(log_q, _mixture(log_q, log_p, _skew(alpha))), temperature, scale)


def ab_divergence(
    student: Tensor, teacher: Tensor, mask: Tensor, temperature: float = 1.0, *, a: float, b: float, scale: bool = False
) -> Tensor:
    """-1/(ab) sum_i [ p^a q^b - a/(a+b) p^(a+b) - b/(a+b) q^(a+b) ], per unmasked token. [B,T,V], ... -> [].

    Alpha-beta divergence (Cichocki, Cruces and Amari, Entropy 13, 2011; as a distillation loss ABKD, arXiv 2505.04560).
    a = 0 or b = 0 is the limit: forward KL at (1, 0), reverse KL at (0, 1). Rounding grows as 1/(ab): near a limit,
    write the limit. For a + b = 1 at most 1/(ab).
    """
    _powers(a, b)
    log_q, log_p = _logs(student, teacher, mask, temperature)
    return _mean(_ab(log_p, log_q, a, b), temperature, scale)


def alphanet(
    student: Tensor, teacher: Tensor, mask: Tensor, temperature: float = 1.0, *, a_minus: float = 0.1,
    a_plus: float = 0.9, scale: bool = False,
) -> Tensor:  # fmt: skip
    """max of ab_divergence(a, 1 - a) at a_minus and at a_plus, token by token. [B,T,V], [B,T,V], [B,T] -> [].

    AlphaNet (arXiv 2102.07954) as arXiv 2602.03396 attacks with it, defaults included; nothing is clipped.
    """
    for a in (a_minus, a_plus):
        _powers(a, 1 - a)
    log_q, log_p = _logs(student, teacher, mask, temperature)
    ends = _ab(log_p, log_q, a_minus, 1 - a_minus), _ab(log_p, log_q, a_plus, 1 - a_plus)
    return _mean(torch.maximum(*ends), temperature, scale)


def abkd(
    student: Tensor, teacher: Tensor, mask: Tensor, temperature: float = 1.0, *, a: float = 0.1, b: float = 0.8,
    scale: bool = False,
) -> Tensor:  # fmt: skip
    """ab_divergence at ABKD's powers (arXiv 2505.04560), as arXiv 2602.03396 attacks with them. -> []."""
    return ab_divergence(student, teacher, mask, temperature, a=a, b=b, scale=scale)


def cross_entropy(
    student: Tensor, labels: Tensor, mask: Tensor, temperature: float = 1.0, *, scale: bool = False
) -> Tensor:
    """-ln q(label), nats per unmasked token. [B,T,V], [B,T] of ids, [B,T] -> [].

    With a temperature and `scale` this is the control of a distillation loss at the same temperature and scale: the
    same step size and the same softening, without the teacher's distribution. Labels may be anything where masked.
    """
    _check_student(student, mask, temperature)
    assert labels.shape == mask.shape, f"labels are [B,T] = {list(mask.shape)}, got {list(labels.shape)}"
    log_q = _log_softmax(student[mask], temperature)
    return _mean(-log_q.gather(-1, labels[mask][:, None]).squeeze(-1), temperature, scale)


def hard_target(
    student: Tensor, teacher: Tensor, mask: Tensor, temperature: float = 1.0, *, scale: bool = False
) -> Tensor:
    """Cross-entropy on the teacher's top-1 label, nats per unmasked token. [B,T,V], [B,T,V], [B,T] -> []."""
    _check(student, teacher, mask, temperature)
    return cross_entropy(student, teacher.argmax(-1), mask, temperature, scale=scale)


def top_k(student: Tensor, teacher: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Both sides as one sees them who is shown the teacher's k likeliest tokens: two [B,T,k+1] of log-probabilities.

    For any loss here: `forward_kl(*top_k(student, teacher, 5), mask)`. The last entry is the tail: all the mass outside
    the k, as one token. Renormalising both over the k instead would not see the student's mass outside (at k = 1 any
    student would be perfect), and renormalising the teacher alone would teach that the tail is impossible. With the
    tail, KL, JSD and their skewed kin are lower bounds of the full loss (data processing) that rise to it at k = V - 1.
    A temperature acts on these k+1 entries, for the shape of the tail is not shown.
    """
    assert student.shape == teacher.shape, f"student is {list(student.shape)}, teacher {list(teacher.shape)}"
    assert student.ndim == 3, f"logits are [B,T,V], got {list(student.shape)}"
    size = student.shape[-1]
    if not 1 <= k < size:
        raise Misconfigured(f"k is a number of the {size} tokens, at least 1 and fewer than all; got {k}")
    kept = teacher.topk(k, dim=-1).indices

    def seen(logits: Tensor) -> Tensor:
        logs = _log_softmax(logits, 1.0)
        tail = logs.scatter(-1, kept, -math.inf).logsumexp(-1, keepdim=True)
        return torch.cat([logs.gather(-1, kept), tail], dim=-1)

    return seen(student), seen(teacher)


def _check_student(student: Tensor, mask: Tensor, temperature: float) -> None:
    assert student.ndim == 3, f"logits are [B,T,V], got {list(student.shape)}"
    assert mask.shape == student.shape[:2], f"mask is [B,T] = {list(student.shape[:2])}, got {list(mask.shape)}"
    assert mask.dtype == torch.bool, f"mask is bool, got {mask.dtype}"
    assert bool(mask.any()), "every token is masked: there is nothing to average over"
    if not 0 < temperature < math.inf:
        raise Misconfigured(f"temperature divides logits, so it is a number above 0; got {temperature}")


def _check(student: Tensor, teacher: Tensor, mask: Tensor, temperature: float) -> None:
    _check_student(student, mask, temperature)
    assert teacher.shape == student.shape, f"student is {list(student.shape)}, teacher {list(teacher.shape)}"


def _logs(student: Tensor, teacher: Tensor, mask: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Log-probabilities where unmasked, of student and teacher. [B,T,V], [B,T,V], [B,T] -> [N,V], [N,V]."""
    _check(student, teacher, mask, temperature)
    return _log_softmax(student[mask], temperature), _log_softmax(teacher[mask], temperature)


def _log_softmax(logits: Tensor, temperature: float) -> Tensor:
    exact = logits if logits.dtype == torch.float64 else logits.float()
    return torch.log_softmax(exact / temperature, dim=-1)


def _mean(each: Tensor, temperature: float, scale: bool) -> Tensor:
    """[N] -> []."""
    return each.mean() * (temperature**2 if scale else 1.0)


def _kl(log_x: Tensor, log_y: Tensor) -> Tensor:
    """KL(x || y). [N,V], [N,V] -> [N]. 0 ln 0 is 0, in the gradient too."""
    ratio = (log_x - log_y).masked_fill(log_x == -math.inf, 0.0)
    return (log_x.exp() * ratio).sum(-1)


def _mixture(log_x: Tensor, log_y: Tensor, share: float) -> Tensor:
    """ln(share x + (1 - share) y). [N,V], [N,V] -> [N,V]."""
    if share == 0:
        return log_y
    neither = (log_x == -math.inf) & (log_y == -math.inf)
    x, y = log_x.masked_fill(neither, 0.0), log_y.masked_fill(neither, 0.0)
    return torch.logaddexp(x + math.log(share), y + math.log1p(-share)).masked_fill(neither, -math.inf)


def _ab(log_p: Tensor, log_q: Tensor, a: float, b: float) -> Tensor:
    """[N,V], [N,V] -> [N]."""
    if b == 0:
        return _ab_limit(log_p, log_q, a)
    if a == 0:
        return _ab_limit(log_q, log_p, b)
    whole = a + b
    terms = (a * log_p + b * log_q).exp() - a / whole * (whole * log_p).exp() - b / whole * (whole * log_q).exp()
    return -terms.sum(-1) / (a * b)


def _ab_limit(log_x: Tensor, log_y: Tensor, power: float) -> Tensor:
    """1/c^2 sum_i [ x^c ln(x^c / y^c) - x^c + y^c ], c = power: what is left when y's power is 0. -> [N]."""
    x, y = (power * log_x).exp(), (power * log_y).exp()
    ratio = (log_x - log_y).masked_fill(log_x == -math.inf, 0.0)
    return (power * x * ratio - x + y).sum(-1) / power**2


def _powers(a: float, b: float) -> None:
    if not (a >= 0 and b >= 0 and 0 < a + b < math.inf):
        raise Misconfigured(
            f"powers of probabilities are at least 0 (a negative one is infinite where a token is ruled out) and not "
            f"both 0 (there it is half the squared distance of log-probabilities); got a = {a}, b = {b}"
        )


def _skew(alpha: float) -> float:
    if not 0 <= alpha < 1:
        raise Misconfigured(
            f"alpha is one side's share of the mixture, at least 0 and below 1, where the divergence of any two is 0; "
            f"got {alpha}"
        )
    return alpha
