"""Models that a spec brings along: fetched before they are needed, kept while they are, and no longer."""

from __future__ import annotations

import asyncio
import functools
import hashlib
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from edged.errors import SpecRejected
from edged.model.twin import Gate
from edged.settings import Loaded
from tests.integration.twin_rig import PATTERN, TICKS, Box, box, desired, settings
from tests.servers.model_server import ModelServer, Shelf
from tests.servers.small_models import model_that_says

SAMPLING = {"interval": 0.1}


def in_a_loop(test: Callable[..., Coroutine[None, None, None]]) -> Callable[..., None]:
    """A test that runs in an event loop of its own."""

    @functools.wraps(test)
    def run(**given: Any) -> None:
        asyncio.run(test(**given))

    return run


@pytest.fixture
def server() -> Iterator[ModelServer]:
    shelves = {name: Shelf(model_that_says(n)) for n, name in enumerate(("one", "two", "three"), 1)}
    with ModelServer(**shelves) as started:
        yield started


def spec_of(*models: dict[str, Any], names: tuple[str, ...] = ("people.onnx",)) -> dict[str, Any]:
    """A job that costs nothing and has nothing to do with models, and one for each of them."""
    telling = {
        f"tells-{n}": {"algorithm": "telling", "params": {"model": name}, "sampling": SAMPLING}
        for n, name in enumerate(names[: len(models)])
    }
    return {
        "models": dict(zip(names, models, strict=False)),
        "sources": {"gate": PATTERN},
        "jobs": {"steady": TICKS, **telling},
    }


def file_of(storage: Path, spec: dict[str, Any] | None = None, **more: Any) -> Loaded:
    plain = {"sources": {"gate": PATTERN}, "jobs": {"steady": TICKS}}
    return settings(spec or plain, storage={"path": str(storage)}, **more)


def stored(storage: Path) -> set[str]:
    """The starts of the hashes of what lies in the store, in part too."""
    store = storage / "models" / ".store"
    return {entry.name[:8] for entry in store.iterdir()} if store.is_dir() else set()


def start_of(server: ModelServer, name: str) -> str:
    return server.shelves[f"/{name}.onnx"].sha256[:8]


async def says(started: Box, number: float, job: str = "tells-0") -> dict[str, Any]:
    """The first result from now on of a job whose model says that."""
    topic = f"job/{job}/gate/result"
    since = started.rig.count(topic)

    def found() -> list[Any]:
        return [one for one in started.rig.all(topic, since) if one["data"]["says"] == number]

    await started.rig.until(lambda: bool(found()))
    first: dict[str, Any] = found()[0]
    return first


def assert_never_stopped(started: Box, job: str) -> None:
    """Its algorithm was opened once: it counts on since."""
    runs = [one["data"]["runs"] for one in started.rig.all(f"job/{job}/gate/result")]
    assert runs == sorted(set(runs))


@in_a_loop
async def test_a_desired_brings_its_model(server: ModelServer, tmp_path: Path) -> None:
    async with box(tmp_path / "twin.json", file_of(tmp_path)) as started:
        await started.twin.desired(desired(1, spec_of(server.entry("one"))))
        await started.until("applied", 1)
        await says(started, 1.0)
        assert stored(tmp_path) == {start_of(server, "one")}
        assert_never_stopped(started, "steady")


@in_a_loop
async def test_another_file_of_the_same_name(server: ModelServer, tmp_path: Path) -> None:
    """Only the jobs that use it load anew; what nothing uses any more is deleted."""
    both = ("people.onnx", "cars.onnx")
    async with box(tmp_path / "twin.json", file_of(tmp_path)) as started:
        first = spec_of(server.entry("one"), server.entry("two"), names=both)
        await started.twin.desired(desired(1, first))
        await started.until("applied", 1)
        await says(started, 1.0)
        await says(started, 2.0, "tells-1")
        second = spec_of(server.entry("three"), server.entry("two"), names=both)
        actions = await started.twin.validate(second)
        assert actions["actions"] == [
            {"action": "restart", "job": "tells-0", "fields": ["models.people.onnx.sha256"]}
        ]
        assert (actions["unfetched"], actions["unproved"]) == (["people.onnx"], ["tells-0"])
        await started.twin.desired(desired(2, second))
        await started.until("applied", 2)
        await says(started, 3.0)
        assert_never_stopped(started, "tells-1")
        assert_never_stopped(started, "steady")
        await swept(tmp_path, {start_of(server, "two"), start_of(server, "three")})


async def swept(storage: Path, left: set[str]) -> None:
    async with asyncio.timeout(5):
        while stored(storage) != left:
            await asyncio.sleep(0.01)


@in_a_loop
async def test_what_the_file_itself_brings_is_kept_for_going_back(
    server: ModelServer, tmp_path: Path
) -> None:
    user = tmp_path / "models" / "mine.onnx"
    user.parent.mkdir()
    user.write_bytes(b"the user's own")
    file = file_of(tmp_path, spec_of(server.entry("one")))
    async with box(tmp_path / "twin.json", file) as started:
        await says(started, 1.0)
        for revision, name in ((1, "two"), (2, "three")):
            await started.twin.desired(desired(revision, spec_of(server.entry(name))))
            await started.until("applied", revision)
        await says(started, 3.0)
        await swept(tmp_path, {start_of(server, "one"), start_of(server, "three")})
        assert user.read_bytes() == b"the user's own"


REJECTED = {
    "another file": ({"sha256": "0" * 64}, "invalid", "models.people.onnx.sha256"),
    "no such file": ({"url": "gone"}, "model_not_found", "models.people.onnx.url"),
    "a secret that is not there": ({"secret": "none"}, "not_found", "models.people.onnx.secret"),
    "a secret for elsewhere": ({"secret": "far"}, "secret_not_allowed", "models.people.onnx.secret"),
    "a reference of the file's": (
        {"url": "http://127.0.0.1/${env:HOME}.onnx"},
        "not_allowed",
        "models.people.onnx.url",
    ),
}


@pytest.mark.parametrize("why", REJECTED)
@in_a_loop
async def test_a_desired_whose_model_cannot_be_had_is_rejected(
    server: ModelServer, tmp_path: Path, why: str
) -> None:
    entry, code, path = REJECTED[why]
    if entry.get("url") == "gone":
        entry = {"url": server.url("gone")}
    (tmp_path / "secret").write_text("x")
    secrets = {"far": {"file": str(tmp_path / "secret"), "hosts": ["10.0.0.0/8"]}}
    async with box(tmp_path / "twin.json", file_of(tmp_path, secrets=secrets)) as started:
        await started.twin.desired(desired(1, spec_of(server.entry("one") | entry)))
        verdict = await started.until("rejected", 1)
        assert (verdict["errors"][0]["code"], verdict["errors"][0]["path"]) == (code, path)
        assert_never_stopped(started, "steady")
        assert not list(tmp_path.glob("models/.store/*/people.onnx"))


@in_a_loop
async def test_a_newer_desired_ends_the_fetch_of_the_older(server: ModelServer, tmp_path: Path) -> None:
    large = server.shelves["/large.onnx"] = Shelf(model_that_says(5, padding=1_000_000), pause_s=0.2)
    async with box(tmp_path / "twin.json", file_of(tmp_path)) as started:
        await started.twin.desired(desired(1, spec_of(server.entry("large"))))
        store = tmp_path / "models" / ".store"
        await started.rig.until(lambda: "progress" in started.reported)
        assert started.reported["progress"]["people.onnx"]["total"] == len(large.content)
        kept = store / f"{large.sha256}.part"
        await until_larger(kept, 200_000)
        await started.twin.desired(desired(2, spec_of(server.entry("two"))))
        await started.until("applied", 2)
        assert (1, "superseded") in started.phases
        await says(started, 2.0)


async def until_larger(path: Path, size: int) -> None:
    async with asyncio.timeout(10):
        while not path.is_file() or path.stat().st_size < size:
            await asyncio.sleep(0.02)


@in_a_loop
async def test_jobs_of_the_file_wait_for_their_models(server: ModelServer, tmp_path: Path) -> None:
    shelf = server.shelves["/one.onnx"]
    shelf.statuses = [404]
    async with box(tmp_path / "twin.json", file_of(tmp_path, spec_of(server.entry("one")))) as started:
        waits = await started.rig.state("job/tells-0", "failed")
        assert waits["error"] == (
            "waits for people.onnx: the server answers 404 Not Found: there is no such file, check the URL"
        )
        await started.rig.results("steady", "gate")
        await started.twin.reload(
            file_of(tmp_path, spec_of(server.entry("one", url=server.url("one") + "?")))
        )
        await says(started, 1.0)
        assert_never_stopped(started, "steady")


@in_a_loop
async def test_the_version_before_runs_until_the_next_model_is_there(
    server: ModelServer, tmp_path: Path
) -> None:
    """Also in a new worker: its model is kept as long as it runs."""
    first, second = (file_of(tmp_path, spec_of(server.entry(name))) for name in ("one", "two"))
    async with box(tmp_path / "twin.json", first) as started:
        await says(started, 1.0)
        server.shelves["/two.onnx"].statuses = [503, 503]
        await started.twin.reload(second)
        await says(started, 1.0)
        started.device.restart_worker("main")
        await says(started, 1.0)
        await says(started, 2.0)


@in_a_loop
async def test_the_limit_of_preparing_is_kept(server: ModelServer, tmp_path: Path) -> None:
    server.shelves["/one.onnx"].statuses = [503] * 1000
    async with box(tmp_path / "twin.json", file_of(tmp_path)) as started:
        started.twin._work._preparing_s = 2.0
        await started.twin.desired(desired(1, spec_of(server.entry("one")), gate=Gate(timeout_s=5)))
        verdict = await started.until("rejected", 1)
        assert verdict["errors"][0]["code"] == "source_failed"
        assert "503" in verdict["errors"][0]["message"]


@in_a_loop
async def test_a_secret_goes_along(
    server: ModelServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "secret").write_text("open-sesame")
    secrets = {"shelf": {"file": str(tmp_path / "secret"), "hosts": ["127.0.0.1"]}}
    async with box(tmp_path / "twin.json", file_of(tmp_path, secrets=secrets)) as started:
        await started.twin.desired(desired(1, spec_of(server.entry("one", secret="shelf"))))
        await started.until("applied", 1)
        assert server.asked[0].headers["authorization"] == "Bearer open-sesame"
        said = [payload for payloads in started.rig.publisher.said.values() for payload in payloads]
        assert not any(b"sesame" in payload for payload in said)
        assert "sesame" not in caplog.text


@in_a_loop
async def test_a_patch_of_something_else_does_not_wait(server: ModelServer, tmp_path: Path) -> None:
    server.shelves["/one.onnx"].statuses = [503] * 1000
    async with box(tmp_path / "twin.json", file_of(tmp_path, spec_of(server.entry("one")))) as started:
        await started.rig.results("steady", "gate")
        answer = await started.twin.patch(merge={"jobs": {"steady": {"enabled": False}}})
        assert answer["local"] == 1
        with pytest.raises(SpecRejected, match="not on this device yet"):
            await started.twin.patch(merge={"jobs": {"tells-0": {"worker": "own", "then": [
                {"algorithm": "telling", "params": {"model": "people.onnx"}}]}}})  # fmt: skip


@in_a_loop
async def test_the_name_means_this_file_and_no_other(server: ModelServer, tmp_path: Path) -> None:
    """A file of the same name in a model folder is not looked at, unless it is this very one."""
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "people.onnx").write_bytes(model_that_says(9))
    async with box(tmp_path / "twin.json", file_of(tmp_path, models=[str(folder)])) as started:
        await started.twin.desired(desired(1, spec_of(server.entry("one"))))
        await started.until("applied", 1)
        await says(started, 1.0)
        own = {"url": server.url("gone"), "sha256": hashlib.sha256(model_that_says(9)).hexdigest()}
        await started.twin.desired(desired(2, spec_of(own)))
        await started.until("applied", 2)
        await says(started, 9.0)
