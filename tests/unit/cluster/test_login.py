"""Who a request is from: tokens and where they come from, certificates, and as whom it acts."""

from __future__ import annotations

import base64
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kubectl_kagent import clock
from kubectl_kagent.cluster.connect import Connection, connect
from kubectl_kagent.errors import KagentError, Unauthorized
from tests.certificates import authority
from tests.kubeconfigs import config, refused, sent, token
from tests.loopback import Loopback, Received, serve


def acting(received: Received) -> list[tuple[str, str]]:
    return [header for header in received.headers if header[0].startswith("Impersonate")]


# Impersonation


JANE = {
    "token": "t",
    "as": "jane",
    "as-uid": "7",
    "as-groups": ["dev", "ops"],
    "as-user-extra": {"Example.com/Team": ["a", "b"], "scopes": ["view"]},
}


def test_whom_the_kubeconfig_acts_as_is_sent(write: Any, server: Loopback) -> None:
    flags = Connection(kubeconfig=write(config(server.url, **JANE)))
    assert acting(sent(flags, server)) == [
        ("Impersonate-User", "jane"),
        ("Impersonate-Uid", "7"),
        ("Impersonate-Group", "dev"),
        ("Impersonate-Group", "ops"),
        ("Impersonate-Extra-Example.com%2FTeam", "a"),
        ("Impersonate-Extra-Example.com%2FTeam", "b"),
        ("Impersonate-Extra-scopes", "view"),
    ]


def test_the_flags_for_it_win_each_over_its_own_field(write: Any, server: Loopback) -> None:
    flags = Connection(
        kubeconfig=write(config(server.url, **JANE)),
        as_user="joe",
        as_groups=("qa",),
        as_user_extra=("scopes=edit", "scopes=a=b"),
    )
    assert acting(sent(flags, server)) == [
        ("Impersonate-User", "joe"),
        ("Impersonate-Uid", "7"),
        ("Impersonate-Group", "qa"),
        ("Impersonate-Extra-Example.com%2FTeam", "a"),
        ("Impersonate-Extra-Example.com%2FTeam", "b"),
        ("Impersonate-Extra-scopes", "edit"),
        ("Impersonate-Extra-scopes", "a=b"),
    ]


def test_a_token_flag_changes_nothing_about_it(write: Any, server: Loopback) -> None:
    received = sent(Connection(kubeconfig=write(config(server.url, **JANE)), token="mine"), server)
    assert token(received) == ["Bearer mine"]
    assert acting(received)[0] == ("Impersonate-User", "jane")


def test_the_access_for_other_clients_acts_in_the_same_way(write: Any, server: Loopback) -> None:
    access = (
        connect(Connection(kubeconfig=write(config(server.url, **JANE)))).service("a", "b:80").access("/")
    )
    assert ("Impersonate-User", "jane") in access.headers


@pytest.mark.parametrize("part", ["as-uid", "as-groups", "as-user-extra"])
def test_the_rest_of_it_needs_a_user(write: Any, part: str) -> None:
    error = refused(Connection(kubeconfig=write(config(token="t", **{part: JANE[part]}))))
    assert error.line == "error: requesting uid, groups or user-extra for admin without impersonating a user"
    assert error.hint == "add --as=USER"


@pytest.mark.parametrize("flag", [{"as_uid": "7"}, {"as_groups": ("g",)}, {"as_user_extra": ("a=b",)}])
def test_so_do_the_flags(write: Any, flag: dict[str, Any]) -> None:
    error = refused(Connection(kubeconfig=write(config()), **flag))
    assert error.line == "error: requesting uid, groups or user-extra for admin without impersonating a user"


def test_an_extra_without_a_value_is_refused(write: Any) -> None:
    error = refused(Connection(kubeconfig=write(config()), as_user="x", as_user_extra=("scopes",)))
    assert (error.line, error.exit_code) == ('error: "scopes" is not KEY=VALUE', 2)


# Tokens


@pytest.mark.parametrize("text", ["secret\n", "secret\r\n", " secret\r", "\nsecret\t"])
def test_white_space_around_a_token_is_not_part_of_it(write: Any, server: Loopback, text: str) -> None:
    for user in ({"token": text}, {"tokenFile": write(text, "token")}):
        assert token(sent(Connection(kubeconfig=write(config(server.url, **user))), server)) == [
            "Bearer secret"
        ]
    flags = Connection(kubeconfig=write(config(server.url)), token=text)
    assert token(sent(flags, server)) == ["Bearer secret"]


@pytest.mark.parametrize(
    ("text", "what"), [("se\ncret", "line end"), ("se\rcret", "line end"), ("se\0cret", "control character")]
)
def test_what_is_inside_a_token_is_told_without_the_token(
    write: Any, server: Loopback, text: str, what: str
) -> None:
    kubeconfig = write(config(server.url))
    with_file = write(config(server.url, tokenFile=write(text, "token")), "other")
    for flags in (Connection(kubeconfig=kubeconfig, token=text), Connection(kubeconfig=with_file)):
        with pytest.raises(KagentError) as caught:
            connect(flags).server_version()
        assert (caught.value.line, caught.value.exit_code) == (f"error: the token has a {what} in it", 6)
    assert server.received == []


def test_no_header_can_be_ended_early(write: Any, server: Loopback) -> None:
    for flags in (
        Connection(as_user="jane\r\nX-Evil: 1"),
        Connection(as_user="jane", as_groups=("a\nb",)),
        Connection(as_user="jane", as_user_extra=("k=a\nb",)),
    ):
        with pytest.raises(KagentError, match=r"^the value of Impersonate-.* has a line end in it$"):
            connect(
                Connection(**{**_fields(flags), "kubeconfig": write(config(server.url))})
            ).server_version()
    api = connect(Connection(kubeconfig=write(config(server.url))))
    with pytest.raises(KagentError, match=r"^the value of X-Mine has a line end in it$"):
        api.service("a", "b:80").call("GET", "/", headers={"X-Mine": "a\r\nb"})
    assert server.received == []


def _fields(flags: Connection) -> dict[str, Any]:
    return {name: getattr(flags, name) for name in Connection.__dataclass_fields__}


def test_letters_beyond_latin_1_go_out_as_utf_8(write: Any, server: Loopback) -> None:
    """As kubectl sends them; http.server shows each byte as a letter of Latin-1."""
    flags = Connection(
        kubeconfig=write(config(server.url)), as_user="Łukasz", as_groups=("größe",), token="tökenŁ"
    )
    received = sent(flags, server)
    assert [value.encode("latin-1").decode() for _, value in acting(received)] == ["Łukasz", "größe"]
    assert token(received)[0].encode("latin-1").decode() == "Bearer tökenŁ"


def test_a_token_file_counts_more_than_a_token(write: Any, server: Loopback) -> None:
    user = {"token": "stale", "tokenFile": write("fresh", "token")}
    assert token(sent(Connection(kubeconfig=write(config(server.url, **user))), server)) == ["Bearer fresh"]


def test_a_token_is_used_while_its_file_is_missing(write: Any, server: Loopback, tmp_path: Path) -> None:
    user = {"token": "stale", "tokenFile": str(tmp_path / "none")}
    assert token(sent(Connection(kubeconfig=write(config(server.url, **user))), server)) == ["Bearer stale"]


def test_a_token_flag_counts_more_than_a_token_file(write: Any, server: Loopback) -> None:
    user = {"tokenFile": write("file", "token")}
    flags = Connection(kubeconfig=write(config(server.url, **user)), token="flag")
    assert token(sent(flags, server)) == ["Bearer flag"]


def test_a_token_file_is_beside_the_kubeconfig(
    write: Any, server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("fresh", "token")
    monkeypatch.chdir("/")
    assert token(sent(Connection(kubeconfig=write(config(server.url, tokenFile="token"))), server)) == [
        "Bearer fresh"
    ]


def test_a_token_file_is_read_again_after_a_minute(
    write: Any, server: Loopback, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    time = [1000.0]
    monkeypatch.setattr(clock, "monotonic", lambda: time[0])
    path = Path(write("first", "token"))
    api = connect(Connection(kubeconfig=write(config(server.url, tokenFile=str(path)))))

    def used() -> str:
        api.server_version()
        return token(server.received[-1])[0]

    path.write_text("second\n")
    assert used() == "Bearer first"
    time[0] += 60
    assert used() == "Bearer second"
    path.unlink()
    time[0] += 60
    assert used() == "Bearer second", "what was read last is better than nothing"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "unable to read the token file {}: No such file or directory"),
        (" \n", "the token file {} is empty"),
    ],
)
def test_a_token_file_without_a_token_is_no_login(
    write: Any, tmp_path: Path, text: str | None, why: str
) -> None:
    path = str(tmp_path / "token") if text is None else write(text, "token")
    error = refused(Connection(kubeconfig=write(config(tokenFile=path))))
    assert isinstance(error, Unauthorized)
    assert error.message == why.format(path)


def test_a_token_and_a_password_are_one_too_many(write: Any) -> None:
    for given, line in (
        (
            {"token": "t"},
            "error: more than one authentication method found for admin; "
            "found [token basicAuth], only one is allowed",
        ),
        (
            {"tokenFile": write("t", "token")},
            "error: username/password or bearer token may be set, but not both",
        ),
    ):
        error = refused(Connection(kubeconfig=write(config(**given, username="u", password="p"))))
        assert error.line == line


def test_a_traceback_has_no_secret_to_show(write: Any) -> None:
    """Nor anything else: the whole command, as a person runs it."""
    command = [sys.executable, "-m", "kubectl_kagent", "version", "--kubeconfig", write(config())]
    done = subprocess.run([*command, "--token=SEC\nRET"], capture_output=True, text=True, check=False)
    assert "SEC" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "the token has a line end in it" in done.stdout + done.stderr


# Plain http


def test_no_credentials_go_to_a_server_without_tls(write: Any) -> None:
    """As with kubectl, which sends only whom to act as."""
    with serve() as plain:
        for user in ({"token": "t", "as": "jane"}, {"username": "u", "password": "p", "as": "jane"}):
            received = sent(Connection(kubeconfig=write(config(plain.url, **user))), plain)
            assert (token(received), acting(received)) == ([], [("Impersonate-User", "jane")])
        assert token(sent(Connection(server=plain.url, token="t"), plain)) == []


# Certificates and the rest


def test_a_client_certificate_is_shown(write: Any, server: Loopback) -> None:
    certificate, key = authority().issue("jane")
    data = {
        "client-certificate-data": base64.b64encode(certificate).decode(),
        "client-key-data": base64.b64encode(key).decode(),
    }
    assert sent(Connection(kubeconfig=write(config(server.url, **data))), server).client == "jane"
    files = {
        "client-certificate": write(certificate.decode(), "jane.crt"),
        "client-key": write(key.decode(), "jane.key"),
    }
    assert sent(Connection(kubeconfig=write(config(server.url, **files))), server).client == "jane"
    flags = {name.replace("-", "_"): path for name, path in files.items()}
    joe = config(server.url, **{"client-certificate-data": "eA==", "client-key-data": "eA=="})
    assert sent(Connection(kubeconfig=write(joe), **flags), server).client == "jane"


def test_a_token_flag_stands_for_the_whole_user(write: Any, server: Loopback) -> None:
    """Of a token and a certificate the API server takes the certificate: that would not be who was named."""
    certificate, key = authority().issue("admin")
    data = {
        "client-certificate-data": base64.b64encode(certificate).decode(),
        "client-key-data": base64.b64encode(key).decode(),
    }
    for user in (data, {"username": "u", "password": "p"}):
        received = sent(Connection(kubeconfig=write(config(server.url, **user)), token="mine"), server)
        assert (token(received), received.client) == (["Bearer mine"], "")


def test_a_client_certificate_that_is_none_is_explained(write: Any) -> None:
    data = {"client-certificate-data": "eA==", "client-key-data": "eA=="}
    error = refused(Connection(kubeconfig=write(config(**data))))
    assert isinstance(error, Unauthorized)
    assert error.line.startswith("error: the client certificate and its key can't be used: ")
    error = refused(Connection(kubeconfig=write(config(**{"client-certificate-data": "eA=="}))))
    assert error.line == (
        "error: client-key-data or client-key must be specified for admin to use the clientCert "
        "authentication method."
    )


def test_a_key_with_a_password_is_refused_and_nobody_is_asked(write: Any) -> None:
    from cryptography.hazmat.primitives import serialization

    certificate, key = authority().issue("jane")
    locked = serialization.load_pem_private_key(key, None).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"pw"),
    )
    files = {
        "client-certificate": write(certificate.decode(), "jane.crt"),
        "client-key": write(locked.decode(), "jane.key"),
    }
    error = refused(Connection(kubeconfig=write(config(**files))))
    assert error.line.startswith("error: the client certificate and its key can't be used: ")


@pytest.mark.parametrize(
    ("provider", "line", "hint"),
    [
        (
            "azure",
            "The azure auth plugin has been removed.",
            "Please use the https://github.com/Azure/kubelogin kubectl/client-go credential plugin instead. "
            "See https://kubernetes.io/docs/reference/access-authn-authz/authentication/"
            "#client-go-credential-plugins for further details",
        ),
        (
            "gcp",
            "The gcp auth plugin has been removed.",
            'Please use the "gke-gcloud-auth-plugin" kubectl/client-go credential plugin instead. '
            "See https://cloud.google.com/blog/products/containers-kubernetes/kubectl-auth-changes-in-gke "
            "for further details",
        ),
        ("openstack", 'no Auth Provider found for name "openstack"', "use a credential plugin (exec)"),
        (None, 'no Auth Provider found for name ""', "use a credential plugin (exec)"),
    ],
)
def test_an_auth_provider_that_is_no_more_is_no_login(
    write: Any, provider: str | None, line: str, hint: str
) -> None:
    """Whatever else the user has: kubectl refuses it also beside a token."""
    for more in ({}, {"token": "t"}):
        error = refused(Connection(kubeconfig=write(config(**more, **{"auth-provider": {"name": provider}}))))
        assert isinstance(error, Unauthorized)
        assert (error.line, error.hint, error.exit_code) == (f"error: {line}", hint, 6)


def test_name_and_password_in_the_servers_url_log_in_and_are_not_shown(write: Any, server: Loopback) -> None:
    """As Go's client has it: whatever else there is."""
    url = server.url.replace("://", "://jane:p%40ss@")
    flags = Connection(kubeconfig=write(config(url, **{"as": "x"})))
    assert token(sent(flags, server)) == [f"Basic {base64.b64encode(b'jane:p@ss').decode()}"]
    assert connect(flags).host == server.address
    with_token = Connection(kubeconfig=write(config(url)))
    assert token(sent(with_token, server)) == [f"Basic {base64.b64encode(b'jane:p@ss').decode()}"]
