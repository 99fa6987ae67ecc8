"""Files of tensors that a training keeps for itself: encoded examples and checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from looktwice.core.atomic import atomic_path


def write_tensors(content: dict[str, Any], path: Path) -> None:
    """Write tensors and plain values by a temporary name; the folder is made where it does not exist.

    Read them with ``torch.load(path, weights_only=True)``.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        torch.save(content, temporary)
