"""Images and annotation files below one folder: their names, and what became of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from tumorboard.errors import InputError, StudyError
from tumorboard.formats.annotation_files import SUFFIXES
from tumorboard.formats.annotations import Annotation, Coordinates
from tumorboard.formats.file_patterns import FileIndex, FilePattern
from tumorboard.formats.image_size import IMAGE_SUFFIXES
from tumorboard.formats.messages import listed
from tumorboard.records import FileRecord, FileState, Rejection

_REMEDY = "Name the data folder with --data DIR or TUMORBOARD_DATA."


@dataclass
class AnnotatedImages:
    """What was found below one folder.

    Args:
        root: Folder that names start from.
        patients: Image -> patient.
        rows: Image (relative to `root`) -> its annotations in pixels, in the order of the files.
        counts: Class -> annotations of every readable file, before anything is left out.
        records: Every image, annotation file and other file, by name; see `annotated_images`.
        rejections: What could not be used.
        notes: Sentences for the report.
        unannotated: Images without an annotation file.
        lost: Patient -> why nothing of an image or file can be used; others may still be.
    """

    root: Path
    patients: Mapping[str, str]
    rows: dict[str, list[Annotation]] = field(default_factory=dict[str, list[Annotation]])
    counts: dict[str, int] = field(default_factory=dict[str, int])
    records: dict[str, FileRecord] = field(default_factory=dict[str, FileRecord])
    rejections: list[Rejection] = field(default_factory=list[Rejection])
    notes: list[str] = field(default_factory=list[str])
    unannotated: list[str] = field(default_factory=list[str])
    lost: dict[str, str] = field(default_factory=dict[str, str])

    def lose(self, patient: str, reason: str) -> None:
        """Say why an image or file of a patient cannot be used; the first reason stays."""
        if patient:
            self.lost.setdefault(patient, reason)

    def record(
        self,
        name: str,
        state: FileState,
        reason: str,
        *,
        patient: str = "",
        is_listed: bool = False,
    ) -> None:
        """Say what became of a file; a rejection that is not listed yet is listed as well."""
        path = self.root / PurePosixPath(name)
        patient = patient or self.patients.get(name, "")
        self.records[name] = FileRecord(path, state, reason, patient_id=patient)
        if state == "rejected" and not is_listed:
            self.rejections.append(Rejection(patient, path, reason))


@dataclass(frozen=True)
class AnnotationRules:
    """What the author says of the files.

    Args:
        images: Pattern of the images, such as "images/*".
        annotations: Pattern of the annotation files.
        classes: Known classes; empty: whatever the files hold.
        coordinates: "fraction" (0..1 of width and height), "pixels" or "auto".
        outside: "reject": an annotation outside its image is left out and listed; "error": stop.
    """

    images: str
    annotations: str
    classes: tuple[str, ...]
    coordinates: Coordinates
    outside: str


@dataclass(frozen=True)
class FoundFiles:
    """Names relative to the data folder, in natural order.

    Args:
        images: Images and slides.
        annotations: Annotation files.
        others: Every other file of the same folders.
    """

    images: tuple[str, ...]
    annotations: tuple[str, ...]
    others: tuple[str, ...]


def find_annotated(root: Path, *, images: str, annotations: str) -> FoundFiles:
    """Files that two patterns name, by the endings of images and of annotation files.

    Raises:
        InputError: No such folder, or no file of a kind.
        StudyError: A pattern that is unsafe or has braces.
    """
    if not root.is_dir():
        raise InputError(f"{root}: no such data folder. {_REMEDY}")
    texts = {"images": images, "annotations": annotations}
    patterns = {key: FilePattern.parse(text, where=f"cohort.{key}") for key, text in texts.items()}
    braces = [
        f"cohort.{k}: {p.text!r} has braces; use *." for k, p in patterns.items() if p.columns
    ]
    if braces:
        raise StudyError(braces)
    index = FileIndex(root, {pattern.folder for pattern in patterns.values()})
    found = {
        key: _named(root, index, key, patterns[key], suffixes)
        for key, suffixes in (("images", IMAGE_SUFFIXES), ("annotations", SUFFIXES))
    }
    taken = {*found["images"], *found["annotations"]}
    others = tuple(name for name in index.files if name not in taken)
    return FoundFiles(found["images"], found["annotations"], others)


def _named(
    root: Path, index: FileIndex, key: str, pattern: FilePattern, suffixes: Sequence[str]
) -> tuple[str, ...]:
    if not index.has_folder(pattern.folder):
        raise InputError(
            f"{root}: no folder {str(pattern.folder)!r} here, but cohort.{key} is "
            f"{pattern.text!r}. {_REMEDY}"
        )
    matched = index.match(pattern.text)
    found = tuple(name for name in matched if PurePosixPath(name).suffix.lower() in suffixes)
    if not found:
        raise InputError(
            f"{root}: cohort.{key} is {pattern.text!r}, which names no file here that ends in "
            f"{', '.join(suffixes)}."
        )
    return found


def by_name(images: Sequence[str]) -> dict[str, str]:
    """Name of each image as a path, with and without its ending -> image.

    Raises:
        InputError: Two images of one name, so that an annotation file could be either's.
    """
    stems: dict[str, list[str]] = {}
    for image in images:
        stems.setdefault(PurePosixPath(image).stem, []).append(image)
    twice = [" and ".join(names) for names in stems.values() if len(names) > 1]
    if twice:
        raise InputError(
            f"images with the same name: {listed(twice)}. Annotations are paired by name; "
            "rename one, or narrow cohort.images."
        )
    # a stem comes last: it is the name that annotation files are expected to have
    named = {PurePosixPath(image).name: image for image in images}
    return {**named, **{image: image for image in images}, **{s: n[0] for s, n in stems.items()}}
