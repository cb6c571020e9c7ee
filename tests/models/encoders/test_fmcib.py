"""FMCIB: published size and names, strict loading, the order of axes, refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tumorboard.errors import InputError, StudyError
from tumorboard.models.encoders.fmcib import Fmcib
from tumorboard.records import ArraySpec

SPEC = ArraySpec("volume", (1, 50, 50, 50))
Tensors = dict[str, torch.Tensor]


def norm_tensors(name: str, size: int) -> Tensors:
    return {
        f"{name}.weight": torch.rand(size) + 0.5,
        f"{name}.bias": 0.1 * torch.randn(size),
        f"{name}.running_mean": 0.1 * torch.randn(size),
        f"{name}.running_var": torch.rand(size) + 0.5,
        f"{name}.num_batches_tracked": torch.tensor(3),
    }


def trunk(widening: float) -> Tensors:
    """Names and shapes of the published trunk, from the description of a wide 3D ResNet-50."""
    torch.manual_seed(0)
    stem = int(64 * widening)
    tensors = {"conv1.weight": 0.05 * torch.randn(stem, 1, 7, 7, 7), **norm_tensors("bn1", stem)}
    inputs = stem
    for stage, (n_blocks, base) in enumerate(
        zip((3, 4, 6, 3), (64, 128, 256, 512), strict=True), 1
    ):
        width = int(base * widening)
        for block in range(n_blocks):
            name = f"layer{stage}.{block}"
            shapes = ((width, inputs, 1), (width, width, 3), (4 * width, width, 1))
            for number, (outputs, given, side) in enumerate(shapes, 1):
                filters = 0.1 * torch.randn(outputs, given, side, side, side)
                tensors[f"{name}.conv{number}.weight"] = filters
                tensors |= norm_tensors(f"{name}.bn{number}", outputs)
            if block == 0:
                cut = 0.1 * torch.randn(4 * width, inputs, 1, 1, 1)
                tensors[f"{name}.downsample.0.weight"] = cut
                tensors[f"{name}.downsample.0.bias"] = 0.1 * torch.randn(4 * width)
                tensors |= norm_tensors(f"{name}.downsample.1", 4 * width)
            inputs = 4 * width
    return tensors


@pytest.fixture
def thin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tumorboard.models.encoders.fmcib._WIDENING", 1 / 16)


def test_size_and_names_are_the_published_ones() -> None:
    with torch.device("meta"):
        encoder = Fmcib(SPEC)
        expected = trunk(2)
    assert encoder.output_size == 4096
    # 184 million in the publication; exactly what MONAI's constructor makes of the same arguments.
    assert sum(p.numel() for p in encoder.parameters()) == 184_477_824
    found = {name: tuple(t.shape) for name, t in encoder.network.state_dict().items()}
    assert found == {name: tuple(tensor.shape) for name, tensor in expected.items()}


@pytest.mark.usefixtures("thin")
def test_the_trunk_is_loaded_and_the_rest_of_the_file_left(tmp_path: Path) -> None:
    path = tmp_path / "model_weights.torch"
    tensors = trunk(1 / 16)
    torch.save({"trunk_state_dict": tensors, "head_state_dict": {"0.weight": torch.ones(2)}}, path)
    encoder = Fmcib(SPEC, weights=str(path), frozen=True)
    encoder.load_pretrained()
    for name, tensor in encoder.network.state_dict().items():
        assert torch.equal(tensor, tensors[name])
    assert [encoder.n_trained(epoch) for epoch in (0, 10)] == [0, 0]


@pytest.mark.usefixtures("thin")
def test_another_trunk_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "model_weights.torch"
    tensors = trunk(1 / 16)
    del tensors["layer4.2.conv3.weight"]
    torch.save({"trunk_state_dict": {**tensors, "fc.weight": torch.ones(2)}}, path)
    encoder = Fmcib(SPEC, weights=str(path))
    with pytest.raises(InputError, match=r"1 missing: layer4\.2\.conv3\.weight; 1 not known: fc"):
        encoder.load_pretrained()
    with pytest.raises(InputError, match="no such file"):
        Fmcib(SPEC, weights=str(tmp_path / "absent.torch")).load_pretrained()
    with pytest.raises(InputError, match=r"ends in .*\.torch; nothing else is opened"):
        Fmcib(SPEC, weights=str(tmp_path / "weights.bin")).load_pretrained()


@pytest.mark.usefixtures("thin")
def test_axes_are_those_of_training_and_maps_those_of_the_volume() -> None:
    encoder = Fmcib(SPEC).eval()
    x = torch.rand(1, *SPEC.sizes)
    seen: list[torch.Tensor] = []
    maps: list[torch.Tensor] = []
    encoder.network.conv1.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    encoder.map_layer().register_forward_hook(lambda *given: maps.append(given[2]))
    encoder.network.layer4.register_forward_hook(lambda *given: seen.append(given[2]))
    with torch.inference_mode():
        encoder(x)
    # First voxel of training: foot, front, right; ours: right, back, foot.
    assert seen[0][0, 0, 0, 0, 0] == x[0, 0, -1, -1, 0]
    assert seen[0][0, 0, 3, 1, 2] == x[0, 0, -3, -2, 3]
    assert torch.equal(maps[0][0, :, -1, -1, 0], seen[1][0, :, 0, 0, 0])


@pytest.mark.parametrize(
    ("sizes", "settings", "message"),
    [
        ((1, 96, 96, 96), {}, "found volumes of 96 x 96 x 96 voxels and 1 channels, expected 50"),
        ((2, 50, 50, 50), {}, "and 2 channels"),
        ((1, 50, 50, 50), {"frozen": True}, r"fmcib\.frozen: without weights"),
    ],
)
def test_what_the_weights_do_not_fit_is_refused(
    sizes: tuple[int, ...], settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(StudyError, match=message):
        Fmcib(ArraySpec("volume", sizes), **settings)
