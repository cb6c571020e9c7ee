"""Keys of `[evaluation]`: splits, thresholds, calibration, comparison, probes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tumorboard.study_table import Keys, MetricName

#: Other notes that are put in when a trained segmenter predicts.
NoteControl = Literal["silent", "shuffled", "contradicting"]


class Primary(Keys):
    """The comparison that the first line of the report answers.

    Args:
        arm: What is asked about.
        reference: What it is compared with.
        metric: By which measure.
    """

    arm: str
    reference: str
    metric: MetricName = "auroc"


class Threshold(Keys):
    """How the decision threshold is chosen on validation patients (binary outcomes).

    Args:
        rule: `youden`, the least `sensitivity` or `precision`, the lowest `cost`, or `fixed`.
        at_least: The least sensitivity or precision.
        at: The threshold of `fixed`.
        false_negative_cost: What a missed patient costs (`cost`).
        false_positive_cost: What a false alarm costs (`cost`).
    """

    rule: Literal["youden", "sensitivity", "precision", "cost", "fixed"] = "youden"
    at_least: Annotated[float, Field(gt=0, le=1)] = 0.95
    at: Annotated[float, Field(gt=0, lt=1)] = 0.5
    false_negative_cost: Annotated[float, Field(gt=0)] = 1.0
    false_positive_cost: Annotated[float, Field(gt=0)] = 1.0


class Conformal(Keys):
    """Prediction sets.

    Args:
        coverage: Probability that a set holds the true class.
        by: Whether that holds over all patients, or within every class.
    """

    coverage: Annotated[float, Field(gt=0, lt=1)] = 0.90
    by: Literal["all", "class"] = "all"


class Evaluation(Keys):
    """Splits, the decision threshold and what is compared.

    Args:
        folds: Parts of the cross-validation; each patient is tested once per repeat.
        repeats: Times that the whole is repeated with other splits.
        holdout: Shares of training, validation and test patients, instead of folds.
        validation: Share of the training patients that validates.
        validation_by: `unit` spares no whole patient: a share of the training patients' rows or
            annotations validates. For studies of a handful of patients.
        primary: What the first line of the report answers; fused against the first table if none.
        bootstrap: Resamples of the patients behind an interval.
        threshold: How the decision threshold is chosen.
        calibration: What is fitted on validation patients to mend probabilities.
        conformal: Prediction sets.
        external: Name -> table of another cohort.
        locked_test: Share of the patients that is set aside.
        subgroups: Columns whose groups are reported apart.
        pairing: `simulated` pairs modalities of different people; every output then says so.
        probes: Degradations that the models are tried on.
        margin: Of non-inferiority; 0 asks for none.
        folds_by: What a fold is made of: patients at random, or one institution after the other.
        split_beside: `unit` fits the two arms of `primary` again with units (patches, rows) of one
            patient on both sides of the split; their optimistic numbers stand beside those by
            patient.
        refer_below: Patients whose most probable class has less are referred to a human; 0 none.
        prevalences: Shares of positive patients that PPV, NPV, F1 and counts are computed at.
        mc_dropout: Passes with dropout switched on, for the spread of a prediction; 0 none.
        explain: Questions asked of the trained models, by name (see `tumorboard list`). Where
            outcomes are numbers by default permutation_importance and, with RNA, gene_attribution.
        controls: Other notes that are put in when a trained segmenter predicts, each an arm of its
            own: none (`silent`), another patient's (`shuffled`), one with sides and places swapped
            (`contradicting`). By default all three where an arm reads notes.
        mask_rule: `auto` chooses threshold, least size and largest component on validation
            patients; `plain` is a threshold of one half.
        explain_patients: Test patients per arm that are explained one by one.
    """

    folds: Annotated[int, Field(ge=2)] = 5
    repeats: Annotated[int, Field(ge=1)] = 1
    holdout: list[float] = []
    validation: Annotated[float, Field(gt=0, lt=1)] = 0.15
    validation_by: Literal["patient", "unit"] = "patient"
    primary: Primary | Literal["none"] = "none"
    bootstrap: Annotated[int, Field(ge=100)] = 2000
    threshold: Threshold = Threshold()
    calibration: Literal["none", "temperature", "platt", "isotonic"] = "none"
    conformal: Conformal | Literal["none"] = "none"
    external: dict[str, str] = {}
    locked_test: Annotated[float, Field(ge=0, lt=1)] = 0.0
    subgroups: list[str] = []
    pairing: Literal["patient", "simulated"] = "patient"
    probes: list[str] = ["missing_modality"]
    margin: Annotated[float, Field(ge=0, lt=1)] = 0.0
    folds_by: Literal["patient", "institution"] = "patient"
    split_beside: Literal["none", "unit"] = "none"
    refer_below: Annotated[float, Field(ge=0, lt=1)] = 0.0
    prevalences: list[Annotated[float, Field(gt=0, lt=1)]] = []
    mc_dropout: Annotated[int, Field(ge=0)] = 0
    explain: list[str] = [
        "modality_contribution", "permutation_importance", "grad_cam", "linear_shap", "tree_shap",
        "integrated_gradients", "patch_attention",
    ]  # fmt: skip
    controls: list[NoteControl] = []
    mask_rule: Literal["auto", "plain"] = "auto"
    explain_patients: Annotated[int, Field(ge=0)] = 12
