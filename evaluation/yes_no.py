"""Reading a verdict out of an answer to "are there any defects?"."""

from __future__ import annotations

import re

_FIRST_WORD = re.compile(r"^\W*(yes|no)\b", re.IGNORECASE)


def holds_yes(answer: str) -> int:
    """Return 1 for an answer that holds "yes" anywhere, else 0: the rule of the published protocol."""
    return int("yes" in answer.lower())


def strict_verdict(answer: str) -> int | None:
    """Return 1 or 0 for an answer whose first word is yes or no, else None: it did not answer."""
    found = _FIRST_WORD.match(answer)
    return None if found is None else int(found.group(1).lower() == "yes")
