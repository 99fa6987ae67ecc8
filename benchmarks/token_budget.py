"""What a language model reads of a study, by its number of views: draws docs/token_budget.png and prints the figures.

    python benchmarks/token_budget.py [--out docs/token_budget.png]

Costs are those of OneVision (729 tokens a view) and of the embedded reasoner (16 and a selection of 4), planned by the
same function that plans them for an answer. Without a plan every view would be shown whole.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from looktwice.reasoning.embedded import reasoner as embedded
from looktwice.reasoning.embedded.model import EmbeddedConfig
from looktwice.reasoning.onevision import visual
from looktwice.reasoning.view_budget import plan_views

VIEWS = (1, 2, 4, 9, 16, 32, 64, 128, 256, 512)
SELECTION = 4


def costs() -> dict[str, tuple[int, int, int]]:
    """Return what a whole view and a selection cost, and the budget, of each reasoner."""
    onevision = 729 + 1 + visual.PHRASE_TOKENS + 1 + SELECTION + visual.LABEL_TOKENS
    small = EmbeddedConfig("", 0).base_grid ** 2 + SELECTION + embedded.LABEL_TOKENS
    return {
        "onevision": (onevision, SELECTION + visual.LABEL_TOKENS, visual.MAX_VISUAL_TOKENS),
        "embedded": (small, SELECTION + embedded.LABEL_TOKENS, embedded.MAX_VISUAL_TOKENS),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("docs/token_budget.png"))
    out = parser.parse_args().out
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4), layout="constrained")
    significance = np.random.default_rng(0).random(max(VIEWS)).tolist()
    for (name, (whole, selected, budget)), colour in zip(costs().items(), ("#3b6ea8", "#c2571a"), strict=True):
        plans = [plan_views(significance[:views], whole, selected, budget) for views in VIEWS]
        for views, plan in zip(VIEWS, plans, strict=True):
            row = {"reasoner": name, "views": views, "tokens": plan.tokens, "all_whole": views * whole}
            print(json.dumps(row | {"whole": len(plan.whole), "selected": len(plan.selected)}))
        axes.plot(VIEWS, [plan.tokens for plan in plans], "o-", color=colour, label=f"{name}, budget of {budget:,}")
        axes.plot(VIEWS, [views * whole for views in VIEWS], ":", color=colour, label=f"{name}, every view whole")
    axes.set(xscale="log", yscale="log", xlabel="views of the study", ylabel="tokens that the LLM reads")
    axes.set_xticks(VIEWS, [str(views) for views in VIEWS])
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    figure.savefig(out, dpi=110)


if __name__ == "__main__":
    main()
