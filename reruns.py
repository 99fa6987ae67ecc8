"""What a result was made of: whether an input, the model and the options are still those of an earlier run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from looktwice.core.result import Result
from looktwice.core.study import Study
from looktwice.core.study_marker import StudyMarker, digest, digest_of_files
from looktwice.modalities.inputs import Input
from looktwice.modalities.memory import as_array, is_array
from looktwice.modalities.naming import files_at, identity_of, real_path


def settings_digest(settings: Mapping[str, Any], compared: Sequence[Any]) -> str:
    """Return a digest of everything that a result depends on besides its input.

    Parameters
    ----------
    settings : mapping
        Model, options and version.
    compared : sequence
        References or a cohort; by content, wherever they lie.
    """
    contents = sorted(_content(one) for one in compared)
    return digest(json.dumps([settings, contents], sort_keys=True, default=repr))


def marker_of_input(asked: Any, settings: str) -> StudyMarker | None:
    """Return what the study of an input will be marked with; None for what is in memory or cannot be read."""
    given = asked if isinstance(asked, Input) else Input(asked)
    if not isinstance(given.source, (str, Path)):
        return None
    files = given.files or files_at(Path(given.source))
    try:
        return _marker(identity_of(given), _place(given.shown or given.source, files), digest_of_files(files), settings)
    except OSError:
        return None


def marker_of_study(study: Study, result: Result, settings: str) -> StudyMarker:
    """Return what a study's folder is marked with; what was in memory is known by what was seen and found."""
    if study.files:
        return _marker(study.identity, _place(study.source, study.files), digest_of_files(study.files), settings)
    seen = hashlib.sha256(np.ascontiguousarray(study.views()[study.base].image).tobytes())
    seen.update(np.ascontiguousarray(result.heatmap.values).tobytes())
    return _marker(seen.hexdigest(), "", seen.hexdigest(), settings)


def _marker(identity: str, place: str, content: str, settings: str) -> StudyMarker:
    return StudyMarker(digest(identity), digest(place), content, settings)


def _place(source: Any, files: Sequence[Path]) -> str:
    """Return where an input lies: two series of one folder lie at different places."""
    return f"{real_path(source)} {real_path(files[0]) if files else ''}"


def _content(one: Any) -> str:
    given = one if isinstance(one, Input) else Input(one)
    if isinstance(given.source, (str, Path)):
        try:
            return digest_of_files(given.files or files_at(Path(given.source)))
        except OSError:
            return "unreadable"
    if is_array(given.source):
        return hashlib.sha256(np.ascontiguousarray(as_array(given.source)).tobytes()).hexdigest()
    return f"object {id(given.source):x}"
