"""Which recordings go, decided over any set of them; and the folder they lie in, for real."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from edged.control.recordings import MOST_AT_ONCE, sweep_folder
from edged.model.recordings import CLIPS, Keeping, RecordedFile, RecordingKind, SourceKeeping, clip_name
from edged.storage.recordings_folder import RecordingsFolder
from edged.storage.retention import MB, Disk, Reason, may_go, what_goes

DAY_NS = 86_400 * 10**9
NOW_NS = 1_795_615_500 * 10**9
ROOMY = Disk(10**12, 10**12)


@st.composite
def recorded(draw: st.DrawFn) -> RecordedFile:
    number = draw(st.integers(0, 10**9))
    kind = draw(st.sampled_from(RecordingKind))
    source = draw(st.sampled_from(("gate", "yard")))
    start_ns = NOW_NS - draw(st.integers(-2, 60)) * DAY_NS + number
    changed_ns = NOW_NS - draw(st.integers(0, 2)) * 3600 * 10**9
    size = draw(st.integers(0, 20 * MB))
    return RecordedFile(
        f"{source}/{kind}/{number}", source, kind, start_ns, size, changed_ns, is_open=draw(st.booleans())
    )


files = st.lists(recorded(), max_size=30, unique_by=lambda file: file.path)
keepings = st.builds(
    Keeping,
    st.just("/r"),
    st.integers(10, 300),
    st.floats(1, 60),
    st.dictionaries(
        st.sampled_from(("gate", "gone")),
        st.builds(SourceKeeping, st.none() | st.integers(1, 100), st.none() | st.floats(1, 60)),
    ),
)
disks = st.builds(lambda free: Disk(2000 * MB, free), st.integers(0, 2000 * MB))


@given(files, keepings, disks)
def test_what_is_left_keeps_to_the_limits(found: list[RecordedFile], keeping: Keeping, disk: Disk) -> None:
    going = what_goes(found, keeping, disk, NOW_NS)
    gone = {each.file.path for each in going}
    left = [file for file in found if file.path not in gone]
    assert len(gone) == len(going), "each once"
    assert all(may_go(each.file, NOW_NS) for each in going), "nothing that is being written"
    could_go = [file for file in left if may_go(file, NOW_NS)]
    if sum(file.bytes for file in left) > keeping.max_mb * MB:
        assert not could_go
    for name, limits in keeping.sources.items():
        of_source = [file for file in left if file.source == name]
        if limits.max_mb is not None and sum(file.bytes for file in of_source) > limits.max_mb * MB:
            assert not any(may_go(file, NOW_NS) for file in of_source)
    for file in could_go:
        days = keeping.sources.get(file.source, SourceKeeping()).max_days or keeping.max_days
        assert NOW_NS - file.start_ns <= days * DAY_NS + 1000
    if disk.free_bytes + sum(each.file.bytes for each in going) < 100 * MB:
        assert not could_go, "a twentieth of 2 GB"


@given(files, keepings, disks)
def test_nothing_goes_without_need(found: list[RecordedFile], keeping: Keeping, disk: Disk) -> None:
    going = what_goes(found, keeping, disk, NOW_NS)
    left = sum(file.bytes for file in found) - sum(each.file.bytes for each in going)
    for reason in (Reason.DEVICE, Reason.DISK):
        last = next((each for each in reversed(going) if each.reason is reason), None)
        if last is not None and reason is Reason.DEVICE:
            later = sum(each.file.bytes for each in going if each.reason is Reason.DISK)
            assert left + later + last.file.bytes > keeping.max_mb * MB
        if last is not None and reason is Reason.DISK:
            freed = sum(each.file.bytes for each in going)
            assert disk.free_bytes + freed - last.file.bytes < 100 * MB


@given(files)
def test_clips_go_last_and_the_oldest_first(found: list[RecordedFile]) -> None:
    going = what_goes(found, Keeping("/r", 10, 10_000), ROOMY, NOW_NS)
    order = [(each.file.kind is RecordingKind.CLIP, each.file.start_ns) for each in going]
    assert order == sorted(order)
    left = {file.path for file in found} - {each.file.path for each in going}
    if any(each.file.kind is RecordingKind.CLIP for each in going):
        assert not [
            file
            for file in found
            if file.kind is RecordingKind.SEGMENT and file.path in left and may_go(file, NOW_NS)
        ]


def test_what_was_made_before_the_clock_was_set_is_of_no_known_age() -> None:
    file = RecordedFile("gate/1970-01-01/x", "gate", RecordingKind.SEGMENT, 10**9, 1, NOW_NS)
    assert what_goes([file], Keeping("/r"), ROOMY, NOW_NS) == []


# ---- on a disk ----


def segment(root: Path, source: str, number: int, *, size: int = 10, days: int = 0) -> Path:
    day = time.strftime("%Y-%m-%d", time.gmtime(time.time() - days * 86_400))
    path = root / source / day / f"{number // 60:02}-{number % 60:02}-00.000Z.mp4"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as opened:
        opened.truncate(size)
    return path


def clip(root: Path, source: str, *, size: int = 10, days: int = 0) -> Path:
    name = clip_name(time.time_ns() - days * DAY_NS, "people", "7f3a")
    path = root / source / CLIPS / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as opened:
        opened.truncate(size)
    return path


def sweep(folder: RecordingsFolder, keeping: Keeping) -> Iterator[str]:
    found = sweep_folder(folder, keeping, time.time_ns())
    assert not found.trouble
    yield from (each.file.path for each in found.deleted)


def test_old_files_go_and_their_empty_days(tmp_path: Path) -> None:
    old, new = segment(tmp_path, "gate", 0, days=8), segment(tmp_path, "gate", 1)
    kept = segment(tmp_path, "yard", 0, days=8)
    of_removed = segment(tmp_path, "removed", 0, days=31)
    keeping = Keeping(str(tmp_path), sources={"gate": SourceKeeping(max_days=7)})
    assert len(list(sweep(RecordingsFolder(tmp_path), keeping))) == 2
    assert not old.parent.exists()
    assert not of_removed.parent.exists()
    assert new.exists()
    assert kept.exists()


def test_the_oldest_go_when_there_is_too_much_and_clips_last(tmp_path: Path) -> None:
    old_clip = clip(tmp_path, "gate", size=4 * MB, days=20)
    paths = [segment(tmp_path, "gate", number, size=4 * MB) for number in range(4)]
    folder = RecordingsFolder(tmp_path)
    assert list(sweep(folder, Keeping(str(tmp_path), 12))) == [
        str(path.relative_to(tmp_path)) for path in paths[:2]
    ]
    assert old_clip.exists()
    assert list(sweep(folder, Keeping(str(tmp_path), 12))) == []


def test_what_is_not_ours_or_being_written_stays(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    target = segment(outside, "gate", 0, size=20 * MB, days=100)
    root = tmp_path / "root"
    strange = [root / "gate" / "2020-01-01" / "holiday.mp4", root / "notes.txt", root / "gate" / "own" / "x"]
    for path in strange:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    written = segment(root, "gate", 0, size=20 * MB, days=100)
    written = written.rename(f"{written}.part")
    (root / "linked").symlink_to(outside / "gate")
    (root / "gate" / "2019-01-01").symlink_to(target.parent)
    linked = segment(root, "gate", 1, days=100)
    linked.unlink()
    linked.symlink_to(target)
    folder = RecordingsFolder(root)
    assert list(sweep(folder, Keeping(str(root), 10, 1))) == []
    assert all(path.exists() for path in (*strange, written, target))
    assert linked.is_symlink()
    os.utime(written, (time.time() - 7200,) * 2)
    assert list(sweep(folder, Keeping(str(root), 10, 1))) == [str(written.relative_to(root))]


def test_the_folder_itself_may_be_a_link_and_may_be_missing(tmp_path: Path) -> None:
    root = tmp_path / "disk"
    assert list(sweep(RecordingsFolder(tmp_path / "gone"), Keeping(str(root)))) == []
    segment(root, "gate", 0, days=40)
    (tmp_path / "link").symlink_to(root)
    assert len(list(sweep(RecordingsFolder(tmp_path / "link"), Keeping("")))) == 1


def test_a_file_that_is_another_by_now_is_not_deleted(tmp_path: Path) -> None:
    old = segment(tmp_path, "gate", 0, days=40)
    folder = RecordingsFolder(tmp_path)
    (file,) = folder.read()
    old.unlink()
    assert not folder.delete(file)
    old.mkdir()
    assert not folder.delete(file)
    old.rmdir()
    old.parent.rmdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / old.name).write_bytes(b"x")
    old.parent.symlink_to(tmp_path / "elsewhere")
    assert not folder.delete(file)
    assert (tmp_path / "elsewhere" / old.name).exists()


def test_days_that_do_not_change_are_read_once(tmp_path: Path) -> None:
    path = segment(tmp_path, "gate", 0, days=3)
    os.utime(path.parent, (time.time() - 100,) * 2)
    folder = RecordingsFolder(tmp_path)
    (first,) = folder.read()
    assert folder.read()[0] is first
    second = segment(tmp_path, "gate", 1, days=3)
    assert {file.path for file in folder.read()} == {
        str(each.relative_to(tmp_path)) for each in (path, second)
    }


def test_one_sweep_does_not_delete_without_end(tmp_path: Path) -> None:
    for number in range(MOST_AT_ONCE + 1):
        segment(tmp_path, "gate", number, days=40)
    first = sweep_folder(folder := RecordingsFolder(tmp_path), Keeping(str(tmp_path)), time.time_ns())
    assert (len(first.deleted), first.more, len(first.files)) == (MOST_AT_ONCE, True, 1)
    second = sweep_folder(folder, Keeping(str(tmp_path)), time.time_ns())
    assert (len(second.deleted), second.more, second.files) == (1, False, ())


def test_a_disk_that_refuses_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    found = sweep_folder(RecordingsFolder(tmp_path / "file"), Keeping("x"), time.time_ns())
    assert "cannot be read" in found.trouble
