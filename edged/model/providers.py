"""Which execution provider of ONNX Runtime runs a model here: pure.

Not among them: DirectML (Windows only), QNN, CANN, VitisAI and RKNPU (they run models that were converted for
one chip), XNNPACK and oneDNN (on a CPU, where the CPU provider's own kernels are as fast), Azure (a cloud).
AMD's ROCm provider is gone from ONNX Runtime since 1.23; MIGraphX is what it has in its place.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Provider(StrEnum):
    """What runs a model."""

    AUTO = "auto"
    """The first that is there, in the order of `AUTO_ORDER`."""
    CPU = "cpu"
    CUDA = "cuda"
    TENSORRT = "tensorrt"
    OPENVINO = "openvino"
    MIGRAPHX = "migraphx"
    COREML = "coreml"


AUTO_ORDER = (
    Provider.TENSORRT, Provider.CUDA, Provider.MIGRAPHX, Provider.OPENVINO, Provider.COREML, Provider.CPU,
)  # fmt: skip
"""The fastest first, by and large; each makes sense only where those before it are not there."""

ORT_NAMES: Mapping[Provider, str] = {
    Provider.TENSORRT: "TensorrtExecutionProvider",
    Provider.CUDA: "CUDAExecutionProvider",
    Provider.MIGRAPHX: "MIGraphXExecutionProvider",
    Provider.OPENVINO: "OpenVINOExecutionProvider",
    Provider.COREML: "CoreMLExecutionProvider",
    Provider.CPU: "CPUExecutionProvider",
}

_SIZE_BY_SIZE = (Provider.TENSORRT, Provider.MIGRAPHX)
"""They build an engine for each size of the input, which takes minutes each."""


@dataclass(frozen=True, slots=True)
class Machine:
    """The accelerators that this machine shows."""

    nvidia: bool = False
    amd: bool = False
    intel_gpu: bool = False
    apple: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to run a model."""

    provider: Provider
    label: str
    """For people: ``TensorRT``, ``OpenVINO GPU``."""
    options: Mapping[str, str] = field(default_factory=dict)
    """Of the provider, as ONNX Runtime names them."""
    cache_options: tuple[tuple[str, str], ...] = ()
    """Those that keep what it builds: (option, value), where ``{folder}`` stands for a folder of its own."""
    builds: bool = False
    """Its first load compiles an engine, which may take minutes."""
    beside: tuple[Provider, ...] = ()
    """What runs the parts of the model that it cannot, before the CPU."""

    @property
    def builds_each_size(self) -> bool:
        """Of a model that leaves sizes open it builds an engine at the first run of each size."""
        return self.provider in _SIZE_BY_SIZE

    @property
    def ort_name(self) -> str:
        return ORT_NAMES[self.provider]


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A provider that is not tried, and why."""

    provider: Provider
    reason: str


@dataclass(frozen=True, slots=True)
class Choice:
    """What to try, in this order; and what not."""

    candidates: tuple[Candidate, ...]
    passed_over: tuple[PassedOver, ...] = ()


def choose(
    available: Collection[str], machine: Machine, threads: int, *, wanted: Provider, fixed: bool
) -> Choice:
    """What to try for a model whose inputs are of ``fixed`` sizes, or not.

    ``available``: the providers of the installed ONNX Runtime, by its names. A provider that was
    ``wanted`` by name is the only candidate, whatever speaks against it: no silent surprise.
    """
    if wanted is not Provider.AUTO:
        return Choice(_ways(wanted, available, machine, threads) if ORT_NAMES[wanted] in available else ())
    candidates: list[Candidate] = []
    passed: list[PassedOver] = []
    for provider in AUTO_ORDER:
        if ORT_NAMES[provider] not in available:
            continue
        reason = _against(provider, machine, fixed=fixed)
        if reason:
            passed.append(PassedOver(provider, reason))
        else:
            candidates += _ways(provider, available, machine, threads)
    return Choice(tuple(candidates), tuple(passed))


def _against(provider: Provider, machine: Machine, *, fixed: bool) -> str:
    """Why auto does not try it; empty: nothing does."""
    if provider in (Provider.TENSORRT, Provider.CUDA) and not machine.nvidia:
        return "no NVIDIA GPU is here"
    if provider is Provider.MIGRAPHX and not machine.amd:
        return "no AMD GPU is here"
    if provider is Provider.COREML and not machine.apple:
        return "this is no Apple machine"
    if provider in _SIZE_BY_SIZE and not fixed:
        return "the model leaves sizes open, and an engine of minutes would be built for each"
    return ""


def _ways(
    provider: Provider, available: Collection[str], machine: Machine, threads: int
) -> tuple[Candidate, ...]:
    """How to run it; options by https://onnxruntime.ai/docs/execution-providers/."""
    if provider is Provider.TENSORRT:
        beside = (Provider.CUDA,) if ORT_NAMES[Provider.CUDA] in available else ()
        return (Candidate(provider, "TensorRT", _TENSORRT, _TENSORRT_CACHE, builds=True, beside=beside),)
    if provider is Provider.CUDA:
        return (Candidate(provider, "CUDA", _CUDA),)
    if provider is Provider.MIGRAPHX:
        cache = (("migraphx_model_cache_dir", "{folder}"),)
        return (Candidate(provider, "MIGraphX", cache_options=cache, builds=True),)
    if provider is Provider.OPENVINO:
        return _openvino(machine, threads)
    if provider is Provider.COREML:
        cache = (("ModelCacheDirectory", "{folder}"),)
        return (Candidate(provider, "CoreML", {"ModelFormat": "MLProgram"}, cache, builds=True),)
    return (Candidate(provider, "CPU"),)


_TENSORRT = {"trt_fp16_enable": "True"}
"""Half precision: twice as fast where the GPU has it, and detectors do not notice."""
_TENSORRT_CACHE = (
    ("trt_engine_cache_enable", "True"),
    ("trt_engine_cache_path", "{folder}"),
    ("trt_timing_cache_enable", "True"),
    ("trt_timing_cache_path", "{folder}"),
)
_CUDA = {
    # by need and not by powers of two: on a Jetson it is the memory of all
    "arena_extend_strategy": "kSameAsRequested",
    # the exhaustive search of the default takes seconds at each new size of the input
    "cudnn_conv_algo_search": "HEURISTIC",
}


def _openvino(machine: Machine, threads: int) -> tuple[Candidate, ...]:
    """Its NPU is left alone: it takes fixed sizes only, and falls silent on operators it lacks."""
    cache = (("cache_dir", "{folder}"),)
    cpu = {"device_type": "CPU", "num_of_threads": str(threads)}
    on_cpu = Candidate(Provider.OPENVINO, "OpenVINO CPU", cpu, cache, builds=True)
    if not machine.intel_gpu:
        return (on_cpu,)
    return (
        Candidate(Provider.OPENVINO, "OpenVINO GPU", {"device_type": "GPU"}, cache, builds=True),
        on_cpu,
    )
