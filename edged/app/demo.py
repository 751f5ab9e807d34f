"""What `scripts/demo` runs: the daemon on one source, and a subscriber that shows what it publishes.

The daemon is the real one, started as a user would, on its embedded broker; this process only writes its
config and listens.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import json
import logging
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edged.model.redact import redact_text, redact_url
from edged.mqtt.client import MqttClient
from edged.mqtt.message import Received
from edged.mqtt.options import MqttOptions
from edged.mqtt.protocol import Protocol
from edged.mqtt.subscription import Replay, Subscription

_DEVICE = "demo"
_VIDEO = "one-by-one-person-detection.mp4"
_MODEL = "yolox_nano_416.onnx"
_CREDIT = "Intel IoT DevKit sample videos, CC-BY-4.0"
_PATTERN = "pattern://testsrc2?size=1280x720&rate=15"
_LINE_AND_ZONE = """\
      lines: {way_out: [[0.74, 1.0], [0.74, 0.0]]}   # drawn upwards: who walks to the right goes `in`
      zones: {table: [[0.3, 0.4], [0.7, 0.4], [0.7, 1.0], [0.3, 1.0]]}
"""
_STOP_WITHIN_S = 6.0
_LOOK_EVERY_S = 0.25
_PR_SET_PDEATHSIG = 1
_SHOWN_DETECTIONS = 3


@dataclass(frozen=True, slots=True)
class Scene:
    """What the demo runs on."""

    source: str
    model: Path | None
    """None: motion, which needs no model."""
    labels: tuple[str, ...] = ()
    """Only these; empty: all."""
    credit: str = ""
    """To be shown with the footage, which has a line and a zone then."""

    @property
    def summary(self) -> str:
        algorithm = f"detector ({self.model.name}) → tracker → zones" if self.model else "motion"
        return f"{redact_url(self.source)} → {algorithm} → MQTT"

    @property
    def drawn(self) -> str:
        """What is drawn onto the source, as its config has it."""
        return _LINE_AND_ZONE if self.credit else ""

    @property
    def job(self) -> str:
        """How the config goes on below the job's name."""
        if self.model is None:
            return "algorithm: motion\n      sampling: {interval: 0.5}"
        labels = f", labels: [{', '.join(self.labels)}]" if self.labels else ""
        return f"""algorithm: detector
      params: {{model: {json.dumps(self.model.name)}, score: 0.1{labels}}}   # weak boxes help the tracker
      sampling: {{interval: 0.2}}
      then:
        - {{algorithm: tracker, params: {{unconfirmed: drop}}}}
        - {{algorithm: zones}}"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the demo's files lie, and its broker."""

    folder: Path
    port: int

    @property
    def config(self) -> Path:
        return self.folder / "config.yaml"

    @property
    def log(self) -> Path:
        return self.folder / "edged.log"

    @property
    def pictures(self) -> Path:
        return self.folder / "pictures"

    @property
    def picture(self) -> Path:
        return self.pictures / "camera-found.jpg"


def main() -> None:
    arguments = _arguments()
    logging.basicConfig(level=logging.CRITICAL)  # that the broker is not up yet is no news here
    scene = choose_scene(arguments.source, arguments.model, arguments.assets)
    place = Place(arguments.out.absolute(), free_port())
    place.pictures.mkdir(parents=True, exist_ok=True)
    place.picture.unlink(missing_ok=True)
    place.config.unlink(missing_ok=True)
    place.config.touch(mode=0o600)  # the source's url may hold a password
    place.config.write_text(config_text(scene, place), encoding="utf-8")
    sys.exit(asyncio.run(Demo(scene, place, arguments.seconds).run()))


def choose_scene(source: str | None, model: Path | None, assets: Path) -> Scene:
    """What was asked for; else people on real footage where there is some; else moving shapes."""
    video, detector = (assets / _VIDEO).resolve(), (assets / _MODEL).resolve()
    fallback = detector if detector.is_file() else None
    if source is not None:
        return Scene(_absolute(source), model or fallback)
    if not video.is_file():
        return Scene(_PATTERN, model)
    return Scene(str(video), model or fallback, () if model or not fallback else ("person",), _CREDIT)


def _absolute(source: str) -> str:
    """A path as seen from here; relative ones in a config count from its folder."""
    return str(Path(source).resolve()) if Path(source).is_file() else source


def config_text(scene: Scene, place: Place) -> str:
    """The config, as a user would write it."""
    text = json.dumps  # a JSON string is a YAML string, whatever is in it
    models = f"models: [{text(str(scene.model.absolute().parent))}]\n" if scene.model else ""
    return f"""\
# Written by scripts/demo. A config of your own can start from here: edged run this-file.yaml
device: {_DEVICE}
mqtt: {{url: embedded://127.0.0.1:{place.port}}}   # a broker of its own; yours would be mqtts://broker.example:8883
storage: {{path: {text(str(place.folder / "state"))}}}
{models}spec:
  sources:
    camera:
      url: {text(scene.source)}
      loop: true
{scene.drawn}  jobs:
    found:
      {scene.job}
"""


def free_port() -> int:
    """One on loopback that nobody listens at now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return int(port)


class Demo:
    """One run of the demo: the daemon, the subscriber, and what they show."""

    def __init__(self, scene: Scene, place: Place, seconds: float | None) -> None:
        self._scene = scene
        self._place = place
        self._seconds = seconds
        self._results = 0
        self._picture_told = False
        self._states: dict[str, str] = {}

    async def run(self) -> int:
        """Until Ctrl-C, SIGTERM, the time is up, or the daemon ends; the exit code."""
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, ended.set)
        self._introduce()
        daemon = start_daemon(self._place)
        client = MqttClient(
            self._options(),
            will=None,
            on_message=self._show,
            subscribe=(Subscription(f"edged/v1/{_DEVICE}/#", replay=Replay.ALWAYS),),
        )
        listening = asyncio.create_task(client.run())
        died = False
        try:
            died = await self._watch(daemon, ended)
        finally:
            await client.stop()
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            await asyncio.to_thread(stop_daemon, daemon)
        return self._conclude(died=died)

    async def _watch(self, daemon: subprocess.Popen[bytes], ended: asyncio.Event) -> bool:
        """Wait for the end; True: the daemon's own."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._seconds if self._seconds is not None else None
        while not ended.is_set() and (until is None or loop.time() < until):
            if daemon.poll() is not None:
                return True
            if not self._picture_told and self._place.picture.exists():
                self._picture_told = True
                say(f"         picture: {self._place.picture}")
            try:
                await asyncio.wait_for(ended.wait(), _LOOK_EVERY_S)
            except TimeoutError:
                continue
        return False

    def _options(self) -> MqttOptions:
        return MqttOptions(
            "127.0.0.1",
            self._place.port,
            client_id=f"edged-demo-{secrets.token_hex(4)}",
            protocol=Protocol.V311,  # the embedded broker speaks no other
            keep_session=False,
        )

    def _introduce(self) -> None:
        say(f"edged demo: {self._scene.summary}")
        say(f"config   {self._place.config}")
        say(f"log      {self._place.log}")
        say(f"broker   mqtt://127.0.0.1:{self._place.port}; look for yourself from another terminal with:")
        say(f"         mosquitto_sub -h 127.0.0.1 -p {self._place.port} -t 'edged/v1/#' -v")
        if self._scene.credit:
            say(f"footage  {self._scene.credit}")
        say("Ctrl-C ends it.\n")

    def _show(self, message: Received) -> None:
        message.acknowledge()
        levels = message.topic.split("/")[3:]
        kinds: dict[str, Callable[[dict[str, Any]], None]] = {
            "result": self._show_result,
            "event": self._show_event,
            "status": lambda content: self._show_state("/".join(levels[:-1]), content),
        }
        show = kinds.get(levels[-1])
        if show is not None:
            show(json.loads(message.payload))

    def _show_result(self, content: dict[str, Any]) -> None:
        self._results += 1
        found = content.get("detections", ())
        shown = ", ".join(_in_words(item) for item in found[:_SHOWN_DETECTIONS])
        more = f" and {len(found) - _SHOWN_DETECTIONS} more" if len(found) > _SHOWN_DETECTIONS else ""
        took_ms = content["latency_ms"]["total"]
        say(f"{content['time'][11:23]}  #{content['seq']:<5} {took_ms:6.1f} ms  {shown or 'nothing'}{more}")

    def _show_event(self, content: dict[str, Any]) -> None:
        where = content.get("line") or content.get("zone") or ""
        words = (
            content["type"],
            content.get("label"),
            content.get("track_id"),
            where,
            content.get("direction"),
        )
        say(f"{content['time'][11:23]}  event  {' '.join(str(word) for word in words if word)}")

    def _show_state(self, name: str, content: dict[str, Any]) -> None:
        line = f"{name} is {content['state']}"
        if content.get("error"):
            line += f": {content['error']}"
        if self._states.get(name) != line:
            self._states[name] = line
            say(line)

    def _conclude(self, *, died: bool) -> int:
        if died:
            say("\nThe daemon ended by itself. The end of its log:")
            lines = self._place.log.read_text(encoding="utf-8", errors="replace").splitlines()
            say(redact_text("\n".join(lines[-10:]), self._scene.source))
            return 1
        if not self._results:
            say(f"\nNo results came; {self._place.log} may say why.")
            return 1
        say(f"\n{self._results} results came over MQTT.")
        if self._place.picture.exists():
            say(f"The last picture with its boxes: {self._place.picture}")
        return 0


def start_daemon(place: Place) -> subprocess.Popen[bytes]:
    """`edged run` in a process group of its own, so that Ctrl-C comes to us alone; it ends with us."""
    command = [sys.executable, "-m", "edged", "run", str(place.config), "--pictures", str(place.pictures)]
    with place.log.open("wb") as log:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            process_group=0,
            preexec_fn=_stop_with_parent,  # noqa: PLW1509  this process has one thread
        )


def _stop_with_parent() -> None:
    """Between fork and exec: SIGTERM, so an orderly stop, when the demo is killed."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def stop_daemon(daemon: subprocess.Popen[bytes]) -> None:
    """In order; by force when it does not."""
    daemon.terminate()
    try:
        daemon.wait(_STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _in_words(detection: dict[str, Any]) -> str:
    box = " ".join(f"{side:.2f}" for side in detection["box"])
    name = " ".join(str(detection[key]) for key in ("label", "track_id") if key in detection)
    return f"{name or '?'} {detection['score']:.0%} [{box}]"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/demo",
        description="See edged run: real pictures in, results over MQTT, an annotated picture on disk.",
        epilog="Example: scripts/demo --source rtsp://user:password@camera/stream1 --model yolox_nano.onnx",
    )
    parser.add_argument("--source", metavar="URL", help="a camera, a file or pattern://…; default: a video")
    parser.add_argument(
        "--model", metavar="FILE.onnx", type=Path, help="what to detect with; default: motion"
    )
    parser.add_argument("--seconds", type=float, metavar="N", help="end after so many seconds")
    parser.add_argument("--out", type=Path, default=Path("demo-out"), metavar="FOLDER", help="for its files")
    parser.add_argument(
        "--assets", type=Path, default=Path(), metavar="FOLDER", help="of the video and the model"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
