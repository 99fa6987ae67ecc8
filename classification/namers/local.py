"""Naming by a multimodal model on this machine: how likely it is to answer each class name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from looktwice.classification.anomaly import Anomaly
from looktwice.classification.likelihood import Likelihood, score_names, share_out
from looktwice.classification.naming import LEAST_MARGIN, Naming
from looktwice.classification.prompt import (
    SYSTEM,
    ChatPrompter,
    LookTwicePrompter,
    Pictures,
    Prompter,
    write_pictures,
    write_prompt,
)
from looktwice.classification.taxonomy import UNKNOWN, Taxonomy
from looktwice.core.errors import UsageError
from looktwice.encoders.base import VisionEncoder
from looktwice.reasoning import onevision
from looktwice.reasoning.generation import end_ids
from looktwice.reasoning.onevision.multimodal import REPOSITORIES, find_weights, load_multimodal
from looktwice.reasoning.onevision.released import RELEASES

ABOUT = "a multimodal model on this machine, by the likelihood of each name; :4bit halves its memory"
SPECS = (
    "onevision-0.5b[:4bit]",
    "onevision-7b[:4bit]",
    "qwen2-vl-2b[:4bit]",
    "qwen2-vl-7b[:4bit]",
    "qwen2.5-vl-3b[:4bit]",
    "qwen2.5-vl-7b[:4bit]",
    "qwen3-vl-2b[:4bit]",
    "qwen3-vl-4b[:4bit]",
    "qwen3-vl-8b[:4bit]",
    "transformers:FOLDER_OR_REPOSITORY[:4bit]",
)
LANGUAGE_MODEL = True

PREFIX = "transformers:"
METHOD = 1
"""Raised whenever likelihoods are computed otherwise, so that no answer of another method is taken from the cache."""

ASKED = f'Answer with the name of the kind alone, or with "{UNKNOWN}".'


class LocalNamer:
    """Names anomalies by the likelihood of each class name, and of ``unknown``, as a model's answer.

    Parameters
    ----------
    name : str
        As ``--llm`` has it.
    prompter : Prompter
    taxonomy : Taxonomy
    weights : str
        What tells the model's weights from others of the same name, for the cache of answers.

    Examples
    --------
    >>> import numpy as np
    >>> from looktwice.classification.anomaly import AnomalyView, Contours
    >>> from looktwice.classification.taxonomy import load_taxonomies
    >>> tiles = load_taxonomies("magnetic_tile")["magnetic_tile"]
    >>> view = AnomalyView(np.zeros((64, 64, 3), np.uint8), np.eye(64, dtype=bool))
    >>> prompter = ChatPrompter(*load_multimodal(find_weights("qwen2-vl-2b"), "cpu"))  # doctest: +SKIP
    >>> naming = LocalNamer("qwen2-vl-2b", prompter, tiles).identify(
    ...     Anomaly((view,), Contours.PREDICTED)
    ... )  # doctest: +SKIP
    >>> naming.is_unknown or naming.key in tiles.classes  # doctest: +SKIP
    True
    """

    def __init__(self, name: str, prompter: Prompter, taxonomy: Taxonomy, weights: str = "") -> None:
        self.name, self.taxonomy, self.version = name, taxonomy, f"{METHOD} {weights}"
        self._prompter = prompter
        self._ends = end_ids(prompter.model, prompter.tokenizer)
        shown = {key: entry.name for key, entry in taxonomy.classes.items()}
        # In one order, whichever the taxonomy's is: batches of other make-up round otherwise.
        self._spelled = {
            key: prompter.tokenizer(name, add_special_tokens=False)["input_ids"]
            for key, name in sorted([*shown.items(), (UNKNOWN, UNKNOWN)])
        }
        self._unseen: dict[str, Likelihood] | None = None

    def identify(self, anomaly: Anomaly) -> Naming:
        """Name one anomaly; where no name is likelier than chance by a margin, or none fits, it is unknown."""
        if self._unseen is None:
            self._unseen, _ = self._score((), write_prompt(self.taxonomy))
        seen, length = self._score(write_pictures(anomaly), write_prompt(self.taxonomy, anomaly))
        shares = share_out(seen, self._unseen)
        ranked = sorted(shares, key=lambda key: -shares[key])
        best, confidence = ranked[0], shares[ranked[0]]
        why = f"the model answers {self._said(ranked[0])} {_times(shares, ranked)} {self._said(ranked[1])}"
        if best != UNKNOWN and confidence < 1 / len(shares) + LEAST_MARGIN:
            best, why = UNKNOWN, "no name is likelier than chance"
        tokens = {"prompt": length, "answer": sum(one.tokens for one in seen.values())}
        return Naming(best, confidence, why, shares, tokens)

    def _score(self, pictures: Pictures, text: str) -> tuple[dict[str, Likelihood], int]:
        prompted = self._prompter.put(SYSTEM, pictures, f"{text}\n\n{ASKED}")
        return score_names(prompted, self._spelled, self._ends), prompted.length

    def _said(self, key: str) -> str:
        return f'"{self.taxonomy.classes[key].name if key in self.taxonomy.classes else key}"'


def open(
    spec: str,
    taxonomy: Taxonomy,
    *,
    encoder: VisionEncoder,
    examples: Mapping[str, Sequence[Anomaly]],
    allow_remote: bool,
    device: str,
) -> LocalNamer:
    """Open a model on this machine as a namer.

    Parameters
    ----------
    spec : str
        ``transformers:FOLDER_OR_REPOSITORY``, a name of ``multimodal.REPOSITORIES``, or ``onevision-0.5b`` or ``-7b``,
        which reads the expert's tokens too; each with ``:4bit`` behind it for half the memory.
    taxonomy : Taxonomy
    encoder : VisionEncoder
        The expert's.
    examples, allow_remote
        Not used: these models learn nothing, and what they read stays here.
    device : {"auto", "cpu", "cuda"}

    Raises
    ------
    UsageError
        No model of that name.
    WeightsError
        The weights are not here, or are of something else; the line says what to run.
    """
    plain, four_bit = spec.removesuffix(onevision.FOUR_BIT), spec.endswith(onevision.FOUR_BIT)
    prompter: Prompter
    if not (plain.startswith(PREFIX) or plain in REPOSITORIES or plain in RELEASES):
        raise UsageError(f"there is no model named {spec!r}; choose from {', '.join(SPECS)}")
    if plain in RELEASES:
        release = RELEASES[plain]
        prompter = LookTwicePrompter(
            onevision.open(spec, encoder=encoder, allow_remote=False, device=device, max_visual_tokens=None)
        )
        files = [*_weight_files(find_weights(release.repository)), release.expert_path]
    else:
        folder = find_weights(plain.removeprefix(PREFIX))
        prompter = ChatPrompter(*load_multimodal(folder, device, four_bit=four_bit))
        files = _weight_files(folder)
    return LocalNamer(spec, prompter, taxonomy, " ".join(map(_state, files)))


def _weight_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.safetensors"))


def _state(file: Path) -> str:
    """Return what changes when a file does, without reading gigabytes."""
    state = file.stat()
    return f"{file.name} {state.st_size} {state.st_mtime_ns}"


def _times(shares: dict[str, float], ranked: list[str]) -> str:
    ratio = shares[ranked[0]] / max(shares[ranked[1]], 1e-9)
    return f"{ratio:.3g} times as readily as"
