"""Instruction records as LLaVA has them: read, write, split, and build from a benchmark with masks.

A file is a JSON list of ``{"id", "image", "conversations": [{"from": "human"|"gpt", "value"}, ...]}``, the form of
Anomaly-Instruct (arXiv 2502.07601); the first question of a record with a picture begins with ``<image>``. What
is built here also says ``label, place, kind, category, object``, which other readers pass over.
"""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from looktwice.core.atomic import atomic_path
from looktwice.core.errors import InputError
from looktwice.core.wording.appearance import measure
from looktwice.datasets.files import IMAGES, suffix
from looktwice.datasets.instruct_words import Domain, Finding, converse
from looktwice.datasets.masks import load_mask
from looktwice.datasets.sample import GOOD, Dataset, Sample
from looktwice.modalities.images import read_image  # kind: a record is about a photograph

IMAGE_MARK = "<image>"

GENERIC_KINDS = {"defect", "defects", "anomaly", "anomalous", "abnormal", "bad", "ng", "local", "global", "combined"}
"""Folder names that say that there is an anomaly, not of which kind."""


class Message(BaseModel):
    """One thing said.

    Attributes
    ----------
    speaker : {"human", "gpt"}
        ``from`` in the file.
    value : str

    Examples
    --------
    >>> message = Message.model_validate({"from": "gpt", "value": "Yes, a crack."})
    >>> message.speaker
    'gpt'
    >>> message.model_dump(by_alias=True)
    {'from': 'gpt', 'value': 'Yes, a crack.'}
    """

    speaker: Literal["human", "gpt"] = Field(
        validation_alias=AliasChoices("from", "speaker"), serialization_alias="from"
    )
    value: str


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else [] if value is None else value


class Record(BaseModel):
    """One conversation about no, one or several pictures.

    Attributes
    ----------
    id : str
    image : list of str
        Paths relative to the folder that the reader is told; one of them may stand alone in the file.
    conversations : list of Message
        Human and gpt in turn, human first.
    label : {0, 1} or None
        1 is anomalous.
    place, kind : str or None
        What the answers state, where it was measured or is known.
    category : str or None
        The kind of thing shown.
    object : str or None
        The one thing shown: no two parts of a split share it.

    Examples
    --------
    >>> from looktwice.datasets.instruct import Record
    >>> record = Record.model_validate({
    ...     "id": 7,
    ...     "image": "web/1.jpg",
    ...     "conversations": [{"from": "human", "value": "<image> Is it sound?"}, {"from": "gpt", "value": "Yes."}],
    ... })
    >>> record.turns
    [('Is it sound?', 'Yes.')]
    """

    model_config = ConfigDict(extra="ignore")

    id: Annotated[str, BeforeValidator(lambda value: str(value) if isinstance(value, int) else value)]
    image: Annotated[list[str], BeforeValidator(_as_list)] = []
    conversations: list[Message] = Field(min_length=2)
    label: Literal[0, 1] | None = None
    place: str | None = None
    kind: str | None = None
    category: str | None = None
    object: str | None = None

    @property
    def turns(self) -> list[tuple[str, str]]:
        """Questions with their answers, without the mark of the picture."""
        said = [message.value.replace(IMAGE_MARK, "").strip() for message in self.conversations]
        return list(zip(said[::2], said[1::2], strict=True))

    def to_json(self) -> dict[str, Any]:
        """Return the record in LLaVA's form; what is not known is left out."""
        record = self.model_dump(by_alias=True, exclude_none=True)
        if len(self.image) < 2:
            record |= {"image": self.image[0]} if self.image else {}
        if not self.image:
            record.pop("image")
        return record


_RECORDS = TypeAdapter(list[Record])


def read_records(path: Path) -> list[Record]:
    """Read a LLaVA JSON file.

    Raises
    ------
    InputError
        Not readable, of another form, or a conversation in which the same side speaks twice; the line says where.
    """
    try:
        records = _RECORDS.validate_json(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise InputError(f"{path} is not a list of LLaVA records: {where}: {first['msg']}") from None
    for number, record in enumerate(records):
        speakers = [message.speaker for message in record.conversations]
        if speakers != ["human", "gpt"] * (len(speakers) // 2):
            raise InputError(f"{path}, record {number} ({record.id}): human and gpt must take turns, human first")
    return records


def write_records(records: Iterable[Record], path: Path) -> None:
    """Write records as a LLaVA JSON file, one per line inside the list."""
    lines = [json.dumps(record.to_json(), ensure_ascii=False) for record in records]
    with atomic_path(path) as temporary:
        temporary.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")


def build_records(
    dataset: Dataset,
    root: Path,
    domain: Domain = Domain.INDUSTRIAL,
    normal_per_anomalous: float = 1.0,
    conversations: int = 1,
    seed: int = 0,
) -> list[Record]:
    """Build records from a benchmark's pictures.

    Place, size, shape and contrast are measured on the mask; where a benchmark has none, the answers say whether and
    of which kind, and are not asked the rest. Volumes and clouds are passed over: render their views first.

    Parameters
    ----------
    dataset : Dataset
    root : Path
        Folder that the pictures' paths are written relative to; they lie below it.
    domain : Domain
        Decides the words.
    normal_per_anomalous : float
        At most this many normal pictures for each anomalous one, in each category; 1 is balanced. All are taken
        where a category has no anomalous one.
    conversations : int
        Conversations about each picture, in different words.
    seed : int
        The same seed gives the same records.

    Raises
    ------
    InputError
        No pictures, or one of them or its mask cannot be read.
    """
    pictures = [sample for sample in dataset.samples() if suffix(sample.path) in IMAGES]
    if not pictures:
        raise InputError(f"{root} contains no images to build records from")
    records = []
    for sample in _in_proportion(pictures, normal_per_anomalous, seed):
        name = sample.path.relative_to(root).as_posix()
        finding = finding_of(sample, domain)
        for number in range(conversations):
            rng = random.Random(f"{seed}/{name}/{number}")
            records.append(_record(f"{name}#{number}", name, sample, finding, converse(finding, rng)))
    random.Random(seed).shuffle(records)
    return records


def split_records(
    records: Sequence[Record], share: float, by: Literal["object", "category"] = "object", seed: int = 0
) -> tuple[list[Record], list[Record]]:
    """Split records in two that share no object (or no category).

    Parameters
    ----------
    records : sequence of Record
    share : float
        About this share of the objects goes to the second part; at least one, if there are two.
    by : {"object", "category"}
        A record that does not say counts as an object of its own.
    seed : int

    Returns
    -------
    (list of Record, list of Record)
        In the order of `records`.
    """
    keys = [_key(record, by) for record in records]
    groups = sorted(set(keys))
    random.Random(seed).shuffle(groups)
    number = min(max(round(share * len(groups)), 1 if share > 0 else 0), max(len(groups) - 1, 0))
    held_out = set(groups[:number])
    first = [record for record, key in zip(records, keys, strict=True) if key not in held_out]
    return first, [record for record, key in zip(records, keys, strict=True) if key in held_out]


def _key(record: Record, by: Literal["object", "category"]) -> str:
    return (record.category if by == "category" else record.object) or f"record {record.id}"


def _in_proportion(samples: Sequence[Sample], normal_per_anomalous: float, seed: int) -> list[Sample]:
    by_category: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        by_category[sample.category].append(sample)
    chosen: list[Sample] = []
    for category, members in by_category.items():
        normal = [sample for sample in members if sample.label == 0]
        anomalous = [sample for sample in members if sample.label == 1]
        most = round(normal_per_anomalous * len(anomalous)) if anomalous else len(normal)
        random.Random(f"{seed}/{category}").shuffle(normal)
        chosen += [*anomalous, *normal[:most]]
    return chosen


def finding_of(sample: Sample, domain: Domain) -> Finding:
    """Return what is known of a labelled picture: place, size, shape and contrast where it has a mask.

    Raises
    ------
    InputError
        The picture or its mask cannot be read, or their sizes differ.
    """
    thing = _in_words(sample.category)
    if sample.label == 0:
        return Finding(thing, domain, anomalous=False)
    kind = None if sample.defect.lower() in {*GENERIC_KINDS, GOOD} else _in_words(sample.defect)
    mask = None if sample.mask is None else load_mask(sample)
    if mask is None or not mask.any():
        return Finding(thing, domain, True, kind)
    image = read_image(sample.path)
    if image.shape[:2] != mask.shape:
        raise InputError(
            f"the mask of {sample.path} is {mask.shape}, but the image is {image.shape[:2]}; resize one of them"
        )
    return Finding(thing, domain, True, kind, measure(mask, image))


def _record(name: str, image: str, sample: Sample, finding: Finding, turns: list[tuple[str, str]]) -> Record:
    messages = []
    for number, (question, answer) in enumerate(turns):
        mark = f"{IMAGE_MARK}\n" if number == 0 else ""
        messages += [Message(speaker="human", value=f"{mark}{question}"), Message(speaker="gpt", value=answer)]
    return Record(
        id=name,
        image=[image],
        conversations=messages,
        label=1 if sample.label else 0,
        place=finding.appearance.place if finding.appearance is not None else None,
        kind=finding.kind,
        category=sample.category,
        object=f"{sample.category}/{sample.patient or sample.path.stem}",
    )


def _in_words(name: str) -> str:
    return name.rpartition("/")[2].replace("_", " ").replace("-", " ").strip().lower()
