"""The commands about word links: align makes them, aer holds them against gold."""

from __future__ import annotations

import logging
import sys
import time
from itertools import islice
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from crosszero.align.blocks import Unit
from crosszero.align.eflomal import Symmetrisation
from crosszero.align.link_writer import LinkFormat
from crosszero.align.methods import METHOD, Method
from crosszero.cli.flags import Flat, Out, Raw, Reading, Resamples, Strict, name_place

_BLOCK = 256  # pairs of texts between two writes
_TELL = 10  # seconds between two lines of progress
_log = logging.getLogger("crosszero")


def align(
    source: Annotated[str, Parameter(allow_leading_hyphen=True)],
    target: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    /,
    *,
    out: Out = Path("-"),
    method: Method = METHOD,
    unit: Unit | None = None,
    threshold: float | None = None,
    symmetrisation: Symmetrisation | None = None,
    layer: int | Literal["first-last", "auto"] | None = None,
    raw: Raw = None,
    languages: list[str] | None = None,
    format: LinkFormat | None = None,  # noqa: A002  (name of the flag)
    load: Path | None = None,
    save: Path | None = None,
    strict: Strict = False,
    reading: Annotated[Reading, Flat] = Reading(),  # noqa: B008
) -> None:
    """Link the words of sentences and their translations.

    Examples: crosszero align "The house is small." "La maison est petite."

    crosszero align corpus.en corpus.fr --encoder runs/one --out en-fr.links

    Parameters
    ----------
    source
        One text per line, words separated by spaces, plain or .gz; - is standard input. Or both
        sides in one file: lines 'source ||| target', TSV, or JSONL with "source" and "target". Or a
        text.
    target
        Its translations, line by line; or a single translation.
    out
        For each line its links i-j, source word and target word, counted from 0 (Pharaoh). If an
        earlier run was stopped, its file is continued. By default standard output.
    method
        argmax and itermax (as simalign), softmax (as awesome-align), ot (optimal transport), hmm
        (similarity and the links of the neighbours), statistical (counts of these texts, no
        encoder), combined (hmm and counts).
    unit
        Compare sub-tokens, words, or both; by default what suits the method.
    threshold
        Lowest score of a link, 0 to 1; by default what suits the method.
    symmetrisation
        For argmax and statistical, which link from both sides: intersection, union or
        grow-diag-final-and.
    layer
        Hidden layer, from 1; first-last, as crosszero trains; auto, to choose on these texts. By
        default what the encoder's folder says, or what is known of its kind.
    raw
        Split plain text into words, without punctuation. By default words are separated by spaces,
        except where a script has none (Chinese, Japanese, Thai) and the text has none.
    languages
        Languages of source and target: --languages en fr. They decide how apostrophes are treated
            in raw text.
    format
        pharaoh, scores (0-0:0.98) or jsonl (words with their characters, links with scores). By
        default two texts are drawn where a terminal shows them, and jsonl elsewhere; files pharaoh.
    load
        Use this statistical aligner, which --save has written, instead of training one.
    save
        Keep the statistical aligner that was trained.
    """
    from crosszero.align.corpus import Corpus, count_words
    from crosszero.align.eflomal import TwoWayModel
    from crosszero.align.layer_choice import find_layer
    from crosszero.align.link_writer import count_links, spell_links
    from crosszero.align.linker import WordLinker
    from crosszero.align.methods import LinkConfig
    from crosszero.align.text_pairs import check_lengths
    from crosszero.bitext.languages import check_pair
    from crosszero.bitext.lines import count_empty
    from crosszero.continuation import open_lines
    from crosszero.errors import ConfigError, count_things
    from crosszero.files import check_output, hash_files, make_key
    from crosszero.model.encoder import Encoder
    from crosszero.model.hashing import hash_encoder
    from crosszero.viewer.terminal import draw_here, draws

    codes = check_pair(languages) if languages is not None else ("", "")
    corpus = Corpus(source, target, raw=raw, languages=codes)
    config = LinkConfig(
        method=method, unit=unit, threshold=threshold, symmetrisation=symmetrisation
    )
    kind = format or ("jsonl" if corpus.given else "pharaoh")
    if raw and kind != "jsonl":
        _log.info(
            "links count the words that --raw finds, not what stands between spaces; "
            "--format jsonl writes the words, too"
        )
    drawn = format is None and corpus.given and draws(out)
    inputs = [*corpus.files, *reading.folder]
    check_output(out, inputs=[*inputs, *([load] if load else [])])
    if save is not None:
        check_output(save, flag="--save", inputs=inputs, outputs={"--out": out})
    counts = method in ("statistical", "combined") or save is not None or load is not None
    if load is not None and save is not None:
        raise ConfigError("--save: nothing is counted where --load is given; give one of them")
    if method == "statistical":
        why = "method statistical reads no encoder; leave this out, or choose another method"
        reading.refuse(why, layer=layer)
    if load is not None and method not in ("statistical", "combined") and layer != "auto":
        raise ConfigError(
            f"--load: method {method} needs no counts; give --method combined or statistical"
        )
    if corpus.files:
        check_lengths(*corpus.files)
    statistics = None
    if counts:
        statistics = TwoWayModel.load(load) if load else count_words(corpus)
        if save is not None and load is None:
            statistics.save(save)
    model = None
    if method != "statistical":
        model = reading.load(layer=None if layer == "auto" else layer)
        if layer == "auto":
            layers = range(1, model.backbone.layers + 1)
            model = Encoder(
                model.backbone,
                layer=find_layer(model, corpus, layers, statistics) or model.alignment_layer,
                max_length=reading.max_length,
                precision=model.precision,
            )
    linker = WordLinker(model, config, statistics=statistics)
    key = None
    if corpus.can_be_read_again:
        read: list[object] | None = None
        if model:
            read = [hash_encoder(reading.encoder), model.alignment_layer, reading.max_length]
            read += [model.precision] if model.precision != "fp32" else []
        counted = hash_files(load) if load else None
        way = [method, unit, threshold, symmetrisation, raw, languages, kind, counted]
        texts = [source, target] if corpus.given else hash_files(*corpus.files)
        key = make_key({"encoder": read, "way": way, "texts": texts})
    links = 0
    with open_lines(out, key) as lines:
        pairs = count_empty(
            corpus,
            lambda pair: [text.text for text in pair],
            corpus.files,
            strict=strict,
            outcome="empty lines in their place",
        )
        linker.pass_over(islice(pairs, lines.done))
        if lines.done:
            _log.info(
                "%s%s lines are there from an earlier run%s",
                name_place(out),
                f"{lines.done:,}",
                "; words without a vector are counted in the others only" if model else "",
            )
            links = sum(count_links(line, kind) for line in lines.read_done())
        begun, told = time.monotonic(), time.monotonic()
        linked = linker.link_pairs(pairs)
        while rows := list(islice(linked, _BLOCK)):
            lines.write([draw_here(row) if drawn else spell_links(*row, kind) for row in rows])
            links += sum(len(row.links) for row in rows)
            if time.monotonic() - told > _TELL:
                told = time.monotonic()
                rate = (lines.count - lines.done) / (told - begun)
                speed = f"{rate:.2g}" if rate < 10 else f"{rate:,.0f}"
                _log.info("%s lines done, %s a second", f"{lines.count:,}", speed)
    linker.warn()
    found = count_things(links, "link", "links")
    where = count_things(lines.count, "line", "lines")
    _log.info("%s%s in %s", name_place(out), found, where)


def aer(
    links: Path,
    gold: Path,
    /,
    *,
    against: Path | None = None,
    base: Literal[0, 1] | None = None,
    gold_base: Literal[0, 1] | None = None,
    resamples: Resamples = 10_000,
) -> None:
    """Compare word links with gold links: alignment error rate, precision, recall.

    Example: crosszero aer ours.links en-fr.gold --against theirs.links

    Parameters
    ----------
    links
        Links of any tool: Pharaoh (0-0 1-2, with scores or without), WPT's lines, TSV of source,
        target and links (XL-WA), or JSONL.
    gold
        Gold links in the same formats; 3p4 or P marks a possible link. Links to NULL are left out
        and counted.
    against
        Links of another tool: the difference, with a paired bootstrap over sentences.
    base
        0 or 1: what the links count from; by default found from the files.
    gold_base
        The same for the gold links.
    """
    from crosszero.align.aer import count_errors, score_alignment
    from crosszero.align.link_reader import read_links
    from crosszero.errors import DataError
    from crosszero.experiment.comparison import compare_corpora

    paths = [links, *([against] if against else [])]
    right, *files = read_links(gold, base=gold_base), *(read_links(p, base=base) for p in paths)
    for path, file in zip((gold, *paths), (right, *files), strict=True):
        null = f", {file.null:,} links to NULL are left out" if file.null else ""
        _log.info("%s: words count from %d%s", path, file.base, null)
    wanted, scores, counts = right.rows, [], []
    for path, file in zip(paths, files, strict=True):
        rows = [row.allowed for row in file.fill(len(wanted))]
        if len(rows) != len(wanted):
            raise DataError(path, f"{len(rows):,} sentence pairs, but {gold} has {len(wanted):,}")
        right.check_words(gold, file, path)
        file.check_words(path, right, gold)
        scores.append(score_alignment(rows, wanted))
        counts.append(count_errors(rows, wanted)[:, None])
    out = sys.stdout.write
    width = max(len(str(path)) for path in paths)
    out(f"{'links':{width}}    AER  precision  recall     F1\n")
    for path, score in zip(paths, scores, strict=True):
        values = (score.aer, score.precision, score.recall, score.f1)
        cells = [f"{100 * value:.2f}" for value in values]
        out(f"{path!s:{width}}  {cells[0]:>5}  {cells[1]:>9}  {cells[2]:>6}  {cells[3]:>5}\n")
    if against is not None:
        _, difference = compare_corpora({"": (counts[1], counts[0])}, resamples=resamples)
        low, high = 100 * difference.low, 100 * difference.high
        out(
            f"AER of {links} minus AER of {against}: {100 * difference.difference:+.2f} (95 % "
            f"interval {low:+.2f} to {high:+.2f}, p = {difference.p_value:.4f})\n"
        )
