"""Tensor names of LLaVA-OneVision: the original LLaVA-NeXT repository's, and those of Hugging Face files.

==========================================  =====================================
original                                    Hugging Face
==========================================  =====================================
``model.vision_tower.vision_tower.vision_model.*``  ``vision_tower.vision_model.*``
``model.mm_projector.0.*``, ``.2.*``        ``multi_modal_projector.linear_1.*``, ``linear_2.*``
``model.image_newline``                     ``image_newline``
``lm_head.weight``                          ``language_model.lm_head.weight``
``model.*`` (embeddings, layers, norm)      ``language_model.model.*``
==========================================  =====================================
"""

from __future__ import annotations

import re

_TO_HUGGING_FACE = (
    ("model.vision_tower.vision_tower.vision_model.", "vision_tower.vision_model."),
    ("model.mm_projector.0.", "multi_modal_projector.linear_1."),
    ("model.mm_projector.2.", "multi_modal_projector.linear_2."),
    ("model.image_newline", "image_newline"),
    ("lm_head.", "language_model.lm_head."),
    ("model.", "language_model.model."),
)
# The vision tower's last block and its pooling head do not exist in LLaVA-OneVision; rotary frequencies are computed.
_DROPPED = re.compile(r"\.inv_freq$|\.vision_model\.head\.|\.vision_model\.encoder\.layers\.(?:2[6-9]|[3-9]\d)\.")

# Names as transformers 5 has them in memory, and in files it writes without the tower's inner prefix.
_FROM_MEMORY = (
    ("model.language_model.", "language_model.model."),
    ("model.vision_tower.", "vision_tower."),
    ("model.multi_modal_projector.", "multi_modal_projector."),
    ("model.image_newline", "image_newline"),
    ("lm_head.", "language_model.lm_head."),
)


def is_original_name(name: str) -> bool:
    """Tell whether a name is one that only the original naming has."""
    return name.startswith(("model.vision_tower.vision_tower.", "model.mm_projector.", "model.layers.", "model.embed_"))


def to_hugging_face(name: str) -> str | None:
    """Return the Hugging Face name of an original one; None for a tensor that is not part of the model."""
    if _DROPPED.search(name):
        return None
    return _replace_prefix(name, _TO_HUGGING_FACE)


def to_original(name: str) -> str | None:
    """Return the original name of a Hugging Face one, as in files or in memory; None for what is not in the model."""
    name = _replace_prefix(name, _FROM_MEMORY)
    if name.startswith("vision_tower.") and not name.startswith("vision_tower.vision_model."):
        name = f"vision_tower.vision_model.{name.removeprefix('vision_tower.')}"
    if _DROPPED.search(name):
        return None
    return _replace_prefix(name, tuple((new, old) for old, new in _TO_HUGGING_FACE))


def to_memory(name: str) -> str:
    """Return where transformers 5 keeps a tensor that has this name in a Hugging Face file."""
    name = name.replace("vision_tower.vision_model.", "vision_tower.", 1)
    return _replace_prefix(name, tuple((file, memory) for memory, file in _FROM_MEMORY))


def _replace_prefix(name: str, prefixes: tuple[tuple[str, str], ...]) -> str:
    for old, new in prefixes:
        if name.startswith(old):
            return new + name[len(old) :]
    return name
