"""What `sam build` made, run: under AWS's Runtime Interface Emulator, against the rehearsal tenant, with the secret in moto.

The artifacts are checked first: their glibc, and that panics unwind.
"""

import json
import os
import platform
import re
import shutil
import subprocess
import tempfile
import time
import urllib.request
from contextlib import ExitStack, contextmanager
from pathlib import Path
from socket import AF_INET, AF_UNIX, socket

import boto3
import samcli
from resolved import FUNCTIONS, ROOT, Resolved, resource_of

BUILT = ROOT / ".aws-sam" / "build"
API_KEY = "jca_rehearsal_0123456789abcdef"  # the tenant's
TABLE = "guard"
KEYS = {"region_name": "us-east-1", "aws_access_key_id": "x", "aws_secret_access_key": "x"}
AMAZON_LINUX_2023 = (2, 34)
# What a Rust panic that unwinds is marked with. A binary built with `abort` never raises one.
UNWINDING = b"MOZ\0RUST"

# Function: an event that succeeds with this status, and one that fails with this name.
CASES = {
    resource_of(function): (function["event"], function["status"], function["refused"], function["error"])
    for function in FUNCTIONS
}


def free_port():
    with socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextmanager
def process(command, **options):
    running = subprocess.Popen(command, stdin=subprocess.DEVNULL, **options)
    try:
        yield running
    finally:
        running.terminate()
        running.wait(timeout=10)


def post(url, body):
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.loads(response.read())


def wait_for(address, running):
    """Until somebody listens: on a port of loopback, or on a Unix socket's path."""
    family, address = (AF_INET, ("127.0.0.1", address)) if isinstance(address, int) else (AF_UNIX, str(address))
    end = time.monotonic() + 60
    while time.monotonic() < end and running.poll() is None:
        with socket(family) as probe:
            probe.settimeout(1)
            if probe.connect_ex(address) == 0:
                return
        time.sleep(0.05)
    raise SystemExit(f"{running.args[0]} does not listen on {address}")


def check_binary(binary):
    content = binary.read_bytes()
    versions = {tuple(map(int, version.split(b"."))) for version in re.findall(rb"GLIBC_(\d+\.\d+)\b", content)}
    newest = max(versions)
    assert newest <= AMAZON_LINUX_2023, f"{binary} needs glibc {newest}"
    if platform.machine() == "x86_64":  # elsewhere the mark is not in one piece
        assert UNWINDING in content, f"{binary} was built with panic=abort: see the release profile"
    return f"{len(content) / 1e6:.2f} MB, glibc {newest[0]}.{newest[1]}"


@contextmanager
def tenant():
    """The URL of a rehearsal tenant."""
    command = ["cargo", "playbook", "serve", "--port", "0"]
    with process(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as running:
        for line in running.stderr:
            if url := re.search(r"JUMPCLOUD_API_URL=(\S+)", line):
                yield url[1]
                return
        raise SystemExit("cargo playbook serve gave no tenant")


def create_guard_table(endpoint):
    """The template's table, as far as stand-ins know its properties, and a client for it."""
    properties = Resolved().resources["GuardTable"]["Properties"]
    client = boto3.client("dynamodb", endpoint_url=endpoint, **KEYS)
    known = ("AttributeDefinitions", "BillingMode", "KeySchema")
    client.create_table(TableName=TABLE, **{name: properties[name] for name in known})
    client.update_time_to_live(TableName=TABLE, TimeToLiveSpecification=properties["TimeToLiveSpecification"])
    return client


@contextmanager
def emulated(binary, folder, env):
    """Where the function is invoked that runs under AWS's Runtime Interface Emulator."""
    emulator = folder / "rie"
    if not emulator.exists():
        machine = {"x86_64": "x86_64", "aarch64": "arm64"}[platform.machine()]
        shutil.copy(Path(samcli.__file__).parent / "local/rapid" / f"aws-lambda-rie-{machine}", emulator)
        os.chmod(emulator, 0o700)  # packages do not keep the executable bit
    port, api = (f"127.0.0.1:{free_port()}" for _ in range(2))
    command = [emulator, "--runtime-interface-emulator-address", port, "--runtime-api-address", api, str(binary)]
    with process(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        wait_for(int(port.split(":")[1]), running)
        yield f"http://{port}/2015-03-31/functions/function/invocations"


def environment(endpoint, arn, url):
    """Of a function beside these stand-ins of AWS and JumpCloud."""
    return {
        "PATH": os.environ["PATH"],
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_LAMBDA_LOG_FORMAT": "JSON",
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": endpoint,
        "AWS_ENDPOINT_URL_DYNAMODB": endpoint,
        "GUARD_TABLE": TABLE,
        "JUMPCLOUD_SECRET_ID": arn,
        "JUMPCLOUD_API_URL": url,
    }


@contextmanager
def aws():
    """An endpoint of AWS, and the ARN of the secret in it."""
    port = free_port()
    with process(["moto_server", "-H", "127.0.0.1", "-p", str(port)], stderr=subprocess.DEVNULL) as running:
        wait_for(port, running)
        endpoint = f"http://127.0.0.1:{port}"
        client = boto3.client("secretsmanager", endpoint_url=endpoint, **KEYS)
        yield endpoint, client.create_secret(Name="jumpcloud", SecretString=API_KEY)["ARN"]


def main():
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(tenant())
        endpoint, arn = stack.enter_context(aws())
        create_guard_table(endpoint)
        for name, (good, status, bad, error) in CASES.items():
            binary = BUILT / f"{name}Function" / "bootstrap"
            facts = check_binary(binary)
            with emulated(binary, folder, environment(endpoint, arn, url)) as invoke:
                outcome, failure = post(invoke, good), post(invoke, bad)
            assert outcome.get("status") == status, f"{name}: {outcome}"
            assert failure.get("errorType") == error, f"{name}: {failure}"
            print(f"{name}: {facts}; {outcome['summary']} / {failure['errorType']}")


if __name__ == "__main__":
    main()
