"""The prover: loads and warms up jobs before a worker meets them, and lists what algorithms there are.

What it imports is not to be trusted. It may hang or crash here: the heartbeat says at which job, and
what was proved before has been sent already.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Collection
from dataclasses import replace

from edged.algorithm.params import ParamsInvalid
from edged.algorithm.runtime import available_providers
from edged.model.messages import JobSpec, Library, Proof, ProveReport, ProveRequest, Stop
from edged.supervise.channel import Channel
from edged.supervise.child import serve
from edged.supervise.heartbeat import Heartbeat
from edged.supervise.wire import Decoder
from edged.worker.building import build_on
from edged.worker.fault import describe_fault
from edged.worker.gray import gray_window
from edged.worker.opening import Opener, OpenFailed
from edged.worker.recorded import find_unsent
from edged.worker.surroundings import Surroundings

_log = logging.getLogger(__name__)

PROVE_DEADLINE_S = 120.0
"""For opening the algorithms of one job."""
_FIRST_RUN_S = 10.0
"""The least that a first run, which may set things up, is given, whatever the job's deadline."""
_CLOSE_S = 30.0
_LIST_DEADLINE_S = 60.0
"""For importing one file."""
_SEND_S = 5.0
_LISTEN_S = 60.0
_NICE = 10
"""What runs goes before what is only tried out."""
_DECODER = Decoder((ProveRequest, Stop))


def run(channel: Channel, heartbeat: Heartbeat) -> None:
    """Answer requests until `Stop`. Raises `ChannelClosed` when whoever asks is gone."""
    with contextlib.suppress(OSError):
        os.nice(_NICE)
    on_build = build_on(heartbeat, lane=0)
    around = Surroundings()
    opener = Opener(Library(), around, on_build=on_build)
    while True:
        packet = channel.receive(wait_s=_LISTEN_S)
        if packet is None:
            continue
        request = _DECODER.decode(packet.body)
        if not isinstance(request, ProveRequest):
            return
        if request.library != opener.library:
            opener = Opener(request.library, around, on_build=on_build)
        around.show(request.scenes)
        for job in request.jobs:
            proof = prove(job, opener, heartbeat)
            channel.send(ProveReport(proofs=(proof,)), wait_s=_SEND_S)
        if not request.jobs:
            channel.send(list_algorithms(opener, request.skip, heartbeat), wait_s=_SEND_S)


def prove(job: JobSpec, opener: Opener, heartbeat: Heartbeat) -> Proof:
    """Open the job's chain for its first source and run it once.

    A verdict is only that it does not open, or that a param does not go with the source's scene.
    """
    with heartbeat.doing("prove", PROVE_DEADLINE_S, lane=0, job=job.name):
        unsent = find_unsent(job, opener)
    return replace(_try_out(job, opener, heartbeat), unsent=unsent)


def _try_out(job: JobSpec, opener: Opener, heartbeat: Heartbeat) -> Proof:
    doubt = ""
    try:
        with heartbeat.doing("prove", PROVE_DEADLINE_S, lane=0, job=job.name):
            chain = opener.open(job, job.sources[0] if job.sources else "")
    except OpenFailed as error:
        _log.debug("job %s cannot run", job.name, exc_info=not job.hidden)
        return Proof(job.name, error.code, error.below_path, error.path)
    try:
        with heartbeat.doing("first run", max(job.deadline_s, _FIRST_RUN_S), lane=0, job=job.name):
            chain.run(gray_window(job.sampling))
    except ParamsInvalid as error:
        message = describe_fault(error, job.hidden).removeprefix(f"{error.path}: ")
        return Proof(job.name, error.code, message, _path_of(job, error))
    except (Exception, SystemExit) as error:  # noqa: BLE001 — somebody else's run()
        # A gray picture is nobody's camera: what raises on it may do well on real frames.
        doubt = describe_fault(error, job.hidden)
        _log.warning("job %s: its first run, on a gray picture, failed: %s", job.name, doubt)
    finally:
        with heartbeat.doing("close", _CLOSE_S, lane=0, job=job.name):
            chain.close()
    return Proof(job.name, doubt=doubt)


def _path_of(job: JobSpec, error: ParamsInvalid) -> str:
    """Below the job: of the first link that is given such a param."""
    name = error.path.partition(".")[0]
    place = next((place for place, link in enumerate(job.chain) if name in link.params), 0)
    return f"{f'then.{place - 1}.' if place else ''}params.{error.path}"


def list_algorithms(opener: Opener, skip: Collection[str], heartbeat: Heartbeat) -> ProveReport:
    """The cards of all algorithms; while a file is imported the heartbeat names it in place of a job."""

    def announce(stem: str) -> None:
        heartbeat.beat("list", _LIST_DEADLINE_S, job=stem)

    with heartbeat.doing("list", _LIST_DEADLINE_S, lane=0):
        cards = opener.catalogue.cards(announce=announce, skip=skip)
        heartbeat.beat("list", _LIST_DEADLINE_S)
        return ProveReport(algorithms=cards, providers=_providers())


def _providers() -> tuple[str, ...]:
    with contextlib.suppress(ImportError):
        return available_providers()
    return ()


if __name__ == "__main__":
    serve(run)
