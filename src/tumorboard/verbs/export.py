"""`tumorboard export`: the patches of a study as a tree of class folders, for other programs."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tumorboard.cache import Cache
from tumorboard.errors import InputError, RunError, StudyError, nearest
from tumorboard.modalities.measured.patches import MeasuredPatches
from tumorboard.records import Cohort, Rejection
from tumorboard.study import Study
from tumorboard.training.prepare import prepare
from tumorboard.verbs.evaluate import data_root, load_study

#: What a file name on any system may hold.
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True)
class Exported:
    """What was written.

    Args:
        counts: Class -> number of patches.
        rejections: Named files and annotations that could not be used.
    """

    counts: Mapping[str, int]
    rejections: tuple[Rejection, ...]


def export(
    study: str | Path,
    *,
    out: str | Path,
    modality: str = "none",
    data: str | Path | None = None,
    overrides: Sequence[str] = (),
) -> Exported:
    """Write every patch that a study analyses as `<class>/<unit_id>.png`, as it was scanned.

    Patches have the size of the study; neither stains nor colours are normalised. Patches of a bag
    get a number after the unit, and so do several rows of one unit.

    Args:
        study: The study file.
        out: Folder to write; it appears complete or not at all.
        modality: Which modality of kind `patches`; "none" where the study has one.
        data: Folder that the study's file names start from.
        overrides: `key=value` settings over the study file.

    Returns:
        What was written.

    Raises:
        StudyError, InputError, RunError: One clear line each.
    """
    folder = Path(out)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RunError(f"{folder}: exists already. Choose another --out, or remove it.")
    checked = load_study(Path(study), overrides=overrides, fast=False)
    name = _modality(checked, modality)
    folder.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        with Cache(workers=checked.keys.runtime.workers) as cache:
            root = data_root(checked, None if data is None else Path(data))
            prepared = prepare(checked, root, cache=cache)
            measured = prepared.measured[name]
            if not isinstance(measured, MeasuredPatches):
                raise TypeError(f"modalities.{name} holds no patches")
            classes = prepared.outcomes.columns[str(checked.keys.task.target)]
            counts = export_patches(prepared.cohort, measured, classes, work / "patches")
        if folder.exists():
            folder.rmdir()
        (work / "patches").rename(folder)
    except OSError as error:
        raise RunError(f"{folder}: cannot be written ({error.strerror or error}).") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return Exported(counts, prepared.rejections)


def export_patches(
    cohort: Cohort, measured: MeasuredPatches, classes: Sequence[str], folder: Path
) -> Mapping[str, int]:
    """Write `<class>/<unit_id>.png` for every patch of the rows.

    Args:
        cohort: The rows.
        measured: Their patches.
        classes: Class of each row; "" is unknown and left out.
        folder: Where to write; made where it is absent.

    Returns:
        What was written.

    Raises:
        InputError: Two classes would share a folder.
    """
    from PIL import Image

    places = _folders(classes)
    rows = np.flatnonzero(measured.present & np.asarray([bool(c) for c in classes]))
    numbers, place = measured.patches.at.of(rows)
    owners: list[int] = rows[place].tolist()
    taken: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    folder.mkdir(parents=True, exist_ok=True)
    for number, row in zip(numbers.tolist(), owners, strict=True):
        target = folder / places[classes[row]]
        stem = _UNSAFE.sub("_", cohort.unit_id[row])
        key = f"{target.name}/{stem}".casefold()
        taken[key] += 1
        several = measured.patches.is_bag or taken[key] > 1
        target.mkdir(exist_ok=True)
        pixels = np.moveaxis(measured.patches.cut(np.asarray([number]))[0], 0, -1)
        image = Image.fromarray(np.ascontiguousarray(pixels))
        image.save(target / (f"{stem}-{taken[key]}.png" if several else f"{stem}.png"))
        counts[classes[row]] += 1
    return dict(sorted(counts.items()))


def _folders(classes: Sequence[str]) -> dict[str, str]:
    """Class -> its folder, the same on every system."""
    found = {name: _UNSAFE.sub("_", name).strip(".") for name in dict.fromkeys(classes) if name}
    shared = [
        name for name, count in Counter(map(str.casefold, found.values())).items() if count > 1
    ]
    if shared or "" in found.values():
        raise InputError(
            f"classes {', '.join(map(repr, found))}: not all give a folder of their own. Rename "
            "them in [task] classes."
        )
    return found


def _modality(study: Study, name: str) -> str:
    known = [n for n, table in study.modalities.items() if table["kind"] == "patches"]
    if not known:
        raise StudyError("modalities: none is of kind patches; there is nothing to export.")
    if name == "none" and len(known) > 1:
        raise StudyError(f"--modality: several are of kind patches: {', '.join(known)}. Name one.")
    if name not in ("none", *known):
        raise StudyError(f"--modality {name}: not one of patches here. {nearest(name, known)}")
    return known[0] if name == "none" else name
