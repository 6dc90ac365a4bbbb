"""The folder of a release: it holds the former release until the new one is complete."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from xlsxwriter.exceptions import XlsxWriterException

from dbt_rfm.mistake import Mistake

PACKAGE = "dbt-rfm"
MANIFEST = "manifest.json"
ENDINGS = (".xlsx", ".csv", ".parquet")


@contextmanager
def replaced(folder: Path) -> Iterator[Path]:
    """Give a folder to write a release into, whose files then take the place of the former release.

    Files of the former release that the new one does not have are deleted: those that its manifest lists, no others.
    Where anything fails, the former release stays. Raises Mistake where the disk is full, the folder is not writable,
    or its manifest is somebody else's.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        former = listed(folder / MANIFEST)
        # Within the folder, so that moving the files over copies nothing.
        unfinished = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=folder))
        try:
            yield unfinished
            move(unfinished, folder, former)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    except (OSError, XlsxWriterException) as error:
        raise Mistake(f"{folder} cannot be written: {reason(error)}") from error


def move(unfinished: Path, folder: Path, former: list[str]) -> None:
    """Move a complete release into its folder; the manifest comes last, so that what is listed can be cleared again."""
    released = sorted(path.name for path in unfinished.iterdir())
    for name in released:
        if name != MANIFEST:
            (unfinished / name).replace(folder / name)
    for name in former:
        if name not in released:
            (folder / name).unlink(missing_ok=True)
    (unfinished / MANIFEST).replace(folder / MANIFEST)


def listed(manifest: Path) -> list[str]:
    """Return the files that a manifest lists beside itself; none where there is no manifest."""
    try:
        content: Any = json.loads(manifest.read_text(encoding="utf-8"))
        is_own = content["package"] == PACKAGE
        names = [file["name"] for dataset in content["datasets"] for file in dataset["files"]]
    except FileNotFoundError:
        return []
    except (ValueError, TypeError, KeyError):
        is_own = False
    if not is_own:
        raise Mistake(
            f"{manifest} is not the manifest of a release: name another folder with --output, or move it away"
        )
    return [name for name in names if isinstance(name, str) and name == Path(name).name and name.endswith(ENDINGS)]


def reason(error: BaseException) -> str:
    """Return what the system says of a file that it cannot write."""
    while error.args and isinstance(error.args[0], BaseException):
        error = error.args[0]
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
