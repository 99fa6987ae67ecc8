"""An answer: what a reasoner says of a study."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Answer:
    """A text and the structured fields that it states.

    Attributes
    ----------
    text : str
    kind : str
        Name of the reasoner that wrote it: ``template``, ``embedded``, ``onevision``, ``remote`` ...
    fields : dict
        What the text states, JSON-serialisable: ``verdict``, ``where``, ``size`` ...
    author : str
        The sentence that a report prints under the text, to say who wrote it; empty prints none.

    Examples
    --------
    >>> Answer("Nothing stands out.", "template", {"verdict": "normal"}).to_json()
    {'kind': 'template', 'verdict': 'normal'}
    """

    text: str
    kind: str
    fields: dict[str, Any] = field(default_factory=dict)
    author: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return ``{"kind": ..., **fields}`` as the command line's JSON contract has it."""
        return {"kind": self.kind, **self.fields}
