"""What a kind of input offers: the adapter that the folder of each kind assigns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from looktwice.core.study import Study


def takes_nothing(data: Any, options: Mapping[str, Any]) -> bool:
    """Take no data in memory."""
    return False


@dataclass(frozen=True)
class Gathered:
    """Files that make one input together, or that are no input.

    Attributes
    ----------
    source : Path
        What is opened: the file, or the folder that holds all of them.
    at : Path
        Which of the paths that were gathered it stands for among the inputs.
    files : tuple of Path
        On disk.
    identity : str
        What tells it from others wherever it lies, such as a series UID.
    options : dict
        For the adapter.
    group, name, about : str
        What it was made in (an examination), the name that its study will have, and what it is, for lists of choices.
    notes : tuple of str
        What was decided about its files.
    problem : str
        Why it cannot be used.
    passed_over : str
        What its files are, where they are nothing to inspect ("DICOM objects without an image").

    Examples
    --------
    >>> frames = (Path("run/1.raw"), Path("run/2.raw"))
    >>> Gathered(Path("run"), frames[0], frames, identity="run 7", name="run-7", about="2 frames").passed_over
    ''
    """

    source: Path
    at: Path
    files: tuple[Path, ...]
    identity: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    group: str = ""
    name: str = ""
    about: str = ""
    notes: tuple[str, ...] = ()
    problem: str = ""
    passed_over: str = ""


@dataclass(frozen=True)
class Adapter:
    """One kind of input: how it is recognised, and how it is opened.

    A kind is a folder (or one file) in ``modalities/``, or in the ``modalities/`` of a folder in ``LOOKTWICE_PLUGINS``,
    that assigns ``NAME``, the kind's name, and ``ADAPTER``. It is imported whenever any input is to be recognised, so
    keep its imports light: import readers and libraries inside ``open``.

    Attributes
    ----------
    kind : str
        The kind's name, equal to ``NAME``; it is what ``modality`` says everywhere.
    noun : str
        What people call such an input ("picture"), for error texts.
    matches : callable
        From a path, a file's or a folder's, to whether it is such an input. Judge by content, not by name; a folder is
        seldom one input. An ``OSError`` stands for a file that cannot be read.
    open : callable
        From a path, or from what `takes` accepted, and some of `options` to a `Study`. It raises ``InputError`` where
        the input cannot be used, and sets ``medical`` on the study where the content shows a patient.
    options : tuple of str
        Names of the keyword arguments of `open`.
    takes : callable
        From an object in memory and the options given to whether `open` is the one to open it, or to refuse it with a
        reason.
    accepts : str
        Which objects these are, for error texts.
    exports : tuple of str
        Further file formats that its map can be written to.
    suffixes : tuple of str
        Of files that people take for such inputs, in lower case, also of formats that are not read: what bears one and
        cannot be opened is named, and not passed over.
    gather : callable, optional
        From all files that `matches` found in one call, in order, to the inputs that they make, where an input may be
        several files.
    check : callable, optional
        From the options given to nothing; raises ``UsageError`` where a value means nothing for any input.
    order : int
        Adapters are asked in this order. Those with more certain signs come first.

    Examples
    --------
    >>> import tempfile
    >>> from looktwice.modalities.images.study import ImageStudy
    >>> sketches = Adapter("sketch", "drawing", lambda path: path.read_bytes()[:4] == b"SKCH", open=ImageStudy)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     drawing = Path(folder, "bridge.png")
    ...     _ = drawing.write_bytes(b"SKCH 1.0")
    ...     sketches.matches(drawing)
    True
    >>> sketches.takes([1, 2, 3], {})
    False
    """

    kind: str
    noun: str
    matches: Callable[[Path], bool]
    open: Callable[..., Study]
    options: tuple[str, ...] = ()
    takes: Callable[[Any, Mapping[str, Any]], bool] = takes_nothing
    accepts: str = ""
    exports: tuple[str, ...] = ()
    suffixes: tuple[str, ...] = ()
    gather: Callable[[Sequence[Path]], list[Gathered]] | None = None
    check: Callable[[Mapping[str, Any]], None] | None = None
    order: int = 0
