"""The npm package as its users get it: what is packed, and what TypeScript makes of its types and the React example."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from support.judges import Unavailable
from support.node_packages import install_packages, missing, node

pytestmark = pytest.mark.timeout(300)

ROOT = Path(__file__).resolve().parents[2]
CLIENT = ROOT / "client"
TYPES = ("typescript@5.9", "@types/react@19", "@types/react-dom@19")

USER = """
import { Call, CallProblem, asProblem, label, listDevices, speak, words, Phase } from "livegraph-client";
import type { CallOptions, LivegraphCall, Transcript } from "livegraph-client";
import { FromServer } from "livegraph-client/protocol.js";
import type { Ready, ToolCall } from "livegraph-client/protocol.js";

const options: CallOptions = {
  agent: "desk",
  inputs: { caller: "Ann", guests: 2 },
  transport: "auto",
  tools: { show_map: async (args, call) => ({ shown: args.city, muted: call.muted }) },
};
const call = new Call(options);
const stop: () => void = call.on("transcript", (said: Transcript) => console.log(said.role, said.text, said.final));
call.on("state", ({ state, phase }) => phase === Phase.LIVE && state.toUpperCase());
call.on("ended", ({ problem, reason }) => {
  const told: CallProblem | null = problem;
  if (told?.code === "microphone_revoked") console.log(told.title, told.remedy, told.retryAfter, reason);
});
call.on("sound_blocked", () => void call.play());
call.on("microphone_back", () => stop());
await call.start({ audio: { deviceId: (await listDevices("microphone"))[0]?.id }, video: "camera" });
await call.start({ audio: new MediaStream(), resume: call.leave() });
const went: boolean = call.send("Hello");
const element = document.querySelector("livegraph-call") as LivegraphCall;
element.tools = options.tools;
const language: "en" | "de" | "ar" = speak("de");
const ready = {} as Ready;
const used = {} as ToolCall;
console.log(went, language, label("call"), words().states.idle[0], asProblem(new Error()).kind);
console.log(FromServer.READY, ready.live, used.name);

// @ts-expect-error no such event
call.on("nothing", () => {});
// @ts-expect-error no such way
new Call({ transport: "pigeon" });
// @ts-expect-error read only
call.live = "";
// @ts-expect-error a problem has one of the known codes
new CallProblem("whatever");
"""


def run(command: list[str | Path], folder: Path) -> str:
    """What it prints; it must succeed."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as ``npm pack`` makes it, unpacked where programs find it."""
    try:
        node()
    except Unavailable as why:
        missing(str(why))
    folder = tmp_path_factory.mktemp("user")
    told = run(["npm", "pack", CLIENT, "--json", "--pack-destination", folder, "--loglevel", "error"], folder)
    with tarfile.open(folder / json.loads(told)[0]["filename"]) as archive:
        archive.extractall(folder / "node_modules", filter="data")
    (folder / "node_modules" / "package").rename(folder / "node_modules" / "livegraph-client")
    return folder


def test_the_package_holds_the_library_and_nothing_else(packed: Path) -> None:
    """Every module, the types, the licence and the read-me, as they are here; and Node can load it."""
    home = packed / "node_modules" / "livegraph-client"
    files = {str(path.relative_to(home)): path.read_bytes() for path in home.rglob("*") if path.is_file()}
    assert files == {path.name: path.read_bytes() for path in CLIENT.iterdir() if path.is_file()}
    script = "const all = await import('livegraph-client'); console.log(typeof all.Call, typeof all.LivegraphCall);"
    assert run([node(), "--input-type=module", "-e", script], packed) == "function function\n"


@pytest.fixture(scope="module")
def compiler(request: pytest.FixtureRequest, packed: Path) -> Path:
    """TypeScript, with React's types beside the package."""
    cache: Path = request.config.cache.mkdir("node")
    try:
        home = install_packages("types", cache, *TYPES)
    except Unavailable as why:
        missing(str(why))
    for folder in ("@types", "csstype"):
        shutil.copytree(home / "node_modules" / folder, packed / "node_modules" / folder)
    return home / "node_modules" / "typescript" / "bin" / "tsc"


def test_a_program_in_typescript_sees_the_types(packed: Path, compiler: Path) -> None:
    """In the strictest mode, the library's own declarations too; what is wrong is an error."""
    (packed / "package.json").write_text('{"type": "module"}')
    (packed / "user.ts").write_text(USER)
    options = {
        **{
            "strict": True,
            # TypeScript's own declarations are no business of ours; the library's are checked.
            "skipDefaultLibCheck": True,
            "noEmit": True,
            "exactOptionalPropertyTypes": True,
            "noUncheckedIndexedAccess": True,
        },
        **{"target": "es2022", "lib": ["es2022", "dom", "dom.iterable"], "module": "nodenext", "types": []},
    }
    (packed / "tsconfig.json").write_text(json.dumps({"compilerOptions": options, "files": ["user.ts"]}))
    command: list[str | Path] = [node(), compiler, "--project", "."]
    run(command, packed)


def test_the_react_example_is_sound(packed: Path, compiler: Path) -> None:
    """TypeScript reads its JavaScript and finds no name that the library or React does not have."""
    shutil.copyfile(ROOT / "examples" / "react_page" / "app.jsx", packed / "app.jsx")
    command: list[str | Path] = [node(), compiler, "--allowJs", "--checkJs", "--noEmit", "--jsx", "react-jsx"]
    command += ["--target", "es2022", "--module", "esnext", "--moduleResolution", "bundler", "--skipLibCheck"]
    command.append("app.jsx")
    run(command, packed)
