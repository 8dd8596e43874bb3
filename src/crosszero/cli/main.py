"""The program: parses, runs, and turns every error that a user can cause into one line and exit 2.

Nothing heavy is imported here: each command imports what it needs when it runs, so that ``--help``
answers at once.
"""

from __future__ import annotations

import io
import logging
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from cyclopts import App, CycloptsError, Parameter

from crosszero import __version__
from crosszero.cli import commands, scores, suites
from crosszero.errors import CrosszeroError, PeerError

app = App(
    name="crosszero",
    help="Post-train multilingual encoders so that words and sentences that mean the same lie "
    "together.",
    version=__version__,
    help_format="plaintext",  # of the list of commands: the parser of rst takes 80 ms to load
    default_parameter=Parameter(negative_iterable=()),
)
for command in (
    commands.prepare,
    commands.show,
    commands.train,
    suites.evaluate,
    scores.score,
    scores.compare,
    scores.fetch_xtreme,
    suites.suite,
    suites.claims,
    suites.report,
    commands.run,
    commands.demo,
):
    app.command(command, help_format="rst")


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the program and exit: 0 when all went well, 2 for an error of the user's, 130 for ^C."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that lacks a letter shows its code
            stream.reconfigure(errors="backslashreplace")
    logging.basicConfig(format="%(message)s", stream=sys.stderr)
    # Of several processes of one training (torchrun) the first one speaks for all.
    first = os.environ.get("RANK", "0") == "0"
    logging.getLogger("crosszero").setLevel(logging.INFO if first else logging.ERROR)
    try:
        app(
            list(sys.argv[1:] if arguments is None else arguments),
            exit_on_error=False,
            print_error=False,
            result_action="return_value",
        )
        sys.stdout.flush()
    except CycloptsError as error:
        _fail(f"{' '.join(str(error).split())} ('crosszero --help' lists what is allowed)")
    except PeerError:  # told by the process that it happened to
        sys.exit(2)
    except CrosszeroError as error:
        _fail(" ".join(str(error).split("\n")))
    except BrokenPipeError:  # the reader of our output went away, as head does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except KeyboardInterrupt:
        _fail("stopped", status=130)
    except OSError as error:
        if error.errno is None:
            raise
        name = f"{error.filename}: " if error.filename else ""
        _fail(f"{name}{error.strerror}")
    sys.exit(0)


def _fail(message: str, *, status: int = 2) -> NoReturn:
    sys.stdout.flush()
    sys.stderr.write(f"crosszero: {message}\n")
    sys.exit(status)
