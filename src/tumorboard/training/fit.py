"""Fit one arm on one split: modalities on training patients, then the network or the baseline."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from tumorboard import registry
from tumorboard.errors import StudyError
from tumorboard.modalities import Modality, row_weights
from tumorboard.models.assembly import Network
from tumorboard.models.baselines import Baseline
from tumorboard.models.segmentation_network import SegmentationNetwork
from tumorboard.records import ArraySpec, Ints, Split, Structure
from tumorboard.study import Arm, Study
from tumorboard.tasks import Task
from tumorboard.training.arm_rows import training_rows
from tumorboard.training.batches import Rows, derive_seed, loss_weights
from tumorboard.training.device import choose_device
from tumorboard.training.fitted import FittedArm, asked_of
from tumorboard.training.members import is_kept, keep_member, reopen_member
from tumorboard.training.networks import (
    AnyNetwork,
    channels_last,
    new_network,
    new_segmenter,
    segmenter_channels_last,
)
from tumorboard.training.prepare import Prepared, build_modality, build_task
from tumorboard.training.segmentation_rows import segmentation_module, window_of
from tumorboard.training.trainer import make_trainer, quiet, release

if TYPE_CHECKING:
    import lightning

    from tumorboard.training.fit_module import FitModule

Tell = Callable[[int, dict[str, float]], None]


@dataclass(frozen=True)
class Fit:
    """What a fit gives: the fitted arm and its training curves (empty for a baseline)."""

    fitted: FittedArm
    history: list[dict[str, float]]


def fit_modalities(
    study: Study, prepared: Prepared, split: Split, arm: Arm
) -> tuple[dict[str, Modality], dict[str, ArraySpec]]:
    """Fit an arm's modalities on the training patients of a split; see `fit_modality`."""
    fitted = {
        name: fit_modality(study, prepared, split, name, asked=asked_of(arm, name))
        for name in arm.modalities
    }
    modalities = {name: modality for name, (modality, _) in fitted.items()}
    return modalities, {name: spec for name, (_, spec) in fitted.items()}


def fit_modality(
    study: Study, prepared: Prepared, split: Split, name: str, *, asked: frozenset[Structure]
) -> tuple[Modality, ArraySpec]:
    """Fit one modality on the training patients of a split, each patient weighing 1.

    Args:
        study: The study.
        prepared: Its patients.
        split: Which patients train.
        name: The modality.
        asked: What the encoder needs besides arrays.

    Raises:
        StudyError: The modality is absent in every training patient.
    """
    train = split.rows(prepared.cohort, "train")
    measured = prepared.measured[name]
    rows = train[measured.present[train]]
    if len(rows) == 0:
        raise StudyError(
            f"modalities.{name}: no training patient of repeat {split.repeat}, fold {split.fold} "
            "has it. Check the file pattern and the missing codes."
        )
    modality = build_modality(study.modalities[name])
    modality.asked = asked
    weight = row_weights(prepared.cohort.patient_id, rows)
    return modality, modality.fit(measured, rows, weight=weight)


def fit_arm(
    study: Study,
    prepared: Prepared,
    split: Split,
    arm: Arm,
    *,
    checkpoint: Path,
    tell: Tell = lambda epoch, values: None,
    checkpoint_every_s: float = 30.0,
) -> Fit:
    """Fit one arm on one split.

    Args:
        study: The study.
        prepared: Its patients.
        split: Which patients train, validate and test.
        arm: What is fitted.
        checkpoint: File of the interrupted fit; continued where it exists. The caller removes it.
        tell: Called after each epoch with its number and its values.
        checkpoint_every_s: Shortest time between two checkpoints, in seconds.

    Raises:
        RunError: The loss or the watched metric is not finite; the device is absent.
    """
    train, validation = training_rows(prepared, split, arm)
    modalities, specs = fit_modalities(study, prepared, split, arm)
    fitted = FittedArm(
        study=study,
        arm=arm,
        modalities=modalities,
        specs=specs,
        task=prepared_task(study, prepared, train),
        classes=prepared.outcomes.classes,
        values=dict(prepared.outcomes.values),
    )
    if arm.baseline is not None:
        _fit_baseline(fitted, prepared, split, train, validation)
        _finish(fitted, prepared, train)
        return Fit(fitted, [])
    if arm.segmented:
        fitted.window = window_of(arm, prepared, train)
    history: list[dict[str, float]] = []
    networks: list[AnyNetwork] = []
    for member in range(arm.training.members):
        network, curve = _fit_member(
            fitted, prepared, split, (train, validation), member, checkpoint, tell,
            checkpoint_every_s,
        )  # fmt: skip
        networks.append(network)
        history = history or curve
    fitted.segmenters = tuple(n for n in networks if isinstance(n, SegmentationNetwork))
    plain = [n for n in networks if isinstance(n, Network)]
    if plain:
        fitted.network, fitted.members = plain[0], tuple(plain[1:])
        _finish(fitted, prepared, train)
    return Fit(fitted, history)


def _finish(fitted: FittedArm, prepared: Prepared, train: Ints) -> None:
    """Let a task of numbers learn how outputs become predictions, on training rows alone."""
    if not fitted.classes:
        outputs = fitted.outputs(prepared.measured, train)
        share = row_weights(prepared.cohort.patient_id, train)
        fitted.task.finish(outputs, prepared.outcomes.target[train], share)


def prepared_task(study: Study, prepared: Prepared, train: Ints) -> Task:
    """The study's task, which has seen the outcomes of the training rows."""
    task = build_task(study.keys.task)
    share = row_weights(prepared.cohort.patient_id, train)
    outcomes = prepared.outcomes
    task.prepare(outcomes.target[train], share, values=outcomes.values)
    return task


def _fit_member(
    fitted: FittedArm,
    prepared: Prepared,
    split: Split,
    parts: tuple[Ints, Ints],
    member: int,
    checkpoint: Path,
    tell: Tell,
    checkpoint_every_s: float,
) -> tuple[AnyNetwork, list[dict[str, float]]]:
    """Train one network of a deep ensemble from its own seed; a finished one is taken up again.

    Source:
        Lakshminarayanan et al., NeurIPS 2017 (members differ by their initial weights and the order
        of batches; each sees all training patients).
    """
    arm = fitted.arm
    name = arm.name if member == 0 else f"{arm.name}#{member + 1}"
    seed_parts = (fitted.study.seed, name, split.repeat, split.fold)
    own = checkpoint if member == 0 else checkpoint.with_name(f"member-{member + 1}.ckpt")
    finished = checkpoint.with_name(f"member-{member + 1}")
    with torch.random.fork_rng():
        torch.manual_seed(derive_seed(*seed_parts, "weights"))
        network = _built(fitted)
        if arm.training.members > 1 and is_kept(finished):
            history = reopen_member(network, finished)
            network.to(choose_device(fitted.study.keys.runtime.device)).eval()
            return network, history
        network.load_pretrained()
        where = f"arm {arm.name}, repeat {split.repeat}, fold {split.fold}"
        module = _module(fitted, network, prepared, *parts, seed_parts)
        history = _train(fitted, module, where, own, tell, checkpoint_every_s)
    if arm.training.members > 1:
        keep_member(network, history, finished)
    return network, history


def _built(fitted: FittedArm) -> AnyNetwork:
    """A network of the arm, freshly initialised."""
    arm, specs = fitted.arm, fitted.specs
    if arm.segmented:
        network = new_segmenter(arm, specs, fitted.n_outputs, fitted.window)
        return segmenter_channels_last(network, fitted.window)
    return channels_last(new_network(arm, specs, fitted.n_outputs, fitted.task.link), specs)


def _module(
    fitted: FittedArm, network: AnyNetwork, prepared: Prepared, train: Ints, validation: Ints,
    seed_parts: tuple[object, ...],
) -> FitModule:  # fmt: skip
    """What Lightning trains."""
    if isinstance(network, SegmentationNetwork):
        return segmentation_module(fitted, network, prepared, train, validation, seed_parts)
    return _arm_module(fitted, network, prepared, train, validation, seed_parts)


def _fit_baseline(
    fitted: FittedArm, prepared: Prepared, split: Split, train: Ints, validation: Ints
) -> None:
    """Fit the arm's baseline; validation patients may end its fit and nothing else."""
    arm = fitted.arm
    settings = {key: value for key, value in (arm.baseline or {}).items() if key != "name"}
    name = str((arm.baseline or {})["name"])
    baseline: Baseline = registry.load("models.baselines", name)(**settings)
    fitted.baseline = baseline  # which vectors it gets depends on it
    (x, target, weight), watched = (
        (
            fitted.vectors(prepared.measured, rows),
            prepared.outcomes.target[rows],
            row_weights(prepared.cohort.patient_id, rows),
        )
        for rows in (train, validation)
    )
    baseline.fit(
        x,
        target,
        weight=weight,
        n_classes=fitted.n_outputs,
        seed=derive_seed(fitted.study.seed, arm.name, split.repeat, split.fold),
        validation=watched,
        task=fitted.study.keys.task.kind,
    )


def _arm_module(
    fitted: FittedArm, network: Network, prepared: Prepared, train: Ints, validation: Ints,
    seed_parts: tuple[object, ...],
) -> FitModule:  # fmt: skip
    from tumorboard.training.module import ArmModule, FitRows

    arm, cohort = fitted.arm, prepared.cohort
    share = row_weights(cohort.patient_id, train)
    weight = loss_weights(cohort.patient_id, train, n_rows=cohort.n_rows)
    if arm.training.sampler != "shuffle":
        weight[train] = 1.0  # the sampler draws a patient's rows as rarely as they should count
    weight += loss_weights(cohort.patient_id, validation, n_rows=cohort.n_rows)
    rows = Rows(fitted.modalities, prepared.measured, prepared.outcomes.target, weight)
    class_weights = fitted.task.class_weights(
        rows.target[train], torch.as_tensor(share),
        loss=arm.training.loss, n_outputs=fitted.n_outputs,
    )  # fmt: skip
    fit_rows = FitRows(
        rows, train, validation, share, cohort.patient_id, cohort.unit_id,
        prepared.outcomes.strata, prepared.outcomes.classes,
    )  # fmt: skip
    return ArmModule(
        network, fitted.task, fitted.modalities, arm.training, fit_rows, class_weights, seed_parts
    )


def _train(
    fitted: FittedArm, module: FitModule, where: str, checkpoint: Path, tell: Tell,
    checkpoint_every_s: float,
) -> list[dict[str, float]]:  # fmt: skip
    """Train a network with Lightning and put the best weights into it."""
    from tumorboard.training.callbacks import BestAndStop, Checkpoint, Report

    arm, network = fitted.arm, module.network
    has_images = any(spec.layout in ("image", "bag", "volume") for spec in fitted.specs.values())
    best = BestAndStop(arm.training.stop, where)
    callbacks: list[lightning.Callback] = [
        best,
        Checkpoint(checkpoint, every_s=checkpoint_every_s),
        Report(tell),
    ]
    with quiet():
        trainer = make_trainer(fitted.study, arm.training, callbacks, has_images=has_images)
        trainer.fit(module, ckpt_path=checkpoint if checkpoint.is_file() else None)
    network.load_state_dict(best.weights)
    network.to(choose_device(fitted.study.keys.runtime.device)).eval()
    best.weights.clear()
    release(trainer, module)
    return module.history
