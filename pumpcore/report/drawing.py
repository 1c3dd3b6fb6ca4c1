"""Drawings go into a file whole or not at all.

The rule of this file: what draws (matplotlib, an extra) is asked for before any long work, and what is drawn is written
beside its target and then put in its place.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pumpcore.errors import RecordError, RequestError

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure

__all__ = ["SUFFIXES", "check_path", "write"]

SUFFIXES: Final = (".svg", ".png")


def check_path(path: str | os.PathLike[str]) -> None:
    """Refuse what could not be drawn, before a long run.

    Args:
        path: the file to draw into.

    Raises:
        RequestError: the file ends in none of `SUFFIXES`, or matplotlib is not installed.
    """
    name = Path(path).name
    if Path(path).suffix.lower() not in SUFFIXES:
        raise RequestError(f"plot: {name!r} must end in {' or '.join(SUFFIXES)}")
    if find_spec("matplotlib") is None:
        raise RequestError("plot: matplotlib is not installed; install it with: pip install 'pumpcore[plot]'")


def write(make: Callable[[], Figure], path: str | os.PathLike[str], *, dpi: int) -> None:
    """Make a figure and write it into a file: beside the target first, then in its place.

    Args:
        make: makes the figure, under the settings that all our drawings share.
        path: the file, ending in one of `SUFFIXES`; replaced where it exists.
        dpi: dots per inch of a PNG.

    Raises:
        RequestError: as `check_path`. Nothing is written.
        RecordError: the file cannot be written. Nothing is left of it.
    """
    check_path(path)
    import matplotlib as mpl  # noqa: PLC0415 - an extra, and slow to load

    target = Path(path)
    kind = target.suffix.lower().removeprefix(".")
    with mpl.rc_context({"font.size": 8, "hatch.linewidth": 0.6, "svg.hashsalt": "pumpcore"}):
        figure = make()
        try:
            handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=target.suffix, dir=target.parent)
            os.close(handle)
            temporary = Path(name)
            try:
                figure.savefig(temporary, format=kind, dpi=dpi, metadata={"Date": None} if kind == "svg" else None)
                # What `mkstemp` made is for its owner only; the drawing is as open as any new file.
                mask = os.umask(0)
                os.umask(mask)
                temporary.chmod(0o666 & ~mask)
                temporary.replace(target)
            finally:
                with contextlib.suppress(FileNotFoundError):  # gone is what it should be
                    temporary.unlink()
        except OSError as error:
            raise RecordError(str(target), error.strerror or "cannot be written") from error
