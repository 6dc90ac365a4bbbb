"""Run one command in a process of its own: how long it took, how much memory it had, or why it did not finish.

What runs here stays small: on Linux the peak memory of a child is never below that of the process that started it.
So nobody imports a database or a dataframe library into the process that measures.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
OUT_OF_MEMORY = re.compile(r"out of memory|memoryerror|could not allocate|failed to allocate", re.IGNORECASE)
ERROR = re.compile(r"error|exception", re.IGNORECASE)
DISK_TO_SPARE = 4 * 10**9
PAUSE = 0.02


@dataclass(frozen=True)
class Limits:
    """What one process may use. minutes: of wall clock; memory: bytes of resident memory, 0 for any."""

    minutes: float = 60
    memory: int = 0


@dataclass(frozen=True)
class Outcome:
    """What a process came to. seconds: wall clock; peak_bytes: of resident memory; failure: none if it finished."""

    seconds: float
    peak_bytes: int
    failure: str | None


def run(command: list[str], folder: Path, log: Path, limits: Limits, settings: dict[str, str] | None = None) -> Outcome:
    """Run a command in this folder; what it prints goes to the log. settings: environment variables for it alone.

    Variables of dbt and of this project that happen to be set do not reach it.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("DBT_", "RFM_"))}
    environment = inherited | {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false"} | (settings or {})
    with log.open("w", encoding="utf-8") as output:
        begin = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
        offer_to_kernel(process.pid)
        stopped = None
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            seconds = time.perf_counter() - begin
            if pid:
                break
            if stopped is None:
                stopped = reason_to_stop(process.pid, seconds, folder, limits)
                if stopped:
                    process.kill()
            time.sleep(PAUSE)
    process.returncode = os.waitstatus_to_exitcode(status)
    peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return Outcome(seconds, peak, stopped or reason_of_failure(process.returncode, log))


def reason_to_stop(pid: int, seconds: float, folder: Path, limits: Limits) -> str | None:
    """Why a process that still runs must not go on."""
    if seconds > limits.minutes * 60:
        return f"over {limits.minutes:g} minutes"
    if limits.memory and resident_bytes(pid) > limits.memory:
        return f"out of memory (over {limits.memory / 1e9:.0f} GB)"
    if shutil.disk_usage(folder).free < DISK_TO_SPARE:
        return "out of disk"
    return None


def reason_of_failure(code: int, log: Path) -> str | None:
    """Why a process ended without having finished, in the words of the results."""
    if code == 0:
        return None
    printed = log.read_text(encoding="utf-8", errors="replace")
    # The kernel kills without a word whoever takes too much.
    if code == -signal.SIGKILL or OUT_OF_MEMORY.search(printed):
        return "out of memory"
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    errors = [line for line in lines if ERROR.search(line)]
    return f"failed: {(errors or lines or [f'exit code {code}'])[-1]}"


def resident_bytes(pid: int) -> int:
    """Resident memory of a process now; 0 where the system does not tell."""
    try:
        pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
    except (OSError, IndexError):
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def offer_to_kernel(pid: int) -> None:
    """If the machine runs out of memory before the watch sees it, this process is the one to go."""
    with contextlib.suppress(OSError):
        Path(f"/proc/{pid}/oom_score_adj").write_text("1000", encoding="ascii")
