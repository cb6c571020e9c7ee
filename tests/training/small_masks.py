"""A made-up cohort of a few volumes with one bright ball each, and the study that segments it."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np

STUDY = """
[study]
name = "balls"
seed = 3

[cohort]
source = "folder"
table = "patients.csv"
patient_id = "patient"

[task]
kind = "segmentation"
image = "ct"
mask = "mask/{patient}.nii.gz"
labels = {ball = 2}

[modalities.ct]
kind = "volume"
files = "ct/{patient}.nii.gz"
size = "whole"
spacing_mm = [2.0, 2.0, 3.0]
flip = []
encoder = {name = "unet", widths = [8, 16]}

[modalities.note]
kind = "notes"
column = "note"
min_patients = 1
encoder = {name = "word_vectors", size = 8}

[arms]
image = {modalities = ["ct"]}
guided = {modalities = ["ct", "note"], fusion = "concatenation"}

[training]
epochs = 16
batch_size = 4
optimizer = {name = "adamw", learning_rate = 1e-2}
patches = {size = [16, 16, 1], per_case = 8, foreground = 0.5, overlap = 0.25}

[evaluation]
folds = 2
validation = 0.3
bootstrap = 200
"""

#: The world of the volumes is mirrored and moved, so that axes and affines must be right.
AFFINE = np.array([[-2.0, 0, 0, 30], [0, 2.0, 0, -20], [0, 0, 3.0, 5], [0, 0, 0, 1]])
SHAPE = (20, 18, 8)


def write_balls(folder: Path, *, n: int = 8, seed: int = 0) -> Path:
    """Volumes of noise with a ball of 5 mm radius and more; the study file is returned."""
    rng = np.random.default_rng(seed)
    for name in ("ct", "mask"):
        (folder / name).mkdir(parents=True)
    rows = ["patient,note"]
    places = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), axis=-1)
    for i in range(n):
        centre = np.array([rng.integers(5, 15), rng.integers(5, 13), rng.integers(2, 6)])
        distance = np.linalg.norm((places - centre) * [2, 2, 3], axis=-1)
        inside = distance < 6 + i % 3
        image = rng.normal(0, 0.3, SHAPE) + 3 * inside
        nib.save(nib.Nifti1Image(image.astype(np.float32), AFFINE), folder / f"ct/p{i}.nii.gz")
        mask = nib.Nifti1Image(inside.astype(np.uint8) * 2, AFFINE)
        nib.save(mask, folder / f"mask/p{i}.nii.gz")
        # the first axis runs to the patient's left: a small index is right of the middle
        side = "left" if centre[0] > 10 else "right"
        rows.append(f"p{i},A ball on the {side} side.")
    (folder / "patients.csv").write_text("\n".join(rows) + "\n")
    (folder / "study.toml").write_text(STUDY)
    return folder / "study.toml"
