"""Gene attributions: by hand, against captum, complete, and blind to the other modalities."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from small_study import make_study

from tumorboard.cache import Cache
from tumorboard.explain import Asked
from tumorboard.explain.gene_attribution import GeneAttribution
from tumorboard.models.assembly import Network
from tumorboard.prediction.held_model import HeldModel
from tumorboard.prediction.path_attributions import path_attributions
from tumorboard.records import Cohort
from tumorboard.training.fitted import FittedArm
from tumorboard.training.prepare import build_modality, build_task

N, N_GENES = 40, 60
MODALITIES = {
    "record": {"kind": "table", "numeric": ["age"], "encoder": {"name": "mlp", "widths": [4]}},
    "rna": {
        "kind": "expression", "table": "rna.csv", "scale": "log2_tpm", "top_genes": 50,
        "orientation": "genes_by_patients", "encoder": {"name": "mlp", "widths": [16, 8]},
    },
}  # fmt: skip


def ask(folder: Path, *, fusion: str = "concatenation", target: int = 1, without: int = 0) -> Asked:
    """Random weights; the last `without` patients have no profile."""
    rng = np.random.default_rng(0)
    ids = tuple(f"P{i}" for i in range(N))
    values = rng.uniform(0, 12, (N_GENES, N - without))
    lines = ["gene," + ",".join(ids[: N - without])]
    lines += [f"GENE{g}," + ",".join(f"{v:.4f}" for v in values[g]) for g in range(N_GENES)]
    (folder / "rna.csv").write_text("\n".join(lines) + "\n")
    cohort = Cohort(
        name="genes", patient_id=ids, unit_id=ids,
        columns={
            "diagnosis": ("benign", "malignant") * (N // 2),
            "age": tuple(f"{40 + 7 * i % 33}" for i in range(N)),
        },
        files={}, line=tuple(range(2, N + 2)), table=folder / "patients.csv", root=folder,
    )  # fmt: skip
    arms = {
        "arm": {"modalities": ["record", "rna"], "fusion": fusion},
        "other": {"modalities": ["record"], "baseline": {"name": "logistic_regression"}},
    }
    study = make_study(folder, modalities=MODALITIES, arms=arms)
    task = build_task(study.keys.task)
    outcomes = task.read(cohort)
    arm = study.arms["arm"]
    modalities = {name: build_modality(study.modalities[name]) for name in arm.modalities}
    with Cache(folder / "cache") as cache:
        measured = {name: m.read(cohort, name=name, cache=cache) for name, m in modalities.items()}
    train = np.arange(25)
    specs = {n: m.fit(measured[n], train, weight=np.ones(25)) for n, m in modalities.items()}
    torch.manual_seed(0)
    network = Network(specs, arm.encoders, arm.fusion, n_outputs=2, link="softmax").eval()
    fitted = FittedArm(
        study=study, arm=arm, modalities=modalities, specs=specs, task=task,
        classes=outcomes.classes, values=dict(outcomes.values), network=network, threshold=0.5,
    )  # fmt: skip
    return Asked(
        fitted=fitted, cohort=cohort, outcomes=outcomes, measured=measured,
        rows=np.arange(25, N), background=train, target=target, rng=np.random.default_rng(0),
    )  # fmt: skip


def held(asked: Asked) -> HeldModel:
    return HeldModel(
        asked.fitted, asked.measured, asked.cohort, name="rna", background=asked.background,
        target=asked.target,
    )  # fmt: skip


class Made:
    """A function of the features that stands in for a network."""

    first_layer = None
    device = torch.device("cpu")

    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor]) -> None:
        self.score = function

    def answers(self, x: np.ndarray) -> np.ndarray:
        return self.score(torch.as_tensor(x)).double().numpy()


def test_values_by_hand() -> None:
    """Of 3a + bc against (0, 0, 0) and (1, 0, 0): a moves 3 * mean(2, 1); b and c share bc."""
    model = Made(lambda x: 3 * x[:, 0] + x[:, 1] * x[:, 2])
    x = np.array([[2.0, 4.0, 5.0]])
    references = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    found = path_attributions(model, x, references)  # type: ignore[arg-type]
    np.testing.assert_allclose(found.values, [[4.5, 10.0, 10.0]], rtol=1e-6)
    assert found.base == pytest.approx(1.5)
    assert found.gap.max() < 1e-5


def test_steps_are_doubled_where_the_sum_misses_the_answer() -> None:
    """A kink close to the end of the way is missed by one step, and found by more."""
    model = Made(lambda x: torch.relu(x[:, 0] - 0.9) * 10)
    x, references = np.array([[1.0], [0.5]]), np.zeros((1, 1))
    coarse = path_attributions(model, x, references, steps=1, most_steps=1)  # type: ignore[arg-type]
    fine = path_attributions(model, x, references, steps=1, tolerance=0.05)  # type: ignore[arg-type]
    assert coarse.gap[0] == pytest.approx(1.0)
    assert fine.gap[0] <= 0.05
    assert fine.values[1] == 0.0


@pytest.mark.parametrize("fusion", ["concatenation", "late_average", "gated"])
def test_ways_behind_the_first_layer_equal_whole_ways_and_captum(
    fusion: str, tmp_path: Path
) -> None:
    from captum.attr import IntegratedGradients

    asked = ask(tmp_path, fusion=fusion)
    model = held(asked)
    assert model.first_layer is not None
    x = asked.fitted.vector("rna", asked.measured, asked.rows[:3])
    references = asked.fitted.vector("rna", asked.measured, asked.background[:4])
    quick = path_attributions(model, x, references, steps=32, most_steps=32, at_once=100)
    whole = held(asked)
    for one in whole._held:
        object.__setattr__(one, "first", None)
    slow = path_attributions(whole, x, references, steps=32, most_steps=32, at_once=64)
    np.testing.assert_allclose(quick.values, slow.values, atol=1e-5)
    ways = [
        IntegratedGradients(model.score).attribute(
            torch.as_tensor(x, dtype=torch.float32),
            baselines=torch.as_tensor(reference[None], dtype=torch.float32),
            n_steps=32,
            method="gausslegendre",
        )
        for reference in references
    ]
    np.testing.assert_allclose(quick.values, torch.stack(ways).mean(0).numpy(), atol=1e-5)


def test_every_gene_is_ranked_and_sums_are_complete(tmp_path: Path) -> None:
    asked = ask(tmp_path, without=3)
    found = GeneAttribution(kept=5, references=20, tolerance=0.01).explain(asked)
    assert found.attributions is not None
    assert found.importance is not None
    assert found.checks is not None
    table = found.attributions
    assert table.features[5] == "45 other genes"
    has = slice(0, 12)
    assert np.isnan(table.values[12:]).all()
    total = table.base[has] + table.values[has].sum(axis=1)
    spread = np.std(table.output[has] - table.base[has])
    assert np.abs(total - table.output[has]).max() <= found.checks["largest_gap"] + 1e-9
    assert found.checks["largest_gap_of_spread"] < 0.02
    assert found.checks["largest_gap"] < 0.02 * spread + 1e-6
    assert len(found.importance.features) == 50
    assert (found.importance.ci_low < found.importance.drop).all()
    top = np.argsort(-found.importance.drop)[:5]
    assert [found.importance.features[g] for g in top] == list(table.features[:5])
    assert "rna: nothing for 3 of 15 rows, which lack it." in found.remarks


def test_the_patients_own_other_modalities_do_not_count(tmp_path: Path) -> None:
    """Ages are changed in the rows asked about: the same answers, at the mean of the training."""
    asked = ask(tmp_path)
    first = GeneAttribution(references=5).explain(asked).attributions
    ages = asked.measured["record"].numbers["age"]  # type: ignore[attr-defined]
    ages[asked.rows] += 1000.0
    second = GeneAttribution(references=5).explain(ask_again(asked)).attributions
    assert first is not None
    assert second is not None
    np.testing.assert_array_equal(first.values, second.values)
    np.testing.assert_array_equal(first.output, second.output)


def ask_again(asked: Asked) -> Asked:
    """The same question with a fresh source of randomness."""
    return replace(asked, rng=np.random.default_rng(0))


def test_the_mean_embedding_is_that_of_the_training_patients(tmp_path: Path) -> None:
    asked = ask(tmp_path)
    network = asked.fitted.network
    assert network is not None
    inputs, present = asked.fitted.batch(asked.measured, asked.background, torch.device("cpu"))
    with torch.no_grad():
        record, rna = network.embed(inputs, present)
        expected = network.answer([record.mean(0).expand(25, -1), rna], present).logits
    x = asked.fitted.vector("rna", asked.measured, asked.background)
    np.testing.assert_allclose(
        held(asked).answers(x), (expected[:, 1] - expected[:, 0]).numpy(), atol=1e-5
    )


def test_refusals_say_why(tmp_path: Path) -> None:
    asked = ask(tmp_path)
    assert GeneAttribution().refuses(asked.fitted) == ""
    asked.fitted.arm = asked.fitted.study.arms["other"]
    asked.fitted.network = None
    assert GeneAttribution().refuses(asked.fitted) == "other is a baseline without a gradient."
