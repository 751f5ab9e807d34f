"""Where a source's URL leads on this device: its references resolved, its file found, its limits kept.

The device's own file may name any file, or those below ``media`` where that is set. What comes from
the network, a spec or a probe, may name cameras, addresses, and files below ``media`` alone.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from edged.capture.sources import check_url, device_of, file_of
from edged.errors import Problem, SourceUnsupported, SpecRejected
from edged.settings import Loaded

_CAMERA = re.compile(r"/dev/(video\d+|v4l/by-(id|path)/[A-Za-z0-9_:.@+-]*[A-Za-z0-9_:@+-])", re.ASCII)


def locate_source(url: str, loaded: Loaded, folder: Path, *, path: str) -> str:
    """What a capture opens for ``url``, which stands at ``path``; it holds secrets now, so never show it.

    ``folder`` is where relative paths of the device's own file start. Raises `SpecRejected` with ``path``.
    """
    try:
        resolved = loaded.references.resolve_url(url, path=path)
        check_url(resolved)
        media = loaded.settings.media
        if loaded.references.trusts(url, path=path):
            located = _absolute(resolved, folder)
        else:
            _check_camera(resolved)
            media = media or ()
            located = _in_media(resolved, media)
        _check_media(located, media)
    except SourceUnsupported as error:
        raise SpecRejected([Problem(path, str(error), error.code)]) from None
    return located


def _absolute(url: str, folder: Path) -> str:
    """A relative file path counts from the folder of the file that names it."""
    named = file_of(url)
    return url if named is None or named.startswith("/") else str(folder / named)


def _in_media(url: str, media: tuple[Path, ...]) -> str:
    """From the network a relative file path counts from the first folder of media that has it."""
    named = file_of(url)
    if named is None or named.startswith("/") or not media:
        return url
    places = [folder / named for folder in media]
    # `Path.exists` raises for a name that is too long, and below a folder that may not be looked into
    return str(next((place for place in places if os.path.exists(place)), places[0]))  # noqa: PTH110


def _check_media(url: str, folders: tuple[Path, ...] | None) -> None:
    """Where ``media:`` is set, files elsewhere are not read (links are followed first)."""
    named = file_of(url)
    if folders is None or named is None:
        return
    if not folders:
        raise SourceUnsupported(
            "files are opened only below the folders that media: names, and it names none",
            code="not_allowed",
        )
    path = _without_links(named)
    if not any(path.is_relative_to(_without_links(folder)) for folder in folders):
        allowed = ", ".join(map(str, folders))
        # not where it leads: that may tell of links, and hold a secret
        raise SourceUnsupported(
            f"the file lies outside the folders that media: allows ({allowed})", code="not_allowed"
        )


def _check_camera(url: str) -> None:
    """Other devices do things when they are opened: a watchdog starts to count."""
    device = device_of(url)
    if device is not None and not _CAMERA.fullmatch(device):
        raise SourceUnsupported(
            "is no camera that may be opened from MQTT; write /dev/video0, or one in /dev/v4l/by-id",
            code="not_allowed",
        )


def _without_links(path: str | Path) -> Path:
    """Also where they go round in circles, at which `Path.resolve` raises."""
    return Path(os.path.realpath(path))
