"""Denoisers: less noise, the edge kept; Cellpose asked as it must be, or refused."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from tumorboard.errors import InputError, RunError, StudyError
from tumorboard.transforms.denoising import Denoiser, check_denoiser, denoiser


@pytest.mark.parametrize("name", ["bilateral", "median", "non_local_means"])
def test_noise_goes_and_the_edge_stays(name: Denoiser) -> None:
    rng = np.random.default_rng(2)
    truth = np.zeros((20, 18, 16), dtype=np.float32)
    truth[10:] = 200
    noisy = truth + rng.normal(0, 10, truth.shape).astype(np.float32)
    found = denoiser(name)(noisy)
    assert found.shape == truth.shape
    assert np.abs(found - truth).mean() < 0.5 * np.abs(noisy - truth).mean()
    assert found[10:].min() - found[:10].max() > 100
    flat = np.full((6, 6, 6), 3.0, dtype=np.float32)
    np.testing.assert_allclose(denoiser(name)(flat), flat)
    np.testing.assert_array_equal(denoiser(name)(noisy), found)


def test_none_is_the_volume_itself() -> None:
    values = np.ones((2, 2, 2))
    assert denoiser("none")(values) is values


def test_a_network_needs_its_file_and_a_file_its_network() -> None:
    with pytest.raises(StudyError, match=r"needs denoise_weights.*nothing is downloaded"):
        check_denoiser("cellpose", "none")
    with pytest.raises(StudyError, match="only read by denoise"):
        check_denoiser("median", "deblur_cyto3")
    check_denoiser("cellpose", "deblur_cyto3")


def test_without_the_file_or_the_package_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match=r"deblur_cyto3: no such file\. Mend the path"):
        denoiser("cellpose", str(tmp_path / "deblur_cyto3"))
    (tmp_path / "deblur_cyto3").write_bytes(b"weights")
    monkeypatch.setitem(sys.modules, "cellpose", None)
    with pytest.raises(RunError, match=r"package cellpose .* is not installed: pip install"):
        denoiser("cellpose", str(tmp_path / "deblur_cyto3"))


def test_the_network_gets_slices_in_0_to_1_and_the_path_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    class DenoiseModel:
        def __init__(self, **settings: Any) -> None:
            asked.append(settings)

        def eval(self, planes: list[np.ndarray], **settings: Any) -> list[np.ndarray]:
            asked.append((len(planes), planes[0].shape, settings))
            assert min(p.min() for p in planes) == 0
            assert max(p.max() for p in planes) == 1
            return [(1 - plane)[..., None] for plane in planes]

    package, module = ModuleType("cellpose"), ModuleType("cellpose.denoise")
    module.DenoiseModel = DenoiseModel  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "cellpose", package)
    monkeypatch.setitem(sys.modules, "cellpose.denoise", module)
    weights = tmp_path / "deblur_cyto3"
    weights.write_bytes(b"weights")
    restore = denoiser("cellpose", str(weights))
    values = np.random.default_rng(1).uniform(-1000, 400, (6, 5, 4)).astype(np.float32)
    found = restore(values)
    assert asked[0] == {"pretrained_model": str(weights)}
    assert asked[1] == (4, (6, 5), {"channels": [0, 0], "normalize": False})
    np.testing.assert_allclose(found, values.min() + values.max() - values, atol=0.01)
