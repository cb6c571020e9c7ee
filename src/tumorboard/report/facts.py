"""Sentences about a run that reporting guidelines ask for, each made from the run's own files."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from tumorboard.evaluation.evidence import read_evidence
from tumorboard.evaluation.explanation_table import FOLDER
from tumorboard.records import Estimate
from tumorboard.report.limits import limits, shares_missing
from tumorboard.report.number_format import interval, metric_name, number
from tumorboard.report.performance import describe_arms
from tumorboard.report.run_contents import RunContents


class Facts(ABC):
    """What a run can say about itself, whatever its task; an empty sentence where it knows nothing.

    Args:
        contents: The run folder, read.
    """

    def __init__(self, contents: RunContents) -> None:
        self.contents = contents
        self.study = contents.study
        self.evaluation: Mapping[str, Any] = contents.study.get("evaluation", {})
        self.primary = contents.arms[0]

    @abstractmethod
    def named(self) -> Sequence[str]:
        """Metrics that a sentence about performance names, where the run has them."""

    @abstractmethod
    def target(self) -> str:
        """What is predicted, in a few words."""

    @abstractmethod
    def outcome(self) -> str:
        """What is predicted, and how it is coded."""

    @abstractmethod
    def output(self) -> str:
        """What a model gives, and how it is turned into a call."""

    @abstractmethod
    def imbalance(self) -> str:
        """How often each outcome is, and what was done about it."""

    @abstractmethod
    def calibration(self) -> str:
        """Where calibration is shown."""

    @abstractmethod
    def failures(self) -> str:
        """Where the worst predictions are shown."""

    @abstractmethod
    def intervals(self) -> str:
        """How the intervals of the metrics are made."""

    @abstractmethod
    def sample_size(self) -> str:
        """Events or patients per parameter, and the minimum that the rules ask for."""

    @abstractmethod
    def n_events(self) -> int:
        """Patients who have what limits the study: the event, or the rarest class."""

    def said(self, key: str) -> str:
        """The author's sentence of `[report]`; empty where there is none."""
        sentence = str(self.study.get("report", {}).get(key, "none"))
        return "" if sentence == "none" else sentence

    def evidence(self, topic: str) -> dict[str, Any] | None:
        """evidence/<topic>.json."""
        return read_evidence(self.contents.folder, topic)

    def shown(self, what: str, *topics: str) -> str:
        """Where the run shows something; empty where it has none of the topics."""
        files = [topic for topic in topics if self.evidence(topic) is not None]
        if not files:
            return ""
        listed = ", ".join(f"evidence/{topic}.json" for topic in files)
        return f"{what}: see report.html; every number is in {listed}."

    @property
    def has_images(self) -> bool:
        """Whether a modality is made of images."""
        kinds = {table.get("kind") for table in self.study.get("modalities", {}).values()}
        return bool(kinds & {"image", "volume", "patches"})

    @property
    def has_external(self) -> bool:
        """Whether another cohort was scored."""
        return bool(self.evaluation.get("external"))

    @property
    def has_institutions(self) -> bool:
        """Whether the study names a column of the hospital."""
        return self.study.get("cohort", {}).get("institution", "none") != "none"

    @property
    def has_fits(self) -> bool:
        """Whether any arm is trained by epochs."""
        return any(arm.get("baseline", "none") == "none" for arm in self.arms.values())

    @property
    def arms(self) -> Mapping[str, Any]:
        """Arms of the resolved study."""
        return self.study.get("arms", {})

    def title(self) -> str:
        """A title with the parts that a title needs."""
        kinds = ", ".join(self.study.get("modalities", {}))
        done = "Development and internal validation"
        if self.has_external:
            done = "Development, internal and external validation"
        tail = " of different people (simulated pairing)" if self.contents.pairing else ""
        return f"Proposed: “{done} of a model that predicts {self.target()} from {kinds}{tail}”."

    def abstract(self) -> str:
        """Numbers that an abstract needs."""
        return f"{self.patients()} {self.split()} {self.performance()} {self.contents.answer}"

    def question(self) -> str:
        """The study's question."""
        question = self.study["study"].get("question", "none")
        return "" if question == "none" else f"Question: {question}"

    def patients(self) -> str:
        """Who was analysed."""
        c = self.contents
        counts = ", ".join(f"{name} {n}" for name, n in c.n_units.items())
        return (
            f"{c.n_patients} patients analysed of {c.cohort['patients']} found "
            f"({c.cohort['rows']} rows); {c.unit}s by outcome: {counts}. {c.pairing}".rstrip()
        )

    def sources(self) -> str:
        """Where the data came from."""
        table = self.study.get("cohort", {})
        files = ", ".join(f"{n} {state}" for state, n in self.contents.files.items())
        tail = f" Input files: {files}; each with its SHA-256 in manifest.csv." if files else ""
        return f"Source {table.get('source', 'folder')}, table {table.get('table', 'none')}.{tail}"

    def flow(self) -> str:
        """Who was left out, and why."""
        steps = [f"{s['patients']} {s['reason']}" for s in self.contents.cohort.get("flow", [])]
        left = f" Left out: {'; '.join(steps)}." if steps else " Nobody was left out."
        return f"Flow diagram in report.html. {self.patients()}{left}"

    def predictors(self) -> str:
        """What the models read."""
        parts: list[str] = []
        for name, table in self.study.get("modalities", {}).items():
            columns = [*table.get("numeric", ()), *table.get("categorical", ())]
            what = ", ".join(columns) if columns else str(table.get("files", "files"))
            parts.append(f"{name} ({table.get('kind')}): {what}")
        return "; ".join(parts) + "."

    def preparation(self) -> str:
        """Preprocessing, with its settings."""
        parts: list[str] = []
        for name, table in self.study.get("modalities", {}).items():
            settings = ", ".join(
                f"{key} {value}" for key, value in table.items()
                if key not in ("kind", "numeric", "categorical", "files", "encoder")
            )  # fmt: skip
            parts.append(f"{name}: {settings or 'defaults'}")
        return (
            f"{'; '.join(parts)}. Every fitted step (scaling, imputation, levels) saw the training "
            "patients of its own fit only. "
            f"{self.versions()}"
        )

    def versions(self) -> str:
        """Software, with versions."""
        packages = self.contents.environment.get("packages", {})
        listed = ", ".join(f"{name} {version}" for name, version in packages.items())
        python = self.contents.environment.get("python", "")
        return f"Python {python}; {listed}." if listed else ""

    def split(self) -> str:
        """How patients were divided."""
        repeats, folds = self.contents.n_splits
        share = f"{100 * float(self.evaluation.get('validation', 0.15)):g} %"
        if folds == 1 and repeats == 1:
            parts = " / ".join(f"{100 * float(x):g}" for x in self.evaluation.get("holdout", ()))
            made = f"One split by patient ({parts} % training, validation, test)"
        elif self.evaluation.get("folds_by") == "institution":
            return (
                f"Leave-one-institution-out: {folds} institutions, each tested by models of the "
                f"others, {repeats} {'repeat' if repeats == 1 else 'repeats'}; {share} of the "
                "training patients validate, stratified by outcome; the same splits for every arm "
                "(splits.csv)."
            )
        else:
            made = (
                f"{folds}-fold cross-validation by patient, {repeats} "
                f"{'repeat' if repeats == 1 else 'repeats'}; {share} of the training patients "
                "validate"
            )
        return f"{made}, stratified by outcome; the same splits for every arm (splits.csv)."

    def models(self) -> str:
        """The arms."""
        arms = "; ".join(f"{n} = {text}" for n, text in describe_arms(self.study).items())
        return f"Arms: {arms}."

    def training(self) -> str:
        """How networks are trained."""
        t = self.study.get("training", {})
        if not t or not self.has_fits:
            return ""
        optimizer, stop = t.get("optimizer", {}), t.get("stop", {})
        return (
            f"Optimiser {optimizer.get('name')}, learning rate {optimizer.get('learning_rate')}, "
            f"batch {t.get('batch_size')}, at most {t.get('epochs')} epochs, stopped on validation "
            f"{stop.get('metric')} (patience {stop.get('patience')}, weights kept: "
            f"{stop.get('keep')}); augmentation: {t.get('augment')}. Seed "
            f"{self.study['study'].get('seed', 0)}; all settings in study.toml."
        )

    def tuning(self) -> str:
        """What was searched."""
        tuning = self.study.get("tuning", "none")
        if not isinstance(tuning, Mapping):
            return "No hyperparameter was searched; settings were fixed beforehand."
        keys = ", ".join(tuning.get("space", {}))
        return (
            f"Nested search of {keys}: {tuning.get('trials')} trials per arm and split, chosen by "
            f"{tuning.get('metric')} on validation patients."
        )

    def selection(self) -> str:
        """How the final model of a fit was chosen."""
        stop = self.study.get("training", {}).get("stop", {})
        chosen = f"epoch by validation {stop['metric']}" if "metric" in stop else "settings fixed"
        return f"Within each fit: {chosen}. {self.tuning()} Test patients took no part."

    def explanations(self) -> str:
        """Where explanations are."""
        folder = self.contents.folder / FOLDER
        if not folder.is_dir() or not any(folder.iterdir()):
            return ""
        return f"Explanations with their sanity checks: see report.html and {FOLDER}/."

    def institutions(self) -> str:
        """Where differences between institutions or cohorts are shown."""
        column = self.study.get("cohort", {}).get("institution", "none")
        topics = ["subgroups"] if column in self.evaluation.get("subgroups", []) else []
        return self.shown("Differences between institutions", *topics, "external")

    def missing(self) -> str:
        """Missing values and modalities, and what was done about them."""
        top = sorted(self._shares_missing().items(), key=lambda item: -item[1])[:8]
        listed = ", ".join(f"{c} {100 * share:.0f} %" for c, share in top) or "no empty cell"
        return (
            f"Empty cells: {listed}. A missing modality is left out of the fusion; empty cells are "
            "filled from the training patients of the fit; nothing is set to zero."
        )

    def _shares_missing(self) -> dict[str, float]:
        """Column -> share of the patients without a value."""
        return shares_missing(self.contents.cohort, self.contents.table_one)

    def performance(self) -> str:
        """Metrics of the primary arm, with intervals."""
        metrics = self.contents.metrics[self.primary]
        parts = [_estimate(name, metrics[name]) for name in self.named() if name in metrics]
        return f"{self.primary}: {'; '.join(parts)}."

    def measures(self) -> str:
        """Which measures, and how intervals are made."""
        known = self.contents.metrics[self.primary]
        names = ", ".join(metric_name(metric) for metric in self.named() if metric in known)
        tests = ", ".join(dict.fromkeys(row.test for row in self.contents.differences))
        return (
            f"{names}; 95 % intervals by patient ({self.intervals()}). Arms compared by: "
            f"{tests or 'nothing, one arm'}."
        )

    @cached_property
    def limits(self) -> list[str]:
        """Limits that the program sees by itself."""
        c, metrics = self.contents, tuple(self.contents.metrics[self.primary])
        return limits(
            c.study, c.cohort, c.findings, n_rejected=c.files.get("rejected", 0), unread=c.unread,
            n_patients=c.n_patients, n_comparisons=len(c.differences), table_one=c.table_one,
            n_events=self.n_events(), sample_size=self.evidence("sample_size"), metrics=metrics,
        )  # fmt: skip


def _estimate(name: str, estimate: Estimate) -> str:
    limits_text = interval(estimate.ci_low, estimate.ci_high)
    tail = f" (95 % interval {limits_text})" if limits_text else " (no interval)"
    return f"{metric_name(name)} {number(estimate.value)}{tail}"
