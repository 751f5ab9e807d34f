"""``edged new algorithm NAME``: a file to start from, that runs."""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from edged.errors import EdgedError

new = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

_TEMPLATE = '''\
"""An algorithm for edged: how bright the picture is. Make it yours."""

from edged import BaseAlgo


class {cls}(BaseAlgo):
    """How bright the picture is."""

    def init(self, threshold=0.5):
        """Once, in the worker, before the first run. The arguments are the job's params."""
        self.threshold = threshold

    def run(self, frames):
        """At each sampled frame: BGR uint8 arrays (height, width, 3), oldest first."""
        brightness = frames[-1].mean() / 255
        # Boxes are in pixels of the frame; edged divides. One that is found would be:
        # {{"label": "lamp", "score": 0.9, "box": [x_min, y_min, x_max, y_max]}}
        return {{
            "detections": [],
            "brightness": round(brightness, 3),
            "bright": brightness > self.threshold,
        }}
'''

_NEXT = """\
Wrote {file}

1. Paste this into your config:

algorithms: [{folder}]
spec:
  jobs:
    {module}:
      algorithm: {module}:{cls}
      params: {{threshold: 0.5}}

2. edged check CONFIG, then edged run CONFIG"""


@dataclass(frozen=True, slots=True)
class Names:
    """The two spellings of an algorithm's name."""

    module: str
    """``head_counter``"""
    cls: str
    """``HeadCounter``"""


@new.callback()
def kinds() -> None:
    """Write a file to start from.

    Example: edged new algorithm HeadCounter
    """


@new.command()
def algorithm(
    name: Annotated[str, typer.Argument(metavar="NAME", help="HeadCounter or head_counter.")],
    folder: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Where to write it; made if it is not there.")
    ] = Path(),
) -> None:
    """Write an algorithm that runs as it is.

    Tells what to paste into the config. Never overwrites a file.

    Example: edged new algorithm HeadCounter --folder algos
    """
    names = names_of(name)
    file = folder / f"{names.module}.py"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as output:
            output.write(_TEMPLATE.format(cls=names.cls))
    except FileExistsError:
        raise EdgedError(f"{file} is already there; take another name or remove it") from None
    typer.echo(_NEXT.format(file=file, folder=folder.resolve(), module=names.module, cls=names.cls))


def names_of(name: str) -> Names:
    """Module and class from either spelling. Raises `EdgedError` for what cannot be a Python name."""
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+|[0-9]+", name)
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,63}", name) or not words:
        raise EdgedError(
            f"{name!r} cannot be an algorithm's name: letters, digits and _, beginning with a letter"
        )
    module = "_".join(word.lower() for word in words)
    if keyword.iskeyword(module):
        raise EdgedError(f"{module!r} means something to Python; take another name")
    return Names(module, "".join(word[0].upper() + word[1:] for word in words))
