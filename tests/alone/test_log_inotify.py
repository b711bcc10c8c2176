"""Logs that are followed and say nothing leave nothing behind in the kubelet, which watches each file for it.

``KAGENT_TEST_SILENCE_SECONDS`` is how long they are followed: two minutes, or 1800 for half an hour.
"""

from __future__ import annotations

import os
import re
import time
from contextlib import suppress
from pathlib import Path

import pytest

from kubectl_kagent.cluster.api import ApiServer
from tests.cluster.conftest import Tools, wait_for
from tests.cluster.following import following
from tests.cluster.log_pods import running, writer
from tests.cluster.workloads import create
from tests.lab.lab import Lab

pytestmark = pytest.mark.cluster

PODS = 20
LINES = 3  # of each, at its start
SECONDS = float(os.environ.get("KAGENT_TEST_SILENCE_SECONDS", "120"))
_STEADY = 10.0  # seconds: longer than the kubelet takes up what is new


def watches(process: int) -> int:
    """How many inotify watches of files a process has.

    cAdvisor, in the kubelet, watches the cgroups of the whole machine besides, and so what others run on it.
    """
    cgroups, found = _cgroups(process), 0
    for file in Path(f"/proc/{process}/fdinfo").iterdir():
        with suppress(FileNotFoundError):  # closed since
            devices = re.findall(r"^inotify .*\bsdev:([0-9a-f]+)", file.read_text(), re.MULTILINE)
            found += sum(int(device, 16) not in cgroups for device in devices)
    return found


def _cgroups(process: int) -> set[int]:
    """The devices of cgroups' file systems, as the kernel counts them in fdinfo: 12 bits and 20."""
    found = set()
    for line in Path(f"/proc/{process}/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        if after.split()[0] in ("cgroup", "cgroup2"):
            major, minor = map(int, before.split()[2].split(":"))
            found.add(major << 20 | minor)
    return found


def steady_watches(process: int) -> int:
    """The same once no more come or go: the kubelet also watches what starts."""
    last, since = watches(process), time.monotonic()

    def is_steady() -> bool:
        nonlocal last, since
        if (now := watches(process)) != last:
            last, since = now, time.monotonic()
        return time.monotonic() - since > _STEADY

    wait_for(is_steady, "a kubelet that is at rest", 300)
    return last


def test_silent_logs_that_are_followed_cost_one_watch_each_and_leave_none(
    tools: Tools, api: ApiServer, lab: Lab, tmp_path: Path
) -> None:
    kubelet = lab.pids()["kubelet"]
    assert kubelet is not None
    create(api, writer("quiet", replicas=PODS, lines=LINES, rate=100, at_once=True))
    wait_for(lambda: len(running(api, "quiet")) == PODS, "the pods", 300)
    before = steady_watches(kubelet)
    with following(tools, tmp_path, "quiet") as follower:
        wait_for(lambda: follower.count() == PODS * LINES, "all lines", 60)
        wait_for(lambda: watches(kubelet) == before + PODS, "a watch for each log", 60)
        end, most = time.monotonic() + SECONDS, 0
        while time.monotonic() < end:
            most = max(most, watches(kubelet))
            assert follower.process.poll() is None, follower.said()
            time.sleep(0.5)  # between two looks
        assert (most, watches(kubelet)) == (before + PODS, before + PODS)
        assert (follower.count(), follower.said()) == (PODS * LINES, [])
    wait_for(lambda: watches(kubelet) == before, "a kubelet that watches no log any more", 60)
