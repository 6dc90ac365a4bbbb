"""What the results were made with: the machine, the versions, the state of the repository."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path

from benchmarks.measure import REPOSITORY

PACKAGES = ["duckdb", "dbt-core", "dbt-duckdb", "pandas", "polars", "pyarrow"]
SPARK_PACKAGES = ["dbt-core", "dbt-spark", "pyspark"]
MEASURED = ["dbt_project.yml", "macros", "models", "seeds", "src", "tests/*.sql"]


def machine() -> dict[str, str | int | float]:
    """Cores, memory in bytes, the processor's name, and how busy the machine was before (load average of a minute)."""
    return {
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "memory_bytes": memory_bytes(),
        "system": f"{platform.system()} {platform.machine()}",
        "load_before": round(os.getloadavg()[0], 2),
    }


def memory_bytes() -> int:
    """The machine's memory."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def processor() -> str:
    """The processor's name where Linux tells it."""
    path = Path("/proc/cpuinfo")
    told = (
        re.search(r"^model name\s*:\s*(.+)$", path.read_text(encoding="utf-8"), re.MULTILINE) if path.exists() else None
    )
    return told[1].strip() if told else platform.processor() or "unknown"


def versions(part: str) -> dict[str, str]:
    """Python's version and those of the packages that compete in a part."""
    packages = SPARK_PACKAGES if part == "spark" else PACKAGES
    return {"python": platform.python_version()} | {name: version(name) for name in packages}


def commit() -> str:
    """The last commit that changed what is measured; 'and changes' where that differs from it."""
    told = git("log", "-1", "--format=%H", "--", *MEASURED)
    if not told:
        return "unknown"
    return told[:12] + (" and changes" if git("status", "--porcelain", "--", *MEASURED) else "")


def git(*arguments: str) -> str | None:
    """What git prints about this repository, or none without git."""
    try:
        done = subprocess.run(["git", *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
