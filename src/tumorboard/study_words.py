"""Words that a study file may use, and rules about its keys that are plain tables."""

from __future__ import annotations

from collections.abc import Mapping

#: Metrics of a classification that can stop training, lead a comparison or choose a setting.
METRICS = (
    "auroc", "auprc", "accuracy", "balanced_accuracy", "sensitivity", "specificity", "ppv", "npv",
    "f1", "macro_f1", "mcc", "brier", "log_loss",
)  # fmt: skip
#: Task -> metrics that can stop training, lead a comparison or choose a setting; the first is the
#: default.
METRICS_OF: Mapping[str, tuple[str, ...]] = {
    "classification": METRICS,
    "survival": ("c_index", "uno_c_index", "integrated_brier"),
    "regression": ("r2", "spearman", "pearson", "mae", "rmse"),
    "segmentation": (
        "dice",
        "iou",
        "nsd",
        "hd95",
        "sensitivity",
        "specificity",
        "precision",
        "pixel_accuracy",
        "volume_error",
        "lesion_sensitivity",
        "lesion_precision",
        "lesion_f1",
    ),
}
#: Metrics where smaller is better.
LOWER_IS_BETTER = (
    "brier",
    "log_loss",
    "integrated_brier",
    "mae",
    "rmse",
    "loss",
    "hd95",
    "volume_error",
)

#: Codes of the audit's findings, which `[audit] accept` may name.
FINDINGS = (
    "patient-overlap", "duplicate-image", "duplicate-row", "duplicate-expression",
    "after-index-date", "label-proxy", "near-duplicate-image", "duplicate-note", "label-in-text",
    "institution-confounded", "derived-from-all-patients", "split-not-by-patient",
    "simulated-pairing", "small-class", "too-few-events",
)  # fmt: skip

#: Settings that only some choices read: key -> (the choice, the words that read it).
READ_BY: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "training.optimizer.momentum": ("training.optimizer.name", ("sgd",)),
    "training.schedule.factor": ("training.schedule.name", ("plateau", "step")),
    "training.schedule.patience": ("training.schedule.name", ("plateau",)),
    "training.schedule.metric": ("training.schedule.name", ("plateau",)),
    "training.schedule.every": ("training.schedule.name", ("step",)),
    "training.schedule.minimum": ("training.schedule.name", ("plateau",)),
    "training.loss.gamma": ("training.loss.name", ("focal", "dice_focal")),
    "training.loss.beta": ("training.loss.class_weights", ("effective_number",)),
    "evaluation.threshold.at": ("evaluation.threshold.rule", ("fixed",)),
    "evaluation.threshold.at_least": ("evaluation.threshold.rule", ("sensitivity", "precision")),
    "evaluation.threshold.false_negative_cost": ("evaluation.threshold.rule", ("cost",)),
    "evaluation.threshold.false_positive_cost": ("evaluation.threshold.rule", ("cost",)),
}
