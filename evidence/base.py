"""What every source of evidence offers, and what it is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch

from looktwice.core.calibration import Calibration
from looktwice.core.finding import Finding
from looktwice.core.study import Study
from looktwice.evidence.config import ExpertConfig
from looktwice.evidence.encoding import EncodedViews, StudyTokens
from looktwice.evidence.expert import Expert


class Comparison(Protocol):
    """What studies are compared with: references, or the cohort that they came with.

    Attributes
    ----------
    tokens : mapping of str to StudyTokens
        What was kept of the tokens of a cohort's members, by ``Study.key``; empty for references.
    """

    @property
    def tokens(self) -> Mapping[str, StudyTokens]:
        """See above."""
        ...

    def keep(self, views: EncodedViews) -> Sequence[Any]:
        """Return what `compare` will need of a batch of views, one item per view."""

    def compare(self, study: Study, tokens: StudyTokens) -> Finding | None:
        """Compare a study; None, and a note in the study, where it cannot be."""


class Examples(Protocol):
    """Outlined examples of flaws to look for."""

    def find(self, image: npt.NDArray[np.uint8]) -> Finding:
        """Search a photograph for what the examples show."""


@dataclass(frozen=True, eq=False)
class Context:
    """What a source may know besides the study.

    Attributes
    ----------
    expert : Expert
    references : Comparison, optional
        The normal inputs to compare with.
    cohort : Comparison, optional
        The inputs that are compared with each other.
    examples : Examples, optional
        Outlined examples of flaws to look for.
    findings : tuple of Finding
        Of the sources that were asked before; see ``AFTER``.

    Examples
    --------
    A source asks for its calibration, and for what others have found:

    >>> from types import SimpleNamespace
    >>> config = ExpertConfig("efficientnet_lite0", {}, 16, (), calibration={"rust": Calibration(score_shift=2.0)})
    >>> context = Context(SimpleNamespace(config=config), findings=(Finding("dust", logit=1.1),))
    >>> context.calibration("rust").logit(5.0), context.finding("dust").logit
    (3.0, 1.1)
    >>> context.finding("scratches") is None
    True
    """

    expert: Expert
    references: Comparison | None = None
    cohort: Comparison | None = None
    examples: Examples | None = None
    findings: tuple[Finding, ...] = field(default=())

    @property
    def config(self) -> ExpertConfig:
        """What the expert's file says."""
        return self.expert.config

    @property
    def device(self) -> torch.device:
        """Where the encoder runs."""
        return self.expert.device

    def calibration(self, name: str) -> Calibration | None:
        """Return the calibration that the expert's file holds under a name; None where it holds none."""
        return self.config.calibration.get(name)

    def calibrated(self, found: Finding | None) -> Finding | None:
        """Return a finding with the calibration that the expert's file holds under its name, if it holds one."""
        calibration = None if found is None else self.calibration(found.name)
        return found if found is None or calibration is None else replace(found, logit=calibration.logit(found.logit))

    def finding(self, name: str) -> Finding | None:
        """Return what a source that was asked before has found; None where it found nothing."""
        return next((one for one in self.findings if one.name == name), None)


class Source(Protocol):
    """A source of evidence: a module of ``evidence/``, found by its file's name.

    Attributes
    ----------
    NAME : str
        Its key in an expert's calibration and in a result's findings.
    TITLE : str
        What it finds, as a report says it.
    AFTER : tuple of str, optional
        Sources whose findings it wants to know.
    """

    NAME: str
    TITLE: str

    def fits(self, study: Study) -> bool:
        """Whether this source can say something about a study."""

    def look(self, study: Study, tokens: StudyTokens, context: Context) -> Finding | None:
        """Judge a study; None where nothing can be said."""


class TokenSource(Source, Protocol):
    """A source that works on tokens."""

    def keep(self, views: EncodedViews, context: Context) -> Sequence[Any]:
        """Return what `look` will need of a batch of views, one item per view; it is found in ``tokens.kept``."""
