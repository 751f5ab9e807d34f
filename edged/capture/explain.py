"""Why a source cannot be opened or read, in words that tell the mend and hold no credentials.

FFmpeg's own texts are never passed on as they are: with them comes the address, password included.
"""

from __future__ import annotations

import errno
from dataclasses import asdict, dataclass
from urllib.parse import urlsplit

import av.error

from edged.errors import EdgedError, SourceUnavailable, SourceUnsupported
from edged.model.redact import redact_text

_NOT_VIDEO = (av.error.InvalidDataError, av.error.ArgumentError, av.error.DemuxerNotFoundError)
_DROPPED = (av.error.ConnectionResetError, av.error.BrokenPipeError, av.error.ConnectionAbortedError)
_HOPELESS = (av.error.DecoderNotFoundError, av.error.IsADirectoryError, av.error.ProtocolNotFoundError)
_SILENT = (av.error.TimeoutError, av.error.ExitError)

_BY_TYPE: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str], ...] = (
    (
        av.error.HTTPUnauthorizedError,
        "{host} {wants} (401): check both in the url;"
        " special characters of a password are written as %XX (@ is %40)",
    ),
    (
        av.error.HTTPForbiddenError,
        "this user may not see the stream (403): give it the right to, or name another user",
    ),
    (av.error.HTTPNotFoundError, "there is no stream at {path} (404): check the path behind {host}"),
    (av.error.HTTPTooManyRequestsError, "{host} takes no more clients now (429)"),
    (av.error.HTTPServerError, "{host} failed to serve the stream (5xx): it may be busy or starting up"),
    (av.error.HTTPBadRequestError, "{host} does not understand the request (400): check the path"),
    (av.error.HTTPOtherClientError, "{host} refuses the request (4xx): check the path and its options"),
    (
        av.error.ConnectionRefusedError,
        "nothing listens at {host}, port {port}: check host and port, and that the camera is on",
    ),
    (_DROPPED, "{host} cut the connection"),
    (av.error.EOFError, "the stream ended"),
    (av.error.FileNotFoundError, "there is no {path}"),
    (av.error.IsADirectoryError, "{path} is a folder, not a video"),
    (
        av.error.PermissionError,
        "{path} may not be read: give the user that runs edged the right to (cameras: group video)",
    ),
    (av.error.DecoderNotFoundError, "there is no decoder for its codec here"),
    (
        av.error.ProtocolNotFoundError,
        "the FFmpeg of this PyAV is built without {scheme}://: install a PyAV whose FFmpeg has it",
    ),
)

_BY_ERRNO = {
    errno.EHOSTUNREACH: "{host} cannot be reached: check the address and the network",
    errno.ENETUNREACH: "there is no network toward {host}: check this device's connection",
    errno.EADDRINUSE: "port {port} is taken by another program here",
    errno.EADDRNOTAVAIL: "{host} is not an address of this device",
    errno.EBUSY: "{path} is in use by another program",
    errno.ENODEV: "{path} is no camera, or was unplugged",
    errno.ENXIO: "{path} is no camera, or was unplugged",
    errno.ENOTTY: "{path} is no camera",
    errno.ENOTDIR: "there is no {path}",
}

_BROKEN_BY_SCHEME = {
    "file": "{path} cannot be read: the disk reports an error",
    "srt": "no SRT connection to {host}, port {port}: check both, the passphrase, and that the sender runs",
    "v4l2": "{path} gives no pictures: check that it is a camera and its mode (size, rate, input_format)",
}
_BROKEN = "{host} cannot be connected or broke off: check that the name is right and the camera is on"

_SILENT_RTSP_UDP = (
    "{host} did not answer or stopped sending in time; if it is there,"
    " a firewall may hold UDP back (transport: tcp goes through)"
)
_SILENT_BY_SCHEME = {
    "udp": "nothing arrives at port {port} in time: check that the sender runs and sends to this device",
    "file": "{path} was not read in time",
    "v4l2": "{path} gave no picture in time",
}
_SILENT_ELSE = "{host} did not answer or stopped sending in time: check that it is on and can be reached"

_NOT_VIDEO_BY_SCHEME = {
    "file": "{path} is not a video that edged reads (mp4, mkv, avi, ts, … with pictures in it)",
    "v4l2": "{path} is no camera, or does not know the size, rate or input_format asked for",
    "rtsp": "{host}, port {port}, gives no proper RTSP answer, or none in time:"
    " check that it is on, and host, port and path",
    "pattern": "the pattern cannot be made with these options",
}
_NOT_VIDEO_ELSE = "what {host} sends is not a video that edged reads: check the path"


@dataclass(frozen=True)
class _Place:
    """What of an address may be shown."""

    scheme: str
    host: str
    port: str
    path: str
    wants: str = "asks for user and password"
    """What a 401 means here."""


def explain(error: BaseException, redacted_url: str, transport: str = "") -> str:
    """One sentence: what is wrong and, where it can be known, the mend. Holds no credentials."""
    place = _place(redacted_url)
    if isinstance(error, EdgedError):
        return redact_text(str(error))
    return redact_text(_text(error, place.scheme, transport).format_map(asdict(place)))


def as_policy(
    error: BaseException, redacted_url: str, transport: str = ""
) -> SourceUnavailable | SourceUnsupported:
    """The error as what happens next: try again, or fail until the spec changes; message by `explain`."""
    if isinstance(error, (SourceUnavailable, SourceUnsupported)):
        return error
    message = explain(error, redacted_url, transport)
    hopeless = isinstance(error, _NOT_VIDEO) and _place(redacted_url).scheme in ("file", "pattern")
    hopeless = hopeless or isinstance(error, _HOPELESS)
    return SourceUnsupported(message) if hopeless else SourceUnavailable(message)


def _text(error: BaseException, scheme: str, transport: str) -> str:
    if isinstance(error, _SILENT):
        if (scheme, transport) == ("rtsp", "udp"):
            return _SILENT_RTSP_UDP
        return _SILENT_BY_SCHEME.get(scheme, _SILENT_ELSE)
    if isinstance(error, _NOT_VIDEO):
        return _NOT_VIDEO_BY_SCHEME.get(scheme, _NOT_VIDEO_ELSE)
    for kinds, text in _BY_TYPE:
        if isinstance(error, kinds):
            return text
    number: int = getattr(error, "errno", None) or 0
    if number in _BY_ERRNO:
        return _BY_ERRNO[number]
    if number == errno.EIO:
        return _BROKEN_BY_SCHEME.get(scheme, _BROKEN)
    said = error.strerror if isinstance(error, (av.error.FFmpegError, OSError)) else str(error)
    return _literal(f"{type(error).__name__}: {said}")


def _literal(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _place(redacted_url: str) -> _Place:
    scheme, separator, rest = redacted_url.partition("://")
    if not separator:
        return _Place("v4l2" if redacted_url.startswith("/dev/v") else "file", "", "", redacted_url)
    scheme = scheme.lower()
    try:
        parts = urlsplit(redacted_url)
        port = str(parts.port) if parts.port else _PORTS.get(scheme, "?")
        host = parts.hostname or "this device"
        wants = "refuses this user or password" if parts.username else _Place.wants
        return _Place(scheme.removesuffix("s"), host, port, parts.path or "/", wants)
    except ValueError:
        return _Place(scheme, "the source", "?", "/" + rest.partition("/")[2])


_PORTS = {"rtsp": "554", "rtsps": "322", "rtmp": "1935", "http": "80", "https": "443"}
