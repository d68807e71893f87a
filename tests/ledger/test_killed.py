"""Real processes that die, and disks that are full: the last signed head verifies, and nothing acknowledged is lost."""

import asyncio
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from azeotrope.ledger import Ledger, Signing, export, heads
from azeotrope.ledger.evidence import line
from azeotrope.ledger.proving import prove, whole

WRITER = """
import asyncio, os, sys
from azeotrope.ledger import Entry, Ledger, Signer, Signing
from azeotrope.types import Request, Trace
trace = Trace("t", Request.of("q"), "", "a")
async def one(ledger, who):
    for i in range(100_000):
        name = f"{who}/{i}"
        await ledger.append(Entry.of(trace, request_id=name, customer="c", policy="p", started=0.0))
        os.write(1, name.encode() + b"\\n")
async def main():
    async with Ledger(sys.argv[1], signing=Signing(Signer(b"k" * 32), every=0.003)) as ledger:
        await asyncio.gather(*(one(ledger, who) for who in range(16)))
asyncio.run(main())
"""


def killed(path: Path, moment: int, signed: bool = False) -> set[str]:
    """What a writer had acknowledged when it was killed after `moment` of them, and after a first head if `signed`."""
    writer = subprocess.Popen([sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE)
    assert writer.stdout is not None
    told = [writer.stdout.readline() for _ in range(moment)]
    while signed and not heads(path):  # who signs takes turns with who writes: on a slow disk that may last
        assert writer.poll() is None
        time.sleep(0.01)
    writer.send_signal(signal.SIGKILL)
    rest, _ = writer.communicate()
    assert writer.returncode == -signal.SIGKILL
    lines = told + rest.splitlines(keepends=True)
    return {line.decode().strip() for line in lines if line.endswith(b"\n")}


@pytest.mark.parametrize("moment", [1, 150, 1100, 2500])
def test_kill_9_leaves_a_log_whose_last_head_verifies(path: Path, verdict, fill, moment: int) -> None:
    acknowledged = killed(path, moment, signed=moment > 1)
    assert acknowledged <= {record["request_id"] for record in export(path)}
    before = heads(path)
    assert before or moment == 1
    for head in before:
        assert head.genuine()
    if before:
        assert verdict(whole(path), head=before[-1])
    fill(path, "after")
    assert heads(path)[-1].size == sum(1 for _ in export(path)) and verdict(whole(path), head=heads(path)[-1])
    for head in before[-1:]:
        assert verdict(whole(path), head=head)
        assert verdict(line(prove(path, "after", since=head.size)), head=head)


def test_it_may_be_killed_again_and_again(path: Path, verdict) -> None:
    acknowledged: set[str] = set()
    for moment in (40, 300, 5):
        acknowledged |= killed(path, moment)
    names = [record["request_id"] for record in export(path)]
    assert acknowledged <= set(names)
    assert verdict(whole(path))


DISK = """
import asyncio, os, resource, sys
from azeotrope.errors import Unavailable
from azeotrope.ledger import Entry, Ledger, Signer, Signing
from azeotrope.types import Request, Trace
trace = Trace("t", Request.of("q"), "", "a")
def limit(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
async def main():
    told, unsigned, refused = [], [], 0
    async with Ledger(sys.argv[1], signing=Signing(Signer(b"k" * 32), every=0.01), told=unsigned.append) as ledger:
        async def one(name):
            nonlocal refused
            try:
                await ledger.append(Entry.of(trace, request_id=name, customer="c", policy="p", started=0.0))
                told.append(name)
            except Unavailable:
                refused += 1
        await one("before")
        limit(os.path.getsize(sys.argv[1] + "-wal") + 100_000)
        while refused < 16:  # whether a head fails, too, depends on what the last one covered
            await asyncio.gather(*(one(f"{len(told) + refused}/{k}") for k in range(8)))
        limit(resource.RLIM_INFINITY)
        await one("after")
    assert all("no head could be signed" in why for why in unsigned), unsigned
    print(*told)
asyncio.run(main())
"""


def test_a_full_disk_costs_no_acknowledged_record_and_the_next_head_covers_all(path: Path, verdict) -> None:
    done = subprocess.run([sys.executable, "-c", DISK, path], capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    told = done.stdout.split()
    names = [record["request_id"] for record in export(path)]
    assert told[0] == "before" and told[-1] == "after" and set(told) <= set(names)
    assert heads(path)[-1].size == len(names)
    for head in heads(path):
        assert verdict(whole(path), head=head)


async def test_what_a_killed_writer_left_unsigned_is_signed_by_the_next(path: Path, entry, signer, verdict) -> None:
    async with Ledger(path) as ledger:  # a writer that never came to sign
        await ledger.append(*(entry(str(i)) for i in range(30)))
    async with Ledger(path, signing=Signing(signer)):
        await asyncio.sleep(0)
    assert heads(path)[-1].size == 30 and verdict(whole(path))
