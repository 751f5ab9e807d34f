"""Hardware decoders: used when asked for by name and there; otherwise software, and the log says so.

``auto`` is software in this version: for one camera it costs less than the copy back from the
device, and it works the same everywhere.
"""

from __future__ import annotations

import logging
from functools import cache

import av.error
from av.codec import Codec
from av.codec.hwaccel import HWAccel, hwdevices_available

_SOFTWARE = ("auto", "none", "software", "")

log = logging.getLogger("edged.capture")


@cache  # so that a source that is opened again and again is not complained about each time
def find_hwaccel(name: str) -> HWAccel | None:
    """The accelerator of this name (cuda, vaapi, qsv, drm, …); None: decode in software."""
    if name in _SOFTWARE:
        return None
    if name not in hwdevices_available():
        log.warning("hwaccel %s: not in this FFmpeg (%s); software", name, ", ".join(hwdevices_available()))
        return None
    try:
        HWAccel(name).create(Codec("h264", "r"))
    except (av.error.FFmpegError, NotImplementedError) as error:
        log.warning("hwaccel %s: no such device here (%s); software", name, error)
        return None
    return HWAccel(name, allow_software_fallback=True)
