"""A fitted arm: what turns rows into predictions; saved as plain data."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tumorboard import registry
from tumorboard.cache import sha256_file, sync, write_text
from tumorboard.errors import InputError
from tumorboard.evaluation.calibrators import Calibrator
from tumorboard.evaluation.conformal import ConformalRule
from tumorboard.modalities import Measured, Modality
from tumorboard.models.assembly import Network
from tumorboard.models.baselines import Baseline
from tumorboard.models.encoders import Encoder
from tumorboard.models.segmentation_network import SegmentationNetwork
from tumorboard.records import ArraySpec, Bools, FittedState, Floats, Ints, Structure
from tumorboard.study import Arm, Study
from tumorboard.tasks import Task
from tumorboard.training.encoder_files import encoder_files, with_encoder_files
from tumorboard.training.mask_decision import MaskDecision
from tumorboard.training.model_files import FORMAT, digest, read_document, read_states
from tumorboard.training.networks import (
    channels_last,
    new_network,
    new_segmenter,
    segmenter_channels_last,
)
from tumorboard.training.prepare import build_modality, build_task


@dataclass
class FittedArm:
    """One arm after its fit.

    Args:
        study: The study it belongs to (settings of source, task and modalities).
        arm: What was fitted.
        modalities: Fitted modalities.
        specs: What each modality hands to its encoder.
        task: The clinical question.
        classes: Classes in the order of the outputs.
        values: Label as written in the cohort -> class.
        network: The trained network, or None for a baseline.
        members: Further networks of a deep ensemble; outputs are averaged over all.
        segmenters: The trained networks of a segmentation, of which there is more than one in an
            ensemble; `network` is None then.
        window: Sides of the patches that they were trained on.
        masks: How probabilities become masks, and the Dice that is expected of one; of validation
            patients.
        baseline: The fitted baseline, or None for a network.
        threshold: Decision threshold on the probability of the positive class; NaN for several
            classes.
        calibration: Mends the probabilities of units; fitted on validation patients.
        conformal: Prediction sets, where the study asks for them; of validation patients.
        notes: Plain facts for the model card, such as numbers of training patients.
    """

    study: Study
    arm: Arm
    modalities: dict[str, Modality]
    specs: dict[str, ArraySpec]
    task: Task
    classes: tuple[str, ...]
    values: dict[str, str]
    network: Network | None = None
    members: tuple[Network, ...] = ()
    segmenters: tuple[SegmentationNetwork, ...] = ()
    window: tuple[int, ...] = ()
    masks: MaskDecision | None = None
    baseline: Baseline | None = None
    threshold: float = float("nan")
    calibration: Calibrator = field(default_factory=Calibrator)
    conformal: ConformalRule | None = None
    notes: Mapping[str, Any] | None = None

    @property
    def n_outputs(self) -> int:
        """Number of outputs K."""
        return self.task.n_outputs(self.classes)

    def present(self, measured: Mapping[str, Measured]) -> Bools:
        """(rows, M): which of the arm's modalities each row has."""
        return np.stack([measured[name].present for name in self.arm.modalities], axis=1)

    def vectors(self, measured: Mapping[str, Measured], rows: Ints) -> Floats:
        """(len(rows), F) features of a baseline; NaN where a modality is absent."""
        return np.concatenate([self.vector(n, measured, rows) for n in self.arm.modalities], axis=1)

    def vector(self, name: str, measured: Mapping[str, Measured], rows: Ints) -> Floats:
        """(len(rows), F) features of one modality as the model sees them; NaN where it is absent.

        A baseline that takes missing values sees NaN in their place as well.
        """
        modality = self.modalities[name]
        takes_missing = self.baseline is not None and self.baseline.takes_missing
        arrays = modality.unimputed if takes_missing else modality.arrays
        vector = np.array(arrays(measured[name], rows), dtype=np.float64)
        vector[~measured[name].present[rows]] = np.nan
        return vector

    def calibrate(self, probabilities: Floats) -> Floats:
        """Probabilities (units, K) of units, averaged over their rows, as users get them."""
        return self.calibration.apply(probabilities)

    def predict(
        self, measured: Mapping[str, Measured], rows: Ints, *, batch_size: int = 64
    ) -> Floats:
        """Predictions (len(rows), K) of rows that have at least one modality, in full precision.

        They are averaged per unit and calibrated (`calibrate`) before anybody reads them.

        Args:
            measured: Measurements of the arm's modalities.
            rows: Row numbers.
            batch_size: Rows at a time; the result does not depend on it beyond rounding.
        """
        if self.classes and self.baseline is None:
            return self.predict_members(measured, rows, batch_size=batch_size).mean(axis=0)
        raw = self.outputs(measured, rows, batch_size=batch_size)
        return self.as_numbers(raw)

    def as_numbers(self, outputs: Floats) -> Floats:
        """Predictions (n, P) of outputs (n, K), as the task makes them."""
        if self.baseline is not None:
            return self.task.predict_baseline(outputs)
        return self.task.predict(torch.from_numpy(outputs)).numpy()

    def outputs(
        self, measured: Mapping[str, Measured], rows: Ints, *, batch_size: int = 64
    ) -> Floats:
        """Outputs (len(rows), K) before they become predictions; the mean of an ensemble's."""
        if self.baseline is not None:
            return self.baseline.predict(self.vectors(measured, rows))
        said = self.predict_members(measured, rows, batch_size=batch_size, raw=True)
        return said.mean(axis=0)

    def predict_members(
        self,
        measured: Mapping[str, Measured],
        rows: Ints,
        *,
        batch_size: int = 64,
        dropout_passes: int = 0,
        seed: int = 0,
        raw: bool = False,
    ) -> Floats:
        """Predictions (S, len(rows), K) of every network of an ensemble, apart.

        Args:
            measured: Measurements of the arm's modalities.
            rows: Row numbers.
            batch_size: Rows at a time.
            dropout_passes: Passes of each network with its dropout switched on instead of one
                without (Gal & Ghahramani, ICML 2016); 0 leaves dropout off.
            seed: Of the dropout; the same seed gives the same passes.
            raw: Outputs before they become predictions.
        """
        networks = [n for n in (self.network, *self.members) if n is not None]
        if not networks:
            raise RuntimeError("this arm has no network")
        device = next(networks[0].parameters()).device
        passes = [(network, p) for network in networks for p in range(max(dropout_passes, 1))]
        n_columns = self.n_outputs if raw else len(self.task.columns(self.classes))
        found = np.zeros((len(passes), len(rows), n_columns))
        for network in networks:
            network.eval()
            if dropout_passes:
                _switch_dropout_on(network)
        with torch.inference_mode(), torch.random.fork_rng(enabled=dropout_passes > 0):
            for start in range(0, len(rows), batch_size):
                inputs, shown = self.batch(measured, rows[start : start + batch_size], device)
                torch.manual_seed(seed + start) if dropout_passes else None
                for s, (network, _) in enumerate(passes):
                    said = network(inputs, shown).logits
                    said = said.double() if raw else self.task.predict(said)
                    chunk = said.cpu().numpy()
                    found[s, start : start + len(chunk)] = chunk
        for network in networks:
            network.eval()
        return found

    def batch(
        self, measured: Mapping[str, Measured], rows: Ints, device: torch.device
    ) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        """Inputs of the network for these rows, and (B, M) which modalities are present.

        What explainers differentiate: `fitted.network(*fitted.batch(measured, rows, device))`.
        """
        inputs = {
            name: modality.finish(
                torch.from_numpy(np.ascontiguousarray(modality.arrays(measured[name], rows))).to(
                    device
                ),
                generator=None,
            )
            for name, modality in self.modalities.items()
        }
        return inputs, torch.from_numpy(self.present(measured)[rows]).to(device)

    def save(self, folder: Path) -> None:
        """Write the model folder: safetensors and JSON, complete under its final name or absent."""
        temporary = folder.with_name(f".{folder.name}.part")
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        self.write(temporary)
        folder.parent.mkdir(parents=True, exist_ok=True)
        if folder.exists():
            shutil.rmtree(folder)
        temporary.rename(folder)

    def write(self, folder: Path) -> None:
        """Write the files of the model into an existing folder."""
        from safetensors.numpy import save_file
        from safetensors.torch import save_file as save_tensors

        states = {name: modality.state() for name, modality in self.modalities.items()}
        states["task"] = self.task.state()
        if self.baseline is not None:
            states["baseline"] = self.baseline.state()
        networks = [n for n in (self.network, *self.members, *self.segmenters) if n is not None]
        if networks:
            states |= encoder_files(networks[0])
        arrays = {
            f"{name}/{key}": np.ascontiguousarray(array)
            for name, state in states.items()
            for key, array in state.arrays.items()
        }
        save_file(arrays, folder / "fitted.safetensors")
        for number, network in enumerate(networks, start=1):
            tensors = {k: v.contiguous() for k, v in network.state_dict().items()}
            save_tensors(tensors, folder / _weights(number))
        files = {path.name: sha256_file(path) for path in sorted(folder.glob("*.safetensors"))}
        values = {name: dict(state.values) for name, state in states.items()}
        document = {**self._document(), "fitted": values, "files": files}
        document = json.loads(json.dumps(document))
        document["sha256"] = digest(document)
        write_text(folder / "model.json", json.dumps(document, indent=1))
        sync(folder)

    def _document(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "tumorboard": version("tumorboard"),
            "study": self.study.as_tables(),
            "arm": self.arm.name,
            "classes": list(self.classes),
            "values": self.values,
            "threshold": None if np.isnan(self.threshold) else self.threshold,
            "calibration": self.calibration.to_plain(),
            "conformal": "none" if self.conformal is None else self.conformal.to_plain(),
            "specs": {
                name: {"layout": spec.layout, "sizes": list(spec.sizes), "names": list(spec.names)}
                for name, spec in self.specs.items()
            },
            "window": list(self.window),
            "masks": "none" if self.masks is None else self.masks.to_plain(),
            "notes": dict(self.notes or {}),
        }

    @classmethod
    def open(cls, folder: Path) -> FittedArm:
        """Open a model folder; every file is checked against its hash and nothing is executed.

        Raises:
            InputError: Not a model folder, another format version, a damaged or foreign file.
        """
        document = read_document(folder)
        study = Study.from_tables(document["study"], path=folder / "model.json")
        arm = study.arms[document["arm"]]
        states = read_states(folder, document)
        modalities: dict[str, Modality] = {}
        specs: dict[str, ArraySpec] = {}
        for name in arm.modalities:
            modalities[name] = build_modality(study.modalities[name])
            modalities[name].asked = asked_of(arm, name)
            specs[name] = modalities[name].restore(states[name])
            kept = document["specs"][name]
            if (
                tuple(kept["names"]) != specs[name].names
                or tuple(kept["sizes"]) != specs[name].sizes
            ):
                raise InputError(
                    f"{folder}: the fitted state of {name!r} does not give the inputs that the "
                    f"model was "
                    "trained on; the folder was changed. Fit the model again."
                )
        threshold, conformal = document["threshold"], document["conformal"]
        fitted = cls(
            study=study,
            arm=arm,
            modalities=modalities,
            specs=specs,
            task=build_task(study.keys.task),
            classes=tuple(document["classes"]),
            values=document["values"],
            threshold=float("nan") if threshold is None else float(threshold),
            calibration=Calibrator.from_plain(document["calibration"]),
            conformal=None if conformal == "none" else ConformalRule.from_plain(conformal),
            window=tuple(document.get("window", ())),
            masks=MaskDecision.from_plain(document.get("masks", "none")),
            notes=document["notes"],
        )
        fitted.task.restore(states["task"])
        fitted._restore(folder, states)
        return fitted

    def _restore(self, folder: Path, states: Mapping[str, FittedState]) -> None:
        if self.arm.baseline is not None:
            settings = {k: v for k, v in self.arm.baseline.items() if k != "name"}
            name = str(self.arm.baseline["name"])
            baseline: Baseline = registry.load("models.baselines", name)(**settings)
            baseline.restore(states["baseline"])
            self.baseline = baseline
            return
        from safetensors.torch import load_file

        self.specs = with_encoder_files(self.specs, states)
        numbers = range(1, self.arm.training.members + 1)
        weights = [load_file(folder / _weights(number)) for number in numbers]
        if self.arm.segmented:
            segmenters = [
                new_segmenter(self.arm, self.specs, self.n_outputs, self.window) for _ in numbers
            ]
            for segmenter, own in zip(segmenters, weights, strict=True):
                segmenter.load_state_dict(own, strict=True)
                segmenter_channels_last(segmenter, self.window).eval()
            self.segmenters = tuple(segmenters)
            return
        networks = [
            new_network(self.arm, self.specs, self.n_outputs, self.task.link) for _ in numbers
        ]
        for network, own in zip(networks, weights, strict=True):
            network.load_state_dict(own, strict=True)
            channels_last(network, self.specs).eval()
        self.network, self.members = networks[0], tuple(networks[1:])


def asked_of(arm: Arm, name: str) -> frozenset[Structure]:
    """What the arm's encoder of a modality needs it to learn besides arrays."""
    encoder = arm.encoders.get(name)
    if encoder is None or name == arm.segmented:
        return frozenset()
    kind = registry.find("models.encoders", str(encoder["name"]), Encoder)
    return kind.needs


def _weights(number: int) -> str:
    """File of the weights of a member, counted from 1."""
    return "weights.safetensors" if number == 1 else f"weights-{number}.safetensors"


def _switch_dropout_on(network: Network) -> None:
    """Train mode for dropout alone; batch norm and frozen parts stay as in prediction."""
    for module in network.modules():
        if isinstance(module, torch.nn.modules.dropout._DropoutNd):  # pyright: ignore[reportPrivateUsage]
            module.training = True
