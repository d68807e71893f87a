"""A process of its own that asks math-verify whether two expressions are equal. Run as a script.

Knows nothing of the package around it. Reads lines `["a", "b", seconds, wait]`, writes `true` or `false` and the
seconds it took, and ends with its input. Seconds are of its own computing, whatever else the machine does: it dies when
it needs more of them, and when `wait` seconds of the clock are over.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import signal
import sys
import time
from importlib import import_module
from typing import Any

MEMORY = 2 << 30
"""Bytes of address space it may take, of which the libraries alone take about half a GiB."""


def main() -> None:
    """Serves until its input ends."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # a library that prints must not answer for us
    logging.disable(logging.CRITICAL)
    import_module("math_verify")
    _equal("x+1", "1+x")  # the first one builds what all others use
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.set_int_max_str_digits(5_000)
    print("ready", file=out, flush=True)
    for line in sys.stdin:
        a, b, seconds, wait = json.loads(line)
        began = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, seconds)
        signal.setitimer(signal.ITIMER_REAL, wait)  # should nobody be left to kill it
        answer = "true" if _equal(a, b) else "false"
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        print(answer, time.process_time() - began, file=out, flush=True)


def _equal(a: str, b: str) -> bool:
    """Both ways round: math-verify takes one side for gold and unwraps the other more freely."""
    from math_verify import verify

    first, second = _parsed(a), _parsed(b)
    if not first or not second:
        return False
    return all(
        verify(gold, target, allow_set_relation_comp=True, timeout_seconds=None)
        for gold, target in ((first, second), (second, first))
    )


def _parsed(text: str) -> list[Any]:
    from math_verify import LatexExtractionConfig, parse

    configs = [LatexExtractionConfig()]
    return parse(f"${text}$", configs, fallback_mode="no_fallback", parsing_timeout=None)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
