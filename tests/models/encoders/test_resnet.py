"""ResNet: torchvision's parameter names and outputs, colour filters for other inputs, refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch.nn import functional as F  # noqa: N812 torch's own name for it

from tumorboard.errors import InputError
from tumorboard.models.encoders.resnet import Resnet
from tumorboard.records import ArraySpec

Tensors = dict[str, torch.Tensor]


def make_resnet(n_channels: int = 3, names: tuple[str, ...] = (), **settings: Any) -> Resnet:
    spec = ArraySpec("image", (n_channels, 64, 64), names)
    return Resnet(spec, dropout=0.0, **settings).eval()


def norm_tensors(name: str, size: int) -> Tensors:
    return {
        f"{name}.weight": torch.rand(size) + 0.5,
        f"{name}.bias": 0.1 * torch.randn(size),
        f"{name}.running_mean": 0.1 * torch.randn(size),
        f"{name}.running_var": torch.rand(size) + 0.5,
        f"{name}.num_batches_tracked": torch.tensor(7),
    }


def filters(outputs: int, inputs: int, side: int) -> torch.Tensor:
    return torch.randn(outputs, inputs, side, side) / (inputs * side * side) ** 0.5


def torchvision_resnet18() -> Tensors:
    """Random weights under the names of torchvision's resnet18 state_dict, classifier included."""
    torch.manual_seed(0)
    tensors = {"conv1.weight": filters(64, 3, 7), **norm_tensors("bn1", 64)}
    inputs = 64
    for stage, width in enumerate((64, 128, 256, 512), 1):
        for block in (0, 1):
            name = f"layer{stage}.{block}"
            tensors[f"{name}.conv1.weight"] = filters(width, inputs, 3)
            tensors |= norm_tensors(f"{name}.bn1", width)
            tensors[f"{name}.conv2.weight"] = filters(width, width, 3)
            tensors |= norm_tensors(f"{name}.bn2", width)
            if inputs != width:
                tensors[f"{name}.downsample.0.weight"] = filters(width, inputs, 1)
                tensors |= norm_tensors(f"{name}.downsample.1", width)
            inputs = width
    return {**tensors, "fc.weight": torch.randn(1000, 512), "fc.bias": torch.randn(1000)}


def resnet18_by_hand(tensors: Tensors, x: torch.Tensor) -> torch.Tensor:
    """ResNet-18 up to global average pooling, from the paper's description, with these weights."""

    def norm(x: torch.Tensor, name: str) -> torch.Tensor:
        mean, var, weight, bias = (
            tensors[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
        )
        return F.batch_norm(x, mean, var, weight, bias)

    x = F.conv2d(x, tensors["conv1.weight"], stride=2, padding=3)
    x = F.max_pool2d(norm(x, "bn1").relu(), 3, stride=2, padding=1)
    for stage in (1, 2, 3, 4):
        for block in (0, 1):
            name = f"layer{stage}.{block}"
            stride = 2 if stage > 1 and block == 0 else 1
            out = F.conv2d(x, tensors[f"{name}.conv1.weight"], stride=stride, padding=1)
            out = norm(out, f"{name}.bn1").relu()
            out = norm(F.conv2d(out, tensors[f"{name}.conv2.weight"], padding=1), f"{name}.bn2")
            if f"{name}.downsample.0.weight" in tensors:
                x = F.conv2d(x, tensors[f"{name}.downsample.0.weight"], stride=stride)
                x = norm(x, f"{name}.downsample.1")
            x = (x + out).relu()
    return x.mean(dim=(2, 3))


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "resnet18.safetensors"
    save_file(torchvision_resnet18(), path)
    return path


@pytest.mark.parametrize(
    ("depth", "n_parameters", "n_classifier", "n_entries", "output_size"),
    # Published counts of torchvision's models with 1,000 classes, and entries of their state_dicts.
    [
        (18, 11_689_512, 513_000, 122, 512),
        (34, 21_797_672, 513_000, 218, 512),
        (50, 25_557_032, 2_049_000, 320, 2048),
    ],
)
def test_sizes_are_the_published_ones(
    depth: int, n_parameters: int, n_classifier: int, n_entries: int, output_size: int
) -> None:
    resnet = make_resnet(depth=depth)
    assert sum(p.numel() for p in resnet.parameters()) == n_parameters - n_classifier
    assert len(resnet.state_dict()) == n_entries - 2
    assert resnet.output_size == output_size


def test_embedding_of_loaded_weights_is_that_of_the_description(weights: Path) -> None:
    resnet = make_resnet(weights=str(weights))
    resnet.load_pretrained()
    x = torch.rand(2, 3, 64, 64)
    mean = torch.tensor([0.485, 0.456, 0.406]).reshape(3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).reshape(3, 1, 1)
    expected = resnet18_by_hand(torchvision_resnet18(), (x - mean) / std)
    torch.testing.assert_close(resnet(x), expected, atol=1e-4, rtol=1e-4)


def test_grey_images_are_seen_as_equal_colours(weights: Path) -> None:
    resnet: Any = make_resnet(1, weights=str(weights))
    resnet.load_pretrained()
    colour = torchvision_resnet18()["conv1.weight"]
    x = torch.rand(2, 1, 64, 64)
    torch.testing.assert_close(
        resnet.network.conv1(x),
        F.conv2d(x.expand(-1, 3, -1, -1), colour, stride=2, padding=3),
        atol=1e-5,
        rtol=1e-5,
    )
    assert resnet.mean.flatten().tolist() == pytest.approx([0.449])  # mean of the three
    assert resnet.std.flatten().tolist() == pytest.approx([0.226])


@pytest.mark.parametrize(
    ("colours", "n_slices"), [(("grey",), 3), (("grey",), 5), (("red", "green", "blue"), 3)]
)
def test_a_stack_of_equal_slices_looks_like_the_one_slice(
    weights: Path, colours: tuple[str, ...], n_slices: int
) -> None:
    names = tuple(f"{colour} slice {k:+d}" for k in range(n_slices) for colour in colours)
    one = make_resnet(len(colours), colours, weights=str(weights))
    stack = make_resnet(len(names), names, weights=str(weights))
    one.load_pretrained()
    stack.load_pretrained()
    x = torch.rand(2, len(colours), 64, 64)
    torch.testing.assert_close(stack(x.repeat(1, n_slices, 1, 1)), one(x), atol=1e-4, rtol=1e-4)


def test_without_weights_the_image_is_not_normalised() -> None:
    resnet = make_resnet()
    x = torch.rand(1, 3, 64, 64)
    own = {key.removeprefix("network."): t for key, t in resnet.state_dict().items()}
    torch.testing.assert_close(resnet(x), resnet18_by_hand(own, x), atol=1e-4, rtol=1e-4)


def test_a_saved_model_opens_without_its_pretrained_file(weights: Path) -> None:
    trained = make_resnet(weights=str(weights))
    trained.load_pretrained()
    opened = make_resnet(weights="gone.safetensors")
    opened.load_state_dict(trained.state_dict(), strict=True)
    x = torch.rand(1, 3, 64, 64)
    assert torch.equal(opened(x), trained(x))


@pytest.mark.parametrize("suffix", [".pth", ".pt"])
def test_pytorch_files_and_old_ones_without_counters(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"resnet18{suffix}"
    tensors = torchvision_resnet18()
    old = {k: t for k, t in tensors.items() if not k.endswith("num_batches_tracked")}
    torch.save(old, path)
    resnet: Any = make_resnet(weights=str(path))
    resnet.load_pretrained()
    assert torch.equal(resnet.network.layer4[1].conv2.weight, tensors["layer4.1.conv2.weight"])


def test_another_networks_weights_are_refused_whole(tmp_path: Path) -> None:
    tensors = torchvision_resnet18()
    tensors["layer1.0.conv3.weight"] = torch.zeros(1)
    tensors["bn1.weight"] = torch.zeros(32)
    del tensors["layer4.1.bn2.bias"]
    path = tmp_path / "odd.safetensors"
    save_file(tensors, path)
    resnet = make_resnet(weights=str(path))
    before = {key: t.clone() for key, t in resnet.state_dict().items()}
    with pytest.raises(InputError) as caught:
        resnet.load_pretrained()
    assert str(caught.value) == (
        f"weights {path}: not the weights of this network, nothing was loaded; 1 missing: "
        "layer4.1.bn2.bias; 1 not known: layer1.0.conv3.weight; 1 of another shape: bn1.weight "
        "(32,) "
        "instead of (64,). Choose the depth that the file was made for, with the parameter names "
        "of "
        "torchvision and timm."
    )
    assert all(torch.equal(t, before[key]) for key, t in resnet.state_dict().items())


def test_weights_of_another_depth_are_refused(weights: Path) -> None:
    with pytest.raises(InputError, match=r"\d+ missing: layer1\.2\.conv1\.weight.* and \d+ more"):
        make_resnet(depth=34, weights=str(weights)).load_pretrained()


def test_imagenet_weights_come_from_the_hubs_cache(
    tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    folder = tmp_path / "models--timm--resnet18.a1_in1k"
    commit = "0" * 40
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text(commit)
    (folder / "snapshots" / commit).mkdir(parents=True)
    (folder / "snapshots" / commit / "model.safetensors").symlink_to(weights)
    resnet: Any = make_resnet(1, weights="imagenet")
    resnet.load_pretrained()
    assert torch.equal(resnet.network.bn1.bias, torchvision_resnet18()["bn1.bias"])
    with pytest.raises(
        InputError,
        match=r"timm/resnet50\.a1_in1k/model\.safetensors: neither in .*hf download timm/resnet50"
        r"\.a1_in1k model\.safetensors.* HF_HOME .*HF_HUB_OFFLINE=1",
    ):
        make_resnet(depth=50, weights="imagenet").load_pretrained()
