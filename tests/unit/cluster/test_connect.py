"""From flags and kubeconfig to requests: what wins, and what each broken kubeconfig is told."""

from __future__ import annotations

import base64
import json
import pwd
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from kubectl_kagent.app import cli
from kubectl_kagent.cluster import connect as connect_module
from kubectl_kagent.cluster.connect import Connection, connect
from kubectl_kagent.errors import Unreachable
from tests.certificates import authority
from tests.kubeconfigs import config, refused, sent, token
from tests.loopback import Loopback, serve
from tests.recordings import DATA

KUBECONFIGS = DATA / "kubeconfigs"
NO_PLUGIN = {
    "apiVersion": "client.authentication.k8s.io/v1",
    "command": "no-such",
    "interactiveMode": "Never",
}


# What wins


def test_the_current_context_decides(write: Any, server: Loopback) -> None:
    flags = Connection(kubeconfig=write(config(server.url)))
    assert token(sent(flags, server)) == ["Bearer admin-token"]
    assert connect(flags).namespace == "team"


def test_another_context_has_no_namespace_so_it_is_default(write: Any) -> None:
    api = connect(Connection(kubeconfig=write(config()), context="there"))
    assert (api.namespace, api.host) == ("default", "127.0.0.1:2")


@pytest.mark.parametrize("words", [["record"], ["get", "agents", "-w"], ["version"]])
def test_a_namespace_that_nothing_can_have_ends_each_verb(write: Any, words: list[str]) -> None:
    done = CliRunner().invoke(cli, [*words, "--kubeconfig", write(config()), "-n", ".."])
    assert (done.exit_code, done.stderr) == (1, "error: invalid namespace \"..\": may not be '..'\n")


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
    obj = config(server.url, exec=NO_PLUGIN)
    assert token(sent(Connection(kubeconfig=write(obj), token="mine"), server)) == ["Bearer mine"]


def test_a_server_and_a_token_need_no_kubeconfig(server: Loopback) -> None:
    flags = Connection(server=server.url, token="mine", insecure_skip_tls_verify=True)
    assert token(sent(flags, server)) == ["Bearer mine"]
    assert connect(flags).namespace == "default"


def test_a_server_without_a_scheme_is_one_without_tls(write: Any) -> None:
    """Whatever else there is, as for kubectl; so it gets no token either."""
    with serve() as plain:
        assert token(sent(Connection(kubeconfig=write(config(plain.address))), plain)) == []


def test_a_server_needs_no_context_in_the_kubeconfig(write: Any, server: Loopback) -> None:
    kubeconfig = write({"apiVersion": "v1", "kind": "Config"})
    flags = Connection(kubeconfig=kubeconfig, server=server.url, insecure_skip_tls_verify=True)
    assert token(sent(flags, server)) == []


def test_a_server_and_a_token_stand_for_what_the_context_names_and_is_not_there(
    write: Any, server: Loopback
) -> None:
    kubeconfig = write({**config(), "clusters": [], "users": []})
    flags = Connection(kubeconfig=kubeconfig, server=server.url, token="t", insecure_skip_tls_verify=True)
    assert token(sent(flags, server)) == ["Bearer t"]
    assert connect(flags).namespace == "team"


def test_a_user_with_a_name_and_a_password(write: Any, server: Loopback) -> None:
    flags = Connection(kubeconfig=write(config(server.url, username="jane", password="pw")))
    assert token(sent(flags, server)) == [f"Basic {base64.b64encode(b'jane:pw').decode()}"]


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
    flags = Connection(kubeconfig=kubeconfig, server=server.url, token="given", insecure_skip_tls_verify=True)
    assert token(sent(flags, server)) == ["Bearer given"]


def test_the_home_directorys_kubeconfig_is_the_usual_one(
    server: Loopback, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("KUBECONFIG")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".kube").mkdir()
    (tmp_path / ".kube" / "config").write_text(yaml.safe_dump(config(server.url)))
    assert token(sent(Connection(), server)) == ["Bearer admin-token"]


def test_a_user_without_a_home_has_no_kubeconfig_there(
    server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In many clusters pods run as a user that has no name, and so no home."""

    def nobody(_uid: int) -> None:
        raise KeyError

    monkeypatch.delenv("HOME")
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    assert token(sent(Connection(server=server.url, insecure_skip_tls_verify=True), server)) == []


# In a pod


@pytest.fixture
def pod(server: Loopback, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A pod of ``server``'s cluster; gives the folder of its service account."""
    folder = tmp_path / "serviceaccount"
    folder.mkdir()
    files = {"token": "pod-token\n", "namespace": "pod-space\n", "ca.crt": authority().pem.decode()}
    for name, text in files.items():
        (folder / name).write_text(text)
    monkeypatch.setattr(connect_module, "_SERVICE_ACCOUNT", folder)
    host, port = server.address.split(":")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", port)
    return folder


def test_in_a_pod_the_service_account_is_used(server: Loopback, pod: Path) -> None:
    assert token(sent(Connection(), server)) == ["Bearer pod-token"]
    api = connect(Connection())
    assert (api.namespace, api.host) == ("pod-space", server.address)


def test_so_it_is_with_a_kubeconfig_that_says_nothing(write: Any, server: Loopback, pod: Path) -> None:
    assert token(sent(Connection(kubeconfig=write("")), server)) == ["Bearer pod-token"]


def test_a_kubeconfig_that_is_named_must_be_there(pod: Path) -> None:
    path = str(pod / "nowhere")
    assert refused(Connection(kubeconfig=path)).line == f"error: stat {path}: no such file or directory"


def test_a_kubeconfig_that_says_something_counts_more(write: Any, server: Loopback, pod: Path) -> None:
    assert token(sent(Connection(kubeconfig=write(config(server.url))), server)) == ["Bearer admin-token"]


def test_another_server_does_not_get_the_pods_token(server: Loopback, pod: Path) -> None:
    """Nor is its certificate one that the pod's authority would vouch for."""
    flags = Connection(server=server.url, insecure_skip_tls_verify=True)
    assert token(sent(flags, server)) == []
    assert connect(flags).namespace == "pod-space"
    with pytest.raises(Unreachable, match="is not trusted"):
        connect(Connection(server=server.url)).server_version()


def test_what_else_is_given_goes_to_the_pods_own_server(server: Loopback, pod: Path) -> None:
    assert token(sent(Connection(token="mine"), server)) == ["Bearer mine"]
    received = sent(Connection(as_user="jane"), server)
    assert (token(received), received.header("Impersonate-User")) == (["Bearer pod-token"], ["jane"])


def test_a_context_that_names_no_namespace_means_the_pods(
    write: Any, server: Loopback, pod: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(config(server.url))
    assert connect(Connection(kubeconfig=path, context="there")).namespace == "pod-space"
    assert connect(Connection(kubeconfig=path)).namespace == "team"
    monkeypatch.setenv("POD_NAMESPACE", "downward")
    assert connect(Connection(kubeconfig=path, context="there")).namespace == "downward"
    monkeypatch.delenv("POD_NAMESPACE")
    (pod / "namespace").unlink()
    assert connect(Connection(kubeconfig=path, context="there")).namespace == "default"


@pytest.mark.parametrize("missing", ["KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"])
def test_what_lacks_the_address_is_no_pod(pod: Path, monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.delenv(missing)
    assert refused(Connection()).line.startswith("error: no kubeconfig was found")


def test_a_pod_without_an_authority_trusts_the_machines(pod: Path) -> None:
    (pod / "ca.crt").unlink()
    with pytest.raises(Unreachable, match="is not trusted"):
        connect(Connection()).server_version()


def test_a_context_may_have_our_own_name(write: Any, server: Loopback) -> None:
    obj = config(server.url)
    obj["contexts"][0]["name"] = obj["current-context"] = "kubectl-kagent"
    assert token(sent(Connection(kubeconfig=write(obj)), server)) == ["Bearer admin-token"]


# What is wrong with it


def test_no_kubeconfig_anywhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("KUBECONFIG")
    monkeypatch.setenv("HOME", str(tmp_path))
    error = refused(Connection())
    assert error.line == "error: no kubeconfig was found in the usual places"
    assert "--kubeconfig" in str(error.hint)


def test_the_kubeconfigs_of_the_environment_are_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first, second = str(tmp_path / "first"), str(tmp_path / "second")
    monkeypatch.setenv("KUBECONFIG", f"{first}:{second}")
    error = refused(Connection())
    assert error.line == f"error: no kubeconfig was found: KUBECONFIG is {first}:{second}"
    assert error.hint == "correct KUBECONFIG or give --kubeconfig"


def test_the_kubeconfig_that_was_named_is_missing(tmp_path: Path) -> None:
    path = str(tmp_path / "nowhere")
    error = refused(Connection(kubeconfig=path))
    assert error.line == f"error: stat {path}: no such file or directory"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ((KUBECONFIGS / "malformed.yaml").read_text(), "yaml: line 5: "),
        ("\tx: 1", "yaml: line 1: "),
        ("a: [1\n", "yaml: line 2: did not find expected ',' or ']'"),
        ("just a string", "it is not a kubeconfig"),
        ("- a\n- list\n", "it is not a kubeconfig"),
        ("42", "it is not a kubeconfig"),
        ("[" * 5000 + "]" * 5000, "nest"),
        ("current-context: [here]", "current-context is not a string"),
        (json.dumps({**config(), "kind": "Pod"}), 'no kind "Pod" is registered for version "v1"'),
        (json.dumps({**config(), "apiVersion": "v2"}), 'no kind "Config" is registered for version "v2"'),
        (json.dumps({**config(), "contexts": "here"}), "contexts is not a list"),
        (json.dumps({**config(), "contexts": {"name": "here"}}), "contexts is not a list"),
        (json.dumps({**config(), "users": ["admin", "reader"]}), "users[0] is not a mapping"),
        (json.dumps({**config(), "users": [{"name": 7}]}), "users[0]: name is not a string"),
        (json.dumps({**config(), "users": [{"name": "a"}, {"name": "a"}]}), "users has two entries named a"),
        (
            json.dumps({**config(), "users": [{"name": "admin", "user": "x"}]}),
            "users[0]: user is not a mapping",
        ),
        (json.dumps(config(token=["s3cret"])), 'user "admin": token is not a string'),
        (json.dumps(config(tokenFile=7)), 'user "admin": tokenFile is not a string'),
        (json.dumps(config(**{"as-groups": "g", "as": "x"})), 'user "admin": as-groups is not a list'),
        (json.dumps(config(**{"as-user-extra": {"a": "b"}})), "as-user-extra is not a mapping of lists"),
        (json.dumps(config(exec=["login"])), 'user "admin": exec is not a mapping'),
        (json.dumps(config(exec={"command": 7})), 'user "admin".exec: command is not a string'),
        (json.dumps(config(**{"client-key-data": "%%%"})), 'user "admin": client-key-data is not base64'),
        (json.dumps(config(**{"auth-provider": "oidc"})), 'user "admin": auth-provider is not a mapping'),
        (
            json.dumps(config()).replace('"https://127.0.0.1:1"', "1"),
            'cluster "near": server is not a string',
        ),
    ],
)
def test_a_kubeconfig_that_is_none(write: Any, text: str, why: str) -> None:
    path = write(text)
    error = refused(Connection(kubeconfig=path))
    assert error.line.startswith(f'error: error loading config file "{path}": ')
    assert why in error.line
    assert error.exit_code == 1


def test_a_secret_in_a_broken_kubeconfig_is_not_told(write: Any) -> None:
    path = write({**config(), "users": [{"nom": "me", "user": ["s3cret"]}]})
    assert refused(Connection(kubeconfig=path)).line == (
        f'error: error loading config file "{path}": users[0]: user is not a mapping'
    )


def test_an_entry_without_a_name_is_none_that_is_named(write: Any, server: Loopback) -> None:
    """kubectl goes on, too: the other entries are good."""
    obj = config(server.url)
    obj["users"].append({"nom": "me", "user": {"token": "s3cret"}})
    assert token(sent(Connection(kubeconfig=write(obj)), server)) == ["Bearer admin-token"]


def test_a_kubeconfig_that_can_not_be_read(tmp_path: Path) -> None:
    error = refused(Connection(kubeconfig=str(tmp_path)))
    assert error.line == f'error: error loading config file "{tmp_path}": read {tmp_path}: is a directory'


def test_a_date_without_quotes_is_the_text_that_it_is_for_go(write: Any, server: Loopback) -> None:
    text = json.dumps(config(server.url, token="DATE")).replace('"DATE"', "2024-01-01")
    assert token(sent(Connection(kubeconfig=write(text)), server)) == ["Bearer 2024-01-01"]


@pytest.mark.parametrize(
    ("change", "flags", "line"),
    [
        ({"current-context": ""}, {}, "error: no current context is set in the kubeconfig"),
        ({"current-context": "gone"}, {}, "error: context was not found for specified context: gone"),
        ({}, {"context": "gone"}, 'error: context "gone" does not exist'),
        ({}, {"cluster": "gone"}, 'error: cluster "gone" does not exist'),
        ({}, {"user": "gone"}, 'error: auth info "gone" does not exist'),
        ({"clusters": []}, {}, 'error: cluster "near" was not found for context "here"'),
        ({"users": []}, {}, 'error: user "admin" was not found for context "here"'),
        ({"contexts": None}, {}, "error: context was not found for specified context: here"),
        (
            {"contexts": [{"name": "here", "context": None}]},
            {},
            'error: cluster was not specified for context "here"',
        ),
        ({"clusters": [{"name": "near"}]}, {}, 'error: no server found for cluster "near"'),
    ],
)
def test_a_kubeconfig_that_lacks_what_is_named(
    write: Any, change: dict[str, Any], flags: dict[str, Any], line: str
) -> None:
    assert refused(Connection(kubeconfig=write({**config(), **change}), **flags)).line == line


@pytest.mark.parametrize(
    ("field", "called", "of"),
    [
        ("certificate_authority", "certificate-authority", "near"),
        ("client_certificate", "client-cert", "admin"),
        ("client_key", "client-key", "admin"),
    ],
)
def test_a_certificate_file_that_is_missing(
    write: Any, tmp_path: Path, field: str, called: str, of: str
) -> None:
    path = str(tmp_path / "missing.pem")
    there = write("x", "there.pem")
    flags = {"client_certificate": there, "client_key": there, field: path}
    error = refused(Connection(kubeconfig=write(config()), **flags))  # type: ignore[arg-type]
    assert error.line == (
        f"error: unable to read {called} {path} for {of} due to open {path}: no such file or directory"
    )


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"certificate-authority-data": "%%%"}, 'cluster "near": certificate-authority-data is not base64'),
        (
            {"certificate-authority": "ca.crt"},
            "certificate-authority-data and certificate-authority are both specified for near. "
            "certificate-authority-data will override.",
        ),
        (
            {"certificate-authority-data": "eA=="},
            "unable to load root certificates: unable to parse bytes as PEM block",
        ),
        (
            {"insecure-skip-tls-verify": True},
            "specifying a root certificates file with the insecure flag is not allowed",
        ),
    ],
)
def test_an_authority_that_is_none_is_explained_in_one_line(
    write: Any, change: dict[str, Any], why: str
) -> None:
    obj = config()
    obj["clusters"][0]["cluster"] |= change
    assert refused(Connection(kubeconfig=write(obj))).line.endswith(f": {why}")


def test_a_relative_path_is_beside_the_kubeconfig(write: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    obj = config("https://127.0.0.1:1")
    obj["clusters"][0]["cluster"] = {"server": "https://127.0.0.1:1", "certificate-authority": "ca.pem"}
    authority = (KUBECONFIGS / "other-authority.crt").read_text()
    write(authority, "ca.pem")
    monkeypatch.chdir("/")
    with pytest.raises(Unreachable, match="was refused"):
        connect(Connection(kubeconfig=write(obj))).server_version()
