"""Which children died unasked, how often; and whether it was the kernel, for want of memory."""

from __future__ import annotations

import asyncio
from pathlib import Path
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.supervise.losses import MOST_KNOWN, Loss, Losses
from edged.supervise.memory_kills import RECENT_S, VMSTAT, MemoryKills
from edged.supervise.process import ChildOwner, ProcessKind
from edged.supervise.supervisor import Supervisor
from tests.stopwatch import HANGS_S


@given(st.lists(st.integers(0, 100)))
def test_each_is_counted_and_those_that_died_last_are_known(deaths: list[int]) -> None:
    losses, counts = Losses(), dict[str, int]()
    for at_ns, number in enumerate(deaths):
        losses.add(f"worker:{number}", f"reason {at_ns}", at_ns)
        known = losses.by_name[f"worker:{number}"]
        counts = {name: loss.count for name, loss in losses.by_name.items()}
        assert known == Loss(counts[f"worker:{number}"], at_ns, f"reason {at_ns}")
    assert losses.total == len(deaths)
    assert len(losses.by_name) == min(len(set(deaths)), MOST_KNOWN)
    assert [loss.at_ns for loss in losses.by_name.values()] == sorted(
        loss.at_ns for loss in losses.by_name.values()
    )
    if len(set(deaths)) <= MOST_KNOWN:
        assert counts == {f"worker:{number}": deaths.count(number) for number in deaths}


@pytest.mark.parametrize("lasts", [True, False])
def test_one_that_cannot_be_started_counts_unless_it_lives_shortly(
    monkeypatch: pytest.MonkeyPatch, *, lasts: bool
) -> None:
    def spawn(*what: object, **how: object) -> object:
        raise OSError(24, "Too many open files")

    async def scenario() -> dict[str, Loss]:
        supervisor = Supervisor()
        kind = ProcessKind("x", "nowhere", "none", 1.0, 1.0, 1, restart=lasts)
        supervisor.start("x", kind, Mock(spec=ChildOwner), stagger=False)
        async with asyncio.timeout(HANGS_S):
            while not tried:
                await asyncio.sleep(0.01)
        return dict(supervisor.losses.by_name)

    tried: list[float] = []
    monkeypatch.setattr("edged.supervise.supervisor.spawn", spawn)
    monkeypatch.setattr(
        "edged.supervise.backoff.Backoff.next_delay_s", lambda backoff: tried.append(1.0) or 9.0
    )
    reasons = {name: loss.reason for name, loss in asyncio.run(scenario()).items()}
    assert reasons == ({"x": "cannot be started: [Errno 24] Too many open files"} if lasts else {})


def test_a_kill_for_want_of_memory_counts_for_some_seconds(tmp_path: Path) -> None:
    vmstat = tmp_path / "vmstat"
    vmstat.write_text("nr_free_pages 1\noom_kill 7\ndrop_slab 0\n")
    kills = MemoryKills(vmstat)
    assert not kills.just_now(0.0), "those before are not ours"
    assert not kills.just_now(1.0)
    vmstat.write_text("nr_free_pages 1\noom_kill 8\ndrop_slab 0\n")
    kills.look(2.0)
    assert kills.just_now(2.0 + RECENT_S)
    assert not kills.just_now(2.1 + RECENT_S)


def test_where_the_kernel_does_not_tell_nothing_is_said(tmp_path: Path) -> None:
    for content in ("", "oom_kill \n", "oom_kill_x 7\n", "thp_oom_kill 1\n"):
        (tmp_path / "vmstat").write_text(content)
        assert not MemoryKills(tmp_path / "vmstat").just_now(0.0)
    assert not MemoryKills(tmp_path / "none").just_now(0.0)
    assert "oom_kill " in VMSTAT.read_text(), "this kernel tells"
