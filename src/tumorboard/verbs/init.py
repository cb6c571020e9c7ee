"""`tumorboard init`: a first study file from a table and the folders beside it, checked."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path

from tumorboard.cache import write_text
from tumorboard.cohorts.folder import Folder
from tumorboard.errors import InputError
from tumorboard.formats.column_roles import FileColumn
from tumorboard.formats.messages import counted
from tumorboard.formats.tables import read_table
from tumorboard.study import Study
from tumorboard.verbs.guesses import SMALL_CLASS, Guess, guess_study, n_disagreeing, sizes

#: Keys of `[cohort]` that are not the folder's own.
_NOT_FOLDER = ("source", "exclude")


def write_first_study(
    table: Path, out: Path, *, target: str = "none", patient_id: str = "none"
) -> str:
    """Write the text of `first_study` to `out`; an existing file is never overwritten.

    Raises:
        InputError: `out` exists, or the table cannot be read as it is.
    """
    if out.exists():
        raise InputError(f"{out}: exists already. Choose another name with --out, or remove it.")
    text = first_study(table, target=target, patient_id=patient_id)
    Study.from_tables(tomllib.loads(text), path=out)
    write_text(out, text)
    return text


def first_study(table: Path, *, target: str = "none", patient_id: str = "none") -> str:
    """A commented study file for a table, with what could only be guessed marked as a guess.

    Args:
        table: The cohort table; folders beside it are searched for the files that it names.
        target: Outcome column; "none" guesses one.
        patient_id: Column that names the patient; "none" guesses one.

    Raises:
        InputError: No column can be the patient id or the outcome, or a fault of the table.
    """
    guess = guess_study(read_table(table), target, patient_id=patient_id)
    text = _write(guess)
    keys = tomllib.loads(text)
    settings = {key: value for key, value in keys["cohort"].items() if key not in _NOT_FOLDER}
    settings["missing"] = tuple(settings["missing"])
    files = {name: part.get("files", "none") for name, part in keys["modalities"].items()}
    Folder(**settings).read(table.parent, name=keys["study"]["name"], files=files)
    return text


def _write(guess: Guess) -> str:
    """The study file; every guess has its comment."""
    parts = [_head(guess), _cohort(guess), _task(guess)]
    files = _modality_names([*guess.images, *guess.volumes])
    parts += [(_volume if c.is_volume else _image)(name, c) for name, c in files.items()]
    parts += [_record(guess), _TAIL]
    return "\n\n".join(part for part in parts if part) + "\n"


_MASKS = 'masks tell where the lesion is; a study with kind = "segmentation" draws them'

_TAIL = """\
# [arms]  left out: each modality alone, all of them fused, their late average, and a logistic
# regression on each table. See `tumorboard list` for encoders, fusions and baselines.

[evaluation]
folds = 5
repeats = 1"""


def _head(guess: Guess) -> str:
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", guess.table.path.resolve().parent.name).strip("-_")
    lines = [
        f"# First study of {guess.table.path.name}, written by `tumorboard init`. Lines that say",
        "# 'guess' were guessed from names and values: read them before you believe a result.",
        "# If this file does not lie beside the table, name the table's folder with --data DIR.",
        *(_comment(note) for note in guess.table.notes),
        "",
        "[study]",
        f"name = {_quote(name or 'study')}",
        f"question = {_quote(f'Does each modality help to tell {guess.target}?')}",
        "seed = 0",
    ]
    return "\n".join(lines)


def _cohort(guess: Guess) -> str:
    lines = [
        "[cohort]",
        'source = "folder"',
        f"table = {_quote(guess.table.path.name)}",
        f"patient_id = {_quote(guess.patient_id)}  # guess: never split over parts",
        f"missing = {_array(guess.missing)}",
    ]
    if guess.undeclared:
        lines.append(_comment("these may mean missing too; add them to `missing` if they do:"))
        lines += [
            _comment(f"  {column}: {', '.join(_quote(token) for token in tokens)}")
            for column, tokens in guess.undeclared.items()
        ]
    if guess.excluded:
        reason = f"no outcome, or fewer than {SMALL_CLASS} patients"
        lines.append(_comment(f"guess: {reason}: {sizes(guess.classes, guess.excluded)}"))
        lines.append(f"exclude = {{{_key(guess.target)} = {_array(guess.excluded)}}}")
    return "\n".join(lines)


def _task(guess: Guess) -> str:
    certainty = "guess" if guess.is_target_certain else "guess, and not a certain one"
    lines = [
        "[task]",
        'kind = "classification"',
        f"target = {_quote(guess.target)}  # {certainty}",
        _comment(f"patients per class: {sizes(guess.classes)}"),
    ]
    small = [
        label
        for label, n in guess.classes.items()
        if n < SMALL_CLASS and label not in (*guess.excluded, *guess.missing)
    ]
    if small:
        lines += [
            _comment(f"WARNING: fewer than {SMALL_CLASS} patients: {sizes(guess.classes, small)}."),
            "# Results will be very uncertain; every fold needs each class: lower `folds`.",
        ]
    if guess.positive:
        lines.append(f"positive = {_quote(guess.positive)}  # guess")
    n = n_disagreeing(guess.table, guess.patient_id, guess.target)
    if n:
        lines.append(_comment(f"{counted(n, 'patient')} have rows with different outcomes"))
        lines.append('unit = "row"')
    return "\n".join(lines)


def _modality_names(columns: Sequence[FileColumn]) -> dict[str, FileColumn]:
    names: dict[str, FileColumn] = {}
    for column in columns:
        name = re.sub(r"[^A-Za-z0-9_-]+", "_", column.folder).strip("_-") or "image"
        name = "image" if name.lower() in ("images", "image", "record") else name
        names[name if name not in names else f"{name}_{len(names)}"] = column
    return names


def _image(name: str, column: FileColumn) -> str:
    found = _comment(f"{counted(column.n_found, 'file or folder', 'files or folders')} found")
    return "\n".join(
        [
            f"[modalities.{name}]",
            'kind = "image"',
            f"files = {_quote(column.pattern)}  {found}",
            "size = [224, 224]",
            'encoder = {name = "resnet", depth = 18}',
        ]
    )


def _volume(name: str, column: FileColumn) -> str:
    found = _comment(f"{counted(column.n_found, 'file or folder', 'files or folders')} found")
    is_ct = "ct" in re.split(r"[^a-z]+", f"{column.folder}_{column.column}".lower())
    return "\n".join(
        [
            f"[modalities.{name}]",
            'kind = "volume"',
            f"files = {_quote(column.pattern)}  {found}",
            "# guess: the middle 192 mm; set what holds the lesion, and `crop` to find it",
            "spacing_mm = [3.0, 3.0, 3.0]",
            "size = [64, 64, 64]",
            *(["window_hu = [-1000, 400]  # guess: CT of the chest"] if is_ct else []),
            'encoder = {name = "resnet3d", depth = 10}',
        ]
    )


def _record(guess: Guess) -> str:
    lines: list[str] = []
    if guess.numeric or guess.categorical:
        lines = ["[modalities.record]", 'kind = "table"']
        lines.append("# Keep only what is known before the moment of prediction.")
        if guess.numeric:
            lines.append(f"numeric = {_array(guess.numeric)}")
        if guess.categorical:
            lines.append(f"categorical = {_array(guess.categorical)}")
    if guess.proxies:
        lines.append("# WARNING: these may be the label in other words and are not used:")
        lines += [_comment(f"  {name}: {why}") for name, why in guess.proxies.items()]
    if guess.left_out:
        lines.append("# Not used:")
        lines += [_comment(f"  {name}: {why}") for name, why in guess.left_out.items()]
    for column in guess.other_files:
        why = _MASKS if column.is_mask else "no kind of image known here"
        lines.append(_comment(f"  {column.pattern}: {column.n_found} found; {why}"))
    return "\n".join(lines)


def _quote(text: str) -> str:
    """A TOML basic string; JSON's escapes are a subset of TOML's but for DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(text: str) -> str:
    return text if re.fullmatch(r"[A-Za-z0-9_-]+", text) else _quote(text)


def _array(texts: Sequence[str]) -> str:
    inner = ", ".join(_quote(text) for text in texts)
    if len(inner) <= 80:
        return f"[{inner}]"
    return "[\n" + "".join(f"    {_quote(text)},\n" for text in texts) + "]"


def _comment(text: str) -> str:
    """One comment line: a control character of the table must not begin a new line."""
    return "# " + "".join(c if c.isprintable() else " " for c in text)
