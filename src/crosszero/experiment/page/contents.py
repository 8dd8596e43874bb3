"""The page of an experiment or of one evaluation, section by section."""

from __future__ import annotations

import datetime
import shlex
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean

from crosszero.errors import CrosszeroError, MissingExtraError, count_things
from crosszero.experiment import result_tables
from crosszero.experiment.page.blocks import Block, HeatMap, Origin, Section
from crosszero.experiment.page.curves import show_training
from crosszero.experiment.page.document import has_plotly, render_page
from crosszero.experiment.page.inputs import Encoders, find_lines
from crosszero.experiment.page.link_matrices import show_alignments
from crosszero.experiment.page.nearest_sentences import show_neighbours
from crosszero.experiment.page.word_maps import show_maps
from crosszero.experiment.records import describe_versions
from crosszero.experiment.results import Results, read_results
from crosszero.experiment.scores import Scores
from crosszero.files import atomic_file


def write_page(
    path: str | Path,
    *,
    out: Path | None = None,
    hover: bool | None = None,
    seed: int = 1,
    command: str = "",
) -> tuple[Path, list[str]]:
    """Make the page.

    Args:
        path: folder of an experiment or of an evaluation, or the experiment's YAML file.
        out: the page; none: ``report.html`` in the folder.
        hover: whether points of the maps say what they are; none: where plotly is installed.
        seed: of the draw of examples and of the maps.
        command: the command line that made it; by default ``crosszero report``.

    Returns:
        The page, and sentences about what it could not show.

    Raises:
        CrosszeroError: there are no results, or they can't be read.
        MissingExtraError: matplotlib or scikit-learn is not installed, or plotly is asked for.

    Example:
        >>> write_page("runs/suite")                            # doctest: +SKIP
        (PosixPath('runs/suite/report.html'), [])
    """
    if hover and not has_plotly():
        raise MissingExtraError("plotly", "plotly", "maps with hover texts")
    hover = has_plotly() if hover is None else hover
    results = read_results(path)
    encoders = Encoders(results)
    source, lines = "", list[dict[str, str]]()
    try:
        source, lines = find_lines(results)
    except CrosszeroError as error:
        encoders.notes.append(f"maps and nearest neighbours: {error}")
    options = ["--out", str(out)] if out else []
    command = command or shlex.join(["crosszero", "report", str(path), *options])
    sections = [
        *_show_scores(results),
        show_training(results),
        show_alignments(results, encoders, seed=seed),
        show_maps(source, lines, encoders, seed=seed, hover=hover),
        show_neighbours(source, lines, encoders, seed=seed),
        Section("How this was made", [_describe_origin(results, command, seed)]),
    ]
    notes = list(dict.fromkeys(encoders.notes))
    said = [*results.notes, *(f"Not shown: {note}" for note in notes)]
    summary = [*_summarise(results), *(f"{note}." for note in said)]
    page = out or results.folder / "report.html"
    with atomic_file(page) as file:
        file.write(render_page(f"crosszero: {results.title}", summary, sections))
    return page, notes


def _show_scores(results: Results) -> Iterator[Section]:
    """The measured table, heat maps by language, and the published rows, apart."""
    tasks = result_tables.list_columns(results)
    overall: list[Block] = [result_tables.make_overview(results)] if tasks else []
    if len({(record.system, record.seed) for record in results.records}) == 1:
        scores = [score for record in results.records for score in record.scores]
        overall.append(Scores(scores, "All scores").table())
    yield Section("Measured", overall or ["There are no scores."])
    heats: list[Block] = [
        "A stronger colour means a better number within the table. With several seeds: mean and "
        "half-width of the 95 % interval."
    ]
    for task in tasks:
        table = result_tables.make_languages(results, task)
        heats.append(HeatMap(table=table, lower_is_better=task.lower_is_better))
    yield Section("By language", heats if tasks else ["There are no scores by language."])
    if results.config and results.config.published:
        try:
            published: Block = result_tables.make_published(
                result_tables.read_published(results.config.published)
            )
        except CrosszeroError as error:
            published = f"The published numbers can't be read: {error}."
        yield Section("Published", [published])


def _summarise(results: Results) -> Iterator[str]:
    systems = list(dict.fromkeys(record.system for record in results.records))
    seeds, tasks = _list_seeds(results), result_tables.list_columns(results)
    yield (
        f"{count_things(len(systems), 'system', 'systems')}, "
        f"{count_things(len(tasks), 'task', 'tasks')}, "
        f"{'seeds' if ',' in seeds else 'seed'} {seeds}."
    )
    if results.planned is not None and (done := len(results.records)) < results.planned:
        yield f"{done} of {results.planned} measurements are done."
    if len(systems) == 2:
        for task in tasks:
            means = {system: result_tables.list_means(results, system, task) for system in systems}
            if all(means.values()):
                parts = [f"{fmean(values):.1f} % {system}" for system, values in means.items()]
                yield f"{task.title}: {', '.join(parts)} (mean over languages)."


def _list_seeds(results: Results) -> str:
    return ", ".join(map(str, sorted({record.seed for record in results.records})))


def _describe_origin(results: Results, command: str, seed: int) -> Origin:
    records = [record for record in results.records if record.date]
    dates = sorted(record.date[:10] for record in records)
    facts = {
        "Date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "Seeds": _list_seeds(results),
        "Draws of this page": f"seed {seed}",
    }
    if results.config is not None:
        paths = [source.path for source in results.config.bitext]
        names = [path if isinstance(path, str) else path[0] for path in paths]
        facts["Encoder"] = results.config.encoder
        facts["Text"] = ", ".join(Path(name).name for name in names)
    if records:
        minutes = sum(record.seconds for record in records) / 60
        facts |= {
            "Measured": dates[0] if dates[0] == dates[-1] else f"{dates[0]} to {dates[-1]}",
            "Measuring took": f"{minutes:.1f} minutes, training not counted",
            "Peak memory": f"{max(record.peak_memory for record in records):.0f} MB",
            "Machine": "; ".join(sorted({record.machine for record in records})),
            "Commit": ", ".join(sorted({record.commit for record in records} - {""})),
        }
    versions = records[-1].versions if records else describe_versions()
    facts["Versions"] = ", ".join(f"{name} {version}" for name, version in versions.items())
    return Origin(command=command, facts=facts)
