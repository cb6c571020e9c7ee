"""3D ResNet: MedicalNet's names, its files loaded strictly, what they expect of a volume."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional as F  # noqa: N812 torch's own name for it

from tumorboard.errors import InputError
from tumorboard.models.encoders.resnet3d import Resnet3d
from tumorboard.records import ArraySpec

Tensors = dict[str, torch.Tensor]


def make_resnet(n_channels: int = 1, **settings: Any) -> Resnet3d:
    spec = ArraySpec("volume", (n_channels, 16, 16, 16))
    return Resnet3d(spec, dropout=0.0, **settings).eval()


def norm_tensors(name: str, size: int) -> Tensors:
    return {
        f"{name}.weight": torch.rand(size) + 0.5,
        f"{name}.bias": 0.1 * torch.randn(size),
        f"{name}.running_mean": 0.1 * torch.randn(size),
        f"{name}.running_var": torch.rand(size) + 0.5,
        f"{name}.num_batches_tracked": torch.tensor(7),
    }


def medicalnet10() -> Tensors:
    """Random weights under the names of MedicalNet's `resnet_10_23dataset.pth`."""
    torch.manual_seed(0)
    filters = 0.05 * torch.randn(64, 1, 7, 7, 7)
    tensors = {"module.conv1.weight": filters, **norm_tensors("module.bn1", 64)}
    inputs = 64
    for stage, width in enumerate((64, 128, 256, 512), 1):
        name = f"module.layer{stage}.0"
        for number, given in ((1, inputs), (2, width)):
            filters = torch.randn(width, given, 3, 3, 3) / (27 * given) ** 0.5
            tensors[f"{name}.conv{number}.weight"] = filters
            tensors |= norm_tensors(f"{name}.bn{number}", width)
        if inputs != width:
            filters = torch.randn(width, inputs, 1, 1, 1) / inputs**0.5
            tensors[f"{name}.downsample.0.weight"] = filters
            tensors |= norm_tensors(f"{name}.downsample.1", width)
        inputs = width
    return tensors


def resnet10_by_hand(tensors: Tensors, x: torch.Tensor) -> torch.Tensor:
    """ResNet-10 up to global average pooling, with these weights."""

    def norm(x: torch.Tensor, name: str) -> torch.Tensor:
        mean, var, weight, bias = (
            tensors[f"module.{name}.{part}"]
            for part in ("running_mean", "running_var", "weight", "bias")
        )
        return F.batch_norm(x, mean, var, weight, bias)

    def convolve(x: torch.Tensor, name: str, stride: int, padding: int) -> torch.Tensor:
        return F.conv3d(x, tensors[f"module.{name}.weight"], stride=stride, padding=padding)

    x = F.max_pool3d(norm(convolve(x, "conv1", 2, 3), "bn1").relu(), 3, stride=2, padding=1)
    for stage in (1, 2, 3, 4):
        name, stride = f"layer{stage}.0", 1 if stage == 1 else 2
        out = norm(convolve(x, f"{name}.conv1", stride, 1), f"{name}.bn1").relu()
        out = norm(convolve(out, f"{name}.conv2", 1, 1), f"{name}.bn2")
        if stage > 1:
            x = norm(convolve(x, f"{name}.downsample.0", stride, 0), f"{name}.downsample.1")
        x = (x + out).relu()
    return x.mean(dim=(2, 3, 4))


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "resnet_10_23dataset.pth"
    torch.save({"state_dict": medicalnet10()}, path)
    return path


def test_outputs_with_a_file_of_medicalnet_are_those_by_hand(weights: Path) -> None:
    resnet = make_resnet(weights=str(weights))
    resnet.load_pretrained()
    x = 40 * torch.randn(2, 1, 16, 16, 16) + 7
    standard = (x - x.mean(dim=(2, 3, 4), keepdim=True)) / x.std(dim=(2, 3, 4), keepdim=True)
    with torch.inference_mode():
        expected = resnet10_by_hand(medicalnet10(), standard)
        torch.testing.assert_close(resnet(x), expected, atol=1e-4, rtol=1e-4)
        # Brightness and contrast of the scanner are gone before the first filter.
        torch.testing.assert_close(resnet(3 * x - 5), expected, atol=1e-4, rtol=1e-4)
        # Two equal channels look like the one.
        two = make_resnet(2, weights=str(weights))
        two.load_pretrained()
        torch.testing.assert_close(two(x.expand(-1, 2, -1, -1, -1)), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("depth", "n_parameters", "has_convolved_shortcuts", "output_size"),
    # MedicalNet's README counts 14.36, 32.99, 63.31 and 46.21 million.
    [
        (10, 14.36, True, 512),
        (18, 32.99, False, 512),
        (34, 63.31, False, 512),
        (50, 46.21, True, 2048),
    ],
)
def test_sizes_are_the_published_ones(
    depth: int, n_parameters: float, has_convolved_shortcuts: bool, output_size: int
) -> None:
    with torch.device("meta"):
        resnet = make_resnet(depth=depth)
    count = sum(p.numel() for p in resnet.parameters()) / 1e6
    assert count == pytest.approx(n_parameters, abs=0.06)
    names = resnet.network.state_dict()
    assert any("downsample" in name for name in names) == has_convolved_shortcuts
    assert resnet.output_size == output_size


def test_a_file_of_another_depth_is_refused_by_name(weights: Path) -> None:
    with pytest.raises(InputError, match=r"not the weights of this network.*MedicalNet's names"):
        make_resnet(depth=18, weights=str(weights)).load_pretrained()


def test_maps_and_strides() -> None:
    for first_stride, channels in ((2, 64), (1, 128)):
        resnet = make_resnet(first_stride=first_stride)
        maps: list[torch.Tensor] = []
        resnet.map_layer().register_forward_hook(lambda *given, kept=maps: kept.append(given[2]))
        resnet(torch.rand(1, 1, 16, 16, 16))
        assert maps[0].shape == (1, channels, 4, 4, 4)
    assert len(make_resnet(unfreeze_every=2).stages()) == 5
