"""A login by OpenID Connect: renewed when it is over, and never at the cost of everybody else's."""

from __future__ import annotations

import base64
import json
import resource
import stat
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import yaml

from kubectl_kagent import clock
from kubectl_kagent.cluster.connect import Connection, connect
from kubectl_kagent.errors import Unauthorized, Unreachable
from tests.certificates import authority
from tests.kubeconfigs import config, refused, sent, token
from tests.loopback import Loopback, Received, response, serve

FOREVER = 4_102_444_800  # 2100


def id_token(name: str, until: float = FOREVER) -> str:
    def part(value: dict[str, object]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part({'alg': 'none'})}.{part({'exp': until, 'sub': name})}.x"


class Provider:
    """Takes each refresh token once; ``old`` says what to answer to the first way of naming the client."""

    def __init__(self, loopback: Loopback) -> None:
        self.loopback = loopback
        self.good = "refresh-1"
        self.gives_id_token = True
        self.wants_form = False
        self.renewed = 0
        loopback.answer = self.answer

    def answer(self, received: Received) -> bytes:
        if received.method == "GET":
            return response(200, {"token_endpoint": f"{self.loopback.url}/token"})
        form = {key: values[0] for key, values in parse_qs(received.body.decode()).items()}
        if self.wants_form and "client_id" not in form:
            return response(401, {"error": "invalid_client"})
        if form["refresh_token"] != self.good:
            return response(400, {"error": "invalid_grant", "error_description": "Refresh token is\ninvalid"})
        self.renewed += 1
        self.good = f"refresh-{self.renewed + 1}"
        given = {"access_token": "a", "refresh_token": self.good, "token_type": "bearer"}
        return response(
            200, given | ({"id_token": id_token(f"id-{self.renewed}")} if self.gives_id_token else {})
        )


@pytest.fixture
def provider() -> Iterator[Provider]:
    with serve(authority().server()) as loopback:
        yield Provider(loopback)


def user(provider: Provider, **more: str | None) -> dict[str, Any]:
    about = {
        "client-id": "c",
        "client-secret": "s",
        "id-token": id_token("old", 1),
        "idp-certificate-authority-data": base64.b64encode(authority().pem).decode(),
        "idp-issuer-url": provider.loopback.url,
        "refresh-token": "refresh-1",
        **{key.replace("_", "-"): value for key, value in more.items()},
    }
    return {
        "auth-provider": {"name": "oidc", "config": {key: value for key, value in about.items() if value}}
    }


def kept(kubeconfig: str) -> dict[str, str]:
    found: dict[str, str] = yaml.safe_load(Path(kubeconfig).read_text())["users"][0]["user"]["auth-provider"][
        "config"
    ]
    return found


def test_a_token_that_holds_is_used_and_nobody_is_asked(
    write: Any, server: Loopback, provider: Provider
) -> None:
    flags = Connection(kubeconfig=write(config(server.url, **user(provider, id_token=id_token("good")))))
    assert token(sent(flags, server)) == [f"Bearer {id_token('good')}"]
    assert provider.loopback.received == []


def test_a_new_pair_is_written_back_for_the_next_one(
    write: Any, server: Loopback, provider: Provider
) -> None:
    path = write(config(server.url, **user(provider)))
    Path(path).chmod(0o640)
    before = yaml.safe_load(Path(path).read_text())
    assert token(sent(Connection(kubeconfig=path), server)) == [f"Bearer {id_token('id-1')}"]
    assert (kept(path)["id-token"], kept(path)["refresh-token"]) == (id_token("id-1"), "refresh-2")
    assert stat.S_IMODE(Path(path).stat().st_mode) == 0o640
    assert not Path(f"{path}.lock").exists()
    before["users"][0]["user"]["auth-provider"]["config"] = kept(path)
    assert yaml.safe_load(Path(path).read_text()) == before
    asked = provider.loopback.received[1]
    assert asked.header("Authorization") == [f"Basic {base64.b64encode(b'c:s').decode()}"]
    assert parse_qs(asked.body.decode()) == {"grant_type": ["refresh_token"], "refresh_token": ["refresh-1"]}
    assert provider.renewed == 1, "the connection asks for its credentials three times"


def test_a_login_that_ends_while_we_run_is_renewed(
    write: Any, server: Loopback, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    soon = clock.now().timestamp() + 600
    path = write(config(server.url, **user(provider, id_token=id_token("soon", soon))))
    api = connect(Connection(kubeconfig=path))
    api.server_version()
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now.replace(year=now.year + 1))
    api.server_version()
    assert [token(received) for received in server.received] == [
        [f"Bearer {id_token('soon', soon)}"],
        [f"Bearer {id_token('id-1')}"],
    ]
    assert kept(path)["refresh-token"] == "refresh-2"


def test_a_pair_that_kubectl_wrote_meanwhile_is_used(
    write: Any, server: Loopback, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    soon = clock.now().timestamp() + 600
    path = write(config(server.url, **user(provider, id_token=id_token("soon", soon))))
    api = connect(Connection(kubeconfig=path))
    write(config(server.url, **user(provider, id_token=id_token("theirs"), refresh_token="refresh-9")))
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now.replace(year=now.year + 1))
    api.server_version()
    assert token(server.received[-1]) == [f"Bearer {id_token('theirs')}"]
    assert provider.loopback.received == []


@pytest.mark.parametrize("missing", ["id_token", "client_secret"])
def test_what_kubectl_does_without_is_not_missed(
    write: Any, server: Loopback, provider: Provider, missing: str
) -> None:
    path = write(config(server.url, **user(provider, **{missing: None})))
    assert token(sent(Connection(kubeconfig=path), server)) == [f"Bearer {id_token('id-1')}"]
    assert (kept(path)["id-token"], kept(path)["refresh-token"]) == (id_token("id-1"), "refresh-2")


def test_a_client_that_the_header_does_not_name_is_named_in_the_form(
    write: Any, server: Loopback, provider: Provider
) -> None:
    provider.wants_form = True
    path = write(config(server.url, **user(provider)))
    assert token(sent(Connection(kubeconfig=path), server)) == [f"Bearer {id_token('id-1')}"]


def test_comments_order_and_other_files_stay_as_people_wrote_them(
    write: Any, server: Loopback, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    issuer = provider.loopback.url
    trusted = base64.b64encode(authority().pem).decode()
    logins = f"""\
# mine — größer, don't touch
users:
- user:
    auth-provider:
      name: oidc
      config:
        refresh-token:   refresh-1   # once only
        idp-issuer-url: {issuer}
        client-id: c
        idp-certificate-authority-data: {trusted}
  name: admin
since: 2024-01-01
"""
    others = config(server.url)
    paths = [write(logins, "logins"), write(others, "others")]
    monkeypatch.setenv("KUBECONFIG", ":".join(paths))
    assert token(sent(Connection(), server)) == [f"Bearer {id_token('id-1')}"]
    assert Path(paths[0]).read_text() == logins.replace(
        "        refresh-token:   refresh-1 ",
        f'        "id-token": "{id_token("id-1")}"\n        refresh-token:   "refresh-2" ',
    )
    assert yaml.safe_load(Path(paths[1]).read_text()) == others


def test_json_stays_json(write: Any, server: Loopback, provider: Provider) -> None:
    path = write(json.dumps(config(server.url, **user(provider, id_token=None)), indent="\t"))
    assert token(sent(Connection(kubeconfig=path), server)) == [f"Bearer {id_token('id-1')}"]
    found = json.loads(Path(path).read_text())["users"][0]["user"]["auth-provider"]["config"]
    assert found["refresh-token"] == "refresh-2"


def test_a_link_stays_one(write: Any, server: Loopback, provider: Provider, tmp_path: Path) -> None:
    path = write(config(server.url, **user(provider)), "real")
    link = tmp_path / "link"
    link.symlink_to("real")
    sent(Connection(kubeconfig=str(link)), server)
    assert link.is_symlink()
    assert kept(path)["refresh-token"] == "refresh-2"


# Not spent


def not_spent(provider: Provider) -> bool:
    return provider.good == "refresh-1" and not provider.loopback.received


def test_a_token_is_not_spent_for_a_file_that_can_not_be_written(
    write: Any, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(config(**user(provider)))
    _forbid_writing(monkeypatch, path)
    error = refused(Connection(kubeconfig=path))
    assert isinstance(error, Unauthorized)
    assert error.line == (
        f'error: the login of user "admin" has expired, and {path} can\'t keep a new one: Permission denied'
    )
    assert error.hint == "log in again, as you do it for kubectl"
    assert not_spent(provider)
    assert not Path(f"{path}.lock").exists()


def _forbid_writing(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    """The tests may be root's, who can write every file."""
    import builtins

    really = builtins.open

    def guarded(file: Any, mode: str = "r", *args: Any, **more: Any) -> Any:
        if file == path and "+" in mode:
            raise PermissionError(13, "Permission denied")
        return really(file, mode, *args, **more)

    monkeypatch.setattr(builtins, "open", guarded)


def test_where_the_new_pair_has_no_room_the_kubeconfig_stays_whole(
    write: Any, server: Loopback, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk takes a part of a write, and says so only at the next one; a limit of the process too."""
    path = write(config(server.url, **user(provider, id_token=None)))
    before = Path(path).read_bytes()
    # what is imported under the limit would leave half a .pyc for every process after this one
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 10, unlimited[1]))
    try:
        with pytest.raises(Unauthorized) as caught:
            connect(Connection(kubeconfig=path))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    assert Path(path).read_bytes() == before
    assert caught.value.message == (
        f'the login of user "admin" was renewed, and {path} can\'t keep it: File too large'
    )


def test_a_token_is_not_spent_while_another_program_writes(
    write: Any, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = [0.0]
    monkeypatch.setattr(clock, "monotonic", lambda: time[0])
    monkeypatch.setattr(clock, "sleep", lambda seconds: time.__setitem__(0, time[0] + seconds))
    path = write(config(**user(provider)))
    lock = Path(write("", "kubeconfig.lock"))
    assert refused(Connection(kubeconfig=path)).line == (
        f'error: the login of user "admin" has expired, and {path} can\'t keep a new one: '
        f"{lock} is there: remove it if nothing writes the file"
    )
    assert not_spent(provider)
    assert lock.exists(), "it is another's"


def test_when_the_other_program_is_done_its_pair_is_used(
    write: Any, server: Loopback, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(config(server.url, **user(provider)))
    lock = Path(write("", "kubeconfig.lock"))

    def done(_seconds: float) -> None:
        write(config(server.url, **user(provider, id_token=id_token("theirs"))))
        lock.unlink()

    monkeypatch.setattr(clock, "sleep", done)
    assert token(sent(Connection(kubeconfig=path), server)) == [f"Bearer {id_token('theirs')}"]
    assert not_spent(provider)


def test_a_token_is_not_spent_for_a_file_that_can_not_be_changed_in_its_place(
    write: Any, provider: Provider
) -> None:
    text = yaml.safe_dump(config(**user(provider))).replace("id-token: ", "id-token: &once ")
    path = write(f"{text}other: *once\n")
    assert refused(Connection(kubeconfig=path)).line == (
        f'error: the login of user "admin" has expired, and {path} can\'t keep a new one: '
        "something else would be changed"
    )
    assert not_spent(provider)


def test_two_threads_spend_it_once(write: Any, server: Loopback, provider: Provider) -> None:
    soon = clock.now().timestamp() + 12
    path = write(config(server.url, **user(provider, id_token=id_token("soon", soon))))
    api = connect(Connection(kubeconfig=path))
    while clock.now().timestamp() + 10 < soon:
        clock.sleep(0.05)
    threads = [threading.Thread(target=api.server_version) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [token(received) for received in server.received] == [[f"Bearer {id_token('id-1')}"]] * 5
    assert provider.renewed == 1


# What goes wrong


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            {"refresh_token": None},
            'the login of user "admin" has expired, and there is no refresh-token',
        ),
        (
            {"refresh_token": "used"},
            'the login of user "admin" could not be renewed: invalid_grant: Refresh token is invalid',
        ),
    ],
)
def test_a_login_that_is_over_is_no_login(
    write: Any, provider: Provider, change: dict[str, str | None], line: str
) -> None:
    path = write(config(**user(provider, **change)))
    before = Path(path).read_text()
    error = refused(Connection(kubeconfig=path))
    assert (error.line, error.exit_code) == (f"error: {line}", 6)
    assert Path(path).read_text() == before


def test_a_new_refresh_token_is_kept_even_if_it_came_alone(write: Any, provider: Provider) -> None:
    provider.gives_id_token = False
    path = write(config(**user(provider)))
    error = refused(Connection(kubeconfig=path))
    assert isinstance(error, Unauthorized)
    assert error.message.startswith('the login of user "admin" was renewed without an id_token')
    assert kept(path)["refresh-token"] == "refresh-2"


def test_a_provider_that_is_away_or_not_trusted_is_not_reached(write: Any, provider: Provider) -> None:
    away = write(config(**user(provider, idp_issuer_url="https://127.0.0.1:1")))
    error = refused(Connection(kubeconfig=away))
    assert isinstance(error, Unreachable)
    assert error.line == "error: the connection to the server 127.0.0.1:1 was refused"
    other = base64.b64encode(authority("other").pem).decode()
    error = refused(
        Connection(kubeconfig=write(config(**user(provider, idp_certificate_authority_data=other))))
    )
    assert isinstance(error, Unreachable)
    assert "is not trusted: " in error.line  # not "by this kubeconfig": the cluster is another server
    assert error.hint == "check idp-certificate-authority of the auth-provider in the kubeconfig"
    assert provider.good == "refresh-1"


@pytest.mark.parametrize("key", ["idp-issuer-url", "client-id"])
def test_a_provider_without_its_address_or_our_name_is_explained(
    write: Any, provider: Provider, key: str
) -> None:
    path = write(config(**user(provider, **{key.replace("-", "_"): None})))
    assert refused(Connection(kubeconfig=path)).line == f"error: Must provide {key}"


def test_what_is_no_id_token_is_refused_and_not_renewed(write: Any, provider: Provider) -> None:
    error = refused(Connection(kubeconfig=write(config(**user(provider, id_token="opaque")))))
    assert (error.line, error.exit_code) == ("error: ID Token is not a valid JWT", 6)
    assert not_spent(provider)
