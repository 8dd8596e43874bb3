"""The program: parses, runs, and turns every user error into one line and exit status 2.

Nothing heavy is imported here: each command imports what it needs when it runs, so that ``--help``
answers at once.
"""

from __future__ import annotations

import errno
import io
import logging
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import FrameType
from typing import Any, NoReturn

from cyclopts import (
    App,
    CoercionError,
    ConsumeMultipleError,
    CycloptsError,
    Group,
    MissingArgumentError,
    Parameter,
    UnusedCliTokensError,
)

from crosszero import __version__
from crosszero.cli.flags import convert, name_kinds
from crosszero.errors import CrosszeroError, PeerError, quote, visible

_LONGEST = 2000  # characters of a message

# A module is loaded when one of its commands is called: listing them takes half a second less.
COMMANDS = {
    "Use": {
        "align:align": "Link the words of sentences and their translations.",
        "project:project": "Carry the labels of a text to its translation.",
        "use:mine": "Find lines with the same meaning in two texts.",
        "score:score": "Score each pair of a bitext: how likely it is a translation.",
        "use:encode": "Write one vector per line of a text.",
        "viewer:view": "Make one HTML page that shows linked sentence pairs; it works offline.",
        "viewer:serve": "Serve a page and a JSON interface: links, similarity, nearest sentences.",
    },
    "Train": {
        "learn:prepare": "Read parallel text, find the word pairs, and store both.",
        "learn:show": "Print samples with their word pairs marked.",
        "learn:train": "Post-train an encoder on samples.",
        "learn:trim": "Write an encoder with a smaller vocabulary, that of your text or languages.",
        "share:push": "Upload a run or a model folder to the Hugging Face hub.",
        "share:export": "Write an encoder as an ONNX model, for onnxruntime and other runtimes.",
        "measure:run": "Run a recipe: prepare, train, measure, and make the tables and the page.",
        "measure:demo": "Post-train crosszero-mini on a package's interface strings, in minutes.",
    },
    "Measure": {
        "align:aer": "Compare word links with gold links: alignment error rate, precision, recall.",
        "measure:evaluate": "Measure an encoder on XTREME's tasks, word alignment and word "
        "retrieval.",
        "measure:compare": "Compare two systems on the same items, with bootstrap intervals.",
        "measure:report": "Make one self-contained HTML page of an experiment or of an evaluation.",
    },
}
XTREME = {
    "xtreme:fetch": "Download XTREME's data and labels from the hub into a folder.",
    "xtreme:score": "Score predictions in XTREME's format against gold files.",
}


def make_app(*asked: str) -> App:
    """Register the commands.

    Args:
        asked: the command that is called, which speaks for itself; of the others one line is known.
    """
    app = App(
        name="crosszero",
        help="Post-train multilingual encoders, so that words and sentences with the same meaning "
        "lie together.",
        version=__version__,
        help_format="plaintext",  # the parser of rst takes 80 ms to load
        # Several values stand behind one flag: --gold A B.
        default_parameter=Parameter(
            negative_iterable=(), converter=convert, consume_multiple=(1, None)
        ),
    )
    for number, (heading, commands) in enumerate(COMMANDS.items()):
        group = Group(heading, sort_key=number)
        _register(app, commands, asked[:1], group=group)
    xtreme = App(
        name="xtreme", help="XTREME's files: fetch the data, score predictions.", group=group
    )
    _register(xtreme, XTREME, asked[1:2])
    app.command(xtreme)
    return app


def _register(app: App, commands: Mapping[str, str], asked: Sequence[str], **more: Any) -> None:
    for place, summary in commands.items():
        name = place.partition(":")[2]
        line = None if name in asked else summary
        app.command(f"crosszero.cli.{place}", name=name, help=line, help_format="rst", **more)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the program and exit: 0 when all went well, 2 for an error of the user's, 130 for ^C."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started us
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115, PTH123
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):  # a terminal that lacks a letter shows its code
            stream.reconfigure(errors="backslashreplace")
    handler = logging.StreamHandler()
    handler.setFormatter(_Lines())
    logging.basicConfig(handlers=[handler])
    # Threads that have nothing to do would spin, and take the cores from those that have: two
    # trainings on the same cores took five to ten times as long. Read when torch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    # These tell of each attempt to reach the hub; the error is told once, by us.
    for library in ("HF_HUB", "DATASETS"):
        os.environ.setdefault(f"{library}_VERBOSITY", "critical")
    # Of several processes of one training (torchrun) the first one speaks for all.
    first = os.environ.get("RANK", "0") == "0"
    logging.getLogger("crosszero").setLevel(logging.INFO if first else logging.ERROR)
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not os.environ.get("COLUMNS", "80").isdecimal() or int(os.environ.get("COLUMNS", 80)) < 40:
        os.environ["COLUMNS"] = "40"  # help can't be laid out in less, and would try for ever
    with suppress(ValueError):  # not the main thread
        signal.signal(signal.SIGTERM, _stop)  # what is half-written is removed, as after ^C
    try:
        make_app(*given[:2])(
            given,
            exit_on_error=False,
            print_error=False,
            result_action="return_value",
        )
        sys.stdout.flush()
    except CycloptsError as error:
        _fail(_explain(error))
    except PeerError:  # told by the process that it happened to
        sys.exit(2)
    except CrosszeroError as error:
        _fail(str(error))
    except BrokenPipeError:  # the reader of our output went away, as head does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except KeyboardInterrupt:
        _fail("stopped", status=130)
    except UnicodeEncodeError as error:  # libraries that take a name for text
        name = error.object[:_LONGEST]
        _fail(f"{name}: is not {error.encoding.upper()}; rename it, or set PYTHONUTF8=1")
    except OSError as error:
        name = f"{error.filename}: " if error.filename else ""
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        advice = "; free some space, or choose another place" if full else ""
        reason = error.strerror or " ".join(map(str, error.args))
        _fail(f"{name}{reason}{advice}")
    sys.exit(0)


def _explain(error: CycloptsError) -> str:
    """Say what was not understood, and where the command says what it takes."""
    command = " ".join(("crosszero", *(error.command_chain or ())))
    reason = " ".join(str(error).split())
    if isinstance(error, UnusedCliTokensError):
        reason = (
            f"{' '.join(error.unused_tokens or ())}: there are more words than {command} takes; "
            "each flag takes one value unless --help shows more, and a text with spaces stands in "
            "quotes"
        )
    elif isinstance(error, ConsumeMultipleError) and error.argument:
        reason = f"{error.argument.name} needs at least one value"
    elif isinstance(error, MissingArgumentError) and error.argument:
        reason = f"{error.argument.name}: a value is needed"
    elif (
        isinstance(error, CoercionError)
        and error.argument
        and error.token
        and "Choose from" not in reason
    ):
        given = error.token.value
        wanted = f"{quote(given)} given; {name_kinds(error.target_type)} is needed"
        # What our own converter says is lost where a type is one of several.
        known = isinstance(error.__context__, ValueError)
        reason = f"{error.argument.name}: {error.__context__ if known else wanted}"
    return f"{reason} ('{command} --help' lists what is allowed)"


def _stop(number: int, frame: FrameType | None) -> None:
    signal.signal(
        number, signal.SIG_IGN
    )  # timeout(1) sends it twice; the second cuts tidying short
    sys.exit(128 + number)


def _fail(message: str, *, status: int = 2) -> NoReturn:
    with suppress(OSError, ValueError):  # closed by whoever started us
        sys.stdout.flush()
        sys.stderr.write(f"crosszero: {_shorten(message)}\n")
    sys.exit(status)


def _shorten(message: str) -> str:
    """One line that can't command the terminal, of a length that a person reads."""
    line = visible(" ".join(message.split("\n")))
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]} ..."


class _Lines(logging.Formatter):
    """Log lines, on which text from files may stand."""

    def format(self, record: logging.LogRecord) -> str:
        return _shorten(record.getMessage())
