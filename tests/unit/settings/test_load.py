"""Every problem of a file at once, each at its line and column, with the mend."""

from pathlib import Path

import pytest

from edged.errors import Problem, SpecRejected
from edged.settings import Loaded, load_settings, parse_settings

SHA256 = "695e750a5d5754bb5a8d5325643b59282191a7e7a564e435a415fd3c578eab14"
MINIMAL = """\
spec:
  sources:
    cam: {url: video.mp4}
  jobs:
    people: {algorithm: motion}
"""


def parse(text: str) -> Loaded:
    return parse_settings(text, file="f.yaml", folder=Path("/folder"))


def problems(text: str) -> list[Problem]:
    with pytest.raises(SpecRejected) as caught:
        parse(text)
    return list(caught.value.problems)


def only(text: str) -> Problem:
    found = problems(text)
    assert len(found) == 1, [str(each) for each in found]
    return found[0]


def test_five_lines_are_enough() -> None:
    settings = parse(MINIMAL).settings
    assert settings.spec.sources["cam"].url == "video.mp4"
    job = settings.spec.jobs["people"]
    assert (job.sources, job.sampling.interval, job.publish.when, job.worker) == ("*", 1.0, "always", "main")
    assert settings.spec.sources_of("people") == ("cam",)
    assert settings.mqtt.url == "embedded://127.0.0.1:1883"
    assert settings.media is None


@pytest.mark.parametrize(
    "text", ["spec:", "spec: {}", "device: a", "spec:\n  jobs:\n  sources:\n", '{"spec": {"sources": {}}}']
)
def test_a_file_without_jobs_or_sources_is_valid(text: str) -> None:
    assert not parse(text).settings.spec.jobs


def test_all_errors_at_once_in_the_order_of_lines() -> None:
    found = problems(
        "devise: x\n"
        "mqtt:\n"
        "  prefix: a//b\n"
        "spec:\n"
        "  sources:\n"
        "    gate: {url: a.mp4, fps: 0}\n"
        "  jobs:\n"
        "    people:\n"
        "      algorithm: motion\n"
        "      sources: [gat]\n"
        "      then:\n"
        "        - {algorithm: 3}\n"
    )
    assert [(p.line, p.column, p.path, p.code) for p in found] == [
        (1, 1, "devise", "unknown_key"),
        (3, 11, "mqtt.prefix", "invalid"),
        (6, 29, "spec.sources.gate.fps", "invalid"),
        (10, 17, "spec.jobs.people.sources.0", "not_found"),
        (12, 23, "spec.jobs.people.then.0.algorithm", "invalid"),
    ]
    assert 'did you mean "device"?' in found[0].message
    assert str(found[2]) == "f.yaml:6:29: spec.sources.gate.fps: should be more than 0, not 0"
    assert 'did you mean "gate"?' in found[3].message


SOURCE = "spec:\n  sources:\n    a:\n      url: x\n      "
JOB = "spec:\n  jobs:\n    a:\n      algorithm: x\n      "


@pytest.mark.parametrize(
    ("text", "path", "column", "says"),
    [
        (SOURCE + "size: [0, 5]", "spec.sources.a.size.0", 14, "more than 0, not 0"),
        (SOURCE + "size: [5, 16385]", "spec.sources.a.size.1", 17, "at most 16384, not 16385"),
        (SOURCE + "size: [5]", "spec.sources.a.size", 13, "for example size: [1280, 720]"),
        (SOURCE + "size: [1, 2, 3]", "spec.sources.a.size", 13, "at most 2 entries, not 3"),
        (SOURCE + "size: 1280x720", "spec.sources.a.size", 13, 'a list, not "1280x720"; for example'),
        (SOURCE + 'fps: "15"', "spec.sources.a.fps", 12, 'a number, not "15"; for example fps: 15'),
        (SOURCE + "fps: true", "spec.sources.a.fps", 12, "a number, not true"),
        (SOURCE + "fps: .inf", "spec.sources.a.fps", 12, "a finite number"),
        (SOURCE + "timeout: 0", "spec.sources.a.timeout", 16, "more than 0, not 0"),
        (SOURCE + "enabled: no", "spec.sources.a.enabled", 16, 'true or false, not "no" (write false)'),
        (SOURCE + "transport: upd", "spec.sources.a.transport", 18, 'did you mean "udp"?'),
        (SOURCE + "hwaccel: cudo", "spec.sources.a.hwaccel", 16, "cuda"),
        (SOURCE + "zones: {d: [[0,0],[1,1]]}", "spec.sources.a.zones.d", 18, "at least 3 entries, not 2"),
        (SOURCE + "masks: {d: [[0,0],[1,1],[0,2]]}", "spec.sources.a.masks.d.2.1", 34, "at most 1, not 2"),
        (SOURCE + "zones: {d: [[0,0],[0.5,0.5],[1,1]]}", "spec.sources.a.zones.d", 18, "has no area"),
        (
            SOURCE + "calibration: {image: [[0,1],[0.5,1],[1,1],[0,0]], ground: [[0,0],[6,0],[6,9],[0,9]]}",
            "spec.sources.a.calibration",
            20,
            "three of the image points lie on one line",
        ),
        (
            SOURCE + "calibration: {image: [[0,1],[1,1],[1,0],[0,0],[0.5,0.5]], "
            "ground: [[0,0],[6,0],[6,9],[0,9],[6,4.5]]}",
            "spec.sources.a.calibration",
            20,
            "fit no flat ground (number ",
        ),
        (SOURCE + "lines: {d: [[0,0]]}", "spec.sources.a.lines.d", 18, "too few entries; for example lines"),
        (SOURCE + "lines: {d: [[0,0],[0,0]]}", "spec.sources.a.lines.d", 18, "two different ones"),
        (SOURCE + "lines: {d d: [[0,0],[0,1]]}", "spec.sources.a.lines.d d", 15, "letters, digits, _ or -"),
        (JOB + "sampling: {interval: -1}", "spec.jobs.a.sampling.interval", 28, "at least 0, not -1"),
        (JOB + "sampling: {count: 0}", "spec.jobs.a.sampling.count", 25, "at least 1, not 0"),
        (JOB + "sampling: {count: 257}", "spec.jobs.a.sampling.count", 25, "at most 256, not 257"),
        (JOB + "sampling: {count: 1.5}", "spec.jobs.a.sampling.count", 25, "a whole number, not 1.5"),
        (JOB + "sampling: {step: -1}", "spec.jobs.a.sampling.step", 24, "at least 0"),
        (JOB + "sampling: {count: 256, step: 5}", "spec.jobs.a.sampling", 17, "1276 frames is too long"),
        (JOB + "sampling: {on: keys}", "spec.jobs.a.sampling.on", 22, 'did you mean "keyframes"?'),
        (JOB + "smapling: {}", "spec.jobs.a.smapling", 7, 'did you mean "sampling"?'),
        (JOB + "interval: 2", "spec.jobs.a.interval", 7, "belongs below spec.jobs.NAME.sampling"),
        (JOB + "zzzz: 2", "spec.jobs.a.zzzz", 7, "known here: algorithm, params"),
        (JOB + "publish: {qos: 2}", "spec.jobs.a.publish.qos", 22, "at most 1, not 2"),
        (JOB + "publish: {when: changes}", "spec.jobs.a.publish.when", 23, 'did you mean "change"?'),
        (JOB + "when: moving", "spec.jobs.a.when", 13, 'did you mean "motion"?'),
        (JOB + "when: {every: 0}", "spec.jobs.a.when.every", 21, "more than 0"),
        (JOB + "when: {evry: 9}", "spec.jobs.a.when.evry", 14, 'did you mean "every"?'),
        (JOB + "deadline: 0", "spec.jobs.a.deadline", 17, "more than 0"),
        (JOB + "worker: a b", "spec.jobs.a.worker", 15, 'nothing else, not "a b"'),
        (JOB + "sources: gate", "spec.jobs.a.sources", 16, "list of their names such as [gate]"),
        (JOB + "sources: []", "spec.jobs.a.sources", 16, "at least 1 entries"),
        (JOB + "sources: ['*']", "spec.jobs.a.sources.0", 17, 'sources: "*", without a list'),
        (JOB + "params: x", "spec.jobs.a.params", 15, "a mapping of names to values"),
        ("sources: {}", "sources", 1, "belongs below spec"),
        ("device: 12", "device", 9, "text, not 12; put it in quotes"),
        ("device: a/b", "device", 9, "letters, digits, _ or -"),
        ("groups: [a, a]", "groups", 9, 'names "a" twice'),
        ("mqtt: {discovery: hass}", "mqtt.discovery", 19, 'should be homeassistant, not "hass"'),
        (
            f"spec: {{models: {{../a.onnx: {{url: http://h/a, sha256: {SHA256}}}}}}}",
            "spec.models.../a.onnx",
            17,
            "no folders",
        ),
        ("spec: {models: {a.onnx: {url: http://h/a}}}", "spec.models.a.onnx.sha256", 17, "is missing"),
        (
            "spec: {models: {a.onnx: {url: http://h/a, sha256: 12ab}}}",
            "spec.models.a.onnx.sha256",
            51,
            "sha256sum",
        ),
        (
            f"spec: {{models: {{a.onnx: {{url: /a, sha256: {SHA256}}}}}}}",
            "spec.models.a.onnx.url",
            31,
            "http://",
        ),
        (
            f"spec: {{models: {{a.onnx: {{url: http://h/a, sha256: {SHA256}, secret: cam}}}}}}",
            "spec.models.a.onnx.secret",
            125,
            "not among this device's secrets",
        ),
        ("mqtt: {url: 'mqtt://u:p@h'}", "mqtt.url", 13, "mqtt.username and mqtt.password"),
        ("mqtt: {url: 'amqp://h'}", "mqtt.url", 13, "should begin with mqtt://"),
        ("mqtt: {url: 'mqtt://h:99999'}", "mqtt.url", 13, "scheme://host:port"),
        ("mqtt: {url: 'mqtt://'}", "mqtt.url", 13, "needs a host"),
        ("mqtt: {url: 'embedded://0.0.0.0:1883'}", "mqtt.url", 13, "loopback only"),
        ("mqtt: {password: a}", "mqtt", 7, "add username"),
        ("mqtt: {url: 'mqtts://h', cert: a}", "mqtt", 7, "cert and key go together"),
        ("mqtt: {ca: a}", "mqtt", 7, "for mqtts:// and wss://"),
        ("mqtt: {protocol: 4}", "mqtt.protocol", 18, "should be auto or 5 or 3.1.1, not 4"),
        ("mqtt: {prefix: a/#}", "mqtt.prefix", 16, "without + #"),
        ("mqtt: {prefix: home/@edge}", "mqtt.prefix", 16, "leading $ or @"),
        ("storage: {max_mb: 1}", "storage.max_mb", 19, "at least 16, not 1"),
        ("secrets: {a: {env: X}}", "secrets.a", 14, "toward which hosts"),
        ("secrets: {a: {env: X, file: /x, hosts: [h]}}", "secrets.a", 14, "exactly one of"),
        ("secrets: {a: {env: X, hosts: [10.*]}}", "secrets.a.hosts.0", 31, "10.0.0.0/8"),
    ],
)
def test_what_is_wrong_and_what_would_be_right(text: str, path: str, column: int, says: str) -> None:
    problem = only(text)
    assert (problem.path, problem.column, problem.file) == (path, column, "f.yaml")
    assert problem.line == text.count("\n") + 1
    assert says in problem.message


@pytest.mark.parametrize(
    ("written", "meant"), [("5", "5"), ('"5"', "5"), ("3.1.1", "3.1.1"), ("auto", "auto")]
)
def test_the_protocol_is_written_with_or_without_quotes(written: str, meant: str) -> None:
    assert parse(f"mqtt: {{protocol: {written}}}").settings.mqtt.protocol == meant


def test_a_missing_key_points_at_what_lacks_it() -> None:
    problem = only("spec:\n  sources:\n    gate:\n      enabled: true\n")
    assert (problem.path, problem.line, problem.column) == ("spec.sources.gate.url", 3, 5)
    assert "for example url: rtsp://" in problem.message


def test_a_source_without_anything_below_it_lacks_its_url() -> None:
    assert only("spec:\n  sources:\n    gate:\n").path == "spec.sources.gate.url"


def test_a_job_that_is_a_word_is_told_what_a_job_is() -> None:
    assert "a mapping of keys to values" in only("spec: {jobs: {a: motion}}").message


def test_later_checks_can_point_into_the_file() -> None:
    loaded = parse("spec:\n  jobs:\n    people:\n      algorithm: x\n      params: {model: y.onnx}\n")
    found = loaded.problem("spec.jobs.people.params.model", "there is no such model", "model_not_found")
    assert str(found) == "f.yaml:5:23: spec.jobs.people.params.model: there is no such model"
    assert loaded.document.place("spec.jobs.people.params.nothing.below") == (5, 7)
    assert loaded.document.place("spec.jobs.people.sampling") == (3, 5)
    assert loaded.document.place("nowhere") == (1, 1)


def test_paths_of_the_device_count_from_the_folder_of_the_file() -> None:
    settings = parse("storage: {path: state}\nmodels: [m, /abs]\nmedia: [v]\nalgorithms: [a]\n").settings
    assert settings.storage.path == Path("/folder/state")
    assert settings.models == (Path("/folder/m"), Path("/abs"))
    assert settings.media == (Path("/folder/v"),)
    assert settings.algorithms == (Path("/folder/a"),)


def test_models_are_looked_up_beside_the_file_by_default() -> None:
    settings = parse("storage: {path: /state}\n").settings
    assert settings.models == (Path("/folder"), Path("/state/models"))


def test_passwords_are_in_no_error_and_no_repr() -> None:
    text = (
        "mqtt: {url: 'mqtt://u:hunter2@h', pasword: hunter2, username: u, password: [hunter2]}\n"
        "storage: hunter2-secret\n"
        "spec:\n"
        "  sources:\n"
        "    a: {url: ['rtsp://u:hunter2@h'], size: 'rtsp://u:hunter2@h', key: hunter2}\n"
        "  jobs:\n"
        "    j: {algorithm: x, sources: 'rtsp://u:hunter2@h', params: 'http://h?token=hunter2'}\n"
    )
    shown = "\n".join(str(each) for each in problems(text.replace("hunter2-secret", "3")))
    assert shown.count("\n") >= 6
    assert "hunter2" not in shown


def test_a_valid_file_shows_no_password_in_its_repr() -> None:
    loaded = parse(
        "mqtt: {username: u, password: hunter2}\n"
        "spec:\n"
        "  sources: {a: {url: 'rtsp://u:hunter2@h/s'}}\n"
        "  jobs:\n"
        "    j:\n"
        "      algorithm: x\n"
        "      params: {api_key: hunter2, n: 3}\n"
        "      then: [{algorithm: y, params: {token: hunter2}}]\n"
    )
    assert "hunter2" not in repr(loaded)
    assert "hunter2" not in str(loaded.settings)
    assert loaded.settings.mqtt.password is not None
    assert loaded.settings.mqtt.password.get_secret_value() == "hunter2"
    assert loaded.settings.spec.sources["a"].url == "rtsp://u:hunter2@h/s"
    assert loaded.settings.spec.jobs["j"].params == {"api_key": "hunter2", "n": 3}


def test_what_a_reference_resolved_to_is_in_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_DEVICE", "not a name")
    problem = only("device: ${env:TEST_DEVICE}")
    assert "not a name" not in str(problem)
    assert problem.path == "device"


def test_the_devices_own_references_are_resolved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TEST_USER", "gate")
    (tmp_path / "password").write_text("s3cret\n")
    settings = parse(
        f"mqtt: {{username: '${{env:TEST_USER}}-01', password: '${{file:{tmp_path}/password}}'}}"
    ).settings
    assert settings.mqtt.username == "gate-01"
    assert settings.mqtt.password is not None
    assert settings.mqtt.password.get_secret_value() == "s3cret"


def test_references_of_the_spec_stay_as_they_are_written() -> None:
    url = "rtsp://${env:NOT_THERE}:${secret:cam}@10.0.0.5/s"
    loaded = parse(
        f"secrets: {{cam: {{env: X, hosts: [10.0.0.0/8]}}}}\nspec: {{sources: {{a: {{url: '{url}'}}}}}}\n"
    )
    assert loaded.settings.spec.sources["a"].url == url


def test_references_that_cannot_be_meant_are_problems() -> None:
    found = problems(
        "mqtt: {username: '${env:EDGED_TEST_NOT_SET}', password: '${secret:x}', ca: '${file:/no/such}'}\n"
        "secrets: {cam: {env: X, hosts: [h]}}\n"
        "spec:\n"
        "  sources: {a: {url: 'rtsp://${secret:kam}@h'}, b: {url: '${HOME}/x.mp4'}}\n"
        "  jobs: {j: {algorithm: x, params: {deep: [{er: '${oops'}]}}}\n"
    )
    assert [(each.path, each.code) for each in found] == [
        ("mqtt.username", "not_found"),
        ("mqtt.password", "secret_not_allowed"),
        ("mqtt.ca", "not_found"),
        ("spec.sources.a.url", "not_found"),
        ("spec.sources.b.url", "invalid"),
        ("spec.jobs.j.params.deep.0.er", "invalid"),
    ]
    assert 'did you mean "cam"?' in found[3].message
    assert "${env:NAME}" in found[4].message


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SpecRejected, match="there is no such file") as caught:
        load_settings(tmp_path / "no.yaml")
    assert caught.value.problems[0].code == "not_found"


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(SpecRejected, match="is a folder"):
        load_settings(tmp_path)


def test_a_huge_file_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    file = tmp_path / "huge.yaml"
    file.write_bytes(b"#" * 600_000)
    with pytest.raises(SpecRejected, match="larger than 512 KiB") as caught:
        load_settings(file)
    assert caught.value.problems[0].code == "too_large"


def test_text_that_is_not_utf8_is_pointed_at(tmp_path: Path) -> None:
    file = tmp_path / "latin.yaml"
    file.write_bytes("device: a\ngroups: [\xe4]\n".encode("latin-1"))
    with pytest.raises(SpecRejected) as caught:
        load_settings(file)
    problem = caught.value.problems[0]
    assert (problem.line, problem.column) == (2, 10)
    assert "save the file as UTF-8" in problem.message


def test_a_byte_order_mark_is_no_error(tmp_path: Path) -> None:
    file = tmp_path / "bom.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + MINIMAL.encode())
    assert "cam" in load_settings(file).settings.spec.sources
