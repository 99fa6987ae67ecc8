"""Models on this machine as namers: tiny ones of the real classes, with random weights."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from looktwice.classification.cache import CachedNamer
from looktwice.classification.classifier import Classifier, open_namer, summarise
from looktwice.classification.detection import Detector
from looktwice.classification.likelihood import NAMES_AT_ONCE, Likelihood, score_names, share_out
from looktwice.classification.namers.local import ASKED, LocalNamer
from looktwice.classification.prompt import SYSTEM, write_pictures, write_prompt
from looktwice.classification.prompting import ChatPrompter, LookTwicePrompter
from looktwice.classification.taxonomy import UNKNOWN
from looktwice.core.errors import UsageError, WeightsError

TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}IMAGE{% else %}{{ part['text'] }}{% endif %}{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
QWEN_PICTURE = "<|vision_start|><|image_pad|><|vision_end|>"
SPECIAL = ["<|im_start|>", "<|im_end|>", "<|image_pad|>", "<|video_pad|>", "<|vision_start|>", "<|vision_end|>"]
TEXT = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 300,
    "max_position_embeddings": 8192,
}
ROPE = {"rope_type": "default", "mrope_section": [2, 1, 1], "rope_theta": 10000.0}
FAMILIES = ["qwen2_vl", "qwen2_5_vl", "qwen3_vl"]


def tokenizer(special=SPECIAL):
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import Qwen2Tokenizer

    vocabulary = {byte: index for index, byte in enumerate(sorted(ByteLevel.alphabet()))}
    made = Qwen2Tokenizer(vocabulary, [], eos_token="<|im_end|>", pad_token="<|endoftext|>")
    made.add_special_tokens({"additional_special_tokens": special})
    return made


def livelier(model):
    """Make weights larger, so that what comes out depends on what goes in."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim >= 2 and "embed" not in name:
                parameter.mul_(4)
    return model.eval()


def qwen(family: str):
    """Return model and processor of a family of Qwen-VL."""
    import transformers

    words = tokenizer()
    ids = {
        name: words.convert_tokens_to_ids(f"<|{token}|>")
        for name, token in (
            ("image_token_id", "image_pad"),
            ("video_token_id", "video_pad"),
            ("vision_start_token_id", "vision_start"),
            ("vision_end_token_id", "vision_end"),
        )
    }
    size, vision = 14, {"depth": 2, "num_heads": 2, "patch_size": 14}
    prefix = {"qwen2_vl": "Qwen2VL", "qwen2_5_vl": "Qwen2_5_VL", "qwen3_vl": "Qwen3VL"}[family]
    if family == "qwen2_vl":
        vision |= {"embed_dim": 16, "hidden_size": 32, "mlp_ratio": 2}
    elif family == "qwen2_5_vl":
        vision |= {"hidden_size": 16, "intermediate_size": 32, "out_hidden_size": 32, "fullatt_block_indexes": [1]}
    else:
        size = 16
        vision |= {"patch_size": 16, "hidden_size": 16, "intermediate_size": 32, "out_hidden_size": 32}
        vision |= {"num_position_embeddings": 64, "deepstack_visual_indexes": [0, 1]}
    text = {**TEXT, "rope_parameters": ROPE, "eos_token_id": None, "bos_token_id": None}
    if family == "qwen3_vl":
        text["head_dim"] = 8
    config = getattr(transformers, f"{prefix}Config")(text_config=text, vision_config=vision, **ids)
    torch.manual_seed(0)
    model = getattr(transformers, f"{prefix}ForConditionalGeneration")(config)
    square = {"shortest_edge": (4 * size) ** 2, "longest_edge": (4 * size) ** 2}
    options = {"patch_size": size, "size": square}
    processor = getattr(transformers, f"{prefix}Processor")(
        transformers.Qwen2VLImageProcessor(**options),
        words,
        getattr(transformers, "Qwen3VLVideoProcessor" if family == "qwen3_vl" else "Qwen2VLVideoProcessor")(
            patch_size=size
        ),
        chat_template=TEMPLATE.replace("IMAGE", QWEN_PICTURE),
    )
    return livelier(model), processor


def onevision():
    """Return a tiny LLaVA-OneVision, its processor, and the expert on its tower."""
    import transformers

    from looktwice.evidence.ltfm.network import LookTwice

    words = tokenizer(["<|im_start|>", "<image>", "<video>"])
    side = 42
    pinpoints = [[side * rows, side * columns] for rows in (1, 2) for columns in (1, 2)]
    config = transformers.LlavaOnevisionConfig(
        vision_config={
            "model_type": "siglip_vision_model",
            "hidden_size": 16,
            "intermediate_size": 32,
            "patch_size": 14,
            "image_size": side,
            "num_hidden_layers": 26,
            "num_attention_heads": 2,
            "vision_use_head": False,
        },
        text_config={"model_type": "qwen2", "eos_token_id": None, "bos_token_id": None, **TEXT},
        image_token_index=words.convert_tokens_to_ids("<image>"),
        video_token_index=words.convert_tokens_to_ids("<video>"),
        image_grid_pinpoints=pinpoints,
    )
    torch.manual_seed(0)
    model = transformers.LlavaOnevisionForConditionalGeneration(config)
    square = {"height": side, "width": side}
    processor = transformers.LlavaOnevisionProcessor(
        transformers.LlavaOnevisionImageProcessor(size=square, image_grid_pinpoints=pinpoints),
        words,
        transformers.LlavaOnevisionVideoProcessor(size=square),
        num_image_tokens=9,
        vision_feature_select_strategy="full",
        chat_template=TEMPLATE.replace("IMAGE", "<image>"),
    )
    expert = LookTwice(token_dim=16, level_dims=[16] * 4, num_tokens=9, grid=(3, 3), embed_dim=8).eval()
    return livelier(model), processor, expert


def make_prompter(family: str):
    from looktwice.reasoning.onevision import OneVision

    if family in FAMILIES:
        return ChatPrompter(*qwen(family))
    model, processor, expert = onevision()
    if family == "llava_onevision":
        return ChatPrompter(model, processor)
    return LookTwicePrompter(OneVision(model, processor, expert))


@pytest.fixture(scope="module", params=[*FAMILIES, "llava_onevision", "anomaly_onevision"])
def prompter(request):
    return make_prompter(request.param)


@pytest.fixture(scope="module")
def one_prompter():
    return make_prompter("qwen2_5_vl")


@pytest.fixture
def finding(parts):
    """A dark pit with a normal reference beside it: three pictures."""
    one = parts.specimen(10)
    return dataclasses.replace(one, exposures=(dataclasses.replace(one.exposures[0], reference=parts.plate(9)),))


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


def test_likelihoods_are_the_sums_of_log_softmax(prompter, taxonomy, finding):
    namer = LocalNamer("tiny", prompter, taxonomy)
    pictures, text = write_pictures(finding), f"{write_prompt(taxonomy, finding)}\n\n{ASKED}"
    found, _ = namer._score(pictures, write_prompt(taxonomy, finding))
    assert set(found) == {"pit", "blob", UNKNOWN}
    for key, answer in (("pit", "pit"), ("blob", "bright blob"), (UNKNOWN, UNKNOWN)):
        assert found[key].total == pytest.approx(by_hand(prompter, pictures, text, answer), abs=2e-3), key
        assert found[key].tokens == len(answer) + 1
    # Nor does what was asked before matter, with pictures or without.
    alone, _ = namer._score((), write_prompt(taxonomy))
    assert alone["pit"].total == pytest.approx(
        by_hand(prompter, (), f"{write_prompt(taxonomy)}\n\n{ASKED}", "pit"), abs=2e-3
    )
    again, _ = namer._score(pictures, write_prompt(taxonomy, finding))
    assert again == found


def test_reference_query_and_contour_all_reach_the_model(prompter, taxonomy, finding):
    namer = LocalNamer("tiny", prompter, taxonomy)
    text, pictures = write_prompt(taxonomy, finding), write_pictures(finding)
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


def test_the_order_of_the_classes_does_not_matter(one_prompter, taxonomy, finding):
    turned = taxonomy.model_copy(update={"classes": dict(reversed(taxonomy.classes.items()))})
    first, second = (LocalNamer("tiny", one_prompter, one).identify(finding) for one in (taxonomy, turned))
    assert first.key == second.key
    assert first.probabilities == pytest.approx(second.probabilities, abs=1e-6)
    assert sum(first.probabilities.values()) == pytest.approx(1)
    assert first.tokens["prompt"] > 3 * 4


def test_many_names_are_scored_as_few_are(one_prompter, taxonomy, finding):
    prompted = one_prompter.put(SYSTEM, write_pictures(finding), "Which?")
    spelled = {f"kind {number}": list(range(3, 4 + number % 3)) for number in range(NAMES_AT_ONCE + 3)}
    together = score_names(prompted, spelled, {257})
    for name, ids in spelled.items():
        [alone] = score_names(prompted, {name: ids}, {257}).values()
        assert together[name].total == pytest.approx(alone.total, abs=1e-4)


def test_any_token_that_ends_a_turn_ends_a_name(one_prompter, finding):
    prompted = one_prompter.put(SYSTEM, (), "Which?")
    [one], [other], [both] = (score_names(prompted, {"a": [5]}, ends).values() for ends in ({257}, {256}, {256, 257}))
    first = float(prompted.logits.log_softmax(dim=-1)[5])
    expected = np.logaddexp(one.total - first, other.total - first) + first
    assert both.total == pytest.approx(expected, abs=1e-4)


def likelihoods(**means):
    return {name: Likelihood(mean * tokens, tokens) for name, (mean, tokens) in means.items()}


def test_long_names_lose_nothing_and_the_prior_is_taken_off():
    flat = likelihoods(short=(-1.0, 2), long=(-1.0, 8), unknown=(-3.0, 2))
    shares = share_out(flat, flat)
    assert shares["short"] == pytest.approx(shares["long"])
    # What a model says anyway counts for nothing: "long" gained more by what was shown.
    seen = likelihoods(short=(-0.5, 2), long=(-1.0, 8), unknown=(-3.0, 2))
    unseen = likelihoods(short=(-0.5, 2), long=(-2.0, 8), unknown=(-0.1, 2))
    shares = share_out(seen, unseen)
    assert shares["long"] > shares["short"] > shares["unknown"]
    assert sum(shares.values()) == pytest.approx(1)


def test_unknown_is_an_answer_and_so_is_what_stands_out_from_nothing(one_prompter, taxonomy, finding, monkeypatch):
    from looktwice.classification.namers import local

    def answers(**means):
        monkeypatch.setattr(local, "score_names", lambda *_: likelihoods(**means))
        return LocalNamer("tiny", one_prompter, taxonomy).identify(finding)

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
    folder, taxonomy, finding, one_prompter, inspector, plates, tmp_path
):
    name = f"transformers:{folder}"
    namer = open_namer(name, taxonomy, None, cache=tmp_path / "kept", device="cpu")
    assert isinstance(namer, CachedNamer)
    first = namer.identify(finding)
    assert first.probabilities == pytest.approx(
        LocalNamer("tiny", one_prompter, taxonomy).identify(finding).probabilities, abs=1e-4
    )
    again = open_namer(name, taxonomy, None, cache=tmp_path / "kept", device="cpu")
    assert again.identify(finding).tokens == {}
    assert again.hits == 1
    references = sorted((plates / "train" / "good").iterdir())
    classifier = Classifier(Detector(inspector, references), again)
    records = [
        classifier.classify(path).to_json()
        for path in (references[0], plates / "test/pit/001.png", plates / "test/pit/001.png")
    ]
    summary = summarise(records)
    assert (summary["normal"], summary["calls"], summary["cached"]) == (1, 1, 1)
    assert summary["tokens"]["prompt"] == records[1]["tokens"]["prompt"] > 0
    assert records[1]["answered_by"] == name
    (folder / "model.safetensors").touch()  # other weights in the same place are asked anew
    changed = open_namer(name, taxonomy, None, cache=tmp_path / "kept", device="cpu")
    changed.identify(finding)
    assert changed.hits == 0


def test_half_precision_answers(folder, taxonomy, finding):
    from looktwice.reasoning.multimodal import load_multimodal

    model, processor = load_multimodal(folder, "cpu", torch.bfloat16)
    assert model.dtype == torch.bfloat16
    naming = LocalNamer("half", ChatPrompter(model, processor), taxonomy).identify(finding)
    assert sum(naming.probabilities.values()) == pytest.approx(1)


def test_missing_and_wrong_weights_say_what_to_do(folder, taxonomy, tmp_path, monkeypatch):
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "no hub"))
    for name, message in (
        ("qwen2.5-vl-7b", r"run `hf download Qwen/Qwen2\.5-VL-7B-Instruct`"),
        ("transformers:someone/something", "run `hf download someone/something`"),
        ("transformers:no such/folder/here", "neither a folder nor the name of a repository"),
        ("onevision-0.5b", "onevision-0.5b is not complete"),
    ):
        with pytest.raises(WeightsError, match=message):
            open_namer(name, taxonomy, None, device="cpu")
    (tmp_path / "empty").mkdir()
    with pytest.raises(WeightsError, match="cannot be loaded as a model of pictures and text"):
        open_namer(f"transformers:{tmp_path / 'empty'}", taxonomy, None, device="cpu")
    with pytest.raises(UsageError, match="4 bits need a CUDA device"):
        open_namer(f"transformers:{folder}:4bit", taxonomy, None, device="cpu")
    with pytest.raises(UsageError, match="labelled examples are for the embedded classifier"):
        open_namer("qwen2-vl-2b", taxonomy, None, examples={"pit": []} | {"blob": [object()]})
