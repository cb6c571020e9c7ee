"""Radiomics features: the IBSI's digital phantom, its published values, and what is refused."""

from __future__ import annotations

import dataclasses
import logging

import numpy as np
import pytest

from tumorboard.errors import InputError
from tumorboard.formats.volume import Volume
from tumorboard.transforms.radiomics import RadiomicsSettings, radiomics

#: The digital phantom: four slices along z of four rows (y) of five voxels (x); 0 is outside.
#: arXiv:1612.07003, chapter on reference data sets; 74 of its 80 voxels of 2 mm are in the mask.
PHANTOM = [
    [[1, 4, 4, 1, 1], [1, 4, 6, 1, 1], [4, 1, 6, 4, 1], [4, 4, 6, 4, 1]],
    [[1, 4, 4, 1, 1], [1, 1, 6, 1, 1], [0, 1, 3, 1, 1], [4, 4, 6, 1, 1]],
    [[1, 4, 4, 0, 0], [1, 1, 1, 1, 1], [1, 1, 0, 1, 1], [1, 1, 6, 1, 1]],
    [[1, 4, 4, 0, 0], [1, 1, 1, 1, 1], [1, 1, 1, 1, 1], [1, 1, 6, 1, 1]],
]
#: Feature -> benchmark value of the digital phantom, and its tolerance where it is not 0, from the
#: same manual; texture matrices are the volume's, with merged directions (3D: IAZD).
PUBLISHED = {
    "morph_volume": (556, 4), "morph_vol_approx": (592, 4), "morph_area_mesh": (388, 3),
    "morph_av": (0.698, 0.004), "morph_comp_1": (0.0411, 0.0003), "morph_comp_2": (0.599, 0.004),
    "morph_sph_dispr": (1.19, 0.01), "morph_sphericity": (0.843, 0.005),
    "morph_asphericity": (0.186, 0.001), "morph_com": (0.672, 0.004), "morph_diam": (13.1, 0.1),
    "morph_pca_maj_axis": (11.4, 0.1), "morph_pca_min_axis": (9.31, 0.06),
    "morph_pca_least_axis": (8.54, 0.05), "morph_pca_elongation": (0.816, 0.005),
    "morph_pca_flatness": (0.749, 0.005), "morph_vol_dens_aabb": (0.869, 0.005),
    "morph_area_dens_aabb": (0.866, 0.005), "morph_vol_dens_conv_hull": (0.961, 0.006),
    "morph_integ_int": (1200, 10), "morph_moran_i": (0.0397, 0.0003),
    "morph_geary_c": (0.974, 0.006),
    "stat_mean": (2.15, 0), "stat_var": (3.05, 0), "stat_skew": (1.08, 0),
    "stat_kurt": (-0.355, 0), "stat_median": (1, 0), "stat_p90": (4, 0), "stat_iqr": (3, 0),
    "stat_mad": (1.55, 0), "stat_rmad": (1.11, 0), "stat_cov": (0.812, 0), "stat_qcod": (0.6, 0),
    "stat_energy": (567, 0), "stat_rms": (2.77, 0),
    "ih_entropy": (1.27, 0), "ih_uniformity": (0.512, 0), "ih_max_grad": (8, 0),
    "ih_min_grad": (-50, 0), "ivh_v10": (0.324, 0), "ivh_v90": (0.0946, 0),
    "cm_joint_max_d1_3d_v_mrg": (0.509, 0), "cm_joint_var_d1_3d_v_mrg": (3.13, 0),
    "cm_joint_entr_d1_3d_v_mrg": (2.57, 0), "cm_contrast_d1_3d_v_mrg": (5.12, 0),
    "cm_corr_d1_3d_v_mrg": (0.183, 0), "cm_clust_shade_d1_3d_v_mrg": (17.4, 0),
    "cm_info_corr1_d1_3d_v_mrg": (-0.0288, 0), "cm_info_corr2_d1_3d_v_mrg": (0.269, 0),
    "rlm_sre_3d_v_mrg": (0.729, 0), "rlm_lre_3d_v_mrg": (2.76, 0),
    "rlm_glnu_3d_v_mrg": (281, 0), "rlm_rlnu_3d_v_mrg": (328, 0), "rlm_r_perc_3d_v_mrg": (0.68, 0),
    "rlm_rl_entr_3d_v_mrg": (2.62, 0),
    "szm_sze_3d": (0.255, 0), "szm_lze_3d": (550, 0), "szm_zs_var_3d": (331, 0),
    "dzm_gl_var_3d": (2.64, 0), "dzm_zd_entr_3d": (1.92, 0),
    "ngt_coarseness_3d": (0.0296, 0), "ngt_contrast_3d": (0.584, 0), "ngt_busyness_3d": (6.54, 0),
    "ngt_complexity_3d": (13.5, 0), "ngt_strength_3d": (0.763, 0),
    "ngl_lde_d1_a0.0_3d": (0.045, 0), "ngl_hde_d1_a0.0_3d": (109, 0),
}  # fmt: skip
AS_IT_IS = RadiomicsSettings(spacing_mm="original", bin_width=0, least=-np.inf, most=np.inf)


def phantom() -> tuple[Volume, np.ndarray]:
    values = np.asarray(PHANTOM, dtype=np.float32).transpose(2, 1, 0)
    mask = values > 0
    filled = np.where(mask, values, 1.0).astype(np.float32)
    return Volume(filled[None], np.diag([2.0, 2.0, 2.0, 1.0])), mask


def block(
    kind: str = "CT", spacing: tuple[float, float, float] = (1.0, 1.0, 2.0)
) -> tuple[Volume, np.ndarray]:
    rng = np.random.default_rng(0)
    # Whole numbers: mirp rounds CT, as the IBSI does.
    values = rng.normal(30, 40, (1, 40, 36, 30)).round().astype(np.float32)
    mask = np.zeros(values.shape[1:], dtype=bool)
    mask[15:21, 14:24, 12:17] = True
    return Volume(values, np.diag([*spacing, 1.0]), kind=kind), mask


def test_published_values_of_the_digital_phantom() -> None:
    volume, mask = phantom()
    assert mask.sum() == 74
    found = radiomics(volume, mask, AS_IT_IS)
    wrong: dict[str, tuple[float, float]] = {}
    for name, (value, tolerance) in PUBLISHED.items():
        # The manual gives three digits: half of the last one is rounding.
        digit = 10.0 ** (np.floor(np.log10(abs(value))) - 2)
        if abs(found[name] - value) > tolerance + digit / 2 + 1e-9:
            wrong[name] = (found[name], value)
    assert not wrong
    assert len(PUBLISHED) >= 60


def test_axes_and_spacing_are_the_volumes_own() -> None:
    """A block of 6 x 10 x 5 voxels of 1 x 1 x 2 mm: voxels count 600 mm^3, 10 mm along y."""
    volume, mask = block()
    settings = RadiomicsSettings(families=("morph",), spacing_mm="original")
    found = radiomics(volume, mask, settings)
    assert found["morph_vol_approx"] == pytest.approx(600.0)
    # Corners of the surface lie half a voxel outside of the centres of the outermost voxels.
    assert found["morph_diam"] == pytest.approx(np.sqrt(6**2 + 9**2 + 10**2), abs=1.5)
    turned = Volume(volume.array.transpose(0, 3, 1, 2), np.diag([2.0, 1.0, 1.0, 1.0]), kind="CT")
    other = radiomics(turned, mask.transpose(2, 0, 1), settings)
    for name in ("morph_volume", "morph_area_mesh", "morph_pca_maj_axis", "morph_diam"):
        assert other[name] == pytest.approx(found[name], rel=1e-5)


def test_names_do_not_depend_on_grey_levels_and_far_voxels_do_not_count() -> None:
    volume, mask = block()
    settings = RadiomicsSettings(families=("stat", "glcm"), spacing_mm=(2.0, 2.0, 2.0))
    first = radiomics(volume, mask, settings)
    second = radiomics(volume, mask, dataclasses.replace(settings, bins=16))
    assert list(first) == list(second)
    assert first["cm_contrast_d1_3d_v_mrg"] != second["cm_contrast_d1_3d_v_mrg"]
    far = volume.array.copy()
    far[:, :3] = 3000
    assert radiomics(dataclasses.replace(volume, array=far), mask, settings) == first


def test_intensities_outside_the_range_are_left_out() -> None:
    volume, mask = block()
    settings = RadiomicsSettings(families=("stat",), spacing_mm="original", least=0.0, most=60.0)
    inside = volume.array[0][mask]
    kept = inside[(inside >= 0) & (inside <= 60)]
    found = radiomics(volume, mask, settings)
    assert found["stat_mean"] == pytest.approx(kept.mean(), rel=1e-5)


def test_standard_output_and_logging_stay_as_they_were(
    capsys: pytest.CaptureFixture[str],
) -> None:
    handlers = list(logging.getLogger().handlers)
    volume, mask = phantom()
    radiomics(volume, mask, dataclasses.replace(AS_IT_IS, families=("stat",)))
    assert capsys.readouterr() == ("", "")
    assert logging.getLogger().handlers == handlers
    assert logging.root.manager.disable == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("empty", "the mask is empty"),
        ("grid", "the mask has 40 x 36 x 29 voxels, its volume 40 x 36 x 30"),
        ("channels", "found 2 channels, expected 1"),
        ("mr", "MR intensities have no unit"),
        ("range", "no radiomics features"),
        ("nan", "no numbers"),
    ],
)
def test_refusals(change: str, message: str) -> None:
    volume, mask = block("MR" if change == "mr" else "CT")
    settings = RadiomicsSettings(families=("stat",), spacing_mm="original")
    if change == "empty":
        mask = np.zeros_like(mask)
    if change == "grid":
        mask = mask[..., :-1]
    if change == "channels":
        volume = dataclasses.replace(volume, array=volume.array.repeat(2, axis=0))
    if change == "range":
        settings = dataclasses.replace(settings, least=1000.0, most=2000.0)
    if change == "nan":
        volume.array[0, 16, 16, 14] = np.nan
    with pytest.raises(InputError, match=message):
        radiomics(volume, mask, settings)
