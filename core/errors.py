"""The errors that looktwice raises on purpose.

Each carries one line that says what is wrong and what to do; the command line prints that line and
nothing else (``--debug`` adds the traceback).
"""

from __future__ import annotations


class LookTwiceError(Exception):
    """Base of every error that is meant to be read by a user."""


class InputError(LookTwiceError):
    """One input cannot be used; the rest of a batch goes on (exit status 1)."""


class UsageError(LookTwiceError):
    """The call itself is wrong (exit status 2)."""


class WeightsError(LookTwiceError):
    """Model weights are missing, damaged or do not fit; nothing can run (exit status 2)."""
