"""A question about a picture, and its answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Question:
    """One question about one picture.

    Attributes
    ----------
    image : Path
    text : str
    answer : str or None
        The letter of the right option, or the reference answer; None where the file has none.
    options : dict
        Letter to text; empty for an open question.
    kind : str
        What is asked about, where the file says ("Anomaly Detection", "Defect Localization" ...).
    category : str
        The kind of thing shown.
    templates : tuple of Path
        Normal pictures to compare with, the most similar first.
    mask : Path or None
    turn : int
        0-based position in the conversation about the picture.

    Examples
    --------
    >>> from pathlib import Path
    >>> from looktwice.datasets.question import Question
    >>> asked = Question(Path("001.png"), "Is there a defect?", "A", {"A": "Yes.", "B": "No."})
    >>> asked.options[asked.answer]
    'Yes.'
    """

    image: Path
    text: str
    answer: str | None
    options: dict[str, str] = field(default_factory=dict)
    kind: str = ""
    category: str = ""
    templates: tuple[Path, ...] = ()
    mask: Path | None = None
    turn: int = 0
