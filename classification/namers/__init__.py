"""Who names anomalies: one file each, found by the name of the file, imported when it is asked for.

A namer's file assigns, as literals that help texts are composed from without importing it:

- ``ABOUT``: who it is, in a few words;
- ``SPECS``: the forms of ``--llm`` that it answers to; see :class:`~looktwice.core.discovery.Part`;
- ``ALIASES``, optional: what else its forms may be called;
- ``LANGUAGE_MODEL = True`` where a multimodal language model answers: it takes no examples, and its answers are kept.

It defines ``open(spec, taxonomy, *, encoder, examples, allow_remote, device)``, which returns a
:class:`~looktwice.classification.naming.Namer`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from looktwice.core.discovery import Part, find_parts, part_answering
from looktwice.core.errors import UsageError

if TYPE_CHECKING:
    from looktwice.classification.anomaly import Anomaly
    from looktwice.classification.naming import Namer
    from looktwice.classification.taxonomy import Taxonomy
    from looktwice.encoders.base import VisionEncoder

DEFAULT = "measured"


def open_namer(
    name: str,
    taxonomy: Taxonomy,
    encoder: VisionEncoder,
    *,
    examples: Mapping[str, Sequence[Anomaly]] | None = None,
    allow_remote: bool = False,
    cache: Path | None = None,
    device: str = "auto",
) -> Namer:
    """Open whoever names anomalies.

    Parameters
    ----------
    name : str
        As ``--llm`` takes it; `namer_help` lists the names.
    taxonomy : Taxonomy
    encoder : VisionEncoder
        The expert's.
    examples : mapping of class key to anomalies, optional
        For the measured namer to learn from.
    allow_remote : bool
        Medical data may be sent to a server on another machine.
    cache : Path, optional
        Folder for a language model's answers.
    device : {"auto", "cpu", "cuda"}
        For a model on this machine.

    Raises
    ------
    UsageError
        No namer of that name, or examples for a language model.
    WeightsError
        The model's weights are not here; the line says what to run.
    """
    parts = _namers()
    name = next((kept[name] for part in parts if name in (kept := part.constant("ALIASES", {}))), name)
    part = part_answering(parts, name, "namer")
    is_model = part.constant("LANGUAGE_MODEL", False)
    if is_model and examples:
        raise UsageError("--examples works only with the measured namer; remove --examples or --llm")
    namer: Namer = part.load().open(
        name, taxonomy, encoder=encoder, examples=examples or {}, allow_remote=allow_remote, device=device
    )
    if cache is None or not is_model:
        return namer
    from looktwice.classification.naming import CachedNamer

    return CachedNamer(namer, cache)


def namer_help() -> str:
    """Return the namers and who they are, for a help text; none of them is imported.

    Examples
    --------
    >>> namer_help().startswith("measured (measurements")
    True
    """
    return "; ".join(f"{', '.join(part.specs)} ({part.constant('ABOUT')})" for part in _namers())


def _namers() -> list[Part]:
    """Return all namers; those that ask no language model come first."""
    found = find_parts("classification.namers", "ABOUT").values()
    return sorted(found, key=lambda part: bool(part.constant("LANGUAGE_MODEL", False)))
