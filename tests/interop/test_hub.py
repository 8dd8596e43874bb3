"""A run goes to the hub and comes back; the hub is a stand-in on this machine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from huggingface_hub import ModelCard
from safetensors.torch import save_file

import crosszero as cz
from crosszero.align.gold import GOLD_HASHES
from crosszero.bitext.pair import SentencePair
from crosszero.errors import CheckpointError, ConfigError
from crosszero.experiment.scores import Scores
from crosszero.interop.hub_card import complete_card, read_scores
from crosszero.model.backbone import Backbone
from crosszero.model.hashing import hash_encoder
from crosszero.model.head import ProjectionHead
from crosszero.model.parts import PROJECTION, list_parts
from crosszero.model.saving import save_encoder
from crosszero.samples.sample import Sample
from crosszero.samples.store import collect
from crosszero.tasks.score import Score
from tests.cli.corpus import PAIRS, write_corpus
from tests.hub import StandIn, serve_hub

ROOT = Path(__file__).parents[2]
OTHERS = (  # what may stand in the folder of a run, and is nobody else's business
    "training.json", "metrics.jsonl", "failed-batch.json", ".crosszero-lock", "optimizer.pt",
    "pytorch_model.bin", "notes.txt", "scores.json", "tmp/.env", ".env", "logs/events.out",
    "checkpoints/step-00000001/weights.safetensors", "checkpoints/step-00000001/config.json",
    "samples/part-00000.parquet", "samples/_metadata.json", "evaluation/scores.json",
    "1_Pooling/notes.txt", "1_Pooling/.config.json",
)  # fmt: skip


@pytest.fixture(scope="module")
def hub() -> Iterator[StandIn]:
    with serve_hub() as found:
        yield found


@pytest.fixture
def folder(model_folder: Callable[..., Path], tmp_path: Path) -> Path:
    """A model folder with what stands beside a model in the folder of a run."""
    path = Path(shutil.copytree(model_folder(), tmp_path / "run"))
    (path / "README.md").write_text("---\ntags: [crosszero]\n---\n# a card\n")
    for name in OTHERS:
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(b"{}")
    return path


def run(hub: StandIn, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = hub.environment | {"PYTHONPATH": str(ROOT / "src"), **more}
    return subprocess.run(
        [sys.executable, "-m", "crosszero", *arguments],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


def ask(hub: StandIn, script: str, *arguments: str, **more: str) -> str:
    """What a script prints, in a process that sees the hub."""
    environment = hub.environment | {"PYTHONPATH": str(ROOT / "src"), **more}
    command = [sys.executable, "-c", script, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_run_is_pushed_and_loaded_again(hub: StandIn, folder: Path, tmp_path: Path) -> None:
    done = run(hub, "push", str(folder), "someone/aligned", "--private")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{hub.address}/someone/aligned/commit/")
    files = hub.repositories["models/someone/aligned"]["main"]
    assert {"config.json", "model.safetensors", "tokenizer.json", "README.md"} <= files.keys()
    assert not files.keys() & {*OTHERS}
    assert hub.private == {"someone/aligned"}

    (tmp_path / "a.en").write_text("the cat\nthe sea\n")
    out, home = tmp_path / "vectors.npy", {"HF_HOME": str(tmp_path / "home")}
    flags = ["--out", str(out), "--precision", "fp32", "--encoder"]
    done = run(hub, "encode", str(tmp_path / "a.en"), *flags, "someone/aligned", **home)
    assert done.returncode == 0, done.stderr
    expected = cz.Encoder.load(folder, precision="fp32").encode(["the cat", "the sea"])
    np.testing.assert_allclose(np.load(out), expected, atol=1e-6)


def test_gold_that_was_trained_on_is_known_of_what_comes_back(
    hub: StandIn, folder: Path, tmp_path: Path
) -> None:
    """The sentences stay here. A folder from before gold.json has nothing but the sentences."""
    pair = SentencePair(
        source="le chat", target="the cat", source_language="fr", target_language="en", origin=""
    )
    collect([Sample.of(pair)], folder / "gold")
    done = run(hub, "push", str(folder), "someone/learned")
    assert done.returncode == 0, done.stderr
    files = hub.repositories["models/someone/learned"]["main"]
    assert GOLD_HASHES in files
    assert not any(name.startswith("gold/") or b"le chat" in files[name] for name in files)
    script = "import sys; from crosszero.samples.gold import find_known; " + (
        "print(*(find_known(name, ['le  chat', 'la mer'], ['x', 'y']) for name in sys.argv[1:]))"
    )
    names = ("someone/learned", "someone/learned@main", str(folder))
    assert ask(hub, script, *names, HF_HOME=str(tmp_path / "home")) == "[0] [0] [0]\n"


def test_training_goes_on_with_the_projection_head_of_the_hub(
    hub: StandIn, folder: Path, tmp_path: Path
) -> None:
    head = ProjectionHead(16, "multi")
    for parameter in head.parameters():
        torch.nn.init.constant_(parameter, 0.25)
    save_file(head.state_dict(), folder / PROJECTION)
    hub.add("someone/trained", folder)
    script = (
        "import sys\n"
        "from crosszero.model.backbone import Backbone\n"
        "from crosszero.training.setup import _make_head\n"
        "from crosszero.training.train_config import TrainConfig\n"
        "for name in sys.argv[1:]:\n"
        "    head = _make_head(name, Backbone.load(name), TrainConfig())\n"
        "    print(*{x for p in head.parameters() for x in p.flatten().tolist()})\n"
    )
    names = ("someone/trained", "someone/trained@main", str(folder))
    assert ask(hub, script, *names, HF_HOME=str(tmp_path / "home")) == "0.25\n" * 3


def test_the_card_names_scores_and_licences(hub: StandIn, folder: Path, tmp_path: Path) -> None:
    score = {"task": "tatoeba", "metric": "accuracy", "language": "fr", "value": 0.5, "count": 4}
    (tmp_path / "scores.json").write_text(json.dumps({"scores": [score]}))
    done = run(
        hub, "push", str(folder), "someone/measured", "--scores", str(tmp_path / "scores.json"),
        "--license", "cc-by-4.0", "--data-license", "Tatoeba: CC BY 2.0 FR",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    files = hub.repositories["models/someone/measured"]["main"]
    card = ModelCard(files["README.md"].decode())
    assert card.data.license == "cc-by-4.0"
    assert card.data.tags == ["crosszero"]
    [result] = card.data.eval_results
    assert (result.dataset_type, result.dataset_config) == ("tatoeba", "fr")
    assert (result.metric_type, result.metric_value) == ("accuracy", 0.5)
    assert "Tatoeba: CC BY 2.0 FR" in card.text
    assert "| tatoeba/accuracy | fr | 50.0 | 4 |" in card.text.replace("\\", "")
    assert (folder / "README.md").read_text().endswith("# a card\n")  # as it was
    own = {"scores": [score], "encoder": hash_encoder(folder)}
    (tmp_path / "scores.json").write_text(json.dumps(own))
    assert read_scores(tmp_path / "scores.json", folder)[0].value == 0.5
    (tmp_path / "scores.json").write_text(json.dumps(own | {"encoder": "another"}))
    with pytest.raises(ConfigError, match="scores of another encoder"):
        read_scores(tmp_path / "scores.json", folder)


@pytest.mark.parametrize("model", ["bert", "xlm-roberta"])
def test_all_that_a_saved_encoder_consists_of_is_pushed(
    model_folder: Callable[..., Path], tmp_path: Path, model: str
) -> None:
    folder = tmp_path / "saved"
    head = ProjectionHead(16, "multi")
    save_encoder(Backbone.load(model_folder(model)), folder, head=head, alignment_layer=1)
    parts = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert {p.relative_to(folder).as_posix() for p in list_parts(folder)} == parts - {"README.md"}


def test_results_in_a_card_replace_those_of_an_earlier_push_alone() -> None:
    def complete(card: str, value: float) -> str:
        row = Score(task="tatoeba", metric="accuracy", language="fr", value=value, count=4)
        return complete_card(card, "a/b", scores=Scores([row], title="By crosszero evaluate"))

    own = "# A card\n\n## Results\n\n| mine | 7 |\n\n## Limitations\n\nMany.\n"
    first = complete(own, 0.5)
    assert own.strip() in first
    assert "fr | 50.0 | 4 |" in first
    more = first + "\nWritten by hand.\n\n## Citation\n\nMine.\n"
    second = complete(more, 0.75)
    assert second.replace("75.0", "50.0").replace("0.75", "0.5") == more
    assert "fr | 75.0 | 4 |" in second


def test_a_model_without_safetensors_is_told_what_to_do(
    hub: StandIn, model_folder: Callable[..., Path], tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(model_folder(), tmp_path / "old"))
    hub.add("someone/old", folder, branch="refs/pr/2")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    hub.add("someone/old", folder)
    (tmp_path / "a.en").write_text("the cat\n")
    command = ["encode", str(tmp_path / "a.en"), "--out", str(tmp_path / "v.npy"), "--encoder"]
    more = {"HF_HOME": str(tmp_path / "home"), "DISABLE_SAFETENSORS_CONVERSION": "1"}
    done = run(hub, *command, "someone/old", **more)
    assert done.returncode == 2
    assert "someone/old: can't be loaded: has no .safetensors weights" in done.stderr
    assert "NAME@refs/pr/NUMBER" in done.stderr
    done = run(hub, *command, "someone/old@refs/pr/2", **more)
    assert done.returncode == 0, done.stderr
    done = run(hub, *command, "someone/old@refs/pr/2", **more, HF_HUB_OFFLINE="1")
    assert done.returncode == 0, done.stderr


def test_a_revision_is_another_encoder(
    hub: StandIn, folder: Path, model_folder: Callable[..., Path], tmp_path: Path
) -> None:
    hub.add("someone/two", model_folder("xlm-roberta"))
    done = run(hub, "push", str(folder), "someone/two", "--revision", "next")
    assert done.returncode == 0, done.stderr
    (tmp_path / "a.en").write_text("the cat\n")
    names = ["someone/two", "someone/two@main", "someone/two@next", str(folder)]
    done = subprocess.run(
        [sys.executable, "-c", READ, *names, "someone/two@gone"],
        env=hub.environment | {"PYTHONPATH": str(ROOT / "src"), "HF_HOME": str(tmp_path / "home")},
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    *found, ended = map(json.loads, done.stdout.splitlines())
    vectors = [row["vectors"] for row in found]
    assert vectors[0] == vectors[1] != vectors[2] == vectors[3]
    hashes = [row["hash"] for row in found]
    assert hashes[1] != hashes[2] == hashes[3]  # of what is there, not of its name
    assert ended == {"status": 2}
    assert done.stderr.startswith("crosszero: someone/two@gone: can't be loaded: ")
    assert done.stderr.count("\n") == 1


READ = """
import json, sys
from crosszero import Encoder
from crosszero.cli import main
from crosszero.model.backbone import Backbone
from crosszero.model.hashing import hash_encoder
for name in sys.argv[1:-1]:
    vectors = Encoder.load(name, precision="fp32").encode(["the cat"]).tolist()
    print(json.dumps({"vectors": vectors, "hash": hash_encoder(name)}))
try:
    main(["encode", "a.en", "--out", "v.npy", "--encoder", sys.argv[-1]])
except SystemExit as ended:
    print(json.dumps({"status": ended.code}))
"""
COMMANDS = [
    "align a.en a.fr --encoder NAME --out links",
    "project a.en a.fr --format markup --encoder NAME --out projected",
    "mine a.en a.fr --encoder NAME --out mined",
    "score a.en a.fr --encoder NAME --out scores",
    "encode a.en --encoder NAME --out vectors.npy",
    "prepare a.en-fr.tsv --words.kind encoder --encoder NAME --out prepared",
    "train samples --encoder NAME --level sentence --steps 1 --batch-size 2 --max-length 16 "
    "--precision fp32 --out trained",
    "evaluate --encoder NAME --data data --tasks word-alignment --out evaluation",
    "trim NAME --text a.en --out trimmed",
]
ALL = """
import sys
from crosszero.cli import main
for line in {commands!r}:
    try:
        main(line.replace("NAME", {name!r}).split())
    except SystemExit as ended:
        assert ended.code == 0, line
"""


def test_every_command_reads_a_revision(
    hub: StandIn, folder: Path, model_folder: Callable[..., Path], tmp_path: Path
) -> None:
    """The main branch holds no encoder, so that who reads it fails."""
    hub.add("someone/branched", folder)
    branches = hub.repositories["models/someone/branched"]
    branches |= {"v2": branches["main"], "main": {"README.md": b"nothing"}}
    write_corpus(tmp_path)
    for end, line in {"src": "the cat", "tgt": "le chat", "gold": "0-0 1-1"}.items():
        path = tmp_path / f"data/word-alignment/en-fr.{end}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(line + "\n")
    done = subprocess.run(
        [sys.executable, "-c", ALL.format(commands=COMMANDS, name="someone/branched@v2")],
        env=hub.environment | {"PYTHONPATH": str(ROOT / "src"), "HF_HOME": str(tmp_path / "home")},
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    card = ModelCard.load(tmp_path / "trained" / "README.md")
    assert card.data.base_model == "someone/branched"
    expected = cz.Encoder.load(folder, precision="fp32").encode([pair[0] for pair in PAIRS])
    np.testing.assert_allclose(np.load(tmp_path / "vectors.npy"), expected, atol=1e-2)


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
    (folder / "README.md").write_text("---\na: [\n---\n")
    with pytest.raises(ConfigError, match=r"README\.md: its header can't be read"):
        cz.push(folder, "someone/aligned")
    assert os.environ.get("HF_HUB_OFFLINE") == "1"  # nothing of this was sent anywhere
