"""Objects in memory: which library they come from, and arrays and tensors as NumPy arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def comes_from(data: Any, library: str) -> bool:
    """Tell whether an object's class, or one that it is derived from, is a library's; the library is not imported."""
    return any(cls.__module__.split(".")[0] == library for cls in type(data).__mro__)


def is_tensor(data: Any) -> bool:
    """Tell whether an object is a tensor of PyTorch, MONAI's included."""
    return comes_from(data, "torch") and hasattr(data, "detach")


def is_array(data: Any) -> bool:
    """Tell whether an object is a NumPy array or a tensor."""
    return isinstance(data, np.ndarray) or is_tensor(data)


def is_floating(data: Any) -> bool:
    """Tell whether an array or a tensor holds floating-point numbers."""
    return bool(data.dtype.is_floating_point if is_tensor(data) else data.dtype.kind == "f")


def as_array(data: Any) -> npt.NDArray[Any]:
    """Return an array or a tensor as a plain array in this computer's memory."""
    if not is_tensor(data):
        return np.asarray(data)
    data = data.detach().cpu()
    data = data.as_tensor() if hasattr(data, "as_tensor") else data
    # NumPy has no bfloat16.
    narrow = str(data.dtype) in ("torch.bfloat16", "torch.float8_e4m3fn", "torch.float8_e5m2")
    array: npt.NDArray[Any] = (data.float() if narrow else data).numpy()
    return array


def describe(data: Any) -> str:
    """Return what an object is, in one line: "array of shape (4, 4) and dtype int64"."""
    if not is_array(data):
        return f"object of type {type(data).__module__}.{type(data).__qualname__}"
    what = "tensor" if is_tensor(data) else "array"
    return f"{what} of shape {tuple(data.shape)} and dtype {str(data.dtype).removeprefix('torch.')}"
