"""What a process of live pictures is told when it begins anew while somebody looks."""

from __future__ import annotations

from unittest.mock import Mock

from edged.control.live_process import LiveOwner, LiveProcess
from edged.control.status import Statuses
from edged.model.live import LiveReport, LiveSpec, OutputSpec
from edged.model.output import Output, OutputKind, pack_output
from edged.supervise.channel import RAW, Packet
from edged.supervise.process import ProcessKind
from edged.supervise.supervisor import Supervisor
from edged.supervise.wire import encode

RESULT = Output(OutputKind.RESULT, "p", "gate", b"{}")
OLDER = Output(OutputKind.DECAL, "p", "gate", b"of the result before")
NEVER = Output(OutputKind.DECAL, "p", "gate", b"draws nothing", retain=True)


def told_after(*seen: Output) -> list[bytes]:
    supervisor, owner = Mock(spec=Supervisor), Mock(spec=LiveOwner)
    supervisor.next_start_ns.return_value = 0
    owner.counts_of.return_value = b""
    owner.track_of.return_value = None
    web = OutputSpec("web", "gate", "mjpeg", draw=("p",))
    process = LiveProcess(
        "live", "live", LiveSpec(0, (web,)), supervisor, Mock(spec=ProcessKind), Mock(spec=Statuses), owner
    )
    process.on_packet("live", Packet(RAW, encode(LiveReport(wanted=("web",)))))
    for output in seen:
        process.saw(output)
    supervisor.pass_on.reset_mock()
    process.on_start("live")
    return [call.args[1] for call in supervisor.pass_on.call_args_list]


def test_the_newest_result_and_what_is_drawn_for_it() -> None:
    assert told_after(OLDER, RESULT) == [pack_output(RESULT)]
    assert told_after(RESULT, OLDER) == [pack_output(RESULT), pack_output(OLDER)]


def test_that_a_chain_draws_nothing_holds_for_all_that_come() -> None:
    assert told_after(NEVER, RESULT, RESULT) == [pack_output(RESULT), pack_output(NEVER)]
