"""What an ONNX file says of itself, read without loading it: and what a file is that is none.

Reads the few fields it needs of the protobuf encoding (https://protobuf.dev/programming-guides/encoding/),
by their numbers in onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto); all else, the
weights first, is stepped over.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from edged.errors import AlgorithmError

_Bytes: TypeAlias = memoryview
_Field: TypeAlias = tuple[int, "int | memoryview"]

_EXTERNAL = 1
"""TensorProto.DataLocation"""


@dataclass(frozen=True, slots=True)
class OnnxFile:
    """The head of a model's file."""

    ir_version: int
    opsets: Mapping[str, int]
    """Version by domain; the domain of ONNX itself is ``ai.onnx``."""
    producer: str
    """Name and version of what wrote it, as far as it says."""
    open_inputs: tuple[str, ...]
    """Inputs that leave a size open."""
    weight_files: tuple[Path, ...] = ()
    """Files beside it that hold its weights."""
    nodes: int = 0

    @property
    def missing(self) -> tuple[Path, ...]:
        """Files of weights that are not there."""
        return tuple(path for path in self.weight_files if not path.is_file())


class NotOnnx(AlgorithmError):
    """The file is no ONNX model; the message says what it is, and the mend."""


def read_onnx(path: Path) -> OnnxFile:
    """Read the head of the model in ``path``. Raises `NotOnnx`, OSError."""
    size = path.stat().st_size
    if size == 0:
        raise NotOnnx(f"{path.name} cannot be loaded: it is empty; copy or download it again")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        other = _what_it_is(mapped[:512])
        if other:
            raise NotOnnx(f"{path.name} cannot be loaded: it is {other}")
        with memoryview(mapped) as whole:
            reading = _Reading()
            if not _is_whole(reading, whole):
                raise NotOnnx(_broken(path, size))
    if not reading.opsets or not reading.has_graph:
        raise NotOnnx(_broken(path, size))
    return reading.result(path.parent)


def _is_whole(reading: _Reading, data: _Bytes) -> bool:
    try:
        reading.model(data)
    except (IndexError, ValueError):
        return False  # not kept: its traceback holds slices, which keep the mapping from being closed
    return True


@dataclass(slots=True)
class _Reading:
    """What was read so far."""

    ir_version: int = 0
    opsets: dict[str, int] = field(default_factory=dict)
    producer: list[str] = field(default_factory=list)
    has_graph: bool = False
    inputs: dict[str, bool] = field(default_factory=dict)
    """By name: whether it leaves a size open."""
    initializers: set[str] = field(default_factory=set)
    locations: dict[str, None] = field(default_factory=dict)
    nodes: int = 0

    def model(self, data: _Bytes) -> None:
        for number, value in _fields(data):
            if isinstance(value, int):
                self.ir_version = value if number == 1 else self.ir_version
            elif number in (2, 3):
                self.producer.append(_text(value))
            elif number == 7:
                self.has_graph = True
                self._graph(value)
            elif number == 8:
                self._opset(value)

    def result(self, folder: Path) -> OnnxFile:
        still_open = (name for name, is_open in self.inputs.items() if is_open)
        return OnnxFile(
            ir_version=self.ir_version,
            opsets=self.opsets,
            producer=" ".join(filter(None, self.producer)),
            open_inputs=tuple(name for name in still_open if name not in self.initializers),
            weight_files=tuple(folder / location for location in self.locations),
            nodes=self.nodes,
        )

    def _opset(self, data: _Bytes) -> None:
        domain, version = "", 0
        for number, value in _fields(data):
            if number == 1 and not isinstance(value, int):
                domain = _text(value)
            elif number == 2 and isinstance(value, int):
                version = value
        self.opsets[domain or "ai.onnx"] = version

    def _graph(self, data: _Bytes) -> None:
        for number, value in _fields(data):
            if isinstance(value, int):
                continue
            if number == 1:
                self.nodes += 1
            elif number == 5:
                self._initializer(value)
            elif number == 11:
                self._input(value)

    def _initializer(self, data: _Bytes) -> None:
        """Its name, and where its numbers are if not in it."""
        location, external = "", False
        for number, value in _fields(data):
            if number == 14:
                external = value == _EXTERNAL
            elif isinstance(value, int):
                continue
            elif number == 8:
                self.initializers.add(_text(value))
            elif number == 13:
                entry = [_text(text) for _, text in _fields(value) if not isinstance(text, int)]
                location = entry[1] if entry[:1] == ["location"] and len(entry) == 2 else location
        if external and location:
            self.locations[location] = None

    def _input(self, data: _Bytes) -> None:
        name, is_open = "", False
        for number, value in _fields(data):
            if isinstance(value, int):
                continue
            if number == 1:
                name = _text(value)
            elif number == 2:
                is_open = _is_open(value)
        self.inputs[name] = is_open


def _is_open(type_proto: _Bytes) -> bool:
    """Whether a tensor's shape is not told, or a dimension of it has no size above 0."""
    shapes = [shape for tensor in _messages(type_proto, 1) for shape in _messages(tensor, 2)]
    if not shapes:
        return True
    for dimension in _messages(shapes[0], 1):
        sizes = [value for number, value in _fields(dimension) if number == 1 and isinstance(value, int)]
        if not sizes or sizes[0] <= 0:
            return True
    return False


def _messages(data: _Bytes, wanted: int) -> Iterator[_Bytes]:
    return (value for number, value in _fields(data) if number == wanted and not isinstance(value, int))


def _fields(data: _Bytes) -> Iterator[_Field]:
    """(number, value) of each field of a message. Raises IndexError or ValueError where it breaks off."""
    at, end = 0, len(data)
    while at < end:
        key, at = _varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = _varint(data, at)
            yield key >> 3, value
        elif kind == 2:
            length, at = _varint(data, at)
            if at + length > end:
                raise ValueError("a field reaches over the end")
            yield key >> 3, data[at : at + length]
            at += length
        elif kind in (1, 5):
            at += 8 if kind == 1 else 4
        else:
            raise ValueError("no such kind of field")
    if at != end:
        raise ValueError("a field reaches over the end")


def _varint(data: _Bytes, at: int) -> tuple[int, int]:
    """(value, where it ends)"""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("a number without an end")


def _text(data: _Bytes) -> str:
    return bytes(data).decode("utf-8", "replace")


def _broken(path: Path, size: int) -> str:
    return (
        f"{path.name} cannot be loaded: it is no ONNX model, or broke off after {size} bytes; compare its "
        "size or sha256 with those of where it comes from, and download it again"
    )


_SIGNS: tuple[tuple[int, bytes, str], ...] = (
    (
        0,
        b"version https://git-lfs",
        "a Git LFS pointer and not the model: run `git lfs pull` where it is from",
    ),
    (0, b"PK\x03\x04", "a ZIP archive (PyTorch's .pt is one): export the model to ONNX, or unpack it"),
    (4, b"TFL3", "a TensorFlow Lite model: convert it with tf2onnx"),
    (0, b"\x89HDF", "an HDF5 file (Keras): convert it with tf2onnx"),
    (0, b"\x1f\x8b", "packed with gzip: unpack it first (gunzip)"),
    (0, b"\x80\x02", "a Python pickle (PyTorch): export the model to ONNX"),
)


def _what_it_is(head: bytes) -> str:
    """In words, with the mend; empty: it may be ONNX."""
    for at, sign, meaning in _SIGNS:
        if head[at : at + len(sign)] == sign:
            return meaning
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:15].lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        return "a web page and not the model: download the file itself (its `raw` address)"
    if start.startswith((b"{", b"[")):
        return "JSON and not a model: what it says may be the error of the server it was downloaded from"
    return ""
