"""The encoders by name.

An encoder is a file of this folder with one subclass of `VisionEncoder` and the constant ``WEIGHTS``, which says where
its weights come from (a `WheelFile`, a `Repository`, or None for no weights). ``NAME`` is what users call it, by
default the name of its file; ``ABOUT`` describes it in one line.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from looktwice.core.discovery import find_part
from looktwice.core.errors import UsageError
from looktwice.core.weights import Repository, WheelFile

if TYPE_CHECKING:
    from looktwice.encoders.base import VisionEncoder

Weights = WheelFile | Repository | None
_KINDS = {kind.__name__: kind for kind in (WheelFile, Repository)}


def create_encoder(name: str, **options: Any) -> VisionEncoder:
    """Build an encoder with its weights, frozen and in evaluation mode.

    Parameters
    ----------
    name : str
        ``efficientnet_lite0``, ``dinov2_small``, ``siglip-so400m-384``, or a plugin's.
    **options
        Arguments of its class, such as ``input_size``.

    Raises
    ------
    UsageError
        There is no encoder of that name, or its file does not hold exactly one encoder.
    WeightsError
        Its weights cannot be had.
    """
    from looktwice.encoders.base import VisionEncoder

    part = find_part("encoders", "WEIGHTS", name, "encoder")
    module = part.load()
    classes: list[type[VisionEncoder]] = [
        each
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, VisionEncoder) and each.__module__ == module.__name__
    ]
    if len(classes) != 1:
        raise UsageError(f"{part.path} must define one subclass of VisionEncoder; it defines {len(classes)}")
    return classes[0](**options)


def weights_of(name: str) -> Weights:
    """Return where an encoder's weights come from, in general without importing the encoder (and torch with it).

    Raises
    ------
    UsageError
        There is no encoder of that name.

    Examples
    --------
    >>> from looktwice.encoders.registry import weights_of
    >>> weights_of("efficientnet_lite0").licence
    'Apache-2.0'
    >>> weights_of("siglip-so400m-384").name
    'google/siglip-so400m-patch14-384'
    """
    part = find_part("encoders", "WEIGHTS", name, "encoder")
    declared = part.constants["WEIGHTS"]
    if isinstance(declared, ast.Call) and isinstance(declared.func, ast.Name) and declared.func.id in _KINDS:
        try:
            return _KINDS[declared.func.id](
                *(ast.literal_eval(argument) for argument in declared.args),
                **{str(keyword.arg): ast.literal_eval(keyword.value) for keyword in declared.keywords},
            )
        except ValueError:  # an argument is more than a literal
            pass
    weights: Weights = part.load().WEIGHTS
    return weights
