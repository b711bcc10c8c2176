"""What the lab builds is free to use for everybody."""

import re

from tests.lab.build import MODULES

# Under the AGPL since 2021; Loki up to 2.2.1 was not.
AGPL = re.compile(r"^\s*(?:require )?github\.com/grafana/(loki/v\d+|tempo|grafana|mimir)\s", re.MULTILINE)


def test_no_module_under_the_agpl() -> None:
    paths = sorted(MODULES.glob("*/go.*"))
    assert len(paths) >= 12
    assert [(path.parent.name, found) for path in paths for found in AGPL.findall(path.read_text())] == []
