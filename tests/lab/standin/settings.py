"""What the controller's environment says; the same variables that the real controller reads."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from tests.lab.standin.gojson import seconds


@dataclass(frozen=True)
class Image:
    registry: str
    repository: str
    tag: str
    pull_policy: str


@dataclass(frozen=True)
class Settings:
    namespace: str
    service: str
    python_image: Image
    go_image: Image
    skills_image: Image
    otel: dict[str, str]
    a2a_base_url: str
    tool_refresh_seconds: float

    @property
    def url(self) -> str:
        """Where agents find the controller."""
        return f"http://{self.service}.{self.namespace}:8083"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        python_image = _image(
            environment, "", Image("ghcr.io", "kagent-dev/kagent/app", "dev", "IfNotPresent")
        )
        namespace = environment.get("KAGENT_NAMESPACE") or "kagent"
        service = environment.get("KAGENT_CONTROLLER_NAME") or "kagent-controller"
        return cls(
            namespace=namespace,
            service=service,
            python_image=python_image,
            # A lab without the real controller has no Go runtime either: both run the Python image.
            go_image=_image(environment, "GO_", python_image),
            skills_image=_image(
                environment, "SKILLS_INIT_", replace(python_image, repository="kagent-dev/kagent/skills-init")
            ),
            otel={name: environment[name] for name in sorted(environment) if name.startswith("OTEL_")},
            a2a_base_url=environment.get("A2A_BASE_URL") or "http://127.0.0.1:8083",
            tool_refresh_seconds=seconds(environment.get("TOOL_REFRESH_INTERVAL") or "60s"),
        )


def _image(environment: Mapping[str, str], prefix: str, default: Image) -> Image:
    def value(name: str, fallback: str) -> str:
        return environment.get(f"{prefix}IMAGE_{name}") or fallback

    return Image(
        registry=value("REGISTRY", default.registry),
        repository=value("REPOSITORY", default.repository),
        tag=value("TAG", default.tag),
        pull_policy=value("PULL_POLICY", default.pull_policy),
    )
