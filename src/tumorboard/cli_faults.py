"""How a command ends: every fault as lines on standard error, and an exit code."""

from __future__ import annotations

import errno
import logging
import traceback
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from typing import NoReturn

import typer

from tumorboard.errors import InputError, TumorboardError

#: Exit codes that scripts may rely on.
DONE, PROGRAM_FAULT, MUST_BE_MENDED, SOME_REJECTED, INTERRUPTED = 0, 1, 2, 3, 130
#: Faults of this machine rather than of the program.
MACHINE_FAULTS = (
    errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EEXIST,
)  # fmt: skip


class _Lines(logging.Handler):
    """Lines of progress and warnings, on standard error."""

    def emit(self, record: logging.LogRecord) -> None:
        typer.echo(record.getMessage(), err=True)


@contextmanager
def _told() -> Generator[None]:
    """Show what long reading says of its progress while a command runs."""
    logger, lines = logging.getLogger("tumorboard"), _Lines()
    level = logger.level
    logger.addHandler(lines)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(lines)
        logger.setLevel(level)


@contextmanager
def reported(context: typer.Context, *, empty_json: bool = False) -> Generator[None]:
    """Turn every fault into lines on standard error and an exit code.

    Args:
        context: Knows whether a traceback was asked for.
        empty_json: Standard output is JSON: print an empty list where a fault leaves no findings.
    """
    try:
        with _told():
            yield
    except TumorboardError as error:
        _leave(str(error).split("\n"), error.exit_code, empty_json=empty_json)
    except KeyboardInterrupt:
        _leave(["interrupted; the same command goes on where it stopped."], INTERRUPTED)
    except OSError as error:
        if error.errno == errno.EPIPE:  # the reader of a pipe has gone; nothing is lost
            raise
        if error.errno not in MACHINE_FAULTS:
            _program_fault(error, context, empty_json=empty_json)
        where = f"{error.filename}: " if error.filename else ""
        advice = "Free space, or choose another folder with --out or TUMORBOARD_CACHE."
        line = f"{where}{error.strerror}. {advice}"
        if error.errno in (errno.ENOTDIR, errno.EEXIST):
            line = (
                f"{where}a file stands where a folder is needed. Choose another place with --out."
            )
        _leave([line], InputError.exit_code, empty_json=empty_json)
    except Exception as error:
        if isinstance(error, typer.Exit | typer.Abort):
            raise
        _program_fault(error, context, empty_json=empty_json)


def _program_fault(error: Exception, context: typer.Context, *, empty_json: bool) -> NoReturn:
    from tumorboard.cache import default_folder, write_text

    details = "".join(traceback.format_exception(error))
    path = default_folder() / "last-fault.txt"
    advice = "Run `tumorboard --debug ...` for the traceback."
    with suppress(OSError):
        write_text(path, details)
        advice = f"The traceback is in {path} (also with `tumorboard --debug ...`)."
    if context.obj:
        typer.echo(details, err=True)
    text = " ".join(str(error).split())
    line = f"a fault of the program, {type(error).__name__}: {text}. {advice} Please report it."
    _leave([line], PROGRAM_FAULT, empty_json=empty_json)


def _leave(lines: Sequence[str], code: int, *, empty_json: bool = False) -> NoReturn:
    if empty_json:
        typer.echo("[]")
    for line in lines:
        typer.echo(f"error: {line}", err=True)
    raise typer.Exit(code)
