"""The errors that are meant for users.

Each has a one-line message that says what is wrong and what to do. The command line prints only this line (``--debug``
adds the traceback).
"""

from __future__ import annotations


class LookTwiceError(Exception):
    """Base class of all errors that are meant for users."""


class InputError(LookTwiceError):
    """One input cannot be used; the others are still processed (exit status 1)."""


class UsageError(LookTwiceError):
    """The call itself is wrong, such as an unknown option value (exit status 2)."""


class WeightsError(LookTwiceError):
    """Model weights are missing, damaged or of the wrong shape (exit status 2)."""
