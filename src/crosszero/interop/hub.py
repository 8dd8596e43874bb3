"""A model folder on the Hugging Face hub."""

from __future__ import annotations

from pathlib import Path

from huggingface_hub import CommitOperationAdd, HfApi
from huggingface_hub.constants import ENDPOINT
from huggingface_hub.errors import HfHubHTTPError, HFValidationError

from crosszero.align.gold import GOLD_HASHES
from crosszero.errors import ConfigError, CrosszeroError, one_line
from crosszero.interop.hub_card import complete_card, read_scores
from crosszero.model.loading import locate_encoder
from crosszero.model.parts import list_parts
from crosszero.samples.gold import read_hashes, show_hashes


def push(
    run: str | Path,
    name: str,
    *,
    private: bool = False,
    revision: str = "main",
    message: str = "Upload with crosszero",
    scores: str | Path | None = None,
    license: str | None = None,  # noqa: A002  # the hub's word
    data_license: str | None = None,
) -> str:
    """Upload a run or a model folder to the hub; a missing repository is created.

    Weights, tokeniser, pooling, card and what crosszero reads beside them are uploaded, and
    nothing else that stands in the folder. Of gold links that were trained on, hashes of the
    sentences are uploaded, by which nobody measures the encoder on them.

    Args:
        run: the folder.
        name: ``user/name`` of the repository.
        private: whether a new repository is seen by its owner alone.
        revision: branch.
        message: of the commit.
        scores: ``scores.json`` of an evaluation, for the model card.
        license: identifier of the model's licence on the hub, such as ``cc-by-4.0``.
        data_license: what the model card says of the texts that the model was trained on.

    Returns:
        The address of the commit.

    Raises:
        CheckpointError: there is no model in the folder.
        ConfigError: `name` is not a name of a repository, or the card has no good header.
        DataError: the scores, or the gold that was trained on, can't be read.
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
    card = complete_card(
        _read_card(folder), name, local=Path(run).resolve().name, license=license,
        scores=None if scores is None else read_scores(scores, run), data_license=data_license,
    )  # fmt: skip
    api = HfApi()
    try:
        api.create_repo(name, private=private, exist_ok=True)
        if revision != "main":
            api.create_branch(name, branch=revision, exist_ok=True)
        files: dict[str, bytes | Path] = {"README.md": card.encode()}
        files |= {path.relative_to(folder).as_posix(): path for path in list_parts(folder)}
        if hashes := read_hashes(folder):  # the sentences themselves stay here
            files[GOLD_HASHES] = show_hashes(hashes).encode()
        done = api.create_commit(
            name,
            [CommitOperationAdd(place, content) for place, content in files.items()],
            revision=revision,
            commit_message=message,
        )
    except HFValidationError as error:
        raise ConfigError(f"{name}: {one_line(error)}") from error
    except HfHubHTTPError as error:
        status = getattr(error.response, "status_code", None)
        advice = "; log in with 'hf auth login', or set HF_TOKEN" if status in (401, 403) else ""
        raise CrosszeroError(f"{name}: the hub refuses: {one_line(error)}{advice}") from error
    except Exception as error:  # httpx and others, if the hub can't be reached
        raise CrosszeroError(
            f"{name}: can't be uploaded: {one_line(error)}; check the connection to {ENDPOINT}"
        ) from error
    return str(done.commit_url)


def _read_card(folder: Path) -> str:
    path = folder / "README.md"
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
