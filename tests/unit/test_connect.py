"""From flags and kubeconfig to requests: what wins, and what each broken kubeconfig is told."""

from __future__ import annotations

import base64
import json
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from kubectl_kagent.cluster import connect as connect_module
from kubectl_kagent.cluster.connect import Connection, connect
from kubectl_kagent.errors import KagentError, Unauthorized, Unreachable
from kubectl_kagent.model.resources import AGENT
from tests.loopback import Loopback, Received, serve

DATA = Path(__file__).parent.parent / "data" / "kubeconfigs"


@pytest.fixture
def server() -> Iterator[Loopback]:
    with serve() as loopback:
        yield loopback


def config(url: str = "http://127.0.0.1:1", **user: Any) -> dict[str, Any]:
    """A kubeconfig with two of everything; ``here`` is the current context."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "clusters": [
            {"name": "near", "cluster": {"server": url}},
            {"name": "far", "cluster": {"server": "http://127.0.0.1:2"}},
        ],
        "users": [
            {"name": "admin", "user": user or {"token": "admin-token"}},
            {"name": "reader", "user": {"token": "reader-token"}},
        ],
        "contexts": [
            {"name": "here", "context": {"cluster": "near", "user": "admin", "namespace": "team"}},
            {"name": "there", "context": {"cluster": "far", "user": "reader"}},
        ],
    }


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def write_file(content: Any, name: str = "kubeconfig") -> str:
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        return str(path)

    return write_file


def sent(flags: Connection, server: Loopback) -> Received:
    """The second request that a connection sends: reading the credentials again must change nothing."""
    api = connect(flags)
    api.get(AGENT, "x", "y")
    api.get(AGENT, "x", "y")
    first, second = server.received[-2:]
    assert first.headers == second.headers
    return second


def token(received: Received) -> list[str]:
    return received.header("Authorization")


def refused(flags: Connection) -> KagentError:
    with pytest.raises(KagentError) as caught:
        connect(flags)
    assert "\n" not in caught.value.line
    return caught.value


# What wins


def test_the_current_context_decides(write: Any, server: Loopback) -> None:
    flags = Connection(kubeconfig=write(config(server.url)))
    assert token(sent(flags, server)) == ["Bearer admin-token"]
    assert connect(flags).namespace == "team"


def test_another_context_has_no_namespace_so_it_is_default(write: Any) -> None:
    api = connect(Connection(kubeconfig=write(config()), context="there"))
    assert (api.namespace, api.host) == ("default", "127.0.0.1:2")


def test_a_namespace_flag_wins(write: Any) -> None:
    assert connect(Connection(kubeconfig=write(config()), namespace="mine")).namespace == "mine"


def test_cluster_and_user_flags_are_mixed_into_the_context(write: Any, server: Loopback) -> None:
    obj = config(server.url)
    flags = Connection(kubeconfig=write(obj), context="there", cluster="near")
    assert token(sent(flags, server)) == ["Bearer reader-token"]
    flags = Connection(kubeconfig=write(obj), user="reader")
    assert token(sent(flags, server)) == ["Bearer reader-token"]
    assert connect(flags).namespace == "team"


def test_cluster_and_user_flags_do_without_a_context(write: Any, server: Loopback) -> None:
    obj = {**config(server.url), "current-context": ""}
    flags = Connection(kubeconfig=write(obj), cluster="near", user="reader")
    assert token(sent(flags, server)) == ["Bearer reader-token"]


def test_a_server_flag_wins_over_the_contexts_cluster_for_good(write: Any, server: Loopback) -> None:
    flags = Connection(kubeconfig=write(config()), server=server.url + "/")
    assert token(sent(flags, server)) == ["Bearer admin-token"]
    assert connect(flags).host == server.address


def test_a_token_flag_wins_over_the_contexts_user(write: Any, server: Loopback) -> None:
    flags = Connection(kubeconfig=write(config(server.url)), token="mine")
    assert token(sent(flags, server)) == ["Bearer mine"]


def test_a_token_flag_spares_the_users_plugin(write: Any, server: Loopback) -> None:
    obj = config(server.url, exec={"apiVersion": "client.authentication.k8s.io/v1", "command": "no-such"})
    assert token(sent(Connection(kubeconfig=write(obj), token="mine"), server)) == ["Bearer mine"]


def test_a_server_and_a_token_need_no_kubeconfig(server: Loopback) -> None:
    flags = Connection(server=server.url, token="mine")
    assert token(sent(flags, server)) == ["Bearer mine"]
    assert connect(flags).namespace == "default"


def test_a_server_needs_no_context_in_the_kubeconfig(write: Any, server: Loopback) -> None:
    flags = Connection(kubeconfig=write({"apiVersion": "v1", "kind": "Config"}), server=server.url)
    assert token(sent(flags, server)) == []


def test_a_user_with_a_name_and_a_password(write: Any, server: Loopback) -> None:
    flags = Connection(kubeconfig=write(config(server.url, username="jane", password="pw")))
    assert token(sent(flags, server)) == [f"Basic {base64.b64encode(b'jane:pw').decode()}"]


def test_a_user_with_a_token_file(write: Any, server: Loopback) -> None:
    flags = Connection(kubeconfig=write(config(server.url, tokenFile=write("from-file", "token"))))
    assert token(sent(flags, server)) == ["Bearer from-file"]


def test_kubeconfigs_are_merged_and_the_first_one_wins(
    write: Any, server: Loopback, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "users": [{"name": "admin", "user": {"token": "first"}}],
    }
    second = {**config(server.url), "current-context": "there"}
    missing = str(tmp_path / "missing")
    paths = [missing, write("", "empty"), write(first, "first"), write(second, "second")]
    monkeypatch.setenv("KUBECONFIG", ":".join(["", *paths, ""]))
    assert token(sent(Connection(), server)) == ["Bearer first"]
    assert connect(Connection()).namespace == "team"


def test_an_empty_kubeconfig_says_nothing(write: Any, server: Loopback) -> None:
    kubeconfig = write("")
    assert refused(Connection(kubeconfig=kubeconfig)).line == (
        "error: no current context is set in the kubeconfig"
    )
    flags = Connection(kubeconfig=kubeconfig, server=server.url, token="given")
    assert token(sent(flags, server)) == ["Bearer given"]


def test_the_home_directorys_kubeconfig_is_the_usual_one(
    server: Loopback, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("KUBECONFIG")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".kube").mkdir()
    (tmp_path / ".kube" / "config").write_text(yaml.safe_dump(config(server.url)))
    assert token(sent(Connection(), server)) == ["Bearer admin-token"]


def test_in_a_pod_the_service_account_is_used(
    server: Loopback, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from kubernetes.config import incluster_config

    for name, text in (("token", "pod-token"), ("namespace", "pod-space\n"), ("ca.crt", "x")):
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(connect_module, "_SERVICE_ACCOUNT", tmp_path)
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(tmp_path / "ca.crt"))
    host, port = server.address.split(":")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", port)
    api = connect(Connection())
    assert (api.namespace, api.host) == ("pod-space", server.address)


# Impersonation


def test_groups_and_uids_need_a_user(write: Any) -> None:
    kubeconfig = write(config())
    for flags in (
        Connection(kubeconfig=kubeconfig, as_groups=("g",)),
        Connection(kubeconfig=kubeconfig, as_uid="7"),
    ):
        error = refused(flags)
        assert error.line == "error: requesting uid or groups without impersonating a user"
        assert error.hint == "add --as=USER"


# What is wrong with it


def test_no_kubeconfig_anywhere() -> None:
    error = refused(Connection())
    assert error.line == "error: no kubeconfig: none of the usual places has one"
    assert "--kubeconfig" in str(error.hint)


def test_the_kubeconfig_that_was_named_is_missing(tmp_path: Path) -> None:
    path = str(tmp_path / "nowhere")
    error = refused(Connection(kubeconfig=path))
    assert error.line == f"error: stat {path}: no such file or directory"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ((DATA / "malformed.yaml").read_text(), "yaml: line 5: "),
        ("\tx: 1", "yaml: line 1: "),
        ("a: [1\n", "yaml: line 2: did not find expected ',' or ']'"),
        ("just a string", "it is not a kubeconfig"),
        ("- a\n- list\n", "it is not a kubeconfig"),
        ("42", "it is not a kubeconfig"),
        (json.dumps({**config(), "contexts": [{"nom": "here"}]}), "Expected key name in"),
        (json.dumps({**config(), "contexts": "here"}), "Expected key name in"),
        (
            json.dumps({**config(), "contexts": [{"name": "here", "context": None}]}),
            "Expected key context in",
        ),
    ],
)
def test_a_kubeconfig_that_is_none(write: Any, text: str, why: str) -> None:
    path = write(text)
    error = refused(Connection(kubeconfig=path))
    assert error.line.startswith(f"error: error loading config file {path}: ")
    assert why in error.line
    assert error.exit_code == 1


def test_a_secret_in_a_broken_kubeconfig_is_not_told(write: Any) -> None:
    path = write({**config(), "users": [{"nom": "me", "user": {"token": "s3cret"}}]})
    assert refused(Connection(kubeconfig=path)).line == (
        f"error: error loading config file {path}: "
        f"Invalid kube-config file. Expected key name in {path}/users"
    )


@pytest.mark.parametrize(
    ("change", "flags", "line"),
    [
        ({"current-context": ""}, {}, "error: no current context is set in the kubeconfig"),
        ({"current-context": "gone"}, {}, 'error: context "gone" does not exist'),
        ({}, {"context": "gone"}, 'error: context "gone" does not exist'),
        ({}, {"cluster": "gone"}, 'error: cluster "gone" does not exist in the kubeconfig'),
        ({}, {"user": "gone"}, 'error: user "gone" does not exist in the kubeconfig'),
        ({"clusters": []}, {}, 'error: context "here" names cluster "near", which does not exist'),
        ({"users": []}, {}, 'error: context "here" names user "admin", which does not exist'),
        ({"contexts": None}, {}, 'error: context "here" does not exist'),
    ],
)
def test_a_kubeconfig_that_lacks_what_is_named(
    write: Any, change: dict[str, Any], flags: dict[str, Any], line: str
) -> None:
    assert refused(Connection(kubeconfig=write({**config(), **change}), **flags)).line == line


@pytest.mark.parametrize("field", ["certificate_authority", "client_certificate", "client_key"])
def test_a_certificate_file_that_is_missing(write: Any, tmp_path: Path, field: str) -> None:
    path = str(tmp_path / "missing.pem")
    error = refused(Connection(kubeconfig=write(config()), **{field: path}))  # type: ignore[arg-type]
    assert error.line == f"error: unable to read {path}: no such file"


@pytest.mark.parametrize(
    "authority",
    [{"certificate-authority-data": "%%%"}, {"certificate-authority": str(DATA / "malformed.yaml")}],
)
def test_an_authority_that_is_no_certificate_is_explained_in_one_line(
    write: Any, authority: dict[str, str]
) -> None:
    with serve() as server:
        obj = config(server.url.replace("http", "https"))
        obj["clusters"][0]["cluster"] |= authority
        api = connect(Connection(kubeconfig=write(obj)))
        with pytest.raises(KagentError) as caught:
            api.server_version()
    assert "certificate" in caught.value.line
    assert "\n" not in caught.value.line


def test_a_relative_path_is_beside_the_kubeconfig(write: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    obj = config("https://127.0.0.1:1")
    obj["clusters"][0]["cluster"]["certificate-authority"] = "ca.pem"
    authority = (DATA / "other-authority.crt").read_text()
    write(authority, "ca.pem")
    monkeypatch.chdir("/")
    with pytest.raises(Unreachable, match="was refused"):
        connect(Connection(kubeconfig=write(obj))).server_version()


# Exec plugins


def plugin(tmp_path: Path, source: str) -> dict[str, Any]:
    """A user whose credentials come from a program."""
    path = tmp_path / "login"
    path.write_text(f"#!{sys.executable}\nimport json, os, sys\n{source}\n")
    path.chmod(path.stat().st_mode | stat.S_IEXEC)
    version = "client.authentication.k8s.io/v1"
    return {"exec": {"apiVersion": version, "command": str(path), "interactiveMode": "Never"}}


CREDENTIAL = """
print(json.dumps({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
                  "status": {"token": "from-plugin"}}))
"""


def test_an_exec_plugin_gives_the_token(write: Any, server: Loopback, tmp_path: Path) -> None:
    flags = Connection(kubeconfig=write(config(server.url, **plugin(tmp_path, CREDENTIAL))))
    assert token(sent(flags, server)) == ["Bearer from-plugin"]


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("sys.exit('please log in first')", "exec: process returned 1. please log in first"),
        ("print('<html>')", "exec: failed to decode process output"),
        ("print('{}')", "exec: malformed response. missing key 'apiVersion'"),
        (CREDENTIAL.replace("from-plugin", "x").replace("token", "nothing"), "exec: missing token"),
    ],
)
def test_an_exec_plugin_that_fails_is_no_login(
    write: Any, tmp_path: Path, source: str, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    error = refused(Connection(kubeconfig=write(config(**plugin(tmp_path, source)))))
    assert isinstance(error, Unauthorized)
    assert error.line.startswith("error: getting credentials: ")
    assert why in error.line
    assert error.exit_code == 6


def test_an_exec_plugin_that_is_not_there(write: Any) -> None:
    obj = config(exec={"apiVersion": "client.authentication.k8s.io/v1", "command": "no-such-login"})
    error = refused(Connection(kubeconfig=write(obj)))
    assert error.line == "error: getting credentials: [Errno 2] No such file or directory: 'no-such-login'"


def test_the_command_line_says_it_in_one_line_and_nothing_else(
    write: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    """The library's own log lines stay out of stderr."""
    from click.testing import CliRunner

    from kubectl_kagent.cli import cli

    obj = config(exec={"apiVersion": "client.authentication.k8s.io/v1", "command": "no-such-login"})
    result = CliRunner().invoke(cli, ["scale", "x", "--replicas=1", "--kubeconfig", write(obj)])
    assert (result.exit_code, result.stdout) == (6, "")
    assert (
        result.stderr == "error: getting credentials: [Errno 2] No such file or directory: 'no-such-login'\n"
    )
    assert capfd.readouterr() == ("", "")
