"""Networks of an arm: which rows an encoder sees, levels of fusion, stages, modality dropout."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from tumorboard.errors import StudyError
from tumorboard.models.assembly import Network, drop_modalities
from tumorboard.records import ArraySpec

IMAGE = ArraySpec("image", (1, 32, 32))
RECORD = ArraySpec("vector", (5,))
SPECS = {"ultrasound": IMAGE, "record": RECORD}
MLP: dict[str, Any] = {"name": "mlp", "widths": [8, 4], "dropout": 0.0}
ENCODERS: dict[str, dict[str, Any]] = {
    "ultrasound": {"name": "small_cnn", "widths": [4, 8], "dropout": 0.0},
    "record": MLP,
}
PRESENT = torch.tensor([[True, True], [True, False], [False, True], [True, True], [True, False]])


def make_inputs(n: int = 5, absent: float = 0.0) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(8)
    inputs = {name: torch.rand(n, *spec.sizes, generator=generator) for name, spec in SPECS.items()}
    for m, name in enumerate(SPECS):
        inputs[name][~PRESENT[:n, m]] = absent
    return inputs


def make_network(fusion: str = "gated", link: Any = "softmax", n_outputs: int = 3) -> Network:
    torch.manual_seed(6)
    return Network(SPECS, ENCODERS, {"name": fusion}, n_outputs=n_outputs, link=link)


def make_resnet(**settings: Any) -> Network:
    torch.manual_seed(6)
    encoder = {"name": "resnet", "dropout": 0.0, **settings}
    return Network(
        {"ultrasound": IMAGE}, {"ultrasound": encoder}, None, n_outputs=2, link="softmax"
    )


@pytest.mark.parametrize("fusion", ["concatenation", "gated", "attention", "late_average"])
def test_filler_reaches_neither_logits_nor_batch_norm(fusion: str) -> None:
    networks = [make_network(fusion).train() for _ in range(2)]
    logits: list[torch.Tensor] = []
    for network, absent in zip(networks, (0.0, float("nan")), strict=True):
        torch.manual_seed(1)
        logits.append(network(make_inputs(absent=absent), PRESENT).logits)
    assert torch.equal(logits[0], logits[1])
    first, second = (network.state_dict() for network in networks)
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_batch_norm_sees_the_rows_present_alone() -> None:
    network = make_network().train()
    inputs = make_inputs()
    network(inputs, PRESENT)
    encoder: Any = network.encoder("record")
    linear, norm = encoder.layers[0], encoder.layers[1]
    mean = linear(inputs["record"][PRESENT[:, 1]]).mean(dim=0)
    torch.testing.assert_close(norm.running_mean, 0.1 * mean)  # momentum 0.1, from zero


def test_a_single_row_left_runs_in_eval_mode_and_training_goes_on() -> None:
    network = make_network().train()
    present = torch.tensor([[True, True], [True, False], [True, False]])
    logits = network(make_inputs(3), present).logits
    logits.sum().backward()
    assert bool(torch.isfinite(logits).all())
    assert all(module.training for module in network.modules())
    encoder: Any = network.encoder("record")
    assert torch.equal(encoder.layers[1].running_mean, torch.zeros(8))
    assert encoder.layers[0].weight.grad is not None


@pytest.mark.parametrize("fusion", ["concatenation", "gated", "attention", "late_average"])
def test_half_precision(fusion: str) -> None:
    network = make_network(fusion).eval()
    inputs = make_inputs(absent=float("nan"))
    full = network(inputs, PRESENT)
    with torch.autocast("cpu", torch.bfloat16):
        half = network(inputs, PRESENT)
        half.logits.float().logsumexp(dim=1).sum().backward()
    # bfloat16 keeps 8 bits.
    torch.testing.assert_close(half.logits.float(), full.logits, atol=0.05, rtol=0.05)
    if half.weights is not None:
        total = half.weights.sum(dim=1).float()
        torch.testing.assert_close(total, torch.ones(5), atol=0.01, rtol=0)
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    assert gradients
    assert all(bool(torch.isfinite(g).all()) for g in gradients)


def test_a_modality_that_nobody_in_the_batch_has() -> None:
    network = make_network().eval()
    present = torch.tensor([[True, False], [True, False]])
    outputs = network({**make_inputs(2), "record": torch.full((2, 5), torch.nan)}, present)
    assert bool(torch.isfinite(outputs.logits).all())
    assert outputs.weights is not None
    assert outputs.weights.tolist() == [[1.0, 0.0], [1.0, 0.0]]


@pytest.mark.parametrize("fusion", ["concatenation", "gated", "attention", "late_average"])
def test_a_modality_that_nobody_has_in_double_precision(fusion: str) -> None:
    inputs = {name: array.double() for name, array in make_inputs().items()}
    present = torch.tensor([[False, True]] * 5)
    logits = make_network(fusion).double().eval()(inputs, present).logits
    single = make_network(fusion).eval()(make_inputs(), present).logits
    assert torch.allclose(logits.float(), single, atol=1e-5)


def test_alone_as_in_a_batch() -> None:
    for fusion in ("concatenation", "gated", "attention", "late_average"):
        network = make_network(fusion).eval()
        inputs = make_inputs()
        together = network(inputs, PRESENT).logits
        for row in range(5):
            one = {name: x[row : row + 1] for name, x in inputs.items()}
            alone = network(one, PRESENT[row : row + 1]).logits
            torch.testing.assert_close(alone[0], together[row], atol=1e-5, rtol=1e-5)


def test_decision_level_is_the_log_of_the_mean_probability() -> None:
    network = make_network("late_average").eval()
    outputs = network(make_inputs(), PRESENT)
    assert outputs.branches is not None
    assert outputs.branches.shape == (5, 2, 3)
    assert bool((outputs.branches[~PRESENT] == 0).all())
    image, record = outputs.branches.softmax(dim=2).unbind(dim=1)
    expected = torch.stack(
        [(image[0] + record[0]) / 2, image[1], record[2], (image[3] + record[3]) / 2, image[4]]
    )
    torch.testing.assert_close(outputs.logits.exp(), expected)
    torch.testing.assert_close(outputs.logits.softmax(dim=1), expected)


def test_decision_level_stays_finite_where_a_probability_underflows() -> None:
    network = make_network("late_average").train()
    for head in network.heads:
        nn.init.constant_(head.bias, 0.0)  # type: ignore[arg-type]
        with torch.no_grad():
            head.bias[0] = 1e4  # type: ignore[index]
    outputs = network(make_inputs(), PRESENT)
    torch.nn.functional.cross_entropy(outputs.logits, torch.tensor([1, 2, 1, 2, 1])).backward()
    assert bool(torch.isfinite(outputs.logits).all())
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    assert gradients
    assert all(bool(torch.isfinite(g).all()) for g in gradients)


def test_decision_level_averages_outputs_as_they_are_with_the_identity_link() -> None:
    network = make_network("late_average", link="identity", n_outputs=1).eval()
    outputs = network(make_inputs(), PRESENT)
    assert outputs.branches is not None
    both = outputs.branches[0].mean(dim=0)
    torch.testing.assert_close(outputs.logits[0], both)
    torch.testing.assert_close(outputs.logits[1], outputs.branches[1, 0])


def test_input_level_has_no_encoders_and_refuses_images() -> None:
    specs = {"record": RECORD, "labs": ArraySpec("vector", (2,))}
    fusion = {"name": "early", "widths": [6]}
    network = Network(specs, {}, fusion, n_outputs=2, link="softmax").train()
    present = torch.tensor([[True, True], [True, False], [False, True]])
    inputs = {"record": torch.rand(3, 5), "labs": torch.rand(3, 2)}
    assert network(inputs, present).logits.shape == (3, 2)
    assert len(network.encoders) == 0
    # One row: its own batch norm is undefined, so that the fusion runs in eval mode.
    one = {name: x[:1] for name, x in inputs.items()}
    assert bool(torch.isfinite(network(one, present[:1]).logits).all())
    with pytest.raises(StudyError, match=r"modalities\.ultrasound: gives image, but this fusion"):
        Network(SPECS, {}, fusion, n_outputs=2, link="softmax")


def test_one_modality_needs_no_fusion_and_several_need_one() -> None:
    network = Network({"record": RECORD}, {"record": MLP}, None, n_outputs=2, link="softmax")
    outputs = network({"record": torch.rand(4, 5)}, torch.ones(4, 1, dtype=torch.bool))
    assert outputs.logits.shape == (4, 2)
    assert (outputs.branches, outputs.weights) == (None, None)
    with pytest.raises(StudyError, match="2 modalities without a fusion"):
        Network(SPECS, ENCODERS, None, n_outputs=2, link="softmax")


def test_an_encoder_of_another_layout_is_refused_by_name() -> None:
    with pytest.raises(
        StudyError, match=r"modalities\.ultrasound\.encoder: mlp reads vector, but .* gives image"
    ):
        Network({"ultrasound": IMAGE}, {"ultrasound": MLP}, None, n_outputs=2, link="softmax")


def test_unknown_settings_are_refused() -> None:
    encoders = {"record": {"name": "mlp", "width": [4]}}
    with pytest.raises(StudyError, match=r"modalities\.record\.encoder\.width: .*'widths'"):
        Network({"record": RECORD}, encoders, None, n_outputs=2, link="softmax")


@pytest.mark.parametrize("name", ["type", "items", "train", "a.b", "forward"])
def test_a_modality_may_have_any_name(name: str) -> None:
    network = Network({name: RECORD}, {name: MLP}, None, n_outputs=2, link="softmax")
    assert network.encoder(name).output_size == 4


def test_state_dict_roundtrip() -> None:
    first, second = make_network().eval(), make_network().eval()
    for parameter in second.parameters():
        nn.init.constant_(parameter, 0.3)
    second.load_state_dict(first.state_dict(), strict=True)
    inputs = make_inputs()
    assert torch.equal(first(inputs, PRESENT).logits, second(inputs, PRESENT).logits)


def test_learning_rates_fall_from_the_last_stage_to_the_first() -> None:
    network = make_resnet(learning_rate_decay=0.5)
    groups = network.parameter_groups(1.0)
    assert [group["lr"] for group in groups] == [0.0625, 0.125, 0.25, 0.5, 1.0]
    resnet: Any = network.encoder("ultrasound")
    slowest = {id(p) for p in groups[0]["params"]}
    assert slowest == {
        id(p) for p in (*resnet.network.conv1.parameters(), *resnet.network.bn1.parameters())
    }
    fastest = {id(p) for p in groups[-1]["params"]}
    assert {id(p) for p in network.heads.parameters()} < fastest
    grouped = [id(p) for group in groups for p in group["params"]]
    assert sorted(grouped) == sorted(id(p) for p in network.parameters())
    assert [group["lr"] for group in make_resnet().parameter_groups(0.1)] == [0.1]


def test_stages_are_unfrozen_from_the_last_to_the_first() -> None:
    network = make_resnet(unfreeze_every=2).train()
    stages = network.encoder("ultrasound").stages()
    for epoch, n_trained in [(0, 0), (1, 0), (2, 1), (5, 2), (9, 4), (10, 5), (50, 5), (4, 2)]:
        network.set_epoch(epoch)
        trained = [all(p.requires_grad for p in stage.parameters()) for stage in stages]
        assert trained == [False] * (5 - n_trained) + [True] * n_trained
        assert all(p.requires_grad for p in network.heads.parameters())


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        # frozen for two epochs, then one block per epoch
        ({"unfreeze_every": 1, "frozen_epochs": 2}, [0, 0, 1, 2, 3, 4, 5, 5]),
        ({"unfreeze_every": 2, "frozen_epochs": 1}, [0, 1, 1, 2, 2, 3, 3, 4]),
        ({"unfreeze_every": 1, "frozen_epochs": 0}, [1, 2, 3, 4, 5, 5, 5, 5]),
        ({"frozen_epochs": 2}, [0, 0, 5, 5, 5, 5, 5, 5]),
        ({}, [5] * 8),
    ],
)
def test_stages_trained_in_each_epoch(settings: dict[str, int], expected: list[int]) -> None:
    encoder = make_resnet(**settings).encoder("ultrasound")
    assert [encoder.n_trained(epoch) for epoch in range(8)] == expected


def test_encoders_learn_at_their_own_rate() -> None:
    network = make_network()
    groups = network.parameter_groups(1e-3, encoder_learning_rate=1e-4)
    slow, fast = ({id(p) for p in group["params"]} for group in groups)
    assert [group["lr"] for group in groups] == [1e-4, 1e-3]
    assert slow == {id(p) for p in network.encoders.parameters()}
    assert network.fusion is not None
    assert fast == {id(p) for part in (network.fusion, network.heads) for p in part.parameters()}


def test_an_encoders_rate_falls_from_its_last_stage_while_the_heads_stays() -> None:
    network = make_resnet(learning_rate_decay=0.5)
    groups = network.parameter_groups(1e-3, encoder_learning_rate=1e-4)
    rates = [group["lr"] for group in groups]
    assert rates == pytest.approx([6.25e-6, 1.25e-5, 2.5e-5, 5e-5, 1e-4, 1e-3])
    stages = network.encoder("ultrasound").stages()
    for group, part in zip(groups, [*stages, network.heads], strict=True):
        assert {id(p) for p in group["params"]} == {id(p) for p in part.parameters()}


def test_a_head_starts_as_its_encoder_asks() -> None:
    weight, bias = (p.detach() for p in make_resnet(head_init="he").heads.parameters())
    # 1,024 draws of variance 2 / 512: the standard error of their spread is 2.2 %
    assert float(weight.std()) == pytest.approx((2 / 512) ** 0.5, rel=0.09)
    assert float(weight.abs().max()) > 512**-0.5
    assert not bool(bias.any())
    usual, _ = make_resnet().heads.parameters()
    assert float(usual.detach().abs().max()) <= 512**-0.5


def test_batch_norm_of_frozen_stages_does_not_move() -> None:
    network = make_resnet(unfreeze_every=1)
    network.set_epoch(1)
    network.train()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    logits = network(
        {"ultrasound": torch.rand(3, 1, 32, 32)}, torch.ones(3, 1, dtype=torch.bool)
    ).logits
    logits.sum().backward()
    moved = {
        key for key, value in network.state_dict().items() if not torch.equal(value, before[key])
    }
    assert moved
    assert all(".layer4." in key for key in moved)
    learned = {key for key, p in network.named_parameters() if p.grad is not None}
    assert learned == {
        key
        for key, _ in network.named_parameters()
        if ".layer4." in key or key.startswith("heads.")
    }


def test_modality_dropout_leaves_one_and_adds_none() -> None:
    generator = torch.Generator().manual_seed(3)
    present = torch.rand(4000, 3, generator=generator) < 0.6
    present[~present.any(dim=1), 0] = True
    kept = drop_modalities(present, 0.9, generator)
    assert not bool((kept & ~present).any())
    assert bool(kept.any(dim=1).all())
    assert torch.equal(drop_modalities(present, 0.0, generator), present)


def test_modality_dropout_rates_are_those_of_the_hand_count() -> None:
    """Two modalities, p = 1/2: both 1/4; either alone 1/4 + 1/8, half of the rows left empty."""
    generator = torch.Generator().manual_seed(3)
    n = 40_000
    kept = drop_modalities(torch.ones(n, 2, dtype=torch.bool), 0.5, generator)
    both = float(kept.all(dim=1).float().mean())
    first = float((kept[:, 0] & ~kept[:, 1]).float().mean())
    assert both == pytest.approx(0.25, abs=0.011)  # 5 standard errors
    assert first == pytest.approx(0.375, abs=0.0125)


def test_modality_dropout_repeats_with_its_generator() -> None:
    present = torch.ones(50, 3, dtype=torch.bool)
    one, two = (drop_modalities(present, 0.5, torch.Generator().manual_seed(4)) for _ in range(2))
    assert torch.equal(one, two)
