"""``edged ctl DEVICE OP [key=value…]``: tell a device something over MQTT, and print what it answers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from edged.app.ctl.operations import complete

_Device = Annotated[str, typer.Argument(metavar="DEVICE", help="Its name; @GROUP or @all: all of them.")]
_Op = Annotated[
    str,
    typer.Argument(
        metavar="OP", autocompletion=complete, help="A command, or watch, apply FILE, wait revision=N."
    ),
]
_Words = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="KEY=VALUE", help="JSON where it is JSON, else text; KEY=@FILE reads JSON or YAML."
    ),
]
_Mqtt = Annotated[
    str | None, typer.Option(metavar="URL", help="The broker, mqtt:// or mqtts://; default: $EDGED_MQTT.")
]
_Config = Annotated[
    Path | None, typer.Option("--config", "-c", metavar="CONFIG", help="Connect as this file says.")
]
_Username = Annotated[str | None, typer.Option(metavar="NAME", help="At the broker.")]
_PasswordFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Holds the password; default: $EDGED_MQTT_PASSWORD.")
]
_Ca = Annotated[
    Path | None, typer.Option(metavar="FILE", help="What the broker's certificate is checked with.")
]
_Cert = Annotated[Path | None, typer.Option(metavar="FILE", help="Your certificate, for mutual TLS.")]
_Key = Annotated[Path | None, typer.Option(metavar="FILE", help="Its key.")]
_Protocol = Annotated[
    Literal["auto", "5", "3.1.1"], typer.Option(metavar="auto|5|3.1.1", help="The version of MQTT.")
]
_Prefix = Annotated[
    str | None, typer.Option(metavar="TOPIC", help="What all topics begin with; default: edged/v1.")
]
_Id = Annotated[
    str | None,
    typer.Option("--id", metavar="TEXT", help="Of the command: given again, it has no second effect."),
]
_Timeout = Annotated[
    float | None,
    typer.Option(metavar="SECONDS", min=0.1, help="Default: what OP may take, and 5 s; for watch no end."),
]
_Output = Annotated[Path | None, typer.Option("-o", metavar="FILE", help="Where a snapshot goes.")]
_Revision = Annotated[int | None, typer.Option(metavar="N", min=1, help="For apply; default: the next one.")]
_Json = Annotated[bool, typer.Option("--json", help="What came, as it came, one line each.")]


def ctl(  # noqa: PLR0913  each is one option of the command line
    device: _Device,
    op: _Op,
    words: _Words = None,
    *,
    mqtt: _Mqtt = None,
    config: _Config = None,
    username: _Username = None,
    password_file: _PasswordFile = None,
    ca: _Ca = None,
    cert: _Cert = None,
    key: _Key = None,
    protocol: _Protocol = "auto",
    prefix: _Prefix = None,
    command_id: _Id = None,
    timeout: _Timeout = None,
    output: _Output = None,
    revision: _Revision = None,
    as_json: _Json = False,
) -> None:
    """Send a command to a device over MQTT, and print its answer.

    Commands: ping, get, validate, patch, pause, resume, snapshot, record, probe, restart, rebirth.
    watch prints results and events as they come, and what starts again, dies or fails; apply FILE
    makes a spec run and follows it until it does; wait revision=N waits for one.
    Exit code 1 when the answer is an error or none comes.

    Example: edged ctl gate-01 pause job=people --mqtt mqtt://broker.example

    More: edged ctl gate-01 get what=spec; edged ctl gate-01 snapshot source=gate -o gate.jpg;
    edged ctl gate-01 patch spec=@patch.yaml; edged ctl @all ping; edged ctl gate-01 watch
    """
    from edged.app.ctl.address import Given
    from edged.app.ctl.run import Order, prepare, run

    given = Given(mqtt, username, password_file, ca, cert, key, protocol, prefix, config)
    order = Order(device, op, tuple(words or ()), command_id, timeout, output, revision, as_json=as_json)
    try:
        task = prepare(given, order)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    raise typer.Exit(run(task))
