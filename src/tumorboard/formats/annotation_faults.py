"""What of many annotation files together makes a cohort doubtful: classes and coordinates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tumorboard.errors import InputError, nearest
from tumorboard.formats.annotations import AnnotationFile, Coordinates, is_fraction
from tumorboard.formats.messages import counted, listed, shown


def class_faults(read: Sequence[AnnotationFile], known: Sequence[str]) -> list[str]:
    """Sentences for classes that are not known, or else for two spellings of one.

    Args:
        read: Every readable file.
        known: Classes of the study; empty knows any.
    """
    faults: list[str] = []
    strangers: list[str] = []
    spellings: dict[str, str] = {}
    for file in read:
        for name in file.counts:
            other = spellings.setdefault(name.casefold(), name)
            if known and name not in known:
                n = counted(file.counts[name], "annotation")
                faults.append(f"{file.path.name}: {shown(name)} ({n})")
                strangers.append(name)
            elif other != name:
                faults.append(f"{file.path.name}: {shown(name)}, elsewhere {shown(other)}")
    if not faults:
        return []
    if strangers:
        advice = nearest(strangers[0].casefold(), known)
        return [
            f"unknown classes: {listed(faults)}. {advice} Mend the files, or name the class in "
            "cohort.classes."
        ]
    return [f"classes that differ only in case: {listed(faults)}. Spell one one way."]


def find_fractions(
    read: Mapping[str, AnnotationFile], coordinates: Coordinates, faults: list[str]
) -> dict[str, bool]:
    """File -> whether it holds shares of the image; files that could be either are a fault."""
    found: dict[str, bool] = {}
    doubtful: list[tuple[str, str]] = []
    for name, file in read.items():
        try:
            found[name] = is_fraction(file, coordinates)
        except InputError as error:
            doubtful.append((name, str(error)))
    if doubtful:
        like = listed([name for name, _ in doubtful[1:]])
        faults.append(doubtful[0][1] + (f" The same for {like}." if like else ""))
    return found
