"""The image arms of S3: the study file says what the paper says, and each network takes windows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from tumorboard.models.assembly import Network
from tumorboard.records import ArraySpec
from tumorboard.study import Study

STUDY = Study.load(Path(__file__).parents[2] / "studies" / "s3_images.toml")
WINDOW = ArraySpec("image", (3, 64, 64), ("red", "green", "blue"))


def encoder_of(name: str) -> Mapping[str, Any]:
    arm = STUDY.arms[name]
    return arm.encoders["patch"]


def make_network(name: str) -> Network:
    return Network({"patch": WINDOW}, {"patch": encoder_of(name)}, None, n_outputs=3,
                   link="softmax")  # fmt: skip


def test_settings_of_the_paper() -> None:
    training = STUDY.arms["resnet18"].training
    assert training.batch_size == 64
    assert training.optimizer.name == "adam"
    assert (training.stop.metric, training.stop.patience, training.stop.keep) == (
        "macro_f1", 5, "best",
    )  # fmt: skip
    assert training.schedule.name == "step"
    assert training.loss.class_weights == "balanced"
    assert training.optimizer.encoder_learning_rate < training.optimizer.learning_rate  # type: ignore[operator]
    assert STUDY.arms["simple_cnn"].training.epochs == 10
    sampler = STUDY.arms["resnet18_sampler"].training
    assert (sampler.sampler, sampler.loss.class_weights) == ("weighted", "none")
    assert STUDY.keys.evaluation.split_beside == "unit"


@pytest.mark.parametrize("name", ["resnet18", "resnet34", "resnet50", "resnet18_sampler"])
def test_two_frozen_epochs_then_block_by_block(name: str) -> None:
    with torch.device("meta"):
        encoder = make_network(name).encoder("patch")
    assert [encoder.n_trained(epoch) for epoch in range(8)] == [0, 0, 1, 2, 3, 4, 5, 5]
    assert encoder.head_init == "he"


@pytest.mark.parametrize("name", STUDY.arms)
def test_every_network_takes_windows_and_has_a_map(name: str) -> None:
    with torch.device("meta"):
        network = make_network(name)
        images = torch.rand(4, 3, 64, 64)
        embedding = network.encoder("patch")(images)
    assert embedding.shape == (4, network.encoder("patch").output_size)
    # the mean of a transformer's tokens has no such maps
    assert (network.encoder("patch").map_layer() is None) == (name == "vit")
