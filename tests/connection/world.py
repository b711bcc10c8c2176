"""Servers and proxies on loopback, and what kubectl and we send them when we are given the same."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import yaml
from click.testing import CliRunner

from kubectl_kagent.app import cli
from tests.certificates import authority
from tests.kubeconfigs import config
from tests.loopback import KEPT, Loopback, Received, response, serve
from tests.relays import Relay, http_proxy, socks_proxy
from tests.unit.cluster.test_oidc import Provider

LIST = "/apis/kagent.dev/v1alpha2/namespaces/team/modelconfigs"
PATHS = {
    "/version": ["version"],
    LIST: ["get", "modelconfigs", "-n", "team"],
}  # path -> our verb that reads it
JANE = "Basic amFuZTpwdw=="  # jane:pw
# names that lead here only through a proxy
FAR = "api.corp.example"
NAMES = ("0.0.0.0", "kubernetes.default", FAR)


@dataclass
class World:
    """Who listens. ``folder`` is where the kubeconfig of this turn and its files are."""

    https: Loopback
    plain: Loopback
    ipv6: Loopback
    relay: Relay
    locked_relay: Relay
    socks: Relay
    locked_socks: Relay
    plain_relay: Relay
    provider: Provider
    folder: Path = Path()

    def write(self, name: str, data: str | bytes, mode: int = 0o600) -> str:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        path.chmod(mode)
        return str(path)

    @property
    def servers(self) -> dict[str, Loopback]:
        found = {"https": self.https, "plain": self.plain, "ipv6": self.ipv6}
        return {**found, "provider": self.provider.loopback}

    @property
    def proxies(self) -> dict[str, Relay]:
        relays = {"relay": self.relay, "locked relay": self.locked_relay, "plain relay": self.plain_relay}
        return {**relays, "socks": self.socks, "locked socks": self.locked_socks}

    def begin(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        for server in self.servers.values():
            server.received.clear()
        for proxy in self.proxies.values():
            proxy.asked.clear()
        self.https.answer = lambda _: response(200, KEPT)
        self.provider.good, self.provider.renewed = "refresh-1", 0
        self.provider.wants_form, self.provider.gives_id_token = False, True


@contextmanager
def world() -> Iterator[World]:
    tls = authority().server
    with ExitStack() as up:
        https, plain = up.enter_context(serve(tls(*NAMES))), up.enter_context(serve())
        yield World(
            https,
            plain,
            up.enter_context(serve(tls(), "::1")),
            up.enter_context(http_proxy(https.address)),
            up.enter_context(http_proxy(https.address, wants=JANE)),
            up.enter_context(socks_proxy(https.address)),
            up.enter_context(socks_proxy(https.address, wants="jane:pw")),
            up.enter_context(http_proxy(plain.address)),
            Provider(up.enter_context(serve(tls()))),
        )


@dataclass
class Case:
    """What both are given: a kubeconfig (none: no file), flags before the verb, the environment."""

    kubeconfig: Mapping[str, Any] | str | bytes | None
    flags: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict)


Shape = Callable[[World], Case]


def case(
    w: World,
    cluster: Mapping[str, Any] | None = None,
    user: Mapping[str, Any] | None = None,
    *flags: str,
    env: Mapping[str, str] | None = None,
    **top: Any,
) -> Case:
    """A kubeconfig that works, but for these parts. ``cluster`` may take away with None."""
    obj = {
        **config(w.https.url, **(user or {})),
        **{key.replace("_", "-"): value for key, value in top.items()},
    }
    if cluster:
        changed = {**obj["clusters"][0]["cluster"], **cluster}
        obj["clusters"][0]["cluster"] = {key: value for key, value in changed.items() if value is not None}
    return Case(obj, flags, env or {})


@dataclass(frozen=True)
class Seen:
    """A turn's end: ``words`` of a refusal, or what came to servers, proxies and plugins."""

    words: str | None
    requests: tuple[Any, ...]
    proxies: tuple[Any, ...]
    plugins: tuple[Any, ...]


def by_kubectl(program: str, w: World, shape: Shape, folder: Path) -> Seen:
    def run(made: Case, path: str) -> str | None:
        done = subprocess.run(
            [program, *made.flags, "get", "--raw", path],
            env={"PATH": os.environ["PATH"], **_environment(made, w)},
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=False,
        )
        return _kubectls_words(done.stderr.decode()) if done.returncode else None

    return _turn(w, shape, folder, run)


def by_us(w: World, shape: Shape, folder: Path) -> Seen:
    def run(made: Case, path: str) -> str | None:
        done = CliRunner().invoke(
            cli, [*PATHS[path], *made.flags], env=_environment(made, w), prog_name="kubectl kagent"
        )
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
        return errors[-1].removeprefix("error: ") if done.exit_code else None

    return _turn(w, shape, folder, run)


def _turn(w: World, shape: Shape, folder: Path, run: Callable[[Case, str], str | None]) -> Seen:
    w.begin(folder)
    made = shape(w)
    if made.kubeconfig is not None:
        given = made.kubeconfig
        w.write("kubeconfig", given if isinstance(given, str | bytes) else yaml.safe_dump(dict(given)))
    words = [run(made, path) for path in PATHS]
    told = w.folder / "told"
    return Seen(
        next((said.replace(str(folder), "FOLDER") for said in words if said is not None), None),
        tuple(
            _request(name, got)
            for name, server in w.servers.items()
            for got in server.received
            if _asked(got)
        ),
        # how many connections one makes is its own affair
        tuple(sorted({(name, way) for name, relay in w.proxies.items() for way in _ways(relay.asked)})),
        tuple(json.loads(line) for line in told.read_text().splitlines()) if told.exists() else (),
    )


def _environment(made: Case, w: World) -> dict[str, str]:
    return {"HOME": str(w.folder), "KUBECONFIG": str(w.folder / "kubeconfig"), **made.env}


def _asked(got: Received) -> bool:
    return got.method == "POST" or _is_asked(got.path) or got.path.endswith("/openid-configuration")


def _is_asked(target: str) -> bool:
    """Our ``version`` asks for more than that."""
    return target.partition("?")[0].endswith(tuple(PATHS))


def _request(server: str, got: Received) -> tuple[Any, ...]:
    acting = sorted((key.lower(), value) for key, value in got.headers if key.startswith("Impersonate"))
    found = (server, got.method, got.path, got.header("Host"), got.server_name, got.client)
    return (*found, got.header("Authorization"), acting, sorted(parse_qsl(got.body.decode())))


def _ways(heads: list[str]) -> Iterator[str]:
    """The target that a proxy was told, and the login."""
    for head in heads:
        login = re.search(r"(?im)^proxy-authorization: *(.*?)\r?$", head)
        target = re.sub(r" HTTP/1\..$", "", head.split("\r\n", maxsplit=1)[0])
        if not target.startswith("GET ") or _is_asked(target):
            yield f"{target} {login[1] if login else ''}".strip()


def _kubectls_words(text: str) -> str:
    """The first thing that it has to say, as our error lines have it."""
    text = text.removeprefix("Error in configuration: ").removeprefix("\n* ")
    for opening in ("error: ", "Unable to connect to the server: "):
        text = text.removeprefix(opening)
    return re.sub(r' in scheme ".*"$', "", text.split("\n", maxsplit=1)[0])
