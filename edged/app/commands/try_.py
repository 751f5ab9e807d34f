"""``edged try MODEL PICTURE|VIDEO``: ten minutes to a running model."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edged.app.commands.param_words import params_of
from edged.errors import EdgedError

if TYPE_CHECKING:
    from edged.model.trying import TryReport, TryRequest
    from edged.settings import Settings

_PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
_FILMS = (".mp4", ".m4v", ".mov")
_ANSWER_WITHIN_S = 150.0
"""Between two signs of life; the child's own deadline is a little shorter."""

_Model = Annotated[Path, typer.Argument(metavar="MODEL.onnx", help="The model.")]
_Footage = Annotated[Path, typer.Argument(metavar="PICTURE|VIDEO", help="What to run it on.")]
_Output = Annotated[
    Path | None,
    typer.Option(
        "-o", "--output", metavar="OUT", help="Default: MODEL-PICTURE.jpg or MODEL-VIDEO.mp4, here."
    ),
]
_Algorithm = Annotated[
    str | None, typer.Option(metavar="NAME", help="As edged algos lists it; default: the first that fits.")
]
_Head = Annotated[
    str | None, typer.Option(metavar="NAME", help="Of the detector; default: the one that fits.")
]
_Params = Annotated[
    list[str] | None,
    typer.Option(
        "--param",
        "-p",
        metavar="NAME=VALUE",
        help="Of the algorithm, as in a job: score=0.3, labels=[person].",
    ),
]
_Folder = Annotated[
    list[Path] | None, typer.Option(metavar="FOLDER", help="Of your own algorithms and heads.")
]
_Interval = Annotated[
    float, typer.Option(metavar="SECONDS", min=0, help="Between runs on a video; 0: each frame.")
]
_Provider = Annotated[str, typer.Option(metavar="NAME", help="What runs it: auto, cpu, openvino, cuda, …")]


def try_(  # noqa: PLR0913  each is one option of the command line
    model: _Model,
    footage: _Footage,
    *,
    output: _Output = None,
    algorithm: _Algorithm = None,
    head: _Head = None,
    param: _Params = None,
    folder: _Folder = None,
    interval: _Interval = 0.2,
    provider: _Provider = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Run a model on a picture or a video, and draw what it finds.

    Recognises what the model is, or says what its outputs look like; tells what a run costs here, and
    prints a config with its job to paste.

    Example: edged try yolox_nano_416.onnx street.jpg
    """
    from edged.app.trial_report import show

    params = _params(param or [], head, provider)
    request = replace(
        _request(model, footage, output),
        algorithm=algorithm or ("detector" if head else ""),
        params=params,
        interval_us=round(interval * 1e6),
        folders=tuple(str(one.resolve()) for one in folder or ()),
    )
    report = _ask(request, quiet=as_json)
    if as_json:
        typer.echo(_as_json(report, request))
    else:
        show(report, request, footage)
    if report.error:
        raise EdgedError(report.error, code=report.code or "algorithm_failed")


def _params(given: list[str], head: str | None, provider: str) -> dict[str, Any]:
    """Those left at their defaults are not among them."""
    try:
        params = params_of(given)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--param") from None
    if head is not None:
        params["head"] = head
    if provider != "auto":
        params["provider"] = provider
    return params


def _request(model: Path, footage: Path, output: Path | None) -> TryRequest:
    """What is read and written. Raises `EdgedError` where that cannot be."""
    from edged.model.trying import TryRequest
    from edged.settings import Settings

    for path in (model, footage):
        if not path.is_file():
            raise EdgedError(f"there is no file {path}", code="not_found")
    is_picture = footage.suffix.lower() in _PICTURES
    suffixes = _PICTURES if is_picture else _FILMS
    target = output or Path(f"{model.stem}-{footage.stem}{suffixes[0]}")
    if target.suffix.lower() not in suffixes:
        raise EdgedError(f"{target}: what comes of {footage.name} ends with {', '.join(suffixes)}")
    if not target.absolute().parent.is_dir():
        raise EdgedError(f"there is no folder {target.absolute().parent} to write {target.name} to")
    if target.exists() and any(target.samefile(path) for path in (model, footage)):
        raise EdgedError(f"{target} is what is read; give another name to write to with -o")
    return TryRequest(
        model=str(model.resolve()),
        footage=str(footage.resolve()),
        is_picture=is_picture,
        output=str(target.absolute()),
        cache=engine_folder(Settings()),
    )


def engine_folder(settings: Settings) -> str:
    """Where engines are kept: in the storage, which is made where it is not there, for its user's own use."""
    with suppress(OSError):
        settings.storage.path.mkdir(parents=True, exist_ok=True)
    return str(settings.storage.path / "engines")


def _ask(request: TryRequest, *, quiet: bool) -> TryReport:
    """The report, with its progress shown meanwhile. Whatever ends it, nothing half written stays."""
    from contextlib import ExitStack, closing

    from edged.app.ask import ask_until
    from edged.app.processes import TRYING
    from edged.app.trial_progress import progress
    from edged.model.trying import TryUpdate, part_of

    updates = ask_until(TRYING.module, request, TryUpdate, within_s=_ANSWER_WITHIN_S)
    with ExitStack() as ending:
        part = part_of(request.output)
        for left in (part, part_of(part)):
            ending.callback(Path(left).unlink, missing_ok=True)
        tell = ending.enter_context(progress(quiet=quiet))
        ending.enter_context(closing(updates))
        while (update := next(updates)).report is None:
            tell(update.done, update.total)
    return update.report


def _as_json(report: TryReport, request: TryRequest) -> str:
    from dataclasses import asdict

    from edged.app.trial_yaml import config_for

    told = asdict(report)
    if report.written:
        told["output"] = request.output
        told["config"] = config_for(report, request)
    return json.dumps(told, indent=2, ensure_ascii=False)
