"""Predictions and references of the reasoning benchmark: JSON Lines in, pairs out."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from looktwice.core.errors import UsageError
from looktwice.evaluation.labels import parse_label
from looktwice.evaluation.yes_no import strict_verdict


def _texts(value: object) -> object:
    return [value] if isinstance(value, str) else value


Texts = Annotated[list[str], BeforeValidator(_texts)]
Label = Annotated[int, BeforeValidator(parse_label)]
Identifier = Annotated[str, BeforeValidator(lambda value: str(value) if isinstance(value, int) else value)]


class Prediction(BaseModel):
    """One line of a prediction file.

    Examples
    --------
    >>> Prediction.model_validate({"id": 7, "answer": "Yes, a crack.", "seconds": 1.2})
    Prediction(id='7', answer='Yes, a crack.')
    """

    model_config = ConfigDict(extra="ignore")

    id: Identifier
    answer: str


class Reference(BaseModel):
    """One line of a reference file; all but ``id`` and ``answer`` is optional.

    Attributes
    ----------
    label : {0, 1}
        Whether there is an anomaly; without it, what the reference answer begins with ("Yes, ...") counts.
    category : str
        What figures are averaged over; without it, the part of ``id`` before its first slash.
    question : str
        For the judge.
    place : list of str
        Places on a 3×3 grid ("top left"), any of which is right.
    kind : list of str
        Names of the kind of anomaly, any of which is right.
    absent : list of str
        Things that are not in the image: an answer that names one has made it up.
    group : str
        Same for questions that say the same in other words.

    Examples
    --------
    >>> reference = Reference(id="tile/7", answer="Yes, there is a crack in the top left.", place="top left")
    >>> reference.truth, reference.averaged_as, reference.place
    (1, 'tile', ['top left'])
    """

    model_config = ConfigDict(extra="ignore")

    id: Identifier
    answer: str
    label: Label | None = None
    category: str | None = None
    question: str = ""
    place: Texts = []
    kind: Texts = []
    absent: Texts = []
    group: str | None = None

    @property
    def truth(self) -> int | None:
        """0, 1, or None where the reference says neither."""
        return strict_verdict(self.answer) if self.label is None else self.label

    @property
    def averaged_as(self) -> str:
        """The category that the record counts for."""
        return self.category or (self.id.partition("/")[0] if "/" in self.id else "all")


@dataclass(frozen=True)
class Pairs:
    r"""References with their answers; ids that only one side has.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     answers, references = Path(folder, "answers.jsonl"), Path(folder, "references.jsonl")
    ...     _ = answers.write_text('{"id": "a", "answer": "No."}')
    ...     _ = references.write_text('{"id": "a", "answer": "Yes."}\n{"id": "b", "answer": "No."}')
    ...     pairs = read_pairs(answers, references)
    >>> [(one.answer, answer) for one, answer in pairs.pairs], pairs.unanswered
    ([('Yes.', 'No.')], ['b'])
    """

    pairs: list[tuple[Reference, str]] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)
    unasked: list[str] = field(default_factory=list)


def read_pairs(predictions: Path, references: Path) -> Pairs:
    """Read both files and join them by ``id``.

    Raises
    ------
    UsageError
        A file cannot be read, a line has another form, an id occurs twice, or no id is in both.
    """
    answers = {one.id: one.answer for one in _read(predictions, Prediction)}
    wanted = _read(references, Reference)
    asked = {one.id for one in wanted}
    pairs = [(one, answers[one.id]) for one in wanted if one.id in answers]
    if not pairs:
        raise UsageError(f"{predictions} and {references} have no id in common")
    unanswered = [one.id for one in wanted if one.id not in answers]
    return Pairs(pairs, unanswered, [name for name in answers if name not in asked])


Record = TypeVar("Record", Prediction, Reference)


def _read(path: Path, form: type[Record]) -> list[Record]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from None
    records: dict[str, Record] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            record = form.model_validate(json.loads(line))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the line"
            raise UsageError(f"{path}, line {number}: {where}: {first['msg']}") from None
        except ValueError as error:
            raise UsageError(f"{path}, line {number} is not valid JSON: {error}") from None
        if record.id in records:
            raise UsageError(f"{path}, line {number}: id {record.id!r} occurs twice")
        records[record.id] = record
    if not records:
        raise UsageError(f"{path} is empty")
    return list(records.values())
