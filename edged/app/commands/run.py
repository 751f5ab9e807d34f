"""``edged run CONFIG``: the daemon, in the foreground."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class LogLevel(StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


def run(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="The device's file: settings and spec.")],
    *,
    pictures: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write annotated JPEGs to this folder.")
    ] = None,
    reset_spec: Annotated[
        bool, typer.Option("--reset-spec", help="Go back to CONFIG's spec from what came over MQTT.")
    ] = False,
    log_level: Annotated[
        LogLevel, typer.Option(metavar="LEVEL", help="debug, info, warning or error.")
    ] = LogLevel.INFO,
) -> None:
    """Run the daemon on CONFIG, in the foreground.

    SIGTERM or Ctrl-C stop it in order, SIGHUP reads CONFIG again. On a terminal it shows one live
    line per source and job, otherwise it logs.

    Example: edged run gate.yaml --pictures /tmp/gate
    """
    from edged.app.daemon import RESTART, run_daemon

    code = run_daemon(config, pictures=pictures, log_level=log_level.value.upper(), reset_spec=reset_spec)
    if code == RESTART:
        words = [word for word in sys.orig_argv if word != "--reset-spec"]
        os.execv(sys.executable, words)  # noqa: S606 — the command that started us, in the same process
    raise typer.Exit(code)
