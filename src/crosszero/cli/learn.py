"""The commands that train: prepare, show, train, trim. Their dataclasses are their flags."""

from __future__ import annotations

import dataclasses
import logging
import os
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from crosszero.bitext.read import BitextConfig, read_sources
from crosszero.bitext.reader import FormatName as FormatName  # of a flag: it is looked up here
from crosszero.cli.flags import ALIGNED, EncoderName, Flat, RayAddress
from crosszero.errors import ConfigError
from crosszero.samples.prepare_config import FinderConfig, PrepareConfig
from crosszero.training.train_config import LoraConfig, TrainConfig, list_unread

_log = logging.getLogger("crosszero")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Source(BitextConfig):
    __doc__ = BitextConfig.__doc__

    path: Annotated[str | list[str], Parameter(parse=False)] = "."
    languages: list[str] | None = None
    columns: list[int | str] | None = None


def prepare(
    paths: list[str],
    /,
    *,
    out: Path,
    encoder: EncoderName = ALIGNED,
    ray_address: RayAddress = None,
    source: Annotated[Source, Flat] = Source(),
    words: Annotated[FinderConfig, Parameter(name="words")] = FinderConfig(),  # noqa: B008
    sampling: Annotated[PrepareConfig, Flat] = PrepareConfig(),  # noqa: B008
) -> None:
    """Read parallel text, find the word pairs, and store both.

    Examples: crosszero prepare corpus.en-fr.tsv --out samples

    crosszero prepare opus.en opus.fr --out samples --words.kind lexicon --words.lexicon en,fr=d.tsv

    Parameters
    ----------
    paths
        Files, a folder, the prefix of aligned files (data/multi), or a hub id.
    out
        Folder for the samples. With --skip-bad, OUT-skipped-1.txt lists what was left out.
    encoder
        For --words.kind encoder: the encoder whose middle layer links the words.
    """
    from contextlib import ExitStack

    from crosszero.files import real_place
    from crosszero.samples import Summary
    from crosszero.samples import prepare as prepare_samples
    from crosszero.samples.store_places import default_held_out
    from crosszero.samples.summary import StageLog

    source = dataclasses.replace(source, path=paths[0] if len(paths) == 1 else paths)
    read = [Path(os.path.realpath(name)) for name in paths]
    read += [path.parent for path in read if path.is_file()]
    # An input must not be replaced, nor the folder of a file. What was held out is replaced, too,
    # or removed.
    for place in (out, default_held_out(out)):
        if real_place(place) in read:
            also = f" {place}, which goes with it," if place != out else ""
            raise ConfigError(f"--out {out}:{also} is read by this command; choose another name")
    if encoder != ALIGNED and words.kind != "encoder":
        raise ConfigError("--encoder: finds no words unless --words.kind encoder is given, too")
    _check_words(words)
    if sampling.seed != PrepareConfig.seed and not sampling.hold_out:
        raise ConfigError(f"--seed {sampling.seed}: draws nothing unless --hold-out is given, too")
    source.open()  # wrong names and languages are told before anything is written
    with ExitStack() as stack:
        fill = None
        if ray_address is not None:
            from crosszero.cluster import Cluster, ClusterFill

            fill = ClusterFill(stack.enter_context(Cluster(ray_address)))
        store = prepare_samples(
            read_sources([source], Path(f"{out.resolve()}-skipped.txt")),
            out=out,
            words=words,
            encoder=encoder,
            max_chars=sampling.max_chars,
            deduplicate=sampling.deduplicate,
            hold_out=sampling.hold_out,
            seed=sampling.seed,
            progress=StageLog(),
            fill=fill,
        )
    _log.info("%s", Summary.of(store))


def _check_words(words: FinderConfig) -> None:
    """Refuse (ConfigError) flags that the kind of finder does not look at."""
    homes = {"lexicon": "lexicon", **dict.fromkeys(("fit_pairs", "samplers", "seed"), "aligner")}
    for field in dataclasses.fields(words):
        home = homes.get(field.name, words.kind)
        unused = home != words.kind or (words.kind == "none" and field.name != "kind")
        if unused and getattr(words, field.name) != field.default:
            advice = "" if home == words.kind else f", or give --words.kind {home}"
            raise ConfigError(
                f"--words.{field.name.replace('_', '-')}: is not read with --words.kind "
                f"{words.kind}; leave it out{advice}"
            )


def show(
    samples: Path,
    /,
    *,
    count: int = 10,
    language: str | None = None,
    seed: int = 1,
    color: bool | None = None,
) -> None:
    """Print samples with their word pairs marked.

    Parameters
    ----------
    samples
        A store that 'crosszero prepare' wrote.
    count
        How many samples.
    language
        Only this language pair, such as en-fr.
    seed
        Seed of the random choice of samples.
    color
        Mark by colour (the default on a terminal) or by numbered brackets (elsewhere).
    """
    from crosszero.samples import SampleStore, choose_samples, format_sample

    paint = sys.stdout.isatty() if color is None else color
    store = SampleStore.open(samples)
    for sample in choose_samples(store, count, language=language, seed=seed):
        sys.stdout.write(format_sample(sample, color=paint) + "\n\n")


def train(
    samples: Path | None = None,
    /,
    *,
    out: Path,
    gold: tuple[Path, ...] = (),
    encoder: EncoderName = "crosszero-mini",
    resume: bool = False,
    lora: bool = False,
    config: Annotated[TrainConfig, Flat] = TrainConfig(),  # noqa: B008
) -> None:
    """Post-train an encoder on samples.

    The run folder is then an ordinary model folder: AutoModel and SentenceTransformer load it.

    Parameters
    ----------
    samples
        A store that 'crosszero prepare' wrote.
    out
        Folder of the run.
    gold
        In place of samples: hand-made word alignments, such as gold/de-en for gold/de-en.src, .tgt
        and .gold. A few hundred sentences are enough, with --level split and --layers.word.
    resume
        Continue from the newest checkpoint in OUT.
    lora
        Train adapters only, with the defaults of the --lora settings. Needs the extra 'peft'.
    """
    from crosszero.files import check_output
    from crosszero.training.loop import train as train_encoder
    from crosszero.training.ranks import leave_ranks

    check_output(out, inputs=[samples] if samples else [], folder=True)
    for note in list_unread(config):
        _log.warning(note)
    if lora and config.lora is None:
        config = dataclasses.replace(config, lora=LoraConfig())
    train_encoder(encoder, samples, config, out=out, gold=gold, resume=resume)
    leave_ranks()
    _log.info("%s: done; load it with AutoModel.from_pretrained(%r)", out, str(out))


def trim(
    encoder: str,
    /,
    *,
    text: list[str] | None = None,
    languages: list[str] | None = None,
    check: list[str] | None = None,
    least: int = 1,
    out: Path,
) -> None:
    """Write an encoder with a smaller vocabulary, that of your text or languages.

    On text that it covers, it gives the same tokens and vectors as the encoder, takes less space
    and trains faster. Special tokens and all single characters of the scripts concerned are kept
    too, so that most other text falls back to smaller tokens.

    Example: crosszero trim intfloat/multilingual-e5-small --text corpus.* --out e5-small-mine

    Parameters
    ----------
    encoder
        crosszero-mini, a folder or a hub id, as it is or with @revision.
    text
        Files with one text per line, plain or .gz: the tokens that occur in them are kept.
    languages
        Language codes: all tokens in the scripts of these languages are kept, so that any text in
        these scripts is covered.
    check
        Files that serve only as a check: counts how many of their tokens are not covered.
    least
        Drop tokens that occur less often in the text.
    out
        Folder of the encoder.
    """
    from crosszero.bitext.lines import require_lines
    from crosszero.model.trimming import trim_encoder

    def read(paths: list[str] | None) -> list[str]:
        places = [os.path.realpath(path) for path in paths or ()]
        for path, place in zip(paths or (), places, strict=True):
            if path != "-" and places.count(place) > 1:
                raise ConfigError(f"{path}: is given twice; its tokens would count twice")
        return [x for path in paths or () for x in require_lines(path, empty_lines=True)]

    done = trim_encoder(
        encoder,
        out,
        texts=read(text),
        languages=languages or (),
        least=least,
        check=read(check),
    )
    before, after = done.tokens
    sizes = "{:.0f} MB instead of {:.0f} MB".format(*(n / 1e6 for n in done.size[::-1]))
    _log.info("%s: %s of %s tokens; weights of %s", out, f"{after:,}", f"{before:,}", sizes)
    if done.counted:
        share = 100 * done.missed / done.counted
        _log.info(
            "%s of %s tokens of the text (%s %%) are not covered and are replaced by others",
            f"{done.missed:,}",
            f"{done.counted:,}",
            f"{share:.2g}" if share < 10 else f"{share:.0f}",
        )
