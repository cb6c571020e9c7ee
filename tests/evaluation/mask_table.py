"""A made table of segmentations: forty patients, four fusions and the controls of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tumorboard.evaluation.outcome_table import OutcomeTable

#: Arm -> how much it adds to the Dice of the images alone.
GAINS = {
    "image": 0.0,
    "concatenation": 0.02,
    "static_weights": 0.03,
    "dynamic_attention": 0.06,
    "dynamic_attention-silent": 0.0,
    "dynamic_attention-shuffled": -0.01,
    "dynamic_attention-contradicting": -0.05,
}
MODALITIES = {arm: "mri" if arm == "image" else "mri+notes" for arm in GAINS}


def mask_table(
    n: int = 40, *, labels: Sequence[str] = ("tumour",), gains: Mapping[str, float] = GAINS,
    folds: int = 5, repeats: int = 1, units: tuple[str, str] = ("mm", "ml"), noise: float = 0.02,
    seed: int = 3,
) -> OutcomeTable:  # fmt: skip
    """Test rows of every arm; larger tumours are easier, and the model guesses its own Dice.

    With 40 patients the last has no tumour: both masks are empty.
    """
    rng = np.random.default_rng(seed)
    ids = np.asarray([f"P{i:02d}" for i in range(n)])
    reference = np.exp(rng.normal(2.5, 0.9, size=(n, len(labels))))
    base = np.clip(0.62 + 0.06 * np.log(reference) + 0.06 * rng.normal(size=reference.shape), 0, 1)
    reference[-1] = 0.0
    blocks: list[np.ndarray] = []
    for gain in gains.values():
        for _ in range(repeats):
            dice = np.clip(base + gain + noise * rng.normal(size=base.shape), 0.02, 0.98)
            dice[-1] = np.nan
            blocks.append(_columns(dice, reference, rng))
    rows, arms = len(blocks) * n, list(gains)
    fold = np.arange(n) % folds + 1
    names = tuple(
        name.format(label=label, d=units[0], v=units[1]) for label in labels for name in _NAMES
    )
    return OutcomeTable(
        patient_id=np.tile(ids, len(blocks)), unit_id=np.tile(ids, len(blocks)),
        arm=np.repeat(arms, n * repeats),
        repeat=np.tile(np.repeat(np.arange(1, repeats + 1), n), len(arms)),
        fold=np.tile(fold, len(blocks)), part=np.full(rows, "test"),
        modalities=np.repeat([MODALITIES.get(arm, "mri") for arm in arms], n * repeats),
        outcome=np.tile(reference, (len(blocks), 1)),
        outcome_names=tuple(f"reference_{label}_{units[1]}" for label in labels),
        predictions=np.concatenate(blocks), prediction_names=names,
    )  # fmt: skip


_NAMES = (
    "dice_{label}", "iou_{label}", "nsd_{label}", "hd95_{label}_{d}", "sensitivity_{label}",
    "specificity_{label}", "precision_{label}", "pixel_accuracy_{label}",
    "volume_error_{label}_{v}", "volume_{label}_{v}", "lesion_sensitivity_{label}",
    "lesion_precision_{label}", "lesion_f1_{label}", "false_lesions_{label}",
    "predicted_dice_{label}", "uncertainty_{label}",
)  # fmt: skip


def _columns(dice: np.ndarray, reference: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    made: list[np.ndarray] = []
    for d, r in zip(dice.T, reference.T, strict=True):
        n, nothing = len(d), np.isnan(d)
        error = r * (1 - d) * rng.normal(0.1, 0.5, size=n)
        error[nothing] = 0.0
        found = np.where(d > 0.6, 1.0, 0.5)
        found[nothing] = np.nan
        made += [
            d, d / (2 - d), np.clip(d + 0.05, 0, 1), 40 * (1 - d), np.clip(d + 0.02, 0, 1),
            1 - 0.02 * np.nan_to_num(1 - d), np.clip(d - 0.02, 0, 1),
            1 - 0.02 * np.nan_to_num(1 - d), error, r + error, found, found, found,
            (np.nan_to_num(1 - d) > 0.3).astype(float),
            np.clip(np.nan_to_num(d, nan=0.5) + 0.04 * rng.normal(size=n), 0, 1),
            np.nan_to_num(1 - d, nan=0.5) / 2,
        ]  # fmt: skip
    return np.stack(made, axis=1)
