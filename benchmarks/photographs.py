"""What looking at many photographs costs beside encoding them: the ratio of both, alternating within one run.

Usage: ``python -P benchmarks/photographs.py [PICTURES] [MODEL]``
"""

from __future__ import annotations

import looktwice  # noqa: F401  before numpy and torch, whose idle threads it lets sleep

# isort: split
import sys
import time

import numpy as np

from looktwice.core.shipped_pictures import shipped_pictures
from looktwice.evidence.encoding import PHOTOGRAPH_BATCH
from looktwice.pipeline import Inspector

BATCH = 16


def main(count: int, model: str) -> None:
    """Look at `count` pictures and encode them bare, batch by batch in turn."""
    inspector = Inspector(model)
    expert, pictures = inspector.expert, shipped_pictures()
    looked, encoded = [], []
    for start in range(0, count, BATCH):
        batch = [np.roll(pictures[index % len(pictures)], 7 * index, axis=1) for index in range(start, start + BATCH)]
        began = time.perf_counter()
        list(inspector.examine(batch))
        middle = time.perf_counter()
        expert.encoder.encode(batch)
        for first in range(0, BATCH, PHOTOGRAPH_BATCH):
            expert.adapted_encoder.encode(batch[first : first + PHOTOGRAPH_BATCH])
        looked.append(middle - began)
        encoded.append(time.perf_counter() - middle)
    # The first batch warms up.
    ratio = sum(looked[1:]) / sum(encoded[1:])
    print(f"{count} pictures: {np.mean(encoded[1:]) / BATCH:.3f} s each bare, {ratio:.2f} x with everything")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 96, sys.argv[2] if len(sys.argv) > 2 else "nano")
