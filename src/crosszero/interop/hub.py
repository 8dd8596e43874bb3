"""A model folder on the Hugging Face hub."""

from __future__ import annotations

from pathlib import Path

from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError, HFValidationError

from crosszero.errors import ConfigError, CrosszeroError, one_line
from crosszero.model.loading import locate_encoder

# What a run needs to go on, and paths of the machine that it ran on, are nobody else's business.
_OWN = (
    ".*", "checkpoints/*", "words/*", "gold/*", "tensorboard/*", "training.json", "metrics.jsonl",
    "failed-batch.json", "*.lock",
)  # fmt: skip


def push(
    run: str | Path,
    name: str,
    *,
    private: bool = False,
    revision: str = "main",
    message: str = "Upload with crosszero",
) -> str:
    """Upload a run or a model folder to the hub; a missing repository is created.

    Weights, tokeniser, pooling, card and what crosszero reads beside them are uploaded. Not so
    checkpoints, metrics, and settings with paths of this machine.

    Args:
        run: the folder.
        name: ``user/name`` of the repository.
        private: whether a new repository is seen by its owner alone.
        revision: branch.
        message: of the commit.

    Returns:
        The address of the commit.

    Raises:
        CheckpointError: there is no model in the folder.
        ConfigError: `name` is not a name of a repository.
        CrosszeroError: the hub can't be reached, or refuses.

    Example:
        >>> cz.push("run", "user/aligned-en-fr")                          # doctest: +SKIP
        'https://huggingface.co/user/aligned-en-fr/commit/...'
    """
    folder = Path(locate_encoder(run))
    if not folder.is_dir():
        raise ConfigError(f"{run}: a folder of this machine is needed")
    if name.count("/") != 1:
        raise ConfigError(f"{name!r} given; the name of a repository is user/name")
    api = HfApi()
    try:
        api.create_repo(name, private=private, exist_ok=True)
        if revision != "main":
            api.create_branch(name, branch=revision, exist_ok=True)
        done = api.upload_folder(
            repo_id=name, folder_path=folder, revision=revision, commit_message=message,
            ignore_patterns=list(_OWN),
        )  # fmt: skip
    except HFValidationError as error:
        raise ConfigError(f"{name}: {one_line(error)}") from error
    except HfHubHTTPError as error:
        status = getattr(error.response, "status_code", None)
        advice = "; log in with 'hf auth login', or set HF_TOKEN" if status in (401, 403) else ""
        raise CrosszeroError(f"{name}: the hub refuses: {one_line(error)}{advice}") from error
    except Exception as error:  # httpx and others, if the hub can't be reached
        raise CrosszeroError(f"{name}: can't be uploaded: {one_line(error)}") from error
    return str(done.commit_url)
