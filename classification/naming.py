"""The type at the door of those who name: a specimen in, a class out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from looktwice.classification.anomaly import Specimen
from looktwice.classification.taxonomy import UNKNOWN, Taxonomy

LEAST_MARGIN = 0.05
"""A class must be likelier than chance by so much to be named."""


@dataclass(frozen=True)
class Naming:
    """A class, and why.

    Attributes
    ----------
    key : str
        A class of the taxonomy, or ``"unknown"``.
    confidence : float or None
        In [0, 1]; None where a model gave none.
    why : str
    probabilities : dict of str to float
        By class, where they are known.
    tokens : dict of str to int
        ``prompt`` and ``answer``; empty where no language model was asked.
    problem : str or None
        What was wrong with an answer that could not be taken as it was; it counts as unknown.
    worded_by : {"smollm2", "template"} or None
        Who worded the reason where a language model was to; ``template`` where what it wrote was refused.
    """

    key: str
    confidence: float | None
    why: str
    probabilities: dict[str, float] = field(default_factory=dict)
    tokens: dict[str, int] = field(default_factory=dict)
    problem: str | None = None
    worded_by: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the fields as a JSON object."""
        return dict(vars(self))

    @property
    def is_unknown(self) -> bool:
        """Whether no class was named."""
        return self.key == UNKNOWN


class Namer(Protocol):
    """Names findings by one taxonomy.

    Attributes
    ----------
    name : str
        Who it is, as reports have it: ``embedded``, ``openai:MODEL@URL`` ...
    version : str
        What else its answers depend on; answers of another version are not taken from the cache.
    taxonomy : Taxonomy
    """

    name: str
    version: str
    taxonomy: Taxonomy

    def identify(self, specimen: Specimen) -> Naming:
        """Name one finding."""
        ...
