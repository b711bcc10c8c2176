"""A verb by an odd kubeconfig ends with one line and a code that scripts know, and tells no credential."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner

from kubectl_kagent.app import cli

OWN = "cAnArYoFtHeCaLlEr"
URL = "https://127.0.0.1:9"  # over plain HTTP no credentials are used
TOKEN = f"token: {OWN}"
WHOLE = f"""\
apiVersion: v1
kind: Config
current-context: c
contexts: [{{name: c, context: {{cluster: k, user: u}}}}]
clusters: [{{name: k, cluster: {{server: "{URL}"}}}}]
users: [{{name: u, user: {{{TOKEN}}}}}]
"""
PLUGIN = "apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, command: sh"


def server(url: str, more: str = "") -> str:
    return WHOLE.replace(f'server: "{URL}"', f'{more}server: "{url}"')


def user(written: str) -> str:
    return WHOLE.replace(TOKEN, written)


def saying(text: str) -> str:
    """A login whose program prints that."""
    return user(f"exec: {{{PLUGIN}, args: ['-c', 'echo {text}']}}")


ODD = {
    "a server with a password": server(f"https://u:{OWN}@127.0.0.1:9"),
    "a port that there is not": server("https://127.0.0.1:99999999"),
    "a line end in a server": server(f"{URL}\\r\\nX: y"),
    "a NUL in a server": server(f"{URL}/\\0"),
    "a name that no DNS has": server("https://" + "ü" * 100),
    "no server": server(""),
    "a proxy with a password": server(URL, f'proxy-url: "http://u:{OWN}@127.0.0.1:9", '),
    "an authority that is not base64": server(
        "https://127.0.0.1:9", f'certificate-authority-data: "@{OWN}", '
    ),
    "a token in a mapping": user(f"token: {{a: {OWN}}}"),
    "a token in a list": user(f"token: [{OWN}]"),
    "a token with a tag": user(f"token: !!python/object/apply:os.system ['echo {OWN}']"),
    "a token with half a character": user(f'token: "{OWN}\\ud800"'),
    "a token with a line end": user(f'token: "{OWN}\\nx"'),
    "a token and a password": user(f"{TOKEN}, username: a, password: {OWN}"),
    "a password and a name in a list": user(f"username: [a], password: {OWN}"),
    "a token and odd impersonation": user(f"{TOKEN}, as: 5, as-groups: x, as-user-extra: [1]"),
    "a key that is none": user(f"client-certificate-data: aGk=, client-key-data: {OWN}"),
    "a token file that is a folder": user("tokenFile: /"),
    "a plugin that breaks off": saying(f'{{"token": "{OWN}"'),
    "a plugin with a list": saying(f'["{OWN}"]'),
    "a plugin with a number as its environment": user(f"exec: {{{PLUGIN}, env: 5, args: ['{OWN}']}}"),
    "YAML that breaks off beside the token": user(f"{TOKEN}}}}} : ]{{{{"),
    "everything twice": WHOLE + WHOLE,
    "something that is nested deep": f"x: {'[' * 20000}{']' * 20000}\n{WHOLE}",
    "a long number": WHOLE.replace("apiVersion: v1", f"apiVersion: {'9' * 6000}"),
}


def ends_well(path: Path) -> None:
    done = CliRunner().invoke(cli, ["get", "agents", "--kubeconfig", str(path)])
    first, *more = done.stderr.splitlines()
    assert (first[:7], [line[:6] for line in more], done.stdout) in (
        ("error: ", [], ""),
        ("error: ", ["hint: "], ""),
    )
    assert done.exit_code in (1, 5, 6)
    assert "report it" not in done.output  # as of a mistake of the program
    assert OWN not in done.output


@pytest.mark.parametrize("name", ODD)
def test_an_odd_kubeconfig(tmp_path: Path, name: str) -> None:
    path = tmp_path / "config"
    assert ODD[name] != WHOLE
    path.write_bytes(ODD[name].encode("utf-8", "surrogatepass"))
    ends_well(path)


def test_a_kubeconfig_that_comes_through_a_pipe(tmp_path: Path) -> None:
    """As of a shell's <(...); it can be read once."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=lambda: path.write_text(WHOLE))
    writer.start()
    ends_well(path)
    writer.join()
