"""How well the embedded reasoner answers on material that its training left out.

    python benchmarks/reasoner.py --photographs DATA/magnetic_tile --scan MNI.nii.gz --mesh nut.ply --out answers.json

Photographs come out of a benchmark folder, scans and clouds are made of sound ones. Every study is asked for its
explanation, then asked on. A draft of the explanation, which nothing holds to the evidence, shows what the language
model has learnt; with --untrained it answers before any training. Beside the JSON file lie explanations, drafts and
reference answers for `looktwice evaluate reasoning`.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from looktwice.core.wording.appearance import measure
from looktwice.core.wording.kinds import UNCLEAR, kind_of, kinds_in
from looktwice.core.wording.place import PLACES, agree, places_in
from looktwice.datasets.folder import open_folder
from looktwice.datasets.instruct import finding_of
from looktwice.datasets.instruct_words import Domain, Finding, explain
from looktwice.datasets.masks import load_mask, read_mask
from looktwice.datasets.synthesis.makers import CloudMaker, Maker, ScanMaker
from looktwice.pipeline import Inspector
from looktwice.reasoning import template
from looktwice.reasoning.base import StudyContext, Turn
from looktwice.reasoning.embedded.fields import NONE
from looktwice.reasoning.embedded.model import EmbeddedConfig, EmbeddedModel
from looktwice.reasoning.embedded.reasoner import EmbeddedReasoner
from looktwice.reasoning.embedded.smollm2 import load_smollm2
from looktwice.reasoning.grounding.contradictions import contradictions, stated_verdicts
from looktwice.reasoning.grounding.facts import Facts, read_facts, worst_view
from looktwice.training.reasoner_scenes import view_mask

FOLLOW_UPS = ("Where is it, and what kind of anomaly is it?", "How severe is it, and what should be checked next?")


@dataclass(frozen=True)
class Case:
    """A labelled study: its context, where its worst view is anomalous, how it is called, and a reference for words."""

    group: str
    name: str
    label: int
    context: StudyContext
    mask: np.ndarray | None
    kind: str | None
    finding: Finding


def photographs(inspector: Inspector, folder: Path, domain: Domain, count: int, seed: int) -> Iterator[Case]:
    samples = [sample for sample in open_folder(folder).samples() if sample.split == "test"]
    random.Random(seed).shuffle(samples)
    for label in (0, 1):
        for sample in [sample for sample in samples if sample.label == label][: count // 2]:
            mask = load_mask(sample) if sample.mask else None
            kind = kind_of(sample.defect) if label else None
            name = f"{sample.category}/{sample.defect}/{sample.path.stem}"
            finding = finding_of(sample, domain)
            yield Case(sample.category, name, label, inspector.look(sample.path), mask, kind, finding)


def made(inspector: Inspector, group: str, maker: Maker, count: int, seed: int) -> Iterator[Case]:
    """Make studies, every other one damaged; the mask is that of the view the answer is about."""
    with TemporaryDirectory() as scratch:
        for number in range(count):
            rng = np.random.default_rng([seed, number])
            asked = str(rng.choice(list(maker.kinds))) if number % 2 else None
            try:
                case = maker.make(rng, 0, asked)
            except ValueError:
                continue
            path, mask_path = Path(scratch) / f"case{number}{maker.ending}", Path(scratch) / f"m{maker.mask_ending}"
            case.save(path)
            case.save_mask(mask_path)
            context = inspector.look(path)
            worst = worst_view(context)
            mask = view_mask(context.study, worst, read_mask(mask_path)) if asked else None
            kind = None if asked is None else "lesion" if isinstance(maker, ScanMaker) else kind_of(asked)
            seen = measure(mask, context.views[worst].image) if mask is not None and mask.any() else None
            domain = Domain.MEDICAL if isinstance(maker, ScanMaker) else Domain.SHAPE
            finding = Finding(group, domain, asked is not None, kind, seen, context.views[worst].name, sized=False)
            yield Case(group, f"{group}/{number}-{case.kind}", int(asked is not None), context, mask, kind, finding)


def untrained(inspector: Inspector) -> EmbeddedReasoner:
    llm, tokenizer = load_smollm2()
    torch.manual_seed(0)
    encoder = inspector.expert.encoder
    model = EmbeddedModel(llm, tokenizer, EmbeddedConfig(encoder.name, encoder.token_dim))
    model.config = replace(model.config, steps=1)  # the only way past the refusal of untrained weights
    return EmbeddedReasoner(model, encoder)


def ask(reasoner: EmbeddedReasoner, case: Case, follow_ups: int) -> list[dict[str, Any]]:
    """Put questions about a case; return one row for each answer."""
    rows, history = [], []
    facts = read_facts(case.context)
    known = {
        "group": case.group,
        "label": case.label,
        "detected": int(case.context.result.verdict == "anomalous"),
        "unsure": facts.unsure,
        "true_kind": case.kind,
        "true_places": true_places(case.mask),
    }
    for question in (None, *FOLLOW_UPS[:follow_ups]):
        started = time.perf_counter()
        answer = reasoner.explain(question, case.context, history)
        seconds = time.perf_counter() - started
        history.append(Turn(question or "", answer.text))
        what = answer.fields.get("what")
        row = {
            **known,
            "id": case.name,
            "question": question,
            "answer": answer.text,
            "kind": answer.kind,
            "fields": {name: value for name, value in answer.fields.items() if name != "shown"},
            "seconds": seconds,
            "contradicts": against_evidence(answer.text, case.context, replace(facts, what=what or NONE)),
        }
        if question is None:
            draft = reasoner.draft(None, case.context).text
            row |= {
                "draft": draft,
                "draft_contradicts": against_evidence(draft, case.context, replace(facts, what=what or NONE)),
                "reference": explain(case.finding, random.Random(case.name)),
            }
        rows.append(row)
    return rows


def against_evidence(text: str, context: StudyContext, facts: Facts) -> list[str]:
    """Return the fields that a text contradicts.

    Two places are measured: the hottest ninth, and where the worst region has its centre, which a template names. A
    text that names either is right.
    """
    against = contradictions(text, facts)
    worst = template.explain(context.result).fields["where"]
    if "where" in against and worst in PLACES:
        against = contradictions(text, replace(facts, where=worst))
    return against


def true_places(mask: np.ndarray | None) -> list[str] | None:
    """Return every ninth of the picture that the anomaly reaches into."""
    if mask is None or not mask.any():
        return None
    parts = [part for row in np.array_split(mask, 3) for part in np.array_split(row, 3, axis=1)]
    return [place for place, part in zip(PLACES, parts, strict=True) if part.any()]


def figures(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the figures of one group."""
    first = [row for row in rows if row["question"] is None]
    said = [stated_verdicts(row["answer"]) for row in first]
    yes = [
        int("yes" in row["answer"].lower() or verdict == {"anomalous"})
        for row, verdict in zip(first, said, strict=True)
    ]
    placed = [row for row in first if row["true_places"] and row["detected"]]
    stated = [(row, places) for row in placed if (places := places_in(row["answer"]))]
    kinds = [row for row in first if row["true_kind"] and row["detected"] and row["fields"].get("what")]
    named = [row for row in kinds if row["fields"]["what"] != UNCLEAR]
    return {
        "studies": len(first),
        "answers": len(rows),
        "expert_balanced_accuracy": _balanced([(row["label"], row["detected"]) for row in first]),
        "answer_balanced_accuracy": _balanced([(row["label"], one) for row, one in zip(first, yes, strict=True)]),
        "unsure": sum(row["unsure"] for row in first),
        "place_stated": f"{len(stated)}/{len(placed)}",
        "place_right": _share([_place_right(row, places) for row, places in stated]),
        "kind_named": f"{len(named)}/{len(kinds)}",
        "kind_right": _share([row["fields"]["what"] == row["true_kind"] for row in named]),
        "contradictions": sum(bool(row["contradicts"]) for row in rows),
        "template_instead": sum(row["kind"] == "template" for row in rows),
        "rejected_on_the_way": sum(bool(row["fields"].get("rejected")) for row in rows),
        "draft_balanced_accuracy": _balanced(
            [(row["label"], int("anomalous" in stated_verdicts(row["draft"]))) for row in first]
        ),
        "draft_place_stated": f"{sum(bool(places_in(row['draft'])) for row in placed)}/{len(placed)}",
        "draft_place_right": _share([_place_right(row, places_in(row["draft"])) for row in placed]),
        "draft_kind_right": _share([kinds_in(row["draft"]) == {row["true_kind"]} for row in kinds]),
        "draft_contradictions": sum(bool(row["draft_contradicts"]) for row in first),
        "overruled_fields": sum(len(row["fields"].get("overruled", [])) for row in first),
        "cut": sum(bool(row["fields"].get("cut")) for row in rows),
        "seconds_median": float(np.median([row["seconds"] for row in rows])),
        "seconds_longest": float(np.max([row["seconds"] for row in rows])),
    }


def _balanced(pairs: list[tuple[int, int]]) -> float | None:
    rates = [_share([said == label for label, said in pairs if label == value]) for value in (0, 1)]
    return None if None in rates else sum(rates) / 2  # type: ignore[arg-type]


def _place_right(row: dict[str, Any], places: list[str]) -> bool:
    return any(agree(place, true) for place in places for true in row["true_places"])


def _share(hits: list[bool]) -> float | None:
    return sum(hits) / len(hits) if hits else None


def write_pairs(rows: list[dict[str, Any]], out: Path) -> None:
    """Write explanations, drafts and references as JSON Lines beside `out`."""
    first = [row for row in rows if row["question"] is None]
    texts = {"answers": "answer", "drafts": "draft", "references": "reference"}
    for name, key in texts.items():
        records = [{"id": row["id"], "answer": row[key]} for row in first]
        if name == "references":
            records = [
                {**record, "label": row["label"], "category": row["group"], "place": row["true_places"] or []}
                for record, row in zip(records, first, strict=True)
            ]
        out.with_suffix(f".{name}.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photographs", type=Path, action="append", default=[])
    parser.add_argument("--medical", type=Path, action="append", default=[], help="medical photographs")
    parser.add_argument("--scan", type=Path, action="append", default=[])
    parser.add_argument("--mesh", type=Path, action="append", default=[])
    parser.add_argument("--count", type=int, default=40, help="photographs of each folder, half of them anomalous")
    parser.add_argument("--made", type=int, default=6, help="studies made of each scan and mesh")
    parser.add_argument("--follow-ups", type=int, default=2, choices=(0, 1, 2))
    parser.add_argument("--model", default="nano")
    parser.add_argument("--untrained", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    inspector = Inspector(arguments.model, llm="template" if arguments.untrained else "embedded")
    reasoner = untrained(inspector) if arguments.untrained else inspector.reasoner
    assert isinstance(reasoner, EmbeddedReasoner)

    def cases() -> Iterator[Case]:
        for folder in arguments.photographs:
            yield from photographs(inspector, folder, Domain.INDUSTRIAL, arguments.count, arguments.seed)
        for folder in arguments.medical:
            yield from photographs(inspector, folder, Domain.MEDICAL, arguments.count, arguments.seed)
        for scan in arguments.scan:
            yield from made(inspector, "scan", ScanMaker([scan]), arguments.made, arguments.seed)
        for mesh in arguments.mesh:
            yield from made(inspector, mesh.stem, CloudMaker(mesh, [40_000]), arguments.made, arguments.seed)

    rows: list[dict[str, Any]] = []
    for case in cases():
        rows += ask(reasoner, case, arguments.follow_ups)
        print(f"{len(rows)} answers, last {rows[-1]['id']}", flush=True)
        groups = dict.fromkeys(row["group"] for row in rows)
        summary = {group: figures([row for row in rows if row["group"] == group]) for group in groups}
        write_pairs(rows, arguments.out)
        arguments.out.write_text(json.dumps({"figures": summary | {"all": figures(rows)}, "rows": rows}, indent=1))
    print(json.dumps(figures(rows), indent=1))


if __name__ == "__main__":
    main()
