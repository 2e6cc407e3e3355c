"""The files for Ray: they are read, and the commands in them are ones that our command line takes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from livegraph.cli.app import app
from livegraph.cli.clusters import read_resources

DEPLOY = Path(__file__).resolve().parents[2] / "deploy" / "ray"


def parsed(arguments: list[str]) -> dict[str, Any]:
    """The options as the command reads them, without running it."""
    command: Any = get_command(app)
    cluster = command.commands["cluster"]
    context = cluster.make_context("cluster", arguments, resilient_parsing=False)
    return dict(context.params)


def test_the_manifest_for_kubernetes() -> None:
    """Its probes, ports, secrets and the command of its head fit together."""
    cluster, service = yaml.safe_load_all((DEPLOY / "kuberay.yaml").read_text())
    assert (cluster["apiVersion"], cluster["kind"]) == ("ray.io/v1", "RayCluster")
    spec = cluster["spec"]
    head = spec["headGroupSpec"]["template"]
    containers = {each["name"]: each for each in head["spec"]["containers"]}
    front = containers["livegraph"]
    program, verb, *arguments = front["command"]
    assert (program, verb) == ("livegraph", "cluster")
    options = parsed(arguments)
    assert options["workers"] == "2"
    assert options["most_workers"] == 32
    wanted = read_resources(options["resources"], "--resources")
    assert wanted == {"CPU": 1.0, "udp": 1.0}
    ports = {port["name"]: port["containerPort"] for port in front["ports"]}
    assert options["port"] == ports["http"]
    assert front["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "http"}
    (calls,) = spec["workerGroupSpecs"]
    declared = yaml.safe_load(yaml.safe_load(calls["rayStartParams"]["resources"]))
    (worker,) = calls["template"]["spec"]["containers"]
    # As many workers as there are cores for, and as there are ports.
    assert declared["udp"] == int(worker["resources"]["limits"]["cpu"])
    assert calls["template"]["spec"]["hostNetwork"] is True
    variables = {each["name"] for each in worker["env"]}
    assert options["public_address_command"] == "printenv NODE_ADDRESS"
    assert {"NODE_ADDRESS", "GEMINI_API_KEY"} <= variables
    assert not any("value" in each for each in worker["env"])
    assert service["spec"]["selector"].items() <= head["metadata"]["labels"].items()


def test_the_service_for_ray_serve() -> None:
    """The arguments that it names fit to the command of the manifest, and its port is theirs."""
    text = (DEPLOY / "serve.yaml").read_text()
    line = re.search(r"# {3}(--ingress.*)", text)
    assert line is not None
    cluster, own = yaml.safe_load_all((DEPLOY / "kuberay.yaml").read_text())
    head = cluster["spec"]["headGroupSpec"]["template"]
    (front,) = (each for each in head["spec"]["containers"] if each["name"] == "livegraph")
    options = parsed([*front["command"][2:], *shlex.split(line[1])])
    assert (options["ingress"].value, options["replicas"]) == ("serve", 2)
    service = yaml.safe_load(text)
    assert service["spec"]["ports"][0]["targetPort"] == options["entry_port"]
    assert service["spec"]["selector"] == own["spec"]["selector"]
    assert service["metadata"]["name"] != own["metadata"]["name"]


def test_the_cluster_file() -> None:
    """Ray's own reader takes it, and the command in its last lines is one of ours."""
    text = (DEPLOY / "cluster.yaml").read_text()
    config = yaml.safe_load(text)
    assert config["provider"]["type"] == "local"
    line = re.search(r"# {3}(livegraph cluster .*?)\\\n#\s+(.*)", text)
    assert line is not None
    arguments = shlex.split(line[1] + line[2])[2:]
    assert parsed(arguments)["udp_port"] == 40_000
    validate = pytest.importorskip("ray.autoscaler._private.util", reason="Ray has no wheel for this Python")
    validate.validate_config(validate.prepare_config(config))
