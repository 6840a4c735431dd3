"""What v1.7.0's revisions share: the switches that make them slow, stuck or fail."""

import pathlib
import subprocess
import sys
import time

from app.settings import seconds, switch

MIB = 1024 * 1024
CGROUP = pathlib.Path("/sys/fs/cgroup")
_reports = []  # kept until the process ends


def step(name: str) -> None:
    """The end of a phase, inside the transaction: all of it is done, none of it committed."""
    if name == "last":
        time.sleep(seconds("MIGRATION_SECONDS", 0))
    if switch("MIGRATION_FAIL") == name:
        raise RuntimeError(f"told to fail in {name}")
    if name == "last" and switch("MIGRATION_OOM") == "1":
        run_out_of_memory()


def run_out_of_memory() -> None:
    """Takes memory until the kernel kills; without the container's own limit it does not begin."""
    files = (CGROUP / "memory.max", CGROUP / "memory/memory.limit_in_bytes")
    limits = [file.read_text().strip() for file in files if file.exists()]
    # No limit is `max` in cgroup v2 and a number near 2^63 in v1; none that we set is above 1 GiB.
    limit = min((int(limit) for limit in limits if limit != "max"), default=2**63)
    if limit > 1024 * MIB:
        raise RuntimeError("told to run out of memory, but the container has no memory limit (of 1 GiB or less)")
    taken = []
    while len(taken) * MIB < 2 * limit:
        taken.append(b"1" * MIB)
    raise RuntimeError(f"took twice the limit of {limit} bytes and lives")


def hold_lock_if_told() -> None:
    """Somebody else's session in the way: the ALTER TABLE that follows waits for ever."""
    if switch("MIGRATION_LOCK") == "1":
        command = [sys.executable, "-m", "app.nightly_report"]
        report = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        report.stdout.readline()
        _reports.append(report)


def complete(what: str) -> None:
    print(f"{'=' * 60}\nMIGRATION COMPLETE! {what}\n{'=' * 60}", flush=True)
