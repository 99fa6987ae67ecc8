"""anomalib's PatchCore on given feature maps; run by ``yardsticks.py`` in an environment of its own.

    python anomalib_patchcore.py FEATURES.npz OUT.json

anomalib pins other versions than this project does, so that it is not imported by it. FEATURES.npz holds ``references``
and ``tested``, each (V, L, C, h, w): L feature maps that replace what anomalib's own feature extractor would give. All
else is anomalib's: pooling over 3 x 3, the coreset of a tenth, the nine neighbours, the score.
"""

import json
import sys

import numpy as np
import torch
from anomalib.models.image.patchcore.torch_model import PatchcoreModel

CORESET = 0.1
# Only built, never asked: the feature maps are given.
UNUSED_BACKBONE, UNUSED_LAYER = "resnet18", "layer1"


class Given(torch.nn.Module):
    """Stands in for the feature extractor: its input holds the feature maps."""

    def forward(self, stacked: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return the feature maps by number."""
        return {str(number): level for number, level in enumerate(stacked.unbind(1))}


def main() -> None:
    torch.manual_seed(0)
    given = np.load(sys.argv[1])
    references, tested = (torch.from_numpy(given[name]).float() for name in ("references", "tested"))
    model = PatchcoreModel(layers=[UNUSED_LAYER], backbone=UNUSED_BACKBONE, pre_trained=False)
    model.feature_extractor, model.layers = Given(), [str(number) for number in range(references.shape[1])]
    model.train()
    model(references)
    model.subsample_embedding(CORESET)
    model.eval()
    scores = [float(model(one[None]).pred_score) for one in tested]
    with open(sys.argv[2], "w") as file:  # noqa: PTH123
        json.dump(scores, file)


if __name__ == "__main__":
    main()
