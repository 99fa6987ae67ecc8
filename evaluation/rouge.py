"""ROUGE-L between two texts (Lin, 2004)."""

from __future__ import annotations

import re

import numpy as np


def rouge_l(answer: str, reference: str) -> float:
    """F-measure of the longest common subsequence of words.

    Words are runs of letters and digits in lower case, without stemming, as in Google's ``rouge_score``.

    Returns
    -------
    float in [0, 1]; 0 where either text has no word.
    """
    said, wanted = _words(answer), _words(reference)
    common = _common_length(said, wanted)
    if common == 0:
        return 0.0
    precision, recall = common / len(said), common / len(wanted)
    return 2 * precision * recall / (precision + recall)


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())


def _common_length(first: list[str], second: list[str]) -> int:
    """Length of the longest common subsequence, one row of the table at a time."""
    lengths = np.zeros(len(second) + 1, np.int64)
    words = np.array(second, dtype=object)
    for word in first:
        extended = np.where(words == word, lengths[:-1] + 1, 0)
        lengths[1:] = np.maximum.accumulate(np.maximum(lengths[1:], extended))
    return int(lengths[-1])
