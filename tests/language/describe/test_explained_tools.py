"""`explain` writes the entries of `tools` as an agent file has them."""

from pathlib import Path
from typing import Any

from livegraph.language import check_file, render
from livegraph.language.describe.explained import explain
from livegraph.language.describe.explained_yaml import explained_yaml
from livegraph.language.report import Resolved


def test_tools_are_written_as_they_were_given(tmp_path: Path) -> None:
    """Groups in a list: what was given of each with its origin, secrets by where they are; it reads back the same."""
    (tmp_path / "a.yaml").write_text(
        "version: 1\nagent:\n  instructions: Be brief.\n  tools:\n"
        "    - http: GET https://api.example/{table}\n      name: look\n      timeout: 5s\n"
        "      arguments: {table: {type: integer, range: [1, 8], doc: which}}\n"
        '      headers: {X-One: "Bearer ${KEY}", X-Two: 7}\n'
        "    - {mcp: [python, ./server.py], only: [a, b], options: {a: {filler: One moment.}}, retries: 3}\n"
    )

    def read() -> Resolved:
        report = check_file(tmp_path / "a.yaml", environ={"KEY": "s3cret-value"})
        assert report.resolved, render(report.diagnostics)
        return report.resolved[0]

    def tools(one: Resolved) -> Any:
        return one.checked.nodes["tool_router"].options["tools"]

    one = read()
    written = explained_yaml(explain(one))
    assert "s3cret" not in written and "HttpTool" not in written
    assert "timeout: 5s" in written and "attempt_timeout" not in written
    (tmp_path / "a.yaml").write_text(written)
    assert tools(read()) == tools(one), written
