from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.model.providers import AUTO_ORDER, ORT_NAMES, Choice, Machine, Provider, choose

NVIDIA = ("TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider")
ALL = tuple(ORT_NAMES.values())
MACHINES = st.builds(Machine, *[st.booleans()] * 4)


def auto(available: tuple[str, ...], machine: Machine, *, fixed: bool = True) -> Choice:
    return choose(available, machine, 2, wanted=Provider.AUTO, fixed=fixed)


def labels(choice: Choice) -> list[str]:
    return [candidate.label for candidate in choice.candidates]


def test_a_gpu_is_taken_at_its_fastest_and_the_cpu_is_always_left() -> None:
    assert labels(auto(NVIDIA, Machine(nvidia=True))) == ["TensorRT", "CUDA", "CPU"]
    assert labels(auto(("CPUExecutionProvider", "AzureExecutionProvider"), Machine())) == ["CPU"]


def test_a_provider_without_its_accelerator_is_passed_over_with_the_reason() -> None:
    choice = auto(NVIDIA, Machine())
    assert labels(choice) == ["CPU"]
    assert {passed.provider for passed in choice.passed_over} == {Provider.TENSORRT, Provider.CUDA}
    assert all("no NVIDIA GPU" in passed.reason for passed in choice.passed_over)


@pytest.mark.parametrize("accelerator", ["nvidia", "amd"])
def test_an_engine_for_each_size_is_not_built_unasked(accelerator: str) -> None:
    """A batch of another number of crops would stop a worker for minutes."""
    choice = auto(ALL, Machine(**{accelerator: True}), fixed=False)
    assert not {"TensorRT", "MIGraphX"} & set(labels(choice))
    assert any("leaves sizes open" in passed.reason for passed in choice.passed_over)


def test_openvino_takes_an_intel_gpu_and_else_the_cpu_with_the_threads_of_the_session() -> None:
    there = ("OpenVINOExecutionProvider", "CPUExecutionProvider")
    assert labels(auto(there, Machine())) == ["OpenVINO CPU", "CPU"]
    choice = auto(there, Machine(intel_gpu=True))
    assert labels(choice) == ["OpenVINO GPU", "OpenVINO CPU", "CPU"]
    assert choice.candidates[1].options["num_of_threads"] == "2"


def test_tensorrt_keeps_its_engines_and_leaves_the_rest_to_cuda() -> None:
    first = auto(NVIDIA, Machine(nvidia=True)).candidates[0]
    kept = dict(first.cache_options)
    assert kept["trt_engine_cache_path"] == kept["trt_timing_cache_path"] == "{folder}"
    assert kept["trt_engine_cache_enable"] == "True"
    assert first.beside == (Provider.CUDA,)
    assert first.builds


@given(st.sets(st.sampled_from(ALL)), MACHINES, st.booleans(), st.sampled_from(list(AUTO_ORDER)))
def test_what_was_named_is_all_that_is_tried(
    available: set[str], machine: Machine, fixed: bool, wanted: Provider
) -> None:
    choice = choose(available, machine, 1, wanted=wanted, fixed=fixed)
    assert {candidate.provider for candidate in choice.candidates} <= {wanted}
    assert bool(choice.candidates) == (ORT_NAMES[wanted] in available)


@given(st.sets(st.sampled_from(ALL)), MACHINES, st.booleans())
def test_auto_tries_or_passes_over_each_that_is_there_in_order(
    available: set[str], machine: Machine, fixed: bool
) -> None:
    choice = choose(available, machine, 1, wanted=Provider.AUTO, fixed=fixed)
    tried = list(dict.fromkeys(candidate.provider for candidate in choice.candidates))
    passed = [one.provider for one in choice.passed_over]
    assert {ORT_NAMES[provider] for provider in (*tried, *passed)} == available
    assert not set(tried) & set(passed)
    assert tried == sorted(tried, key=AUTO_ORDER.index)
    assert (Provider.CPU in tried) == ("CPUExecutionProvider" in available)
