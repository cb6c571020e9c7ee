"""`tumorboard predict`: a model folder and new patients in, a table of predictions out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tumorboard.errors import InputError
from tumorboard.prediction.dicom_masks import MaskFormat, check_format
from tumorboard.prediction.masks import PredictedMasks, predict_masks, write_masks_csv
from tumorboard.prediction.model import Model, ReadPatients
from tumorboard.prediction.predictions import Predictions, write_predictions_csv
from tumorboard.records import Rejection


@dataclass(frozen=True)
class PredictionReport:
    """What a prediction run did.

    Args:
        predictions: The predictions.
        lines: What the user should read, one line each.
        exit_code: 0, or 3 where some patients or files were rejected.
    """

    predictions: Predictions | PredictedMasks
    lines: tuple[str, ...]
    exit_code: int


def predict(
    model: Path, *, cohort: Path, out: Path, data: Path | None = None, as_format: str = "nifti",
    maps: bool = False,
) -> PredictionReport:  # fmt: skip
    """Predict the patients of a table and write one row per unit.

    Of a segmentation also their masks, into a folder beside the table: `out.csv` has `out-masks/`.

    Args:
        model: Model folder.
        cohort: Table of new patients.
        out: CSV file to write.
        data: Folder that file names start from; the table's own, else `TUMORBOARD_DATA`.
        as_format: `seg` or `rtstruct` writes a segmentation's masks as DICOM beside the NIfTI.
        maps: Whether a segmentation's probabilities and uncertainty are written as well.

    Raises:
        InputError: The model or the table cannot be used; nothing is written.
    """
    model, cohort, out = Path(model), Path(cohort), Path(out)
    kind = check_format(as_format)
    opened = Model.open(model)
    refuse_without_masks(opened, kind, maps=maps)
    _refuse_inputs(out, model, cohort)
    if data is not None and not data.is_dir():
        raise InputError(f"{data}: no such folder. Name the folder of the data with --data DIR.")
    predictions, n = write_answer(opened, opened.read(cohort, data=data), out, kind=kind, maps=maps)
    lines = [*predictions.notes]
    lines += [rejection_line(rejection) for rejection in predictions.rejections]
    lines.append(f"{n} prediction{'s' if n != 1 else ''} written to {out}")
    return PredictionReport(predictions, tuple(lines), 3 if predictions.rejections else 0)


def write_answer(
    model: Model, patients: ReadPatients, out: Path, *, kind: MaskFormat = "nifti",
    maps: bool = False,
) -> tuple[Predictions | PredictedMasks, int]:  # fmt: skip
    """Predict patients that were read and write the table, of a segmentation also the masks.

    Args:
        model: The opened model.
        patients: The patients.
        out: CSV file to write; masks go to `masks_folder(out)`.
        kind: What masks are written as beside the NIfTI.
        maps: Whether probabilities and uncertainty are written beside masks.

    Returns:
        The predictions, and how many there are.
    """
    if model.fitted.arm.segmented:
        masks = predict_masks(model, patients, folder=masks_folder(out), kind=kind, maps=maps)
        write_masks_csv(masks, out)
        return masks, len(masks.rows)
    predictions = model.predict_patients(patients)
    write_predictions_csv(predictions, out, arm=model.fitted.arm.name)
    return predictions, len(predictions.unit_id)


def refuse_without_masks(model: Model, kind: MaskFormat, *, maps: bool) -> None:
    """Refuse options of masks where the model writes none.

    Raises:
        InputError: The model is no segmentation.
    """
    asked = [f"--as {kind}"] * (kind != "nifti") + ["--maps"] * maps
    if asked and not model.fitted.arm.segmented:
        raise InputError(f"{', '.join(asked)}: the model writes no masks. Leave it out.")


def masks_folder(out: Path) -> Path:
    """Where the masks of a table of predictions lie."""
    return out.with_name(f"{out.stem}-masks")


def rejection_line(rejection: Rejection) -> str:
    """A patient or file that could not be used, as the user reads it."""
    where = f", {rejection.path}" if rejection.path else ""
    return f"rejected: patient {rejection.patient_id}{where}: {rejection.reason}"


def _refuse_inputs(out: Path, model: Path, cohort: Path) -> None:
    """Inputs are never overwritten: not the patients' table, nothing inside the model folder."""
    target = out.resolve()
    if target == cohort.resolve() or model.resolve() in target.parents or target == model.resolve():
        raise InputError(f"--out {out}: is an input of this command. Choose another file.")
    if out.is_file():
        with out.open(encoding="utf-8", errors="replace") as handle:
            header = handle.readline()
        known = ("predicted_label", "risk_score", "predicted_", "predicted_dice_")
        if not any(word in header for word in known):
            raise InputError(
                f"--out {out}: exists and is no table of predictions. Choose another file."
            )
