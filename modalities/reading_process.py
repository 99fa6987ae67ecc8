"""What runs in the process of a `ReadingWorker`: readers, one after another, until its parent is gone."""

from __future__ import annotations

import os
import pickle
import shutil
import struct
import sys
import tempfile
import traceback
from typing import IO, Any

from looktwice.core.errors import LookTwiceError
from looktwice.core.one_line import one_line
from looktwice.modalities.isolation import READY, receive


def serve(scratch: str, parent: int) -> None:
    """Answer requests on stdin until it is closed.

    Parameters
    ----------
    scratch : str
        Folder for temporary files; it is deleted where the parent died and could not.
    parent : int
        Its process.
    """
    tempfile.tempdir = scratch
    requests, answers = os.fdopen(os.dup(0), "rb", buffering=0), os.fdopen(os.dup(1), "wb")
    # Libraries that print must not print into the answers, nor read the requests.
    os.dup2(os.open(os.devnull, os.O_RDWR), 0)
    os.dup2(2, 1)
    _send(answers, READY)
    while True:
        try:
            reader, arguments = receive(requests)
        except EOFError:
            break
        _send(answers, _answer(reader, arguments))
    if os.getppid() != parent:
        shutil.rmtree(scratch, ignore_errors=True)
    sys.exit(0)


def _send(stream: IO[bytes], answer: Any) -> None:
    packed = pickle.dumps(answer, protocol=5)
    stream.write(struct.pack("<Q", len(packed)) + packed)
    stream.flush()


def _answer(reader: Any, arguments: tuple[Any, ...]) -> tuple[str, Any]:
    try:
        return "done", reader(*arguments)
    except LookTwiceError as error:
        return "failed", (type(error).__name__, str(error), traceback.format_exc())
    except BaseException as error:
        return "failed", ("InputError", f"cannot be read ({one_line(error)})", traceback.format_exc())
