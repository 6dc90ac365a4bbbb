"""Start and stop a PostgreSQL of one's own, in a folder and on a port of one's choice, for trials and tests.

Run ``python scripts/postgres_server.py start DIRECTORY PORT`` and ``python scripts/postgres_server.py stop DIRECTORY``.
The server listens on 127.0.0.1 only and asks for no password; user and database are called rfm. What it keeps may be
lost when the machine stops, so nothing in it should be dear to you.

PostgreSQL refuses to run as root. Started by root, it runs as the user postgres, or nobody if there is none; the folder
becomes that user's.
"""

from __future__ import annotations

import argparse
import os
import pwd
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

USER = "rfm"
DATABASE = "rfm"
OLDEST = 15
PROGRAMS = ["postgres", "initdb", "pg_ctl", "psql", "createdb"]
# English's order of text is not that of the bytes, as on most servers: what is sorted by bytes has to say so itself.
INITDB = ["--encoding=UTF8", "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US", "--no-sync"]
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    # The socket lies in the folder itself: named like this, the folder's path may be as long as it likes.
    "unix_socket_directories": ".",
    "max_connections": "20",
    "jit": "off",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
}


class PostgresError(Exception):
    """What went wrong, in one line."""


def postgres_version(binaries: Path) -> int | None:
    """Ask for the major version of the PostgreSQL in this folder; None if a program is missing or does not run."""
    if not all(os.access(binaries / program, os.X_OK) for program in PROGRAMS):
        return None
    try:
        said = subprocess.run([binaries / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r"PostgreSQL\) (\d+)", said)
    return int(found[1]) if found else None


def find_postgres() -> Path | None:
    """Give the folder with the programs of a PostgreSQL 15 or later, or None."""
    places = []
    if on_path := shutil.which("postgres"):
        places.append(Path(on_path).resolve().parent)
    versions = [folder for folder in Path("/usr/lib/postgresql").glob("*/bin") if folder.parent.name.isdigit()]
    places += sorted(versions, key=lambda folder: int(folder.parent.name), reverse=True)
    if pg_config := shutil.which("pg_config"):
        said = subprocess.run([pg_config, "--bindir"], capture_output=True, text=True).stdout.strip()
        places += [Path(said)] if said else []
    return next((place for place in places if (postgres_version(place) or 0) >= OLDEST), None)


def start(directory: Path, port: int) -> None:
    """Start the server of a folder and wait until it answers; make it first where the folder is empty or missing."""
    directory = Path(directory).absolute()
    binaries = _binaries()
    made = (directory / "PG_VERSION").exists()
    if not made:
        if directory.exists() and any(directory.iterdir()):
            raise PostgresError(f"{directory} has files in it but no database; choose an empty folder")
        directory.mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0:
        _give(directory, _account(directory))
    if not made:
        _run(directory, binaries / "initdb", "-D", directory, f"--username={USER}", "--auth=trust", *INITDB)
    if not is_running(directory):
        settings = " ".join(f"-c {name}={value}" for name, value in {"port": port, **SETTINGS}.items())
        log = directory / "server.log"
        log.unlink(missing_ok=True)
        _run(directory, binaries / "pg_ctl", "start", "-D", directory, "-w", "-l", log, "-o", settings, log=log)
    elif (running := _port(directory)) != port:
        raise PostgresError(f"the server in {directory} already runs on port {running}; stop it first")
    connect = ["-h", "127.0.0.1", "-p", str(port), "-U", USER]
    existing = _run(
        directory, binaries / "psql", *connect, "-X", "-A", "-t", "-c", "select datname from pg_database", "postgres"
    )
    if DATABASE not in existing.split():
        _run(directory, binaries / "createdb", *connect, DATABASE)


def stop(directory: Path) -> None:
    """Stop the server of a folder, whoever is connected; one that does not run is fine too."""
    directory = Path(directory).absolute()
    if is_running(directory):
        _run(directory, _binaries() / "pg_ctl", "stop", "-D", directory, "-w", "-m", "fast")


def is_running(directory: Path) -> bool:
    """Whether the server of a folder runs."""
    directory = Path(directory).absolute()
    if not (directory / "postmaster.pid").exists():
        return False
    status = [_binaries() / "pg_ctl", "status", "-D", directory]
    return subprocess.run(status, capture_output=True, **_as_owner(directory)).returncode == 0


def _binaries() -> Path:
    """Give the folder with the programs, or say how to get them."""
    if (binaries := find_postgres()) is None:
        raise PostgresError(f"no PostgreSQL {OLDEST} or later found; install it: apt-get install postgresql")
    return binaries


def _port(directory: Path) -> int:
    """Read the port of a running server."""
    return int((directory / "postmaster.pid").read_text(encoding="utf-8").splitlines()[3])


def _account(directory: Path) -> pwd.struct_passwd:
    """Say as whom root runs the server of a folder: the folder's owner, if that is not root too."""
    if owner := directory.stat().st_uid:
        return pwd.getpwuid(owner)
    for name in ["postgres", "nobody"]:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise PostgresError("PostgreSQL refuses to run as root, and there is no user postgres or nobody")


def _give(directory: Path, account: pwd.struct_passwd) -> None:
    """Make the folder and what is in it another user's, who has to get there."""
    if subprocess.run(["test", "-x", directory.parent], **_as_owner(directory, cwd=Path("/"))).returncode:
        raise PostgresError(
            f"the user {account.pw_name}, as whom root runs PostgreSQL, cannot enter {directory.parent}; "
            "choose a folder within reach of others, as below /tmp"
        )
    if directory.stat().st_uid != account.pw_uid:
        for folder, _, files in os.walk(directory):
            for path in [Path(folder), *(Path(folder, file) for file in files)]:
                os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)


def _as_owner(directory: Path, cwd: Path | None = None) -> dict[str, Any]:
    """Say how to run a program for the server of a folder: not as root, and not led astray by libpq's variables."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    if os.geteuid() != 0:
        return {"cwd": cwd or directory, "env": environment}
    account = _account(directory)
    return {
        "cwd": cwd or directory,
        "env": {**environment, "HOME": str(directory)},
        "user": account.pw_uid,
        "group": account.pw_gid,
        "extra_groups": [],
    }


def _run(directory: Path, *command: str | Path, log: Path | None = None) -> str:
    """Run one of PostgreSQL's programs and give what it printed, or its last words as the error."""
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, **_as_owner(directory))
    if done.returncode:
        said = (log.read_text(encoding="utf-8") if log and log.exists() else "") or done.stderr or done.stdout
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        telling = (
            [line for line in lines if re.search("could not|FATAL|error:", line)] or lines or ["it gave no reason"]
        )
        reason = re.sub(r"^.*?(LOG|FATAL|error): +", "", telling[0])
        raise PostgresError(f"{Path(command[0]).name} failed in {directory}: {reason}")
    return done.stdout


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="postgres_server.py", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    to_start = commands.add_parser("start", help="start the server of a folder, made first where it is empty")
    to_start.add_argument("directory", type=Path)
    to_start.add_argument("port", type=int)
    commands.add_parser("stop", help="stop the server of a folder").add_argument("directory", type=Path)
    commands.add_parser("find", help="print where PostgreSQL's programs are")
    chosen = parser.parse_args(arguments)
    try:
        if chosen.command == "start":
            start(chosen.directory, chosen.port)
            print(f"PostgreSQL runs on 127.0.0.1:{chosen.port}, user {USER}, database {DATABASE}")
        elif chosen.command == "stop":
            stop(chosen.directory)
        else:
            print(_binaries())
    except (PostgresError, OSError) as error:
        print(f"rfm: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
