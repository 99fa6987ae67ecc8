from __future__ import annotations

import io

import numpy as np
import pytest

from looktwice.commands import chat, terminal
from looktwice.core.answer import Answer
from looktwice.core.errors import LookTwiceError
from looktwice.core.study import Modality


class Echo:
    """Answers with what it was asked and told before."""

    def __init__(self, fields: dict | None = None) -> None:
        self.fields = fields or {}

    def explain(self, question, context, history=(), on_text=None):
        if question == "fail":
            raise LookTwiceError("the server is gone")
        text = f"{question}, after {len(history)}"
        for word in text.split(" "):
            on_text(f"{word} ")
        return Answer(text, "remote", self.fields)


@pytest.fixture
def context(context_of):
    maps = np.full((4, 9, 9), 0.1)
    maps[2, 7:, :2] = 0.9
    return context_of(maps, Modality.VOLUME)


@pytest.fixture
def output(monkeypatch):
    """Rich consoles that write to two texts."""
    from rich.console import Console

    out, err = io.StringIO(), io.StringIO()
    monkeypatch.setattr(terminal, "stdout", Console(file=out, width=200))
    monkeypatch.setattr(terminal, "stderr", Console(file=err, width=200))
    return out, err


def test_each_turn_knows_the_ones_before(context, output):
    turns = chat.converse(Echo(), context, ["Is it?", "Where?"])
    out, _ = output
    assert [line.strip() for line in out.getvalue().splitlines()] == ["Is it?, after 0", "Where?, after 1"]
    assert [turn.question for turn in turns] == ["Is it?", "Where?"]


def test_an_error_does_not_end_the_conversation(context, output):
    turns = chat.converse(Echo(), context, ["fail", "Still there?"])
    assert "error: the server is gone" in output[1].getvalue()
    assert len(turns) == 1


def test_it_says_what_it_talks_about_and_what_does_not_hold(context, output):
    fields = {"shown": ["axial slice 6, z = +2 mm"], "contradicts": ["where"], "cut": "length"}
    chat.converse(Echo(fields), context, ["Is it?"])
    said = output[1].getvalue()
    assert "about axial slice 6, z = +2 mm" in said
    assert "contradicts the evidence on: where" in said
    assert "cut short" in said


def test_the_views_can_be_listed(context, output):
    chat.introduce(context)
    assert chat.converse(Echo(), context, ["/views"]) == []
    said = output[1].getvalue()
    assert "anomalous, highly suspicious (score 0.90, threshold 0.50, 4 views)" in said
    assert "0.90  axial slice 6, z = +2 mm" in said


def test_a_model_cannot_steer_the_terminal_or_write_markup(context, output):
    class Rude(Echo):
        def explain(self, question, context, history=(), on_text=None):
            on_text("\x1b[2J[bold]hello[/bold]\n")
            return Answer("", "remote", {})

    chat.converse(Rude(), context, ["?"])
    assert output[0].getvalue() == "[2J[bold]hello[/bold]\n\n"


def test_questions_are_read_from_a_pipe(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("Is it?\n\n  Where?  \nexit\nnever\n"))
    assert list(chat.questions()) == ["Is it?", "Where?"]
