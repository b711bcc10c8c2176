"""completion: install and uninstall what kubectl runs for <TAB>."""

from __future__ import annotations

from kubectl_kagent.cli import completion_hook, terminal
from kubectl_kagent.cli.command import group


@group(short_help="Install or uninstall completion with <TAB>")
def completion() -> None:
    """Install or uninstall what kubectl (1.26 and newer) runs for 'kubectl kagent <TAB>'.

    It completes verbs, flags and their values, and names: agents, servers and their tools, namespaces,
    contexts, revisions, sessions and tasks. The shell needs kubectl's own completion, too.
    """


@completion.command(short_help="Put kubectl_complete-kagent where kubectl finds it")
def install() -> None:
    """Put kubectl_complete-kagent beside the plugin, where kubectl finds it, and see that it completes.

    Nothing is overwritten. With pip and pipx it is there already.

    \b
    kubectl kagent completion install
    """
    hook, made = completion_hook.install()
    terminal.write_line(f"{hook} {'installed' if made else 'is there already, and completes'}")
    terminal.say("hint: each shell needs kubectl's completion, too: kubectl completion -h says how")


@completion.command(short_help="Remove what install has made")
def uninstall() -> None:
    """Remove the kubectl_complete-kagent that install has put beside the plugin, and nothing else.

    \b
    kubectl kagent completion uninstall
    """
    hook = completion_hook.uninstall()
    if hook:
        terminal.write_line(f"{hook} removed")
    else:
        terminal.say("nothing to remove: no kubectl_complete-kagent is beside the plugin")
