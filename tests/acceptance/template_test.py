"""What template.yaml guarantees, whatever it looks like."""

import json
import re
import unittest

from resolved import ROOT, Resolved

ENRICH = ["EnrichHost", "EnrichUser"]
MUTATING = ["EnableUser", "DisableUser", "ResetPassword", "ShutdownHost"]
INTAKES = {"EventPlaybook": "disable-user", "TopicPlaybook": "enrich-user", "QueuePlaybook": "shutdown-host"}
XRAY = {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}


def listed(value):
    return value if isinstance(value, list) else [value]


def kebab(name):
    return re.sub(r"(?<!^)([A-Z])", r"-\1", name).lower()


def statements(stack, role):
    """What a role may do: its inline policies and the stack's managed ones."""
    properties = stack.resources[role]["Properties"]
    documents = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
    for arn in properties.get("ManagedPolicyArns", []):
        documents.append(stack.resources[arn["Ref"]]["Properties"]["PolicyDocument"])
    return [statement for document in documents for statement in listed(document["Statement"])]


class Template(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.default = Resolved()
        cls.with_intakes = Resolved(**INTAKES)
        cls.enrich_only = Resolved(EnableMutating="false")
        cls.stacks = [cls.default, cls.with_intakes, cls.enrich_only, Resolved(SecretArn="arn:aws:secretsmanager:s", SecretKmsKeyArn="arn:aws:kms:k")]

    def test_the_functions_are_the_six_playbooks(self):
        self.assertEqual(set(self.default.of_type("AWS::Lambda::Function")), {f"{name}Function" for name in ENRICH + MUTATING})

    def test_no_role_has_a_wildcard_resource(self):
        for stack in self.stacks:
            for role in stack.of_type("AWS::IAM::Role"):
                for statement in statements(stack, role):
                    self.assertEqual(statement["Effect"], "Allow")
                    actions = set(listed(statement["Action"]))
                    self.assertFalse({action for action in actions if "*" in action}, role)
                    for resource in listed(statement["Resource"]):
                        if resource == "*":  # X-Ray knows no resources
                            self.assertLessEqual(actions, XRAY, role)
                        elif isinstance(resource, dict) and "Fn::Sub" in resource:
                            self.assertRegex(json.dumps(resource), r":\$\{AWS::StackName\}-", role)

    def test_no_role_takes_a_policy_of_somebody_else(self):
        for stack in self.stacks:
            for name, role in stack.of_type("AWS::IAM::Role").items():
                for arn in role["Properties"].get("ManagedPolicyArns", []):
                    self.assertIn(arn.get("Ref"), stack.resources, name)

    def test_a_function_may_read_its_secret_write_its_logs_and_traces_and_no_more(self):
        for name in ENRICH + MUTATING:
            allowed = {}
            for statement in statements(self.default, f"{name}Role"):
                for action in listed(statement["Action"]):
                    allowed[action] = statement["Resource"]
            self.assertEqual(allowed.pop("secretsmanager:GetSecretValue"), {"Ref": "ApiKeySecret"})
            for action in ("kms:Decrypt", "kms:GenerateDataKey"):
                self.assertEqual(allowed.pop(action), {"Fn::GetAtt": ["Key", "Arn"]})
            for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
                self.assertEqual(allowed.pop(action), {"Fn::GetAtt": [f"{name}LogGroup", "Arn"]})
            self.assertEqual(allowed.pop("sqs:SendMessage"), {"Fn::GetAtt": ["FailedEventsQueue", "Arn"]})
            self.assertEqual(set(allowed), XRAY)

    def test_only_the_function_behind_the_queue_may_read_it(self):
        for name in ENRICH + MUTATING:
            actions = {action for statement in statements(self.with_intakes, f"{name}Role") for action in listed(statement["Action"])}
            self.assertEqual("sqs:ReceiveMessage" in actions, name == "ShutdownHost", name)

    def test_every_function_has_failure_destination_log_retention_alarms_and_alias(self):
        for stack in self.stacks:
            alarms = [alarm["Properties"] for alarm in stack.of_type("AWS::CloudWatch::Alarm").values()]
            for name, function in stack.of_type("AWS::Lambda::Function").items():
                properties = function["Properties"]
                self.assertEqual(properties["TracingConfig"], {"Mode": "Active"})
                group = stack.resources[properties["LoggingConfig"]["LogGroup"]["Ref"]]["Properties"]
                self.assertEqual(group["RetentionInDays"], "365")
                self.assertEqual(properties["LoggingConfig"]["LogFormat"], "JSON")
                self.assertIn(f"{name}Aliaslive", stack.resources)
                invoke = stack.resources[f"{name}EventInvokeConfig"]["Properties"]
                self.assertEqual(invoke["DestinationConfig"]["OnFailure"]["Destination"], {"Fn::GetAtt": ["FailedEventsQueue", "Arn"]})
                watched = {
                    (alarm["Namespace"], alarm["MetricName"])
                    for alarm in alarms
                    if {"Name": "FunctionName", "Value": properties["FunctionName"]} in alarm["Dimensions"] and alarm["AlarmActions"]
                }
                expected = {("AWS/Lambda", "Errors"), ("AWS/Lambda", "Throttles"), ("AWS/Lambda", "Duration"), ("JumpCloudPlaybooks", "Runs")}
                self.assertEqual(watched, expected, name)

    def test_the_alarm_on_duration_is_near_the_timeout(self):
        for name, function in self.default.of_type("AWS::Lambda::Function").items():
            threshold = self.default.resources[name.replace("Function", "Duration")]["Properties"]["Threshold"]
            self.assertTrue(0.5 <= threshold / 1000 / function["Properties"]["Timeout"] < 1)

    def test_aws_never_sends_a_shutdown_twice(self):
        self.assertEqual(self.default.resources["ShutdownHostFunctionEventInvokeConfig"]["Properties"]["MaximumRetryAttempts"], 0)

    def test_switched_off_playbooks_are_absent(self):
        def code(stack):
            return {json.dumps(function["Properties"]["Code"]) for function in stack.of_type("AWS::Lambda::Function").values()}

        self.assertEqual({name for name in MUTATING if any(name in resource for resource in self.enrich_only.resources)}, set())
        self.assertEqual(len(code(self.enrich_only)), len(ENRICH))
        for name in MUTATING:
            without = Resolved(**{f"Deploy{name}": "false"})
            self.assertEqual([resource for resource in without.resources if resource.startswith(name)], [])
            self.assertEqual(len(code(without)), 5)
            self.assertNotIn(f"{name}Role", json.dumps(without.resources), "nothing refers to it")

    def test_an_enrich_only_stack_refuses_an_intake_that_changes_something(self):
        rule = self.default.source["Rules"]["IntakesAreDeployed"]
        self.assertEqual(rule["RuleCondition"], {"Fn::Equals": [{"Ref": "EnableMutating"}, "false"]})
        asserted = {assertion["Assert"]["Fn::Contains"][1]["Ref"]: assertion["Assert"]["Fn::Contains"][0] for assertion in rule["Assertions"]}
        self.assertEqual(set(asserted), set(INTAKES))
        for allowed in asserted.values():
            self.assertEqual(set(allowed), {"none"} | {kebab(name) for name in ENRICH})

    def test_the_defaults_create_nothing_that_acts_on_its_own_and_nothing_public(self):
        acting = ("AWS::Events::Rule", "AWS::Lambda::EventSourceMapping", "AWS::SNS::Subscription", "AWS::Lambda::Permission")
        self.assertEqual(self.default.of_type(*acting, "AWS::Lambda::Url", "AWS::Scheduler::Schedule", "AWS::Events::EventBusPolicy"), {})
        self.assertFalse([body["Type"] for body in self.with_intakes.resources.values() if "ApiGateway" in body["Type"] or body["Type"].endswith("::Url")])
        for stack in self.stacks:
            for name, resource in stack.resources.items():
                for document in ("PolicyDocument", "KeyPolicy", "ResourcePolicy"):
                    for statement in listed(resource["Properties"].get(document, {}).get("Statement", [])):
                        if statement.get("Principal") == "*":
                            self.assertEqual(statement["Effect"], "Deny", name)
            for permission in stack.of_type("AWS::Lambda::Permission").values():
                self.assertIn("SourceArn", permission["Properties"])

    def test_the_stacks_secret_is_empty_and_for_the_functions_alone(self):
        secret = self.default.resources["ApiKeySecret"]["Properties"]
        self.assertFalse({"SecretString", "GenerateSecretString"} & set(secret))
        for name in self.default.parameters:
            self.assertNotRegex(name, r"(?i)api_?key|value|token")
        for stack in (self.default, self.enrich_only):
            (statement,) = stack.resources["ApiKeySecretPolicy"]["Properties"]["ResourcePolicy"]["Statement"]
            self.assertEqual((statement["Effect"], statement["Principal"]), ("Deny", "*"))
            readers = statement["Condition"]["ArnNotEquals"]["aws:PrincipalArn"]
            functions = stack.of_type("AWS::Lambda::Function").values()
            self.assertCountEqual(readers, [function["Properties"]["Role"] for function in functions])

    def test_an_existing_secret_is_used_and_none_made(self):
        stack = self.stacks[3]
        self.assertEqual(stack.of_type("AWS::SecretsManager::Secret", "AWS::SecretsManager::ResourcePolicy"), {})
        resources = [statement["Resource"] for statement in statements(stack, "EnrichUserRole")]
        self.assertIn("arn:aws:secretsmanager:s", resources)
        self.assertIn("arn:aws:kms:k", resources)
        variables = stack.resources["EnrichUserFunction"]["Properties"]["Environment"]["Variables"]
        self.assertEqual(variables["JUMPCLOUD_SECRET_ID"], "arn:aws:secretsmanager:s")

    def test_everything_that_is_stored_is_encrypted_with_the_one_key(self):
        given = Resolved(KmsKeyArn="arn:aws:kms:given", **INTAKES)
        self.assertEqual(given.of_type("AWS::KMS::Key"), {})
        for stack, keys in ((self.with_intakes, [{"Ref": "Key"}, {"Fn::GetAtt": ["Key", "Arn"]}]), (given, ["arn:aws:kms:given"])):
            stored = stack.of_type("AWS::SQS::Queue", "AWS::SNS::Topic", "AWS::Logs::LogGroup", "AWS::SecretsManager::Secret")
            self.assertGreaterEqual(len(stored), 12)
            for name, resource in stored.items():
                properties = resource["Properties"]
                self.assertIn(properties.get("KmsMasterKeyId") or properties.get("KmsKeyId"), keys, name)

    def test_the_queue_loses_nothing(self):
        resources = self.with_intakes.resources
        mapping = resources["AlertQueueMapping"]["Properties"]
        self.assertEqual(mapping["FunctionResponseTypes"], ["ReportBatchItemFailures"])
        self.assertEqual(mapping["ScalingConfig"], {"MaximumConcurrency": "2"})
        queue = resources["AlertQueue"]["Properties"]
        self.assertGreaterEqual(queue["VisibilityTimeout"], 6 * resources["ShutdownHostFunction"]["Properties"]["Timeout"])
        self.assertEqual(queue["RedrivePolicy"]["deadLetterTargetArn"], {"Fn::GetAtt": ["AlertDeadLetterQueue", "Arn"]})
        watched = {alarm["Properties"]["Dimensions"][0]["Value"]["Fn::GetAtt"][0] for alarm in self.with_intakes.of_type("AWS::CloudWatch::Alarm").values() if alarm["Properties"]["Namespace"] == "AWS/SQS"}
        self.assertEqual(watched, {"AlertDeadLetterQueue", "FailedEventsQueue"})

    def test_each_intake_leads_to_the_playbook_that_was_chosen(self):
        resources = self.with_intakes.resources
        for resource, place, parameter in (
            ("AlertRule", ("Targets", 0, "Arn"), "EventPlaybook"),
            ("AlertRulePermission", ("FunctionName",), "EventPlaybook"),
            ("AlertSubscription", ("Endpoint",), "TopicPlaybook"),
            ("AlertTopicPermission", ("FunctionName",), "TopicPlaybook"),
            ("AlertQueueMapping", ("FunctionName",), "QueuePlaybook"),
        ):
            value = resources[resource]["Properties"]
            for step in place:
                value = value[step]
            self.assertTrue(value["Fn::Sub"].endswith(f":function:${{AWS::StackName}}-${{{parameter}}}:live"), resource)
        names = {json.dumps(function["Properties"]["FunctionName"]) for function in self.default.of_type("AWS::Lambda::Function").values()}
        self.assertEqual(names, {json.dumps({"Fn::Sub": f"${{AWS::StackName}}-{kebab(name)}"}) for name in ENRICH + MUTATING})

    def test_the_readme_names_every_parameter_and_variable(self):
        readme = (ROOT / "README.md").read_text()
        variables = self.default.source["Globals"]["Function"]["Environment"]["Variables"]
        for name in [*self.default.parameters, *variables]:
            self.assertTrue(f"`{name}`" in readme, name)

    def test_dashboard_and_queries_ask_for_what_the_functions_write(self):
        written = (ROOT / "shared/src/telemetry.rs").read_text()
        body = self.default.resources["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
        json.loads(re.sub(r"\$\{[^}]+\}", "x", body))
        for metric in re.findall(r'\{JumpCloudPlaybooks,[^}]*\} MetricName=\\"(\w+)\\"', body):
            self.assertIn(f'"{metric}"', written)
        for query in self.default.of_type("AWS::Logs::QueryDefinition").values():
            for field in re.findall(r"\b(?:audit\.\w+|JumpCloud\w+|Outcome|RunDuration)\b", query["Properties"]["QueryString"]):
                self.assertIn(f'"{field.removeprefix("audit.")}"', written, field)


if __name__ == "__main__":
    unittest.main()
