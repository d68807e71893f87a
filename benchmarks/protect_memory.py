"""Peak memory of `azeotrope protect` on a large file: does it grow with the number of rows?

    python benchmarks/protect_memory.py [rows ...]      (default: 100000 1000000)

Writes GSM8K-like rows (some 600 bytes) to a temporary folder, protects them in a child process, and prints rows,
seconds, rows/s and the child's peak resident set in MB.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

STEP = "She sells {0} boxes in the morning and {1} in the afternoon, so {0} + {1} = <<{0}+{1}={2}>>{2} boxes. "


def generate(path: Path, rows: int) -> None:
    with path.open("w") as file:
        for i in range(rows):
            a, b = i % 97 + 2, i % 89 + 3
            answer = STEP.format(a, b, a + b) * 3 + f"\n#### {a + b}"
            question = (
                f"Case {i}: a shop sells {a} boxes in the morning and {b} in the afternoon. How many boxes is that?"
            )
            file.write(json.dumps({"id": i, "question": question, "answer": answer}) + "\n")


def measure(rows: int, defense: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder, "in.jsonl"), Path(folder, "out.jsonl")
        generate(source, rows)
        started = time.perf_counter()
        command = [sys.executable, "-m", "azeotrope", "protect", source, "-o", out, "--defense", defense, "--json"]
        child = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert child.stdout
        said = child.stdout.read()
        _, status, used = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        summary = json.loads(said)
        assert child.returncode == 0 and summary["rows"] == rows and summary["answers_changed"] == 0, summary
        peak = used.ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)
        return f"{rows:>10,} {defense:>9} {seconds:>9.1f} {rows / seconds:>9,.0f} {peak:>9.0f}"


if __name__ == "__main__":
    print(f"{'rows':>10} {'defense':>9} {'seconds':>9} {'rows/s':>9} {'peak MB':>9}")
    for rows in [int(arg) for arg in sys.argv[1:]] or [100_000, 1_000_000]:
        print(measure(rows, "withhold"), flush=True)
