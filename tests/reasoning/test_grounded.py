from __future__ import annotations

from looktwice.reasoning.facts import Facts
from looktwice.reasoning.generation import Generated
from looktwice.reasoning.grounded import write_grounded

FACTS = Facts("anomalous", False, 0.9, 0.5, "highly", where="top left", size="1.2 % of the picture", regions=1)


class Script:
    """Writes given texts, one per attempt, letter by letter, until told to stop."""

    def __init__(self, *texts: str, cut: str | None = None) -> None:
        self.texts, self.cut = texts, cut
        self.calls: list[str] = []
        self.written = ""

    def __call__(self, written, attempt, on_text, stop) -> Generated:
        self.calls.append(written)
        self.written = ""
        for letter in self.texts[min(attempt, len(self.texts) - 1)]:
            self.written += letter
            on_text(letter)
            if stop():
                break
        return Generated(self.written, self.cut)


def test_a_true_text_is_given_sentence_by_sentence():
    pieces: list[str] = []
    text = "Yes, there is a defect in the top left. It covers 1.2 % of the picture."
    grounded = write_grounded(Script(text), FACTS, pieces.append)
    assert (grounded.text, grounded.attempts, grounded.contradicted) == (text, 1, [])
    assert pieces == ["Yes, there is a defect in the top left.", " It covers 1.2 % of the picture."]


def test_a_contradiction_is_written_again_from_the_last_good_sentence():
    pieces: list[str] = []
    script = Script(
        "Yes, it is defective. It lies in the bottom right corner. More.", " It lies in the top left corner."
    )
    grounded = write_grounded(script, FACTS, pieces.append)
    assert grounded.text == "".join(pieces) == "Yes, it is defective. It lies in the top left corner."
    assert (grounded.attempts, grounded.contradicted) == (2, ["where"])
    assert script.calls == ["", "Yes, it is defective."]


def test_writing_stops_at_the_contradiction():
    script = Script("No, there are no defects. " + "And so on. " * 50)
    write_grounded(script, FACTS)
    assert len(script.written) < 40


def test_without_one_good_sentence_there_is_no_text():
    pieces: list[str] = []
    grounded = write_grounded(Script("No, there are no defects."), FACTS, pieces.append)
    assert (grounded.text, grounded.attempts, grounded.contradicted, pieces) == ("", 3, ["verdict"], [])


def test_good_sentences_stay_where_the_rest_cannot_be_had():
    grounded = write_grounded(Script("Yes, it is defective. It lies at the bottom."), FACTS)
    assert grounded.text == "Yes, it is defective."


def test_what_is_said_twice_ends_the_text():
    grounded = write_grounded(Script("Yes, it is defective. Look again. Look again. Look again."), FACTS)
    assert grounded.text == "Yes, it is defective. Look again."


def test_a_fragment_behind_whole_sentences_is_dropped():
    script = Script("Yes, it is defective. One should look at the", cut="length")
    grounded = write_grounded(script, FACTS)
    assert (grounded.text, grounded.cut) == ("Yes, it is defective.", "length")
    assert write_grounded(Script("Yes, it is", cut="length"), FACTS).text == "Yes, it is"


def test_a_given_beginning_comes_first_and_alone_is_nothing():
    pieces: list[str] = []
    grounded = write_grounded(Script(" Yes, it is defective."), FACTS, pieces.append, begun="I looked.")
    assert grounded.text == "".join(pieces) == "I looked. Yes, it is defective."
    assert write_grounded(Script(""), FACTS, begun="I looked.").text == ""
