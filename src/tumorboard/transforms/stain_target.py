"""The stain that slides are normalised to, fitted on training slides and applied to patches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tumorboard.errors import InputError
from tumorboard.records import Ints
from tumorboard.transforms.found_patches import FoundPatches
from tumorboard.transforms.slide_stains import (
    Look,
    Method,
    look_from_plain,
    normalise,
    target_look,
)
from tumorboard.transforms.stains import Stain


@dataclass(frozen=True)
class StainTarget:
    """What patches are stained like once they are normalised.

    Args:
        look: The target; None where stains stay as they were scanned.
        stains: Stains of training slides, for augmentation; of the method `macenko` alone.
    """

    look: Look | None = None
    stains: tuple[Stain, ...] = ()

    @classmethod
    def fit(cls, found: FoundPatches, rows: Ints, patient_id: tuple[str, ...]) -> StainTarget:
        """The median of the slides that training rows have patches of; each patient weighs 1.

        Args:
            found: Patches of the cohort, with the looks of their slides.
            rows: Training rows that have patches.
            patient_id: One per row of the cohort.
        """
        numbers, place = found.at.of(rows)
        pairs = np.unique(np.stack([found.at.slide[numbers], rows[place]]), axis=1)
        holders = sorted({(n, patient_id[row]) for n, row in pairs.T.tolist()})
        looks = [found.looks[n] for n, _ in holders]
        target = target_look(looks, [patient for _, patient in holders])
        return cls(target, tuple(look for look in looks if isinstance(look, Stain)))

    @property
    def stain(self) -> Stain | None:
        """The target where it is a stain of two dyes; None otherwise."""
        return self.look if isinstance(self.look, Stain) else None

    def apply(
        self, found: FoundPatches, cut: NDArray[np.uint8], numbers: Ints
    ) -> NDArray[np.uint8]:
        """Patches (n, 3, h, w) by number, normalised; unchanged where there is no target."""
        if self.look is None:
            return cut
        return normalise(cut, found.at.slide[numbers], found.looks, self.look)

    def to_plain(self) -> dict[str, Any]:
        """As plain data; see `from_plain`."""
        target = "none" if self.look is None else self.look.to_plain()
        return {"target": target, "stains": [stain.to_plain() for stain in self.stains]}

    @classmethod
    def from_plain(cls, values: Mapping[str, Any], *, method: Method) -> StainTarget:
        """What `to_plain` gave.

        Raises:
            InputError: It is something else, or has no target although stains are normalised.
        """
        target, stains = values.get("target"), values.get("stains")
        if not isinstance(stains, list) or (target == "none") != (method == "none"):
            raise InputError(
                f"Fitted state of patches: the stain is {target!r}, expected one for "
                f"stain_normalisation {method!r}. The model folder is damaged."
            )
        looks = [look_from_plain(stain) for stain in stains]
        return cls(
            None if target == "none" else look_from_plain(target or {}),
            tuple(look for look in looks if isinstance(look, Stain)),
        )
