"""What of an analysis is done, and whether another asks for the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edged.errors import EdgedError
from edged.model.analyzing import AnalysisRequest, Form, VideoFile, Where
from edged.model.messages import JobSpec, Library, LinkSpec
from edged.model.sampling import Sampling
from edged.offline.journal import Done, journal_of

SECRET = "geheim"


def request(folder: Path) -> AnalysisRequest:
    job = JobSpec("people", (), (LinkSpec("detector", {"token": SECRET}),), Sampling())
    video = VideoFile(f"https://u:{SECRET}@h/a.mp4", "https://u:***@h/a.mp4", "a", "10 20", jobs=("people",))
    return AnalysisRequest(
        (job,), Library(), (video,), "box", Where.FILE, Form.JSONL, str(folder / "out.jsonl")
    )


def test_it_tells_what_is_done_and_no_secret(tmp_path: Path) -> None:
    journal = journal_of(request(tmp_path))
    assert not journal.exists
    done = Done("a", 123, 4, 5, "breaks off")
    journal.begin()
    journal.add(done)
    with journal.path.open("ab") as file:
        file.write(b'{"source": "torn')
    again = journal_of(replace(request(tmp_path), threads=7, resume=True))
    again.read()
    assert again.done == {"a": done}
    again.add(replace(done, source="b"))
    again.read()
    assert list(again.done) == ["a", "b"]
    assert journal.path == tmp_path / "out.jsonl.resume"
    assert SECRET not in journal.path.read_text()
    assert journal.path.stat().st_mode & 0o077 == 0
    again.remove()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"start_us": 5}, "from, to was [0, null] and is [5, null]"),
        ({"form": Form.CSV}, "format was jsonl and is csv"),
        ({"jobs": ()}, "jobs differ (people)"),
        ({"videos": ()}, "videos differ (a)"),
    ],
)
def test_another_request_is_told_apart_in_words(tmp_path: Path, change: dict[str, object], told: str) -> None:
    journal_of(request(tmp_path)).begin()
    with pytest.raises(EdgedError) as refused:
        journal_of(replace(request(tmp_path), **change)).read()  # type: ignore[arg-type]
    assert told in str(refused.value)
    assert "--overwrite" in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"[]\n", b"{}\n", b'{"v": 2}\n', b'{"v": 1, "asked": {}}\n{}\n'])
def test_a_damaged_one_is_refused_with_the_mend(tmp_path: Path, content: bytes) -> None:
    journal = journal_of(request(tmp_path))
    journal.path.write_bytes(content)
    with pytest.raises(EdgedError, match=r"cannot be understood.*--overwrite"):
        journal.read()
