"""A volume as it was read: voxels, where they are in the patient, and what became of each file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tumorboard.records import Bools, Floats


@dataclass(frozen=True)
class Volume:
    """Voxels on one regular grid.

    Args:
        array: (C, X, Y, Z), float32 or int16; Hounsfield units for CT. The axes point to the
            patient's right, anterior and superior as closely as the acquisition allows.
        affine: (4, 4) voxel index -> world in mm, RAS+ (x to the right, y anterior, z superior).
        kind: "CT", "MR", "PT" as the file says; "" where it does not.
        outside: (X, Y, Z) True where the scanner recorded nothing (padding); None for nowhere.
        used: Files that the voxels came from.
        ignored: (file, reason) of files beside them that are no part of the volume.
        facts: Plain facts of the acquisition, such as the kernel, for manifests and harmonisation.
        notes: Sentences for the report.
    """

    array: NDArray[Any]
    affine: Floats
    kind: str = ""
    outside: Bools | None = None
    used: tuple[Path, ...] = ()
    ignored: tuple[tuple[Path, str], ...] = ()
    facts: dict[str, str] = field(default_factory=dict[str, str])
    notes: tuple[str, ...] = ()

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Voxel size in mm, in array axis order."""
        x, y, z = (float(v) for v in np.linalg.norm(self.affine[:3, :3], axis=0))
        return x, y, z
