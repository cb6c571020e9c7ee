"""`tumorboard measure`: one tumour's size, the margin around it, its distance to structures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tumorboard.errors import InputError
from tumorboard.evaluation.lesion_size import measure_lesion
from tumorboard.evaluation.mask_metrics import ML
from tumorboard.evaluation.structure_distances import structure_distance
from tumorboard.formats.csv_writing import write_csv
from tumorboard.formats.messages import counted, listed, shown
from tumorboard.formats.nifti_writing import write_nifti
from tumorboard.formats.volume import Volume
from tumorboard.formats.volume_masks import check_is_mask, is_dicom, mask_numbers, read_mask_volume
from tumorboard.formats.volumes import read_volume
from tumorboard.records import Bools
from tumorboard.report.follow_figure import shown_grey
from tumorboard.report.measure_page import MeasuredRow, Outlined, write_measure_page
from tumorboard.transforms.margins import margin_around
from tumorboard.transforms.mask_components import bounding_box, components
from tumorboard.transforms.volume_preparation import grid_of
from tumorboard.transforms.volume_resampling import resample

_HEADER = ("of", "to", "measure", "value", "error", "unit")
_WINDOW_HU = (-1000.0, 400.0)
#: Borders at both ends of each axis, in RAS+ order.
_BORDERS = (("left", "right"), ("back", "front"), ("lower", "upper"))


@dataclass(frozen=True)
class MeasureReport:
    """What was measured.

    Args:
        rows: As in measures.csv.
        lines: What the user should read, one line each.
        exit_code: 0, or 3 where a structure could not be read.
    """

    rows: tuple[MeasuredRow, ...]
    lines: tuple[str, ...]
    exit_code: int


def measure(
    mask: Path, *, out: Path, image: Path | None = None, margin_mm: float = 0.0,
    structures: Sequence[str] = (), barriers: Sequence[str] = (),
) -> MeasureReport:  # fmt: skip
    """Measure a tumour and write measures.csv, margin.nii.gz and measure.html.

    Args:
        mask: Of the tumour; a DICOM segmentation or contours need `image`.
        out: Folder to write.
        image: What it was drawn on.
        margin_mm: Width of the margin; 0 for none.
        structures: NAME=FILE of masks that distances are measured to.
        barriers: NAME=FILE of masks that the margin does not pass.

    Raises:
        InputError: The mask or an option cannot be used; nothing is written.
    """
    out = Path(out)
    named, walls = _named(structures, "--structures"), _named(barriers, "--barriers")
    _check_margin(margin_mm, walls)
    inputs = [Path(mask), *named.values(), *walls.values(), *([image] if image else [])]
    if out.is_file() or any(out.resolve() in p.resolve().parents for p in inputs):
        raise InputError(f"--out {out}: a file, or holds inputs; expected a folder of its own.")
    scan = read_volume(image) if image is not None else None
    own = _read(Path(mask), scan)
    tumour = _inside(own)
    if not tumour.any():
        raise InputError(f"{mask}: an empty mask; nothing to measure.")
    notes = [*_numbers_note(Path(mask).name, own), *_covered(tumour, own, scan, Path(mask), image)]
    faults: list[str] = []
    found = _on_grid(named, own, scan, faults, notes)
    # a wall that cannot be read would silently let the margin pass
    closed = _on_grid(walls, own, scan, None, notes)
    wall = np.logical_or.reduce(list(closed.values())) if closed else None
    margin = margin_around(tumour, own.spacing_mm, margin_mm=margin_mm, barrier=wall)
    cut = _cut_at(tumour, margin, own.spacing_mm, margin_mm) if margin_mm else []
    notes += _cut_note(cut)
    rows = [*_sizes(tumour, own, margin if margin_mm else None, len(cut))]
    rows += _distances({"tumour": tumour} | ({"margin": margin} if margin_mm else {}), found, own)
    cells = [(r.of, r.to, r.measure, repr(r.value), _error(r.error), r.unit) for r in rows]
    write_csv(out / "measures.csv", _HEADER, cells)
    if margin_mm:
        write_nifti(out / "margin.nii.gz", margin.astype(np.uint8), own.affine)
    outlines = {**found, **({"barrier": wall} if wall is not None else {})}
    remarks = _remarks(margin_mm, list(walls))
    page = write_measure_page(
        out / "measure.html", name=Path(mask).name, rows=rows, remarks=[*remarks, *notes, *faults],
        outlined=Outlined(_grey(scan, own), tumour, margin if margin_mm else None, outlines,
                          own.spacing_mm),
    )  # fmt: skip
    lines = (
        *(f"rejected: {fault}" for fault in faults),
        *(f"note: {note}" for note in notes),
        f"{counted(len(rows), 'measure')}: {out / 'measures.csv'}, {page}",
    )
    return MeasureReport(tuple(rows), lines, 3 if faults else 0)


def _named(options: Sequence[str], name: str) -> dict[str, Path]:
    """NAME=FILE texts as a table."""
    found: dict[str, Path] = {}
    for text in options:
        key, equals, path = text.partition("=")
        key = key.strip()
        if not (key and equals and path.strip()):
            raise InputError(f"{name} {text}: expected NAME=FILE, such as falx=masks/falx.nii.gz.")
        if key in found or key in ("tumour", "margin"):
            raise InputError(f"{name} {text}: {shown(key)} is named twice. Give each its own name.")
        found[key] = Path(path.strip())
    return found


def _check_margin(margin_mm: float, walls: Mapping[str, Path]) -> None:
    if not 0 <= margin_mm <= 200:
        raise InputError(f"--margin-mm {margin_mm}: expected 0 to 200.")
    if walls and not margin_mm:
        raise InputError(
            f"--barriers {', '.join(walls)}: barriers hold a margin, and there is none. "
            "Give --margin-mm too, or leave --barriers out."
        )


def _numbers_note(name: str, volume: Volume) -> list[str]:
    numbers = mask_numbers(volume)
    if len(numbers) < 2:
        return []
    return [f"{name} holds the numbers {listed([str(n) for n in numbers])}: measured as one."]


def _covered(
    tumour: Bools, own: Volume, scan: Volume | None, mask: Path, image: Path | None
) -> list[str]:
    """Refuse an image that shows nothing of the tumour; say where it shows a part."""
    if scan is None:
        return []
    whole = np.ones(scan.array.shape[1:], dtype=np.bool_)
    inside = resample(whole, grid_of(scan), grid_of(own), interpolation="nearest").astype(np.bool_)
    share = float((inside & tumour).sum() / tumour.sum())
    if not share:
        raise InputError(
            f"{image}: shows no voxel of the tumour in {mask}; they lie apart. Expected the image "
            "that the mask was drawn on: is it of this patient and visit?"
        )
    return [] if share == 1 else [f"The image shows {100 * share:.1f} % of the tumour."]


def _cut_at(
    tumour: Bools, margin: Bools, spacing_mm: Sequence[float], margin_mm: float
) -> list[str]:  # fmt: skip
    """Borders of the image that the margin would pass."""
    reach = margin_mm + float(np.prod(spacing_mm)) ** (1 / 3) / 2  # as in `margin_around`
    found: list[str] = []
    for axis, (part, size) in enumerate(zip(bounding_box(tumour), spacing_mm, strict=True)):
        ends = ((0, part.start + 1), (-1, tumour.shape[axis] - part.stop + 1))
        for (end, voxels), name in zip(ends, _BORDERS[axis], strict=True):
            if voxels * size <= reach and margin.take(end, axis=axis).any():
                found.append(name)
    return found


def _cut_note(borders: Sequence[str]) -> list[str]:
    if not borders:
        return []
    where = f"{listed(borders)} {'border' if len(borders) == 1 else 'borders'}"
    return [f"The margin is cut at the {where} of the image: its volume is too small."]


def _read(path: Path, scan: Volume | None) -> Volume:
    if not path.exists():
        raise InputError(f"{path}: no such file.")
    if path.is_file() and is_dicom(path):
        if scan is None:
            raise InputError(f"{path}: a DICOM mask needs its image: give --image.")
        return read_mask_volume([path], scan)
    found = read_volume(path)
    if found.facts.get("geometry") == "unknown":
        raise InputError(f"{path}: says no voxel size; millimetres cannot be measured.")
    check_is_mask(found, path)
    return found


def _inside(volume: Volume) -> Bools:
    return np.asarray((volume.array > 0).any(axis=0))


def _on_grid(
    paths: dict[str, Path], own: Volume, scan: Volume | None, faults: list[str] | None,
    notes: list[str],
) -> dict[str, Bools]:  # fmt: skip
    """Masks on the tumour's grid (nearest); those that cannot be used are faults."""
    found: dict[str, Bools] = {}
    for name, path in paths.items():
        try:
            other = _read(path, scan)
            inside = resample(
                _inside(other), grid_of(other), grid_of(own), interpolation="nearest"
            )  # fmt: skip
            if not inside.any():
                raise InputError(f"{path}: no voxel of {shown(name)} lies in the tumour's image.")
            found[name] = inside.astype(np.bool_)
            notes += _numbers_note(name, other)
        except InputError as error:
            if faults is None:
                raise
            faults.append(str(error))
    return found


def _sizes(
    tumour: Bools, own: Volume, margin: Bools | None, n_cut: int
) -> list[MeasuredRow]:  # fmt: skip
    labels, _ = components(tumour)
    n = int(labels.max())
    parts = [measure_lesion(labels == k + 1, own.spacing_mm) for k in range(n)]
    main = max(parts, key=lambda part: part.volume_ml)
    volume = sum(p.volume_ml for p in parts)
    error = sum(p.volume_error_ml for p in parts)
    rows = [
        MeasuredRow("tumour", "", "volume", volume, error, "ml"),
        MeasuredRow("tumour", "", "longest axial diameter", main.diameter_mm,
                    main.diameter_error_mm, "mm"),
        MeasuredRow("tumour", "", "perpendicular diameter", main.perpendicular_mm,
                    main.diameter_error_mm, "mm"),
        MeasuredRow("tumour", "", "parts", float(n), float("nan"), ""),
    ]  # fmt: skip
    if margin is not None:
        voxel = float(np.prod(own.spacing_mm)) * ML
        both = int(np.count_nonzero(margin)) * voxel
        rows.append(MeasuredRow("margin", "", "volume with tumour", both, float("nan"), "ml"))
        rows.append(
            MeasuredRow("margin", "", "volume without tumour", both - volume, float("nan"), "ml")
        )
        rows.append(
            MeasuredRow("margin", "", "borders of the image that cut it", n_cut, float("nan"), "")
        )
    return rows


def _distances(of: dict[str, Bools], to: dict[str, Bools], own: Volume) -> list[MeasuredRow]:
    rows: list[MeasuredRow] = []
    # both borders half a voxel off
    error = float(np.prod(own.spacing_mm)) ** (1 / 3)
    for name, mask in of.items():
        for other, structure in to.items():
            one = structure_distance(mask, structure, own.spacing_mm)
            rows += [
                MeasuredRow(name, other, "least distance", one.least_mm, error, "mm"),
                MeasuredRow(name, other, "distance of the nearest 5 %", one.near_mm, error, "mm"),
                MeasuredRow(name, other, "overlap", one.overlap_ml, float("nan"), "ml"),
            ]
    return rows


def _remarks(margin_mm: float, walls: Sequence[str]) -> list[str]:
    remarks = [
        "Errors: the border of every mask half a voxel further out or in, all around.",
        "Distances are between surfaces; the nearest 5 % of the surface do not hang on one voxel.",
    ]
    if margin_mm:
        past = f", on the shortest way around {', '.join(walls)}" if walls else ""
        remarks.append(
            f"The margin is everything within {margin_mm:g} mm{past}: where cells may be, not "
            "where they are."
        )
    return remarks


def _grey(scan: Volume | None, own: Volume) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    if scan is None:
        return np.full(own.array.shape[1:], 0.25)
    values = scan.array[0].astype(np.float32)
    moved = resample(values, grid_of(scan), grid_of(own), fill=float(values.min()))
    is_ct = scan.kind == "CT" or float(values.min()) < -500
    return shown_grey(moved, window=_WINDOW_HU if is_ct else None)


def _error(value: float) -> str:
    return "" if value != value else repr(value)
