"""What the LLM of Anomaly-OneVision reads of a picture, or of a study of many views.

One picture, as released: the base's tokens and those of its AnyRes crops, the words of suspicion, then the selected
tokens: the global one, the base's, the crops' on their grid. Several views: each without crops. All visual tokens
pass the projector of LLaVA-OneVision; newline tokens are the LLM's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from looktwice.core.result import suspicion_word
from looktwice.core.study import Modality
from looktwice.core.tokens import SelectedTokens, Tokens
from looktwice.encoders.llava_vision import LlavaTower
from looktwice.evidence.networks.look_twice import FirstLook, LookTwice
from looktwice.reasoning.base import StudyContext
from looktwice.reasoning.prompt import suspicion_phrase
from looktwice.reasoning.prompt_embedding import Segment, lay_out_crops
from looktwice.reasoning.view_budget import ViewPlan, plan_views

if TYPE_CHECKING:
    from transformers import LlavaOnevisionForConditionalGeneration

MAX_VISUAL_TOKENS = 8000
"""Most tokens that a study takes, unless the user says otherwise."""

MAX_CROPS = 9
"""``anyres_max_9``: crops are reduced to at most this many crops' worth of tokens."""

PHRASE_TOKENS = 8
"""Room for the words of suspicion; six tokens in Qwen2's vocabulary."""

LABEL_TOKENS = 24
"""Room for a view's label with its line end; "axial slice 92, z = +34 mm: " takes 15 in Qwen2's vocabulary."""

_SHOWN_AS = {
    Modality.IMAGE: "pictures of one object",  # kind: its name in a prompt
    Modality.VOLUME: "slices of one volume",  # kind: its name in a prompt
    Modality.POINTCLOUD: "views of one object in 3D",  # kind: its name in a prompt
}


@dataclass(frozen=True)
class Reading:
    """Segments for the LLM, and what they show.

    Attributes
    ----------
    segments : list of Segment
        In reading order, behind the projector.
    views : tuple of str
        Names of the views that are shown whole.

    Examples
    --------
    >>> Reading(["axial slice 92: ", torch.zeros(9, 16)], views=("axial slice 92",)).visual_tokens
    9
    """

    segments: list[Segment]
    views: tuple[str, ...] = ()

    @property
    def visual_tokens(self) -> int:
        """How many visual tokens there are, newlines included."""
        return sum(len(segment) for segment in self.segments if not isinstance(segment, str))


class VisualReader:
    """Turns pictures into segments for the LLM.

    Parameters
    ----------
    model : LlavaOnevisionForConditionalGeneration
    tower : LlavaTower
        Of that model.
    expert : LookTwice
        Trained on the tower's tokens.
    max_visual_tokens : int
        Most tokens that a study may take, labels included.

    Examples
    --------
    >>> picture = np.zeros((384, 384, 3), np.uint8)
    >>> reader = VisualReader(model, tower, expert, max_visual_tokens=3000)  # doctest: +SKIP
    >>> reader.read_picture(picture).visual_tokens <= 3000  # doctest: +SKIP
    True
    """

    def __init__(
        self,
        model: LlavaOnevisionForConditionalGeneration,
        tower: LlavaTower,
        expert: LookTwice,
        max_visual_tokens: int = MAX_VISUAL_TOKENS,
    ) -> None:
        self.model = model
        self.tower = tower
        self.expert = expert
        self.max_visual_tokens = max_visual_tokens

    @torch.inference_mode()
    def read_picture(self, image: npt.NDArray[np.uint8], suspicion: str | None = None) -> Reading:
        """Read one picture with its AnyRes crops; fewer crops' worth, or none, where the budget is smaller.

        Parameters
        ----------
        image : uint8, shape (H, W, 3)
        suspicion : {"slightly", "moderately", "highly"}, optional
            By default that of the expert's own score.
        """
        pixels, size = self.tower.tile(image)
        tokens = self.tower.encode_in_batches(pixels)
        evidence = self.expert.gather(self._look(tokens, tokens.final[:1]), [len(pixels)])
        word = suspicion or suspicion_word(float(evidence.score))
        projected, local = self._project(tokens.final), self._project(evidence.local_tokens)
        base = torch.cat([self._project(evidence.global_token), local[0]])
        crops = lay_out_crops(local[1:], self._crop_grid(size), self.model.model.image_newline)
        selected = torch.cat([base, crops])
        for most in range(MAX_CROPS, 0, -1):
            packed = self._pack(projected, size, most)
            if len(packed) + PHRASE_TOKENS + len(selected) <= self.max_visual_tokens:
                return Reading([packed, suspicion_phrase(word), selected])
        return Reading([self._whole(projected[0]), suspicion_phrase(word), base])

    @torch.inference_mode()
    def read_pictures(self, images: Sequence[npt.NDArray[np.uint8]]) -> list[Reading]:
        """Read several pictures that are shown together, each by itself and without crops, as released.

        Parameters
        ----------
        images : sequence of uint8, shape (H, W, 3)
        """
        tokens = self.tower.encode_in_batches(self.tower.preprocess(images))
        evidence = self.expert.gather(self._look(tokens, tokens.final), [1] * len(images))
        projected, local = self._project(tokens.final), self._project(evidence.local_tokens)
        whole = self._project(evidence.global_token)
        return [
            Reading(
                [
                    self._whole(projected[index]),
                    suspicion_phrase(suspicion_word(float(evidence.score[index]))),
                    torch.cat([whole[index : index + 1], local[index]]),
                ]
            )
            for index in range(len(images))
        ]

    @torch.inference_mode()
    def read_study(self, context: StudyContext) -> Reading:
        """Read a study within the budget: a single picture with its crops, several views without.

        Raises
        ------
        UsageError
            The budget holds no view.
        """
        views, result, base = context.views, context.result, context.study.base
        if result.modality is Modality.IMAGE:  # kind: a photograph is read with its crops, as released
            return self.read_picture(views[base].image, result.suspicion)
        selection = context.selected.local_tokens.shape[1]
        plan = plan_views(
            context.selected.significance.tolist(),
            whole_cost=self.tower.num_tokens + 1 + PHRASE_TOKENS + 1 + selection + LABEL_TOKENS,
            selected_cost=selection + LABEL_TOKENS,
            budget=self.max_visual_tokens,
            base=base,
        )
        return self._read_views(context, plan)

    def _read_views(self, context: StudyContext, plan: ViewPlan) -> Reading:
        result, whole = context.result, set(plan.whole)
        evidence = self._evidence_of(context, plan.shown)
        global_token, local = self._project(evidence.global_token), self._project(evidence.local_tokens)
        segments: list[Segment] = [
            f"{len(plan.shown)} of {plan.total} {_SHOWN_AS.get(result.modality, 'views of one object')}:\n"
        ]
        names = []
        for index, selected in zip(plan.shown, local, strict=True):
            view = context.views[index]
            segments.append(f"{view.name}: ")
            if index in whole:
                names.append(view.name)
                seen = self._project(self._encode(view.image).final)[0]
                segments += [self._whole(seen), suspicion_phrase(result.suspicion), global_token]
            segments += [selected, "\n"]
        return Reading(segments, tuple(names))

    def _evidence_of(self, context: StudyContext, shown: Sequence[int]) -> SelectedTokens:
        """Return the evidence of the shown views, in this tower's tokens.

        Evidence that another encoder gathered (its tokens have another number of channels) still says which views
        matter, but the LLM cannot read its tokens: the expert looks at the shown views again with this tower.
        """
        given = context.selected
        if given.local_tokens.shape[-1] == self.tower.token_dim:
            picked = list(shown)
            return SelectedTokens(
                given.maps[picked],
                given.significance[picked],
                given.local_tokens[picked],
                given.global_token,
                given.score,
            )
        base = self._encode(context.views[context.study.base].image).final
        looks = [self._look(self._encode(context.views[index].image), base) for index in shown]
        return self.expert.gather(FirstLook.concatenate(looks), [len(looks)])

    def _encode(self, image: npt.NDArray[np.uint8]) -> Tokens:
        return self.tower.encode_in_batches(self.tower.preprocess([image]))

    def _look(self, tokens: Tokens, base: Tensor) -> FirstLook:
        """Let the expert look, in its own precision and on its own device."""
        weight = self.expert.normal_embedding
        context = self.expert.context(base.to(weight))
        return self.expert.look(tokens.final.to(weight), [level.to(weight) for level in tokens.levels], context)

    def _project(self, tokens: Tensor) -> Tensor:
        projector = self.model.model.multi_modal_projector
        projected: Tensor = projector(tokens.to(self.model.model.image_newline))
        return projected

    def _whole(self, projected: Tensor) -> Tensor:
        """Return a view without crops: its tokens and one newline."""
        return torch.cat([projected, self.model.model.image_newline[None].to(projected)])

    def _pack(self, projected: Tensor, size: tuple[int, int], crops: int) -> Tensor:
        """Return base and crops (n, D): crops unpadded, reduced to `crops` crops' worth, a newline behind each row."""
        packed, _ = self.model.model.pack_image_features(
            [projected],
            torch.tensor([size]),
            image_newline=self.model.model.image_newline,
            vision_aspect_ratio=f"anyres_max_{crops}",
        )
        features: Tensor = packed[0]
        return features

    def _crop_grid(self, size: tuple[int, int]) -> tuple[int, int]:
        """Return rows and columns of the AnyRes crops of a picture of `size` (height, width)."""
        from transformers.models.llava_onevision.modeling_llava_onevision import get_anyres_image_grid_shape

        rows, columns = get_anyres_image_grid_shape(size, self.model.config.image_grid_pinpoints, self.tower.input_size)
        return rows, columns
