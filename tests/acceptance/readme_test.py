"""The commands of the documentation work: each is run as it is written, or by a script that CI runs, or says that only AWS can answer it."""

import ast
import contextlib
import json
import re
import shlex
import subprocess
import tempfile
import unittest
from pathlib import Path

import samcli.commands.build.command
import samcli.commands.delete.command
import samcli.commands.deploy.command
import samcli.commands.local.invoke.cli
import samcli.commands.local.start_lambda.cli
from moto.events.models import EventPattern

import readme
from resolved import PLAYBOOKS, ROOT, Resolved
from stand_ins import DELIVERY_STREAM, STACK, stand_ins

# What a command begins with, and the scripts of which one runs it.
ELSEWHERE = {
    "cargo test": "xtask/src/fresh.rs",
    "cargo playbook serve": "tests/acceptance/*",
    "sam build": "xtask/src/acceptance.rs",
    "sam validate": "xtask/src/acceptance.rs",
    "sam local": "tests/acceptance/*",
    "cargo xtask ci": ".ci/run",
}
# Its steps are listed by itself; this test is a part of one. They may have other options on a page than in the gate: without
# --check, the benchmark takes ten minutes and writes docs/performance.md.
STEP = re.compile(r"cargo xtask [a-z]+")
# Writes what the tests of the gate compare; it would hide a page that is behind.
WRITES = "cargo xtask docs"
SAM = {
    "build": samcli.commands.build.command.cli,
    "delete": samcli.commands.delete.command.cli,
    "deploy": samcli.commands.deploy.command.cli,
    "local invoke": samcli.commands.local.invoke.cli.cli,
    "local start-lambda": samcli.commands.local.start_lambda.cli.cli,
}
API_KEY = "jca_from_key_txt"


def parts(command):
    return [part.strip(" &") for part in command.split(" && ")]


def elsewhere(command):
    """The start of a command that this test does not run."""
    start = next((start for start in ELSEWHERE if f"{command} ".startswith(f"{start} ")), None)
    step = STEP.match(command)
    return start or (step and step[0])


def steps():
    """The commands that the gate runs."""
    listed = subprocess.run(["cargo", "xtask", "ci", "--list"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return listed.stdout.splitlines()


def run_by(script):
    """The commands of a script: a line each of a shell's, the words of each statement of Rust's, of each list or call of Python's."""
    if script.suffix == ".rs":
        return [" ".join(re.findall(r'"([^"]*)"', statement)) for statement in script.read_text().split(";")]
    if script.suffix != ".py":
        lines = [line.strip() for line in script.read_text().splitlines()]
        return [line.removeprefix("exec ").replace(" --locked ", " ") for line in lines if not line.startswith("#")]
    lists = [getattr(node, "elts", getattr(node, "args", None)) for node in ast.walk(ast.parse(script.read_text()))]
    return [
        " ".join(word.value for word in words if isinstance(word, ast.Constant) and isinstance(word.value, str))
        for words in lists
        if isinstance(words, list)
    ]


def sam_arguments(command):
    """What SAM's own parser makes of the command, as the shell hands it over."""
    ((name, parser),) = [(name, parser) for name, parser in SAM.items() if f"{command} ".startswith(f"sam {name} ")]
    with contextlib.chdir(ROOT):
        return parser.make_context(name, shlex.split(command)[1 + len(name.split()) :]).params


def agrees(shown, answered):
    """Whether an answer is what a page shows of it: `...` stands for any text, and times differ."""
    match shown:
        case dict():
            return all(agrees(value, answered.get(name)) for name, value in shown.items() if name != "duration_ms")
        case list():
            return len(shown) == len(answered) and all(map(agrees, shown, answered))
        case str():
            return re.fullmatch(".*".join(map(re.escape, shown.split("..."))), answered, re.DOTALL) is not None
    return shown == answered


class Documented(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.blocks = readme.blocks(readme.text())
        cls.env, client, cls.example = cls.enterClassContext(stand_ins())
        cls.client = staticmethod(client)
        # Where a reader would have the key in a file.
        cls.folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        (cls.folder / "key.txt").write_text(API_KEY)
        (cls.folder / "tests").symlink_to(ROOT / "tests")
        everything = [command for block in cls.blocks for command in block.commands]
        cls.functions = "\n".join(command for command in everything if re.match(r"\w+\(\) \{", command))
        cls.runs = [(block, cls.run_block(block)) for block in cls.blocks if not block.marked]

    @classmethod
    def run_block(cls, block):
        """The block's commands that no other script runs, in one shell."""
        script = "\n".join(command for command in block.commands if not all(map(elsewhere, parts(command))))
        return cls.shell(script)

    @classmethod
    def shell(cls, script):
        # Invoke API's stand-in runs functions; what sets them up is moto's.
        about_setup = re.search(r"function-concurrency|event-source-mapping", script)
        env = {name: value for name, value in cls.env.items() if name != "AWS_ENDPOINT_URL_LAMBDA" or not about_setup}
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", f"{cls.functions}\n{script}"],
            cwd=ROOT if re.search(r"\bcargo ", script) else cls.folder,
            env=env | {"PIP_NO_INDEX": "1"},  # what the pages install is what this runs with
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )

    def answer(self, command):
        """What a block printed in which this command is."""
        (printed,) = [run.stdout for block, run in self.runs if any(line.startswith(command) for line in block.commands)]
        return printed

    def test_every_command_succeeds_as_it_is_written(self):
        for block, run in self.runs:
            with self.subTest(block.commands):
                self.assertEqual(run.returncode, 0, run.stderr)

    def test_a_script_runs_every_other_command(self):
        commands = {part for block in self.blocks for command in block.commands for part in parts(command)}
        listed = steps()
        for start in sorted({elsewhere(command) for command in commands} - {None, WRITES}):
            where = ELSEWHERE.get(start, "the gate")
            scripts = [path for path in ROOT.glob(where) if path.is_file() and path.suffix in ("", ".py", ".rs")]
            run = [command for script in scripts for command in run_by(script)] if start in ELSEWHERE else listed
            self.assertTrue(any(f"{command} ".startswith(f"{start} ") for command in run), f"{where} does not run `{start}`")

    def test_only_deploying_and_deleting_is_left_to_aws(self):
        left = {part for block in self.blocks if block.marked for command in block.commands for part in parts(command)}
        for command in left:
            self.assertRegex(command, r"^sam (build|deploy|delete)\b")

    def test_sam_takes_the_arguments_of_its_commands(self):
        declared = Resolved().source["Parameters"]
        commands = [part for block in self.blocks for command in block.commands for part in parts(command)]
        for command in (command for command in commands if command.startswith("sam ")):
            for name, value in sam_arguments(command).get("parameter_overrides", {}).items():
                self.assertIn(value, declared[name].get("AllowedValues", [value]), command)

    def test_the_pattern_reaches_cloudformation_and_selects_by_severity(self):
        (command,) = [line for block in self.blocks for line in block.commands if "EventPattern=" in line]
        pattern = EventPattern.load(sam_arguments(command)["parameter_overrides"]["EventPattern"])
        event = json.loads((ROOT / "tests/events/guardduty-user.json").read_text())
        for severity, selected in ((8, True), (7, True), (6.9, False)):
            event["detail"]["severity"] = severity
            self.assertEqual(pattern.matches_event(event), selected, severity)

    def test_payloads_mean_the_same_to_both_versions_of_the_aws_cli(self):
        # Version 1, which runs here, sends text as it is; version 2 takes it for base64. Both send a file of `fileb://` as it is.
        for command in (command for block in self.blocks for command in block.commands if "--payload" in command):
            self.assertIn("--payload fileb://", command)

    def test_the_key_is_in_the_secret_and_both_topics_have_a_subscriber(self):
        output = {name: self.shell(f"output {name}").stdout.strip() for name in ("SecretId", "Notifications", "Approvals")}
        secret = self.client("secretsmanager").get_secret_value(SecretId=output["SecretId"])
        self.assertEqual(secret["SecretString"], API_KEY)
        subscribed = {subscription["TopicArn"] for subscription in self.client("sns").list_subscriptions()["Subscriptions"]}
        self.assertEqual(subscribed, {output["Notifications"], output["Approvals"]})

    def test_the_first_invocation_answers_with_an_outcome(self):
        self.assertIn('"status":"succeeded"', self.answer('aws lambda invoke --function-name "$(output EnrichUser)"').replace(" ", ""))

    def test_the_example_of_cargo_playbook_serve_invokes_a_function(self):
        run = self.shell(self.example)
        self.assertIn('"playbook":"disable-user"', run.stdout.replace(" ", ""), run.stderr)

    def test_a_workflow_gets_the_input_that_it_reads_and_no_name_that_is_used_up(self):
        execution = json.loads(self.answer("aws stepfunctions start-execution"))["executionArn"]
        started = self.client("stepfunctions").describe_execution(executionArn=execution)
        self.assertRegex(started["name"], "^[0-9a-f-]{36}$")
        definition = (ROOT / "workflows/contain-user.asl.json").read_text()
        for name in json.loads(started["input"]):
            self.assertRegex(definition, rf"\b{name}\b")

    def stop_and_undo(self):
        return [block for block in self.blocks if any("function-concurrency" in command for command in block.commands)]

    def set_up(self):
        """Concurrency of each function that changes something, the states of rule and mapping, and the running executions."""
        functions, rules, workflows = self.client("lambda"), self.client("events"), self.client("stepfunctions")
        changing = [f"{STACK}-{playbook['name']}" for playbook in PLAYBOOKS if playbook["changes"]]
        concurrency = {functions.get_function_concurrency(FunctionName=name).get("ReservedConcurrentExecutions") for name in changing}
        (mapping,) = functions.list_event_source_mappings()["EventSourceMappings"]
        machines = [machine["stateMachineArn"] for machine in workflows.list_state_machines()["stateMachines"]]
        running = sum(len(workflows.list_executions(stateMachineArn=arn, statusFilter="RUNNING")["executions"]) for arn in machines)
        return concurrency, rules.describe_rule(Name=f"{STACK}-alerts")["State"], mapping["State"], running

    def test_everything_is_stopped_without_the_switch_and_comes_back(self):
        stop, undo = self.stop_and_undo()
        self.assertEqual(self.run_block(stop).returncode, 0)
        self.assertEqual(self.set_up(), ({0}, "DISABLED", "Disabled", 0))
        self.assertEqual(self.run_block(undo).returncode, 0)
        self.assertEqual(self.set_up(), ({None}, "ENABLED", "Enabled", 0))

    def test_the_ticket_in_the_readme_is_what_the_first_command_gives(self):
        (shown,) = re.findall(r"<!-- the markdown of the command above -->\n+```markdown\n(.*?)```", readme.text(), re.DOTALL)
        run = self.shell("""cargo playbook disable-user '{"username":"jsmith"}'""")
        self.assertTrue(agrees(shown.strip(), json.loads(run.stdout)["markdown"].strip()), run.stdout)

    def test_the_audit_record_of_each_changing_playbook_is_exported(self):
        logs = self.client("logs")
        for playbook in [playbook["name"] for playbook in PLAYBOOKS if playbook["changes"]] + ["guard-rails"]:
            group = f"/aws/lambda/{STACK}-{playbook}"
            (filtered,) = logs.describe_subscription_filters(logGroupName=group)["subscriptionFilters"]
            self.assertEqual(filtered["filterPattern"], '{ $.audit.playbook = "*" }')
            self.assertTrue(filtered["destinationArn"].endswith(f":deliverystream/{DELIVERY_STREAM}"))
            self.assertTrue(filtered.get("roleArn"), "CloudWatch Logs writes to Firehose with a role only")

    def test_answers_and_summaries_are_what_the_pages_show(self):
        shown = [(json.loads(block.output), json.loads(run.stdout)) for block, run in self.runs if block.output]
        self.assertTrue(shown)
        for expected, answer in shown:
            self.assertTrue(agrees(expected, answer), json.dumps(answer, indent=2))
        examples = readme.examples(readme.text())
        self.assertEqual(len(examples), 5)
        for playbook, event, summary in examples:
            run = self.shell(shlex.join(["cargo", "playbook", playbook, event]))
            self.assertTrue(json.loads(run.stdout)["summary"].startswith(summary), run.stdout)


if __name__ == "__main__":
    unittest.main()
