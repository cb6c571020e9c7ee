"""Heat maps kept: arrays in a file, and one row of numbers for each."""

from __future__ import annotations

import gzip
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tumorboard.cache import write_atomic
from tumorboard.errors import InputError
from tumorboard.evaluation.explanation_table import HeatMapRow
from tumorboard.modalities import Modality
from tumorboard.records import Bools, Cohort, Floats, Ints
from tumorboard.transforms.heat_maps import Maps, entropy, peaks, share_inside


@dataclass(frozen=True)
class Origin:
    """Who explained which class of which model; repeat and fold are 0 for a model of no fold."""

    arm: str
    explainer: str
    repeat: int
    fold: int
    target: int
    target_name: str


#: Windows with the largest weight that are kept as pictures, and with the smallest.
N_MOST, N_LEAST = 8, 4


@dataclass(frozen=True)
class Windows:
    """Windows that maps were painted from, of every map; without the first axis those of one.

    Args:
        places: (n, windows, 3) centre x and y in pixels of the slide, and weight; NaN for none.
        shown: (n, N_MOST + N_LEAST) which are kept as pictures: those of most weight, the largest
            first, then those of least, the smallest first; -1 for none.
        pictures: (n, N_MOST + N_LEAST, 3, h, w) them, as they were scanned.
        slides: (n,) name of the slide.
    """

    places: Floats
    shown: Ints
    pictures: NDArray[np.uint8]
    slides: NDArray[np.str_]


@dataclass(frozen=True)
class KeptMap:
    """One map as it was kept: `map` in 0..1 of its largest value; `mask` is None without one.

    `windows` are those that the map was painted from, or None; `affine` (4, 4) is where a volume's
    voxels are in the patient (RAS+, mm), or None.
    """

    map: Maps
    image: NDArray[np.uint8]
    mask: Bools | None
    windows: Windows | None = None
    affine: Floats | None = None

    @property
    def values(self) -> Floats:
        """(places,) the map's values, or the weights of the windows that it was painted from."""
        if self.windows is None:
            return self.map.ravel().astype(np.float64)
        weight = self.windows.places[:, 2]
        return weight[~np.isnan(weight)]


def keep_maps(
    folder: Path,
    origin: Origin,
    cohort: Cohort,
    *,
    name: str,
    rows: Ints,
    maps: Maps,
    inputs: NDArray[Any],
    modality: Modality,
    windows: Windows | None = None,
    affines: Floats | None = None,
) -> tuple[list[HeatMapRow], tuple[str, ...]]:
    """Write maps, inputs and masks, and say in numbers where each map lies.

    Of volumes each map and what the encoder saw are written as NIfTI in the patient's space too.

    Args:
        folder: The folder of the arm.
        origin: Whose maps.
        cohort: The cohort of the rows.
        name: The modality's name.
        rows: (n,) rows that have a map.
        maps: (n, *space), non-negative.
        inputs: (n, C, *space) in 0..1.
        modality: Knows where lesions are, where the study names masks.
        windows: What the maps were painted from, where that is windows of a slide.
        affines: (n, 4, 4) of a volume's voxels, where they are known.

    Returns:
        The rows of heat_maps.csv, and remarks about masks that cannot be used.
    """
    lesions = modality.lesion_masks(cohort, rows, name=name)
    masks = np.zeros(maps.shape, dtype=np.bool_) if lesions is None else lesions.masks
    known = np.zeros(len(rows), dtype=np.bool_) if lesions is None else lesions.known
    file = f"maps/{origin.explainer}-{name}-{origin.repeat}-{origin.fold}-{origin.target}.npz"
    _write(
        folder / file,
        maps=_bytes(maps),
        inputs=np.round(np.clip(inputs, 0, 1) * 255).astype(np.uint8),
        masks=masks,
        known=known,
        **({f"window_{key}": value for key, value in vars(windows).items()} if windows else {}),
        **({} if affines is None else {"affines": affines}),
    )
    if affines is not None:
        stem = folder / file.removesuffix(".npz")
        for i, affine in enumerate(affines):
            write_nifti(stem.with_name(f"{stem.name}-{i}-map.nii.gz"), maps[i], affine)
            seen = inputs[i, len(inputs[i]) // 2]
            write_nifti(stem.with_name(f"{stem.name}-{i}-seen.nii.gz"), seen, affine)
    made = _rows(origin, cohort, name, file, rows=rows, maps=maps, masks=masks, known=known)
    return made, () if lesions is None else lesions.remarks


def _rows(
    origin: Origin,
    cohort: Cohort,
    name: str,
    file: str,
    *,
    rows: Ints,
    maps: Maps,
    masks: Bools,
    known: Bools,
) -> list[HeatMapRow]:
    """Where each map lies, in numbers; `known` says which rows have a mask."""
    inside, spread, places = share_inside(maps, masks), entropy(maps), peaks(maps)
    return [
        HeatMapRow(
            arm=origin.arm,
            explainer=origin.explainer,
            modality=name,
            repeat=origin.repeat,
            fold=origin.fold,
            patient_id=cohort.patient_id[row],
            unit_id=cohort.unit_id[row],
            target=origin.target_name,
            share_inside=float(inside[i]) if known[i] else float("nan"),
            mask_share=float(masks[i].mean()) if known[i] else float("nan"),
            peak=" ".join(map(str, places[i].tolist())),
            peak_inside=float(masks[i][tuple(places[i])]) if known[i] else float("nan"),
            entropy=float(spread[i]),
            file=file,
            index=i,
        )
        for i, row in enumerate(rows.tolist())
    ]


def read_map(folder: Path, row: HeatMapRow) -> KeptMap:
    """The arrays of one row of heat_maps.csv; `folder` holds the arms' folders.

    Raises:
        InputError: The file is absent or damaged.
    """
    path = folder / row.arm / row.file
    try:
        with np.load(path, allow_pickle=False) as arrays:
            found: Mapping[str, NDArray[Any]] = {name: arrays[name][row.index] for name in arrays}
    except (OSError, ValueError, KeyError, IndexError, EOFError) as error:
        raise InputError(f"{path}: absent or damaged ({error}). Explain again.") from error
    start = "window_"
    of_windows = {k.removeprefix(start): v for k, v in found.items() if k.startswith(start)}
    return KeptMap(
        map=found["maps"].astype(np.float32) / np.float32(255),
        image=found["inputs"],
        mask=found["masks"] if found["known"] else None,
        windows=Windows(**of_windows) if of_windows else None,
        affine=found.get("affines"),
    )


def write_nifti(path: Path, values: NDArray[Any], affine: Floats) -> None:
    """Write (X, Y, Z) as NIfTI-1, float32, mm, in the world of its affine (RAS+)."""
    import nibabel as nib  # pyright: ignore[reportMissingTypeStubs]

    image: Any = nib.Nifti1Image(  # pyright: ignore[reportPrivateImportUsage]
        np.ascontiguousarray(values, dtype=np.float32), affine
    )
    image.header.set_xyzt_units("mm")
    image.set_sform(affine, code="scanner")
    image.set_qform(affine, code="scanner", strip_shears=True)

    def write(temporary: Path) -> None:
        with gzip.open(temporary, "wb") as handle:
            handle.write(image.to_bytes())

    write_atomic(path, write)


def _bytes(maps: Maps) -> NDArray[np.uint8]:
    """Each map as a share of its largest value, in 0..255."""
    top = maps.reshape(len(maps), -1).max(axis=1).reshape(-1, *(1,) * (maps.ndim - 1))
    shown = np.divide(maps, top, out=np.zeros_like(maps), where=top > 0)
    return np.round(shown * 255).astype(np.uint8)


def _write(path: Path, **arrays: NDArray[Any]) -> None:
    content = io.BytesIO()
    np.savez_compressed(content, allow_pickle=False, **arrays)
    write_atomic(path, lambda temporary: temporary.write_bytes(content.getvalue()))
