"""CLAIM 2024: what an article about artificial intelligence in imaging reports, from a run."""

from __future__ import annotations

from collections.abc import Callable

from tumorboard.report.checklist_item import (
    Answer,
    Checklist,
    Item,
    asked,
    known,
    told,
    where,
)
from tumorboard.report.facts import Facts

_UNKNOWN = "Not recorded in this run."
_ROBUSTNESS = ("subsets", "degradation", "quality")


def _images(inner: Callable[[Facts], Answer]) -> Callable[[Facts], Answer]:
    return where(lambda f: f.has_images, inner, why_not="No modality of this study is an image.")


def _ensembling(facts: Facts) -> str:
    members = int(facts.study.get("training", {}).get("members", 1))
    fused = [
        name for name, arm in facts.arms.items()
        if isinstance(arm.get("fusion"), dict) and arm["fusion"].get("name") == "late_average"
    ]  # fmt: skip
    parts = [f"{members} networks per fit, outputs averaged."] if members > 1 else []
    parts += [f"Outputs of modalities averaged in {', '.join(fused)}."] if fused else []
    return " ".join(parts)


def _initial(facts: Facts) -> str:
    weights = sorted(
        {
            f"{modality} {encoder['name']}: {encoder.get('weights', 'none')}"
            for arm in facts.arms.values()
            for modality, encoder in arm.get("encoders", {}).items()
        }
    )
    seed = facts.study["study"].get("seed", 0)
    listed = "; ".join(weights)
    return f"{listed} (none: at random, from seed {seed})." if weights else ""


def _external(facts: Facts) -> str:
    return facts.shown("Each external cohort", "external")


def _excluded(facts: Facts) -> str:
    return facts.flow()


ITEMS: tuple[Item, ...] = (
    Item("1", "Title or abstract", "", "Names the study as one of artificial intelligence, and the "
         "kind of technique", known(lambda f: f"{f.title()} {f.models()}", otherwise=_UNKNOWN)),
    Item("2", "Abstract", "", "Structured summary of design, methods, results, conclusions",
         told(Facts.abstract, "aim", "population")),
    Item("3", "Introduction", "", "Background, intended use and role in care",
         asked("background", "intended_use")),
    Item("4", "Introduction", "", "Aims and hypotheses", told(Facts.question, "aim")),
    Item("5", "Study design", "", "Prospective or retrospective", asked("design")),
    Item("6", "Study design", "", "Goal of the study", told(Facts.question, "aim")),
    Item("7", "Data", "", "Sources of the data", told(Facts.sources, "setting")),
    Item("8", "Data", "", "Inclusion and exclusion", told(Facts.flow, "eligibility")),
    Item("9", "Data", "", "Preprocessing", known(Facts.preparation, otherwise=_UNKNOWN)),
    Item("10", "Data", "", "Choice of parts of the data (slices, crops, subsets)",
         known(Facts.predictors, otherwise=_UNKNOWN)),
    Item("11", "Data", "", "De-identification", asked("deidentification")),
    Item("12", "Data", "", "Handling of missing data", known(Facts.missing, otherwise=_UNKNOWN)),
    Item("13", "Data", "", "Acquisition of the images", _images(asked("acquisition"))),
    Item("14", "Reference standard", "", "How the reference standard was obtained",
         told(lambda f: f.outcome(), "outcome")),
    Item("15", "Reference standard", "", "Why this reference standard", asked("outcome")),
    Item("16", "Reference standard", "", "Who annotated", asked("assessors")),
    Item("17", "Reference standard", "", "How the test set was annotated",
         asked("assessors", "blinding")),
    Item("18", "Reference standard", "", "Variability between and within annotators",
         asked("assessors")),
    Item("19", "Partitions", "", "How data were assigned to partitions",
         known(Facts.split, otherwise=_UNKNOWN)),
    Item("20", "Partitions", "", "Level at which partitions are disjoint",
         known(lambda f: "Patient: all rows and files of a patient are in one part (column "
               f"{f.study.get('cohort', {}).get('patient_id', 'patient_id')}).",
               otherwise=_UNKNOWN)),
    Item("21", "Testing data", "", "Intended sample size",
         told(lambda f: f.sample_size(), "sample_size")),
    Item("22", "Model", "", "Description of the model", known(Facts.models, otherwise=_UNKNOWN)),
    Item("23", "Model", "", "Software and versions", known(Facts.versions, otherwise=_UNKNOWN)),
    Item("24", "Model", "", "First values of the weights",
         where(lambda f: bool(_initial(f)), known(_initial, otherwise=_UNKNOWN),
               why_not="No arm has an encoder with weights.")),
    Item("25", "Training", "", "Details of training",
         where(lambda f: f.has_fits, known(Facts.training, otherwise=_UNKNOWN),
               why_not="No network was trained.")),
    Item("26", "Training", "", "How the final model was selected",
         known(Facts.selection, otherwise=_UNKNOWN)),
    Item("27", "Training", "", "Ensembles",
         where(lambda f: bool(_ensembling(f)), known(_ensembling, otherwise=_UNKNOWN),
               why_not="No ensemble.")),
    Item("28", "Evaluation", "", "Metrics", known(Facts.measures, otherwise=_UNKNOWN)),
    Item("29", "Evaluation", "", "Uncertainty and significance",
         known(Facts.measures, otherwise=_UNKNOWN)),
    Item("30", "Evaluation", "", "Robustness and sensitivity",
         known(lambda f: f.shown("Modalities left out and inputs degraded", *_ROBUSTNESS),
               otherwise="Name probes in [evaluation] probes.")),
    Item("31", "Evaluation", "", "Explanation, and whether it was checked",
         known(Facts.explanations,
               otherwise="Name explainers in [evaluation] explain.")),
    Item("32", "Evaluation", "", "Evaluation on internal data",
         known(lambda f: f"{f.split()} {f.performance()}", otherwise=_UNKNOWN)),
    Item("33", "Evaluation", "", "Testing on external data",
         known(_external, otherwise="None was tested: add [evaluation] external, or say why not.")),
    Item("34", "Evaluation", "", "Registration of a trial", asked("registration")),
    Item("35", "Results: data", "", "Patients and examinations included and excluded",
         known(_excluded, otherwise=_UNKNOWN)),
    Item("36", "Results: data", "", "Characteristics per partition",
         known(lambda f: "Table 1 in report.html. In cross-validation every patient is in every "
               "partition in turn; other cohorts are set beside it where there are any."
               if f.contents.table_one else "", otherwise="No column to describe.")),
    Item("37", "Results: performance", "", "Performance with uncertainty on each partition",
         known(Facts.performance, otherwise=_UNKNOWN)),
    Item("38", "Results: performance", "", "Diagnostic performance and its precision",
         known(lambda f: f"{f.performance()} {f.calibration()}".strip(), otherwise=_UNKNOWN)),
    Item("39", "Results: performance", "", "Analysis of failures",
         known(lambda f: f.failures(), otherwise=_UNKNOWN)),
    Item("40", "Discussion", "", "Limits of the study",
         known(lambda f: " ".join(f.limits), otherwise="The program sees none: name your own.")),
    Item("41", "Discussion", "", "What it means for practice; intended use",
         asked("interpretation", "intended_use")),
    Item("42", "Other", "", "Full protocol or further technical detail",
         told(lambda f: "Settings in study.toml, all inputs in manifest.csv.", "protocol")),
    Item("43", "Other", "", "Availability of software, model and data",
         asked("data_availability", "code_availability")),
    Item("44", "Other", "", "Funding and the role of funders", asked("funding")),
)  # fmt: skip

CLAIM = Checklist("CLAIM 2024", "Tejani et al., Radiol Artif Intell 2024; 6: e240300", ITEMS)
