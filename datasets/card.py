"""What a published benchmark is, in words."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

Domain = Literal["industrial", "medical", "3d"]
Content = Literal["samples", "questions", "records"]


@dataclass(frozen=True)
class Card:
    """A published benchmark's card.

    Attributes
    ----------
    name : str
        As the command line has it.
    title : str
        As its authors call it.
    about : str
        What it shows, how much, and what to mind.
    licence : str
        As its owner states it; "not stated" where none is.
    home : str
        Where its owner publishes it.
    layout : str
        How the folder must look.
    domain : {"industrial", "medical", "3d"}
    content : {"samples", "questions", "records"}
        Labelled inputs, questions with answers about pictures, or conversations to train on.

    Examples
    --------
    >>> from looktwice.datasets import Card
    >>> card = Card(
    ...     "welds",
    ...     title="Welds",
    ...     about="Seams of one robot.",
    ...     licence="CC0",
    ...     home="https://example.org",
    ...     layout="<kind>-<number>.png",
    ...     domain="industrial",
    ... )
    >>> card.content
    'samples'
    """

    name: str
    title: str
    about: str
    licence: str
    home: str
    layout: str
    domain: Domain
    content: Content = "samples"

    def to_json(self) -> dict[str, str]:
        """Return all fields."""
        return asdict(self)
