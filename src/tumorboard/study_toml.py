"""A study file as plain tables, and single keys written over them from the command line."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from tumorboard.errors import InputError, StudyError
from tumorboard.study_faults import Faults, dotted


def read_toml(path: Path) -> dict[str, Any]:
    """Tables of a study file.

    Raises:
        InputError: The file is absent, may not be read or is not UTF-8.
        StudyError: Not TOML.
    """
    try:
        # Editors on Windows put a byte order mark before the first key.
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise InputError(
            f"{path}: no such study file. Write one with `tumorboard init TABLE`."
        ) from None
    except IsADirectoryError:
        raise InputError(f"{path}: is a folder; expected a study file (TOML).") from None
    except PermissionError:
        raise InputError(f"{path}: this account may not read it.") from None
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: not UTF-8 (byte {error.start}). Save the study file as UTF-8."
        ) from None
    except tomllib.TOMLDecodeError as error:
        advice = " Write Windows paths with / or in single quotes." if "\\" in str(error) else ""
        raise StudyError(f"{path}: not valid TOML: {error}.{advice}") from None


def overridden(tables: dict[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """`tables` with every `KEY=VALUE` written over them.

    Raises:
        StudyError: Not KEY=VALUE, or the key leads through something that is not a table.
    """
    faults = Faults()
    for text in overrides:
        faults.attempt(lambda t=text: _override(tables, t))
    faults.stop()
    return tables


def _override(tables: dict[str, Any], text: str) -> None:
    key, equals, value = text.partition("=")
    path = _key_path(key)
    if not equals or not path:
        raise StudyError(f"--set {text}: expected KEY=VALUE, such as training.epochs=5.")
    set_key(tables, path, _value(value))


def _key_path(key: str) -> list[str]:
    """Parts of a dotted TOML key; empty where it is not one."""
    try:
        table: Any = tomllib.loads(f"{key} = 0")
    except tomllib.TOMLDecodeError:
        return []
    path: list[str] = []
    while isinstance(table, dict):
        name, table = next(iter(cast("dict[str, Any]", table).items()))
        path.append(name)
    return path


def _value(text: str) -> object:
    """A TOML value; anything that is not one is text, so that words need no quotes."""
    try:
        parsed = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    return parsed["value"] if len(parsed) == 1 else text


def set_key(tables: dict[str, Any], path: Sequence[str], value: object) -> None:
    """Write one key; a plain word on the way is short for a table with that name.

    Raises:
        StudyError: The path leads through something that is not a table.
    """
    table = tables
    for position, part in enumerate(path[:-1]):
        inner: Any = table.setdefault(part, {})
        if isinstance(inner, str):
            inner = table[part] = {"name": inner}
        if not isinstance(inner, dict):
            where = dotted(*path[: position + 1])
            raise StudyError(f"--set {dotted(*path)}: {where} is not a table of the study.")
        table = cast("dict[str, Any]", inner)
    table[path[-1]] = value
