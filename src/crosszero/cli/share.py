"""The commands that hand an encoder on: push."""

from __future__ import annotations

import sys


def push(
    run: str,
    name: str,
    /,
    *,
    private: bool = False,
    revision: str = "main",
    message: str = "Upload with crosszero",
) -> None:
    """Upload a run or a model folder to the Hugging Face hub.

    Example: crosszero push run user/aligned-en-fr --private

    Parameters
    ----------
    run
        The folder.
    name
        The repository, user/name; it is made if it is not there.
    private
        Let nobody else see a new repository.
    revision
        Branch.
    message
        Of the commit.
    """
    from crosszero.interop.hub import push as upload

    sys.stdout.write(f"{upload(run, name, private=private, revision=revision, message=message)}\n")
