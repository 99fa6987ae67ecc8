"""Heads fitted on maps with planted anomalies find others."""

from __future__ import annotations

import torch

from looktwice.evidence.networks.probes import Fusion
from looktwice.evidence.self_reference_maps import FeatureLevel, self_reference_maps
from looktwice.training.fusion import fit_fusion


def maps_of(tokens):
    return self_reference_maps(tokens.tokens(slice(None)), [FeatureLevel(0, 3), FeatureLevel(2, 3)])


def fit(tokens, sources=None):
    maps = maps_of(tokens)
    fusion = Fusion(maps.shape[1])
    return fusion, fit_fusion(fusion, maps, tokens.labels, tokens.masks, sources or tokens.sources)


def test_the_fused_heads_tell_unseen_anomalies_and_their_places(make_tokens):
    seen, unseen = make_tokens(0), make_tokens(9)
    fusion, (logits, view_logits) = fit(seen)
    assert logits.shape == (len(seen), 8, 8)
    assert view_logits.shape == (len(seen),)
    with torch.no_grad():
        maps, views = fusion(maps_of(unseen))
    anomalous = unseen.labels > 0.5
    assert views[anomalous].min() > views[~anomalous].max()
    inside, outside = maps[anomalous][unseen.masks[anomalous] == 1], maps[~anomalous]
    assert inside.median() > outside.quantile(0.95)


def test_no_weight_is_negative_so_that_more_unlike_is_never_less_suspicious(make_tokens):
    fusion, _ = fit(make_tokens(0))
    assert all((head.linear.weight >= 0).all() for head in (fusion.map_probe, fusion.view_probe))


def test_sources_of_one_kind_only_do_not_break_the_fit(make_tokens):
    tokens = make_tokens(0)
    mixed = ["normal only" if label == 0 else name for label, name in zip(tokens.labels, tokens.sources, strict=True)]
    mixed[0], mixed[-2] = mixed[1], mixed[-1]
    for sources in (mixed, ["normal" if label == 0 else "odd" for label in tokens.labels]):
        fusion, fused = fit(tokens, sources)
        assert all(logits.isfinite().all() for logits in fused)
        assert all(parameter.isfinite().all() for parameter in fusion.parameters())
