"""The parts of the kubernetes package that we use, without the thousand models that it loads with each.

And urllib3 without what it would load for HTTP/2. Such packages run their ``__init__`` only when something of
it is asked for that is not there yet. Without this, importing them takes longer than most of our verbs.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import logging
import sys
import threading
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from kubectl_kagent.cluster.interim import FinalResponse

_LOADING = threading.RLock()  # the first requests may go out side by side
_PACKAGES = ("kubernetes", "kubernetes.client", "kubernetes.utils")


class _Package(ModuleType):
    """A package whose ``__init__`` has not run yet."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or self.__spec__ is None or self.__spec__.loader is None:
            raise AttributeError(name)
        self.__class__ = ModuleType  # type: ignore[assignment]  # it is an ordinary one from here
        self.__spec__.loader.exec_module(self)
        return getattr(self, name)


def load_urllib3() -> None:
    """Make ``urllib3`` cheap to import: all that it wants of its HTTP/2 is whether it is switched on.

    And quiet: what it would warn of is an error here, or none. Its connections get the answer that counts.
    """
    with _LOADING:
        logging.getLogger("urllib3").setLevel(logging.CRITICAL)
        if "urllib3" not in sys.modules and _put("urllib3.http2"):
            _without_http2()
        importlib.import_module("urllib3.connection").HTTPConnection.response_class = FinalResponse


def _without_http2() -> None:
    package: Any = sys.modules["urllib3.http2"]
    spec = importlib.machinery.PathFinder.find_spec("urllib3.http2.probe", package.__path__)
    if spec and spec.loader:
        package.probe = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(package.probe)
    importlib.import_module("urllib3").http2 = package  # type: ignore[attr-defined]


def load() -> None:
    """Make ``kubernetes.client.configuration`` and ``.rest`` cheap to import."""
    with _LOADING:
        load_urllib3()
        if "kubernetes" not in sys.modules:
            for name in _PACKAGES:
                _put(name)


def _put(name: str) -> bool:
    """Put a package in place; False when it is packed in a way that only the ordinary import knows."""
    if name in sys.modules:
        return True
    parent, _, _ = name.rpartition(".")
    spec = importlib.machinery.PathFinder.find_spec(name, _path(parent) if parent else None)
    if spec is None or spec.submodule_search_locations is None:
        return False
    package = _Package(name)
    package.__spec__, package.__path__ = spec, spec.submodule_search_locations
    package.__file__ = spec.origin
    sys.modules[name] = package
    if parent in sys.modules:
        setattr(sys.modules[parent], name.rpartition(".")[2], package)
    return True


def _path(name: str) -> Sequence[str] | None:
    """Where a package's modules are, loaded or not."""
    if name in sys.modules:
        return sys.modules[name].__path__
    spec = importlib.machinery.PathFinder.find_spec(name)
    return spec.submodule_search_locations if spec else None
