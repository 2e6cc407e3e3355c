"""The public test suite of YAML 1.2, where it lies beside the project: `shared/data/yaml_test_suite.json`."""

import json
from pathlib import Path
from typing import Any

import pytest

__all__ = ["INVALID", "VALID", "needs_suite"]

_NAME = "shared/data/yaml_test_suite.json"


def _cases() -> list[dict[str, Any]]:
    for folder in Path(__file__).resolve().parents:
        if (folder / _NAME).exists():
            found: list[dict[str, Any]] = json.loads((folder / _NAME).read_text("utf-8"))["cases"]
            return found
    return []


_CASES = _cases()
INVALID = [pytest.param(case, id=case["id"]) for case in _CASES if case["error"]]
VALID = [pytest.param(case, id=case["id"]) for case in _CASES if not case["error"]]
needs_suite = pytest.mark.skipif(not _CASES, reason=f"there is no {_NAME} beside the project")
