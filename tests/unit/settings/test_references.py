"""References: what they resolve to, toward whom, and what their errors do not say."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.capture.sources import check_url
from edged.errors import SpecRejected
from edged.settings.hosts import is_allowed
from edged.settings.references import References
from edged.settings.schema import SecretRule

RULES = {"cam": SecretRule(env="EDGED_TEST_CAM", hosts=("10.0.0.0/8", "*.cams.example"))}


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGED_TEST_CAM", "p@ss/w:rd")
    monkeypatch.setenv("EDGED_TEST_HOST", "10.0.0.9")
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)


def refused(references: References, text: str, host: str | None = None) -> tuple[str, str]:
    with pytest.raises(SpecRejected) as caught:
        references.resolve(text, path="a.b", host=host)
    (problem,) = caught.value.problems
    assert problem.path == "a.b"
    assert "p@ss" not in problem.message
    return problem.code, problem.message


def test_each_kind_resolves(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "word").write_text("from-file\r\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    references = References(RULES)
    text = f"${{env:EDGED_TEST_CAM}}|${{file:{tmp_path}/word}}|${{credential:word}}|"
    text += "$${env:X}|${secret:cam}|$"
    resolved = references.resolve(text, path="", host="10.1.2.3")
    assert resolved == "p@ss/w:rd|from-file|from-file|${env:X}|p@ss/w:rd|$"


def test_what_a_reference_stands_for_is_not_resolved_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGED_TEST_NESTED", "${env:EDGED_TEST_CAM}")
    assert References().resolve("${env:EDGED_TEST_NESTED}", path="", host=None) == "${env:EDGED_TEST_CAM}"


def test_what_is_not_there_says_so_with_the_mend(tmp_path: Path) -> None:
    code, message = refused(References(), "${env:EDGED_TEST_UNSET}")
    assert code == "not_found"
    assert "Environment=" in message
    assert refused(References(), f"${{file:{tmp_path}/none}}")[0] == "not_found"
    assert "LoadCredential=x:" in refused(References(), "${credential:x}")[1]
    code, message = refused(References(RULES), "${secret:kam}", "10.0.0.1")
    assert code == "not_found"
    assert 'did you mean "cam"?' in message


@pytest.mark.parametrize(
    "text", ["${", "${}", "${x}", "${HOME}", "${ENV:x}", "${env:}", "${env:a b}", "${file:x}"]
)
def test_what_is_no_reference_is_invalid(text: str) -> None:
    assert refused(References(), text)[0] == "invalid"


def test_a_file_too_large_or_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * 70_000)
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    assert "larger than" in refused(References(), f"${{file:{tmp_path}/large}}")[1]
    assert "not UTF-8" in refused(References(), f"${{file:{tmp_path}/binary}}")[1]
    assert refused(References(), "${file:/dev/zero}")[0] == "not_found"


def test_a_secret_goes_toward_its_hosts_only() -> None:
    references = References(RULES)
    assert references.resolve("${secret:cam}", path="", host="door.cams.example") == "p@ss/w:rd"
    strange = ("10.0.0.1%x.evil.example", "door.cams.example%x.evil.example", "10.0.0.1.evil.example")
    for host in ("11.0.0.1", "cams.example", "evil.example", *strange, None):
        code, message = refused(references, "${secret:cam}", host)
        assert code == "secret_not_allowed"
        assert "secrets.cam.hosts" in message


@pytest.mark.parametrize("text", ["${env:EDGED_TEST_CAM}", "${file:/etc/hostname}", "${credential:x}"])
def test_from_the_network_only_secrets(text: str) -> None:
    references = References(RULES, from_network=True)
    assert refused(references, text, "10.0.0.1")[0] == "not_allowed"
    assert references.resolve("${secret:cam}", path="", host="10.0.0.1") == "p@ss/w:rd"


def test_a_secret_in_a_url_cannot_change_its_host() -> None:
    url = References(RULES).resolve_url(
        "rtsp://admin:${secret:cam}@10.0.0.5:554/s1?a=${env:EDGED_TEST_HOST}", path="u"
    )
    assert url == "rtsp://admin:p%40ss%2Fw:rd@10.0.0.5:554/s1?a=10.0.0.9"
    check_url(url)


def test_a_host_from_the_environment_counts_as_the_host() -> None:
    assert "@10.0.0.9/" in References(RULES).resolve_url(
        "rtsp://u:${secret:cam}@${env:EDGED_TEST_HOST}/s", path=""
    )


def test_a_whole_url_from_the_environment_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGED_TEST_URL", "rtsp://u:p@h/x")
    assert References().resolve_url("${env:EDGED_TEST_URL}", path="") == "rtsp://u:p@h/x"


@pytest.mark.parametrize(
    "url",
    [
        "rtsp://u:${secret:cam}@evil.example/@10.0.0.5/",
        "rtsp://u:${secret:cam}@10.0.0.5@evil.example/",
        "rtsp://u:${secret:cam}@evil.example#@10.0.0.5/",
        "rtsp://u:${secret:cam}@evil.example?@10.0.0.5/",
        "rtsp://u:${secret:cam}@10.0.0.5\\@evil.example/",
        "rtsp://u:${secret:cam}@evil.example\\.10.0.0.5/",
        "rtsp://${secret:cam}/x",
        "rtsp://10.0.0.5:${secret:cam}/x",
        "${secret:cam}://10.0.0.5/x",
        "${secret:cam}",
        "/videos/${secret:cam}.mp4",
        "rtsp://[::1/${secret:cam}",
        "rtsp://evil.example/${secret:cam}",
    ],
)
def test_a_secret_does_not_go_where_the_host_is_wrong_or_unclear(url: str) -> None:
    with pytest.raises(SpecRejected) as caught:
        References(RULES).resolve_url(url, path="u")
    assert caught.value.problems[0].code in ("invalid", "secret_not_allowed")


@pytest.mark.parametrize(
    ("host", "rule", "allowed"),
    [
        ("10.1.2.3", "10.0.0.0/8", True),
        ("11.1.2.3", "10.0.0.0/8", False),
        ("10.1.2.3", "10.1.2.3", True),
        ("::ffff:10.1.2.3", "10.0.0.0/8", True),
        ("[fd00::1]", "fd00::/8", True),
        ("fe80::1%eth0", "fe80::/10", True),
        ("10.evil.example", "10.0.0.0/8", False),
        ("10.1.2.3.evil.example", "10.0.0.0/8", False),
        ("Cam.Local.", "cam.local", True),
        ("cam-1.lan", "cam-*.lan", True),
        ("cam-1.x.lan", "cam-*.lan", False),
        ("a.b.cams.example", "*.cams.example", True),
        ("cams.example", "*.cams.example", False),
        ("xcams.example", "*.cams.example", False),
        ("10.1.2.3", "*.2.3", False),
        ("camXlocal", "cam.local", False),
        ("anything", "*", True),
        (None, "*", True),
        (None, "cam.local", False),
        ("", "cam.local", False),
    ],
)
def test_hosts(host: str | None, rule: str, allowed: bool) -> None:
    assert is_allowed(host, [rule]) is allowed


@given(st.text(max_size=30))
def test_any_text_resolves_or_is_rejected(text: str) -> None:
    for url in (text, f"rtsp://u:${{secret:cam}}@{text}"):
        try:
            References(RULES).resolve_url(url, path="u")
        except SpecRejected as rejected:
            assert "p@ss" not in str(rejected)
