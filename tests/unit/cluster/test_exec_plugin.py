"""Credentials from a program: what it is told, what it may answer, and who hears what it says."""

from __future__ import annotations

import base64
import json
import os
import pty
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kubectl_kagent import clock
from kubectl_kagent.cluster.connect import Connection, connect
from kubectl_kagent.errors import Unauthorized
from tests.certificates import authority
from tests.kubeconfigs import config, refused, sent, token
from tests.loopback import Loopback

V1 = "client.authentication.k8s.io/v1"


def plugin(tmp_path: Path, source: str, **more: Any) -> dict[str, Any]:
    """A user whose credentials come from a program."""
    path = tmp_path / "login"
    path.write_text(f"#!{sys.executable}\nimport json, os, sys\n{source}\n")
    path.chmod(0o755)
    return {"exec": {"apiVersion": V1, "command": str(path), "interactiveMode": "Never"} | more}


def answer(**status: Any) -> str:
    """A program that answers with this."""
    return f"print({json.dumps({'apiVersion': V1, 'kind': 'ExecCredential', 'status': status})!r})"


TOKEN = answer(token="from-plugin")


def test_an_exec_plugin_gives_the_token(write: Any, server: Loopback, tmp_path: Path) -> None:
    for source in (TOKEN, answer(token="from-plugin\n")):
        flags = Connection(kubeconfig=write(config(server.url, **plugin(tmp_path, source))))
        assert token(sent(flags, server)) == ["Bearer from-plugin"]


def test_an_exec_plugin_gives_a_certificate(write: Any, server: Loopback, tmp_path: Path) -> None:
    certificate, key = (data.decode() for data in authority().issue("jane"))
    user = plugin(tmp_path, answer(clientCertificateData=certificate, clientKeyData=key))
    received = sent(Connection(kubeconfig=write(config(server.url, **user))), server)
    assert (received.client, token(received)) == ("jane", [])


def test_a_plugin_runs_again_when_its_credentials_are_over(
    write: Any, server: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = tmp_path / "runs"
    until = datetime(2030, 1, 1, tzinfo=UTC)
    certificates = [authority().issue(name) for name in ("first", "second")]
    statuses = [
        {
            "token": f"token-{number}",
            "clientCertificateData": certificate.decode(),
            "clientKeyData": key.decode(),
            "expirationTimestamp": (until + timedelta(days=number)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        for number, (certificate, key) in enumerate(certificates)
    ]
    source = f"""
open({str(runs)!r}, "a").write("x")
status = {statuses!r}[len(open({str(runs)!r}).read()) - 1]
print(json.dumps({{"apiVersion": {V1!r}, "kind": "ExecCredential", "status": status}}))
"""
    now = [until - timedelta(hours=1)]
    monkeypatch.setattr(clock, "now", lambda: now[0])
    api = connect(Connection(kubeconfig=write(config(server.url, **plugin(tmp_path, source)))))
    for _ in range(2):
        api.server_version()
    now[0] = until + timedelta(hours=1)
    for _ in range(2):
        api.server_version()
    assert [(token(received), received.client) for received in server.received] == [
        *[(["Bearer token-0"], "first")] * 2,
        *[(["Bearer token-1"], "second")] * 2,
    ]
    assert runs.read_text() == "xx"


def test_what_a_plugin_is_told(write: Any, tmp_path: Path) -> None:
    told = tmp_path / "told"
    what = "[sys.argv[1:], os.environ['MORE'], os.environ['KUBERNETES_EXEC_INFO']]"
    keep = f"json.dump({what}, open({str(told)!r}, 'w'))"
    more = {"args": ["a", "b"], "env": [{"name": "MORE", "value": "v"}], "provideClusterInfo": True}
    obj = config(**plugin(tmp_path, f"{keep}\n{TOKEN}", **more))
    obj["clusters"][0]["cluster"] = {
        "server": "https://127.0.0.1:1",
        "certificate-authority": write(authority().pem.decode(), "ca.crt"),
        "tls-server-name": "kubernetes",
        "extensions": [
            {"name": "other", "extension": 1},
            {"name": "client.authentication.k8s.io/exec", "extension": {"since": "DATE"}},
        ],
    }
    connect(Connection(kubeconfig=write(json.dumps(obj).replace('"DATE"', "2024-01-01"))))
    args, env, info = json.loads(told.read_text())
    assert (args, env) == (["a", "b"], "v")
    assert json.loads(info) == {
        "kind": "ExecCredential",
        "apiVersion": V1,
        "spec": {
            "interactive": False,
            "cluster": {
                "server": "https://127.0.0.1:1",
                "tls-server-name": "kubernetes",
                "certificate-authority-data": base64.b64encode(authority().pem).decode(),
                "config": {"since": "2024-01-01"},
            },
        },
    }


def test_a_plugin_with_a_folder_is_beside_the_kubeconfig(
    write: Any, server: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = plugin(tmp_path, TOKEN, command="./login")
    monkeypatch.chdir("/")
    assert token(sent(Connection(kubeconfig=write(config(server.url, **user))), server)) == [
        "Bearer from-plugin"
    ]


@pytest.mark.parametrize("kind", ["kind: ExecCredential\n", 'kind: ""\n', "kind: null\n", ""])
def test_a_plugin_may_answer_in_yaml(write: Any, server: Loopback, tmp_path: Path, kind: str) -> None:
    answer = f"apiVersion: {V1}\n{kind}status: {{token: from-yaml}}"
    user = plugin(tmp_path, f"print({answer!r})")
    assert token(sent(Connection(kubeconfig=write(config(server.url, **user))), server)) == [
        "Bearer from-yaml"
    ]


@pytest.mark.parametrize(
    ("mode", "content", "why"),
    [(0o644, "#!/bin/sh\n", "permission denied"), (0o755, "no program", "exec format error")],
)
def test_a_plugin_that_is_there_and_can_not_be_run(
    write: Any, server: Loopback, tmp_path: Path, mode: int, content: str, why: str
) -> None:
    (program := tmp_path / "no-login").write_text(content)
    program.chmod(mode)
    error = refused(
        Connection(kubeconfig=write(config(server.url, **plugin(tmp_path, "", command=str(program)))))
    )
    assert error.line == f"error: getting credentials: exec: fork/exec {program}: {why}"


def test_a_certificate_spares_the_plugin(write: Any, server: Loopback, tmp_path: Path) -> None:
    certificate, key = authority().issue("jane")
    files = {
        "client-certificate": write(certificate.decode(), "jane.crt"),
        "client-key": write(key.decode(), "jane.key"),
    }
    obj = config(server.url, **files, **plugin(tmp_path, "", command="no-such"))
    assert sent(Connection(kubeconfig=write(obj)), server).client == "jane"


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("sys.exit(3)", "exec: executable {} failed with exit code 3"),
        ("os.kill(os.getpid(), 9)", "exec: executable {} failed with exit code -9"),
        ("print('<html>')", "exec: decoding stdout: it is not an ExecCredential"),
        ("print('a: b: c')", "exec: decoding stdout: it is neither JSON nor YAML"),
        ("print('[' * 100000)", "exec: decoding stdout: it is neither JSON nor YAML"),
        ("print('[]')", "exec: decoding stdout: it is not an ExecCredential"),
        ("print('kind: Pod')", "exec: decoding stdout: it is not an ExecCredential"),
        ("print('{}')", f"exec plugin is configured to use API version {V1}, plugin returned version "),
        (
            TOKEN.replace("/v1", "/v1beta1"),
            f"exec plugin is configured to use API version {V1}, plugin returned version {V1}beta1",
        ),
        (TOKEN.replace('{"token": "from-plugin"}', "null"), "exec plugin didn't return a status field"),
        (TOKEN.replace('{"token": "from-plugin"}', "[]"), "exec plugin didn't return a status field"),
        (answer(), "exec plugin didn't return a token or cert/key pair"),
        (answer(token=None), "exec plugin didn't return a token or cert/key pair"),
        (answer(clientKeyData="x"), "exec plugin returned only certificate or key, not both"),
        (answer(token=["t"]), "exec plugin returned something else than texts in its status"),
        (
            answer(token="t", expirationTimestamp="soon"),
            "exec plugin returned an expirationTimestamp that is not a time",
        ),
        (
            answer(token="t", expirationTimestamp="2030-01-01T00:00:00"),
            "exec plugin returned an expirationTimestamp without a zone",
        ),
    ],
)
def test_a_plugin_that_gives_no_credentials_is_no_login(
    write: Any, tmp_path: Path, source: str, why: str
) -> None:
    user = plugin(tmp_path, source)
    error = refused(Connection(kubeconfig=write(config(**user))))
    assert isinstance(error, Unauthorized)
    assert error.line == f"error: getting credentials: {why.format(user['exec']['command'])}"
    assert error.exit_code == 6


def test_a_plugin_that_is_not_there_is_said_with_the_kubeconfigs_hint(write: Any) -> None:
    described = {
        "apiVersion": V1,
        "command": "no-such-login",
        "interactiveMode": "Never",
        "installHint": "Install it:\n\n  krew install x\n",
    }
    error = refused(Connection(kubeconfig=write(config(exec=described))))
    assert isinstance(error, Unauthorized)
    assert error.line == "error: getting credentials: exec: executable no-such-login not found"
    assert error.hint == "Install it: krew install x"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"command": None}, "command must be specified for admin to use exec authentication plugin"),
        ({"apiVersion": ""}, "apiVersion must be specified for admin to use exec authentication plugin"),
        (
            {"apiVersion": "client.authentication.k8s.io/v1alpha1", "interactiveMode": None},
            'exec plugin: invalid apiVersion "client.authentication.k8s.io/v1alpha1"',
        ),
        (
            {"env": [{"value": "x"}]},
            "env variable name must be specified for admin to use exec authentication plugin",
        ),
        ({"interactiveMode": "Sometimes"}, 'invalid interactiveMode for admin: "Sometimes"'),
        (
            {"interactiveMode": None},
            "interactiveMode must be specified for admin to use exec authentication plugin",
        ),
    ],
)
def test_a_plugin_that_is_not_described_well(
    write: Any, tmp_path: Path, change: dict[str, Any], why: str
) -> None:
    user = plugin(tmp_path, TOKEN, **change)
    assert refused(Connection(kubeconfig=write(config(**user)))).line == f"error: {why}"


def test_a_plugin_of_v1beta1_need_not_say_how_a_person_is_asked(
    write: Any, server: Loopback, tmp_path: Path
) -> None:
    source = f'print(os.environ["KUBERNETES_EXEC_INFO"], file=sys.stderr)\n{TOKEN.replace(V1, V1 + "beta1")}'
    user = plugin(tmp_path, source, apiVersion=f"{V1}beta1", interactiveMode=None)
    assert token(sent(Connection(kubeconfig=write(config(server.url, **user))), server)) == [
        "Bearer from-plugin"
    ]
    ours, theirs = pty.openpty()
    done = subprocess.run(command(write(config(**user))), stdin=theirs, capture_output=True, check=False)
    os.close(ours)
    os.close(theirs)
    assert json.loads(done.stderr.splitlines()[0])["spec"] == {"interactive": True}, (
        "it is asked if it can be"
    )


def test_two_ways_to_ask_for_credentials_are_one_too_many(write: Any, tmp_path: Path) -> None:
    user = {**plugin(tmp_path, TOKEN), "auth-provider": {"name": "oidc"}}
    assert refused(Connection(kubeconfig=write(config(**user)))).line == (
        "error: authProvider cannot be provided in combination with an exec plugin for admin"
    )


def test_a_person_is_asked_only_at_a_terminal(write: Any, tmp_path: Path) -> None:
    user = plugin(tmp_path, TOKEN, interactiveMode="Always")
    assert refused(Connection(kubeconfig=write(config(**user)))).line == (
        "error: getting credentials: exec plugin cannot support interactive mode: "
        "standard input is not a terminal"
    )


# As a person runs it


def command(kubeconfig: str) -> list[str]:
    return [sys.executable, "-m", "kubectl_kagent", "get", "agents", "--kubeconfig", kubeconfig]


def test_what_a_plugin_says_is_shown_and_no_terminal_obeys_it(write: Any, tmp_path: Path) -> None:
    source = r"sys.exit('open https://login.example\r\nand \x1b[2Jtype AB-12')"
    user = plugin(tmp_path, source)
    done = subprocess.run(command(write(config(**user))), capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (6, b"")
    assert done.stderr.decode() == (
        "open https://login.example\nand \\u001b[2Jtype AB-12\n"
        f"error: getting credentials: exec: executable {tmp_path}/login failed with exit code 1\n"
    )


def test_a_prompt_comes_before_the_answer(write: Any, tmp_path: Path) -> None:
    """It has no line end, and the plugin waits for what is typed."""
    source = """
sys.stderr.write("code: "); sys.stderr.flush()
assert json.loads(os.environ["KUBERNETES_EXEC_INFO"])["spec"]["interactive"]
sys.exit("no such code: " + sys.stdin.readline())
"""
    user = plugin(tmp_path, source, interactiveMode="IfAvailable")
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command(write(config(**user))), stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        os.close(theirs)
        try:
            assert process.stderr
            assert os.read(process.stderr.fileno(), 100) == b"code: "
            os.write(ours, b"123\n")
            rest = process.stderr.read().decode()
            process.wait(60)
        finally:
            process.kill()
    os.close(ours)
    assert rest.startswith("no such code: 123\n")
    assert process.returncode == 6


def test_what_a_plugin_leaves_running_is_not_waited_for(write: Any, server: Loopback, tmp_path: Path) -> None:
    source = f"""
import subprocess
child = subprocess.Popen(["sleep", "30"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
open({str(tmp_path / "child")!r}, "w").write(str(child.pid))
{TOKEN}
"""
    flags = Connection(kubeconfig=write(config(server.url, **plugin(tmp_path, source))))
    before = clock.monotonic()
    try:
        assert token(sent(flags, server)) == ["Bearer from-plugin"]
        assert clock.monotonic() - before < 20
    finally:
        os.kill(int((tmp_path / "child").read_text()), 9)
