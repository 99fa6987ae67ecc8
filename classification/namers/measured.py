"""Names by measurements against the words of the taxonomy, and by a few labelled examples; needs no server.

Without examples a class is as likely as its traits agree with what was measured. With examples, from one per class, a
logistic regression over standardised region tokens and measurements joins in; it counts for more the more examples
there are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from looktwice.classification import measurements
from looktwice.classification.anomaly import Anomaly
from looktwice.classification.measurements import measure
from looktwice.classification.naming import LEAST_MARGIN, Naming
from looktwice.classification.taxonomy import UNKNOWN, Taxonomy
from looktwice.classification.traits import agreement, score_classes
from looktwice.core.errors import UsageError
from looktwice.core.study import FloatArray
from looktwice.evidence.comparisons import drawing

if TYPE_CHECKING:
    from looktwice.encoders.base import VisionEncoder

ABOUT = "measurements against the taxonomy's words, and labelled examples if there are any"
ALIASES = {"embedded": "measured"}

LEVELS = (0, 1, 2, 3)
# Inverse strength of the ridge, on parts scaled to unit norm.
C = 10.0
# How much a drawing's measurements weigh against tokens and other measurements: they state the kind of flaw outright.
DRAWING_WEIGHT = 2.0
# The words of the taxonomy count like so many examples per class.
WORDS_COUNT_AS = 1.0
# Few examples understate how much their kind varies: no column's spread is taken for less than this ...
_LEAST_SPREAD = {"tokens": 1e-4, "measurements": 0.15, "drawing": 0.1}
# ... and no token channel's for less than this share of what is usual among them.
_LEAST_TOKEN_SHARE = 0.3
_ARCS = tuple(drawing.NAMES.index(name) for name in ("missing_arcs", "extra_arcs"))


def open(
    spec: str,
    taxonomy: Taxonomy,
    *,
    encoder: VisionEncoder,
    examples: Mapping[str, Sequence[Anomaly]],
    allow_remote: bool,
    device: str,
) -> MeasuredNamer:
    """Open the namer, and let it learn from the examples if there are any; see `MeasuredNamer.learn` for errors."""
    namer = MeasuredNamer(encoder, taxonomy)
    if examples:
        anomalies = [anomaly for group in examples.values() for anomaly in group]
        namer.learn(namer.describe(anomalies), [key for key, group in examples.items() for _ in group])
    return namer


class MeasuredNamer:
    """Names anomalies by measurements and, once it has learned some, by labelled examples.

    Parameters
    ----------
    encoder : VisionEncoder
    taxonomy : Taxonomy

    Examples
    --------
    >>> from looktwice.classification.anomaly import AnomalyView, Contours
    >>> from looktwice.classification.taxonomy import load_taxonomies
    >>> image, mask = np.full((64, 64, 3), 120, np.uint8), np.zeros((64, 64), bool)
    >>> mask[30:32, 10:50], image[30:32, 10:50] = True, 20
    >>> namer = MeasuredNamer(None, load_taxonomies("magnetic_tile")["magnetic_tile"])  # no examples, no encoder
    >>> naming = namer.identify(Anomaly((AnomalyView(image, mask),), Contours.PREDICTED))
    >>> naming.key, naming.why
    ('crack', 'the region is dark, elongated, long and sharp')
    """

    name, version = "measured", ""

    def __init__(self, encoder: VisionEncoder, taxonomy: Taxonomy) -> None:
        self.encoder, self.taxonomy = encoder, taxonomy
        self.counts: dict[str, int] = {}
        self._learned: ExampleClassifier | None = None

    def learn(self, described: Mapping[str, npt.NDArray[np.floating]], labels: Sequence[str]) -> None:
        """Learn from labelled examples, from one per class; classes without one are named by their words alone.

        Parameters
        ----------
        described : dict of str to float, shape (R, D)
            What :meth:`describe` gives.
        labels : sequence of R class keys

        Raises
        ------
        UsageError
            A label that the taxonomy does not have, or examples of one class only, which tell nothing apart.
        """
        strange = set(labels) - set(self.taxonomy.classes)
        if strange:
            raise UsageError(
                f"the examples contain classes that the taxonomy does not have: {', '.join(sorted(strange))}"
            )
        if len(set(labels)) < 2:
            raise UsageError("all examples belong to one class; give examples of at least two classes")
        self.counts = {key: list(labels).count(key) for key in dict.fromkeys(labels)}
        self._learned = ExampleClassifier(described, labels)

    def describe(self, anomalies: Sequence[Anomaly]) -> dict[str, npt.NDArray[np.floating]]:
        """Return what examples are compared by: ``tokens``, ``measurements``, ``drawing``; one row for each anomaly."""
        found = [measure(anomaly.views[0], self.taxonomy.drawing) for anomaly in anomalies]
        return {"tokens": self._tokens(anomalies), **as_rows(found)}

    def identify(self, anomaly: Anomaly) -> Naming:
        """Name one anomaly."""
        found = measure(anomaly.views[0], self.taxonomy.drawing)
        # What outlined examples have taught detection takes the place of what their regions teach: a region as it
        # is found resembles other such regions, not outlines.
        if self._learned is None or anomaly.likely.keys() >= self.counts.keys():
            return self.decide(found, anomaly.likely)
        return self.decide(found, self.recognise({"tokens": self._tokens([anomaly]), **as_rows([found])}))

    def recognise(self, described: Mapping[str, npt.NDArray[np.floating]]) -> dict[str, float]:
        """Say by the examples how likely each of their classes is, for one anomaly as :meth:`describe` has it.

        Returns
        -------
        dict of str to float
            Log-probabilities; empty without examples.
        """
        return {} if self._learned is None else self._learned.log_probabilities(described)

    def decide(self, found: Mapping[str, float], learned: Mapping[str, float]) -> Naming:
        """Name an anomaly by its measurements and what examples say, in log-probabilities; these may be none."""
        keys = list(self.taxonomy.classes)
        logits = np.log(score_classes([self.taxonomy.traits(key) for key in keys], found))
        if learned and self.counts:
            fewest = min(self.counts.values())
            trust = fewest / (fewest + WORDS_COUNT_AS)
            # A class without examples keeps its words' say, at the level of the least likely of the others.
            floor = min(learned.values())
            logits = np.array(
                [(1 - trust) * logit + trust * learned.get(key, floor) for key, logit in zip(keys, logits, strict=True)]
            )
        shares = np.exp(logits - logits.max())
        shares /= shares.sum()
        probabilities = dict(zip(keys, map(float, shares), strict=True))
        best = max(probabilities, key=probabilities.__getitem__)
        confidence = probabilities[best]
        if len(keys) > 1 and confidence < 1 / len(keys) + LEAST_MARGIN:
            return Naming(UNKNOWN, confidence, "no class stands out from the others", probabilities)
        return Naming(best, confidence, self._explain(best, found), probabilities)

    def agreeing(self, key: str, found: Mapping[str, float]) -> list[str]:
        """Return the traits of a class that a region has."""
        return [name for name in self.taxonomy.traits(key) if agreement(name, found) > 0.5]

    def _explain(self, key: str, found: Mapping[str, float]) -> str:
        agreeing = self.agreeing(key, found)
        reasons = [f"the region is {_enumerate(agreeing)}"] if agreeing else []
        if key in self.counts and self._learned is not None:
            count = self.counts[key]
            reasons.append(f"it looks like the {count} example{'s' if count > 1 else ''} of {self._shown(key)}")
        return "; ".join(reasons) or f"{self._shown(key)} contradicts the measurements least"

    def _shown(self, key: str) -> str:
        return self.taxonomy.classes[key].name

    def _tokens(self, anomalies: Sequence[Anomaly]) -> FloatArray:
        from looktwice.classification.region_tokens import region_tokens

        views = [anomaly.views[0] for anomaly in anomalies]
        return region_tokens(self.encoder, [one.image for one in views], [one.mask for one in views], LEVELS)


class ExampleClassifier:
    """A ridge-penalised logistic regression over standardised parts, each of the same weight but the drawing's.

    Parameters
    ----------
    parts : dict of str to float, shape (R, D)
    labels : sequence of R class keys, of two classes at the least

    Examples
    --------
    >>> tokens = np.array([[0.0, 1.0], [0.1, 0.9], [1.0, 0.0], [0.9, 0.1]])
    >>> learned = ExampleClassifier({"tokens": tokens}, ["pit", "pit", "blob", "blob"])
    >>> likely = learned.log_probabilities({"tokens": np.array([[0.2, 0.8]])})
    >>> max(likely, key=likely.get)
    'pit'
    """

    def __init__(self, parts: Mapping[str, npt.NDArray[np.floating]], labels: Sequence[str]) -> None:
        from sklearn.linear_model import LogisticRegression

        self._scales = {name: (values.mean(axis=0), _spread(name, values)) for name, values in parts.items()}
        self._model = LogisticRegression(C=C, max_iter=1000, class_weight="balanced")
        self._model.fit(self._joined(parts), list(labels))

    def log_probabilities(self, parts: Mapping[str, npt.NDArray[np.floating]]) -> dict[str, float]:
        """Return the log probability of each class seen among the examples, for one anomaly (one row)."""
        (row,) = self._model.predict_log_proba(self._joined(parts))
        return dict(zip(map(str, self._model.classes_), map(float, row), strict=True))

    def _joined(self, parts: Mapping[str, npt.NDArray[np.floating]]) -> npt.NDArray[np.floating]:
        columns = []
        for name, values in parts.items():
            mean, spread = self._scales[name]
            weight = DRAWING_WEIGHT if name == "drawing" else 1.0
            columns.append(weight * (values - mean) / spread / np.sqrt(values.shape[1]))
        return np.concatenate(columns, axis=1)


def _spread(name: str, values: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    spread = values.std(axis=0)
    least = _LEAST_SPREAD[name]
    if name == "tokens":
        least = max(least, _LEAST_TOKEN_SHARE * float(np.sqrt((spread**2).mean())))
    floored: npt.NDArray[np.floating] = np.maximum(spread, least)
    return floored


def as_rows(found: Sequence[Mapping[str, float]]) -> dict[str, npt.NDArray[np.floating]]:
    """Arrange measurements as rows: ``measurements`` and, where drawings were measured, ``drawing``."""
    rows = {"measurements": np.array([[one[name] for name in measurements.NAMES] for one in found])}
    if found and drawing.NAMES[0] in found[0]:
        drawn = np.array([[one[name] for name in drawing.NAMES] for one in found])
        # Nought, one or more arcs are three kinds of contact, not three amounts of it.
        kinds = [np.minimum(drawn[:, [column]], 2) == count for column in _ARCS for count in range(3)]
        rows["drawing"] = np.concatenate([drawn, *kinds], axis=1)
    return rows


def _enumerate(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
