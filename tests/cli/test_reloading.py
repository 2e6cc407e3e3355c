"""Agent files are taken anew: what is right replaces what was, what is wrong changes nothing, and both are said."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from livegraph.cli import reloading
from livegraph.cli.composing import Chosen
from livegraph.cli.prepared import Prepared, Source, read_sources
from livegraph.cli.reloading import Reloader
from livegraph.cli.routes import Live
from livegraph.cli.terminal import Terminal
from livegraph.cli.verbs.run import _Bell, _unless_over
from livegraph.language import Layers
from livegraph.pipeline.errors import NotFoundError
from livegraph.server.calls import Running

AGENT = """\
version: 1
pipeline:
  - webrtc_in
  - vad_gate: {threshold: 0.5}
  - gemini_live: {voice: Kore}
  - tool_router: {tools: [./tools.py]}
  - webrtc_out
simulator: {brain: ./brain.yaml}
"""
ECHO = "version: 1\npipeline: [webrtc_in, {gain: {db: -6}}, webrtc_out]\n"
BRAIN = "version: 1\nrules:\n  - hear: hello\n    say: hi\n"
TOOLS = "def time() -> str:\n    return 'late'\n"


class Server:
    """Takes agents into service, and has some calls running."""

    def __init__(self, what: Chosen) -> None:
        self.terminal = Terminal()
        sources = read_sources(what, Live.LOCAL, self.terminal)
        assert not any(source.fault for source in sources)
        self.prepared: Sequence[Prepared] = [one for source in sources for one in source.prepared]
        self.exchanges = 0
        self.running: dict[str, Running] = {}
        self.reloader = Reloader(what, Live.LOCAL, self.terminal, sources, self.exchange)

    async def exchange(self, sources: Sequence[Source]) -> Mapping[str, Running]:
        self.prepared = [one for source in sources for one in source.prepared]
        self.exchanges += 1
        return self.running

    @property
    def names(self) -> list[str]:
        return [one.agent.name for one in self.prepared]

    def option(self, agent: str, node: str, option: str) -> Any:
        (found,) = (one for one in self.prepared if one.agent.name == agent)
        return found.plan.checked.nodes[node].options.get(option)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tools.py").write_text(TOOLS)
    (tmp_path / "brain.yaml").write_text(BRAIN)
    agents = tmp_path / "desk.yaml"
    agents.write_text(AGENT)
    return tmp_path


def reload(server: Server, capsys: pytest.CaptureFixture[str]) -> str:
    """What is said of it."""
    capsys.readouterr()
    asyncio.run(server.reloader.reload())
    return capsys.readouterr().err


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def serve(*written: Path, **layers: Any) -> Server:
    return Server(Chosen(tuple(map(str, written)), Layers(**layers)))


def test_each_kind_of_file_takes_part(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The agent's own, includes, overlays, texts, tools, the simulator's script: each is watched, and told."""
    desk, overlay = folder / "desk.yaml", folder / "over.yaml"
    overlay.write_text("pipeline:\n  include: ./boxes.yaml\n")
    boxes, prompt = folder / "boxes.yaml", folder / "prompt.md"
    boxes.write_text(
        "- webrtc_in\n- vad_gate: {threshold: 0.5}\n"
        "- gemini_live: {voice: Kore, instructions: {include: ./prompt.md}, greeting: '${file:hello.txt}'}\n"
        "- tool_router: {tools: [./tools.py]}\n- './box.py:quiet'\n- webrtc_out\n"
    )
    (folder / "box.py").write_text(
        "from livegraph.pipeline import TranscriptFrame, processor\n\n\n"
        "@processor\ndef quiet(text: TranscriptFrame) -> None:\n    return None\n"
    )
    prompt.write_text("Be kind.\n")
    (folder / "hello.txt").write_text("Hello.\n")
    server = serve(desk, overlays=(str(overlay),))

    async def changed() -> bool:
        return [await server.reloader.changed() for _ in range(2)][1]

    for file, old, new, told in (
        (desk, "version: 1", "version: 1\ntitle: Desk", "desk: title"),
        (overlay, "pipeline:", "turns: {confirm: 1s}\npipeline:", "desk: turns"),
        (boxes, "0.5", "0.7", "desk: vad_gate.threshold 0.5 -> 0.7"),
        (prompt, "kind", "quick", "desk: gemini_live.instructions for new calls"),
        (folder / "hello.txt", "Hello", "Hi", "desk: gemini_live.greeting for new calls"),
        (folder / "tools.py", "late", "early", "desk: tools.py for new calls"),
        (folder / "box.py", "return None", "return", "desk: box.py for new calls"),
        (folder / "brain.yaml", "say: hi", "say: good day", "desk: simulator"),
    ):
        assert not asyncio.run(changed()), file
        edit(file, old, new)
        assert asyncio.run(changed()), file
        assert reload(server, capsys) == f"reloaded: {told}\n"
    assert reload(server, capsys) == "reloaded: nothing has changed\n"


def test_what_is_wrong_changes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every kind of fault is rendered with its place, and mending it is noticed; the way back is no change."""
    desk = folder / "desk.yaml"
    server = serve(desk)
    plan = server.prepared[0].plan
    for file, old, new, words in (
        (desk, "0.5", "5", "LG203"),
        (desk, "webrtc_out", "webrtc_uot", "LG110"),
        (desk, "version: 1", "version: [", "LG0"),
        (desk, "./tools.py", "./tulips.py", "LG209"),
        (desk, "webrtc_in", "file_in: {path: ./tools.py}", "no webrtc_in"),
        (folder / "tools.py", "return", "retrun", "LG111"),
        (folder / "brain.yaml", "say:", "sya:", "brain.yaml:4:5"),
    ):
        edit(file, old, new)
        said = reload(server, capsys)
        assert words in said
        assert said.endswith("not reloaded: desk.yaml; what it gave before stays\n")
        assert server.prepared[0].plan is plan
        assert not asyncio.run(server.reloader.changed()), "it is said once"
        edit(file, new, old)
        assert [asyncio.run(server.reloader.changed()) for _ in range(2)] == [False, True]
        assert reload(server, capsys) == "reloaded: nothing has changed\n"
        plan = server.prepared[0].plan


def test_a_file_that_is_gone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Is a fault, and what it gave stays; so does the tool that a broken file had."""
    desk, tools = folder / "desk.yaml", folder / "tools.py"
    server = serve(desk)
    for file in (desk, tools):
        text = file.read_text()
        file.unlink()
        said = reload(server, capsys)
        assert "not reloaded: " in said and file.name in said
        assert server.names == ["desk"]
        file.write_text(text)
        assert [asyncio.run(server.reloader.changed()) for _ in range(2)] == [False, True]
        assert reload(server, capsys) == "reloaded: nothing has changed\n"


def test_agents_of_a_folder_come_and_go(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """New, gone, renamed; a faulty one keeps none of the others from changing."""
    agents = folder / "agents"
    agents.mkdir()
    for name in ("anna", "bert"):
        (agents / f"{name}.yaml").write_text(ECHO)
    server = serve(agents)
    assert server.names == ["anna", "bert"]
    (agents / "carl.yaml").write_text(ECHO)
    assert reload(server, capsys) == "reloaded: carl is new\n"
    (agents / "anna.yaml").rename(agents / "zoe.yaml")
    server.running = {"anna": Running(kept=2), "bert": Running(tuned=1)}
    assert reload(server, capsys) == "reloaded: zoe is new; anna is gone (2 running calls go on)\n"
    assert server.names == ["bert", "carl", "zoe"]
    server.running = {}
    edit(agents / "bert.yaml", "-6", "loud")
    edit(agents / "carl.yaml", "-6", "-3")
    (agents / "dora.yaml").write_text("version: 1\npipeline: []\n")
    said = reload(server, capsys)
    assert "LG205" in said or "LG202" in said
    assert "not reloaded: bert.yaml, dora.yaml; what it gave before stays\n" in said
    assert said.endswith("reloaded: carl: gain.db -6.0 -> -3.0\n")
    assert server.names == ["bert", "carl", "zoe"]
    assert server.option("bert", "gain", "db") == -6
    (agents / "bert.yaml").unlink()
    assert "reloaded: bert is gone\n" in reload(server, capsys)
    for file in agents.iterdir():
        file.unlink()
    said = reload(server, capsys)
    assert "there is no agent file in" in said
    assert said.endswith("not reloaded: everything stays as it was\n")
    assert server.names == ["carl", "zoe"]


def test_agents_of_one_file_come_and_go(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As those of a folder; but the file is right or wrong as a whole."""
    file = folder / "all.yaml"
    body = "pipeline: [webrtc_in, {gain: {db: -6}}, webrtc_out]"
    file.write_text(f"version: 1\nagents:\n  one:\n    {body}\n  two:\n    {body}\n")
    server = serve(file)
    assert server.names == ["one", "two"]
    edit(file, "  two:", "  three:")
    assert reload(server, capsys) == "reloaded: three is new; two is gone\n"
    edit(
        file,
        "three:\n    pipeline: [webrtc_in, {gain: {db: -6}}",
        "four:\n    pipeline: [webrtc_in, {gain: {db: x}}",
    )
    assert "not reloaded: all.yaml" in reload(server, capsys)
    assert server.names == ["one", "three"]


def test_two_agents_of_one_name_change_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither is known to be the right one."""
    agents = folder / "agents"
    agents.mkdir()
    (agents / "anna.yaml").write_text(ECHO)
    (agents / "bert.yaml").write_text(ECHO)
    server = serve(agents)
    edit(agents / "anna.yaml", "-6", "-3")
    edit(agents / "bert.yaml", "version: 1\n", "version: 1\nname: anna\n")
    said = reload(server, capsys)
    assert "two agents are called `anna`" in said
    assert said.endswith("not reloaded: everything stays as it was\n")
    assert server.exchanges == 0
    edit(agents / "bert.yaml", "name: anna\n", "")
    assert reload(server, capsys) == "reloaded: anna: gain.db -6.0 -> -3.0\n"


def test_running_calls_are_counted(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Who took it, who could not, who was not even on the plan before."""
    server = serve(folder / "desk.yaml")
    for old, new, running, told in (
        ("0.5", "0.6", Running(1, 0), "vad_gate.threshold 0.5 -> 0.6 (1 running call took it)"),
        ("Kore", "Puck", Running(0, 1), "gemini_live.voice for new calls (1 running call keeps its plan)"),
        ("0.6", "0.7", Running(3, 2), "vad_gate.threshold 0.6 -> 0.7 (3 running calls took it) "
                                      "(2 running calls keep older plans)"),
        ("{threshold: 0.7", "{detector: energy, threshold: 0.8", Running(0, 5),
         "vad_gate.detector, vad_gate.threshold 0.7 -> 0.8 for new calls (5 running calls keep theirs)"),
    ):  # fmt: skip
        server.running = {"desk": running}
        edit(folder / "desk.yaml", old, new)
        assert reload(server, capsys) == f"reloaded: desk: {told}\n"


def test_warnings_are_said_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Not with every change of something else."""
    desk = folder / "desk.yaml"
    edit(desk, "version: 1\n", "")
    server = serve(desk)
    edit(desk, "0.5", "0.6")
    assert reload(server, capsys) == "reloaded: desk: vad_gate.threshold 0.5 -> 0.6\n"
    desk.write_text("version: 1\n" + desk.read_text())
    assert reload(server, capsys) == "reloaded: nothing has changed\n"
    edit(desk, "version: 1\n", "")
    assert "LG105" in reload(server, capsys)


def test_a_tool_that_ends_the_program_is_a_fault(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of its file, and of nobody else."""
    server = serve(folder / "desk.yaml")
    (folder / "tools.py").write_text("raise SystemExit(3)\n")
    said = reload(server, capsys)
    assert "SystemExit: 3" in said and "not reloaded: desk.yaml" in said


def test_the_first_fault_at_the_start_is_raised(folder: Path) -> None:
    """There is nothing good yet that could stay."""
    with pytest.raises(NotFoundError, match="there is no agent `nobody`"):
        read_sources(Chosen(("nobody",), Layers()), Live.LOCAL, Terminal())


def test_files_that_are_not_read_in_time_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A file that is imported and never comes to its end is left to itself; the next reload is as any."""
    agent = tmp_path / "desk.yaml"
    agent.write_text(AGENT)
    (tmp_path / "brain.yaml").write_text(BRAIN)
    (tmp_path / "tools.py").write_text(TOOLS)
    server = Server(Chosen([str(agent)], Layers()))
    go_on = tmp_path / "go_on"
    waits = (
        f"import time\nfrom pathlib import Path\nwhile not Path({str(go_on)!r}).exists(): time.sleep(0.05)\n"
    )

    async def run() -> None:
        (tmp_path / "tools.py").write_text(waits + TOOLS)
        with monkeypatch.context() as patch:
            patch.setattr(reloading, "_READ_WITHIN_S", 0.3)
            await server.reloader.reload()
        assert server.exchanges == 0
        assert "not reloaded: the files were not read" in capfd.readouterr().err
        (tmp_path / "tools.py").write_text(TOOLS.replace("late", "early"))
        await server.reloader.reload()
        assert server.exchanges == 1
        go_on.touch()

    asyncio.run(run())


def test_a_reload_that_hangs_keeps_no_server_from_ending() -> None:
    """Whoever ends it meanwhile is heard at once; files that are asked for meanwhile are read afterwards."""

    async def run() -> None:
        bell, ended, began = _Bell(), False, asyncio.Event()

        async def hang() -> None:
            began.set()
            await asyncio.sleep(3600)

        waiting = asyncio.create_task(_unless_over(hang(), bell, lambda: ended))
        await began.wait()
        bell.ring_for_reload()
        await asyncio.sleep(0)
        assert not waiting.done()
        ended = True
        bell.ring()
        await asyncio.wait_for(waiting, 10)
        assert await asyncio.wait_for(bell.wait(None), 10)

    asyncio.run(run())
