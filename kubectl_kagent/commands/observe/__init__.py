"""observe: the group."""

from __future__ import annotations

from kubectl_kagent.cli.command import group
from kubectl_kagent.commands.observe.diff import diff
from kubectl_kagent.commands.observe.export import export
from kubectl_kagent.commands.observe.install import install
from kubectl_kagent.commands.observe.status import status
from kubectl_kagent.commands.observe.uninstall import uninstall


@group(short_help="Install the observability bundle, and see what does not arrive")
def observe() -> None:
    """Manage the observability bundle: collection, recording and alerting rules, dashboards."""


observe.add_command(export)
observe.add_command(install)
observe.add_command(diff)
observe.add_command(status)
observe.add_command(uninstall)
