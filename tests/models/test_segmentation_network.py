"""A segmenter with other modalities: who is looked at, windows of a case, padding, stages."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tumorboard.errors import StudyError
from tumorboard.models.guides import Context
from tumorboard.models.segmentation_network import (
    SegmentationNetwork,
    SegmentationOutputs,
    of_patches,
    pad_behind,
)
from tumorboard.records import ArraySpec

SPECS = {
    "record": ArraySpec("vector", (4,)),
    "mri": ArraySpec("image", (2, 16, 16)),
    "report": ArraySpec("vector", (3,)),
}
UNET: dict[str, Any] = {"name": "unet", "widths": [4, 8, 8]}
MLP: dict[str, Any] = {"name": "mlp", "widths": [6], "dropout": 0.0}
ENCODERS: dict[str, dict[str, Any]] = {"record": MLP, "mri": UNET, "report": MLP}
PRESENT = torch.tensor(
    [[True, True, True], [False, True, True], [True, True, False], [False, True, False]]
)
FUSIONS = ["concatenation", "early", "dynamic_attention", "hybrid", "static_weights"]


def make_network(fusion: str = "dynamic_attention", *, is_random: bool = True) -> Any:
    torch.manual_seed(5)
    network = SegmentationNetwork(
        SPECS, "mri", ENCODERS, {"name": fusion}, n_outputs=2, n_dims=2
    ).eval()
    guide: Any = network.guide
    for parameter in guide.parameters() if is_random else ():
        torch.nn.init.normal_(parameter, std=0.3)
    return network


def make_inputs(absent: float = 0.0, n: int = 4) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(6)
    inputs = {name: torch.rand(n, *spec.sizes, generator=generator) for name, spec in SPECS.items()}
    for m, name in enumerate(SPECS):
        inputs[name][~PRESENT[:n, m]] = absent
    return inputs


def whole(n: int, n_axes: int = 2) -> torch.Tensor:
    return torch.tensor([-1.0, 1.0]).repeat(n, n_axes, 1)


def outputs_of(network: Any, inputs: Any, places: Any = None) -> SegmentationOutputs:
    return network(inputs, PRESENT, whole(4) if places is None else places)


@pytest.mark.parametrize("fusion", FUSIONS)
def test_absent_modalities_are_never_looked_at(fusion: str) -> None:
    found = [
        outputs_of(make_network(fusion).train(), make_inputs(filler)).logits[0]
        for filler in (0.0, float("nan"))
        if torch.manual_seed(1)  # the same dropout
    ]
    assert torch.equal(found[0], found[1])


@pytest.mark.parametrize("fusion", FUSIONS)
def test_a_row_with_the_image_alone(fusion: str) -> None:
    network, inputs = make_network(fusion), make_inputs()
    outputs = outputs_of(network, inputs)
    image = inputs["mri"][3:]
    extra = network.segmenter.spec.sizes[0] - 2
    padded = torch.cat([image, image.new_zeros(1, extra, 16, 16)], dim=1)
    alone = network.segmenter(padded)[0]
    torch.testing.assert_close(outputs.logits[0][3:], alone, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("fusion", FUSIONS)
def test_it_starts_as_the_segmenter_alone(fusion: str) -> None:
    network, inputs = make_network(fusion, is_random=False), make_inputs()
    with torch.inference_mode():
        found = outputs_of(network, inputs).logits[0]
        alone = network(inputs, torch.tensor([[False, True, False]] * 4), whole(4)).logits[0]
    if fusion == "static_weights":  # the others start with a twentieth of the weight each
        assert float((found - alone).abs().mean()) < 0.1 * float(alone.std())
    else:
        torch.testing.assert_close(found, alone, atol=1e-5, rtol=0)


@pytest.mark.parametrize("fusion", FUSIONS)
def test_windows_of_a_case_read_its_notes_once(fusion: str) -> None:
    network, inputs = make_network(fusion), make_inputs()
    case = {name: inputs[name][:1] for name in ("record", "report")}
    context = network.context(case, PRESENT[:1])
    windows = torch.rand(3, 2, 8, 8, generator=torch.Generator().manual_seed(2))
    places = torch.tensor([[[-1.0, 0], [-1, 0]], [[0, 1], [-1, 0]], [[0, 1], [1, 0]]])
    together = network.segment(windows, context, places)
    for row in range(3):
        own = slice(row, row + 1)
        alone = network({**case, "mri": windows[own]}, PRESENT[:1], places[own])
        torch.testing.assert_close(alone.logits[0][0], together.logits[0][row], atol=1e-4, rtol=0)
        if together.shares is not None:
            torch.testing.assert_close(alone.shares[0], together.shares[row])
    # A note that speaks of places says different things of different windows.
    same = network.segment(windows[:1].expand(3, -1, -1, -1), context, places).logits[0]
    assert not torch.allclose(same[0], same[1], atol=1e-4)


def test_windows_of_several_cases_need_a_row_each() -> None:
    context = make_network().context(make_inputs(), PRESENT)
    with pytest.raises(ValueError, match="4 cases for 3 patches"):
        of_patches(context, whole(3))


def test_places_where_the_image_was_padded() -> None:
    """16 of 16 and 13 of 16 places: a padded patch ends further on, and is cropped."""
    network, inputs = make_network(), make_inputs()
    cut = {**inputs, "mri": inputs["mri"][:, :, :13, :10]}
    places = torch.tensor([[[-1.0, 0.625], [-1.0, 0.25]]]).expand(4, -1, -1)
    logits = outputs_of(network, cut, places).logits[0]
    assert logits.shape == (4, 2, 13, 10)
    repeated = pad_behind(cut["mri"], 4)
    assert repeated.shape == (4, 2, 16, 12)
    assert torch.equal(repeated[:, :, 15, :10], cut["mri"][:, :, 12])
    stretched = torch.tensor([[[-1.0, 1.0], [-1.0, 0.5]]]).expand(4, -1, -1)
    full = outputs_of(network, {**cut, "mri": repeated}, stretched).logits[0]
    torch.testing.assert_close(logits, full[:, :, :13, :10])


def test_coordinates_are_those_of_the_whole_image() -> None:
    places = torch.tensor([[[-1.0, 0.0], [1.0, 0.0], [0.5, 0.7]]])  # the second one mirrored
    context = Context((), (), torch.ones(1, 0, dtype=torch.bool), places)
    found = context.coordinates((2, 4))
    assert found.shape == (1, 3, 2, 4)
    assert found[0, 0, :, 0].tolist() == [-0.75, -0.25]
    assert found[0, 1, 0].tolist() == [0.875, 0.625, 0.375, 0.125]
    torch.testing.assert_close(found[0, 2], torch.full((2, 4), 0.6))


@pytest.mark.parametrize(("n_dims", "space"), [(3, (8, 8, 8)), (2, (8, 12))])
@pytest.mark.parametrize("fusion", FUSIONS)
def test_volumes_and_their_slices(fusion: str, n_dims: int, space: tuple[int, ...]) -> None:
    specs = {**SPECS, "mri": ArraySpec("volume", (2, 8, 12, 8))}
    network = SegmentationNetwork(
        specs, "mri", ENCODERS, {"name": fusion}, n_outputs=3, n_dims=n_dims
    ).train()
    assert network.n_axes == 3
    inputs = {**make_inputs(), "mri": torch.rand(4, 2, *space)}
    outputs = network(inputs, PRESENT, whole(4, 3))
    assert outputs.logits[0].shape == (4, 3, *space)
    outputs.logits[0].square().mean().backward()
    assert all(
        bool(torch.isfinite(p.grad).all()) for p in network.parameters() if p.grad is not None
    )


def test_the_image_alone_needs_no_fusion() -> None:
    network = SegmentationNetwork(
        {"mri": SPECS["mri"]}, "mri", {"mri": UNET}, None, n_outputs=1, n_dims=2
    ).eval()
    image = torch.rand(2, 2, 16, 16)
    outputs = network({"mri": image}, torch.ones(2, 1, dtype=torch.bool), whole(2))
    assert torch.equal(outputs.logits[0], network.segmenter(image)[0])
    assert outputs.shares is None


def test_deep_supervision_is_cropped_level_by_level() -> None:
    encoders = {**ENCODERS, "mri": {"name": "dynamic_unet", "width": 4, "depth": 5}}
    network = SegmentationNetwork(
        SPECS, "mri", encoders, {"name": "late_average"}, n_outputs=2, n_dims=2
    ).train()
    inputs = {**make_inputs(), "mri": torch.rand(4, 2, 29, 32)}
    logits = network(inputs, PRESENT, whole(4)).logits
    assert [tuple(each.shape[2:]) for each in logits] == [(29, 32), (15, 16), (8, 8)]


def test_single_row_in_half_precision() -> None:
    for fusion in FUSIONS:
        network, inputs = make_network(fusion).train(), make_inputs()
        row = {name: each[:1] for name, each in inputs.items()}
        with torch.autocast("cpu", torch.bfloat16):
            logits = network(row, PRESENT[:1], whole(1)).logits[0]
            logits.float().square().mean().backward()
        assert bool(torch.isfinite(logits).all())
        assert all(module.training for module in network.modules())


def test_encoders_learn_at_their_own_rate_and_freeze() -> None:
    network = make_network()
    groups = network.parameter_groups(1e-2, encoder_learning_rate=1e-3)
    assert [group["lr"] for group in groups] == [1e-3, 1e-2]
    slow = {id(parameter) for parameter in groups[0]["params"]}
    assert slow == {
        id(p) for name in ("record", "report") for p in network.encoder(name).parameters()
    }
    network.encoder("report").frozen_epochs = 1
    network.train()
    network.set_epoch(0)
    assert not network.encoder("report").training
    assert not any(p.requires_grad for p in network.encoder("report").parameters())
    assert network.encoder("record").training
    assert network.segmenter.training
    network.set_epoch(1)
    assert network.encoder("report").training
    assert all(p.requires_grad for p in network.parameters())


def make_faulty(fusion: Any, **encoders: Any) -> None:
    specs = {"mri": SPECS["mri"], "record": SPECS["record"]}
    SegmentationNetwork(specs, "mri", {**ENCODERS, **encoders}, fusion, n_outputs=1, n_dims=2)


def test_what_does_not_fit_is_refused_by_name() -> None:
    with pytest.raises(StudyError, match=r"2 without a fusion"):
        make_faulty(None)
    with pytest.raises(StudyError, match=r"tensor joins vectors, .* Choose concatenation, dynamic"):
        make_faulty({"name": "tensor"})
    with pytest.raises(StudyError, match="'mlp' is not a known segmenter"):
        make_faulty({"name": "film"}, mri=MLP)
    with pytest.raises(StudyError, match=r"record\.encoder: resnet reads image, but .* vector"):
        make_faulty({"name": "film"}, record={"name": "resnet"})
    with pytest.raises(StudyError, match=r"size: found 10 with 4 heads"):
        make_faulty({"name": "dynamic_attention", "size": 10})
