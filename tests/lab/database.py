"""A private PostgreSQL for the kagent controller, on the node address, run as the postgres user."""

import os
import pwd
import shutil
import signal
import subprocess
from pathlib import Path

from tests.lab.errors import LabError
from tests.lab.layout import NODE_ADDRESS, Layout
from tests.lab.processes import PATH, Part

USER = "postgres"
DATABASE = "kagent"
ACCESS = """\
local all all trust
host all all 10.244.0.0/24 trust
"""


def postgres(layout: Layout) -> Part:
    home = _home(layout)
    settings = {
        "listen_addresses": NODE_ADDRESS,
        "unix_socket_directories": str(home),
        "hba_file": str(home / "pg_hba.conf"),
        "max_connections": "100",
        "dynamic_shared_memory_type": "mmap",
        # A test database need not survive a power cut, only be quick.
        "fsync": "off",
        "full_page_writes": "off",
    }
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    command = [*_as_postgres(), _tool("postgres"), "-D", str(home / "data"), *options]
    return Part("postgres", command, lambda: _answers(layout), stop_signal=signal.SIGINT)


def url() -> str:
    return f"postgres://{USER}@{NODE_ADDRESS}:5432/{DATABASE}?sslmode=disable"


def ensure_cluster(layout: Layout) -> None:
    """Make the data directory; one that a crash left half made is made again."""
    home = _home(layout)
    account = pwd.getpwnam(USER)
    home.mkdir(parents=True, exist_ok=True)
    os.chown(home, account.pw_uid, account.pw_gid)
    (home / "pg_hba.conf").write_text(ACCESS)
    if (home / "data").exists():
        return
    unfinished = home / "data.new"
    shutil.rmtree(unfinished, ignore_errors=True)
    # fmt: off
    _run([*_as_postgres(), _tool("initdb"), "-D", str(unfinished), "-U", USER, "--auth=trust", "--no-sync",
          "--encoding=UTF8", "--locale=C.UTF-8"])
    # fmt: on
    unfinished.rename(home / "data")


def ensure_database(layout: Layout) -> None:
    there = _run([*_psql(layout), "-c", "SELECT datname FROM pg_database"]).split()
    if DATABASE not in there:
        _run([*_psql(layout), "-c", f'CREATE DATABASE "{DATABASE}"'])


def _home(layout: Layout) -> Path:
    return layout.run / "postgres"


def _tool(name: str) -> str:
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    if not found:
        raise LabError(f"no {name} below /usr/lib/postgresql: install the package postgresql")
    return str(found[-1])


def _as_postgres() -> list[str]:
    return ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--init-groups", "--"]


def _psql(layout: Layout) -> list[str]:
    return [_tool("psql"), "-h", str(_home(layout)), "-U", USER, "-d", "postgres", "-qtA"]


def _answers(layout: Layout) -> bool:
    return (
        subprocess.run(
            [*_psql(layout), "-c", "SELECT 1"], capture_output=True, timeout=30, check=False
        ).returncode
        == 0
    )


def _run(command: list[str]) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, cwd="/", env={"PATH": PATH}
    )
    if done.returncode != 0:
        raise LabError(f"{' '.join(command)} failed: {done.stderr.strip()[-500:]}")
    return done.stdout
