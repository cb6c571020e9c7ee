"""Keys of `[training]` and `[tuning]`: how networks are trained, and what is searched."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from tumorboard.study_table import Keys, Watched, named


class Optimizer(Keys):
    """How weights are changed.

    Args:
        name: The optimiser.
        learning_rate: Step size.
        encoder_learning_rate: Step size of the encoders' weights, where it is not that of fusion
            and head: pretrained weights are moved more gently than a new head.
        weight_decay: Pull of the weights towards zero.
        momentum: Of `sgd` only.
    """

    name: Literal["adam", "adamw", "sgd"] = "adamw"
    learning_rate: Annotated[float, Field(gt=0)] = 1e-4
    encoder_learning_rate: Annotated[float, Field(gt=0)] | Literal["same"] = "same"
    weight_decay: Annotated[float, Field(ge=0)] = 1e-4
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9


class Schedule(Keys):
    """How the learning rate falls.

    Args:
        name: `plateau` watches validation patients, `step` acts every so many epochs.
        factor: The learning rate is multiplied by it (`plateau`, `step`).
        patience: Epochs without improvement before that (`plateau`).
        metric: What is watched (`plateau`).
        every: Epochs between two steps (`step`).
        minimum: The learning rate falls no lower (`plateau`).
        warmup_epochs: Epochs over which it first rises.
    """

    name: Literal["none", "plateau", "step", "cosine"] = "none"
    factor: Annotated[float, Field(gt=0, lt=1)] = 0.5
    patience: Annotated[int, Field(ge=0)] = 3
    metric: Watched = "loss"
    every: Annotated[int, Field(ge=1)] = 10
    minimum: Annotated[float, Field(ge=0)] = 1e-7
    warmup_epochs: Annotated[int, Field(ge=0)] = 0


class Stop(Keys):
    """Early stopping on validation patients.

    Args:
        metric: What is watched.
        patience: Epochs without improvement before training stops; 0 trains every epoch.
        keep: Weights of the best epoch, or of the last.
    """

    metric: Watched = "loss"
    patience: Annotated[int, Field(ge=0)] = 8
    keep: Literal["best", "last"] = "best"


class Loss(Keys):
    """What training makes small.

    Args:
        name: The loss; of masks `dice_ce` or `dice_focal` (a sum of both).
        class_weights: `effective_number` is the class balance of Cui et al., CVPR 2019.
        gamma: How much easy patients count less (`focal`).
        beta: Of `effective_number`.
        label_smoothing: Share of the target that is spread over all classes.
    """

    name: Literal["cross_entropy", "focal", "dice_ce", "dice_focal"] = "cross_entropy"
    class_weights: Literal["none", "balanced", "effective_number"] = "none"
    gamma: Annotated[float, Field(ge=0)] = 2.0
    beta: Annotated[float, Field(gt=0, lt=1)] = 0.999
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0


class Patches(Keys):
    """Parts of an image that a segmenter is trained on.

    Args:
        size: Pixels or voxels along each axis; a last side of 1 reads a volume slice by slice.
            `auto` is the whole image, and of a volume at most 96 voxels a side.
        per_case: Patches of each image in one epoch.
        foreground: Share of the patches that are drawn around a voxel of a label, each label
            equally often; the others lie anywhere.
        neighbours: Slices on either side that are further channels, where a volume is read slice by
            slice (2.5D).
        overlap: Share of two neighbouring patches that overlap when a whole image is segmented.
        flips: Axes along which the image is mirrored for further answers that are averaged; of a
            picture x mirrors left and right, y top and bottom.
    """

    size: list[Annotated[int, Field(ge=1)]] | Literal["auto"] = "auto"
    per_case: Annotated[int, Field(ge=1)] = 2
    foreground: Annotated[float, Field(ge=0, le=1)] = 0.5
    neighbours: Annotated[int, Field(ge=0)] = 0
    overlap: Annotated[float, Field(ge=0, lt=1)] = 0.5
    flips: list[Literal["x", "y", "z"]] = []


class Training(Keys):
    """How every network of the study is trained; an arm may override any of it.

    Args:
        epochs: Most passes over the training patients.
        batch_size: Rows per step.
        optimizer: A name, or a table with a name.
        schedule: A name, or a table with a name.
        stop: Early stopping.
        loss: A name, or a table with a name.
        sampler: `weighted` draws rare classes as often as frequent ones; `hard` as well, and within
            a class the rows that the network finds hard more often.
        modality_dropout: Chance that a modality is hidden while training, never the last one.
        gradient_clip: Longest gradient; 0 clips nothing.
        augment: Whether modalities augment training rows.
        patches: What a segmenter sees of an image at a time.
        members: Networks of a deep ensemble, each from its own seed; their outputs are averaged.
    """

    epochs: Annotated[int, Field(ge=1)] = 60
    batch_size: Annotated[int, Field(ge=2)] = 16
    optimizer: Annotated[Optimizer, BeforeValidator(named)] = Optimizer()
    schedule: Annotated[Schedule, BeforeValidator(named)] = Schedule()
    stop: Stop = Stop()
    loss: Annotated[Loss, BeforeValidator(named)] = Loss()
    sampler: Literal["shuffle", "weighted", "hard"] = "shuffle"
    modality_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    gradient_clip: Annotated[float, Field(ge=0)] = 0.0
    augment: bool = True
    patches: Patches = Patches()
    members: Annotated[int, Field(ge=1)] = 1


class SearchRange(Keys):
    """Where tuning looks for one key: from `low` to `high`, or among `choices`.

    Args:
        low: Least value.
        high: Greatest value.
        log: Whether it is searched on a logarithmic scale.
        step: Distance of the values that are tried; 0 tries any.
        choices: The values that are tried.
    """

    low: float | int | Literal["none"] = "none"
    high: float | int | Literal["none"] = "none"
    log: bool = False
    step: Annotated[float | int, Field(ge=0)] = 0
    choices: list[str | int | float | bool] = []


class Tuning(Keys):
    """The inner loop of nested cross-validation: which keys are searched, and where.

    Args:
        trials: Settings that are tried, per arm and split.
        metric: What the search improves.
        folds: Inner folds: every trial is fitted and scored on that many parts of the training
            and validation patients, and the mean counts. 0 scores it on the validation patients,
            which costs one fit and is noisy where they are few.
        space: Dotted key of the study -> where it is searched.
    """

    trials: Annotated[int, Field(ge=1)] = 20
    metric: Watched = "auroc"
    folds: Literal[0] | Annotated[int, Field(ge=2)] = 0
    space: Annotated[dict[str, dict[str, Any]], Field(min_length=1)]
