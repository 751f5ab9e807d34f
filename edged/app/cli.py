"""The command line: which commands there are, and what their ends mean to a shell.

Exit codes: 0 fine; 1 the user's mistake or a failed check; 2 usage; 70 a bug (sysexits.h); 130 Ctrl-C.
"""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from typing import Annotated

import typer

from edged.app.ask import ChildBug
from edged.app.commands.algos import algos
from edged.app.commands.analyze import analyze
from edged.app.commands.bench import bench
from edged.app.commands.check import check
from edged.app.commands.ctl import ctl
from edged.app.commands.doctor import doctor
from edged.app.commands.models import models
from edged.app.commands.new import new
from edged.app.commands.probe import probe
from edged.app.commands.run import run
from edged.app.commands.schema import schema
from edged.app.commands.try_ import try_
from edged.errors import EdgedError, SpecRejected

EXIT_FAILED = 1
EXIT_BUG = 70
EXIT_INTERRUPTED = 130
_DEBUG = "--debug"

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main(arguments: list[str] | None = None) -> None:
    """The entry point of the console script. Always ends in SystemExit."""
    _fill_standard_streams()
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = _DEBUG in words
    try:
        typer.main.get_command(app).main([word for word in words if word != _DEBUG], prog_name="edged")
    except (EdgedError, ChildBug, OSError) as error:
        if debug:
            raise
        sys.exit(_explain(error))
    except KeyboardInterrupt:  # before or after the command itself, which has its own answer
        sys.exit(EXIT_INTERRUPTED)
    except Exception as error:
        if debug:
            raise
        _report_bug(error)
        sys.exit(EXIT_BUG)


def _fill_standard_streams() -> None:
    """A shell may close them (``>&-``): then the next file or socket that is opened would be in their places,
    and be written to by children. What stands there now refuses: EBADF, as for other programs.
    """
    while (fd := os.open(os.devnull, os.O_RDONLY)) <= 2:
        os.set_inheritable(fd, True)
    os.close(fd)
    sys.stdout = sys.stdout or Path(os.devnull).open("w")  # noqa: SIM115 - for as long as the process
    sys.stderr = sys.stderr or Path(os.devnull).open("w")  # noqa: SIM115


def show_version(*, wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"edged {version('edged')}")
        raise typer.Exit


@app.callback()
def root(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            is_eager=True,
            callback=lambda value: show_version(wanted=value),
            help="Show the version and exit.",
        ),
    ] = False,
    debug: Annotated[bool, typer.Option(_DEBUG, help="Show tracebacks; may stand anywhere.")] = False,
) -> None:
    """Cameras in, ONNX on sampled frames, results over MQTT.

    Example: edged run gate.yaml
    """


app.add_typer(new, name="new")
app.add_typer(models, name="models")
app.add_typer(bench, name="bench")
for command in (run, check, probe, algos, doctor, ctl, analyze, schema):
    app.command()(command)
app.command("try")(try_)


def _explain(error: Exception) -> int:
    """Say on standard error what is wrong; the exit code."""
    if isinstance(error, ChildBug):
        typer.echo(
            f"edged: a child process died of a bug. Please report it with these lines:\n{error}", err=True
        )
        return EXIT_BUG
    lines: tuple[object, ...] = (f"edged: {error}",)
    if isinstance(error, SpecRejected):
        lines = error.problems
    elif isinstance(error, OSError) and error.filename is not None:
        lines = (f"edged: {error.filename}: {error.strerror}",)
    for line in lines:
        typer.echo(str(line), err=True)
    return EXIT_FAILED


def _report_bug(error: Exception) -> None:
    """One line. Without the message and the arguments: either may hold a password."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    typer.echo(
        f"edged: a bug: {type(error).__name__} in {Path(place.filename).name}:{place.lineno}. "
        f"Please report it with what the same command prints with {_DEBUG}.",
        err=True,
    )
