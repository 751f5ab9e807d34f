"""What every topic may begin with."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.errors import SpecRejected
from edged.model.prefix import check_prefix
from edged.mqtt.topics import Topics
from edged.settings import parse_settings


@pytest.mark.parametrize(
    "prefix",
    ["", "/", "/a", "a/", "a//b", "a/#", "a/+/b", "$SYS", "@all", "home/@edge", "a/$b", "a\0b", "é" * 200],
)
def test_a_prefix_with_wildcards_or_empty_levels_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="edged/v1"):
        check_prefix(prefix)


@given(st.text(st.characters(codec="utf-8", exclude_characters="'"), max_size=20) | st.sampled_from(["a/@b"]))
def test_a_prefix_that_a_file_may_have_gives_topics(prefix: str) -> None:
    text = f"device: box\nmqtt: {{prefix: '{prefix}'}}\n"
    try:
        accepted = parse_settings(text, file="f.yaml", folder=Path("/")).settings.mqtt.prefix
    except SpecRejected:
        return
    Topics(accepted, "box")
