"""``edged models``: the models on this machine, and a catalogue of public ones."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import unquote, urlsplit

import typer

from edged.app.commands.model_description import info
from edged.errors import EdgedError

if TYPE_CHECKING:
    from rich.table import Table

    from edged.app.model_files import FileFound
    from edged.model.fetching import ModelFile
    from edged.settings import Loaded

models = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

Config = Annotated[
    Path | None,
    typer.Option("--config", "-c", metavar="CONFIG", help="The device's file, for its model folders."),
]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
_START = 12
"""Digits of a hash that people are shown."""


@models.callback()
def models_of_this_machine() -> None:
    """The models on this machine, and a catalogue of public ones.

    Example: edged models pull yolox-nano
    """


@models.command("list")
def list_models(*, config: Config = None, as_json: AsJson = False) -> None:
    """List the models that are here, and those of the catalogue.

    Example: edged models list -c gate.yaml
    """
    from edged.app.model_files import examine
    from edged.modelstore.catalogue import catalogue

    here = tuple(examine(_loaded(config)))
    if as_json:
        public = [asdict(model) for model in catalogue().values()]
        typer.echo(json.dumps({"here": [_plain(each) for each in here], "catalogue": public}, indent=2))
    else:
        _show(here)


@models.command("verify")
def verify(*, config: Config = None, as_json: AsJson = False) -> None:
    """Check the models that are here against the catalogue, and against what their specs say of them.

    Reads every file as a whole. Exit code 1 when one is not what it should be.

    Example: edged models verify -c gate.yaml
    """
    from edged.app.model_files import Standing, examine

    found = []
    for each in examine(_loaded(config)):
        found.append(each)
        if not as_json:
            said = {Standing.KNOWN: "OK", Standing.UNKNOWN: "unknown", Standing.WRONG: "WRONG"}[each.standing]
            typer.echo(": ".join(part for part in (f"{said:<8} {each.path}", each.remark) if part))
    if as_json:
        typer.echo(json.dumps([_plain(each) for each in found], indent=2))
    elif not found:
        typer.echo("no models here; `edged models list` names some that can be had")
    if any(each.standing is Standing.WRONG for each in found):
        raise typer.Exit(1)


@models.command("pull")
def pull(
    model: Annotated[
        str,
        typer.Argument(metavar="NAME|URL", help="Of the catalogue, or where one can be had (http, https)."),
    ],
    *,
    sha256: Annotated[
        str | None, typer.Option(metavar="HASH", help="That the file must have; the catalogue knows its own.")
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Or a file that ends with .onnx; default: the model folder of CONFIG."
        ),
    ] = None,
    config: Config = None,
) -> None:
    """Bring a model to this machine, verified.

    What was broken off goes on where it was; where nothing comes for a minute, it ends with exit code 1.
    HTTPS_PROXY, HTTP_PROXY and NO_PROXY hold. Without a hash whatever comes is taken, and its hash told.

    Example: edged models pull yolox-nano --to models
    """
    from edged.app.fetch_progress import watched
    from edged.app.model_files import folders_of
    from edged.app.model_files import pull as pull_file

    wanted = _wanted(model, sha256, to or _own_folder(_loaded(config)))
    if _is_here(wanted):
        typer.echo(f"{wanted.path} is here already, and is the one")
        return
    Path(wanted.path).parent.mkdir(parents=True, exist_ok=True)
    typer.echo(f"{wanted.name}: from {wanted.shown}", err=True)  # before a name that cannot be looked up
    try:
        with watched(wanted.name) as on_report:
            report = pull_file(wanted, on_report, folders=folders_of(None) if wanted.sha256 else ())
    except KeyboardInterrupt:
        typer.echo("stopped; what has come is kept: the same command goes on with it", err=True)
        raise
    typer.echo(f"{wanted.path}")
    typer.echo(f"sha256 {report.sha256}")
    _tell_origin(report.sha256, is_pinned=bool(wanted.sha256))


models.command("info")(info)


def _loaded(config: Path | None) -> Loaded | None:
    from edged.settings import load_settings

    return None if config is None else load_settings(config)


def _own_folder(loaded: Loaded | None) -> Path:
    """The folder that is the daemon's own, if jobs look there; else the first in which they do."""
    from edged.app.model_files import folders_of, store_of

    folders, own = folders_of(loaded), store_of(loaded).folder.parent
    return own if own in folders else folders[0]


def _wanted(model: str, sha256: str | None, to: Path) -> ModelFile:
    """Raises `EdgedError`."""
    from edged.model.fetching import ModelFile
    from edged.model.redact import redact_url
    from edged.modelstore.catalogue import catalogue
    from edged.modelstore.credentials import without_credentials
    from edged.settings import did_you_mean

    pinned = (sha256 or "").lower().removeprefix("sha256:")
    if sha256 is not None and not re.fullmatch(r"[0-9a-f]{64}", pinned):
        raise EdgedError("--sha256 should be the 64 hexadecimal digits that `sha256sum FILE` prints")
    if model.startswith(("http://", "https://")):
        try:
            url, authorization = without_credentials(model)
        except ValueError as error:
            raise EdgedError(f"{redact_url(model)}: {error}") from None
        place = _place(to, unquote(urlsplit(url).path).rpartition("/")[2])
        return ModelFile(place.name, url, redact_url(model), pinned, str(place.absolute()), authorization)
    entry = catalogue().get(model)
    if entry is None:
        hint = did_you_mean(model, catalogue()) or "; `edged models list` names them, or give a URL"
        raise EdgedError(f"there is no {model!r} in the catalogue{hint}", code="not_found")
    place = _place(to, entry.file)
    known = ModelFile(place.name, entry.url, entry.url, entry.sha256, str(place.absolute()))
    return replace(known, sha256=pinned) if pinned else known


def _place(to: Path, name: str) -> Path:
    if to.suffix == ".onnx":
        return to
    if not re.fullmatch(r"[\w.-]+\.onnx", name, re.ASCII) or name.startswith("."):
        raise EdgedError(
            "this URL does not end with the name of an .onnx file: name one, --to FOLDER/NAME.onnx"
        )
    return to / name


def _is_here(wanted: ModelFile) -> bool:
    """Raises `EdgedError` where another file is in the way."""
    from edged.modelstore.hashing import sha256_of

    path = Path(wanted.path)
    if not path.exists():
        return False
    if wanted.sha256 and path.is_file() and sha256_of(path) == wanted.sha256:
        return True
    what = "another file of that name" if wanted.sha256 else "a file of that name"
    raise EdgedError(f"{path}: {what} is here; remove it, or give another place with --to")


def _tell_origin(sha256: str, *, is_pinned: bool) -> None:
    from edged.modelstore.catalogue import known_as

    known = known_as(sha256)
    if known is not None:
        typer.echo(f"{known.name} of the catalogue: {known.origin}, {known.licence}")
    elif not is_pinned:
        typer.echo("no hash was given, so nothing vouches for this file; give this one from now on")


def _plain(found: FileFound) -> dict[str, object]:
    return {**asdict(found), "path": str(found.path)}


def _show(here: tuple[FileFound, ...]) -> None:
    from rich.table import Table
    from rich.text import Text

    from edged.app.terminal import console
    from edged.modelstore.catalogue import catalogue

    out = console()
    table = Table(box=None, pad_edge=False, header_style="dim")
    for header in ("here", "MB", "sha256", ""):
        _add_column(table, header)
    for found in here:
        table.add_row(
            Text(str(found.path)),
            Text(_mb(found.size_bytes)),
            Text(found.sha256[:_START]),
            Text(found.remark),
        )
    out.print(table if here else Text("no models here", style="dim"))
    out.print()
    table = Table(box=None, pad_edge=False, header_style="dim")
    for header in ("catalogue", "MB", "head", "labels", "size", "licence", ""):
        _add_column(table, header)
    for model in catalogue().values():
        cells = (model.name, _mb(model.size_bytes), model.head, model.labels, model.size, model.licence)
        table.add_row(*map(Text, cells), Text(model.summary))
    out.print(table)


def _mb(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.1f}"


def _add_column(table: Table, header: str) -> None:
    """On a narrow terminal names are cut before sizes are."""
    is_size = header == "MB"
    table.add_column(
        header,
        no_wrap=header != "",
        justify="right" if is_size else "left",
        min_width=4 if is_size else None,
    )
