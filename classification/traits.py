"""Words for measurements: what a class description says of a region, and how well a region agrees.

A taxonomy may name traits outright; where it does not, they are the trait words of its description ("a small dark
pit" is small and dark). A word after "not", "no", "never" or "without" names nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from looktwice.evidence.comparisons import drawing


@dataclass(frozen=True)
class Trait:
    """A word and the measurement that it stands for.

    Attributes
    ----------
    measurement : str
        A name of ``measurements.NAMES`` or ``drawing.NAMES``.
    bound : float
        Where agreement is even.
    width : float
        From the bound to an agreement of 0.73, in the measurement's unit; negative for traits that lie below it.
    words : tuple of str
        By which descriptions name it, besides its own name.

    Examples
    --------
    >>> TRAITS["dark"].measurement, TRAITS["dark"].words
    ('contrast', ('darker', 'black'))
    >>> round(agreement("dark", {"contrast": -2.0}), 2), round(agreement("dark", {"contrast": 1.0}), 2)
    (0.96, 0.01)
    """

    measurement: str
    bound: float
    width: float
    words: tuple[str, ...] = ()


TRAITS: dict[str, Trait] = {
    "tiny": Trait("log_area_share", -2.7, -0.2, ("pinpoint",)),
    "small": Trait("log_area_share", -2.0, -0.2),
    "large": Trait("log_area_share", -1.3, 0.2, ("extensive", "broad")),
    "long": Trait("log_length_share", -0.6, 0.1),
    "elongated": Trait("log_elongation", 1.6, 0.3, ("line", "linear", "narrow", "thin")),
    "compact": Trait("log_elongation", 1.2, -0.3, ("round", "circular", "rounded", "blob")),
    "ragged": Trait("solidity", 0.8, -0.08, ("irregular", "jagged", "branching")),
    "upright": Trait("upright", 0.3, 0.15, ("vertical",)),
    "level": Trait("upright", -0.3, -0.15, ("horizontal",)),
    "several": Trait("log_pieces", 0.5, 0.2, ("multiple", "scattered", "many")),
    "single": Trait("log_pieces", 0.5, -0.2),
    "marginal": Trait("border_contact", 0.25, 0.1, ("border", "margin", "corner", "rim")),
    "dark": Trait("contrast", -0.7, -0.4, ("darker", "black")),
    "bright": Trait("contrast", 0.7, 0.4, ("brighter", "white", "light")),
    "faint": Trait("edge_sharpness", 1.0, -0.3, ("diffuse", "blurred", "gradual", "hazy")),
    "sharp": Trait("edge_sharpness", 1.6, 0.3, ("crisp",)),
    "coloured": Trait("colour_contrast", 1.0, 0.4, ("discoloured",)),
    "rough": Trait("roughness", 0.5, 0.25, ("coarse",)),
    "smooth": Trait("roughness", -0.3, -0.25, ("even",)),
    "missing": Trait("missing_share", 0.5, 0.1),
    "added": Trait("missing_share", 0.5, -0.1, ("extra", "surplus")),
    "enclosed": Trait("missing_arcs", 0.5, -0.15),
    "notched": Trait("missing_arcs", 1.0, 0.0),
    "severed": Trait("missing_arcs", 1.5, 0.15),
    "isolated": Trait("extra_arcs", 0.5, -0.15),
    "attached": Trait("extra_arcs", 1.0, 0.0),
    "bridging": Trait("extra_arcs", 1.5, 0.15),
}
"""By name. A width of 0 stands for "about the bound": within half of it."""

_NEGATIONS = frozenset({"not", "no", "never", "without", "neither", "nor", "nothing"})
_REACH = 3  # words that a negation covers
_BY_WORD = {word: name for name, trait in TRAITS.items() for word in (name, *trait.words)}
_DRAWN = frozenset(drawing.NAMES)


def read_traits(description: str, drawn: bool) -> tuple[str, ...]:
    """Find the traits that a description names, in its order.

    Parameters
    ----------
    description : str
    drawn : bool
        The picture is a drawing, so that missing and added material can be measured.

    >>> read_traits("A small, round pit, not at the border.", drawn=False)
    ('small', 'compact')
    """
    words = re.findall(r"[a-z]+", description.lower())
    found = []
    for index, word in enumerate(words):
        name = _BY_WORD.get(word)
        if name is None or _NEGATIONS & set(words[max(0, index - _REACH) : index]):
            continue
        if drawn or TRAITS[name].measurement not in _DRAWN:
            found.append(name)
    return tuple(dict.fromkeys(found))


def agreement(name: str, measured: Mapping[str, float]) -> float:
    """Say how well a region has a trait, in (0, 1); 0.5 where it was not measured."""
    trait = TRAITS[name]
    if trait.measurement not in measured:
        return 0.5
    away = measured[trait.measurement] - trait.bound
    logit = (0.5 - abs(away)) / 0.15 if trait.width == 0 else away / trait.width
    return float(1 / (1 + np.exp(-np.clip(logit, -6, 6))))


def score_classes(classes: Sequence[Sequence[str]], measured: Mapping[str, float]) -> npt.NDArray[np.float64]:
    """Return the probability of each class by its traits alone.

    A class is as likely as the mean of its traits' log agreements says, so that naming many traits neither helps nor
    harms; a class that names none neither gains nor loses.

    Parameters
    ----------
    classes : sequence of K sequences of trait names
    measured : mapping
        ``measurements.NAMES`` (and ``drawing.NAMES``) to values.

    Returns
    -------
    float, shape (K,)
        Sums to 1.
    """
    logits = [
        np.mean([np.log(agreement(name, measured)) for name in traits]) if traits else np.log(0.5) for traits in classes
    ]
    weights = np.exp(SHARPNESS * (np.array(logits) - max(logits)))
    shares: npt.NDArray[np.float64] = weights / weights.sum()
    return shares


# How decided a mean log agreement is: two agreements of 0.9 against two of 0.5 make a share of 0.85.
SHARPNESS = 3.0
