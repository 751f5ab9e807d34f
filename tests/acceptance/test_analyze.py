"""`edged analyze` as people and their scripts use it: real footage, real ends, real kills."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import random
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil
import pytest

from tests.analyses import AISLE, BOTTLES, COMMAND, PEOPLE, analyze, environment, films, lines
from tests.servers.lifetime import die_with_the_tests
from tests.stopwatch import HANGS_S, Stopwatch

pytestmark = pytest.mark.assets


@pytest.fixture
def model(assets: Path) -> list[str]:
    """The options of a job that keeps no state."""
    return ["--model", str(assets / "yolox_nano_416.onnx"), "--interval", "0.5"]


# ---- what comes out ----


def test_results_are_those_of_the_contract_one_line_each(assets: Path, model: list[str]) -> None:
    done = analyze(*films(assets, AISLE), *model, "--labels", "person", "--from", "1", "--to", "0:03")
    assert done.returncode == 0, done.stderr
    results = lines(done.stdout)
    assert [result["seq"] for result in results] == [1, 2, 3, 4]
    assert all(1 <= result["frame"]["pts"] < 3 for result in results)
    assert {result["source"] for result in results} == {AISLE}
    assert not {"boot", "time", "latency_ms"} & set(results[0])
    labels = {each["label"] for result in results for each in result["detections"]}
    assert labels == {"person"}
    assert "1 video, 4 results in" in done.stderr


def test_csv_and_parquet_hold_the_same_rows(assets: Path, model: list[str], tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    words = [*films(assets, AISLE, BOTTLES), *model, "--to", "5", "--quiet"]
    for name in ("out.jsonl", "out.csv", "out.parquet"):
        done = analyze(*words, "-o", tmp_path / name)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    results = lines((tmp_path / "out.jsonl").read_text())
    table = (tmp_path / "out.csv").read_bytes().decode()
    assert table.count("\r\n") == table.count("\n")
    rows = list(csv.DictReader(io.StringIO(table, newline="")))
    typed = parquet.read_table(tmp_path / "out.parquet").to_pylist()
    assert len(rows) == len(typed) == sum(max(1, len(result["detections"])) for result in results)
    assert len(rows) > len(results)
    for row, other in zip(rows, typed, strict=True):
        assert {key: "" if value is None else str(value) for key, value in other.items()} == row
    boxes = [[row[key] for key in ("x_min", "y_min", "x_max", "y_max")] for row in typed if row["label"]]
    assert boxes == [each["box"] for result in results for each in result["detections"]]


def test_a_folder_gets_a_file_for_each_video(assets: Path, model: list[str], tmp_path: Path) -> None:
    (tmp_path / "in" / "day").mkdir(parents=True)
    for place in ("in/gate 1.mp4", "in/day/gate 1.mp4"):
        shutil.copy(assets / f"{AISLE}.mp4", tmp_path / place)
    (tmp_path / "in" / "notes.txt").write_text("no video")
    done = analyze(tmp_path / "in", *model, "--to", "2", "-o", tmp_path / "out", "--format", "csv")
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["gate-1-2.csv", "gate-1.csv"]


def test_a_pattern_in_quotes_and_the_jobs_of_a_config(assets: Path, tmp_path: Path) -> None:
    config = tmp_path / "gate.yaml"
    config.write_text(
        "device: gate-01\n"
        "spec:\n"
        "  sources:\n"
        f"    aisle: {{url: {assets}/{AISLE}.mp4, zones: {{all: [[0, 0], [1, 0], [1, 1], [0, 1]]}}}}\n"
        f"    shelf: {{url: {assets}/{BOTTLES}.mp4}}\n"
        "  jobs:\n"
        "    people:\n"
        "      sources: [aisle]\n"
        "      algorithm: detector\n"
        f"      params: {{model: {assets}/yolox_nano_416.onnx, labels: [person]}}\n"
        "      sampling: {interval: 0.2}\n"
        "      then: [{algorithm: tracker}, {algorithm: zones}]\n"
        "    moving: {sources: [shelf], algorithm: motion}\n"
        "    off: {algorithm: motion, enabled: false}\n"
    )
    done = analyze(f"{assets}/*tore-aisle-d*.mp4", *films(assets, BOTTLES), "-c", config, "--to", "6")
    assert done.returncode == 0, done.stderr
    told = lines(done.stdout)
    assert {(one["job"], one["source"]) for one in told} == {("people", AISLE), ("moving", BOTTLES)}
    assert {one["device"] for one in told} == {"gate-01"}
    zones = [each.get("zones") for one in told for each in one.get("detections", []) if "track_id" in each]
    assert ["all"] in zones
    wrong = analyze(*films(assets, BOTTLES), "-c", config, "--job", "movin")
    assert wrong.returncode == 1
    assert 'did you mean "moving"?' in wrong.stderr


# ---- what goes wrong ----


def test_of_twenty_videos_one_broken_the_others_are_done(
    assets: Path, model: list[str], tmp_path: Path
) -> None:
    for number in range(20):
        shutil.copy(assets / f"{AISLE}.mp4", tmp_path / f"{number:02}.mp4")
    broken = tmp_path / "07.mp4"
    broken.write_bytes(b"this is no video" * 1000)
    done = analyze(tmp_path, *model, "--to", "1.2", "-o", tmp_path / "out.jsonl")
    assert done.returncode == 1
    results = lines((tmp_path / "out.jsonl").read_text())
    sources = list(dict.fromkeys(result["source"] for result in results))
    assert sources == [f"{number:02}" for number in range(20) if number != 7]
    assert len(results) == 19 * 3
    assert "1 of 20 videos failed:" in done.stderr
    assert f"{broken}: it is not a video" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out.jsonl.resume").exists()


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["none.mp4", "--algorithm", "motion"], 1, "none.mp4: there is no such file"),
        (["*.none", "--algorithm", "motion"], 1, "no file fits this pattern"),
        ([".", "--algorithm", "motion"], 1, "no video in it"),
        (["FILM"], 2, "say what to do"),
        (["FILM", "--algorithm", "motion", "-c", "x.yaml"], 2, "not both"),
        (["FILM", "--algorithm", "motoin"], 1, "motion"),
        (["FILM", "--algorithm", "motion", "-p", "none=1"], 1, "none"),
        (["FILM", "--model", "none.onnx"], 1, "there is no file none.onnx"),
        (["FILM", "--algorithm", "motion", "--from", "1:75"], 2, "is no time"),
        (["FILM", "--algorithm", "motion", "--from", "9:00"], 0, "no result from 9:00 on"),
        (["FILM", "--algorithm", "motion", "-o", "none/out.csv"], 1, "there is no folder"),
        (["FILM", "--algorithm", "motion", "-o", "/sys/out.csv"], 1, "/sys/out.csv"),
        (["FILM", "--algorithm", "motion", "--record", "/sys/x.mp4"], 1, "another place with --record"),
        (["FILM", "--algorithm", "motoin", "-o", "out.csv"], 1, "motion"),
        (["FILM", "--algorithm", "motion", "-o", "out.txt"], 2, ".jsonl, .csv or .parquet"),
        (["FILM", "--algorithm", "motion", "--resume"], 2, "--resume is for"),
        (["rtsp://127.0.0.1/x", "--algorithm", "motion"], 1, "edged run"),
        (["FILM", "--algorithm", "motion", "--engine", "cloud"], 2, "local"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistakes_are_told_with_the_mend(
    assets: Path, tmp_path: Path, words: list[str], code: int, told: str
) -> None:
    film = str(assets / f"{BOTTLES}.mp4")
    done = analyze(*(film if word == "FILM" else word for word in words), cwd=tmp_path, env=environment())
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert told in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_algorithm_that_raises_fails_its_video_and_the_others_are_done(
    assets: Path, tmp_path: Path
) -> None:
    (tmp_path / "picky.py").write_text(PICKY)
    words = ["--algorithm", "picky:Picky", "--folder", tmp_path, "--interval", "0.5", "--to", "2"]
    done = analyze(*films(assets, AISLE, BOTTLES), *words, "-o", tmp_path / "out", within_s=60)
    assert done.returncode == 1
    assert f"{assets}/{AISLE}.mp4: job picky-Picky failed at 0.000 s" in done.stderr
    assert "I do not like 480" in done.stderr
    assert (tmp_path / "out" / f"{AISLE}.jsonl").read_bytes() == b""
    assert len(lines((tmp_path / "out" / f"{BOTTLES}.jsonl").read_text())) == 4


PICKY = """\
from edged import BaseAlgo

class Picky(BaseAlgo):
    def run(self, frames):
        if frames[-1].shape[1] == 480:
            raise ValueError("I do not like 480")
        return {"width": frames[-1].shape[1]}
"""


def test_a_film_is_made_anew_after_a_kill(assets: Path, model: list[str], tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    out, film = tmp_path / "out.jsonl", tmp_path / "drawn.mp4"
    words = [*films(assets, BOTTLES), *model, "--to", "8", "-o", out, "--record", film]
    with begun(words) as process:
        wait_for_bytes(out, 1500, process)
        wait_for_bytes(tmp_path / "drawn.part.mp4", 20_000, process)
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    assert not film.exists()
    with av.open(str(tmp_path / "drawn.part.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) > 10, "what was written plays"
    done = analyze(*words, "--resume")
    assert done.returncode == 0, done.stderr
    assert "done again from its beginning" in done.stderr
    with av.open(str(film)) as container:
        shown = sum(1 for _ in container.decode(video=0))
    assert shown == 239
    assert not list(tmp_path.glob("*.part*"))
    assert [result["seq"] for result in lines(out.read_text())] == list(range(1, 17))
    assert analyze(*words, "--overwrite").returncode == 0
    out.unlink()
    refused = analyze(*words)
    assert (refused.returncode, f"{film} is there already" in refused.stderr) == (1, True)


def test_what_is_there_is_not_overwritten_unasked(assets: Path, model: list[str], tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    out.write_text("precious\n")
    words = [*films(assets, BOTTLES), *model, "--to", "1", "-o", out]
    for more in ([], ["--resume"]):
        done = analyze(*words, *more)
        assert done.returncode == 1
        assert "--overwrite" in done.stderr
        assert out.read_text() == "precious\n"
    assert analyze(*words, "--overwrite").returncode == 0
    assert len(lines(out.read_text())) == 2


def test_a_full_disk_leaves_whole_lines_and_is_gone_on_with(
    assets: Path, model: list[str], tmp_path: Path
) -> None:
    words = [*films(assets, BOTTLES, AISLE), *model, "--to", "8", "--quiet"]
    assert analyze(*words, "-o", tmp_path / "whole.jsonl").returncode == 0
    whole = (tmp_path / "whole.jsonl").read_bytes()
    out, limit = tmp_path / "out.jsonl", len(whole) * 2 // 3
    full = analyze(
        *words, "-o", out, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    )
    assert full.returncode == 1
    assert f"{out}: File too large: make room" in full.stderr
    assert "--resume" in full.stderr
    assert whole.startswith(out.read_bytes())
    assert out.read_bytes().endswith(b"\n")
    assert analyze(*words, "-o", out, "--resume").returncode == 0
    assert out.read_bytes() == whole


def test_whoever_reads_no_more_ends_it(assets: Path, model: list[str]) -> None:
    command = " ".join([*COMMAND, str(assets / f"{AISLE}.mp4"), *model])
    piped = subprocess.run(
        ["bash", "-c", f"{command} | head -1; echo ${{PIPESTATUS[0]}}"],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    first, code = piped.stdout.splitlines()
    assert json.loads(first)["seq"] == 1
    assert code == "141"
    assert "Traceback" not in piped.stderr


# ---- interrupted, and gone on with ----


@contextlib.contextmanager
def begun(words: Sequence[str | Path]) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [*COMMAND, *map(str, words)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=die_with_the_tests,  # noqa: PLW1509  one system call, no Python state
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


def wait_for_bytes(path: Path, least: int, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while process.poll() is None and (not path.exists() or path.stat().st_size < least):
        assert time.monotonic() < deadline, f"{path.name} does not grow to {least} bytes"
        time.sleep(0.005)


@pytest.mark.parametrize(
    ("kind", "ending"), [("stateless", "csv"), ("tracker", "jsonl"), ("two jobs", "jsonl")]
)
def test_killed_again_and_again_it_comes_to_the_same_bytes(
    assets: Path, model: list[str], tmp_path: Path, kind: str, ending: str
) -> None:
    config = tmp_path / "two.yaml"
    config.write_text(TWO_JOBS.format(assets=assets))
    chosen = {"stateless": model, "tracker": [*model, "--then", "tracker"], "two jobs": ["-c", config]}[kind]
    words = [*films(assets, AISLE, BOTTLES, PEOPLE), *chosen, "--to", "12", "--quiet"]
    assert analyze(*words, "-o", tmp_path / f"whole.{ending}").returncode == 0
    whole = (tmp_path / f"whole.{ending}").read_bytes()
    assert (whole.count(b'"reason":"ended"') > 3) == (kind == "tracker"), "what is open is ended"
    out = tmp_path / f"out.{ending}"
    chance = random.Random(f"{ending}{kind}")
    for kill in range(3):
        with begun([*words, "-o", out, *(["--resume"] if kill else [])]) as process:
            wait_for_bytes(out, chance.randrange(len(whole)), process)
            process.send_signal(signal.SIGKILL)
            process.wait(10)
    done = analyze(*words, "-o", out, "--resume")
    if done.returncode:  # the last one was killed when all was done
        assert "it is done already" in done.stderr
    assert out.read_bytes() == whole
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"out.{ending}",
        "two.yaml",
        f"whole.{ending}",
    ]


TWO_JOBS = """\
models: [{assets}]
spec:
  jobs:
    one: {{algorithm: detector, params: {{model: yolox_nano_416.onnx}}, sampling: {{interval: 0.5}}}}
    two: {{algorithm: detector, params: {{model: fastestdet_352.onnx}}, sampling: {{interval: 0.3}}}}
"""


def test_ctrl_c_ends_in_order_and_says_how_to_go_on(assets: Path, model: list[str], tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    words = [*films(assets, AISLE, BOTTLES), *model]
    out = tmp_path / "out.parquet"
    with begun([*words, "-o", out]) as process:
        wait_for_bytes(tmp_path / "out.parquet.lines", 5000, process)
        children = psutil.Process(process.pid).children()
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=10)
    assert process.returncode == 130
    assert "go on with the same command and --resume" in told
    assert "Traceback" not in told
    assert not psutil.wait_procs(children, timeout=2)[1]
    before = parquet.read_table(out).num_rows
    assert before > 0
    again = analyze(*words, "-o", out)
    assert (again.returncode, "--resume goes on with it" in again.stderr) == (1, True)
    other = analyze(*words, "-o", out, "--resume", "--to", "9")
    assert (other.returncode, "from, to was [0, null] and is [0, 9000000]" in other.stderr) == (1, True)
    assert analyze(*words, "-o", out, "--resume").returncode == 0
    assert analyze(*words, "-o", tmp_path / "whole.parquet").returncode == 0
    whole = parquet.read_table(tmp_path / "whole.parquet")
    assert parquet.read_table(out).equals(whole)
    assert whole.num_rows > before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.parquet", "whole.parquet"]


def test_what_ctrl_c_leaves_open_ends_with_its_video(assets: Path, model: list[str], tmp_path: Path) -> None:
    words = [*films(assets, PEOPLE), *model[:2], "--interval", "0.1", "--to", "20", "--then", "tracker"]
    out, whole = tmp_path / "out.jsonl", tmp_path / "whole.jsonl"
    with begun([*words, "-o", out]) as process:
        wait_for_bytes(out, 1, process)
        watch = Stopwatch()
        while b"object_start" not in out.read_bytes() and process.poll() is None:
            assert watch.is_within(HANGS_S)
            time.sleep(0.005)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=HANGS_S)
    assert process.returncode == 130
    assert b'"reason":"ended"' not in out.read_bytes()
    assert analyze(*words, "-o", out, "--resume").returncode == 0
    assert analyze(*words, "-o", whole).returncode == 0
    assert out.read_bytes() == whole.read_bytes()
    events = [line for line in lines(whole.read_text()) if "type" in line]
    begun_ids = {event["track_id"] for event in events if event["type"] == "object_start"}
    ended_ids = [event["track_id"] for event in events if event["type"] == "object_end"]
    assert sorted(ended_ids) == sorted(begun_ids), "each once"
    assert events[-1]["data"]["reason"] == "ended"
    assert events[-1]["frame"]["pts"] > 19.8


def test_jobs_that_cannot_be_loaded_leave_the_results_of_before(assets: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    words = [*films(assets, BOTTLES), "--algorithm", "motion", "-o", str(out)]
    assert analyze(*words).returncode == 0
    before = out.read_bytes()
    done = analyze(*words, "--overwrite", "--param", "none=1")
    assert done.returncode == 1
    assert "none: no such parameter" in done.stderr
    assert out.read_bytes() == before != b""
    assert [path.name for path in tmp_path.iterdir()] == ["out.jsonl"]
