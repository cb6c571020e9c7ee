"""The target is the middle patient's stain, survives being saved, and fits the method."""

from __future__ import annotations

import numpy as np
import pytest

from tumorboard.errors import InputError
from tumorboard.transforms.reinhard import LabMoments
from tumorboard.transforms.slide_stains import Look, look_from_plain, target_look
from tumorboard.transforms.stain_target import StainTarget
from tumorboard.transforms.stains import Stain

VECTORS = np.asarray([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11]])
STAIN = Stain(vectors=VECTORS, maximum=np.asarray([1.5, 1.0]))


def moments(mean: float) -> LabMoments:
    return LabMoments(mean=np.full(3, mean), sd=np.ones(3))


def test_a_patient_with_many_slides_weighs_as_one_with_one() -> None:
    looks: list[Look] = [moments(mean) for mean in (10.0, 10.0, 10.0, 20.0, 30.0)]
    target = target_look(looks, ["a", "a", "a", "b", "c"])
    assert isinstance(target, LabMoments)
    assert target.mean.tolist() == [20.0, 20.0, 20.0]  # of all slides it would be 10


@pytest.mark.parametrize("look", [STAIN, moments(5.0)])
def test_a_look_is_saved_and_restored(look: Look) -> None:
    again = look_from_plain(look.to_plain())
    assert type(again) is type(look)
    assert again.to_plain() == look.to_plain()


def test_a_target_is_saved_and_restored() -> None:
    target = StainTarget(STAIN, (STAIN, STAIN))
    again = StainTarget.from_plain(target.to_plain(), method="macenko")
    assert again.to_plain() == target.to_plain()
    assert again.stain is not None
    assert StainTarget.from_plain(StainTarget().to_plain(), method="none") == StainTarget()
    assert StainTarget(moments(5.0)).stain is None


def test_a_target_of_another_method_is_refused() -> None:
    with pytest.raises(InputError, match="The model folder is damaged"):
        StainTarget.from_plain(StainTarget().to_plain(), method="macenko")
    with pytest.raises(InputError, match="the stain is"):
        StainTarget.from_plain({"target": {"vectors": 3}, "stains": []}, method="macenko")
