"""Find a part by its file name: `gated` is `models/fusion/gated.py`; nothing else to touch.

Names and descriptions are read from the files' syntax trees, so that listing imports nothing.
"""

from __future__ import annotations

import ast
import datetime
import importlib
import inspect
import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from tumorboard.errors import StudyError, nearest
from tumorboard.study_faults import problems

#: Folder of components -> the class that each of its files must derive from.
CONTRACTS: Mapping[str, str] = {
    "cohorts": "Source",
    "simulators": "Simulator",
    "modalities": "Modality",
    "audit": "Check",
    "models.encoders": "Encoder",
    "models.fusion": "Fusion",
    "models.segmenters": "Segmenter",
    "models.baselines": "Baseline",
    "tasks": "Task",
    "explain": "Explainer",
    "explain.probes": "Probe",
}

#: What one component of a folder is called in messages.
NOUNS: Mapping[str, str] = {
    "cohorts": "source",
    "simulators": "simulator",
    "modalities": "modality",
    "audit": "check",
    "models.encoders": "encoder",
    "models.fusion": "fusion",
    "models.segmenters": "segmenter",
    "models.baselines": "baseline",
    "tasks": "task",
    "explain": "explainer",
    "explain.probes": "probe",
}

_ROOT = Path(__file__).parent
T = TypeVar("T")


@cache
def _components(folder: str) -> Mapping[str, tuple[str, str]]:
    """File name -> (class name, first docstring line) of every component in `folder`."""
    contract = CONTRACTS[folder]
    found: dict[str, tuple[str, str]] = {}
    for path in sorted((_ROOT / folder.replace(".", "/")).glob("*.py")):
        if path.stem == "__init__":
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in tree.body:
            if not isinstance(node, ast.ClassDef) or node.name.startswith("_"):
                continue
            bases = {
                b.id if isinstance(b, ast.Name) else getattr(b, "attr", "") for b in node.bases
            }
            if contract in bases:
                line = (ast.get_docstring(node) or "").split("\n", 1)[0]
                found[path.stem] = (node.name, line)
                break
    return found


def names(folder: str) -> tuple[str, ...]:
    """Names of the components in a folder such as `models.fusion`, sorted."""
    return tuple(_components(folder))


def describe(folder: str) -> Mapping[str, str]:
    """Component name -> first line of its docstring, without importing anything."""
    return {name: line for name, (_, line) in _components(folder).items()}


def find(folder: str, name: str, contract: type[T]) -> type[T]:
    """The one public subclass of `contract` in the file `name` of `folder`; see `load`."""
    component = load(folder, name)
    if not issubclass(component, contract):
        raise TypeError(f"{folder}.{name} is not a {contract.__name__}")
    return component


def load(folder: str, name: str) -> type[Any]:
    """The component in the file `name` of `folder`, imported now.

    Args:
        folder: Dotted folder below `tumorboard`, such as `models.fusion`.
        name: File name without `.py`, or a dotted module path to somebody else's file.

    Raises:
        StudyError: No such file; a foreign file without
            exactly one public subclass of the folder's contract.
    """
    if "." in name:
        package = importlib.import_module(f"tumorboard.{folder}")
        return _find_foreign(name, getattr(package, CONTRACTS[folder]))
    known = _components(folder)
    if name not in known:
        raise StudyError(unknown(folder, name))
    module = importlib.import_module(f"tumorboard.{folder}.{name}")
    return cast("type[Any]", getattr(module, known[name][0]))


def unknown(folder: str, name: str) -> str:
    """Sentence for a name that `folder` does not hold."""
    return f"{name!r} is not a known {NOUNS[folder]}. {nearest(name, names(folder))}"


def _find_foreign(name: str, contract: type[T]) -> type[T]:
    try:
        module = importlib.import_module(name)
    except ImportError as error:
        raise StudyError(
            f"{name!r}: cannot import this module ({error}). Is it on PYTHONPATH?"
        ) from error
    classes = [
        value
        for value in vars(module).values()
        if inspect.isclass(value)
        and issubclass(value, contract)
        and value.__module__ == module.__name__
        and not value.__name__.startswith("_")
    ]
    if len(classes) != 1:
        found = ", ".join(kind.__name__ for kind in classes)
        raise StudyError(
            f"{name!r} must hold exactly one public subclass of {contract.__name__}, "
            f"found {found or 'none'}."
        )
    return classes[0]


@cache
def settings_model(component: type) -> type[BaseModel]:
    """Pydantic model of a component's keyword-only arguments; unknown keys are refused."""
    hints = get_type_hints(component.__init__, include_extras=True)
    fields: dict[str, Any] = {}
    for parameter in inspect.signature(component.__init__).parameters.values():
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY:
            continue
        default = ... if parameter.default is inspect.Parameter.empty else parameter.default
        fields[parameter.name] = (hints[parameter.name], default)
    return create_model(
        f"{component.__name__}Settings",
        __config__=ConfigDict(
            extra="forbid", strict=True, arbitrary_types_allowed=True, allow_inf_nan=False
        ),
        **fields,
    )


def resolve(
    component: type, settings: Mapping[str, Any], *, where: str, also: Sequence[str] = ()
) -> dict[str, Any]:
    """Settings of a component with every default filled in, as plain data.

    Args:
        component: A class with keyword-only arguments.
        settings: The author's settings.
        where: Path of the settings in the study file.
        also: Other keys that may stand beside the settings, to suggest them.

    Raises:
        StudyError: Unknown keys (with the nearest known one), wrong types, missing keys; all.
    """
    model = settings_model(component)
    dates = [key for key, value in settings.items() if _holds_date(value)]
    if dates:
        raise StudyError([f"{where}.{key}: found a date; put it in quotes." for key in dates])
    try:
        # TOML has arrays, not tuples: strict validation from JSON accepts a list for a tuple.
        return model.model_validate_json(json.dumps(settings)).model_dump(mode="json")
    except ValidationError as error:
        words = [*also, *model.model_fields]
        raise StudyError(
            problems(error, where=where, known=lambda path: () if path else words, given=settings)
        ) from error


def arguments(component: type, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Resolved settings with the types that `__init__` names: a list becomes the tuple it asks for.

    Args:
        component: A class with keyword-only arguments.
        settings: What `resolve` gave; keys that are not arguments, such as its name, are left out.
    """
    model = settings_model(component)
    known = {key: value for key, value in settings.items() if key in model.model_fields}
    parsed = model.model_validate_json(json.dumps(known))
    return {name: getattr(parsed, name) for name in model.model_fields}


def _holds_date(value: object) -> bool:
    if isinstance(value, Mapping):
        return any(map(_holds_date, cast("Mapping[str, object]", value).values()))
    if isinstance(value, list):
        return any(map(_holds_date, cast("list[object]", value)))
    return isinstance(value, datetime.date | datetime.time)
