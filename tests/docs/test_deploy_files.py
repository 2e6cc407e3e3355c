"""What `deploy/` has works as it stands: the image's steps, the composition, the unit."""

from __future__ import annotations

import configparser
import fnmatch
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from livegraph.cli.serving import _DEFAULT_DRAIN_NS
from livegraph.language.server_section import ServerSection
from livegraph.pipeline.units import SECOND

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
DOCKER = DEPLOY / "docker"


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's, in order."""
    text = re.sub(r"^#.*\n", "", (DOCKER / "Dockerfile").read_text("utf-8"), flags=re.MULTILINE)
    text = text.replace("\\\n", " ")
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in text.splitlines() if line.strip()]


def stage(number: int) -> list[tuple[str, str]]:
    """The instructions of one stage, without its FROM."""
    starts = [index for index, (word, _) in enumerate(instructions()) if word == "FROM"]
    ends = [*starts[1:], len(instructions())]
    return instructions()[starts[number] + 1 : ends[number]]


def image() -> dict[str, str]:
    """What the last stage says, by its word; the environment is apart."""
    return dict(stage(-1))


def environment() -> dict[str, str]:
    """The variables of the image."""
    return dict(value.split("=", 1) for word, value in stage(-1) if word == "ENV")


def settings() -> set[str]:
    """The variables that the server reads."""
    return {f"LIVEGRAPH_{field.upper()}" for field in ServerSection.__dataclass_fields__}


def composition() -> dict[str, Any]:
    """The compose file."""
    read: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text("utf-8"))
    return read


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _matches(inside: Path, name: str, pattern: str) -> bool:
    """Whether a pattern of .dockerignore means it: one without ``**/`` is for the top only."""
    if pattern.startswith("**/"):
        return fnmatch.fnmatch(name, pattern.removeprefix("**/"))
    return inside == Path() and fnmatch.fnmatch(name, pattern)


def sent(folder: Path) -> Path:
    """The repository as it is sent to the builder of the image."""
    left_out = [line for line in (ROOT / ".dockerignore").read_text("utf-8").split() if line]

    def ignored(path: str, names: list[str]) -> set[str]:
        inside = Path(path).relative_to(ROOT)
        return {name for name in names for pattern in left_out if _matches(inside, name, pattern)}

    return Path(shutil.copytree(ROOT, folder / "src", ignore=ignored, symlinks=True))


def packages_here() -> str:
    """Where the packages are that are installed here, without the links to this checkout."""
    return os.pathsep.join(path for path in sys.path if path.endswith("site-packages"))


def installed(folder: Path) -> Path:
    """The first stage: an environment with the package in it, beside what is installed here already."""
    python = folder / "opt" / "bin" / "python"
    assert [value for word, value in stage(0) if word == "RUN"] == [
        "python -m venv /opt/livegraph",
        '/opt/livegraph/bin/pip install --no-cache-dir "/src[otel,mcp]"',
    ]
    subprocess.run([sys.executable, "-m", "venv", str(folder / "opt")], check=True, timeout=120)
    command = [
        str(python),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        str(sent(folder)),
    ]
    subprocess.run(command, check=True, timeout=300, env={**os.environ, "PYTHONPATH": packages_here()})
    return python


def test_the_steps_of_the_image_make_a_server_that_is_healthy_and_ends_in_order(tmp_path: Path) -> None:
    """Followed in an empty folder: install, start, ask its health as the image does, and stop as docker does."""
    python = installed(tmp_path)
    port, admin, media = free_port(), free_port(), free_port()
    given = {
        **environment(),
        "LIVEGRAPH_HOST": "127.0.0.1",
        "LIVEGRAPH_PORT": str(port),
        "LIVEGRAPH_ADMIN": f"127.0.0.1:{admin}",
        "LIVEGRAPH_UDP_PORT": str(media),
        "PATH": f"{python.parent}:{os.environ['PATH']}",
        "PYTHONPATH": packages_here(),
        "HOME": str(tmp_path),
    }
    command = [*json.loads(image()["ENTRYPOINT"]), *json.loads(image()["CMD"])]
    command[0] = str(python.parent / command[0])
    health = json.loads(image()["HEALTHCHECK"].split("CMD", 1)[1])
    health = [str(python), *(part.replace(":8080", f":{port}") for part in health[1:])]
    data = tmp_path / "data"
    data.mkdir()
    with subprocess.Popen(command, cwd=data, env=given, stdout=subprocess.DEVNULL) as server:
        try:
            until_s = time.monotonic() + 60
            while subprocess.run(health, env=given, capture_output=True, check=False).returncode:
                assert server.poll() is None, "it has ended"
                assert time.monotonic() < until_s, "it is not healthy"
                time.sleep(0.3)
            server.send_signal(getattr(signal, image()["STOPSIGNAL"]))
            assert server.wait(30) == 0
        finally:
            server.kill()


def test_the_image_says_what_it_is() -> None:
    """Not as root, with a health check, its ports those of its settings, and every setting one that there is."""
    variables = environment()
    assert {name for name in variables if name.startswith("LIVEGRAPH_")} <= settings()
    assert image()["USER"] not in ("root", "0")
    exposed = image()["EXPOSE"].split()
    media = variables["LIVEGRAPH_UDP_PORT"]
    assert exposed == [variables["LIVEGRAPH_PORT"], f"{media}/udp", f"{media}/tcp"]
    assert "/healthz" in image()["HEALTHCHECK"]
    assert all("slim" in value for word, value in instructions() if word == "FROM")


def test_the_composition_fits_the_image_and_its_own_files() -> None:
    """Ports, settings, files and secrets that it names are there; what only the user knows is in example.env."""
    services = composition()["services"]
    voice, variables = services["voice"], environment()
    assert {name for name in voice["environment"] if name.startswith("LIVEGRAPH_")} <= settings()
    assert [port.rpartition(":")[2] for port in voice["ports"]] == [
        variables["LIVEGRAPH_PORT"],
        f"{variables['LIVEGRAPH_UDP_PORT']}/udp",
        f"{variables['LIVEGRAPH_UDP_PORT']}/tcp",
    ]
    assert (
        DOCKER / voice["build"]["context"] / voice["build"]["dockerfile"]
    ).resolve() == DOCKER / "Dockerfile"
    asked = set(re.findall(r"\$\{(\w+)", (DOCKER / "compose.yaml").read_text("utf-8")))
    told = set(re.findall(r"^(\w+)=", (DOCKER / "example.env").read_text("utf-8"), re.MULTILINE))
    assert asked == told
    made_by_the_user = {"./agents", "./secrets/ticket", "./secrets/turn"}
    mounted = [each for service in services.values() for each in service.get("volumes", ())]
    files = {each.split(":")[0] for each in mounted if each.startswith(".")}
    files |= {secret["file"] for secret in composition()["secrets"].values()}
    assert made_by_the_user <= files
    assert [file for file in files - made_by_the_user if not (DOCKER / file).exists()] == []
    named = {each.split(":")[0] for each in mounted if not each.startswith(".")}
    assert named == set(composition()["volumes"])
    secrets = {f"/run/secrets/{name}" for name in voice["secrets"]}
    assert {value for value in voice["environment"].values() if value.startswith("/run/")} == secrets


def test_docker_waits_as_long_as_the_server_drains() -> None:
    """And systemd does."""
    drain_s = _DEFAULT_DRAIN_NS / SECOND
    assert int(composition()["services"]["voice"]["stop_grace_period"].removesuffix("s")) > drain_s
    assert int(unit()["Service"]["TimeoutStopSec"]) > drain_s


def test_prometheus_asks_where_the_server_tells() -> None:
    """And Grafana shows the board of this repository from that Prometheus; the admin port is not published."""
    (scraped,) = yaml.safe_load((DOCKER / "prometheus.yaml").read_text("utf-8"))["scrape_configs"]
    admin_port = environment()["LIVEGRAPH_ADMIN"].rpartition(":")[2]
    assert scraped["static_configs"] == [{"targets": [f"voice:{admin_port}"]}]
    services = composition()["services"]
    assert not any(admin_port in port for service in services.values() for port in service.get("ports", ()))
    (source,) = yaml.safe_load((DOCKER / "grafana-sources.yaml").read_text("utf-8"))["datasources"]
    assert source["url"] == "http://prometheus:9090"
    (boards,) = yaml.safe_load((DOCKER / "grafana-boards.yaml").read_text("utf-8"))["providers"]
    where = {each.split(":")[1]: each.split(":")[0] for each in services["grafana"]["volumes"]}
    assert list((DOCKER / where[boards["options"]["path"]]).glob("*.json"))


def unit() -> configparser.ConfigParser:
    """The unit of systemd."""
    read = configparser.ConfigParser(strict=True, interpolation=None)
    read.optionxform = str  # type: ignore[assignment,method-assign]
    read.read_string((DEPLOY / "systemd/livegraph.service").read_text("utf-8"))
    return read


def test_the_unit_of_the_page_is_the_file() -> None:
    """Whoever copies either has the same; its environment file sets what the server reads."""
    page = (ROOT / "docs/deploying.md").read_text("utf-8")
    block = re.search(r"^```ini\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert block
    assert block[1].strip() == (DEPLOY / "systemd/livegraph.service").read_text("utf-8").strip()
    text = (DEPLOY / "systemd/environment.example").read_text("utf-8")
    names = set(re.findall(r"^(\w+)=", text, re.MULTILINE))
    assert {name for name in names if name.startswith("LIVEGRAPH_")} <= settings()


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    """Where systemd is installed it finds nothing to say."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed")
    text = (DEPLOY / "systemd/livegraph.service").read_text("utf-8")
    file = tmp_path / "livegraph.service"
    file.write_text(text.replace("/opt/livegraph/bin/livegraph", sys.executable))
    done = subprocess.run(
        ["systemd-analyze", "verify", str(file)], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
