"""The types at the door of ``reasoning``: evidence in, an answer out."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class AnswerKind(str, Enum):
    """Who wrote the answer."""

    TEMPLATE = "template"
    EMBEDDED = "embedded"
    ONEVISION = "onevision"
    REMOTE = "remote"


@dataclass(frozen=True)
class Answer:
    """A text and the structured fields that it states.

    Attributes
    ----------
    text : str
    kind : AnswerKind
    fields : dict
        What the text states, JSON-serialisable: ``verdict``, ``where``, ``size`` ...
    """

    text: str
    kind: AnswerKind
    fields: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return ``{"kind": ..., **fields}`` as the command line's JSON contract has it."""
        return {"kind": self.kind.value, **self.fields}
