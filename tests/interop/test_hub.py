"""A run goes to the hub and comes back; the hub is a stand-in on this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import crosszero as cz
from crosszero.errors import CheckpointError, ConfigError
from tests.hub import StandIn, serve_hub

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def hub() -> Iterator[StandIn]:
    with serve_hub() as found:
        yield found


@pytest.fixture
def folder(model_folder: Callable[..., Path], tmp_path: Path) -> Path:
    """A model folder with what stands beside a model in the folder of a run."""
    path = Path(shutil.copytree(model_folder(), tmp_path / "run"))
    (path / "README.md").write_text("---\ntags: [crosszero]\n---\n# a card\n")
    (path / "training.json").write_text('{"encoder": "/home/someone/secret"}')
    (path / "checkpoints" / "step-00000001").mkdir(parents=True)
    (path / "checkpoints" / "step-00000001" / "weights.safetensors").write_bytes(b"x")
    return path


def run(hub: StandIn, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = hub.environment | {"PYTHONPATH": str(ROOT / "src"), **more}
    return subprocess.run(
        [sys.executable, "-m", "crosszero", *arguments],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_run_is_pushed_and_loaded_again(hub: StandIn, folder: Path, tmp_path: Path) -> None:
    done = run(hub, "push", str(folder), "someone/aligned", "--private")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{hub.address}/someone/aligned/commit/")
    files = hub.repositories["models/someone/aligned"]["main"]
    assert {"config.json", "model.safetensors", "tokenizer.json", "README.md"} <= files.keys()
    assert not any("checkpoint" in name or name == "training.json" for name in files)
    assert hub.private == {"someone/aligned"}

    (tmp_path / "a.en").write_text("the cat\nthe sea\n")
    out, home = tmp_path / "vectors.npy", {"HF_HOME": str(tmp_path / "home")}
    flags = ["--out", str(out), "--precision", "fp32", "--encoder"]
    done = run(hub, "encode", str(tmp_path / "a.en"), *flags, "someone/aligned", **home)
    assert done.returncode == 0, done.stderr
    expected = cz.Encoder.load(folder, precision="fp32").encode(["the cat", "the sea"])
    np.testing.assert_allclose(np.load(out), expected, atol=1e-6)


def test_a_revision_is_another_encoder(
    hub: StandIn, folder: Path, model_folder: Callable[..., Path], tmp_path: Path
) -> None:
    hub.add("someone/two", model_folder("xlm-roberta"))
    done = run(hub, "push", str(folder), "someone/two", "--revision", "next")
    assert done.returncode == 0, done.stderr
    (tmp_path / "a.en").write_text("the cat\n")
    found = {}
    for name in ("someone/two", "someone/two@main", "someone/two@next"):
        out, home = tmp_path / "vectors.npy", {"HF_HOME": str(tmp_path / "home")}
        flags = ["--out", str(out), "--precision", "fp32", "--encoder", name]
        done = run(hub, "encode", str(tmp_path / "a.en"), *flags, **home)
        assert done.returncode == 0, done.stderr
        found[name] = np.load(out)
    np.testing.assert_array_equal(found["someone/two"], found["someone/two@main"])
    expected = cz.Encoder.load(folder, precision="fp32").encode(["the cat"])
    np.testing.assert_allclose(found["someone/two@next"], expected, atol=1e-6)
    code = (
        "import sys; from crosszero.model.hashing import hash_encoder;"
        "print(*map(hash_encoder, sys.argv[1:]))"
    )
    names = ["someone/two", "someone/two@main", "someone/two@next", str(folder)]
    hashed = subprocess.run(
        [sys.executable, "-c", code, *names], check=True, capture_output=True, text=True,
        env=hub.environment | {"PYTHONPATH": str(ROOT / "src"), **home},
    ).stdout.split()  # fmt: skip
    assert hashed[1] != hashed[2] == hashed[3]  # of what is there, not of its name
    done = run(hub, "encode", str(tmp_path / "a.en"), *flags[:-1], "someone/two@gone", **home)
    assert done.returncode == 2
    assert done.stderr.startswith("crosszero: someone/two@gone: can't be loaded: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(("token", "says"), [("hf_wrong", "log in with 'hf auth login'")])
def test_a_refusal_is_told_on_one_line(hub: StandIn, folder: Path, token: str, says: str) -> None:
    done = run(hub, "push", str(folder), "someone/aligned", HF_TOKEN=token)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_hub_out_of_reach_is_told_on_one_line(hub: StandIn, folder: Path) -> None:
    done = run(hub, "push", str(folder), "someone/aligned", HF_ENDPOINT="http://127.0.0.1:1")
    assert done.returncode == 2
    assert done.stderr.startswith("crosszero: someone/aligned: can't be uploaded: ")
    assert done.stderr.count("\n") == 1


def test_what_is_no_model_or_no_name_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"has no config\.json"):
        cz.push(tmp_path, "someone/aligned")
    for name in ("aligned", "a/b/c", "someone/al igned"):
        with pytest.raises(ConfigError):
            cz.push(folder, name)
    assert os.environ.get("HF_HUB_OFFLINE") == "1"  # nothing of this was sent anywhere
