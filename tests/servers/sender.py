"""Sends a moving picture in real time until killed; FFmpeg's own muxers and protocols, by way of PyAV.

    python sender.py udp 127.0.0.1:5000     MPEG transport stream to that address
    python sender.py rtmp 127.0.0.1:1935    waits for one player after the other at rtmp://…/live
    python sender.py hls FOLDER             a live playlist FOLDER/live.m3u8, one segment a second

Ends with whoever started it, and after ten minutes in any case.
"""

from __future__ import annotations

import contextlib
import ctypes
import signal
import sys
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error

_RATE = 25
_SIZE = (320, 240)
_LIFE_S = 600.0
_AVIO_WRITE = 2


def main() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)
    kind, target = sys.argv[1:]
    until = time.monotonic() + _LIFE_S
    if kind == "udp":
        _send(f"udp://{target}?pkt_size=1316", "mpegts", {}, until)
    elif kind == "hls":
        options = {"hls_time": "1", "hls_list_size": "5", "hls_flags": "delete_segments"}
        _send(str(Path(target) / "live.m3u8"), "hls", options, until)
    elif kind == "rtmp":
        while time.monotonic() < until:
            with (
                contextlib.suppress(OSError, av.error.FFmpegError),
                contextlib.closing(RtmpListener(target)) as player,
            ):
                _send(player, "flv", {"flvflags": "no_duration_filesize"}, until)
    else:
        sys.exit(f"no such kind: {kind}")


def _send(target: Any, muxer: str, options: dict[str, str], until: float) -> None:
    with av.open(target, "w", format=muxer, options=options) as out:
        stream = out.add_stream(
            "libx264", rate=_RATE, options={"preset": "ultrafast", "tune": "zerolatency", "g": str(_RATE)}
        )
        stream.width, stream.height = _SIZE
        stream.pix_fmt = "yuv420p"
        for frame in _frames(until):
            for packet in stream.encode(frame):
                out.mux(packet)


def _frames(until: float) -> Iterator[av.VideoFrame]:
    graph = f"testsrc2=size={_SIZE[0]}x{_SIZE[1]}:rate={_RATE},format=yuv420p"
    with av.open(graph, format="lavfi") as source:
        began = time.monotonic()
        for index, frame in enumerate(source.decode(video=0)):
            frame.pts, frame.time_base = index, Fraction(1, _RATE)
            frame.pict_type = 0
            yield frame
            time.sleep(max(0.0, began + index / _RATE - time.monotonic()))
            if time.monotonic() > until:
                return


class _AvioContext(ctypes.Structure):
    """The head of FFmpeg's AVIOContext (avio.h), as far as its error."""

    _fields_ = (
        ("av_class", ctypes.c_void_p),
        ("buffer", ctypes.c_void_p),
        ("buffer_size", ctypes.c_int),
        ("pointers", ctypes.c_void_p * 6),
        ("pos", ctypes.c_int64),
        ("eof_reached", ctypes.c_int),
        ("error", ctypes.c_int),
    )


class RtmpListener:
    """FFmpeg's RTMP server for one player, as a file to write FLV to (PyAV opens outputs without options)."""

    def __init__(self, address: str) -> None:
        self._lib = ctypes.CDLL(_loaded("libavformat"))
        self._util = ctypes.CDLL(_loaded("libavutil"))
        self._io = ctypes.POINTER(_AvioContext)()
        options = ctypes.c_void_p()
        self._util.av_dict_set(ctypes.byref(options), b"listen", b"1", 0)
        url = f"rtmp://{address}/live".encode()
        code = self._lib.avio_open2(ctypes.byref(self._io), url, _AVIO_WRITE, None, ctypes.byref(options))
        self._util.av_dict_free(ctypes.byref(options))
        if code < 0:
            raise OSError(-code, "no player came")

    def write(self, piece: bytes) -> int:
        self._lib.avio_write(self._io, piece, len(piece))
        self._lib.avio_flush(self._io)
        if self._io.contents.error < 0:
            raise OSError(-self._io.contents.error, "the player went away")
        return len(piece)

    def close(self) -> None:
        self._lib.avio_closep(ctypes.byref(self._io))


def _loaded(name: str) -> str:
    """The library that PyAV brought along, and not another of that name."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        if f"/{name}" in line:
            return line.split()[-1]
    raise OSError(f"PyAV did not load {name}")


if __name__ == "__main__":
    main()
