"""What is asked of Prometheus: only numbers count, and each warning is said once."""

from __future__ import annotations

import pytest

from kubectl_kagent.backends.prometheus import at_address
from kubectl_kagent.model.usage import AGENTS, Wanted
from kubectl_kagent.telemetry.usage.asking import Asking, increase, window
from tests.loopback import response, serve


def answer(*values: tuple[str, str], warnings: tuple[str, ...] = ()) -> bytes:
    result = [{"metric": {"le": bound}, "value": [0, value]} for bound, value in values]
    return response(200, {"status": "success", "data": {"result": result}, "warnings": list(warnings)})


@pytest.mark.parametrize("odd", [("1", "NaN"), ("1", "+Inf"), ("NaN", "1"), ("wide", "1")])
def test_what_is_no_number_is_left_out_and_said_once(odd: tuple[str, str]) -> None:
    with serve() as server:
        server.answer = lambda _: answer(("0.5", "2"), odd, warnings=("a store is away",))
        asking = Asking(at_address(server.url), 0)
        assert [sample.value for sample in asking.ask("up") + asking.ask("up")] == [2, 2]
    name = f"Prometheus ({server.url})"
    assert asking.gaps == (
        f"{name}: a store is away",
        f"{name}: samples that are not numbers were left out",
    )


def test_the_window_is_as_long_as_wanted() -> None:
    wanted = Wanted(AGENTS, None, 1.5, 0)
    assert window(wanted) == "1500ms"
    assert increase("x", wanted) == (
        "((last_over_time(x[1500ms]) - (last_over_time(x[1h] offset 1500ms) or 0 * last_over_time(x[1500ms]))"
        ") >= 0 or last_over_time(x[1500ms])) unless resets(x[1500ms]) > 0 or increase(x[1500ms])"
    )
