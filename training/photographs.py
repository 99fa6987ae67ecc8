"""Training what judges photographs: adapters inside an encoder, Look-Twice on it, and each material's usual logits."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from looktwice.core.atomic import write_json
from looktwice.core.device import resolve_device
from looktwice.core.shipped_pictures import shipped_pictures
from looktwice.encoders.adapters import inject_adapters
from looktwice.encoders.dinov2 import DinoV2Small
from looktwice.evidence.config import AdaptedEncoder
from looktwice.evidence.expert import Expert
from looktwice.evidence.expert_file import load_expert
from looktwice.evidence.networks.adapted_look_twice import AdaptedLookTwice
from looktwice.training.adaptation import AdaptationRecipe, train_adapters
from looktwice.training.corpus import Source, gather_sources
from looktwice.training.materials import usual_of_materials
from looktwice.training.pool import PictureSource, Pool, fill_pool
from looktwice.training.tracking import Track, loss_log, untracked


@dataclass(frozen=True)
class PhotographPlan:
    """What to train on, and how much.

    Attributes
    ----------
    data, normals : tuple of Path
        See ``corpus.gather_sources``.
    left_out : tuple of str
        Sources not to be seen.
    normals_only, anomalies_only : tuple of str
        Sources of which one half alone is used.
    donors : tuple of str
        Sources whose pictures are pasted into those of others, besides the pictures that packages ship.
    held_out : tuple of Path
        Experts trained without some of the sources. What is usual of a material is measured by one that has not seen
        it; by the new expert itself where all have.
    pictures : int
        Drawn of each source.
    side : int
        Of the pictures, in pixels.
    embed_dim : int
        D of Look-Twice.
    recipe : AdaptationRecipe

    Examples
    --------
    >>> PhotographPlan(data=(Path("mvtec"),), left_out=("bottle",)).side
    252
    """

    data: tuple[Path, ...]
    normals: tuple[Path, ...] = ()
    left_out: tuple[str, ...] = ()
    normals_only: tuple[str, ...] = ()
    anomalies_only: tuple[str, ...] = ()
    donors: tuple[str, ...] = ()
    held_out: tuple[Path, ...] = ()
    pictures: int = 240
    side: int = 252
    embed_dim: int = 256
    recipe: AdaptationRecipe = field(default_factory=AdaptationRecipe)

    def sources(self) -> list[Source]:
        """Return every source of pictures that the files hold, those that are left out too."""
        found = gather_sources(self.data, self.normals)
        for source in found:
            if source.name in self.normals_only:
                source.anomalies.clear()
            if source.name in self.anomalies_only:
                source.normals.clear()
        return found


def train_photographs(
    plan: PhotographPlan,
    expert: Path,
    out: Path,
    pool: Path | None = None,
    device: str = "auto",
    track: Track = untracked,
) -> Path:
    """Train what judges photographs and write it, with all else that an expert holds, to ``out/expert.safetensors``.

    Parameters
    ----------
    plan : PhotographPlan
    expert : Path
        Its other parts are kept as they are.
    out : Path
        Folder; a checkpoint lies beside the result, and a stopped training goes on.
    pool : Path, optional
        Folder for encoded pictures, which several trainings may share; ``out/pool`` otherwise.
    device : str
    track : callable
        Shows progress.
    """
    out.mkdir(parents=True, exist_ok=True)
    everything = plan.sources()
    encoder = DinoV2Small(plan.side)
    files = _fill(everything, plan, encoder, pool or out / "pool", track)
    seen = [source for source in everything if source.name not in plan.left_out]
    examples = Pool.join([Pool.load(files[source.name]) for source in seen])
    torch.manual_seed(plan.recipe.seed)
    adapters = inject_adapters(encoder.network, plan.recipe.adapters)
    look_twice = AdaptedLookTwice(encoder.level_dims, plan.embed_dim)
    with loss_log(out / "logs") as log:
        train_adapters(encoder, look_twice, examples, plan.recipe, out / "checkpoint.pt", log)
    del examples
    path, names = out / "expert.safetensors", tuple(source.name for source in seen)
    kept = load_expert(expert, resolve_device(device))
    _with_photographs(kept, encoder, adapters, look_twice, plan, names).save(path)
    # What is usual is measured with the weights as they are written.
    trained = load_expert(path, resolve_device(device))
    judges = [load_expert(one, resolve_device(device)) for one in plan.held_out]
    trained.materials = usual_of_materials(trained, judges, seen)
    trained.config = replace(trained.config, materials=trained.materials.names)
    trained.save(path)
    write_json({**asdict(plan), "seen": names}, out / "training.json", default=str)
    return path


def _with_photographs(
    expert: Expert,
    encoder: DinoV2Small,
    adapters: dict[str, torch.nn.Parameter],
    look_twice: AdaptedLookTwice,
    plan: PhotographPlan,
    names: tuple[str, ...],
) -> Expert:
    """Put what was trained in the place of what an expert judges photographs by."""
    adapted = AdaptedEncoder(
        encoder.name, {"input_size": plan.side}, plan.recipe.adapters, encoder.level_dims, plan.embed_dim
    )
    config = replace(expert.config, adapted=adapted, materials=(), photographs_trained_on=names)
    renewed = Expert(expert.encoder, expert.look_twice, config)
    renewed.fusion = expert.fusion
    renewed.adapters = {name: one.detach() for name, one in adapters.items()}
    renewed.adapted_look_twice = look_twice
    return renewed


def _fill(
    sources: Sequence[Source], plan: PhotographPlan, encoder: DinoV2Small, folder: Path, track: Track
) -> dict[str, Path]:
    """Draw and encode pictures of every source, unless they are kept already; return the files by source."""
    donors = [Source("shipped", pictures=shipped_pictures()), *(one for one in sources if one.name in plan.donors)]
    files = {source.name: folder / f"{source.name.replace(' ', '_')}.pt" for source in sources}
    for source in track(sources, "encoding pictures", total=len(sources)):
        if files[source.name].exists():
            continue
        rng = np.random.default_rng([plan.recipe.seed, zlib.crc32(source.name.encode())])
        drawn = PictureSource(source, plan.side, [source, *donors]).draw(plan.pictures, rng)
        fill_pool(encoder, plan.recipe.adapters.first_block, source.name, drawn).save(files[source.name])
    return files
