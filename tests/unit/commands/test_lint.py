"""lint as it is typed: files, folders, standard input, kustomize, and each format."""

from __future__ import annotations

import json
import os
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.conftest import Kagent
from tests.lab.layout import CHECKOUT

MODEL = """\
apiVersion: kagent.dev/v1alpha2
kind: ModelConfig
metadata: {name: gpt}
spec: {provider: OpenAI, model: gpt-4.1-mini%s}
"""
BAD = MODEL % ", temperature: 1"
WORSE = f"{MODEL % ''}---\n{BAD}"
UNKNOWN = "modelconfig default/gpt spec.temperature is not a field"


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.yaml").write_text(MODEL % "")
    (tmp_path / "bad.yaml").write_text(WORSE)
    (tmp_path / "notes.txt").write_text("not a manifest: [")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "deeper.json").write_text(
        '{\n\t"kind": "ConfigMap",\n\t"apiVersion": "v1"\n}{"a": 1}'
    )
    return tmp_path


def test_a_good_file(kagent: Kagent, there: Path) -> None:
    assert kagent("lint", "-f", "good.yaml") == (0, "0 errors, 0 warnings (1 object in 1 file)\n", "")


def test_a_bad_document_of_a_file_is_named_by_its_line(kagent: Kagent, there: Path) -> None:
    line = f"bad.yaml:9: error unknown-field {UNKNOWN}\n"
    out = f"{line}1 error, 0 warnings (2 objects in 1 file)\n"
    assert kagent("lint", "-f", "bad.yaml") == (1, out, "")


def test_a_folder_has_the_files_that_kubectl_reads(kagent: Kagent, there: Path) -> None:
    assert kagent("lint", "-f", ".")[1].endswith("(3 objects in 2 files)\n")
    code, out, err = kagent("lint", "-R", "-f", ".")
    assert (code, err) == (1, "")
    assert out.endswith("(5 objects in 3 files)\n")
    assert (
        "deep/deeper.json:4: error unreadable is not a Kubernetes object: it has no apiVersion and no kind"
        in out
    )


def test_standard_input(kagent: Kagent) -> None:
    line = f"<stdin>:4: error unknown-field {UNKNOWN}\n"
    out = f"{line}1 error, 0 warnings (1 object in 1 file)\n"
    assert kagent("lint", "-f", "-", input=BAD) == (1, out, "")


@pytest.mark.parametrize(
    ("words", "code", "err"),
    [
        (["-f", "gone.yaml"], 1, 'error: the path "gone.yaml" does not exist\n'),
        (
            ["-f", "empty"],
            1,
            "error: empty has no file that ends in .json, .yaml, .yml\n"
            "hint: -R looks into the folders in it, too\n",
        ),
        (
            ["-f", "https://example.com/a.yaml"],
            1,
            "error: https://example.com/a.yaml is a URL, and lint asks nobody\n"
            "hint: curl URL | kubectl kagent lint -f -\n",
        ),
        ([], 2, "error: which manifests? -f or -k is missing\nhint: kubectl kagent lint -f FILE\n"),
        (["-f", "a", "-k", "b"], 2, "error: only one of --filename and --kustomize may be used\n"),
        (
            ["-f", "good.yaml", "--crds", "good.yaml"],
            1,
            "error: good.yaml has no CRD of kagent.dev\n"
            "hint: kubectl get crd agents.kagent.dev -o yaml > FILE\n",
        ),
        (["-f", "nothing.yaml"], 1, "error: no object in nothing.yaml\n"),
        (["-f", "n" * 300], 1, f'error: the path "{"n" * 300}" can\'t be read: File name too long\n'),
        (["-k", "gone"], 1, 'error: the folder "gone" does not exist\n'),
        (["-k", "https://example.com/a"], 1, 'error: the folder "https://example.com/a" does not exist\n'),
    ],
)
def test_what_can_not_be_linted(kagent: Kagent, there: Path, words: list[str], code: int, err: str) -> None:
    (there / "empty").mkdir()
    (there / "nothing.yaml").write_text("# nothing\n---\n")
    assert kagent("lint", *words) == (code, "", err)


def test_without_kubectl_nothing_is_built(
    kagent: Kagent, there: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(there))
    error = "error: kubectl, which builds deep, is not found on the PATH\n"
    hint = "hint: kustomize build deep | kubectl kagent lint -f -\n"
    assert kagent("lint", "-k", "deep") == (1, "", error + hint)


def test_schemas_of_another_release(kagent: Kagent, there: Path) -> None:
    crd = {
        "kind": "CustomResourceDefinition",
        "spec": {
            "group": "kagent.dev",
            "names": {"kind": "ModelConfig"},
            "versions": [
                {
                    "name": "v1alpha2",
                    "served": True,
                    "schema": {
                        "openAPIV3Schema": {
                            "properties": {
                                "spec": {
                                    "type": "object",
                                    "x-kubernetes-preserve-unknown-fields": True,
                                    "x-kubernetes-validations": [{"rule": "self.temperature < 1.0"}],
                                    "properties": {"temperature": {"type": "number"}},
                                }
                            }
                        }
                    },
                }
            ],
        },
    }
    (there / "crds.json").write_text(json.dumps({"kind": "List", "items": [crd]}))
    code, out, _ = kagent("lint", "-f", "bad.yaml", "--crds", "crds.json")
    rule = "error validation-rule modelconfig default/gpt spec"
    assert (code, out.splitlines()[:2]) == (
        1,
        [
            f"bad.yaml:4: {rule} self.temperature < 1.0: no such key: 'temperature'",
            f"bad.yaml:9: {rule} the rule self.temperature < 1.0 does not hold",
        ],
    )


def test_json(kagent: Kagent, there: Path) -> None:
    code, out, err = kagent("lint", "-f", "bad.yaml", "-o", "json")
    assert (code, err) == (1, "")
    assert json.loads(out) == {
        "failed": True,
        "errors": 1,
        "warnings": 0,
        "ignored": 0,
        "files": 1,
        "objects": 2,
        "items": [
            {
                "rule": "unknown-field",
                "severity": "error",
                "file": "bad.yaml",
                "line": 9,
                "object": "modelconfig default/gpt",
                "path": "spec.temperature",
                "text": "is not a field",
            }
        ],
        "notJudged": [],
    }


def test_junit(kagent: Kagent, there: Path) -> None:
    code, out, err = kagent("lint", "-f", "bad.yaml", "-o", "junit")
    assert (code, err) == (1, "")
    suites = ElementTree.fromstring(out)
    told = {name: suites[0].get(name) for name in ("name", "tests", "failures", "skipped")}
    assert told == {"name": "bad.yaml", "tests": "1", "failures": "1", "skipped": "0"}
    assert suites[0][0].attrib == {"name": "9 unknown-field modelconfig default/gpt", "classname": "lint"}
    assert [each.get("message") for each in suites[0][0]] == ["spec.temperature is not a field"]


def test_sarif(kagent: Kagent, there: Path) -> None:
    code, out, err = kagent("lint", "-f", "bad.yaml", "-o", "sarif")
    assert (code, err) == (1, "")
    [run] = json.loads(out)["runs"]
    rules = run["tool"]["driver"]["rules"]
    place = {"artifactLocation": {"uri": "bad.yaml"}, "region": {"startLine": 9}}
    assert run["results"] == [
        {
            "ruleId": "unknown-field",
            "ruleIndex": [rule["id"] for rule in rules].index("unknown-field"),
            "level": "error",
            "message": {"text": UNKNOWN},
            "locations": [{"physicalLocation": place}],
        }
    ]


def test_a_file_whose_name_is_no_text_has_its_bytes_in_sarif(kagent: Kagent, tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.yaml")).write_text(BAD)
    code, out, err = kagent("lint", "-f", str(tmp_path), "-o", "sarif")
    assert (code, err) == (1, "")
    (result,) = json.loads(out)["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].endswith("/%FF.yaml")


def test_a_kind_of_kagents_in_another_group_is_said_not_to_be_judged(kagent: Kagent) -> None:
    agent = "apiVersion: kagent.dv/v1alpha2\nkind: Agent\nmetadata: {name: clock}\nspec: {foo: 1}\n"
    out = (
        "not judged: unknown-kind: agent default/clock: its apiVersion is kagent.dv/v1alpha2; "
        "kagent's Agent has kagent.dev/v1alpha1, kagent.dev/v1alpha2\n"
        "0 errors, 0 warnings (1 object in 1 file)\n"
    )
    assert kagent("lint", "-f", "-", input=agent) == (0, out, "")


def test_a_secret_is_named_by_its_place_and_never_printed(kagent: Kagent) -> None:
    token = "ghp_" + "a1B2c3D4" * 4 + "e5F6"
    text = (CHECKOUT / "tests/data/lint/schema/good.yaml").read_text()
    text = text.replace(
        "  deployment:\n", f"  deployment:\n    env: {{GITHUB_TOKEN: {token}}}\n    port: {token}\n"
    )
    for output in ("", "json", "sarif", "junit", "yaml"):
        code, out, err = kagent("lint", "-f", "-", "-o", output, input=text)
        assert (code, token in out, err) == (1, False, ""), output
