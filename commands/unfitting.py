"""Options that do not fit an input are passed over there; that is said once a call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from looktwice.commands import terminal
from looktwice.commands.examining import Examining

if TYPE_CHECKING:
    from looktwice.core.result import Failure
    from looktwice.modalities.base import Adapter
    from looktwice.modalities.inputs import Input


def say_unfitting(
    examining: Examining,
    inputs: Sequence[Input | Failure],
    *,
    export: Sequence[str] = (),
    dicom: bool = False,
    keep_identifiers: bool = False,
) -> None:
    """Say on stderr which of the options that were given do not fit which kinds of input.

    Parameters
    ----------
    examining : Examining
    inputs : sequence of Input or Failure
        What was found; what is of no known kind says nothing.
    export, dicom, keep_identifiers
        Options of ``inspect``.
    """
    from looktwice.core.result import Failure
    from looktwice.modalities.opening import adapters

    asked = adapters()
    kinds = {one.kind for one in inputs if not isinstance(one, Failure)} - {""}
    for option, fitting in _given(examining, asked, export, dicom, keep_identifiers):
        fits = [adapter.noun for adapter in asked if adapter.kind in fitting]
        others = [adapter.noun for adapter in asked if adapter.kind in kinds - fitting]
        if others:
            among = "and passed over for the others" if kinds & fitting else "and passed over: there is none"
            terminal.say(f"note: {option} is for {_plural(fits)} only, {among} ({_plural(others)})")


def _given(
    examining: Examining, asked: Sequence[Adapter], export: Sequence[str], dicom: bool, keep_identifiers: bool
) -> Iterator[tuple[str, set[str]]]:
    """Yield each option that was given and is not for every kind, with the kinds that it is for."""
    usual = {one.name: getattr(one.default, "default", one.default) for one in fields(Examining)}
    for name, value in examining.adapter_options().items():
        fitting = {adapter.kind for adapter in asked if name in adapter.options}
        if fitting and value != usual.get(name):
            yield f"--{name.replace('_', '-')}" if name in usual else f"--option {name}", fitting
    for name in export:
        yield f"--export {name}", {adapter.kind for adapter in asked if name in adapter.exports}
    of_patients: tuple[tuple[str, Any], ...] = (
        ("--dicom", dicom),
        ("--keep-identifiers", keep_identifiers),
        ("--series", examining.series),
    )
    for option, value in of_patients:
        if value:
            yield option, {adapter.kind for adapter in asked if "series" in adapter.options}


def _plural(nouns: Sequence[str]) -> str:
    return ", ".join(f"{noun}s" for noun in nouns)
