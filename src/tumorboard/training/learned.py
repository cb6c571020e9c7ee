"""Which combinations of modalities a fitted model has learned to read."""

from __future__ import annotations

from tumorboard.models.assembly import fusion_level
from tumorboard.training.fitted import FittedArm


def has_learned(fitted: FittedArm, subset: str) -> bool:
    """Whether a model can be relied on where a patient has these modalities alone.

    A baseline fills in what is absent, a fusion of decisions leaves it out, and modality dropout
    teaches every combination; any other network knows only those that training patients had.

    Args:
        fitted: The model.
        subset: Modalities joined by "+".
    """
    arm = fitted.arm
    fusion = str((arm.fusion or {}).get("name", "none"))
    if arm.baseline is not None or arm.training.modality_dropout > 0:
        return True
    if fusion == "none" or fusion_level(fusion) == "decision":
        return True
    return subset in (fitted.notes or {}).get("subsets", {})
