"""The reasoners by name, as ``--llm`` takes them.

A reasoner's ``SPECS`` are the forms of ``--llm`` that it answers to, as the help shows them; see
``core.discovery.Part``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from looktwice.core.discovery import Part, find_parts, part_answering

if TYPE_CHECKING:
    from looktwice.encoders.base import VisionEncoder
    from looktwice.reasoning.base import Reasoner


def open_reasoner(
    name: str,
    encoder: VisionEncoder,
    allow_remote: bool = False,
    *,
    device: str = "auto",
    max_visual_tokens: int | None = None,
) -> Reasoner:
    """Open a reasoner for studies that an encoder looks at.

    Parameters
    ----------
    name : str
        As ``--llm`` takes it; `reasoner_help` lists the names.
    encoder : VisionEncoder
        The expert's.
    allow_remote : bool
        Medical data may be sent to a server that is not this machine.
    device : {"auto", "cpu", "cuda"}
        Where a large language model runs.
    max_visual_tokens : int, optional
        Most tokens that a study's views may take; by default what the reasoner is made for.

    Raises
    ------
    UsageError
        No reasoner of that name.
    WeightsError
        Its weights are missing, or untrained; the line says what to run.
    """
    part = part_answering(_reasoners(), name, "reasoner")
    reasoner: Reasoner = part.load().open(
        name, encoder=encoder, allow_remote=allow_remote, device=device, max_visual_tokens=max_visual_tokens
    )
    return reasoner


def reasoner_help() -> str:
    """Return the reasoners and who they are, for a help text; none of them is imported.

    >>> "template (fixed words around the measured values)" in reasoner_help()
    True
    """
    return ", ".join(f"{' or '.join(part.specs)} ({part.constant('ABOUT')})" for part in _reasoners())


def _reasoners() -> list[Part]:
    return list(find_parts("reasoning", "ABOUT").values())
