"""rollout diff as it is typed: whole screens, and a diff program of the user's own."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from kubectl_kagent.model.resources import (
    AGENT,
    CONFIG_MAP,
    CONTROLLER_REVISION,
    MCP_SERVER,
    MODEL_CONFIG,
    REMOTE_MCP_SERVER,
)
from tests.conftest import Kagent, Screen
from tests.fake.cluster import FakeCluster
from tests.fake.controllers import Story
from tests.objects import agent, byo, config_map, mcp_server

Object = dict[str, Any]


def server(name: str, *tools: str, **more: Any) -> Object:
    return {
        "type": "McpServer",
        "mcpServer": {"kind": "RemoteMCPServer", "name": name, "toolNames": [*tools], **more},
    }


# What differs


def test_the_prompt(story: Story, kagent: Kagent, screen: Screen) -> None:
    lines = [f"Line {number} of a long prompt." for number in range(20)]
    story.prompt("\n".join(lines))
    lines[3:4] = ["Another line 3.", "And one more."]
    del lines[15]
    story.prompt("\n".join(lines))
    code, out, err = kagent("rollout", "diff", "agent/clock")
    assert (code, err) == (0, "")
    screen("diff-prompt", out)


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        ("a", "", ["@@ -1 +0,0 @@", "-a"]),
        ("", "a\nb", ["@@ -0,0 +1,2 @@", "+a", "+b"]),
        ("a\nb\n", "a\nb", ["(only how its lines end differs)"]),
        ("a\r\nb", "a\nb", ["(only how its lines end differs)"]),
        ("a b", "a  b ", ["-a b", "+a  b "]),
        ("a\tb", "ä 時計\u200b", ["-a\\tb", "+ä 時計\\u200b"]),
    ],
)
def test_prompts_of_few_lines(story: Story, kagent: Kagent, old: str, new: str, lines: list[str]) -> None:
    story.prompt(old)
    story.prompt(new)
    code, out, err = kagent("rollout", "diff", "clock")
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == "prompt:"
    assert [line.removeprefix("  ") for line in out.splitlines()[-len(lines) :]] == lines


def test_tools(story: Story, kagent: Kagent, screen: Screen) -> None:
    helper = {"type": "Agent", "agent": {"name": "helper"}}
    first = [
        server("tools", "get_time", "delete", requireApproval=["delete"]),
        server("old", "x", "y"),
        helper,
    ]
    story.edit(AGENT, "clock", {"declarative": {"tools": first}})
    second = [
        server("tools", "get_time", "delete", "get_date"),
        server("new", "z", namespace="far"),
        {"type": "Agent", "agent": {"name": "expert"}},
    ]
    story.edit(AGENT, "clock", {"declarative": {"tools": second}})
    code, out, err = kagent("rollout", "diff", "clock")
    assert (code, err) == (0, "")
    screen("diff-tools", out)


def test_fields_of_the_spec(story: Story, kagent: Kagent, screen: Screen) -> None:
    env = [{"name": "A", "value": "ä"}]
    story.edit(AGENT, "clock", {"description": "tells", "declarative": {"deployment": {"env": env}}})
    more = {"deployment": {"env": None, "labels": {"team": "x"}}, "stream": True, "modelConfig": "other"}
    story.edit(AGENT, "clock", {"description": "guesses\nnow", "declarative": more})
    code, out, err = kagent("rollout", "diff", "clock")
    assert (code, err) == (0, "")
    screen("diff-fields", out)


def test_sources(story: Story, kagent: Kagent, screen: Screen) -> None:
    """One after the other, and all from the first to the last."""
    story.cluster.add(REMOTE_MCP_SERVER, {"metadata": {"name": "tools"}, "spec": {"url": "http://a"}})
    story.cluster.add(CONFIG_MAP, config_map("prompts", used="Be kind.", spare="x"))
    story.cluster.set_status(MODEL_CONFIG, "gpt", {"secretHash": "aaaa"})
    source = {"type": "ConfigMap", "name": "prompts", "key": "used"}
    story.edit(AGENT, "clock", {"declarative": {"tools": [server("tools")], "systemMessageFrom": source}})
    first = story.look().revisions[-1].number
    screens = []

    def changed() -> None:
        story.controllers.act()
        story.look()
        code, out, err = kagent("rollout", "diff", "clock")
        assert (code, err) == (0, "")
        screens.append(out)

    story.edit(MODEL_CONFIG, "gpt", {"model": "large", "openAI": {"temperature": "0.5"}})
    changed()
    story.edit(REMOTE_MCP_SERVER, "tools", {"url": "http://b"})
    changed()
    story.edit(CONFIG_MAP, "prompts", {"used": "Be rude.", "spare": "y"})
    changed()
    story.cluster.set_status(MODEL_CONFIG, "gpt", {"secretHash": "bbbb"})
    changed()
    story.cluster.remove(REMOTE_MCP_SERVER, "tools")
    changed()
    story.cluster.add(REMOTE_MCP_SERVER, {"metadata": {"name": "tools"}, "spec": {"url": "http://b"}})
    changed()
    screens.append(kagent("rollout", "diff", "clock", str(first))[1])
    screen("diff-sources", "\n".join(screens))


def test_a_prompt_in_a_config_map(story: Story, kagent: Kagent, screen: Screen) -> None:
    source = {"type": "ConfigMap", "name": "prompts", "key": "clock"}
    story.cluster.add(CONFIG_MAP, config_map("prompts", clock="Tell the time.\nBe kind.\nBe short.\n"))
    story.edit(AGENT, "clock", {"declarative": {"systemMessageFrom": source}})
    story.edit(CONFIG_MAP, "prompts", {"clock": "Tell the time.\nBe rude.\nBe short.\n"})
    screens = [kagent("rollout", "diff", "clock")[1]]
    story.edit(CONFIG_MAP, "prompts", {"clock": None})
    screens.append(kagent("rollout", "diff", "clock")[1])
    screen("diff-config-map", "\n".join(screens))


def test_another_type(story: Story, kagent: Kagent, screen: Screen) -> None:
    story.edit(AGENT, "clock", {**byo()["spec"], "declarative": None})
    screen("diff-type", kagent("rollout", "diff", "clock")[1])


def test_a_secret_is_masked_and_its_change_is_seen(story: Story, kagent: Kagent) -> None:
    headers = {"x-api-key": "hunter2-OLD", "x-team": "a"}
    story.edit(MODEL_CONFIG, "gpt", {"defaultHeaders": headers, "openAI": {"baseUrl": "http://b:hunter2@x"}})
    headers |= {"x-api-key": "hunter2-NEW", "x-team": "b"}
    story.edit(MODEL_CONFIG, "gpt", {"defaultHeaders": headers, "openAI": {"baseUrl": "http://b:hunter3@x"}})
    assert kagent("rollout", "diff", "clock") == (
        0,
        "modelconfig/gpt:\n"
        "  - defaultHeaders.x-api-key: [masked] (before)\n"
        "  + defaultHeaders.x-api-key: [masked] (after)\n"
        "  - defaultHeaders.x-team: a\n"
        "  + defaultHeaders.x-team: b\n"
        "  - openAI.baseUrl: http://b:[masked] (before)@x\n"
        "  + openAI.baseUrl: http://b:[masked] (after)@x\n",
        "",
    )
    assert "hunter" not in "".join(kagent("rollout", "history", "clock")[1:])
    assert "hunter" not in kagent("describe", "agent/clock")[1]


def test_a_key_in_a_prompt_is_masked(story: Story, kagent: Kagent) -> None:
    story.prompt("Log in.\npassword: hunter2")
    story.prompt("Log in.\npassword: hunter3")
    assert kagent("rollout", "diff", "clock")[1] == (
        "prompt:\n"
        "  --- revision 3\n"
        "  +++ revision 4\n"
        "  @@ -1,2 +1,2 @@\n"
        "   Log in.\n"
        "  -password: [masked] (before)\n"
        "  +password: [masked] (after)\n"
    )


def test_an_mcp_server(story: Story, kagent: Kagent) -> None:
    story.add(MCP_SERVER, mcp_server())
    story.look("datetime", MCP_SERVER)
    story.edit(
        MCP_SERVER, "datetime", {"deployment": {"image": "registry.example/datetime:2", "replicas": 4}}
    )
    assert kagent("rollout", "diff", "mcp/datetime") == (
        0,
        "spec:\n"
        "  - deployment.image: registry.example/datetime:1\n"
        "  + deployment.image: registry.example/datetime:2\n",
        "",
    )


# Which two


PROMPTS = "prompt:\n  --- {old}\n  +++ {new}\n  @@ -1 +1 @@\n  -{before}\n  +{after}\n"


def shown(old: str, before: str, new: str, after: str) -> str:
    return PROMPTS.format(old=old, before=before, new=new, after=after)


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([], shown("revision 2", "Guess.", "revision 3", "Third.")),
        (["1"], shown("revision 1", "Tell the time.", "revision 3", "Third.")),
        (["1", "2"], shown("revision 1", "Tell the time.", "revision 2", "Guess.")),
        (["3", "1"], shown("revision 3", "Third.", "revision 1", "Tell the time.")),
        (["--", "-2"], shown("revision 1", "Tell the time.", "revision 3", "Third.")),
        (["--", "-2", "-1"], shown("revision 1", "Tell the time.", "revision 2", "Guess.")),
    ],
)
def test_two_revisions(story: Story, kagent: Kagent, numbers: list[str], expected: str) -> None:
    story.prompt("Third.")
    assert kagent("rollout", "diff", "clock", *numbers) == (0, expected, "")


def test_the_live_config_is_recorded_first(story: Story, kagent: Kagent) -> None:
    story.cluster.edit(AGENT, "clock", {"spec": {"declarative": {"systemMessage": "New."}}})
    assert kagent("rollout", "diff", "clock") == (0, shown("revision 2", "Guess.", "revision 3", "New."), "")


def test_or_shown_as_live_when_it_is_not_to_be(story: Story, kagent: Kagent) -> None:
    story.cluster.edit(AGENT, "clock", {"spec": {"declarative": {"systemMessage": "New."}}})
    warning = "Warning: the live config is not recorded: --no-record\n"
    expected = shown("revision 2", "Guess.", "live", "New.")
    assert kagent("rollout", "diff", "clock", "--no-record") == (0, expected, warning)
    story.cluster.deny("create", CONTROLLER_REVISION)
    code, out, err = kagent("rollout", "diff", "clock")
    assert (code, out) == (0, expected)
    assert err.startswith("Warning: the live config is not recorded: controllerrevisions.apps is forbidden")


def test_the_same_config(story: Story, kagent: Kagent) -> None:
    story.prompt("Tell the time.")
    assert kagent("rollout", "diff", "clock", "1", "3") == (
        0,
        "",
        "revision 1 and revision 3 are the same config\n",
    )


@pytest.mark.parametrize("numbers", [["9"], ["1", "9"]])
def test_no_such_revision(story: Story, kagent: Kagent, numbers: list[str]) -> None:
    assert kagent("rollout", "diff", "clock", *numbers) == (
        1,
        "",
        "Error from server (NotFound): agent.kagent.dev/clock has no revision 9\n"
        "hint: kubectl kagent rollout history agent/clock -n default lists its revisions\n",
    )


def test_nothing_before_the_first(cluster: FakeCluster, kagent: Kagent) -> None:
    cluster.add(AGENT, agent(modelConfig=""))
    message = "agent.kagent.dev/clock has no revision before 1: history starts there"
    assert kagent("rollout", "diff", "clock") == (1, "", f"Error from server (NotFound): {message}\n")


def test_nothing_recorded_at_all(cluster: FakeCluster, kagent: Kagent) -> None:
    cluster.add(AGENT, agent(modelConfig=""))
    code, out, err = kagent("rollout", "diff", "clock", "--no-record")
    assert (code, out) == (1, "")
    assert err.endswith("Error from server (NotFound): nothing is recorded of agent.kagent.dev/clock\n")


# A program of the user's own


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A diff program that notes its arguments and files; it ends with the code in ``exit-code``."""
    path = tmp_path / "my-diff"
    path.write_text(
        "#!/bin/sh\n"
        f'printf "%s\\n" "$@" > "{tmp_path}/arguments"\n'
        f'cp "$2" "{tmp_path}/old.yaml"; cp "$3" "{tmp_path}/new.yaml"\n'
        f'echo "differ: $(basename "$2") $(basename "$3")"\n'
        f'exit "$(cat "{tmp_path}/exit-code")"\n'
    )
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    (tmp_path / "exit-code").write_text("1")
    monkeypatch.setenv("KUBECTL_EXTERNAL_DIFF", f"{path} --flag")
    return path


def test_it_gets_both_revisions_as_files(
    story: Story, kagent: Kagent, program: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert kagent("rollout", "diff", "clock") == (0, "", "")
    assert capfd.readouterr().out == "differ: revision-1.yaml revision-2.yaml\n"
    flag, old, new = (program.parent / "arguments").read_text().splitlines()
    assert flag == "--flag"
    before, after = (yaml.safe_load((program.parent / f"{name}.yaml").read_text()) for name in ("old", "new"))
    assert (before["revision"], before["spec"]) == (1, agent(deployment={"replicas": 1})["spec"])
    assert after["spec"]["declarative"]["systemMessage"] == "Guess."
    assert not Path(old).exists()
    assert not Path(new).parent.exists()


@pytest.mark.parametrize("code", ["0", "1"])
def test_whether_they_differ_is_no_failure(story: Story, kagent: Kagent, program: Path, code: str) -> None:
    (program.parent / "exit-code").write_text(code)
    assert kagent("rollout", "diff", "clock") == (0, "", "")


@pytest.mark.parametrize("code", ["2", "127"])
def test_its_failure_is_ours(story: Story, kagent: Kagent, program: Path, code: str) -> None:
    (program.parent / "exit-code").write_text(code)
    message = f"KUBECTL_EXTERNAL_DIFF: {program} --flag failed with exit code {code}"
    assert kagent("rollout", "diff", "clock") == (1, "", f"error: {message}\n")


def test_so_is_a_signal(story: Story, kagent: Kagent, program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program.write_text("#!/bin/sh\nkill -9 $$\n")
    message = f"KUBECTL_EXTERNAL_DIFF: {program} --flag failed with exit code -9"
    assert kagent("rollout", "diff", "clock") == (1, "", f"error: {message}\n")


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("/nowhere/diff -u", "[Errno 2] No such file or directory: '/nowhere/diff'"),
        ('diff "', "No closing quotation"),
    ],
)
def test_one_that_does_not_start(
    story: Story, kagent: Kagent, monkeypatch: pytest.MonkeyPatch, command: str, message: str
) -> None:
    monkeypatch.setenv("KUBECTL_EXTERNAL_DIFF", command)
    assert kagent("rollout", "diff", "clock") == (1, "", f"error: KUBECTL_EXTERNAL_DIFF: {message}\n")


def test_a_blank_name_is_none(story: Story, kagent: Kagent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECTL_EXTERNAL_DIFF", "  ")
    assert kagent("rollout", "diff", "clock")[1].startswith("prompt:")


def test_the_live_config_has_a_file_too(
    story: Story, kagent: Kagent, program: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    story.cluster.edit(AGENT, "clock", {"spec": {"declarative": {"systemMessage": "New."}}})
    kagent("rollout", "diff", "clock", "--no-record")
    assert capfd.readouterr().out == "differ: revision-2.yaml live.yaml\n"
    after = yaml.safe_load((program.parent / "new.yaml").read_text())
    assert after["revision"] is None
    assert after["spec"]["declarative"]["systemMessage"] == "New."
