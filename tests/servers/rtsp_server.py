"""A GStreamer RTSP server for tests; run with the system's Python, which has the bindings.

Reads one JSON object from standard input, says ``port N`` when it listens, ``client`` when one comes,
``taken`` at every tenth picture that is pushed to it::

    {"port": 0, "life_s": 600, "user": "", "password": "", "digest": false,
     "mounts": [{"path": "/film", "file": "FILM.mp4"},
                {"path": "/taken", "record": true},
                {"path": "/live", "codec": "h264" | "jpeg", "size": [640, 360], "rate": 15, "keyint": 15}]}

Ends with whoever started it, and after ``life_s`` in any case.
"""

from __future__ import annotations

import ctypes
import json
import signal
import sys
from typing import Any

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

_THREADS = 4  # with one, a client that hangs blocks all
_TAKER = (
    "( rtph264depay name=depay0 ! h264parse ! avdec_h264 !"
    " fakesink name=taken signal-handoffs=true sync=false async=false )"
)
_ENCODERS = {
    "h264": "x264enc tune=zerolatency speed-preset=ultrafast key-int-max={keyint}"
    " ! h264parse ! rtph264pay name=pay0 pt=96 config-interval=1",
    "jpeg": "jpegenc ! rtpjpegpay name=pay0 pt=26",
}


def main() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)
    wanted = json.loads(sys.stdin.readline())
    Gst.init(None)
    server = GstRtspServer.RTSPServer(address="127.0.0.1", service=str(wanted["port"]))
    pool = GstRtspServer.RTSPThreadPool()
    pool.set_max_threads(_THREADS)
    server.set_thread_pool(pool)
    if wanted["user"]:
        server.set_auth(_auth(wanted["user"], wanted["password"], digest=wanted["digest"]))
    for mount in wanted["mounts"]:
        factory = _factory(mount, guarded=bool(wanted["user"]))
        server.get_mount_points().add_factory(mount["path"], factory)
    if not server.attach(None):
        sys.exit(f"cannot listen at port {wanted['port']}")
    server.connect("client-connected", lambda *_: print("client", flush=True))
    print(f"port {server.get_bound_port()}", flush=True)
    loop = GLib.MainLoop()
    GLib.timeout_add_seconds(int(wanted["life_s"]), loop.quit)
    loop.run()


def _factory(mount: dict[str, Any], *, guarded: bool) -> GstRtspServer.RTSPMediaFactory:
    factory = GstRtspServer.RTSPMediaFactory()
    if mount.get("record"):
        factory.set_transport_mode(GstRtspServer.RTSPTransportMode.RECORD)
        factory.set_launch(_TAKER)
        factory.connect("media-configure", _count_frames)
    else:
        factory.set_launch(_film(mount) if "file" in mount else _pattern(mount))
    factory.set_protocols(GstRtsp.RTSPLowerTrans.TCP | GstRtsp.RTSPLowerTrans.UDP)
    factory.set_shared(False)  # a shared one that is opened right after its last client left answers 503
    if guarded:
        permissions = GstRtspServer.RTSPPermissions()
        permissions.add_permission_for_role("viewer", "media.factory.access", True)
        permissions.add_permission_for_role("viewer", "media.factory.construct", True)
        factory.set_permissions(permissions)
    return factory


def _count_frames(_factory: object, media: GstRtspServer.RTSPMedia) -> None:
    """Says ``taken`` at every tenth picture that was pushed here and decoded."""
    sink = media.get_element().get_by_name("taken")
    count = 0

    def came(*_: object) -> None:
        nonlocal count
        count += 1
        if count % 10 == 0:
            print("taken", flush=True)

    sink.connect("handoff", came)


def _film(mount: dict[str, Any]) -> str:
    name = mount["file"].replace("\\", "\\\\").replace('"', '\\"')
    return (
        f'( filesrc location="{name}" ! qtdemux ! h264parse ! rtph264pay name=pay0 pt=96 config-interval=1 )'
    )


def _pattern(mount: dict[str, Any]) -> str:
    width, height = mount["size"]
    raw = f"video/x-raw,format=I420,width={width},height={height},framerate={mount['rate']}/1"
    encoder = _ENCODERS[mount["codec"]].format(keyint=mount["keyint"])
    return f"( videotestsrc is-live=true pattern=ball ! {raw} ! {encoder} )"


def _auth(user: str, password: str, *, digest: bool) -> GstRtspServer.RTSPAuth:
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    if digest:
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest(user, password, token)
    else:
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    return auth


if __name__ == "__main__":
    main()
