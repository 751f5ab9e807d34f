"""The control plane against a model of the contract: whatever comes in whatever order, they agree afterwards.

A real Mosquitto, the daemon in its own process, and hypothesis that desires, commands, kills and restarts.
The model knows the contract's rules and nothing of how they are kept.
"""

from __future__ import annotations

import copy
import functools
import hashlib
import itertools
import json
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from edged.control.twin_store import decode_record
from tests.servers.daemon import ALGORITHMS, Daemon, Subscriber
from tests.servers.fleet import Fleet
from tests.servers.kept import kept
from tests.servers.mosquitto import Mosquitto

Spec = dict[str, Any]
Failure = tuple[str, ...]
"""The phase in which a desired ends, and the codes of why."""
AGREE_WITHIN_S = 20.0
SOURCE = {"url": "pattern://testsrc2?size=160x120&rate=20"}
TICKS = {"algorithm": "ticks", "sampling": {"interval": 0.1}}
FILE = {"sources": {"a": SOURCE}, "jobs": {"x": TICKS}}


def digest(spec: Spec) -> str:
    """Good for the plain texts and numbers here."""
    canonical = json.dumps(spec, sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(canonical.encode()).hexdigest()}"


def merged(target: Any, patch: Any) -> Any:
    """RFC 7396, word for word."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def composed(first: Any, second: Any) -> Any:
    """Two patches as one. Raises LookupError where something is deleted first and then made anew."""
    if not (isinstance(first, dict) and isinstance(second, dict)):
        if first is None and isinstance(second, dict):
            raise LookupError
        return second
    return {
        key: composed(first[key], second[key]) if key in first and key in second else {**first, **second}[key]
        for key in {**first, **second}
    }


def meaning(spec: Spec) -> Spec:
    """With the defaults of what the specs here leave out."""
    return {
        kind: {name: {"enabled": True, **each} for name, each in spec[kind].items()}
        for kind in ("sources", "jobs")
    }


def is_valid(spec: Spec) -> bool:
    """Of those that the rules here can come to."""
    return all("url" in source for source in spec["sources"].values()) and all(
        "algorithm" in job and set(job.get("sources", ())) <= set(spec["sources"])
        for job in spec["jobs"].values()
    )


@dataclass(frozen=True)
class Verdict:
    """What ``reported`` says of the last desired."""

    phase: str | None = None
    revision: int | None = None
    digest: str | None = None
    codes: tuple[str, ...] = ()


@dataclass
class Model:
    """A device by the contract."""

    base: Spec = field(default_factory=lambda: FILE)
    spec: Spec = field(default_factory=lambda: FILE)
    """In effect."""
    revision: int = 0
    local: int = 0
    overlay: dict[str, Any] | None = field(default_factory=dict)
    """None: what it would be on another base, the contract does not say."""
    decided: Verdict = Verdict()
    is_reset: bool = False
    """Since it was decided: any revision but that one may come."""
    told: Verdict = Verdict()
    retained: tuple[int, Spec, bool] | None = None
    """The desired that the broker keeps."""
    answers: dict[str, tuple[str, Any]] = field(default_factory=dict)

    @property
    def highest(self) -> int:
        return 0 if self.is_reset else self.decided.revision or 0

    def newer(self, step: int = 1) -> int:
        """A revision that is tried."""
        revision = self.highest + step
        return revision + 1 if revision == self.decided.revision else revision

    def desired(self, revision: int, spec: Spec, failure: Failure | None = None, *, keep_local: bool) -> None:
        """Rule 1; ``failure`` is of one that cannot run."""
        known = digest(spec)
        if revision == self.decided.revision:
            refused = Verdict("rejected", revision, known, ("conflict",))
            self.told = self.decided if known == self.decided.digest else refused
        elif revision < self.highest:
            self.told = Verdict("rejected", revision, known, ("stale",))
        else:
            self._decide(revision, spec, known, failure, keep_local)

    def _decide(
        self, revision: int, spec: Spec, known: str, failure: Failure | None, keep_local: bool
    ) -> None:
        self.is_reset = False
        if failure is not None:
            self.told = self.decided = Verdict(failure[0], revision, known, failure[1:])
            return
        self.told = self.decided = Verdict("applied", revision, known)
        self.base, self.revision = spec, revision
        if not keep_local:
            self.overlay, self.local = {}, 0
        self.spec = merged(spec, self.overlay)

    def patched(self, patch: dict[str, Any] | None, spec: Spec) -> None:
        """What runs is ``spec`` now; ``patch`` is how, if it was a merge patch."""
        if meaning(spec) == meaning(self.spec):
            return
        self.spec = spec
        self.local += 1
        try:
            self.overlay = None if self.overlay is None or patch is None else composed(self.overlay, patch)
        except LookupError:
            self.overlay = None

    def reset(self) -> None:
        if self.revision and self.decided.revision == self.revision:
            gone = self.decided
            self.decided = Verdict("rolled_back", gone.revision, gone.digest, ("interrupted",))
        self.is_reset = self.decided.revision is not None
        self.base = self.spec = FILE
        self.revision = self.local = 0
        self.overlay = {}

    def connected(self, *, anew: bool) -> None:
        """The device says how things stand (``anew``: it knows no more of what it refused), and hears again
        what is desired."""
        if anew:
            self.told = self.decided
        if self.retained is not None:
            revision, spec, keep_local = self.retained
            self.desired(revision, spec, keep_local=keep_local)


INTERVALS = st.sampled_from([0.05, 0.1, 0.2])
ENABLED = st.sampled_from([{}, {"enabled": True}, {"enabled": False}])
NAMES = ("x", "y", "z")


@st.composite
def specs(draw: st.DrawFn) -> Spec:
    """Good ones, small."""
    sources = draw(st.sampled_from([("a",), ("a", "b")]))
    jobs = draw(st.lists(st.sampled_from(NAMES), max_size=2, unique=True))
    return {
        "sources": {name: {**SOURCE, **draw(ENABLED)} for name in sources},
        "jobs": {name: draw(job_on(sources)) for name in sorted(jobs)},
    }


@st.composite
def job_on(draw: st.DrawFn, sources: tuple[str, ...]) -> Spec:
    among = draw(st.sampled_from([None, sources[:1], sources]))
    return {
        "algorithm": "ticks",
        "sampling": {"interval": draw(INTERVALS)},
        **draw(ENABLED),
        **({} if among is None else {"sources": list(among)}),
    }


def trouble(what: str) -> Spec:
    return {"algorithm": "trouble", "params": {"what": what, "after": 0}, "sampling": {"interval": 0.1}}


BAD: Mapping[str, tuple[Spec, str, str]] = {
    "missing model": (
        {"algorithm": "detector", "params": {"model": "gone.onnx"}},
        "rejected",
        "model_not_found",
    ),
    "unknown key": ({"algorithm": "ticks", "colour": "red"}, "rejected", "unknown_key"),
    "raises in init": (trouble("init-raise"), "rejected", "algorithm_failed"),
    "raises at its first frame": (trouble("raise"), "rolled_back", "algorithm_failed"),
    "unknown algorithm": ({"algorithm": "tocks"}, "rejected", "algorithm_not_found"),
}


@dataclass(frozen=True)
class Action:
    """Something that can be done to a device; `when`: not always."""

    call: Callable[..., None]
    when: Callable[[Any], bool]
    arguments: Mapping[str, st.SearchStrategy[Any]]


ACTIONS: dict[str, Action] = {}


def action(
    *, when: Callable[[Any], bool] = lambda _: True, **arguments: st.SearchStrategy[Any]
) -> Callable[[Callable[..., None]], Any]:
    """A rule for hypothesis, and on the list of all."""

    def decorate(call: Callable[..., None]) -> Any:
        explained = explaining(call)
        ACTIONS[call.__name__] = Action(explained, when, arguments)
        return precondition(when)(rule(**arguments)(explained))

    return decorate


def explaining(call: Callable[..., None]) -> Callable[..., None]:
    """Prints what went wrong where it does: hypothesis tries it again, and that may go well."""

    @functools.wraps(call)
    def explained(control: Control, **arguments: Any) -> None:
        try:
            call(control, **arguments)
        except Exception:
            print(f"--- {call.__name__} {arguments}\n{traceback.format_exc()}", file=sys.stderr)
            print(f"--- the daemon's log ---\n{control.daemon.log[-6000:]}", file=sys.stderr)
            raise

    return explained


class Control(RuleBasedStateMachine):
    """Every rule ends when what it asked for was decided; then `agree` compares all that can be seen."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="edged-control-"))
        self.stack = ExitStack()
        self.stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self.broker = self.stack.enter_context(Mosquitto(self.folder / "broker"))
        self.heard = self.stack.enter_context(Subscriber(self.broker.port))
        self.fleet = self.stack.enter_context(Fleet(self.broker.port, self.heard))
        self.daemon = Daemon(self.folder, self.broker.port, FILE, algorithms=[ALGORITHMS])
        self.stack.callback(self._end)
        self.model = Model()
        self.numbers = itertools.count(1)
        self.start()

    def teardown(self) -> None:
        if hasattr(self, "stack"):
            self.stack.close()

    def _end(self) -> None:
        process = self.daemon.process
        if process is not None and process.poll() is None:
            process.kill()
            process.wait(10)

    # ---- desired ----

    @action(spec=specs(), step=st.integers(1, 3))
    def desire(self, spec: Spec, step: int) -> None:
        self.desired(self.model.newer(step), spec)

    @action(spec=specs(), when=lambda self: bool(self.model.overlay))
    def desire_keeping_patches(self, spec: Spec) -> None:
        is_fine = is_valid(merged(spec, self.model.overlay))
        failure = None if is_fine else ("rejected", "invalid", "conflict")
        self.desired(self.model.newer(), spec, failure, keep_local=True)

    @action(spec=specs(), why=st.sampled_from(sorted(BAD)))
    def desire_what_cannot_run(self, spec: Spec, why: str) -> None:
        job, phase, code = BAD[why]
        spec = {"sources": {"a": SOURCE}, "jobs": {**spec["jobs"], "bad": job}}
        for each in spec["jobs"].values():
            each.pop("sources", None)
        self.desired(self.model.newer(), spec, (phase, code))

    @action(spec=specs(), back=st.integers(0, 3), when=lambda self: self.model.highest > 0)
    def desire_what_is_stale_or_in_conflict(self, spec: Spec, back: int) -> None:
        self.desired(max(1, self.model.highest - back), spec)

    @action(when=lambda self: self.model.retained is not None)
    def desire_the_same_again(self) -> None:
        assert self.model.retained is not None
        revision, spec, keep_local = self.model.retained
        self.desired(revision, spec, keep_local=keep_local)

    @action(spec=specs(), moment=st.sampled_from(["at once", "preparing", "trial"]))
    def desire_and_be_killed(self, spec: Spec, moment: str) -> None:
        """Tried once more, it is applied."""
        revision = self.model.newer()
        since_s = self.fleet.desire(revision, spec, gate={"stable_for": 0.3})
        if moment != "at once":
            self.heard.until(
                "reported",
                lambda told: (
                    told.get("desired_revision") == revision and told["phase"] in (moment, "applied")
                ),
                since_s=since_s - 1,
            )
        self.model.retained = (revision, spec, False)
        self.kill()
        self.model.desired(revision, spec, keep_local=False)
        since_s = self.start()
        assert self.fleet.decided(revision, since_s=since_s)["phase"] == "applied"

    @action(spec=specs())
    def desire_and_be_killed_twice(self, spec: Spec) -> None:
        """In its trial: there is no third time."""
        revision = self.model.newer()
        since_s = time.monotonic()
        self.fleet.desire(revision, spec, gate={"stable_for": 60})
        for _ in range(2):
            self.heard.until("reported", lambda told: told.get("phase") == "trial", since_s=since_s)
            self.kill()
            since_s = self.start()
        self.model.desired(revision, spec, ("rolled_back", "interrupted"), keep_local=False)
        self.model.retained = (revision, spec, False)
        assert self.fleet.decided(revision, since_s=since_s)["phase"] == "rolled_back"

    # ---- commands ----

    @action(name=st.sampled_from(NAMES), interval=INTERVALS)
    def patch_an_interval(self, name: str, interval: float) -> None:
        self.patch({"jobs": {name: {"sampling": {"interval": interval}}}})

    @action(name=st.sampled_from(NAMES), job=job_on(("a",)))
    def patch_a_job_in(self, name: str, job: Spec) -> None:
        self.patch({"jobs": {name: job}})

    @action(name=st.sampled_from(NAMES))
    def patch_a_job_out(self, name: str) -> None:
        self.patch({"jobs": {name: None}})

    @action(name=st.sampled_from(NAMES), job=job_on(("a",)))
    def patch_by_operations(self, name: str, job: Spec) -> None:
        new = copy.deepcopy(self.model.spec)
        new["jobs"][name] = job
        self.patch(None, new, ops=[{"op": "add", "path": f"/jobs/{name}", "value": job}])

    @action(name=st.sampled_from(NAMES))
    def patch_onto_something_else(self, name: str) -> None:
        patch = {"jobs": {name: None}}
        arguments = {"spec": patch, "expect_local": self.model.local + 1}
        self.command("patch", {"code": "conflict"}, arguments)

    @action(
        kind=st.sampled_from(["source", "job"]),
        name=st.sampled_from(["a", "b", *NAMES]),
        on=st.booleans(),
    )
    def pause_or_resume(self, kind: str, name: str, on: bool) -> None:
        op = "resume" if on else "pause"
        section = self.model.spec[f"{kind}s"]
        if name not in section:
            self.command(op, {"code": "not_found"}, {kind: name})
            return
        patch = {f"{kind}s": {name: {"enabled": on}}}
        self.command(op, {"status": "ok"}, {kind: name})
        self.model.patched(patch, merged(self.model.spec, patch))

    @action(which=st.integers(0, 99), name=st.sampled_from(NAMES), when=lambda self: bool(self.model.answers))
    def send_an_id_again(self, which: int, name: str) -> None:
        """Whatever it says now: it gets the answer that it got."""
        known = list(self.model.answers)[-1 - which % len(self.model.answers)]
        op, answer = self.model.answers[known]
        arguments = {"job": name} if op in ("pause", "resume") else {"spec": {"jobs": {name: None}}}
        assert self.fleet.command(op, id=known, **arguments) == answer

    @action(name=st.sampled_from(NAMES), job=job_on(("a",)))
    def patch_and_be_killed(self, name: str, job: Spec) -> None:
        """With it or without it, as the answer says, but not twice."""
        known = f"id-{next(self.numbers)}"
        patch = {"jobs": {name: job}}
        self.fleet.publish("cmd/patch", json.dumps({"id": known, "spec": patch}).encode())
        self.kill()
        since_s = self.start()
        self.heard.until("reported", since_s=since_s)
        answer = self.fleet.command("patch", id=known, spec=patch)
        self.model.answers[known] = ("patch", answer)
        self.settle()
        new = merged(self.model.spec, patch)
        is_there = self.fleet.command("get", what="spec")["data"]["spec"] == new
        assert answer["status"] == "ok" or answer["code"] == "interrupted", answer
        if is_there or answer["status"] == "ok":
            self.model.patched(patch, new)

    # ---- what happens to devices ----

    @action(when=lambda self: self.may_break)
    def the_broker_goes_and_comes(self) -> None:
        """Once in a life of main: two short connections look like another device of the same name, and it
        stays away for long."""
        self.may_break = False
        self.broker.kill()
        since_s = time.monotonic()
        self.broker.start()
        self.model.retained = None
        self.model.connected(anew=False)
        self.heard.until("reported", since_s=since_s)

    @action()
    def main_is_killed(self) -> None:
        self.kill()
        self.start()

    @action()
    def both_are_killed(self) -> None:
        self.kill()
        self.broker.kill()
        self.broker.start()
        self.model.retained = None
        self.start()

    @action()
    def it_is_restarted(self) -> None:
        self.daemon.stop()
        self.start()

    @action()
    def it_is_put_back_to_its_file(self) -> None:
        self.kill()
        self.model.reset()
        self.start("--reset-spec")

    # ---- whether they agree ----

    @invariant()
    @explaining
    def agree(self) -> None:
        deadline_s = time.monotonic() + AGREE_WITHIN_S
        expected = expected_on_the_broker(self.model)
        while (found := seen_on_the_broker(kept(self.broker.port))) != expected:
            assert time.monotonic() < deadline_s, f"{found}\nis not\n{expected}"
            time.sleep(0.02)
        told = self.fleet.command("get", what="spec")["data"]
        model = self.model
        assert (told["spec"], told["revision"], told["local"]) == (model.spec, model.revision, model.local)
        assert told["source"] == ("mqtt" if model.revision else "file")

    # ---- below ----

    def start(self, *options: str) -> float:
        since_s = time.monotonic()
        self.may_break = True
        self.daemon.start(*options)
        self.model.connected(anew=True)
        self.heard.until("reported", since_s=since_s)
        return since_s

    def kill(self) -> None:
        self.daemon.end(signal.SIGKILL)

    def settle(self) -> None:
        """Until no change is at work."""
        path = self.folder / "state" / "twin.json"
        deadline_s = time.monotonic() + AGREE_WITHIN_S
        while path.exists() and decode_record(path.read_bytes()).candidate is not None:
            assert time.monotonic() < deadline_s, "a change is never decided"
            time.sleep(0.02)

    def desired(
        self, revision: int, spec: Spec, failure: Failure | None = None, *, keep_local: bool = False
    ) -> None:
        self.fleet.apply(revision, spec, keep_local=keep_local)
        self.model.retained = (revision, spec, keep_local)
        self.model.desired(revision, spec, failure, keep_local=keep_local)

    def patch(self, patch: dict[str, Any] | None, new: Spec | None = None, **arguments: Any) -> None:
        new = merged(self.model.spec, patch) if new is None else new
        if patch is not None:
            arguments["spec"] = patch
        is_fine = is_valid(new)
        self.command("patch", {"status": "ok"} if is_fine else {"code": "invalid"}, arguments)
        if is_fine:
            self.model.patched(patch, new)

    def command(self, op: str, expected: dict[str, Any], arguments: dict[str, Any]) -> None:
        """Send it with a new id; its answer has to be as expected."""
        known = f"id-{next(self.numbers)}"
        answer = self.fleet.command(op, id=known, **arguments)
        assert {key: answer.get(key) for key in expected} == expected, answer
        self.model.answers[known] = (op, answer)


def expected_on_the_broker(model: Model) -> dict[str, Any]:
    told = model.told
    reported = {
        "revision": model.revision,
        "local": model.local,
        "phase": told.phase,
        "desired_revision": told.revision,
        "highest_revision": model.highest if model.highest not in (0, told.revision) else None,
        "digest": told.digest,
        "codes": told.codes,
    }
    states = {
        f"{kind}/{name}/status": "running" if each["enabled"] else "paused"
        for kind, section in (("source", "sources"), ("job", "jobs"))
        for name, each in meaning(model.spec)[section].items()
    }
    return {"state": "online", "reported": reported, **states}


def seen_on_the_broker(now: dict[str, Any]) -> dict[str, Any]:
    """The same of what it keeps."""
    reported = now.get("reported", {})
    codes = tuple(dict.fromkeys(error["code"] for error in reported.get("errors", ())))
    keys = ("revision", "local", "phase", "desired_revision", "highest_revision", "digest")
    states = {topic: content["state"] for topic, content in now.items() if topic.endswith("/status")}
    return {
        "state": now.get("state", {}).get("state"),
        "reported": {**{key: reported.get(key) for key in keys}, "codes": codes},
        **states,
    }


COMMON = settings(
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],  # to shrink takes hours
    suppress_health_check=list(HealthCheck),
)


@settings(COMMON, max_examples=2)
@given(order=st.permutations(list(ACTIONS)), data=st.data())
def test_the_model_and_the_device_agree_after_every_step(order: list[str], data: st.DataObject) -> None:
    """Everything once, in any order; what cannot be done yet comes as soon as it can."""
    control = Control()
    try:
        control.begin()
        control.agree()
        while order:
            name = next(name for name in order if ACTIONS[name].when(control))
            order.remove(name)
            arguments = {
                key: data.draw(values, label=f"{name}, {key}")
                for key, values in ACTIONS[name].arguments.items()
            }
            note(f"{time.monotonic():.2f} {name}")
            ACTIONS[name].call(control, **arguments)
            control.agree()
    finally:
        control.teardown()


@pytest.mark.slow
def test_the_model_and_the_device_agree_after_very_many_steps() -> None:
    run_state_machine_as_test(Control, settings=settings(COMMON, max_examples=30, stateful_step_count=30))
