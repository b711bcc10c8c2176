"""Kubeconfigs as editors and programs write them: each is one for kubectl, or refused in its words."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from kubectl_kagent.cluster.connect import Connection
from tests.certificates import authority
from tests.kubeconfigs import config, refused, sent, token
from tests.loopback import Loopback, serve


@pytest.fixture
def flags(tmp_path: Path) -> Callable[[bytes], Connection]:
    def written(data: bytes) -> Connection:
        path = tmp_path / "bytes"
        path.write_bytes(data)
        return Connection(kubeconfig=str(path))

    return written


def text(url: str = "https://127.0.0.1:1", **user: Any) -> str:
    return yaml.safe_dump(config(url, **user), allow_unicode=True)


def named(name: str, url: str) -> str:
    """With a context of that name, as it stands there."""
    obj = config(url)
    obj["contexts"][0]["name"] = obj["current-context"] = "NAME"
    return yaml.safe_dump(obj).replace("NAME", name)


FORMS: dict[str, Callable[[str], bytes]] = {
    "a byte order mark before UTF-8": lambda url: b"\xef\xbb\xbf" + text(url).encode(),
    "UTF-16, the small end first": lambda url: b"\xff\xfe" + text(url).encode("utf-16-le"),
    "UTF-16, the large end first": lambda url: b"\xfe\xff" + text(url).encode("utf-16-be"),
    "lines of Windows": lambda url: text(url).replace("\n", "\r\n").encode(),
    "lines of old Macs": lambda url: text(url).replace("\n", "\r").encode(),
    "JSON with tabs": lambda url: json.dumps(config(url), indent="\t").encode(),
    "JSON with a byte order mark": lambda url: b"\xef\xbb\xbf" + json.dumps(config(url)).encode(),
    "a date as the name of a context": lambda url: named("2024-01-01", url).encode(),
    "two documents, of which the first counts": lambda url: (
        f"{text(url)}---\ncurrent-context: there\n".encode()
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_form_in_which_kubeconfigs_come(
    server: Loopback, flags: Callable[[bytes], Connection], form: str
) -> None:
    assert token(sent(flags(FORMS[form](server.url)), server)) == ["Bearer admin-token"]


def test_of_two_keys_of_one_name_the_last_counts(
    server: Loopback, flags: Callable[[bytes], Connection]
) -> None:
    twice = text(server.url).replace("token: admin-token", "token: first\n    token: last")
    assert twice.count("token: ") == 3
    assert token(sent(flags(twice.encode()), server)) == ["Bearer last"]


@pytest.mark.parametrize(
    "user", [{"name": "admin"}, {"name": "admin", "user": {}}, {"name": "admin", "user": None}]
)
def test_a_user_that_has_nothing_is_nobody(
    server: Loopback, flags: Callable[[bytes], Connection], user: dict[str, Any]
) -> None:
    """kubectl asks for a name and a password. We have no such question: the server says what that means."""
    obj = {**config(server.url), "users": [user]}
    assert token(sent(flags(json.dumps(obj).encode()), server)) == []


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (text(token="größe").encode("latin-1"), "yaml: invalid trailing UTF-8 octet"),
        (f"{text()}x: a\0b\n".encode(), "yaml: control characters are not allowed"),
        (text().encode("utf-16-le"), "yaml: control characters are not allowed"),
        (text().encode("utf-32"), "yaml: control characters are not allowed"),
    ],
)
def test_bytes_that_are_no_text_are_refused_as_by_kubectl(
    flags: Callable[[bytes], Connection], data: bytes, why: str
) -> None:
    connection = flags(data)
    assert refused(connection).line == (f'error: error loading config file "{connection.kubeconfig}": {why}')


@pytest.mark.parametrize("slash", ["", "/", "/prefix", "/prefix/"])
def test_a_server_with_an_address_of_ipv6(flags: Callable[[bytes], Connection], slash: str) -> None:
    with serve(authority().server(), host="::1") as server:
        received = sent(flags(text(server.url + slash).encode()), server)
    assert received.header("Host") == [server.address]
    assert received.path.startswith(f"{slash.rstrip('/')}/apis/")
    assert token(received) == ["Bearer admin-token"]
