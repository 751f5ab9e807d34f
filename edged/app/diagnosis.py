"""What `edged doctor` looks at on this machine, each as one line with its mend. Changes nothing."""

from __future__ import annotations

import importlib.util
import os
import resource
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import psutil

from edged.app.ask import ChildBug, ask
from edged.app.processes import DECODERS, PROVER, TRYING
from edged.control.hardware import hardware, is_clock_synced, temperature_c
from edged.errors import EdgedError, TrackError
from edged.model.decoders import DecodersReport, DecodersRequest
from edged.model.frame import FrameFormat
from edged.model.messages import Library, ProveReport, ProveRequest
from edged.model.trying import ProvidersReport, ProvidersRequest
from edged.track.layout import TrackLayout
from edged.track.locks import SlotLocks
from edged.track.memory import allocate

_WANTED_DECODERS = ("h264", "hevc", "mjpeg", "vp9", "av1")
_ASK_WITHIN_S = 60.0
_TRY_WITHIN_S = 300.0
"""TensorRT alone takes half a minute to load on a Jetson."""
_LOW_MEMORY_MB = 300
_HOT_C = 80.0
_FEW_DESCRIPTORS = 1024


class Level(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One line: what was looked at, what was found, and what would mend it."""

    level: Level
    subject: str
    finding: str
    mend: str = ""


@dataclass(frozen=True, slots=True)
class Accelerator:
    """A kind of accelerator: how it shows on the machine, and what ONNX Runtime needs to use it."""

    name: str
    signs: tuple[str, ...]
    providers: tuple[str, ...]
    mend: str


ACCELERATORS = (
    Accelerator(
        "NVIDIA GPU",
        ("/dev/nvidia0", "/dev/nvhost-gpu", "/dev/nvgpu/igpu0"),
        ("TensorrtExecutionProvider", "CUDAExecutionProvider"),
        "pip install onnxruntime-gpu in place of onnxruntime (on a Jetson: NVIDIA's wheel)",
    ),
    Accelerator(
        "Intel GPU or NPU",
        ("/dev/accel/accel0",),
        ("OpenVINOExecutionProvider",),
        "pip install onnxruntime-openvino in place of onnxruntime",
    ),
)

PROVIDER_MENDS = {
    "tensorrt": "install TensorRT of the version that this onnxruntime-gpu was built for (pip install "
    "tensorrt-cu12), or name provider: cuda in the job",
    "cuda": "install CUDA and cuDNN of the versions that this onnxruntime-gpu was built for: pip install "
    "'onnxruntime-gpu[cuda,cudnn]'",
    "migraphx": "install ROCm and MIGraphX of the versions that this onnxruntime was built for",
    "openvino": "reinstall it: pip install --force-reinstall onnxruntime-openvino",
}
"""By provider, where the accelerator is there and the provider does not run."""


def look_at_machine(library: Library, storage: Path, max_mb: int) -> Iterator[Verdict]:
    """Everything but what a config names: CPU to clock."""
    yield cpu()
    yield memory()
    yield disk(storage, max_mb)
    yield from inference(library)
    yield decoders()
    yield cameras()
    yield kernel()
    yield clock()


def cpu() -> Verdict:
    known = hardware()
    load = os.getloadavg()[0]
    celsius = temperature_c()
    finding = f"{known['model'] or known['machine']}, {known['cpus']} cores, load {load:.1f}"
    if celsius is not None:
        finding += f", {celsius:.0f} °C"
    if celsius is not None and celsius >= _HOT_C:
        return Verdict(Level.WARN, "CPU", finding, "give it a heat sink or a fan: it slows down when hot")
    return Verdict(Level.OK, "CPU", finding)


def memory() -> Verdict:
    found = psutil.virtual_memory()
    free_mb = found.available // 2**20
    finding = f"{free_mb} of {found.total // 2**20} MB free"
    if free_mb < _LOW_MEMORY_MB:
        mend = "a camera takes about 50 MB and its track; end what else runs, or take fewer cameras"
        return Verdict(Level.WARN, "memory", finding, mend)
    return Verdict(Level.OK, "memory", finding)


def disk(folder: Path, max_mb: int, setting: str = "storage") -> Verdict:
    """Whether ``max_mb`` more may be written there; ``setting``: where the file says so."""
    there = next(parent for parent in (folder, *folder.resolve().parents) if parent.exists())
    if not os.access(there, os.W_OK | os.X_OK):
        mend = f"let the user that runs edged write there, or set {setting}.path (now {folder})"
        return Verdict(Level.FAIL, setting, f"{there} cannot be written", mend)
    free_mb = shutil.disk_usage(there).free // 2**20
    finding = f"{folder}: {free_mb} MB free"
    if free_mb < max_mb:
        mend = f"free some, or set {setting}.max_mb lower (up to {max_mb} MB more may come)"
        return Verdict(Level.WARN, setting, finding, mend)
    return Verdict(Level.OK, setting, finding)


def inference(library: Library) -> Iterator[Verdict]:
    """ONNX Runtime, the accelerators it could use, and the algorithms."""
    try:
        report = ask(PROVER.module, ProveRequest((), library), ProveReport, within_s=_ASK_WITHIN_S)
    except (EdgedError, ChildBug) as error:
        mend = "reinstall it: pip install --force-reinstall onnxruntime"
        yield Verdict(Level.FAIL, "ONNX Runtime", f"does not run: {_last_line(error)}", mend)
        return
    yield execution_providers()
    yield from accelerators(report.providers, Path("/"))
    broken = [card for card in report.algorithms if card.error]
    for card in broken:
        yield Verdict(
            Level.FAIL, "algorithm", f"{card.name} cannot be used: {card.error}", f"mend {card.file}"
        )
    if not broken:
        yield Verdict(Level.OK, "algorithms", ", ".join(card.name for card in report.algorithms))


def execution_providers() -> Verdict:
    """Each tried on a tiny model; the first that runs it is what auto takes."""
    try:
        report = ask(TRYING.module, ProvidersRequest(), ProvidersReport, within_s=_TRY_WITHIN_S)
    except (EdgedError, ChildBug) as error:
        mend = "reinstall it: pip install --force-reinstall onnxruntime"
        return Verdict(Level.FAIL, "ONNX Runtime", f"does not run: {_last_line(error)}", mend)
    return judge_providers(report)


def judge_providers(report: ProvidersReport) -> Verdict:
    """What runs here, what does not and why, and what auto picks."""
    running = [card for card in report.cards if not card.reason]
    broken = [card for card in report.cards if card.reason]
    finding = (
        f"{report.version}; auto picks {running[0].label}" if running else f"{report.version}; runs nothing"
    )
    if running[1:]:
        finding += f", then {', '.join(card.label for card in running[1:])}"
    finding += "".join(f"; not {card.name}: {card.reason}" for card in broken)
    if report.others:
        finding += f"; edged does not use {', '.join(report.others)}"
    if not running:
        mend = "reinstall it: pip install --force-reinstall onnxruntime"
        return Verdict(Level.FAIL, "ONNX Runtime", finding, mend)
    troubled = [card.name for card in broken if not card.absent]
    if troubled:
        return Verdict(Level.WARN, "ONNX Runtime", finding, PROVIDER_MENDS.get(troubled[0], ""))
    return Verdict(Level.OK, "ONNX Runtime", finding)


def accelerators(providers: tuple[str, ...], root: Path) -> Iterator[Verdict]:
    """Those found below ``root``, and whether ONNX Runtime was built to use them."""
    for kind in ACCELERATORS:
        if not any((root / sign.lstrip("/")).exists() for sign in kind.signs):
            continue
        if set(kind.providers) & set(providers):
            yield Verdict(Level.OK, "accelerator", kind.name)
        else:
            finding = f"{kind.name} is there, and this ONNX Runtime cannot use it"
            yield Verdict(Level.WARN, "accelerator", finding, kind.mend)


def decoders() -> Verdict:
    try:
        report = ask(
            DECODERS.module, DecodersRequest(_WANTED_DECODERS), DecodersReport, within_s=_ASK_WITHIN_S
        )
    except (EdgedError, ChildBug) as error:
        mend = "reinstall it: pip install --force-reinstall av"
        return Verdict(Level.FAIL, "decoders", f"FFmpeg does not run: {_last_line(error)}", mend)
    hardware_kinds = ", ".join(report.hardware) or "no hardware"
    finding = f"{', '.join(report.found)} ({report.ffmpeg}, built for {hardware_kinds})"
    missing = [name for name in _WANTED_DECODERS if name not in report.found]
    if missing:
        mend = "install PyAV's own wheel: pip install --force-reinstall --only-binary av av"
        return Verdict(Level.WARN, "decoders", f"{finding}; missing: {', '.join(missing)}", mend)
    return Verdict(Level.OK, "decoders", finding)


def cameras(devices: Path = Path("/dev")) -> Verdict:
    """Those on this machine; cameras on the network need no permission."""
    found = sorted(devices.glob("video*"))
    refused = [str(device) for device in found if not os.access(device, os.R_OK | os.W_OK)]
    if refused:
        mend = (
            "add the user that runs edged to the group video: sudo usermod -aG video USER, then log in again"
        )
        return Verdict(Level.WARN, "cameras", f"no permission for {', '.join(refused)}", mend)
    return Verdict(Level.OK, "cameras", ", ".join(str(device) for device in found) or "none on this machine")


def kernel() -> Verdict:
    """What frame tracks need: sealed memory without a name, and locks that belong to a description."""
    release = f"{os.uname().sysname} {os.uname().release}"
    try:
        memfd = allocate(FrameFormat(16, 16), 2)
    except (OSError, TrackError) as error:
        return Verdict(
            Level.FAIL, "kernel", f"{release}: no frame track: {error}", "edged needs Linux 4.5 or newer"
        )
    try:
        locks = SlotLocks(memfd, TrackLayout(FrameFormat(16, 16), 2))
        locks.try_exclusive(0)
        locks.unlock(0)
    except OSError as error:
        finding = f"{release}: no open-file-description locks: {error.strerror}"
        return Verdict(Level.FAIL, "kernel", finding, "edged needs Linux 3.15 or newer, outside of gVisor")
    finally:
        os.close(memfd)
    descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if descriptors < _FEW_DESCRIPTORS:
        finding = f"{release}; only {descriptors} open files allowed"
        return Verdict(Level.WARN, "kernel", finding, "ulimit -n 1024, or LimitNOFILE= in the unit")
    return Verdict(Level.OK, "kernel", f"{release}: sealed memory and slot locks work")


def clock() -> Verdict:
    synced = is_clock_synced()
    if synced is None:
        return Verdict(Level.WARN, "clock", "the kernel does not say whether it is synchronised")
    if not synced:
        mend = "times in results may be wrong: sudo timedatectl set-ntp true"
        return Verdict(Level.WARN, "clock", "not synchronised", mend)
    return Verdict(Level.OK, "clock", "synchronised")


def embedded_broker() -> Verdict:
    if importlib.util.find_spec("amqtt") is None:
        finding = "mqtt.url is embedded://, and amqtt is not installed"
        return Verdict(Level.FAIL, "broker", finding, "pip install 'edged[embedded]'")
    return Verdict(Level.OK, "broker", "embedded; amqtt is installed")


def _last_line(error: Exception) -> str:
    return str(error).strip().rpartition("\n")[2]
