"""Write the pages of docs/reference from the code: `python docs/generate_reference.py`."""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer.main
from annotated_types import Ge, Gt, Le, Lt
from pydantic import BeforeValidator
from pydantic.fields import FieldInfo

from tumorboard import registry
from tumorboard.cli import app
from tumorboard.study_faults import show
from tumorboard.study_keys import Keys, SearchRange, StudyKeys
from tumorboard.study_lookup import table_of
from tumorboard.study_words import FINDINGS
from tumorboard.verbs.list import list_components

FOLDER = Path(__file__).parent / "reference"
NOTICE = "<!-- Written by docs/generate_reference.py from the code. Change the code instead. -->\n"
WORDS: Mapping[Any, str] = {
    str: "text", int: "whole number", float: "number", bool: "true or false",
}  # fmt: skip


MODALITIES = [
    "",
    "## `[modalities.NAME]`",
    "",
    "One table for each modality, under a name that the author chooses.",
    "",
    "| key | value | default | what |",
    "| --- | --- | --- | --- |",
    "| `kind` | text | required | One of the [modalities](components.md#modalities). |",
    "| `encoder` | name or table | `mlp` for vectors, `resnet` for images | One of the "
    "[encoders](components.md#encoders). |",
    "| the settings of its kind | | | See there. |",
]


def arguments(docstring: str) -> dict[str, str]:
    """Name -> description in the `Args:` section of a docstring."""
    found: dict[str, str] = {}
    section = re.search(r"^Args:\n((?:[ ]+.*\n?|\n)+)", inspect.cleandoc(docstring), re.MULTILINE)
    name = ""
    for line in section[1].splitlines() if section else ():
        match = re.match(r"    (\w+): (.*)", line)
        if match:
            name, found[match[1]] = match[1], match[2]
        elif line.strip():
            found[name] += " " + line.strip()
    return found


def summary(docstring: str) -> str:
    """The text of a docstring before its first section."""
    text = inspect.cleandoc(docstring)
    return (
        re.split(r"\n\s*\n(?:Args|Raises|Returns|Source):", text)[0]
        .replace("\n\n", "\n")
        .replace("\n", " ")
    )


def type_words(kind: Any, limits: Sequence[Any] = ()) -> str:
    """A Python type in words of the study file."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return type_words(inner[0], [*inner[1:], *limits])
    if any(isinstance(limit, BeforeValidator) for limit in limits):
        return "name or table"
    if origin is Literal:
        return ", ".join(f"`{show(value)}`" for value in inner)
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(type_words(each) for each in inner))
    if origin in (list, tuple):
        return _list_words(origin, inner)
    if origin is not None and issubclass(origin, Mapping):
        return "table" if inner[1] is Any else f"table of {type_words(inner[1])}"
    if inspect.isclass(kind) and issubclass(kind, Keys):
        return "table"
    return WORDS.get(kind, "any") + "".join(_limit(limit) for limit in limits)


def _list_words(origin: type, inner: tuple[Any, ...]) -> str:
    if origin is tuple and inner[-1] is not Ellipsis:
        return f"list of {len(inner)}: {', '.join(type_words(each) for each in inner)}"
    return f"list of {type_words(inner[0])}"


def _limit(limit: object) -> str:
    signs = {Ge: ("≥", "ge"), Gt: (">", "gt"), Le: ("≤", "le"), Lt: ("<", "lt")}
    for kind, (sign, name) in signs.items():
        if isinstance(limit, kind):
            return f", {sign} {getattr(limit, name):,}".replace(",000", " 000")
    return ""


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in lines]


def study_file() -> str:
    """Every key of a study file that is not a component's own."""
    lines = [
        "# The study file",
        "",
        NOTICE,
        'TOML; unknown keys are refused. No key is ever null: absence is the word `"none"`. A '
        'component is a name or a table with a name, such as `fusion = "gated"` or '
        '`fusion = {name = "gated", size = 64}`; the settings of each are in '
        "[components](components.md).",
    ]
    for path, keys in _tables(StudyKeys, ()):
        if path == ("arms", "NAME"):
            lines += MODALITIES
        lines += _section(path, keys)
        if path == ("tuning",):
            lines += _section(("tuning", "space", '"KEY"'), SearchRange)
    lines += ["", "## Findings that `[audit] accept` may name", "", ", ".join(
        f"`{code}`" for code in FINDINGS) + "."]  # fmt: skip
    return "\n".join(lines) + "\n"


def _section(path: tuple[str, ...], keys: type[Keys]) -> list[str]:
    described = arguments(keys.__doc__ or "")
    rows = [
        _key_row(path, name, field, described.get(name, ""))
        for name, field in keys.model_fields.items()
    ]
    heading = ["", f"## `[{'.'.join(path)}]`", "", summary(keys.__doc__ or ""), ""]
    return [*heading, *table(("key", "value", "default", "what"), rows)]


def _tables(
    keys: type[Keys], path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], type[Keys]]]:
    for name, field in keys.model_fields.items():
        inner = table_of((*path, name)) or table_of((*path, name, "NAME"))
        if inner is None:
            continue
        is_named = get_origin(field.annotation) is dict
        below = (*path, name, "NAME") if is_named else (*path, name)
        yield below, inner
        yield from _tables(inner, below)


def _key_row(
    path: tuple[str, ...], name: str, field: FieldInfo, what: str
) -> tuple[str, str, str, str]:
    words = type_words(field.annotation, field.metadata)
    return f"`{name}`", words, _default(field), what


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.default
    return "see its table" if isinstance(value, Keys) else f"`{show(value)}`"


def components() -> str:
    """Every component with its settings."""
    lines = ["# Components", "", NOTICE]
    lines += ["What a study file can name. `tumorboard list` prints the same names."]
    for group in list_components():
        lines += ["", f"## {group.heading}", "", f"Named by: `{group.named_by}`."]
        for name in group.components:
            lines += ["", f"### `{name}`", ""]
            lines += _component(registry.load(group.folder, name))
    return "\n".join(lines) + "\n"


def _component(component: type) -> list[str]:
    lines = [summary(component.__doc__ or "")]
    described = arguments(component.__doc__ or "")
    fields = registry.settings_model(component).model_fields
    rows = [
        (
            f"`{name}`",
            type_words(field.annotation, field.metadata),
            "required" if field.is_required() else f"`{show(_plain(field.default))}`",
            described.get(name, ""),
        )
        for name, field in fields.items()
    ]
    return [*lines, "", *table(("setting", "value", "default", "what"), rows)] if rows else lines


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else value


def commands() -> str:
    """Every command with its arguments and options."""
    lines = ["# Commands", "", NOTICE]
    lines += ["| exit code | means |", "| --- | --- |"]
    lines += [
        "| 0 | done |",
        "| 1 | a fault of the program |",
        "| 2 | the study, its data or this machine must be mended |",
        "| 3 | done, but some patients or files were rejected (they are listed) |",
    ]
    group: Any = typer.main.get_command(app)
    for name, command in group.commands.items():
        lines += ["", f"## `tumorboard {name}`", "", command.help, ""]
        rows = [
            (f"`{_names(option)}`", getattr(option, "help", None) or "")
            for option in command.params
            if option.name != "help"
        ]
        lines += table(("argument or option", "what"), rows) if rows else ["No options."]
    lines += ["", "Before a command: `--version`, and `--debug` for the traceback of a fault."]
    return "\n".join(lines) + "\n"


def _names(option: Any) -> str:
    if option.param_type_name == "argument":
        return option.metavar or option.name.upper()
    metavar = "" if option.is_flag else f" {option.metavar or option.name.upper()}"
    both = [*option.opts, *option.secondary_opts]
    return " / ".join(both) + metavar


PAGES: Mapping[str, Callable[[], str]] = {
    "study-file.md": study_file,
    "components.md": components,
    "commands.md": commands,
}


def main() -> None:
    """Write every page."""
    FOLDER.mkdir(exist_ok=True)
    for name, write in PAGES.items():
        (FOLDER / name).write_text(write(), encoding="utf-8")


if __name__ == "__main__":
    main()
