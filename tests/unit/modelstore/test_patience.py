"""Which failures of a fetch are tried again, and when."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edged.model.fetching import FetchReport, FetchState
from edged.modelstore.patience import MOST_MISMATCHES, Patience
from edged.supervise.backoff import Backoff


def broken(received: int = 0, *, about: str = "url", wait_s: float = 0.0) -> FetchReport:
    return FetchReport(FetchState.BROKEN, received, about=about, wait_s=wait_s)


def slowest() -> Patience:
    """Draws the longest delays."""
    return Patience(Backoff(2.0, 60.0, draw=lambda _, longest: longest))


def test_what_is_refused_or_there_is_not_tried_again() -> None:
    assert Patience().after(FetchReport(FetchState.REFUSED)) is None
    assert Patience().after(FetchReport(FetchState.THERE)) is None


def test_the_wait_grows_until_something_comes() -> None:
    patience = slowest()
    assert [patience.after(broken()) for _ in range(7)] == [2, 4, 8, 16, 32, 60, 60]
    assert patience.after(broken(1000)) == 2
    assert patience.after(broken(1000)) == 4


@given(st.floats(0, 3600))
def test_the_server_is_not_asked_before_it_wants_to_be(wait_s: float) -> None:
    assert (Patience().after(broken(wait_s=wait_s)) or 0) >= wait_s


@given(st.lists(st.booleans(), min_size=1, max_size=20))
def test_another_file_is_asked_for_once_more(kinds: list[bool]) -> None:
    """However many connections break in between."""
    patience = Patience()
    answers = [patience.after(broken(about="sha256" if wrong else "url")) for wrong in kinds]
    ended = next((at for at, answer in enumerate(answers) if answer is None), None)
    wrongs = [at for at, wrong in enumerate(kinds) if wrong]
    assert ended == (wrongs[MOST_MISMATCHES - 1] if len(wrongs) >= MOST_MISMATCHES else None)
