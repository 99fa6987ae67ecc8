"""VELM's files (arXiv 2505.02626): predictions and taxonomy, and the rule that reads them.

A prediction file is ``{"<category>_<class>_<id>": "class name as the LLM gave it"}``, a taxonomy
``{category: {"normal": [description], class: [display name, description]}}``. The rule is that of the published
evaluation and has its traps: categories and classes may hold underscores, the true class of a key need not occur in
the taxonomy (in the published files some are spelt differently; such samples can never be right), and an answer counts
only when its lower-cased text *is* a name shown. Nothing is trimmed: an answer with a trailing full stop is no class.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from looktwice.core.errors import UsageError

GOOD = "good"
UNKNOWN = "Unknown class"

Taxonomy = dict[str, dict[str, str]]
"""Category to the names shown for its classes: ``{class: name}``, in the order of the file, all in lower case."""


@dataclass(frozen=True)
class Verdict:
    """One prediction, read: true and predicted class (or :data:`UNKNOWN`) of a sample of `category`.

    Examples
    --------
    >>> key, classes = "metal_nut_bent_000", {"bent": "bent edge"}
    >>> Verdict(key, *split_key(key, {"metal_nut": classes}), predicted=resolve("Bent edge.", classes))
    Verdict(key='metal_nut_bent_000', category='metal_nut', truth='bent', predicted='Unknown class')
    """

    key: str
    category: str
    truth: str
    predicted: str


def read_taxonomy(path: Path) -> Taxonomy:
    """Read a taxonomy in VELM's form.

    Raises
    ------
    UsageError
        The file cannot be read or has another form.
    """
    taxonomy: Taxonomy = {}
    for category, classes in _read_object(path).items():
        if not isinstance(classes, dict) or not classes:
            raise UsageError(f'{path}: {category} must be {{"normal": [description], class: [name, description], ...}}')
        shown = {name: entry for name, entry in classes.items() if name != "normal"}
        for name, entry in shown.items():
            if not isinstance(entry, list) or not entry or not isinstance(entry[0], str):
                raise UsageError(f"{path}: {category}/{name} must be [display name, description]")
        taxonomy[category.lower()] = {name.lower(): entry[0].lower() for name, entry in shown.items()}
    if not taxonomy:
        raise UsageError(f"{path} contains no category")
    return taxonomy


def read_predictions(path: Path, taxonomy: Taxonomy) -> tuple[list[Verdict], dict[str, str]]:
    """Read a prediction file by a taxonomy.

    Returns
    -------
    verdicts : list of Verdict
    left_out : dict
        Key to the reason, for keys that cannot be read.

    Raises
    ------
    UsageError
        The file cannot be read, has another form, or no key belongs to a category of the taxonomy.
    """
    verdicts: list[Verdict] = []
    left_out: dict[str, str] = {}
    for key, answer in _read_object(path).items():
        parts = split_key(key, taxonomy)
        if parts is None:
            left_out[key] = "not <category>_<class>_<id> with a category of the taxonomy"
        elif not isinstance(answer, str):
            left_out[key] = f"the answer must be a text, not {json.dumps(answer)[:40]}"
        else:
            category, truth = parts
            verdicts.append(Verdict(key, category, truth, resolve(answer, taxonomy[category])))
    if not verdicts:
        raise UsageError(f"{path}: no key has the form <category>_<class>_<id> with a category of the taxonomy")
    return verdicts, left_out


def split_key(key: str, taxonomy: Mapping[str, object]) -> tuple[str, str] | None:
    """Split ``<category>_<class>_<id>`` into category and class, lower-cased; the longest category that fits counts.

    >>> split_key("metal_nut_bent_000", {"metal_nut": {}})
    ('metal_nut', 'bent')
    """
    stem = key.rpartition("_")[0].lower()
    fitting = [category for category in taxonomy if stem.startswith(f"{category}_")]
    if not fitting:
        return None
    category = max(fitting, key=len)
    return category, stem[len(category) + 1 :]


def resolve(answer: str, classes: Mapping[str, str]) -> str:
    """Return the class whose name was answered, ``"good"``, or :data:`UNKNOWN`.

    Where two classes show the same name the later one counts, as published.
    """
    text = answer.lower()
    if text == GOOD:
        return GOOD
    return {name: key for key, name in classes.items()}.get(text, UNKNOWN)


def _read_object(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from None
    except ValueError as error:
        raise UsageError(f"{path} is not valid JSON: {error}") from None
    if not isinstance(value, dict):
        raise UsageError(f"{path} must contain one JSON object")
    return value
