"""Training the geometry network, which separates damaged from undamaged places, on labelled clouds."""

# kinds: trains a source of evidence for clouds

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from scipy.linalg import block_diag
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold
from torch import nn

from looktwice.core.atomic import write_json
from looktwice.core.errors import InputError
from looktwice.datasets.folder import open_folder
from looktwice.datasets.masks import load_mask
from looktwice.datasets.sample import Sample
from looktwice.evidence.geometry import Reading, calibrate_by, judged, smoothed
from looktwice.evidence.networks.damage import FEATURE_RANGE, GeometryNetwork, load_network
from looktwice.evidence.settings import DEFAULTS
from looktwice.modalities.pointclouds import open_pointcloud
from looktwice.training.tracking import Track, untracked

FloatArray = npt.NDArray[np.float32]

# An element is damaged where so many of its points are, sound where so few are; between, it is no example.
_DAMAGED, _SOUND = 0.3, 0.05
# Elements drawn from one cloud, so that a large dent does not outweigh a scratch.
_DRAWN_DAMAGED, _DRAWN_SOUND = 120, 200
_FOLDS = 4


@dataclass(frozen=True)
class GeometryPlan:
    """What to train on, and how.

    Attributes
    ----------
    data : tuple of Path
        Benchmark folders of clouds with point labels in the MVTec AD layout, such as ``datasets synthesize`` writes.
    left_out : tuple of str
        Categories (shapes) not to be seen.
    hidden : tuple of int
        Widths of the layers.
    members : int
        Perceptrons that are averaged.
    epochs : int
    learning_rate, weight_decay, dropout : float
    seed : int
    start : Path, optional
        A trained network to go on from; its inputs must be among those measured now. By default training starts anew.
    start_epochs : int
    start_learning_rate : float
    held : float
        Where training goes on: weight of the squared distance to the weights that it started from (L2-SP, Li et al.
        2018), so that few new shapes do not make it forget the old ones.

    Examples
    --------
    >>> GeometryPlan(data=(Path("clouds"),)).members
    3
    """

    data: tuple[Path, ...]
    left_out: tuple[str, ...] = ()
    hidden: tuple[int, ...] = (48, 16)
    members: int = 3
    epochs: int = 14
    learning_rate: float = 6e-3
    weight_decay: float = 1e-3
    dropout: float = 0.2
    seed: int = 0
    start: Path | None = None
    start_epochs: int = 8
    start_learning_rate: float = 1e-3
    held: float = 1e-3


@dataclass(frozen=True)
class Case:
    """One cloud as the network sees it.

    Attributes
    ----------
    shape : str
        No shape is both trained on and tested on.
    damaged : bool
    features : float32, shape (M, F)
    share : float32, shape (M,)
        Share of each element's points that are labelled.
    near : int, shape (M, K)
        Nearest elements.

    Examples
    --------
    >>> bend, share = np.float32([[0.25], [0.125], [0.75]]), np.float32([0, 0, 1])  # the third element is damaged
    >>> case = Case("box", damaged=True, features=bend, share=share, near=np.array([[0, 1], [1, 0], [2, 1]]))
    >>> case.features[case.share > 0.5].tolist()
    [[0.75]]
    >>> smoothed(case.features[:, 0], case.near).tolist()
    [0.1875, 0.1875, 0.4375]
    """

    shape: str
    damaged: bool
    features: FloatArray
    share: FloatArray
    near: npt.NDArray[np.integer]


def train_geometry(plan: GeometryPlan, out: Path, track: Track = untracked) -> Path:
    """Train the geometry network and write ``head.safetensors`` and ``training.json`` into `out`.

    The record holds what the network scored on shapes that it did not see, by cross-validation over shapes, and the
    calibration that follows from these scores. What was computed of each cloud is kept in ``out/cases``: a stopped
    training goes on.

    Raises
    ------
    InputError
        There are fewer than `_FOLDS` shapes, or a cloud or its labels cannot be read.
    """
    names, cases = _load_cases(plan, out / "cases", track)
    shapes = [case.shape for case in cases]
    if len(set(shapes)) < _FOLDS:
        raise InputError(f"{len(set(shapes))} shapes are too few to train on; cross-validation needs at least {_FOLDS}")
    seen = [Reading(np.zeros(0, np.float32), np.zeros(0, np.float32))] * len(cases)
    folds = GroupKFold(_FOLDS, shuffle=True, random_state=plan.seed).split(shapes, groups=shapes)
    for training, testing in track(list(folds), "cross-validating", total=_FOLDS):
        network = fit_network(names, [cases[index] for index in training], plan)
        for index in testing:
            seen[index] = _read(network, cases[index])
    calibration = calibrate_by([one for case, one in zip(cases, seen, strict=True) if not case.damaged])
    replace(fit_network(names, cases, plan), calibration=calibration).save(out / "head.safetensors")
    record = {
        **asdict(plan), "clouds": len(cases), "shapes": len(set(shapes)),
        "cross_validated": _figures(cases, seen), "calibration": asdict(calibration),
    }  # fmt: skip
    write_json(record, out / "training.json", default=str)
    return out / "head.safetensors"


def fit_network(names: tuple[str, ...], cases: Sequence[Case], plan: GeometryPlan) -> GeometryNetwork:
    """Fit perceptrons to drawn elements of `cases` by cross-entropy, and average them; clouds weigh about the same.

    Each is started and drawn anew: their mean differs less from shape to shape than any one of them.
    """
    rng = np.random.default_rng(plan.seed)
    if plan.start is not None:
        rows, labels = (np.concatenate(parts) for parts in zip(*(_draw(rng, case) for case in cases), strict=True))
        return _continued(load_network(plan.start), names, rows, labels, plan)
    draws = [
        tuple(np.concatenate(parts) for parts in zip(*(_draw(rng, case) for case in cases), strict=True))
        for _ in range(plan.members)
    ]
    low, middle, high = np.quantile(np.concatenate([rows for rows, _ in draws]), (0.1, 0.5, 0.9), axis=0)
    middle, spread = middle.astype(np.float32), (high - low + 1e-3).astype(np.float32)
    torch.manual_seed(plan.seed)
    members = []
    for rows, labels in draws:
        linear = [nn.Linear(*pair) for pair in pairwise([len(names), *plan.hidden, 1])]
        hidden = [part for layer in linear[:-1] for part in (layer, nn.SiLU(), nn.Dropout(plan.dropout))]
        inputs = np.clip((rows - middle) / spread, -FEATURE_RANGE, FEATURE_RANGE).astype(np.float32)
        _descend(nn.Sequential(*hidden, linear[-1]), torch.from_numpy(inputs), torch.from_numpy(labels), plan)
        members.append([(layer.weight.detach().numpy(), layer.bias.detach().numpy()) for layer in linear])
    return GeometryNetwork(names, middle, spread, _averaged(members))


def _continued(
    start: GeometryNetwork, names: tuple[str, ...], rows: FloatArray, labels: FloatArray, plan: GeometryPlan
) -> GeometryNetwork:
    """Train a network further; inputs that it did not have begin without weight."""
    low, middle, high = np.quantile(rows, (0.1, 0.5, 0.9), axis=0)
    middle, spread = middle.astype(np.float32), (high - low + 1e-3).astype(np.float32)
    (first, bias), *others = start.layers
    widened = np.zeros((len(first), len(names)), np.float32)
    for own, name in enumerate(start.features):
        column = names.index(name)
        middle[column], spread[column], widened[:, column] = start.middle[own], start.spread[own], first[:, own]
    linear = []
    for weight, shift in [(widened, bias), *others]:
        layer = nn.Linear(weight.shape[1], weight.shape[0])
        layer.weight.data, layer.bias.data = torch.tensor(weight), torch.tensor(shift)
        linear.append(layer)
    torch.manual_seed(plan.seed)
    hidden = [part for layer in linear[:-1] for part in (layer, nn.SiLU(), nn.Dropout(plan.dropout))]
    inputs = np.clip((rows - middle) / spread, -FEATURE_RANGE, FEATURE_RANGE).astype(np.float32)
    further = replace(plan, epochs=plan.start_epochs, learning_rate=plan.start_learning_rate, weight_decay=0.0)
    network = nn.Sequential(*hidden, linear[-1])
    _descend(network, torch.from_numpy(inputs), torch.from_numpy(labels), further)
    layers = tuple((layer.weight.detach().numpy(), layer.bias.detach().numpy()) for layer in linear)
    return GeometryNetwork(names, middle, spread, layers)


def _averaged(members: Sequence[Sequence[tuple[FloatArray, FloatArray]]]) -> tuple[tuple[FloatArray, FloatArray], ...]:
    """Return the layers of one perceptron that gives the mean of what several give: these side by side."""
    weights, biases = (list(zip(*([layer[n] for layer in one] for one in members), strict=True)) for n in (0, 1))
    first, last = np.concatenate(weights[0]), np.concatenate(weights[-1], axis=1) / len(members)
    within = [block_diag(*side).astype(np.float32) for side in weights[1:-1]]
    shifts = [*(np.concatenate(side) for side in biases[:-1]), np.mean(biases[-1], axis=0)]
    return tuple(zip([first, *within, last.astype(np.float32)], shifts, strict=True))


def _descend(network: nn.Module, inputs: torch.Tensor, labels: torch.Tensor, plan: GeometryPlan) -> None:
    batch = min(2048, len(inputs))
    batches = len(inputs) // batch
    optimiser = torch.optim.AdamW(network.parameters(), lr=plan.learning_rate, weight_decay=plan.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, plan.learning_rate, total_steps=plan.epochs * batches)
    before = [parameter.detach().clone() for parameter in network.parameters()] if plan.start is not None else []
    for _ in range(plan.epochs):
        order = torch.randperm(len(inputs))[: batches * batch]
        for chosen in order.split(batch):
            loss = nn.functional.binary_cross_entropy_with_logits(network(inputs[chosen])[:, 0], labels[chosen])
            for parameter, start in zip(network.parameters(), before, strict=False):
                loss = loss + plan.held * (parameter - start).square().sum()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()


def _draw(rng: np.random.Generator, case: Case) -> tuple[FloatArray, FloatArray]:
    damaged, sound = np.flatnonzero(case.share > _DAMAGED), np.flatnonzero(case.share < _SOUND)
    damaged = rng.permutation(damaged)[:_DRAWN_DAMAGED]
    sound = rng.permutation(sound)[:_DRAWN_SOUND]
    labels = np.repeat(np.array([1, 0], np.float32), (len(damaged), len(sound)))
    return case.features[np.concatenate([damaged, sound])], labels


def _read(network: GeometryNetwork, case: Case) -> Reading:
    """Return what a network says of a cloud, with elements in place of points."""
    features = dict(zip(network.features, case.features.T, strict=True))
    elements = smoothed(judged(network, features), case.near)
    return Reading(smoothed(elements, case.near), elements)


def _figures(cases: Sequence[Case], seen: Sequence[Reading]) -> dict[str, float]:
    """Return the AUROC over objects of all shapes together, and over places: the mean of damaged objects, and pooled.

    Pooled, the places of all damaged objects are ranked together.
    """
    damaged = [(case.share > 0.5, one.points) for case, one in zip(cases, seen, strict=True) if case.damaged]
    labels, logits = (np.concatenate(parts) for parts in zip(*damaged, strict=True))
    return {
        "object_auroc": float(roc_auc_score([case.damaged for case in cases], [one.score for one in seen])),
        "point_auroc": float(np.mean([roc_auc_score(*one) for one in damaged if one[0].any()])),
        "pooled_point_auroc": float(roc_auc_score(labels, logits)),
    }


def _load_cases(plan: GeometryPlan, folder: Path, track: Track) -> tuple[tuple[str, ...], list[Case]]:
    folder.mkdir(parents=True, exist_ok=True)
    samples = [sample for path in plan.data for sample in open_folder(path).samples()]
    samples = [sample for sample in samples if Path(sample.category).name not in plan.left_out]
    names: tuple[str, ...] = ()
    cases = []
    for sample in track(samples, "measuring clouds", total=len(samples)):
        kept = folder / f"{sample.dataset}_{sample.category}_{sample.defect}_{sample.path.stem}.npz".replace("/", "_")
        if not kept.exists():
            _measure(sample, kept)
        with np.load(kept, allow_pickle=False) as data:
            names = tuple(data["names"].tolist())
            features = data["features"].astype(np.float32)
            cases.append(Case(sample.category, bool(sample.label), features, data["share"], data["near"]))
    return names, cases


def _measure(sample: Sample, path: Path) -> None:
    study = open_pointcloud(sample.path)
    surfels, features = study.shape
    labels = load_mask(sample, (len(study.drawn),))
    if labels is None:
        raise InputError(f"{sample.path} is anomalous but has no point labels")
    held = np.bincount(surfels.owner, minlength=len(surfels.points))
    share = np.bincount(surfels.owner, labels[study.drawn], len(surfels.points)) / np.maximum(held, 1)
    np.savez(
        path,
        names=np.array(list(features)),
        features=np.stack(list(features.values()), axis=1).astype(np.float16),
        share=share.astype(np.float32),
        near=surfels.neighbours[:, : DEFAULTS.geometry.num_smoothed].astype(np.int32),
    )
