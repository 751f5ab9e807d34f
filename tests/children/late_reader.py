"""A worker that is slow to start: it reads nothing before SIGUSR1, then says what it was told."""

from __future__ import annotations

import os
import signal

from edged.model.messages import JobReport, JobState, Stop, TrackGone, WorkerSpec
from edged.supervise.channel import Channel
from edged.supervise.child import serve
from edged.supervise.heartbeat import Heartbeat
from edged.supervise.wire import Decoder

DECODER = Decoder((WorkerSpec, TrackGone, Stop))


def run(channel: Channel, heartbeat: Heartbeat) -> None:
    heartbeat.beat("sleep", 60.0)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    channel.send(JobReport(str(os.getpid()), JobState.STARTING))
    signal.sigwait({signal.SIGUSR1})
    while True:
        packet = channel.receive(wait_s=20)
        message = DECODER.decode(packet.body) if packet is not None else Stop()
        match message:
            case WorkerSpec():
                channel.send(JobReport("spec", JobState.RUNNING, str(len(message.jobs)), message.boot))
            case TrackGone():
                channel.send(JobReport("gone", JobState.RUNNING, message.source))
            case _:
                return


if __name__ == "__main__":
    serve(run)
