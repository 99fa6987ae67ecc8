"""What one source of evidence says of one study."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit

if TYPE_CHECKING:
    from looktwice.core.tokens import SelectedTokens

FloatArray = npt.NDArray[np.float32]
ByteArray = npt.NDArray[np.uint8]


class Join(str, Enum):
    """How a finding joins those of the other sources; see ``core.fuse``."""

    REPLACE = "replace"
    MAX = "max"
    ADD = "add"
    NONE = "none"


@dataclass(frozen=True, eq=False)
class ViewHeat:
    """Heat that was measured in the views.

    Attributes
    ----------
    maps : float32, shape (V, h, w)
        One map per view, in the order of ``Study.views()``; each covers the full extent of its view.

    Examples
    --------
    >>> heat = ViewHeat(np.zeros((3, 16, 16), np.float32))
    >>> Finding("dust", logit=1.1, heat=heat).heat.maps.shape
    (3, 16, 16)
    """

    maps: FloatArray


@dataclass(frozen=True, eq=False)
class NativeHeat:
    """Heat that was measured in the input's own space.

    Attributes
    ----------
    values : float32 array or field
        An array of the native map's shape; for volumes a field that is read at the voxels piece by piece.

    Examples
    --------
    >>> densities = np.linspace(0, 1, 24, dtype=np.float32).reshape(2, 3, 4)
    >>> finding = Finding("density", logit=1.1, heat=NativeHeat(densities))
    >>> finding.heat.values.shape, finding.summary().heat is None
    ((2, 3, 4), True)
    """

    values: Any


@dataclass(frozen=True, eq=False)
class Finding:
    """What one source of evidence says of one study.

    Attributes
    ----------
    name : str
        The source's name.
    logit : float
        Calibrated: at 0 the study is as likely an anomaly as not. With `join` "add", 0 says nothing.
    heat : ViewHeat or NativeHeat, optional
        Where; in [0, 1], or logits with `join` "add". A plain array is taken for view maps (V, h, w).
    join : {"max", "replace", "add", "none"}
        How it joins the other findings; "none" only reports it.
    replaces : tuple of str
        With `join` "replace": the sources whose findings no longer count.
    view_scores : float32, shape (V,), optional
        How suspicious each view is, in [0, 1].
    selected : SelectedTokens, optional
        What a reasoner reads of Look-Twice Feature Matching.
    doubt : str
        Why the logit does not say whether the study is normal, where it does not; one sentence.
    covered : bool
        Whether the calibration covers this kind of input; where it does not there is no verdict at all.
    notes : tuple of str
        Assumptions and doubts, one sentence each, for the user.
    reference : uint8, shape (h, w, 3), optional
        The normal picture that is most like the study, for whoever names what was found.
    expected : uint8, shape (H, W, 3), optional
        A normal picture of the very same scene, pixel by pixel.
    p_normal : float, optional
        Share of normal inputs of this kind that come to a higher logit, where that is known.
    p_normal_from : str
        Which normal inputs it was learnt from, in a few words.
    kinds : mapping of str to float
        Log-probability of each kind of anomaly, of a source that has learnt kinds.

    Examples
    --------
    >>> finding = Finding("dust", logit=1.1)
    >>> round(finding.score, 2), finding.join.value
    (0.75, 'max')
    """

    name: str
    logit: float
    heat: ViewHeat | NativeHeat | None = None
    join: Join = Join.MAX
    replaces: tuple[str, ...] = ("self_reference",)
    view_scores: FloatArray | None = None
    selected: SelectedTokens | None = None
    doubt: str = ""
    covered: bool = True
    notes: tuple[str, ...] = ()
    reference: ByteArray | None = None
    expected: ByteArray | None = None
    p_normal: float | None = None
    p_normal_from: str = ""
    kinds: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "join", Join(self.join))
        if isinstance(self.heat, np.ndarray):
            object.__setattr__(self, "heat", ViewHeat(self.heat))
        if isinstance(self.heat, ViewHeat) and self.heat.maps.ndim != 3:
            raise ValueError(f"{self.name}: view maps must be (views, rows, columns), not {self.heat.maps.shape}")

    @property
    def score(self) -> float:
        """The logit as a share in [0, 1]."""
        return float(expit(self.logit))

    def summary(self) -> Finding:
        """Return the finding without its heat, tokens and pictures, to be kept with a result."""
        return replace(self, heat=None, selected=None, reference=None, expected=None)
