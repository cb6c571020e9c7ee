"""The published fusion of a histology image and a hospital record, as this study file says it."""

from __future__ import annotations

from torch import nn

from tumorboard.models.assembly import Network
from tumorboard.records import ArraySpec

SPECS = {
    "image": ArraySpec("image", (3, 64, 64)),
    "record": ArraySpec("vector", (90,), tuple(f"x{i}" for i in range(90))),
}
ENCODERS = {
    "image": {"name": "resnet", "depth": 18, "weights": "none"},
    "record": {"name": "mlp", "widths": [256, 128], "dropout": 0.3},
}
FUSION = {"name": "concatenation", "widths": [256, 128], "dropout": 0.3}


def test_512_and_128_become_640_then_256_then_128_then_classes() -> None:
    network = Network(SPECS, ENCODERS, FUSION, n_outputs=3, link="softmax")
    assert [network.encoder(name).output_size for name in ("image", "record")] == [512, 128]
    record = [m for m in network.encoder("record").modules() if not list(m.children())]
    assert [type(m) for m in record] == [nn.Linear, nn.BatchNorm1d, nn.ReLU, nn.Dropout] * 2
    dense = [
        (layer.in_features, layer.out_features)
        for part in (network.fusion, *network.heads)
        if part is not None
        for layer in part.modules()
        if isinstance(layer, nn.Linear)
    ]
    assert dense == [(640, 256), (256, 128), (128, 3)]
