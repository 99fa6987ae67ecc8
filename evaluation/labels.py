"""Which words mean normal and which mean anomalous, in files that others wrote."""

from __future__ import annotations

import math

NORMAL_WORDS = frozenset({"good", "normal", "ok", "healthy", "negative", "no", "false"})
UNKNOWN_WORDS = frozenset({"", "nan", "none", "null", "na", "n/a", "unknown", "?", "-"})


def parse_label(text: object) -> int:
    """Read a label: 0 normal, 1 anomalous.

    The rule: the numbers 0 and 1 (also ``0.0``, ``True``) are themselves; good, normal, ok, healthy, negative, no and
    false are normal; words that stand for a missing value are refused; **any other word is anomalous**, because
    benchmarks write the kind of the defect where the label should be ("crack"). Case and outer white space do not
    matter.

    Raises
    ------
    ValueError
        No label, or a number other than 0 and 1.
    """
    word = str(text).strip().lower()
    if word in UNKNOWN_WORDS:
        raise ValueError("the label is missing")
    if word in NORMAL_WORDS:
        return 0
    try:
        number = float(word)
    except ValueError:
        return 1
    if math.isnan(number) or number not in (0.0, 1.0):
        raise ValueError(f"the label {text!r} is neither 0 nor 1")
    return int(number)
