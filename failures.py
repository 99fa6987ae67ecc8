"""From whatever goes wrong with one input to the one line that it costs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from looktwice.core.errors import InputError, LookTwiceError
from looktwice.core.one_line import one_line
from looktwice.core.result import Failure
from looktwice.core.study import Study
from looktwice.modalities.inputs import Input
from looktwice.modalities.memory import describe


def failure_of_input(source: Any, error: Exception) -> Failure:
    """Return the failure of an input that could not be opened; errors of the call itself are raised.

    Parameters
    ----------
    source : path, object or Input
    error : Exception
        Of any library; it is kept as the cause, for ``--debug``.
    """
    shown = str(source) if isinstance(source, (str, Path, Input)) else describe(source)
    if isinstance(source, Input) and source.shown and isinstance(error, InputError):
        # It was unpacked from an archive: the line says what the user calls it.
        renamed = InputError(str(error).replace(str(source.source), source.shown))
        renamed.__cause__, error = error, renamed
    return Failure(shown, _reason(shown, error, "read"))


def failure_of_study(study: Study, error: Exception, what: str) -> Failure:
    """Return the failure of a study that was opened; `what` could not be done with it ("inspected")."""
    return Failure(str(study.source), _reason(str(study.source), error, what))


def _reason(shown: str, error: Exception, what: str) -> InputError:
    if isinstance(error, InputError):
        if shown in str(error):
            return error
        named = InputError(f"{shown}: {error}")
        named.__cause__ = error
        return named
    if isinstance(error, LookTwiceError):
        raise error
    reason = InputError(f"{shown}: cannot be {what} ({one_line(error)})")
    reason.__cause__ = error
    return reason
