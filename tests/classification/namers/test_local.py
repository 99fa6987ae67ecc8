"""Models on this machine as namers: tiny ones of the real classes, with random weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from looktwice.classification.classifier import Classifier, summarise
from looktwice.classification.likelihood import Likelihood
from looktwice.classification.namers import open_namer
from looktwice.classification.namers.local import ASKED, LocalNamer
from looktwice.classification.naming import CachedNamer
from looktwice.classification.prompt import SYSTEM, ChatPrompter, LookTwicePrompter, write_pictures, write_prompt
from looktwice.classification.taxonomy import UNKNOWN
from looktwice.core.errors import UsageError, WeightsError

from ...made_plates import detect
from ..tiny_models import FAMILIES, make_prompter, qwen


@pytest.fixture(scope="module", params=[*FAMILIES, "llava_onevision", "anomaly_onevision"])
def prompter(request):
    return make_prompter(request.param)


def by_hand(prompter, pictures, text, answer: str) -> float:
    """Sum the log-softmax of an answer's tokens behind the whole prompt, read at once without a cache."""
    from looktwice.reasoning.prompt import chatml
    from looktwice.reasoning.prompt_embedding import embed

    model, words = prompter.model, prompter.tokenizer
    ids = [*words(answer, add_special_tokens=False)["input_ids"], words.convert_tokens_to_ids("<|im_end|>")]
    if isinstance(prompter, LookTwicePrompter):
        before, after = chatml(text, (), SYSTEM)
        shown = []
        for title, image in pictures:
            [reading] = prompter._reader.read_pictures([image])
            shown += [f"{title}: ", *reading.segments, "\n"]
        with torch.no_grad():
            embedded = embed([before, *shown, after + answer], words, model.get_input_embeddings())
        inputs = {"inputs_embeds": embedded[None]}
    else:
        content = []
        for title, image in pictures:
            content += [{"type": "text", "text": f"{title}:"}, {"type": "image", "image": image}]
        messages = [
            {"role": "system", "content": [{"type": "text", "text": SYSTEM}]},
            {"role": "user", "content": [*content, {"type": "text", "text": text}]},
        ]
        prompt = prompter.processor.apply_chat_template(messages, add_generation_prompt=True)
        images = [[image.copy() for _, image in pictures]] if pictures else None  # of one conversation
        inputs = prompter.processor(text=[prompt + answer], images=images, return_tensors="pt")
        for module in model.modules():
            if hasattr(module, "rope_deltas"):
                module.rope_deltas = None
    with torch.no_grad():
        shares = model(**inputs, use_cache=False).logits[0, -len(ids) :].log_softmax(dim=-1)
    return sum(float(row[token]) for row, token in zip(shares, ids, strict=True))


def test_likelihoods_are_the_sums_of_log_softmax(prompter, taxonomy, pit):
    namer = LocalNamer("tiny", prompter, taxonomy)
    pictures, text = write_pictures(pit), f"{write_prompt(taxonomy, pit)}\n\n{ASKED}"
    found, _ = namer._score(pictures, write_prompt(taxonomy, pit))
    assert set(found) == {"pit", "blob", UNKNOWN}
    for key, answer in (("pit", "pit"), ("blob", "bright blob"), (UNKNOWN, UNKNOWN)):
        assert found[key].total == pytest.approx(by_hand(prompter, pictures, text, answer), abs=2e-3), key
        assert found[key].tokens == len(answer) + 1
    # Nor does what was asked before matter, with pictures or without.
    alone, _ = namer._score((), write_prompt(taxonomy))
    assert alone["pit"].total == pytest.approx(
        by_hand(prompter, (), f"{write_prompt(taxonomy)}\n\n{ASKED}", "pit"), abs=2e-3
    )
    again, _ = namer._score(pictures, write_prompt(taxonomy, pit))
    assert again == found


def test_reference_query_and_contour_all_reach_the_model(prompter, taxonomy, pit):
    namer = LocalNamer("tiny", prompter, taxonomy)
    text, pictures = write_prompt(taxonomy, pit), write_pictures(pit)
    assert [title for title, _ in pictures] == ["image, normal reference", "image", "image, region in red"]
    base, length = namer._score(pictures, text)
    for number in range(3):
        changed = list(pictures)
        noise = np.random.default_rng(number).integers(0, 256, pictures[number][1].shape, dtype=np.uint8)
        changed[number] = (pictures[number][0], noise)
        other, same_length = namer._score(changed, text)
        assert same_length == length
        assert abs(other["pit"].total - base["pit"].total) > 1e-4
    _, shorter = namer._score(pictures[1:], text)
    assert shorter < length


def test_the_order_of_the_classes_does_not_matter(one_prompter, taxonomy, pit):
    turned = taxonomy.model_copy(update={"classes": dict(reversed(taxonomy.classes.items()))})
    first, second = (LocalNamer("tiny", one_prompter, one).identify(pit) for one in (taxonomy, turned))
    assert first.key == second.key
    assert first.probabilities == pytest.approx(second.probabilities, abs=1e-6)
    assert sum(first.probabilities.values()) == pytest.approx(1)
    assert first.tokens["prompt"] > 3 * 4


def likelihoods(**means):
    return {name: Likelihood(mean * tokens, tokens) for name, (mean, tokens) in means.items()}


def test_unknown_is_an_answer_and_so_is_what_stands_out_from_nothing(one_prompter, taxonomy, pit, monkeypatch):
    from looktwice.classification.namers import local

    def answers(**means):
        monkeypatch.setattr(local, "score_names", lambda *_: likelihoods(**means))
        return LocalNamer("tiny", one_prompter, taxonomy).identify(pit)

    unsure = answers(pit=(-4.0, 3), blob=(-4.0, 3), unknown=(-0.1, 3))
    assert unsure.is_unknown
    assert unsure.problem is None
    assert unsure.why.startswith('the model answers "unknown"')
    sure = answers(pit=(-0.1, 3), blob=(-0.1, 3), unknown=(-4.0, 3))
    assert not sure.is_unknown
    assert " times as readily as " in sure.why
    even = answers(pit=(-1.0, 3), blob=(-1.0, 3), unknown=(-1.02, 3))
    assert even.is_unknown
    assert even.why == "no name is likelier than chance"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A Qwen2.5-VL as the hub has it."""
    target = tmp_path_factory.mktemp("hub") / "tiny-vl"
    model, processor = qwen("qwen2_5_vl")
    model.save_pretrained(target)
    processor.save_pretrained(target)
    return target


def test_a_folder_in_the_hubs_format_answers_and_its_answers_are_kept(
    folder, taxonomy, pit, one_prompter, inspector, plates, tmp_path
):
    name = f"transformers:{folder}"
    namer = open_namer(name, taxonomy, None, cache=tmp_path / "kept", device="cpu")
    assert isinstance(namer, CachedNamer)
    first = namer.identify(pit)
    assert first.probabilities == pytest.approx(
        LocalNamer("tiny", one_prompter, taxonomy).identify(pit).probabilities, abs=1e-4
    )
    again = open_namer(name, taxonomy, None, cache=tmp_path / "kept", device="cpu")
    assert again.identify(pit).tokens == {}
    assert again.hits == 1
    references = sorted((plates / "train" / "good").iterdir())
    inspector, classifier = inspector.comparing_with(references, "tiles"), Classifier(again)
    records = [
        classifier.classify(detect(inspector, path)).to_json()
        for path in (references[0], plates / "test/pit/001.png", plates / "test/pit/001.png")
    ]
    summary = summarise(records)
    assert (summary["normal"], summary["calls"], summary["cached"]) == (1, 1, 1)
    assert summary["tokens"]["prompt"] == records[1]["tokens"]["prompt"] > 0
    assert records[1]["answered_by"] == name
    (folder / "model.safetensors").touch()  # other weights in the same place are asked anew
    changed = open_namer(name, taxonomy, None, cache=tmp_path / "kept", device="cpu")
    changed.identify(pit)
    assert changed.hits == 0


def test_half_precision_answers(folder, taxonomy, pit):
    from looktwice.reasoning.onevision.multimodal import load_multimodal

    model, processor = load_multimodal(folder, "cpu", torch.bfloat16)
    assert model.dtype == torch.bfloat16
    naming = LocalNamer("half", ChatPrompter(model, processor), taxonomy).identify(pit)
    assert sum(naming.probabilities.values()) == pytest.approx(1)


def test_missing_and_wrong_weights_say_what_to_do(folder, taxonomy, tmp_path, monkeypatch):
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "no hub"))
    for name, message in (
        ("qwen2.5-vl-7b", r"run `hf download Qwen/Qwen2\.5-VL-7B-Instruct`"),
        ("transformers:someone/something", "run `hf download someone/something`"),
        ("transformers:no such/folder/here", "neither a folder nor the name of a repository"),
        ("onevision-0.5b", "weights of onevision-0.5b are missing"),
    ):
        with pytest.raises(WeightsError, match=message):
            open_namer(name, taxonomy, None, device="cpu")
    (tmp_path / "empty").mkdir()
    with pytest.raises(WeightsError, match="cannot be loaded as a model of pictures and text"):
        open_namer(f"transformers:{tmp_path / 'empty'}", taxonomy, None, device="cpu")
    with pytest.raises(UsageError, match="4-bit weights need a CUDA device"):
        open_namer(f"transformers:{folder}:4bit", taxonomy, None, device="cpu")
    with pytest.raises(UsageError, match="--examples works only with the measured namer"):
        open_namer("qwen2-vl-2b", taxonomy, None, examples={"pit": []} | {"blob": [object()]})
