"""lint as a process, and its verdict on an example of kagent's own beside the API server's."""

from __future__ import annotations

import pytest

from tests.cluster.conftest import Tools
from tests.lab.layout import CHECKOUT

pytestmark = pytest.mark.cluster

EXAMPLES = CHECKOUT / "tests" / "data" / "lint"


def test_a_bad_file_as_a_process(tools: Tools) -> None:
    path = EXAMPLES / "schema" / "bad.yaml"
    done = tools.kagent("lint", "-f", str(path))
    about = f"mcpserver {tools.namespace}/tools"
    assert (done.code, done.err) == (1, "")
    assert done.out.splitlines()[0] == (
        f"{path}:7: error schema {about} spec.httpTransport.targetPort must be an integer, not a string"
    )
