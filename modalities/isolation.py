"""Reading in a process of its own: what a library's native code may end is not the whole run.

The worker is started when a reader first needs it, and is kept for the inputs that follow.
"""

from __future__ import annotations

import os
import pickle
import select
import signal
import struct
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, ParamSpec, TypeVar

from looktwice.core import errors
from looktwice.core.errors import InputError

Given = ParamSpec("Given")
Read = TypeVar("Read")

TIMEOUT = 120.0
"""Seconds that reading one input may take."""

STARTING = 300.0
"""Seconds that the process itself may take to start, on a very busy machine."""

READY = "ready"
"""What the process says first."""

_current: ContextVar[ReadingWorker | None] = ContextVar("reading_worker", default=None)


class _InWorker(Exception):  # noqa: N818  (never raised: it shows a traceback as a cause)
    """The traceback of the worker."""

    def __str__(self) -> str:
        return f"in the reading process\n{self.args[0]}"


class ReadingWorker:
    """A process that runs readers; it is started again after it died.

    Parameters
    ----------
    timeout : float
        Seconds after which it is ended and the input given up.

    Examples
    --------
    >>> worker = ReadingWorker()
    >>> with worker.in_use():
    ...     read_apart(os.path.basename, "scans/head.nii")
    'head.nii'
    >>> worker.close()
    """

    def __init__(self, timeout: float = TIMEOUT) -> None:
        self.timeout = timeout
        self._process: subprocess.Popen[bytes] | None = None
        self._starting = False
        self._lock = threading.Lock()
        self._scratch: TemporaryDirectory[str] | None = None

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Let readers that are called in this block run here."""
        token = _current.set(self)
        try:
            yield
        finally:
            _current.reset(token)

    def start(self) -> None:
        """Start the process, unless it runs."""
        if self._process is not None and self._process.poll() is None:
            return
        self._scratch = self._scratch or TemporaryDirectory(prefix="looktwice-")
        package = Path(__file__).resolve().parents[2]
        code = (
            f"import sys; sys.path.insert(0, {str(package)!r}); from looktwice.modalities.reading_process import serve"
        )
        command = [sys.executable, "-P", "-c", f"{code}; serve({self._scratch.name!r}, {os.getpid()})"]
        command = command if sys.version_info >= (3, 11) else [part for part in command if part != "-P"]
        # What libraries print belongs to neither stdout nor the one line that an input costs.
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
        )
        self._starting = True
        weakref.finalize(self, _end, self._process)

    def call(self, reader: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        """Return what a reader returns for arguments.

        Raises
        ------
        InputError
            The process died or took too long, or the reader raised an error of any kind.
        """
        with self._lock:
            self.start()
            process = self._process
            assert process is not None
            assert process.stdin is not None
            assert process.stdout is not None
            request = pickle.dumps((reader, arguments), protocol=5)
            try:
                if self._starting:
                    receive(process.stdout, time.monotonic() + STARTING)
                    self._starting = False
                process.stdin.write(struct.pack("<Q", len(request)) + request)
                process.stdin.flush()
                outcome, value = receive(process.stdout, time.monotonic() + self.timeout)
            except TimeoutError as error:
                self.close()
                raise InputError(f"reading took longer than {self.timeout:g} s and was given up (--timeout)") from error
            except (EOFError, OSError) as error:
                code = process.wait()
                self.close()
                raise InputError(
                    f"the reader {_how_it_ended(code)} on this file; it is damaged or not what it seems"
                ) from error
            except BaseException:
                # Its answer to this request must not be taken for that to the next.
                self.close()
                raise
        if outcome == "done":
            return value
        name, message, trace = value
        kind = getattr(errors, name, InputError)
        raise kind(message) from _InWorker(trace)

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            _end(self._process)
            self._process = None


def read_apart(reader: Callable[Given, Read], *arguments: Given.args, **named: Given.kwargs) -> Read:
    """Call a reader, in the worker that is in use where there is one.

    Parameters
    ----------
    reader : callable
        A function at the top of a module; its arguments and its result can be pickled.

    Raises
    ------
    InputError
        See `ReadingWorker.call`; the message says nothing of the file's name.
    """
    worker = _current.get()
    if worker is None:
        return reader(*arguments, **named)
    assert not named
    read: Read = worker.call(reader, arguments)
    return read


def receive(stream: IO[bytes], deadline: float | None = None) -> Any:
    """Read one pickled object that the other side sent.

    Raises
    ------
    EOFError
        The other side has gone.
    TimeoutError
        It is not there at `deadline`, by ``time.monotonic``.
    """
    (length,) = struct.unpack("<Q", _exactly(stream, 8, deadline))
    return pickle.loads(_exactly(stream, length, deadline))


def _exactly(stream: IO[bytes], count: int, deadline: float | None) -> bytes:
    parts, number = bytearray(count), stream.fileno()
    view, filled = memoryview(parts), 0
    while filled < count:
        if deadline is not None:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([number], [], [], left)[0]:
                raise TimeoutError
        read = os.readv(number, [view[filled:]])
        if not read:
            raise EOFError
        filled += read
    return bytes(parts)


def _how_it_ended(code: int) -> str:
    if code == -signal.SIGKILL:
        return "was killed, perhaps for want of memory,"
    return f"crashed ({signal.Signals(-code).name})" if code < 0 else f"ended itself (exit status {code})"


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            # What was not sent to a dead process cannot be flushed.
            with suppress(OSError):
                stream.close()
