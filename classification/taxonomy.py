"""Taxonomies: which kinds of anomaly there are, in words that a person writes and a model reads.

One category as YAML or JSON::

    category: magnetic_tile
    normal: A grey ceramic tile with fine grinding marks along its length.
    strategy: First decide whether ...
    classes:
      blowhole:
        name: blowhole                # the name shown; by default the key, spaces for underscores
        description: A small dark pit ...
        severity: defect              # or negligible
        traits: [small, dark]         # optional; by default those that the description names
    drawing: dark                     # optional: a drawing of two tones, its material darker (or: bright)

or several, in the form that VELM published: ``{category: {"normal": [description], class: [name, description]}}``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from enum import Enum
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from looktwice.classification.traits import TRAITS, read_traits
from looktwice.core.errors import UsageError

UNKNOWN = "unknown"
GOOD = "good"
RESERVED = (UNKNOWN, GOOD, "normal")
PACKAGE = "looktwice.classification.taxonomies"


class Severity(str, Enum):
    """What an anomaly matters."""

    NEGLIGIBLE = "negligible"
    DEFECT = "defect"


class AnomalyClass(BaseModel):
    """One kind of anomaly: the name shown, what it looks like, what it matters, and its traits.

    Examples
    --------
    >>> stain = AnomalyClass(name="water stain", description="A large, faint stain.", severity="negligible")
    >>> stain.severity is Severity.NEGLIGIBLE
    True
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1)
    description: str = Field(min_length=1)
    severity: Severity = Severity.DEFECT
    traits: tuple[str, ...] | None = None

    @field_validator("traits")
    @classmethod
    def _known(cls, traits: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for name in traits or ():
            if name not in TRAITS:
                raise ValueError(f"unknown trait {name!r}; choose from {', '.join(TRAITS)}")
        return traits


class Taxonomy(BaseModel):
    """The kinds of anomaly of one category.

    Attributes
    ----------
    category : str
    normal : str
        What normal material looks like.
    strategy : str
        How to decide between the classes, for a language model.
    classes : dict of str to AnomalyClass
        By key, at least one.
    drawing : {"dark", "bright"} or None
        For drawings of two tones (boards, prints): the tone of their material.

    Examples
    --------
    >>> kinds = {"deep_pit": {"description": "A small, dark pit."}, "blob": {"description": "A bright blob."}}
    >>> plates = Taxonomy(category="plate", classes=kinds)
    >>> plates.key_of("Deep pit"), plates.traits("deep_pit")
    ('deep_pit', ('small', 'dark'))
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    category: str = Field(min_length=1)
    normal: str = ""
    strategy: str = ""
    classes: dict[str, AnomalyClass] = Field(min_length=1)
    drawing: Literal["dark", "bright"] | None = None

    @model_validator(mode="before")
    @classmethod
    def _name_by_key(cls, values: Any) -> Any:
        classes = values.get("classes") if isinstance(values, Mapping) else None
        if not isinstance(classes, Mapping):
            return values
        named = {
            key: {"name": str(key).replace("_", " "), **entry} if isinstance(entry, Mapping) else entry
            for key, entry in classes.items()
        }
        return {**values, "classes": named}

    @model_validator(mode="after")
    def _no_reserved_key(self) -> Taxonomy:
        for key in self.classes:
            if key.lower() in RESERVED:
                raise ValueError(f"{key!r} cannot be a class name; it is reserved for answers that name no class")
        return self

    def traits(self, key: str) -> tuple[str, ...]:
        """Return the traits of a class: those it lists, else those that its description names."""
        entry = self.classes[key]
        return read_traits(entry.description, self.drawing is not None) if entry.traits is None else entry.traits

    def key_of(self, shown: str) -> str | None:
        """Return the class that shows a name, whatever its case; None for a name of no class."""
        folded = shown.strip().lower()
        return next((key for key, entry in self.classes.items() if folded in (entry.name.lower(), key.lower())), None)


def built_in() -> list[str]:
    """Return the names of the taxonomies that come with looktwice."""
    return sorted(Path(entry.name).stem for entry in resources.files(PACKAGE).iterdir() if entry.name.endswith(".yaml"))


def load_taxonomies(source: str | Path) -> dict[str, Taxonomy]:
    """Read the taxonomies of a file, or one that comes with looktwice, by category.

    Parameters
    ----------
    source : str or Path
        A YAML or JSON file, or a name of :func:`built_in`.

    Raises
    ------
    UsageError
        It cannot be read, holds no classes, names a class twice, or does not follow the schema; the message gives the
        line.
    """
    path = Path(source)
    if not path.exists() and str(source) in built_in():
        text = (resources.files(PACKAGE) / f"{source}.yaml").read_text(encoding="utf-8")
    else:
        text = _read(path)
    return parse_taxonomies(text, str(source))


def parse_taxonomies(text: str, origin: str) -> dict[str, Taxonomy]:
    """Read taxonomies out of YAML or JSON text; `origin` names it in errors. See :func:`load_taxonomies`."""
    root, content = _compose(text, origin)
    for value, first, line in _named_twice(root):
        raise UsageError(f"{origin}, line {line}: {value!r} is defined twice, first in line {first}")
    if "classes" in content or "category" in content:
        one = _validated(content, root, origin, ())
        _refuse_same_names(one, root, origin, ("classes",))
        return {one.category: one}
    return {str(name): _from_velm(str(name), entries, root, origin) for name, entries in content.items()}


def check_published(path: Path) -> list[str]:
    """Check a taxonomy in VELM's form by which predictions are evaluated; JSON lets it name a class twice.

    Returns
    -------
    list of str
        One line for each key that is named twice; as in every JSON reader the later one counts.

    Raises
    ------
    UsageError
        A category has no classes.
    """
    root, content = _compose(_read(path), str(path))
    for category, entries in content.items():
        if isinstance(entries, Mapping) and not set(entries) - {"normal"}:
            line = _line(root, (str(category),))
            raise UsageError(f"{path}, line {line}: {category}: a taxonomy needs at least one class")
    return [
        f"{path}, line {line}: {value!r} is defined twice, first in line {first}; this one counts"
        for value, first, line in _named_twice(root)
    ]


def select(taxonomies: Mapping[str, Taxonomy], category: str | None) -> Taxonomy:
    """Return the taxonomy of a category; the only one where none is named.

    Raises
    ------
    UsageError
        There are several and none is named, or none of that name.
    """
    if category is None and len(taxonomies) == 1:
        return next(iter(taxonomies.values()))
    if category is None or category not in taxonomies:
        asked = "name one with --category" if category is None else f"there is no category {category!r}"
        raise UsageError(f"{asked}; the taxonomy has {', '.join(taxonomies)}")
    return taxonomies[category]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        known = ", ".join(built_in())
        raise UsageError(
            f"taxonomy {path} cannot be read ({error.strerror or error}); give a file, or one of {known}"
        ) from None
    except UnicodeDecodeError:
        raise UsageError(f"taxonomy {path} is not UTF-8 text") from None


def _compose(text: str, origin: str) -> tuple[yaml.Node, dict[Any, Any]]:
    """Parse a text, as nodes that know their line and as values."""
    # YAML holds JSON but for tabs, which JSON allows between tokens only.
    is_json = text.lstrip("\ufeff \t\r\n").startswith("{")
    try:
        root = yaml.compose(text.replace("\t", " ") if is_json else text, yaml.SafeLoader)
        content = json.loads(text.lstrip("\ufeff")) if is_json else yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else getattr(error, "lineno", 1)
        problem = getattr(error, "problem", None) or getattr(error, "msg", error)
        raise UsageError(f"{origin}, line {line}: {problem}") from None
    if root is None or not isinstance(content, dict) or not content:
        raise UsageError(f"{origin} contains no taxonomy; it needs category, normal, strategy and classes")
    return root, content


def _from_velm(category: str, entries: Any, root: yaml.Node, origin: str) -> Taxonomy:
    """Turn ``{"normal": [description], class: [name, description]}`` into a taxonomy."""
    line = _line(root, (category,))
    if not isinstance(entries, dict):
        raise UsageError(f'{origin}, line {line}: {category} must be {{"normal": [text], class: [name, text]}}')
    classes: dict[str, dict[str, Any]] = {}
    for key, entry in entries.items():
        if key == "normal":
            continue
        if not isinstance(entry, list) or len(entry) != 2 or not all(isinstance(text, str) for text in entry):
            raise UsageError(
                f"{origin}, line {_line(root, (category, key))}: {key} must be [display name, description]"
            )
        classes[key] = {"name": entry[0], "description": entry[1]}
    normal = entries.get("normal", "")
    normal = " ".join(map(str, normal)) if isinstance(normal, list) else str(normal)
    return _validated({"category": category, "normal": normal, "classes": classes}, root, origin, (category,))


def _validated(content: Mapping[str, Any], root: yaml.Node, origin: str, prefix: tuple[str, ...]) -> Taxonomy:
    try:
        return Taxonomy.model_validate(content)
    except ValidationError as error:
        # A misspelt key also makes the right one missing: name the misspelt one.
        first = min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
        place = tuple(str(part) for part in first["loc"])
        shown = ".".join(place)
        line = _line(root, (*prefix, *place) if not prefix else (*prefix, *place[1:]))
        message = re.sub(r"^Value error, ", "", first["msg"])
        if shown == "classes" and first["type"] in ("too_short", "missing"):
            message = "a taxonomy needs at least one class"
        raise UsageError(f"{origin}, line {line}: {shown + ': ' if shown else ''}{message}") from None


def _mappings(node: yaml.Node) -> Iterator[yaml.MappingNode]:
    if isinstance(node, yaml.MappingNode):
        yield node
        for _, value in node.value:
            yield from _mappings(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _mappings(value)


def _named_twice(root: yaml.Node) -> Iterator[tuple[str, int, int]]:
    """Yield the keys that occur again in one mapping, with the lines of both."""
    for node in _mappings(root):
        seen: dict[str, int] = {}
        for key, _ in node.value:
            line = int(key.start_mark.line) + 1
            if key.value in seen:
                yield str(key.value), seen[key.value], line
            seen[key.value] = line


def _refuse_same_names(taxonomy: Taxonomy, root: yaml.Node, origin: str, prefix: tuple[str, ...]) -> None:
    shown: dict[str, str] = {}
    for key, entry in taxonomy.classes.items():
        other = shown.setdefault(entry.name.lower(), key)
        if other != key:
            line = _line(root, (*prefix, key))
            raise UsageError(f"{origin}, line {line}: {key} and {other} have the same display name {entry.name!r}")


def _line(root: yaml.Node, place: tuple[str, ...]) -> int:
    """Return the line of what lies at a path of keys, or of the deepest part of it that exists."""
    node, line = root, int(root.start_mark.line) + 1
    for part in place:
        if not isinstance(node, yaml.MappingNode):
            break
        found = next(((key, value) for key, value in node.value if key.value == part), None)
        if found is None:
            break
        line, node = int(found[0].start_mark.line) + 1, found[1]
    return line
