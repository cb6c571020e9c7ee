"""TRIPOD+AI: what an article about a prediction model reports, filled in from a run."""

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
from tumorboard.report.model_remarks import calibration_notes


def _external(what: str, *topics: str) -> Callable[[Facts], Answer]:
    return where(
        lambda f: f.has_external,
        known(lambda f: f.shown(what, *topics), otherwise="Score the external cohorts again."),
        why_not="One cohort; add [evaluation] external to evaluate elsewhere.",
    )


def _clusters() -> Callable[[Facts], Answer]:
    return where(
        lambda f: f.has_institutions or f.has_external,
        known(
            Facts.institutions,
            otherwise="Add the column of the institution to [evaluation] subgroups.",
        ),
        why_not="One cohort and no column of the institution ([cohort] institution).",
    )


def _specification(facts: Facts) -> str:
    return (
        f"{facts.models()} Settings in study.toml; every fitted model with weights and "
        "preprocessing below models/; one patient: `tumorboard predict MODEL --cohort TABLE --out "
        "FILE`."
    )


def _reading(facts: Facts) -> str:
    return (
        "At use the input is checked: unknown categories, numbers outside the training range, "
        "unreadable images and missing modalities are said, not repaired. "
        f"{facts.missing()}"
    )


def _updating(facts: Facts) -> str:
    method = facts.evaluation.get("calibration", "none")
    if method == "none":
        return ""
    notes = calibration_notes(facts.contents.folder, facts.contents.arms)
    fitted = (
        f"; it could be fitted for {notes.n_calibrated} of {notes.n_models} models"
        if notes.n_models
        else ""
    )
    return f"Probabilities recalibrated: {method}, validation patients{fitted}."


def _written(facts: Facts) -> str:
    """Equipment that the run itself leaves behind for others."""
    return f"Run with one command from study.toml, seed {facts.study['study'].get('seed', 0)}."


_UNKNOWN = "Not recorded in this run."
_NO_UPDATE = "No model was updated: [evaluation] calibration is none."
_ADD_SUBGROUPS = (
    "Name columns (sex, age group, ethnicity, institution) in [evaluation] subgroups; groups under "
    "10 patients are refused."
)
_SIZES = "Run the evaluation again; it needs columns of a table to count parameters."

ITEMS: tuple[Item, ...] = (
    Item("1", "Title", "D;E", "Says that a prediction model is developed or evaluated, for whom "
         "and for which outcome", told(Facts.title, "population")),
    Item("2", "Abstract", "D;E", "Summary after TRIPOD+AI for abstracts",
         told(Facts.abstract, "aim", "population")),
    Item("3a", "Background", "D;E", "Clinical context, reason for the model, existing models",
         asked("background")),
    Item("3b", "Background", "D;E", "Target population, purpose in the care pathway, users",
         asked("intended_use")),
    Item("3c", "Background", "D;E", "Known inequalities between sociodemographic groups",
         asked("equity")),
    Item("4", "Objectives", "D;E", "Aim; development, evaluation or both",
         told(Facts.question, "aim")),
    Item("5a", "Data", "D;E", "Sources of the data, why these, whom they represent",
         told(Facts.sources, "design", "population")),
    Item("5b", "Data", "D;E", "First and last day of inclusion; end of follow-up", asked("dates")),
    Item("6a", "Participants", "D;E", "Setting, number and place of centres", asked("setting")),
    Item("6b", "Participants", "D;E", "Eligibility", told(Facts.flow, "eligibility")),
    Item("6c", "Participants", "D;E", "Treatments and how they were handled", asked("treatment")),
    Item("7", "Data preparation", "D;E", "Preprocessing and quality checks, alike for all groups",
         known(Facts.preparation, otherwise=_UNKNOWN)),
    Item("8a", "Outcome", "D;E", "Definition, time horizon, how it was assessed, and why",
         told(lambda f: f.outcome(), "outcome")),
    Item("8b", "Outcome", "D;E", "Who assessed a subjective outcome", asked("assessors")),
    Item("8c", "Outcome", "D;E", "Blinding of the assessment", asked("blinding")),
    Item("9a", "Predictors", "D", "Choice of the first predictors, selection before modelling",
         told(Facts.predictors, "predictors")),
    Item("9b", "Predictors", "D;E", "Definition of each predictor, when and how measured",
         told(Facts.predictors, "predictors")),
    Item("9c", "Predictors", "D;E", "Who judged subjective predictors", asked("predictors")),
    Item("10", "Sample size", "D;E", "How the size was settled and whether it suffices",
         known(lambda f: f"{f.said('sample_size')} {f.sample_size()}".strip(), otherwise=_SIZES)),
    Item("11", "Missing data", "D;E", "How missing data were handled",
         known(Facts.missing, otherwise=_UNKNOWN)),
    Item("12a", "Analysis", "D", "How data served development and evaluation, partitions",
         known(Facts.split, otherwise=_UNKNOWN)),
    Item("12b", "Analysis", "D", "How predictors entered: scaling, form, transformation",
         known(Facts.preparation, otherwise=_UNKNOWN)),
    Item("12c", "Analysis", "D", "Type of model, building steps, tuning, internal validation",
         known(lambda f: f"{f.models()} {f.training()} {f.selection()}", otherwise=_UNKNOWN)),
    Item("12d", "Analysis", "D;E", "How heterogeneity between clusters was handled", _clusters()),
    Item("12e", "Analysis", "D;E", "Measures and plots of performance, comparison of models",
         known(Facts.measures, otherwise=_UNKNOWN)),
    Item("12f", "Analysis", "E", "Updating of the model after evaluation",
         where(lambda f: bool(_updating(f)), known(_updating, otherwise=_NO_UPDATE),
               why_not=_NO_UPDATE)),
    Item("12g", "Analysis", "E", "How predictions were computed for evaluation",
         known(lambda f: f"{f.output()} Each test patient by the model of the fit that did not see "
               "the patient; all in predictions.csv.", otherwise=_UNKNOWN)),
    Item("13", "Class imbalance", "D;E", "Methods against imbalance, and calibration after them",
         known(lambda f: f.imbalance(), otherwise=_UNKNOWN)),
    Item("14", "Fairness", "D;E", "Approaches to fairness and why",
         known(lambda f: f.shown("Performance per subgroup, with counts and intervals",
                                 "subgroups"), otherwise=_ADD_SUBGROUPS)),
    Item("15", "Model output", "D", "What the model gives; classification and thresholds",
         known(lambda f: f.output(), otherwise=_UNKNOWN)),
    Item("16", "Training against evaluation", "D;E", "Differences of setting, eligibility, outcome "
         "and predictors between development and evaluation data",
         _external("Standardised differences and drift between cohorts", "cohorts")),
    Item("17", "Ethics", "D;E", "Approval and consent", asked("ethics")),
    Item("18a", "Open science", "D;E", "Funding and its role", asked("funding")),
    Item("18b", "Open science", "D;E", "Conflicts of interest", asked("conflicts")),
    Item("18c", "Open science", "D;E", "Where the protocol is", asked("protocol")),
    Item("18d", "Open science", "D;E", "Registration", asked("registration")),
    Item("18e", "Open science", "D;E", "Availability of the data", asked("data_availability")),
    Item("18f", "Open science", "D;E", "Availability of the analysis code",
         told(_written, "code_availability")),
    Item("19", "Patient involvement", "D;E", "What patients and the public contributed",
         asked("patient_involvement")),
    Item("20a", "Participants", "D;E", "Flow of participants, numbers with the outcome",
         known(Facts.flow, otherwise=_UNKNOWN)),
    Item("20b", "Participants", "D;E", "Characteristics, with missing values, per data source",
         known(lambda f: "Table 1 in report.html, by outcome, with missing values."
               if f.contents.table_one else "", otherwise="No column to describe.")),
    Item("20c", "Participants", "E", "Distribution of predictors beside the development data",
         _external("Standardised differences between cohorts", "cohorts")),
    Item("21", "Model development", "D;E", "Patients and events of every analysis",
         known(Facts.patients, otherwise=_UNKNOWN)),
    Item("22", "Model specification", "D", "The whole model, so that others can predict with it",
         known(_specification, otherwise=_UNKNOWN)),
    Item("23a", "Performance", "D;E", "Performance with intervals, subgroups included",
         known(lambda f: f"{f.performance()} {f.calibration()} {f.contents.answer}",
               otherwise=_UNKNOWN)),
    Item("23b", "Performance", "D;E", "Heterogeneity of performance between clusters",
         _clusters()),
    Item("24", "Model updating", "E", "Results of updating, and the updated model",
         where(lambda f: bool(_updating(f)), known(
             lambda f: f"{_updating(f)} {f.calibration()}".strip(), otherwise=_NO_UPDATE),
             why_not=_NO_UPDATE)),
    Item("25", "Interpretation", "D;E", "Main results beside aims and earlier work, fairness",
         told(lambda f: f.contents.answer, "interpretation")),
    Item("26", "Limitations", "D;E", "Limits and what they do to bias and generalisability",
         known(lambda f: " ".join(f.limits), otherwise="The program sees none: name your own.")),
    Item("27a", "Usability", "D", "Handling of poor or absent input at use",
         known(_reading, otherwise=_UNKNOWN)),
    Item("27b", "Usability", "D", "What users must do, and what they must know", asked("users")),
    Item("27c", "Usability", "D;E", "Next steps, with regard to generalisability",
         asked("next_steps")),
)  # fmt: skip

TRIPOD_AI = Checklist("TRIPOD+AI 2024", "Collins et al., BMJ 2024; 385: e078378", ITEMS)
