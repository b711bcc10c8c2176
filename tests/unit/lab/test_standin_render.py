"""The stand-in renders an Agent into the very objects that the real controller was recorded making."""

import base64
import copy
import json
from typing import Any

import pytest
import yaml

from tests.lab.standin.kinds import Key, Kind, Object, key_of
from tests.lab.standin.render import CONFIG_HASH, render
from tests.lab.standin.settings import Settings
from tests.lab.standin.sources import NotFound, ReconcileError
from tests.recordings import DATA

RECORDED = DATA / "controller"
ENVIRONMENT = {
    "IMAGE_TAG": "lab",
    "IMAGE_PULL_POLICY": "Never",
    "GO_IMAGE_REPOSITORY": "kagent-dev/kagent/golang-adk",
    "OTEL_TRACING_ENABLED": "true",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://10.244.0.1:4317",
    "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
    "OTEL_EXPORTER_OTLP_TRACES_INSECURE": "true",
    "HOME": "/root",
}


class Objects:
    """Sources from a list of objects."""

    def __init__(self, *objects: Object) -> None:
        self._objects = {(obj["kind"], key_of(obj)): obj for obj in objects}

    def get(self, kind: Kind, key: Key) -> Object:
        try:
            return self._objects[kind.name, key]
        except KeyError:
            raise NotFound(kind, key.name) from None


def recorded(name: str) -> Object:
    found: Object = yaml.safe_load((RECORDED / f"k8s_{name}.yaml").read_text())
    return found


def rendered(agent: Object, *others: Object, environment: dict[str, str] | None = None) -> dict[str, Object]:
    settings = Settings.from_environment(ENVIRONMENT if environment is None else environment)
    sources = Objects(agent, *others, recorded("modelconfig"), recorded("remotemcpserver"))
    return {kind.name: obj for kind, obj in render(agent, sources, settings)}


def files(objects: dict[str, Object]) -> dict[str, str]:
    return {name: base64.b64decode(data).decode() for name, data in objects["Secret"]["data"].items()}


def container(objects: dict[str, Object]) -> Object:
    found: Object = objects["Deployment"]["spec"]["template"]["spec"]["containers"][0]
    return found


def changed_agent(**declarative: Any) -> Object:
    agent = recorded("agent")
    agent["spec"]["declarative"] |= declarative
    return agent


def byo_agent(**deployment: Any) -> Object:
    agent = recorded("agent")
    wanted = {"image": "lab.local/byo:1"} | deployment
    agent["spec"] = {"type": "BYO", "description": "own", "byo": {"deployment": wanted}}
    return agent


def agent_with_skills(*references: str) -> Object:
    agent = recorded("agent")
    agent["spec"]["skills"] = {"refs": list(references)}
    return agent


def without_server_fields(obj: Object) -> Object:
    kept = {"annotations", "labels", "name", "namespace", "ownerReferences"}
    metadata = {name: value for name, value in obj["metadata"].items() if name in kept}
    metadata["annotations"].pop("deployment.kubernetes.io/revision", None)
    return {name: value for name, value in obj.items() if name != "status"} | {"metadata": metadata}


def defaulted(deployment: Object) -> Object:
    """What the API server fills in when it stores a Deployment like ours."""
    stored = copy.deepcopy(deployment)
    stored["spec"] |= {"progressDeadlineSeconds": 600, "revisionHistoryLimit": 10}
    pod = stored["spec"]["template"]["spec"]
    pod |= {
        "dnsPolicy": "ClusterFirst",
        "restartPolicy": "Always",
        "schedulerName": "default-scheduler",
        "securityContext": {},
        "serviceAccount": pod["serviceAccountName"],
        "terminationGracePeriodSeconds": 30,
    }
    for volume in pod["volumes"]:
        volume.get("secret", volume.get("projected"))["defaultMode"] = 420
    for each in pod["containers"]:
        each |= {"terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"}
        each["readinessProbe"] |= {"failureThreshold": 3, "successThreshold": 1}
        each["readinessProbe"]["httpGet"]["scheme"] = "HTTP"
        each["ports"][0]["protocol"] = "TCP"
        for variable in each["env"]:
            if "fieldRef" in variable.get("valueFrom", {}):
                variable["valueFrom"]["fieldRef"]["apiVersion"] = "v1"
    return stored


def test_the_secret_has_the_recorded_bytes() -> None:
    assert without_server_fields(rendered(recorded("agent"))["Secret"]) == {
        name: value
        for name, value in without_server_fields(recorded("secret")).items()
        if name != "type"  # the API server's default
    }


def test_the_deployment_is_the_recorded_one_with_its_config_hash() -> None:
    deployment = rendered(recorded("agent"))["Deployment"]
    assert without_server_fields(defaulted(deployment)) == without_server_fields(recorded("deployment"))
    annotations = deployment["spec"]["template"]["metadata"]["annotations"]
    assert annotations == {CONFIG_HASH: "13793920001897514068"}


def test_the_service_is_the_recorded_one() -> None:
    service, stored = rendered(recorded("agent"))["Service"], recorded("service")
    port = service["spec"]["ports"][0] | {"protocol": "TCP"}
    assert [port] == stored["spec"]["ports"]
    assert service["spec"]["selector"] == stored["spec"]["selector"]
    assert service["metadata"] == without_server_fields(stored)["metadata"]


def test_the_service_account_is_the_recorded_one() -> None:
    account = rendered(recorded("agent"))["ServiceAccount"]
    assert account == without_server_fields(recorded("serviceaccount"))


def test_without_a_go_image_both_runtimes_run_the_python_one_but_keep_their_probes() -> None:
    environment = {"IMAGE_TAG": "lab"}
    go = container(rendered(recorded("agent"), environment=environment))
    python = container(rendered(changed_agent(runtime="python"), environment=environment))
    assert go["image"] == python["image"] == "ghcr.io/kagent-dev/kagent/app:lab"
    assert go["readinessProbe"]["periodSeconds"] == 1
    assert python["readinessProbe"]["periodSeconds"] == 15


def test_a_byo_agent() -> None:
    env = [{"name": "A", "value": "b"}]
    objects = rendered(byo_agent(cmd="serve", args=["--now"], env=env, replicas=3), environment={})
    assert files(objects)["config.json"] == '{"model":null,"description":"own","instruction":""}'
    assert objects["Deployment"]["spec"]["replicas"] == 3
    assert objects["Service"]["spec"]["ports"][0]["appProtocol"] == "kgateway.dev/a2a"
    made = container(objects)
    assert (made["image"], made["command"], made["args"]) == ("lab.local/byo:1", ["serve"], ["--now"])
    names = [variable["name"] for variable in made["env"]]
    assert names == ["A", "KAGENT_NAMESPACE", "KAGENT_NAME", "KAGENT_URL"]


def test_without_replicas_the_deployment_names_none() -> None:
    assert "replicas" not in rendered(byo_agent())["Deployment"]["spec"]


def test_an_agent_with_a_service_account_of_its_own_choice_gets_none() -> None:
    objects = rendered(byo_agent(serviceAccountName="other"))
    assert "ServiceAccount" not in objects
    assert objects["Deployment"]["spec"]["template"]["spec"]["serviceAccountName"] == "other"


def test_labels_and_annotations_of_the_deployment_settings() -> None:
    agent = byo_agent(
        labels={"team": "blue", "app.kubernetes.io/name": "mine"},
        annotations={"pod": "note"},
        deploymentAnnotations={"deployment": "note"},
    )
    agent["metadata"]["annotations"] = {"agent": "note"}
    objects = rendered(agent)
    deployment = objects["Deployment"]
    assert deployment["metadata"]["annotations"] == {"agent": "note", "deployment": "note"}
    assert objects["Secret"]["metadata"]["annotations"] == {"agent": "note"}
    assert deployment["metadata"]["labels"]["team"] == "blue"
    assert deployment["metadata"]["labels"]["app.kubernetes.io/name"] == "mine"
    assert deployment["spec"]["selector"]["matchLabels"] == {"app": "kagent", "kagent": "datetime-agent"}
    assert deployment["spec"]["template"]["metadata"]["annotations"]["pod"] == "note"


def test_code_execution_needs_the_full_image_its_settings_and_privileges() -> None:
    objects = rendered(changed_agent(executeCodeBlocks=True, runtime="python"))
    made = container(objects)
    assert made["image"].endswith("/app:lab-full")
    assert made["securityContext"] == {"privileged": True}
    assert json.loads(files(objects)["srt-settings.json"])["filesystem"]["allowWrite"] == [".", "/tmp"]
    assert made["env"][-1] == {"name": "KAGENT_SRT_SETTINGS_PATH", "value": "/config/srt-settings.json"}


def test_skills_are_fetched_by_an_init_container_from_a_config_map_of_their_own() -> None:
    agent = changed_agent(runtime="python")
    before = rendered(agent)["Deployment"]["spec"]["template"]["metadata"]["annotations"]
    agent["spec"]["skills"] = {
        "refs": ["ghcr.io/org/oci-skill:v1.0"],
        "gitAuthSecretRef": {"name": "token"},
        "gitRefs": [
            {"url": "git@git.example.com:org/one.git", "ref": "v2", "path": "skills/k8s/"},
            {"url": "https://git.example.com/org/two", "ref": "a" * 40},
        ],
        "s3Refs": [{"uri": "s3://bucket/ops.zip", "region": "us-east-1"}],
    }
    objects = rendered(agent)
    fetched = objects["ConfigMap"]
    assert fetched["metadata"]["name"] == "datetime-agent-skills-init"
    assert fetched["metadata"]["ownerReferences"] == objects["Secret"]["metadata"]["ownerReferences"]
    assert json.loads(fetched["data"]["config.json"]) == {
        "authMountPath": "/git-auth",
        "gitRefs": [
            {
                "url": "git@git.example.com:org/one.git",
                "ref": "v2",
                "dest": "/skills/k8s",
                "subPath": "skills/k8s",
            },
            {"url": "https://git.example.com/org/two", "ref": "a" * 40, "dest": "/skills/two", "full": True},
        ],
        "ociRefs": [{"image": "ghcr.io/org/oci-skill:v1.0", "dest": "/skills/oci-skill"}],
        "sshHosts": [{"host": "git.example.com"}],
        "s3Refs": [{"uri": "s3://bucket/ops.zip", "dest": "/skills/ops", "region": "us-east-1"}],
    }
    template = objects["Deployment"]["spec"]["template"]
    assert template["metadata"]["annotations"] != before
    assert template["spec"]["initContainers"][0]["image"] == "ghcr.io/kagent-dev/kagent/skills-init:lab"
    volumes = [volume["name"] for volume in template["spec"]["volumes"]]
    assert volumes == ["config", "kagent-skills", "skills-init-config", "git-auth", "kagent-token"]
    assert {"name": "KAGENT_SKILLS_FOLDER", "value": "/skills"} in container(objects)["env"]
    assert container(objects)["securityContext"] == {"privileged": True}


def test_text_is_escaped_as_go_escapes_it() -> None:
    config = files(rendered(changed_agent(systemMessage="a < b && c > d, π\u2028")))["config.json"]
    assert r'"instruction":"a \u003c b \u0026\u0026 c \u003e d, π\u2028"' in config


def second_model(provider: str = "Anthropic") -> Object:
    model = recorded("modelconfig")
    model["metadata"] = {"name": "second", "namespace": "default"}
    model["spec"] = {"provider": provider, "model": "m2", "apiKeySecret": "k2", "apiKeySecretKey": "K"}
    model["status"] = {"secretHash": "00" * 32}
    return model


def test_memory_and_a_summarizer_bring_their_models_keys_along() -> None:
    compaction = {"compactionInterval": 5, "summarizer": {"modelConfig": "second", "promptTemplate": "short"}}
    agent = changed_agent(memory={"modelConfig": "second", "ttlDays": 3}, context={"compaction": compaction})
    objects = rendered(agent, second_model())
    config = json.loads(files(objects)["config.json"])
    assert config["memory"] == {"ttl_days": 3, "embedding": {"provider": "anthropic", "model": "m2"}}
    summarizer = {"type": "anthropic", "model": "m2"}
    assert config["context_config"]["compaction"] == {
        "compaction_interval": 5,
        "summarizer_model": summarizer,
        "prompt_template": "short",
    }
    names = [variable["name"] for variable in container(objects)["env"]]
    assert names[:2] == ["OPENAI_API_KEY", "ANTHROPIC_API_KEY"]
    assert names.count("ANTHROPIC_API_KEY") == 1


def test_what_the_stand_in_cannot_render_it_refuses_by_name() -> None:
    message = "the stand-in controller does not render the model provider Bedrock"
    with pytest.raises(ReconcileError, match=f"failed to resolve embedding config: {message}"):
        rendered(changed_agent(memory={"modelConfig": "second"}), second_model("Bedrock"))


def test_another_agent_as_a_tool() -> None:
    other = byo_agent()
    other["metadata"] = {"name": "other-agent", "namespace": "default"}
    agent = changed_agent(tools=[{"type": "Agent", "agent": {"name": "other-agent"}}])
    assert json.loads(files(rendered(agent, other))["config.json"])["remote_agents"] == [
        {"name": "default__NS__other_agent", "url": "http://other-agent.default:8080", "description": "own"}
    ]


def test_a_circle_of_agents_is_refused() -> None:
    agent, other = (
        changed_agent(tools=[{"type": "Agent", "agent": {"name": n}}]) for n in ("other", "datetime-agent")
    )
    other["metadata"] = {"name": "other", "namespace": "default"}
    with pytest.raises(ReconcileError, match="cycle detected in agent tool chain: default/datetime-agent"):
        rendered(agent, other)


def test_headers_come_from_secrets_sorted() -> None:
    secret = {
        "kind": "Secret",
        "metadata": {"name": "token", "namespace": "default"},
        "data": {"value": base64.b64encode(b"t0p").decode()},
    }
    headers = [
        {"name": "X-Token", "valueFrom": {"type": "Secret", "name": "token", "key": "value"}},
        {"name": "Accept", "value": "all"},
    ]
    tool = recorded("agent")["spec"]["declarative"]["tools"][0] | {"headersFrom": headers}
    config = files(rendered(changed_agent(tools=[tool]), secret))["config.json"]
    assert '"headers":{"Accept":"all","X-Token":"t0p"}' in config


@pytest.mark.parametrize(
    ("agent", "message"),
    [
        (changed_agent(modelConfig="missing"), 'ModelConfig.kagent.dev "missing" not found'),
        (byo_agent(extraContainers=[{"name": "kagent"}]), '"kagent" is a reserved container name'),
        (byo_agent(extraContainers=[{"name": "a"}, {"name": "a"}]), 'duplicate container name "a"'),
        (agent_with_skills("x/one:1", "y/one:2"), 'duplicate skill directory name "one"'),
        (agent_with_skills("x/.."), 'skill name ".." is not valid'),
        (byo_agent(image=""), "image is required for BYO deployment"),
        (changed_agent(tools=[{"type": "McpServer"}]), "tool must have a provider or tool server"),
    ],
)
def test_what_cannot_be_rendered_says_why(agent: Object, message: str) -> None:
    with pytest.raises(ReconcileError, match=f"failed to compile agent default/datetime-agent: .*{message}"):
        rendered(agent)
