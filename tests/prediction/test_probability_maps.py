"""Probability maps of new patients: on the grid of their file, and what the mask was made of."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from PIL import Image
from typer.testing import CliRunner

from tumorboard.cli import app
from tumorboard.prediction.probability_maps import write_maps
from tumorboard.training.segmenting import uncertainty_map
from tumorboard.verbs.fit import fit
from tumorboard.verbs.predict import predict

sys.path.insert(0, str(Path(__file__).parents[1] / "training"))

from small_masks import AFFINE, SHAPE, write_balls


def test_maps_are_what_the_mask_was_made_of(tmp_path: Path) -> None:
    study = write_balls(tmp_path / "data")
    few = ("training.epochs=2", "training.patches.per_case=2", 'evaluation.mask_rule="plain"')
    fit(study, out=tmp_path / "model", arm="image", overrides=few)
    table, out = tmp_path / "new.csv", tmp_path / "out.csv"
    table.write_text("patient,note\np1,\np2,\n")
    predict(tmp_path / "model", cohort=table, out=out, data=study.parent, maps=True)
    folder = tmp_path / "out-masks"
    maps = folder / "maps"
    assert sorted(path.name for path in folder.iterdir()) == ["maps", "p1.nii.gz", "p2.nii.gz"]
    assert len(list(maps.iterdir())) == 4
    mask: Any = nib.load(folder / "p1.nii.gz")
    probability: Any = nib.load(maps / "p1_ball_probability.nii.gz")
    uncertainty: Any = nib.load(maps / "p1_uncertainty.nii.gz")
    for image in (mask, probability, uncertainty):
        assert image.shape == SHAPE
        np.testing.assert_allclose(image.affine, AFFINE)
    p = np.asarray(probability.dataobj)
    assert p.dtype == np.float32
    assert 0 <= p.min() < p.max() <= 1
    far = np.abs(p - 0.5) > 1e-3  # beyond half precision
    np.testing.assert_array_equal((p > 0.5)[far], (np.asarray(mask.dataobj) > 0)[far])
    expected = uncertainty_map(p[None])[0]
    np.testing.assert_allclose(np.asarray(uncertainty.dataobj), expected, atol=6e-3)
    command = ["predict", str(tmp_path / "model"), "--watch", str(tmp_path / "in"), "--out",
               str(tmp_path / "answers"), "--data", str(study.parent), "--once", "--quiet-s",
               "0.05"]  # fmt: skip
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "night.csv").write_text("patient,note\np1,\n")
    answers = tmp_path / "answers" / "night-masks"
    assert CliRunner().invoke(app, command).exit_code == 0
    assert not (answers / "maps").exists()
    result = CliRunner().invoke(app, [*command, "--maps"])
    assert result.exit_code == 0, result.output
    name = "p1_ball_probability.nii.gz"
    assert (answers / "maps" / name).read_bytes() == (maps / name).read_bytes()
    assert "1 case" not in CliRunner().invoke(app, [*command, "--maps"]).output


class _Pictures:
    is_picture = True


def test_a_picture_has_grey_pictures(tmp_path: Path) -> None:
    p = np.array([[[0.0, 0.5], [1.0, 0.2]], [[0.0, 0.0], [0.0, 0.4]]], dtype=np.float32)
    paths = write_maps(tmp_path, _Pictures(), 0, p, name="c1", labels=("mass", "in/out"))  # pyright: ignore[reportArgumentType]
    names = ["c1_mass_probability.png", "c1_in_out_probability.png", "c1_uncertainty.png"]
    assert [path.name for path in paths] == names
    assert np.asarray(Image.open(paths[0])).tolist() == [[0, 128], [255, 51]]
    entropy = 255 * -(0.4 * np.log2(0.4) + 0.6 * np.log2(0.6))
    assert np.asarray(Image.open(paths[2])).tolist() == [[0, 255], [0, round(entropy)]]
