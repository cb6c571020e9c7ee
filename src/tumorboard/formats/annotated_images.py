"""Images and the files that annotate them, paired by name: every file ends in one record.

What happens to what does not fit:

* an annotation file that is damaged, or whose image is not there: rejected, its patient keeps the
  rest; annotations outside of their image are left out likewise, and where most of a file's lie
  outside, it is not this image's and the file is rejected;
* an image that cannot be read: rejected, and its annotations wait beside it, ignored;
* an image that nobody annotated: ignored, with a note; nothing that was marked is lost;
* what makes the whole cohort doubtful stops it, all of it named at once: one name for two images, a
  class that is not known, two spellings of a class, coordinates that could be pixels or shares.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TypeVar

from tumorboard.errors import InputError
from tumorboard.formats.annotation_faults import class_faults, find_fractions
from tumorboard.formats.annotation_files import SUFFIXES, read_annotation_file
from tumorboard.formats.annotation_pairing import (
    AnnotatedImages,
    AnnotationRules,
    by_name,
    find_annotated,
)
from tumorboard.formats.annotations import (
    Annotation,
    AnnotationFile,
    in_pixels,
    is_inside,
)
from tumorboard.formats.image_size import read_image_size
from tumorboard.formats.messages import counted, listed
from tumorboard.records import Bools, FileState, Rejection

T = TypeVar("T")
_NOT_ONE = f"none of {', '.join(SUFFIXES)}"
#: Share of a file's annotations outside the image from which it cannot belong to this image.
_MOST_OUTSIDE = 0.5


def read_annotated_images(
    root: Path,
    rules: AnnotationRules,
    *,
    name_patients: Callable[[Sequence[str]], Mapping[str, str]],
) -> AnnotatedImages:
    """Pair images and annotation files by name, read the latter and check them against the images.

    Args:
        root: Folder that patterns start from.
        rules: What to look for.
        name_patients: Files -> the patient of each, by its name; raises where a name has none.

    Raises:
        InputError: See the module.
        StudyError: A pattern that is unsafe.
    """
    files = find_annotated(root, images=rules.images, annotations=rules.annotations)
    faults: list[str] = []
    nobody = dict.fromkeys(files.images, "")
    patients = _attempt(lambda: name_patients(files.images), nobody, faults)
    named = _attempt(lambda: by_name(files.images), {i: i for i in files.images}, faults)
    found = AnnotatedImages(root, patients=patients)
    found.counts.update(dict.fromkeys(rules.classes, 0))
    pairing = _Pairing(found, named, rules, name_patients)
    read = pairing.read(files.annotations)
    faults += class_faults(list(read.values()), rules.classes)
    fractions = find_fractions(read, rules.coordinates, faults)
    for name, file in read.items():
        for class_name, n in file.counts.items():
            found.counts[class_name] = found.counts.get(class_name, 0) + n
        pairing.place(name, file, fraction=fractions.get(name))
    faults += pairing.faults()
    if faults:
        raise InputError(faults)
    unread = _unread(files.others)
    for image in files.images:
        if image not in found.records:
            other = unread.get(PurePosixPath(image).stem)
            hint = f"; {other} was not looked at: its ending is {_NOT_ONE}" if other else ""
            found.unannotated.append(f"{image}{f' ({other} was not looked at)' if other else ''}")
            found.record(image, "ignored", f"no annotation file has its name{hint}")
            found.lose(patients[image], "no annotation file")
    for name in files.others:
        is_hidden = any(part.startswith(".") for part in PurePosixPath(name).parts)
        reason = "hidden file" if is_hidden else "neither an image nor annotations by its ending"
        found.record(name, "ignored", reason)
    found.notes += _notes(read, fractions, found)
    return found


def _attempt(action: Callable[[], T], otherwise: T, faults: list[str]) -> T:
    try:
        return action()
    except InputError as error:
        faults += error.problems
        return otherwise


def _unread(others: Sequence[str]) -> dict[str, str]:
    """Name without ending -> file, of files that no ending makes an image or annotations."""
    return {
        PurePosixPath(name).stem: name
        for name in reversed(others)
        if not any(part.startswith(".") for part in PurePosixPath(name).parts)
    }


class _Pairing:
    """Annotation files and the images they belong to, one after the other."""

    def __init__(
        self,
        found: AnnotatedImages,
        named: Mapping[str, str],
        rules: AnnotationRules,
        name_patients: Callable[[Sequence[str]], Mapping[str, str]],
    ) -> None:
        self.found = found
        self._named = named
        self._rules = rules
        self._name_patients = name_patients
        self._owner: dict[str, str] = {}
        self._twice: list[str] = []
        self._outside: list[str] = []

    def read(self, names: Sequence[str]) -> dict[str, AnnotationFile]:
        """Every readable annotation file; a damaged one is rejected, its image waits beside it."""
        read: dict[str, AnnotationFile] = {}
        for name in names:
            try:
                read[name] = read_annotation_file(self.found.root / PurePosixPath(name))
            except InputError as error:
                image = self._named.get(PurePosixPath(name).stem)
                self.found.record(name, "rejected", str(error), patient=self._patient(name, image))
                self.found.lose(self._patient(name, image), "annotation file damaged")
                if image:
                    self._own(image, name)
                    self.found.record(image, "ignored", f"its annotation file {name} is damaged")
        return read

    def place(self, name: str, file: AnnotationFile, *, fraction: bool | None) -> None:
        """Give a file's annotations to its images; `fraction` None is not known, a fault."""
        stem = PurePosixPath(name).stem
        groups: dict[str, list[Annotation]] = {} if file.annotations else {stem: []}
        for one in file.annotations:
            key = one.image or stem  # one image may be named with and without its ending
            groups.setdefault(self._named.get(key, key), []).append(one)
        outcomes: dict[str, FileState] = {}
        reasons: list[str] = []
        patient = ""
        for key, group in groups.items():
            image = self._named.get(key)
            own = self._patient(name if key == stem else key, image)
            patient = patient or own
            state, reason, why = self._place_one(name, file, image, group, fraction)
            if why:
                self.found.lose(own, why)
            outcomes[key] = state
            if reason:
                prefix = f"{key}: " if len(groups) > 1 else ""
                reasons.append(prefix + reason)
                if state != "ignored":
                    path = file.path
                    self.found.rejections.append(
                        Rejection(own, path, f"{file.path.name}: {reason}")
                    )
        strongest: FileState = "ignored"
        for other in ("rejected", "used"):
            strongest = other if other in outcomes.values() else strongest
        self.found.record(name, strongest, listed(reasons), patient=patient, is_listed=True)

    def _place_one(
        self, name: str, file: AnnotationFile, image: str | None, group: list[Annotation],
        fraction: bool | None,
    ) -> tuple[FileState, str, str]:  # fmt: skip
        """State of a file for one image, its reason, and why the image is lost to its patient."""
        if image is None:
            n = counted(len(group), "annotation")
            reason = f"no image has this name below {self._rules.images}; {n} left out"
            return "rejected", reason, "image missing"
        if not self._own(image, name) or fraction is None:
            return "ignored", "", ""
        if not group:
            self.found.record(image, "ignored", f"its annotation file {name} marks nothing")
            return "used", "", "annotation file marks nothing"
        try:
            width_px, height_px = read_image_size(self.found.root / PurePosixPath(image))
        except InputError as error:
            self.found.record(image, "rejected", str(error))
            return "ignored", "its image cannot be read", "image damaged"
        placed = in_pixels(group, width_px=width_px, height_px=height_px, fraction=fraction)
        inside = is_inside(placed, width_px=width_px, height_px=height_px)
        kept = [one for one, is_in in zip(placed, inside, strict=True) if is_in]
        reason = _outside_reason(placed, inside, width_px, height_px)
        if reason:
            self._outside.append(f"{file.path.name}: {reason}")
        if len(kept) < (1 - _MOST_OUTSIDE) * len(placed):
            self.found.record(image, "ignored", f"{name} does not fit it")
            reason += ". Is this file of another image, or of another scale?"
            return "rejected", reason, "annotations outside of the image"
        self.found.rows[image] = kept
        self.found.record(image, "used", "")
        return "used", f"{reason}; left out" if reason else "", ""

    def _own(self, image: str, name: str) -> bool:
        if image in self._owner:
            self._twice.append(f"{self._owner[image]} and {name} for {image}")
            return False
        self._owner[image] = name
        return True

    def _patient(self, name: str, image: str | None) -> str:
        """Patient of an annotation file; "" for one that is no image's and names no patient."""
        if image:
            return self.found.patients[image]
        try:
            return self._name_patients([name])[name]
        except InputError:
            return ""

    def faults(self) -> list[str]:
        """Images with two annotation files, and what lies outside where the author wants none."""
        found: list[str] = []
        if self._twice:
            found.append(
                f"two annotation files for one image: {listed(self._twice)}. Keep one of each."
            )
        if self._outside and self._rules.outside == "error":
            found.append(
                f"annotations outside of their image: {listed(self._outside)}. Mend the files, or "
                'set outside = "reject" under [cohort] to leave those annotations out.'
            )
        return found


def _outside_reason(
    placed: Sequence[Annotation], inside: Bools, width_px: int, height_px: int
) -> str:
    outside = [
        f"{one.class_name} (number {one.number}) at {one.x:.6g}, {one.y:.6g}"
        for one, is_in in zip(placed, inside, strict=True)
        if not is_in
    ]
    if not outside:
        return ""
    n = counted(len(placed), "annotation")
    return (
        f"{len(outside)} of {n} outside the image of {width_px} x {height_px} px: {listed(outside)}"
    )


def _notes(
    read: Mapping[str, AnnotationFile], fractions: Mapping[str, bool], found: AnnotatedImages
) -> list[str]:
    notes: list[str] = []
    for fraction, words in ((True, "shares of width and height (0..1)"), (False, "pixels")):
        kinds = [file.kind for name, file in read.items() if fractions[name] == fraction]
        if kinds:
            n = counted(len(kinds), "annotation file")
            notes.append(f"coordinates of {n} are {words} ({', '.join(dict.fromkeys(kinds))})")
    left_out = [
        f"{file.path.name}: {listed(file.left_out)}" for file in read.values() if file.left_out
    ]
    if left_out:
        notes.append(f"no annotation of a class: {listed(left_out)}")
    if found.unannotated:
        n = counted(len(found.unannotated), "image")
        notes.append(f"{n} without an annotation file: {listed(found.unannotated)}")
    return notes
