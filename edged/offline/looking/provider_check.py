"""`edged doctor`: which execution providers really run something here, by trying each on a tiny model."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from edged.algorithm.runtime import available_providers, create_runtime, look_for_accelerators
from edged.errors import AlgorithmError
from edged.model.providers import AUTO_ORDER, ORT_NAMES, Provider, choose
from edged.model.trying import ProviderCard, ProvidersReport

_TINY = bytes.fromhex(
    "08083a380a0e0a01780a01781201792203416464120474696e795a0f0a0178120a0a08080112040a"
    "020804620f0a0179120a0a08080112040a02080442040a00100d"
)
"""An ONNX model that adds an input of four numbers to itself."""
_LONGEST = 200


def check_providers() -> ProvidersReport:
    """Takes seconds where there is an accelerator. Writes to this process's standard error meanwhile."""
    import onnxruntime

    there = available_providers()
    known = [provider for provider in AUTO_ORDER if ORT_NAMES[provider] in there]
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "tiny.onnx"
        model.write_bytes(_TINY)
        cards = tuple(_check(provider, model) for provider in known)
    others = tuple(name for name in there if name not in ORT_NAMES.values() and name != _CLOUD)
    return ProvidersReport(onnxruntime.__version__, cards, others)


_CLOUD = "AzureExecutionProvider"
"""In every build; it runs models elsewhere."""


def _check(provider: Provider, model: Path) -> ProviderCard:
    choice = choose(available_providers(), look_for_accelerators(), 1, wanted=Provider.AUTO, fixed=True)
    for passed in choice.passed_over:
        if passed.provider is provider:
            return ProviderCard(provider, provider, passed.reason, absent=True)
    with _stderr_kept() as written:
        try:
            label = create_runtime(model, provider, 1).label
        except AlgorithmError as error:
            return ProviderCard(provider, provider, _reason(written) or str(error)[:_LONGEST])
    return ProviderCard(provider, label)


@contextmanager
def _stderr_kept() -> Iterator[IO[bytes]]:
    """What is written to standard error goes to a file: onnxruntime says there why a provider fails."""
    with tempfile.TemporaryFile() as file:
        old = os.dup(2)
        os.dup2(file.fileno(), 2)
        try:
            yield file
        finally:
            os.dup2(old, 2)
            os.close(old)


def _reason(written: IO[bytes]) -> str:
    """The first error that onnxruntime wrote, without its time, place and colours."""
    written.seek(0)
    text = re.sub(r"\x1b\[[0-9;]*m", "", written.read().decode(errors="replace"))
    match = re.search(r"\[E:onnxruntime[^\]]*\]\s*(.+)", text)
    return match[1].rpartition("] ")[2].strip()[:_LONGEST] if match else ""
