"""`livegraph check` and `livegraph migrate` as processes: what they print, change and answer."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

_FAULTY = "version: 1\npipeline:\n  - webrtc_in\n  - vad_gate: {treshold: 0.6}\n  - webrtc_out\n"
_WARNED = "pipeline:\n  - webrtc_in # the caller\n  - webrtc_out\n"


def run(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-c", "from livegraph.cli import main; main()"]
    return subprocess.run(
        [*command, *map(str, arguments)], cwd=cwd, capture_output=True, text=True, timeout=50, check=False
    )


def test_json_carries_changes_that_an_editor_can_make(tmp_path: Path) -> None:
    (tmp_path / "agent.yaml").write_text(_FAULTY)
    done = run("check", "agent.yaml", "--format", "json", cwd=tmp_path)
    [found] = json.loads(done.stdout)["diagnostics"]
    assert done.returncode == 78
    assert found["fix"] == {"line": 4, "column": 16, "end_line": 4, "end_column": 24, "text": "threshold"}
    assert found["page"] == "docs/errors/LG201.md"


def test_github_gets_annotations(tmp_path: Path) -> None:
    (tmp_path / "a,b.yaml").write_text(_FAULTY + "title: 50%\nname: a b\n")
    done = run("check", "a,b.yaml", "--format", "github", cwd=tmp_path)
    assert done.returncode == 78
    assert done.stdout.splitlines() == [
        "::error file=a%2Cb.yaml,line=4,endLine=4,col=16,endColumn=24,title=LG201::unknown option `treshold` for "
        "`vad_gate`%0Adid you mean `threshold`? "
        "options: mode, detector, threshold, min_speech, pre_roll, hang_over, turn_end, shortest, longest, "
        "turn_model, echo_guard",
        "::error file=a%2Cb.yaml,line=7,endLine=7,col=7,endColumn=10,title=LG107::`a b` cannot name an agent"
        "%0Aletters, digits, `_`, `-` and `.`, as it stands in addresses",
    ]


def test_strict_fails_for_warnings(tmp_path: Path) -> None:
    (tmp_path / "agent.yaml").write_text(_WARNED)
    assert run("check", "agent.yaml", cwd=tmp_path).returncode == 0
    done = run("check", "agent.yaml", "--strict", cwd=tmp_path)
    assert done.returncode == 1
    assert "1 warning; --fix mends 1" in done.stdout


def test_fix_mends_and_tells(tmp_path: Path) -> None:
    path = tmp_path / "agent.yaml"
    path.write_text(_WARNED)
    done = run("check", "agent.yaml", "--fix", "--strict", cwd=tmp_path)
    assert done.returncode == 0
    assert "fixed LG105 in line 1" in done.stdout
    assert path.read_text() == "version: 1\n" + _WARNED
    assert "fixed" not in run("check", "agent.yaml", "--fix", cwd=tmp_path).stdout


def test_a_file_that_cannot_be_mended_is_told(tmp_path: Path) -> None:
    """Not UTF-8, not there: a fault of the report as without --fix."""
    (tmp_path / "latin.yaml").write_bytes("version: 1\ntitle: é\nagent:\n".encode("latin-1"))
    done = run("check", "latin.yaml", "gone.yaml", "--fix", cwd=tmp_path)
    assert done.returncode == 78
    assert "latin.yaml:2:8: error LG003" in done.stdout
    assert "gone.yaml:1:1: error LG001" in done.stdout


def test_the_machine_is_looked_at_only_when_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_OAUTH_ACCESS_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "agent.yaml").write_text("version: 1\nagent:\n  live:\n    endpoint: google\n")
    assert run("check", "agent.yaml", cwd=tmp_path).returncode == 0
    done = run("check", "agent.yaml", "--env", cwd=tmp_path)
    assert done.returncode == 78
    assert "agent.yaml:4:15: error LG601: there is no API key" in done.stdout


def test_an_address_without_an_answer_is_told_by_the_line_of_the_option(tmp_path: Path) -> None:
    text = 'version: 1\nagent:\n  live: {endpoint: local, url: "ws://127.0.0.1:1"}\n'
    (tmp_path / "agent.yaml").write_text(text)
    done = run("check", "agent.yaml", "--env", cwd=tmp_path)
    assert "agent.yaml:3:32: error LG602: 127.0.0.1:1 cannot be reached: connection refused" in done.stdout


def test_codes_are_explained(tmp_path: Path) -> None:
    done = run("check", "--explain", "lg205", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stdout.startswith("# LG205: no unit")
    wrong = run("check", "--explain", "LG999", cwd=tmp_path)
    assert wrong.returncode == 2
    assert "there is no code LG999" in wrong.stderr


def test_migrate_shows_what_it_would_change_and_changes_it_when_told(tmp_path: Path) -> None:
    path = tmp_path / "agent.yaml"
    path.write_text(_WARNED)
    done = run("migrate", "agent.yaml", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stdout.splitlines()[2:] == [
        "@@ -1,3 +1,4 @@",
        "+version: 1",
        *(f" {line}" for line in _WARNED.splitlines()),
    ]
    assert path.read_text() == _WARNED
    assert run("migrate", "agent.yaml", "--write", cwd=tmp_path).returncode == 0
    assert path.read_text() == "version: 1\n" + _WARNED
    again = run("migrate", "agent.yaml", cwd=tmp_path)
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")


def test_migrate_leaves_what_it_cannot_read(tmp_path: Path) -> None:
    (tmp_path / "new.yaml").write_text("version: 7\nagents: []\n")
    (tmp_path / "torn.yaml").write_text("agent: {\n")
    for name, code in (("new.yaml", "LG106"), ("torn.yaml", "LG005")):
        done = run("migrate", name, "--write", cwd=tmp_path)
        assert done.returncode == 78
        assert code in done.stderr


def _large() -> str:
    """An agent of 200 lines that uses every kind of box."""
    lines = [
        "version: 1",
        "nodes:",
        "  mic: {use: webrtc_in}",
        "  gate:",
        "    use: vad_gate",
        "    from: mic",
    ]
    last = "gate.out"
    for number in range(30):
        lines += [
            f"  box{number}:",
            "    use: resampler # keeps the rate",
            f"    from: {last}",
            "    rate: 16kHz",
            "",
        ]
        last = f"box{number}"
    lines += [
        "  live:",
        "    use: gemini_live",
        f"    from: {last}",
        "    voice: Kore",
        "    instructions: |",
    ]
    lines += [f"      Line {number} of what the agent is told." for number in range(25)]
    lines += [
        "  log: {use: transcript_log, from: live.transcript}",
        "  out: {use: webrtc_out, from: live.audio}",
    ]
    return "\n".join(lines) + "\n"


def test_a_large_file_needs_nothing_heavy(tmp_path: Path) -> None:
    """Neither WebRTC nor a model nor a web server is loaded to check two hundred lines."""
    text = _large()
    assert 180 <= text.count("\n") <= 220
    (tmp_path / "agent.yaml").write_text(text)
    code = (
        "import sys\n"
        "from livegraph.cli import main\n"
        "try:\n    main()\nexcept SystemExit as error:\n    assert not error.code, error.code\n"
        "heavy = {'aiortc', 'aioice', 'av', 'onnxruntime', 'websockets', 'starlette', 'uvicorn', 'google'}\n"
        "print(sorted(heavy & {name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "check", "agent.yaml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines() == ["agent.yaml: no problems", "[]"]
