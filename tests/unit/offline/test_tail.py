"""A file of results that was cut anywhere is gone on with to the same bytes."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from edged.model.analyzing import Form
from edged.offline.sinks.piece import Piece
from edged.offline.sinks.rows import COLUMNS, rows_of
from edged.offline.sinks.tail import read_tail
from edged.offline.sinks.text import encode, header

LABELS = st.sampled_from(["person", 'a "quoted" one', "two\r\nlines", "semi;colon, comma", "ümläut", ""])
DETECTION = st.builds(
    lambda label, score: {"label": label, "score": score, "box": [0.1, 0.2, 0.30001, 0.4]},
    LABELS,
    st.floats(0, 1).map(lambda score: round(score, 4)),
)
JOBS = ("people", "cars")


@st.composite
def video(draw: st.DrawFn) -> list[Piece]:
    """What an engine gives: by frame, of each job that is due a result and its events."""
    pieces: list[Piece] = []
    seqs = dict.fromkeys(JOBS, 0)
    events = dict.fromkeys(JOBS, 0)
    for index in range(draw(st.integers(0, 8))):
        for job in draw(st.sets(st.sampled_from(JOBS))):
            seqs[job] += 1
            pieces.append(piece(job, seqs[job], index, detections=draw(st.lists(DETECTION, max_size=3))))
            for _ in range(draw(st.integers(0, 2))):
                events[job] += 1
                pieces.append(piece(job, events[job], index, type="zone_enter"))
    return pieces


def piece(job: str, seq: int, index: int, **more: Any) -> Piece:
    frame = {"index": index, "pts": round(index / 30, 6), "width": 640, "height": 360}
    body = {"job": job, "source": "gate", "seq": seq, "frame": frame, **more}
    return Piece(job, "gate", seq, json.dumps(body).encode(), "type" in more)


def written(form: Form, pieces: list[Piece]) -> bytes:
    return b"".join(encode(form, one) for one in pieces)


@given(video(), st.sampled_from([Form.JSONL, Form.CSV]), st.data(), st.binary(max_size=40))
def test_cut_anywhere_it_goes_on_to_the_same_bytes(
    pieces: list[Piece], form: Form, data: st.DataObject, before: bytes
) -> None:
    begin = before + header(form) if form is Form.JSONL or not before else before
    whole = begin + written(form, pieces)
    first = len(begin) if begin == before else 0
    cut = data.draw(st.integers(first, len(whole)))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "out"
        path.write_bytes(whole[:cut])
        with path.open("rb") as file:
            tail = read_tail(file, first, form, "gate")
    kept = whole[: tail.keep] or header(form)
    left = [one for one in pieces if tail.at_us is None or time_us(one) >= tail.at_us]
    assert kept + written(form, left) == whole
    for job in JOBS:
        numbers = [one.seq for one in left if one.job == job and not one.is_event]
        assert not numbers or numbers[0] == tail.seqs.get(job, 0) + 1


def time_us(one: Piece) -> int:
    return round(one.body["frame"]["pts"] * 1e6)


def test_what_is_of_another_video_or_no_record_is_cut_off(tmp_path: Path) -> None:
    first = written(Form.JSONL, [piece("people", 1, 0)])
    good = first + written(Form.JSONL, [piece("people", 2, 1)])
    path = tmp_path / "out"
    for rubbish in (b"\0" * 300 + b"\n", b"{}\n", b'{"source": "other"}\n', b"not json\n"):
        path.write_bytes(good + rubbish + good)
        with path.open("rb") as file:
            tail = read_tail(file, 0, Form.JSONL, "gate")
        assert (tail.keep, tail.at_us) == (len(first), 33_333)


def test_whether_something_had_begun_where_it_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "out"
    lines = [piece("people", index + 1, index) for index in range(6)]
    lines.insert(4, piece("people", 1, 3, type="object_start", track_id=1))
    for count, begun in ((4, False), (5, False), (6, True), (7, True)):
        path.write_bytes(written(Form.JSONL, lines[:count]))
        with path.open("rb") as file:
            assert read_tail(file, 0, Form.JSONL, "gate").has_begun is begun, count


def test_rows_hold_what_a_result_says() -> None:
    keypoints, attributes = [[0.1, 0.2, 0.9]], {"helmet": {"label": "no"}}
    first = {
        "label": "person", "label_id": 0, "score": 0.9, "box": [0.1, 0.2, 0.3, 0.4], "track_id": 7,
        "zones": ["door", "hall"], "attributes": attributes, "keypoints": keypoints,
    }  # fmt: skip
    body = piece("people", 3, 9, detections=[first, {"score": 0.5, "box": [0, 0, 1, 1]}], data={"n": 2}).body
    one, two = rows_of(body)
    assert set(one) == set(COLUMNS)
    assert (one["zones"], one["y_max"], one["data"]) == ("door hall", 0.4, '{"n":2}')
    assert json.loads(one["keypoints"]) == keypoints
    assert json.loads(one["attributes"]) == attributes
    assert "data" not in two
    assert "label" not in two
    (empty,) = rows_of(piece("people", 3, 9, detections=[]).body)
    assert set(empty) == {"source", "job", "seq", "index", "pts", "width", "height"}
