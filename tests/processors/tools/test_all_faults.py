"""One faulty file or function of tools hides no other."""

from pathlib import Path

from livegraph.language import check_text


def test_every_faulty_tool_is_told(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def x(:\n")
    (tmp_path / "signatures.py").write_text(
        "def f(*args): ...\ndef g(x): ...\ndef good(x: int) -> int: return x\n"
    )
    (tmp_path / "good.py").write_text("def hello() -> str: return 'x'\n")
    text = "version: 1\nagent:\n"
    text += "  tools: [./missing.py, ./broken.py, ./signatures.py, ./good.py, ./good.py:nope, no_such_pkg]\n"
    found = check_text(text, base_dir=tmp_path, environ={}).diagnostics
    assert [(one.problem.code, one.span.column) for one in found] == [
        ("LG209", 11),
        ("LG111", 25),
        ("LG231", 38),
        ("LG231", 38),
        ("LG230", 66),
        ("LG111", 82),
    ]
