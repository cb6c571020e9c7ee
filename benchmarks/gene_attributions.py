"""Shapley values of 2,000 genes for 89 patients: one batched pass against GradientExplainer.

Run: `.venv/bin/python benchmarks/gene_attributions.py`. Both explain the same network (an MLP of
the genes, 2,000-64-32-16, beside an embedding of a record held at its mean; random weights) against
the same 50 training patients. The completeness error is |base + sum of the attributions - output|
as a share of the spread of the outputs, with the references' mean output as base. shap takes its
default of 200 random points per patient, and 2,000. Prints one line of JSON.
"""

import json
import os
import platform
import time
import warnings
from types import SimpleNamespace

import numpy as np
import shap
import torch

from tumorboard.models.assembly import Network
from tumorboard.prediction.held_model import _Held, _split
from tumorboard.prediction.path_attributions import path_attributions
from tumorboard.records import ArraySpec

N_PATIENTS, N_GENES, N_REFERENCES, ROUNDS = 89, 2_000, 50, 5


class Model:
    """The arm as a function of the genes alone, as `HeldModel` makes it from a fitted arm."""

    device = torch.device("cpu")

    def __init__(self, network, record):
        first, rest = _split(network.encoder("rna"))
        self.held = _Held(network, "rna", {"record": record}, first, rest)
        self.first_layer = first

    def score(self, x, *, is_mixed=False):
        """Log odds of the second class."""
        logits = self.held.logits(x, is_mixed=is_mixed)
        return logits[:, 1] - logits[:, 0]

    def answers(self, x):
        """Of an array, without gradients."""
        with torch.no_grad():
            return self.score(torch.as_tensor(x, dtype=torch.float32)).double().numpy()


class Wrapped(torch.nn.Module):
    """The same function as shap wants it."""

    def __init__(self, model):
        super().__init__()
        self.network, self.model = model.held.network, SimpleNamespace(score=model.score)

    def forward(self, x):
        """(n, 1)."""
        return self.model.score(x)[:, None]


def made():
    """The network, patients and references; two correlated pathways among noise."""
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(N_PATIENTS + N_REFERENCES, 20))
    genes = factors @ rng.normal(size=(20, N_GENES)) / 4 + rng.normal(size=(len(factors), N_GENES))
    genes = (genes - genes.mean(axis=0)) / genes.std(axis=0)
    torch.manual_seed(0)
    mlp = {"name": "mlp", "widths": [64, 32, 16], "norm": "batch"}
    specs = {"rna": ArraySpec("vector", (N_GENES,)), "record": ArraySpec("vector", (8,))}
    encoders = {"rna": mlp, "record": {**mlp, "widths": [16]}}
    network = Network(
        specs, encoders, {"name": "concatenation"}, n_outputs=2, link="softmax"
    ).train()
    x = torch.as_tensor(genes, dtype=torch.float32)
    for _ in range(20):  # statistics of batch norm that are not 0 and 1
        network({"rna": x, "record": torch.randn(len(x), 8)}, torch.ones(len(x), 2, dtype=bool))
    network.eval().requires_grad_(False)
    with torch.no_grad():
        record = network.encoder("record")(torch.randn(50, 8)).mean(0, keepdim=True)
    return Model(network, record), genes[:N_PATIENTS], genes[N_PATIENTS:]


def timed(function):
    """Result and least seconds of several rounds."""
    seconds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        result = function()
        seconds.append(time.perf_counter() - start)
    return result, min(seconds)


def main():
    """Measure both, check that they agree, print the ratio."""
    model, x, references = made()
    base, output = model.answers(references).mean(), model.answers(x)
    own, own_s = timed(lambda: path_attributions(model, x, references))
    explainer = shap.GradientExplainer(
        Wrapped(model), torch.as_tensor(references, dtype=torch.float32)
    )
    inputs = torch.as_tensor(x, dtype=torch.float32)

    def other(n_samples):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return np.asarray(explainer.shap_values(inputs, nsamples=n_samples)).reshape(x.shape)

    default, default_s = timed(lambda: other(200))
    start = time.perf_counter()
    many = other(2_000)
    many_s = time.perf_counter() - start
    spread = float(np.std(output))

    def errors(values):
        gap = np.abs(base + values.sum(axis=1) - output) / spread
        return {"mean": float(f"{gap.mean():.2g}"), "largest": float(f"{gap.max():.2g}")}

    agreement = float(np.corrcoef(own.values.ravel(), many.ravel())[0, 1])
    assert agreement > 0.98, f"the two agree with a correlation of {agreement:.3f} only"
    found = errors(own.values)
    assert found["mean"] <= errors(default)["mean"]
    assert found["mean"] <= errors(many)["mean"]
    result = {
        "benchmark": "gene_attributions",
        "n_patients": N_PATIENTS,
        "n_genes": N_GENES,
        "n_references": N_REFERENCES,
        "own_s": round(own_s, 4),
        "shap_200_points_s": round(default_s, 3),
        "shap_2000_points_s": round(many_s, 2),
        "ratio": round(default_s / own_s, 1),
        "error_of_spread_own": found,
        "error_of_spread_shap_200": errors(default),
        "error_of_spread_shap_2000": errors(many),
        "correlation_with_shap_2000": round(agreement, 4),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "shap": shap.__version__,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
