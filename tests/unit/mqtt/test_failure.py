from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest

from edged.mqtt.failure import (
    FailureKind,
    connack_failure,
    dial_failure,
    disconnect_failure,
    silence,
    unanswered,
)
from edged.mqtt.options import options_from_url
from edged.mqtt.tls import tls_context

OPTIONS = options_from_url("mqtts://broker.example", device="gate", username="gate", password="hunter2")


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (socket.gaierror(-2, "Name or service not known"), FailureKind.UNREACHABLE, "not known"),
        (ConnectionRefusedError(111, "refused"), FailureKind.UNREACHABLE, "nothing listens"),
        (TimeoutError("timed out"), FailureKind.UNREACHABLE, "firewall"),
        (OSError(113, "No route to host"), FailureKind.UNREACHABLE, "No route to host"),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] x"), FailureKind.UNREACHABLE, "TLS"),
        (UnicodeError("label too long"), FailureKind.UNREACHABLE, "cannot be reached"),
    ],
)
def test_dialling(error: BaseException, kind: FailureKind, words: str) -> None:
    failure = dial_failure(error, OPTIONS)
    assert failure.kind is kind
    assert words in failure.message
    assert "broker.example" in failure.message


@pytest.mark.parametrize("code", [0x86, 0x87])
def test_a_refused_password_names_the_keys_to_check_and_never_the_password(code: int) -> None:
    failure = connack_failure(code, "Not authorized", OPTIONS)
    assert failure.kind is FailureKind.REFUSED
    assert "mqtt.password" in failure.message
    assert "hunter2" not in failure.message


@pytest.mark.parametrize("code", range(0x80, 0xA3))
def test_every_refusal_has_words_and_says_who(code: int) -> None:
    assert "broker.example:8883" in connack_failure(code, "some reason", OPTIONS).message


def test_an_unsupported_version_is_no_answer_so_that_another_is_tried() -> None:
    assert connack_failure(0x84, "x", OPTIONS).kind is FailureKind.NO_ANSWER
    assert unanswered(None, OPTIONS).kind is FailureKind.NO_ANSWER


def test_a_broker_that_is_silent_may_not_speak_the_version_and_one_that_is_busy_does() -> None:
    assert silence(OPTIONS).kind is FailureKind.SILENT
    assert FailureKind.SILENT.doubts_version
    for code in (0x88, 0x89, 0x9F):
        assert connack_failure(code, "Server busy", OPTIONS).kind is FailureKind.BUSY
    assert not FailureKind.BUSY.doubts_version


def test_only_the_brokers_own_word_means_taken_over() -> None:
    taken = disconnect_failure(0x8E, "Session taken over", from_broker=True, options=OPTIONS)
    assert taken.kind is FailureKind.TAKEN_OVER
    assert "edged-gate" in taken.message
    broke = disconnect_failure(0x80, "Unspecified error", from_broker=False, options=OPTIONS)
    assert broke.kind is FailureKind.LOST


def test_tls_files_that_are_not_there_or_no_pem_are_named(tmp_path: Path) -> None:
    absent = options_from_url("mqtts://b", device="d", ca=tmp_path / "absent.crt")
    with pytest.raises(Exception, match=r"mqtt\.ca .*absent\.crt: No such file"):
        tls_context(absent)
    text = tmp_path / "text.crt"
    text.write_text("no certificate")
    with pytest.raises(Exception, match=r"mqtt\.ca .*text\.crt: no usable PEM"):
        tls_context(options_from_url("mqtts://b", device="d", ca=text))
