"""What goes wrong in a command and its caller can put right."""

from __future__ import annotations


class Mistake(Exception):
    """One line: what was found, and what to do. The command prints it without a traceback."""
