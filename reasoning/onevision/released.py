"""The published weights of Anomaly-OneVision: where they come from, and which of them are here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from looktwice.core.weights import cache_folder

ORIGIN = "https://github.com/honda-research-institute/Anomaly-OneVision"
"""Where the published experts come from."""


@dataclass(frozen=True)
class Release:
    """One published size.

    Attributes
    ----------
    repository : str
        LLaVA-OneVision's weights on the Hugging Face hub.
    expert : str
        File name of the published expert, which selects the tokens that the language model reads; the user brings it.

    Examples
    --------
    >>> RELEASES["onevision-7b"].expert_path.name
    'pretrained_expert_7b.pth'
    """

    repository: str
    expert: str

    @property
    def expert_path(self) -> Path:
        """Where the published expert lies once the user has put it there."""
        return expert_path(self.expert)


RELEASES = {
    "onevision-0.5b": Release("llava-hf/llava-onevision-qwen2-0.5b-ov-hf", "pretrained_expert_05b.pth"),
    "onevision-7b": Release("llava-hf/llava-onevision-qwen2-7b-ov-hf", "pretrained_expert_7b.pth"),
}
"""By the names that ``--llm`` takes."""


def expert_path(expert: str) -> Path:
    """Return where the published expert of this file name lies once the user has put it there."""
    return cache_folder() / "experts" / expert


def missing_files(model: str, repositories: Sequence[str], expert: str | None) -> list[str]:
    """Return one line for each file of a model that is not here, saying how to get it.

    Parameters
    ----------
    model : str
        Its name, for ``looktwice models pull``.
    repositories : sequence of str
        Of the Hugging Face hub.
    expert : str or None
        File name of a published expert.
    """
    lines = [
        f"{repository}: run `looktwice models pull {model}` (Hugging Face hub)"
        for repository in repositories
        if not _in_hub_cache(repository)
    ]
    if expert is not None and not expert_path(expert).is_file():
        lines.append(f"{expert}: download it from {ORIGIN} and put it at {expert_path(expert)}")
    return lines


def _in_hub_cache(repository: str) -> bool:
    from huggingface_hub import try_to_load_from_cache

    return isinstance(try_to_load_from_cache(repository, "config.json"), str)
