"""What a study's folder says of itself, so that another run knows what it holds and whether all of it is there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from looktwice.core.atomic import write_json

MARKER = ".looktwice.json"


@dataclass(frozen=True)
class StudyMarker:
    """What a study's folder was made of. Digests only: no path and no UID can be read from it.

    Attributes
    ----------
    identity : str
        Of the input: its path, or the UID of its series.
    place : str
        Of the path that it was read from.
    content : str
        Of the input's files.
    settings : str
        Of the model and of all options.
    sizes : dict of str to int
        Bytes of each file in the folder.

    Examples
    --------
    >>> marker = StudyMarker(digest("/data/tile.png"), digest("/data/tile.png"), "", digest("nano"))
    >>> len(marker.identity), marker.is_whole(Path("nowhere"))
    (64, False)
    """

    identity: str
    place: str
    content: str
    settings: str
    sizes: dict[str, int] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Write it beside a study's finished files, whose sizes it notes."""
        sizes = {path.name: path.stat().st_size for path in sorted(folder.iterdir()) if path.is_file()}
        write_json({**asdict(self), "sizes": sizes}, folder / MARKER)

    def is_whole(self, folder: Path) -> bool:
        """Tell whether a folder still has all files, at their sizes, that were written into it."""
        try:
            return bool(self.sizes) and all((folder / name).stat().st_size == size for name, size in self.sizes.items())
        except OSError:
            return False


def read_marker(folder: Path) -> StudyMarker | None:
    """Return what a folder says of itself; None where it is no study's folder, or says nothing that can be read."""
    try:
        return StudyMarker(**json.loads((folder / MARKER).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def is_study_folder(folder: Path) -> bool:
    """Tell whether a folder holds the results of one study."""
    return (folder / MARKER).is_file()


def digest(text: str) -> str:
    """Return the sha256 of a text; of a path that is no valid text, too."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def digest_of_files(paths: Iterable[Path]) -> str:
    """Return one sha256 for the content of files, whatever they are called and in whichever order they come."""
    return digest(" ".join(sorted(map(_digest_of_file, paths))))


def _digest_of_file(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(2**20):
            found.update(block)
    return found.hexdigest()
