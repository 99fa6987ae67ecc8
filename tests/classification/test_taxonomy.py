from __future__ import annotations

import json

import pytest

from looktwice.classification.taxonomy import Severity, built_in, load_taxonomies, parse_taxonomies, select
from looktwice.core.errors import UsageError

PUBLISHED = {
    "bottle": {"normal": ["A round opening."], "broken_large": ["Large breakage", "A large part is missing."]},
    "metal_nut": {"normal": ["A nut."], "bent": ["Bent", "A dark bent edge."]},
}


def test_eight_taxonomies_come_along_and_each_class_has_traits():
    assert len(built_in()) == 8
    for name in built_in():
        taxonomy = select(load_taxonomies(name), None)
        assert taxonomy.category == name
        assert taxonomy.strategy
        assert taxonomy.normal
        assert all(taxonomy.traits(key) for key in taxonomy.classes)
        # Two classes of the same traits could not be told apart without examples.
        assert len({frozenset(taxonomy.traits(key)) for key in taxonomy.classes}) == len(taxonomy.classes)


def test_boards_have_six_kinds():
    board = select(load_taxonomies("circuit_board"), None)
    assert set(board.classes) == {"open", "short", "mousebite", "spur", "pin_hole", "copper"}
    assert board.drawing == "dark"


def test_velms_published_form_is_taken_as_it_is(tmp_path):
    path = tmp_path / "größe und form.json"
    path.write_text(json.dumps(PUBLISHED, indent="\t"), encoding="utf-8")
    taxonomies = load_taxonomies(path)
    nut = select(taxonomies, "metal_nut")
    assert nut.normal == "A nut."
    assert nut.classes["bent"].name == "Bent"
    assert nut.classes["bent"].severity is Severity.DEFECT
    assert nut.traits("bent") == ("dark",)
    with pytest.raises(UsageError, match="name one with --category; the taxonomy has bottle, metal_nut"):
        select(taxonomies, None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "contains no taxonomy"),
        ("category: a\nclasses: {}\n", "line 2: classes: a taxonomy needs at least one class"),
        (
            "category: a\nclasses:\n  b: {description: x}\n  b: {description: y}\n",
            "line 4: 'b' is defined twice, first",
        ),
        ("category: a\nclasses:\n  b: {description: x, name: N}\n  c: {description: y, name: n}\n", "line 4: c and b"),
        ("category: a\nclasses:\n  b:\n    descripton: x\n", "line 4: classes.b.descripton"),
        ("category: a\nclasses:\n  b: {description: x, traits: [shiny]}\n", "line 3: .*unknown trait 'shiny'"),
        ("category: a\nclasses:\n  b: {description: x, severity: grave}\n", "line 3: classes.b.severity"),
        ("category: a\nclasses:\n  unknown: {description: x}\n", "'unknown' cannot be a class name"),
        ("category: [\n", "line 2"),
        ('{"a": {"normal": ["n"], \n"b": ["x"]}}', r"line 2: b must be \[display name, description\]"),
        ('{"a": {"normal": ["n"]}}', "a taxonomy needs at least one class"),
        ('{"a": {"b": ["n", "d"], "b": ["m", "e"]}}', "'b' is defined twice"),
        ('{"a": 3}', "a must be"),
    ],
)
def test_errors_point_at_the_line(text, message):
    with pytest.raises(UsageError, match=message):
        parse_taxonomies(text, "T.yaml")


def test_a_missing_file_names_the_built_in_ones():
    with pytest.raises(UsageError, match="magnetic_tile"):
        load_taxonomies("no/such/file.yaml")


def test_key_of_takes_shown_names_and_keys():
    board = select(load_taxonomies("circuit_board"), None)
    assert board.key_of(" Open Circuit ") == "open"
    assert board.key_of("pin_hole") == "pin_hole"
    assert board.key_of("something open") is None
