"""What algorithms draw themselves, on live pictures: where, in what colour, how long, and at whose cost."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.integration.device_rig import Rig, rig
from tests.integration.test_live import check_no_gap, look, one_jpeg, url
from tests.small_models import color_classes_model, fixed_model
from tests.stopwatch import HANGS_S

GRAY = {"url": "pattern://color?color=gray&size=320x240&rate=20"}
OFTEN = {"interval": 0.2}
PAINTING = {"algorithm": "painting:Painting", "sampling": OFTEN}
VEILING = {"algorithm": "painting:Veiling", "sampling": OFTEN}
WEB = {"web": {"source": "cam", "to": "mjpeg"}}
Picture = NDArray[np.uint8]


@contextlib.asynccontextmanager
async def showing(
    outputs: dict[str, Any], jobs: dict[str, Any], source: dict[str, Any] = GRAY, models: tuple[str, ...] = ()
) -> AsyncIterator[Rig]:
    async with rig() as box:
        box.models = models
        box.apply({"cam": source}, jobs, outputs)
        yield box


async def seen(address: str, holds: Callable[[Picture], bool]) -> Picture:
    """The first picture of which it holds."""
    async with asyncio.timeout(HANGS_S):
        while not holds(picture := await asyncio.to_thread(one_jpeg, address)):
            await asyncio.sleep(0.05)
    return picture


def color_at(picture: Picture, x: float, y: float) -> tuple[int, int, int]:
    height, width = picture.shape[:2]
    blue, green, red = picture[round(y * height), round(x * width)].tolist()
    return blue, green, red


def is_near(picture: Picture, x: float, y: float, color: tuple[int, int, int], slack: int = 24) -> bool:
    return all(abs(one - other) <= slack for one, other in zip(color_at(picture, x, y), color, strict=True))


def is_painted(picture: Picture) -> bool:
    return is_near(picture, 0.375, 0.375, (0, 0, 200))


def is_gray(picture: Picture, x: float = 0.375, y: float = 0.375) -> bool:
    return is_near(picture, x, y, (128, 128, 128))


def check_rectangle(picture: Picture) -> None:
    """Of the upper left, to the pixel but for its edge."""
    assert all(is_near(picture, x, y, (0, 0, 200)) for x in (0.27, 0.48) for y in (0.27, 0.48))
    assert all(is_gray(picture, x, 0.375) for x in (0.23, 0.52))
    assert all(is_gray(picture, 0.375, y) for y in (0.23, 0.52))


def test_browsers_and_players_see_it_at_its_place_and_in_its_colour() -> None:
    async def scenario() -> None:
        async with showing({**WEB, "gate": {"source": "cam"}}, {"p": PAINTING, "v": VEILING}) as box:
            await box.results("p", "cam", 2)
            await box.results("v", "cam")
            web, gate = await url(box, "web"), await url(box, "gate")

            def shows_both(picture: Picture) -> bool:
                return is_painted(picture) and is_near(picture, 0.75, 0.75, (164, 64, 64))

            check_rectangle(await seen(web, shows_both))
            shown = [picture for picture in await asyncio.to_thread(look, gate, 40) if shows_both(picture)]
            assert shown, "by a player, too"
            check_rectangle(shown[-1])
            assert is_near(shown[-1], 0.75, 0.2, (164, 64, 64))

    asyncio.run(scenario())


def test_it_goes_when_the_algorithm_draws_nothing_more_and_when_its_time_is_over(tmp_path: Path) -> None:
    blank, hold = tmp_path / "blank", tmp_path / "hold"
    job = {**PAINTING, "params": {"blank": str(blank), "hold": str(hold)}, "deadline": 3 * HANGS_S}

    async def scenario() -> None:
        async with showing(WEB, {"p": job}) as box:
            web = await url(box, "web")
            await seen(web, is_painted)
            blank.touch()
            await seen(web, is_gray)
            blank.unlink()
            await seen(web, is_painted)
            hold.touch()
            await seen(web, is_gray)
            hold.unlink()
            await seen(web, is_painted)

    asyncio.run(scenario())


def test_nobody_looks_nothing_is_drawn_and_then_what_was_found_before() -> None:
    outputs = {name: {"source": "cam", "to": "mjpeg", "draw": [name]} for name in ("often", "once")}
    seldom = {"interval": 45}  # its first turn may be missed on a busy machine; its second comes in time
    jobs = {"often": PAINTING, "once": {**PAINTING, "sampling": seldom}}

    async def scenario() -> None:
        async with showing(outputs, jobs) as box:
            addresses = {name: await url(box, name) for name in outputs}
            await box.until(lambda: box.count("job/once/cam/result") == 1)
            results = await box.results("often", "cam", 4)
            assert {result["data"]["drawn"] for result in results} == {0}
            for name in outputs:
                await seen(addresses[name], is_painted)
            assert box.count("job/once/cam/result") == 1

    asyncio.run(scenario())


def test_an_output_that_is_changed_while_somebody_looks_shows_it_still() -> None:
    job = {**PAINTING, "sampling": {"interval": 600}}

    async def scenario() -> None:
        async with showing(WEB, {"p": job}) as box:
            web = await url(box, "web")
            await box.until(lambda: box.count("job/p/cam/result") == 1)
            await seen(web, is_painted)
            small = {"web": {**WEB["web"], "size": [160, 160]}}
            box.apply({"cam": GRAY}, {"p": job}, small, afresh=False)
            await seen(web, lambda picture: picture.shape[0] == 120 and is_painted(picture))
            assert box.count("job/p/cam/result") == 1

    asyncio.run(scenario())


def test_a_draw_that_dawdles_costs_no_first_picture_of_an_output_that_shows_few() -> None:
    """The frame that waited for it is overwritten by then; the next one that is due is an hour away."""
    rare, quick = {"web": {**WEB["web"], "fps": 1 / 3600}}, {"url": GRAY["url"].replace("rate=20", "rate=60")}
    job = {"algorithm": "painting:Dawdling", "sampling": {"interval": 0}}

    async def scenario() -> None:
        async with showing(rare, {"d": job}, quick) as box:
            await box.results("d", "cam", 2)
            assert is_gray(await asyncio.to_thread(one_jpeg, await url(box, "web")))

    asyncio.run(scenario())


@pytest.mark.parametrize("name", ["Clumsy", "Leaving"])
def test_a_draw_that_raises_costs_no_result(name: str) -> None:
    job = {"algorithm": f"painting:{name}", "sampling": OFTEN}

    async def scenario() -> None:
        async with showing(WEB, {"c": job}) as box:
            web = await url(box, "web")
            await seen(web, is_painted)
            pid = box.supervisor.pids()["worker:main"]
            for _ in range(3):
                check_rectangle(await seen(web, is_painted))
                await box.results("c", "cam", 2)
            check_no_gap(box.all("job/c/cam/result"))
            assert box.supervisor.pids()["worker:main"] == pid
            assert box.all("job/c/status")[-1]["state"] == "running"

    asyncio.run(scenario())


def test_each_output_shows_its_jobs_and_no_masked_place() -> None:
    outputs = {
        "all": {"source": "cam", "to": "mjpeg", "size": [160, 160]},
        "one": {"source": "cam", "to": "mjpeg", "draw": ["v"]},
        "none": {"source": "cam", "to": "mjpeg", "draw": []},
    }
    masks = {"m": [[0.3, 0], [0.4, 0], [0.4, 1], [0.3, 1]], "n": [[0.8, 0], [1, 0], [1, 1], [0.8, 1]]}

    async def scenario() -> None:
        async with showing(outputs, {"p": PAINTING, "v": VEILING}, {**GRAY, "masks": masks}) as box:
            addresses = {name: await url(box, name) for name in outputs}

            def is_veiled(picture: Picture) -> bool:
                return is_near(picture, 0.7, 0.7, (164, 64, 64))

            every = await seen(
                addresses["all"], lambda it: is_near(it, 0.45, 0.4, (0, 0, 200)) and is_veiled(it)
            )
            assert every.shape == (120, 160, 3)
            one = await seen(addresses["one"], is_veiled)
            assert is_gray(one, 0.45, 0.4)
            none = await asyncio.to_thread(one_jpeg, addresses["none"])
            assert is_gray(none, 0.45, 0.4)
            assert is_gray(none, 0.7, 0.7)
            for picture in (every, one):
                width = picture.shape[1]
                for begin, end in ((0.33, 0.37), (0.83, 0.97)):
                    assert picture[:, round(begin * width) : round(end * width)].max() < 40

    asyncio.run(scenario())


def test_frames_of_another_size_show_it_at_the_same_place() -> None:
    async def scenario() -> None:
        async with showing(WEB, {"p": PAINTING}) as box:
            web = await url(box, "web")
            check_rectangle(await seen(web, is_painted))
            wide = {"url": "pattern://color?color=gray&size=1280x720&rate=10"}
            box.apply({"cam": wide}, {"p": PAINTING}, WEB, afresh=False)
            picture = await seen(web, lambda it: it.shape[0] == 720 and is_painted(it))
            check_rectangle(picture)

    asyncio.run(scenario())


@pytest.fixture
def models(tmp_path: Path) -> str:
    """A pose whose right shin lies across the middle of the picture, and classes by colour."""
    maps = np.zeros((1, 17, 32, 24))
    maps[0, :, 1, 1] = 1.0
    for number, (x, y) in {13: (10, 28), 14: (4, 16), 16: (20, 16)}.items():
        maps[0, number] = 0
        maps[0, number, y, x] = 1.0
    fixed_model(tmp_path / "pose.onnx", {"maps": maps}, (1, 3, 128, 96))
    color_classes_model(tmp_path / "colors.onnx")
    return str(tmp_path)


def test_skeletons_and_segments_of_the_built_in_ones(models: str) -> None:
    names = ["dark", "red", "green", "blue"]
    segments = {"model": "colors.onnx", "names": names, "normalize": "unit", "labels": names[1:]}
    jobs = {
        "k": {
            "algorithm": "keypoints",
            "params": {"model": "pose.onnx", "resize": "stretch"},
            "sampling": OFTEN,
        },
        "s": {"algorithm": "segmentation", "params": segments, "sampling": OFTEN},
    }
    outputs = {
        name: {"source": "cam", "to": "mjpeg", "draw": [job]} for name, job in (("kw", "k"), ("sw", "s"))
    }
    blue = {"url": "pattern://color?color=blue&size=320x240&rate=20"}

    async def scenario() -> None:
        async with showing(outputs, jobs, blue, (models,)) as box:

            def has_shin(picture: Picture) -> bool:
                """In a colour that the source has not; the box around the body is further out."""
                column = picture[:, 160, 1:].max(axis=1)
                return bool(
                    column[115:126].max() > 100 and max(column[60:110].max(), column[130:200].max()) < 60
                )

            await seen(await url(box, "kw"), has_shin)
            plain = np.array([254, 0, 0])
            await seen(
                await url(box, "sw"),
                lambda picture: bool(np.abs(picture[200, 50].astype(int) - plain).max() > 40),
            )

    asyncio.run(scenario())
