"""The `sam local` lines of docs/deploying.md, run for every function in a container; `sam local start-lambda` through the AWS SDK.

usage: sam_local.py <root file system as tar> <empty folder>
The lines are read from the page. What stands in for its words on this machine is in `Page`.
"""

import json
import os
import platform
import re
import shlex
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import boto3
from resolved import FUNCTIONS, PLAYBOOKS, function_of
from run_artifacts import ROOT, process, wait_for

# What the page's line runs: function and event.
FIRST = ("DisableUserFunction", "tests/events/guardduty-user.json")
IMAGE = "public.ecr.aws/lambda/provided"
MACHINE = {"x86_64": "x86_64", "aarch64": "arm64"}[platform.machine()]
# The image is imported here, not pulled; `cargo xtask acceptance` builds for this machine.
SAM_OPTIONS = ["--skip-pull-image", "--parameter-overrides", f"Architecture={MACHINE}"]
CONTAINERS_CONF = """
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"] # the usual ones are more than a sandbox may grant
[engine]
runtime = "runc"
"""


class Page:
    """The commands of the section "Local"."""

    def __init__(self, gateway):
        text = (ROOT / "docs/deploying.md").read_text()
        self.section = re.search(r"^## Local$.*?(?=^## )", text, re.MULTILINE | re.DOTALL)[0]
        code = "\n".join(re.findall(r"^    (.*)", self.section, re.MULTILINE))
        self.lines = code.replace("\\\n", " ").splitlines()
        self.not_run = set(self.lines)
        # Podman's gateway for Docker's, and for the word that Debian's Podman does not know.
        self.stand_ins = {"172.17.0.1": gateway, "host-gateway": gateway}

    def command(self, start, changes=()):
        """The one command that starts so; `changes` are pairs of a text in it and what to put there."""
        [line] = [line for line in self.lines if line.startswith(start)]
        self.not_run.discard(line)
        for old, new in changes:
            assert old in line, f"{old} is not in the page's {line}"
            line = line.replace(old, new)
        for old, new in self.stand_ins.items():
            line = line.replace(old, new)
        return shlex.split(line.removesuffix("&"))


@contextmanager
def said(command, line_that_means_ready, env):
    """A running command, and what it said on stderr until it was ready."""
    with process(command, cwd=ROOT, env=env, stderr=subprocess.PIPE, text=True) as running:
        words = ""
        for line in running.stderr:
            words += line
            if line_that_means_ready in line:
                break
        else:
            raise SystemExit(f"{shlex.join(command)} ended: {words}")
        threading.Thread(target=lambda: [None for _ in running.stderr], daemon=True).start()
        yield words


@contextmanager
def podman(image, folder):
    """Podman with a storage of its own that knows the image: its socket and the gateway of its network."""
    conf, socket = folder / "containers.conf", folder / "podman.sock"
    conf.write_text(CONTAINERS_CONF)
    env = {**os.environ, "CONTAINERS_CONF": str(conf)}
    engine = ["podman", "--root", str(folder / "storage"), "--runroot", str(folder / "run")]

    def run(*arguments):
        return subprocess.run([*engine, *arguments], env=env, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()

    run("import", "--quiet", str(image), f"{IMAGE}:al2023")
    run("tag", f"{IMAGE}:al2023", f"{IMAGE}:al2023-{MACHINE}")
    try:
        # The gateway exists while a container runs.
        run("run", "--detach", f"{IMAGE}:al2023", "sleep", "infinity")
        gateway = run("network", "inspect", "podman", "--format", "{{(index .Subnets 0).Gateway}}")
        with process([*engine, "--log-level", "error", "system", "service", "--time", "0", f"unix://{socket}"], env=env) as service:
            wait_for(socket, service)
            yield f"unix://{socket}", gateway
    finally:
        run("rm", "--all", "--force", "--time", "0")  # all of this storage, so only what was started here


@contextmanager
def rehearsal(page, env):
    """A freshly seeded tenant, which containers reach."""
    with said(page.command("cargo playbook serve"), "Ready", env) as words:
        assert re.search("WARNING.* tenant 9002, Secrets Manager 9003, DynamoDB 9004", words), words
        yield


def cases(folder):
    """Function, file of its event and the outcome's status: the page's line, then every other function of the list."""
    yield *FIRST, "succeeded"
    for function in FUNCTIONS:
        if function_of(function) != FIRST[0]:
            event = folder / f"{function['name']}.json"
            event.write_text(json.dumps(function["event"]))
            yield function_of(function), str(event), function["status"]


def check(name, outcome, status):
    assert outcome.get("status") == status, f"{name}: {outcome}"
    has_target = outcome["playbook"] in [playbook["name"] for playbook in PLAYBOOKS]
    assert not has_target or outcome["target"]["id"], f"{name}: {outcome}"
    print(f"{name}: {outcome['summary']}")


def main():
    image, folder = map(Path, sys.argv[1:])
    with podman(image, folder) as (docker_host, gateway):
        page = Page(gateway)
        # Without the caller's AWS account: none of it goes into the containers, and SAM does not ask STS who it is.
        env = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        env |= {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_EC2_METADATA_DISABLED": "true"}
        env |= {"AWS_DEFAULT_REGION": "us-east-1", "DOCKER_HOST": docker_host}

        with rehearsal(page, env):
            for function, event, status in cases(folder):
                command = page.command("sam local invoke", list(zip(FIRST, (function, event)))) + SAM_OPTIONS
                run = subprocess.run(command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
                assert run.returncode == 0, f"{shlex.join(command)}: {run.stdout}{run.stderr}"
                check(f"sam local invoke {function}", json.loads(run.stdout.strip().splitlines()[-1]), status)

        command = page.command("sam local start-lambda") + SAM_OPTIONS
        endpoint = re.search(r"http://127\.0\.0\.1:\d+", page.section)[0]
        with rehearsal(page, env), said(command, f"Running on {endpoint}", env):
            client = boto3.client(
                "lambda", "us-east-1", endpoint_url=endpoint, aws_access_key_id="x", aws_secret_access_key="x"
            )
            for function, event, status in cases(folder):
                answer = client.invoke(FunctionName=function, Payload=(ROOT / event).read_bytes())
                assert "FunctionError" not in answer, f"{function}: {answer['Payload'].read()}"
                check(f"sam local start-lambda {function}", json.load(answer["Payload"]), status)
            answer = client.invoke(FunctionName="DisableUserFunction", Payload=b'{"username":"nobody"}')
            error = json.load(answer["Payload"])
            assert (answer.get("FunctionError"), error["errorType"]) == ("Unhandled", "UserNotFound"), (answer, error)
        assert not page.not_run, page.not_run


if __name__ == "__main__":
    main()
