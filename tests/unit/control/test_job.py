"""One job: when it is proved again."""

from __future__ import annotations

from itertools import pairwise

from edged.control.job import JobRecord
from edged.model.messages import JobSpec, LinkSpec
from edged.model.sampling import Sampling
from edged.planning.plan import JobPlan

SPEC = JobSpec("people", ("gate",), (LinkSpec("motion", {}),), Sampling(), 10.0, "always", 0)


def test_what_failed_its_proof_is_due_again_later_and_later_and_each_time_once() -> None:
    job = JobRecord(JobPlan(SPEC, "main", enabled=True))
    waits_s, now_s = [], 1000.0
    for _ in range(8):
        job.fail_proof(now_s, final=False)
        assert job.out
        assert job.prove_again_s is not None
        due_s = job.prove_again_s
        assert not job.is_due_again(due_s - 0.1)
        assert job.is_due_again(due_s)
        assert not job.is_due_again(due_s + 1000), "it is being proved"
        waits_s.append(due_s - now_s)
        now_s = due_s
    assert all(before <= after <= 300 for before, after in pairwise(waits_s))
    assert waits_s[-1] == 300
    job.pass_proof()
    job.fail_proof(now_s, final=False)
    assert job.prove_again_s == now_s + waits_s[0]


def test_what_hung_or_crashed_its_prover_is_not_due_again() -> None:
    job = JobRecord(JobPlan(SPEC, "main", enabled=True))
    job.fail_proof(0.0, final=True)
    assert job.out
    assert not job.is_due_again(1e9)
