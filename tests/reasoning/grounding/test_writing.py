from __future__ import annotations

from dataclasses import replace

import pytest

from looktwice.reasoning.generation import Generated
from looktwice.reasoning.grounding.facts import Facts
from looktwice.reasoning.grounding.writing import write_grounded

FACTS = Facts(
    "anomalous",
    False,
    0.9,
    0.5,
    "highly",
    where="top left",
    size="1.2 % of the picture",
    extent="medium-sized",
    what="scratch",
)


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
    text = "Yes, there is a defect in the top left. Look again at it."
    grounded = write_grounded(Script(text), FACTS, pieces.append)
    assert (grounded.text, grounded.attempts, grounded.contradicted) == (text, 1, [])
    assert pieces == ["Yes, there is a defect in the top left.", " Look again at it."]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("It is most likely a unclear mark.", "By its looks it is most likely a scratch."),
        ("It is most likely a lesion.", "By its looks it is most likely a scratch."),
        ("It is small: it covers 40 % of the picture.", "It covers 1.2 % of the picture, which is medium-sized."),
        ("It lies at the bottom.", "It lies in the top left part of the picture."),
        ("Nowhere: nothing stands out.", "It lies in the top left part of the picture."),
        ("There is no place to name: this looks normal.", "It lies in the top left part of the picture."),
        ("Nothing further; keep to the usual checks.", "A person should look before anything is decided."),
        ("It is round and brighter than what is around it.", ""),
        ("It was made by a person.", ""),
    ],
)
def test_claims_are_made_in_fixed_words(written, said):
    grounded = write_grounded(Script(f"Yes, it is defective. {written} Look again."), FACTS)
    assert grounded.text == " ".join(filter(None, ("Yes, it is defective.", said, "Look again.")))
    assert (grounded.attempts, grounded.contradicted) == (1, [])


def test_a_claim_is_made_once():
    text = "Yes, it is defective. It is most likely a crack. It is a crack, it seems. It is most likely a hole."
    assert write_grounded(Script(text), FACTS).text == "Yes, it is defective. By its looks it is most likely a scratch."


def test_a_claim_that_was_made_does_not_end_the_text():
    text = (
        "Yes, it is defective. It is a small mark. It covers 1.2 % of the picture, which is medium-sized. Look again."
    )
    expected = "Yes, it is defective. It covers 1.2 % of the picture, which is medium-sized. Look again."
    assert write_grounded(Script(text), FACTS).text == expected


def test_what_was_asked_is_said_in_order_and_advice_comes_last():
    grounded = write_grounded(Script("Yes, it is defective. Look again."), FACTS, asked={"what", "next"})
    assert grounded.text == "Yes, it is defective. By its looks it is most likely a scratch. Look again."
    grounded = write_grounded(Script("It is small. It lies in the top left."), FACTS, asked={"where", "extent"})
    assert grounded.text == (
        "It lies in the top left part of the picture. It covers 1.2 % of the picture, which is medium-sized."
    )
    grounded = write_grounded(Script("Yes, it is defective."), FACTS, asked={"next"})
    assert grounded.text == "Yes, it is defective. A person should look before anything is decided."


def test_a_wrong_verdict_is_written_again_from_the_last_good_sentence():
    pieces: list[str] = []
    script = Script("Look again. No, there are no defects. More.", " Yes, it is defective.")
    grounded = write_grounded(script, FACTS, pieces.append)
    assert grounded.text == "".join(pieces) == "Look again. Yes, it is defective."
    assert (grounded.attempts, grounded.contradicted) == (2, ["verdict"])
    assert script.calls == ["", "Look again."]


@pytest.mark.parametrize("flat", ["Yes, it is defective.", "It is defective.", "No, this looks normal."])
def test_an_unsure_study_gets_no_flat_verdict(flat):
    unsure = replace(FACTS, unsure=True, score=0.504)
    opening = "Probably yes, but I am not sure: the score of 0.50 lies close to the threshold of 0.50."
    script = Script(f" {flat} Look again.")
    assert write_grounded(script, unsure, begun=opening).text == f"{opening} Look again."
    assert write_grounded(script, unsure).text == f"{opening} Look again."
    grounded = write_grounded(script, unsure, begun=opening, asked={"verdict", "where"})
    assert (
        grounded.text == f"{opening} If there is an anomaly, it lies in the top left part of the picture. Look again."
    )


def test_writing_stops_at_the_contradiction():
    script = Script("No, there are no defects. " + "And so on. " * 50)
    write_grounded(script, FACTS)
    assert len(script.written) < 40


def test_without_one_good_sentence_there_is_no_text():
    pieces: list[str] = []
    grounded = write_grounded(Script("No, there are no defects."), FACTS, pieces.append, asked={"what"})
    assert (grounded.text, grounded.attempts, grounded.contradicted, pieces) == ("", 3, ["verdict"], [])


def test_what_is_said_twice_ends_the_text():
    grounded = write_grounded(Script("Yes, it is defective. Look again. Look again. Check again."), FACTS)
    assert grounded.text == "Yes, it is defective. Look again."


def test_a_fragment_behind_whole_sentences_is_dropped():
    script = Script("Yes, it is defective. One should look again at the", cut="length")
    grounded = write_grounded(script, FACTS)
    assert (grounded.text, grounded.cut) == ("Yes, it is defective.", "length")
    assert write_grounded(Script("Yes, it is", cut="length"), FACTS).text == "Yes, it is"


def test_a_given_beginning_comes_first_and_alone_is_nothing():
    pieces: list[str] = []
    grounded = write_grounded(Script(" Look again."), FACTS, pieces.append, begun="I looked.")
    assert grounded.text == "".join(pieces) == "I looked. Look again."
    assert write_grounded(Script(""), FACTS, begun="I looked.").text == ""
