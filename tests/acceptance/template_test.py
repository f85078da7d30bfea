"""What template.yaml guarantees, whatever it looks like."""

import json
import re
import unittest

from resolved import PLAYBOOKS, ROOT, Resolved, resource_of

ENRICH = [resource_of(playbook) for playbook in PLAYBOOKS if not playbook["changes"]]
MUTATING = [resource_of(playbook) for playbook in PLAYBOOKS if playbook["changes"]]
CHECK = "CheckConnection"
RAILS = "GuardRails"
INTAKES = {"EventPlaybook": "disable-user", "TopicPlaybook": "enrich-user", "QueuePlaybook": "shutdown-host"}
WORKFLOWS = ["ContainUser", "ContainHost", "RestoreUser", "RespondToAlert"]
XRAY = {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}
SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:jumpcloud-a1B2c3"
# What one round trip of the ledger needs; TransactWriteItems is allowed by the first four.
WRITES = {f"dynamodb:{action}" for action in ("ConditionCheckItem", "DeleteItem", "PutItem", "UpdateItem")}
READS = {"dynamodb:BatchGetItem", "dynamodb:Query"}
# Actions that know no resources, or that AWS judges for "*" only.
FOR_ANY_RESOURCE = XRAY | {"cloudwatch:DescribeAlarms", "cloudwatch:PutMetricData", "xray:GetSamplingRules", "xray:GetSamplingTargets"} | {
    f"logs:{action}"
    for action in (
        "CreateLogDelivery",
        "GetLogDelivery",
        "UpdateLogDelivery",
        "DeleteLogDelivery",
        "ListLogDeliveries",
        "PutResourcePolicy",
        "DescribeResourcePolicies",
        "DescribeLogGroups",
    )
}


def listed(value):
    return value if isinstance(value, list) else [value]


def kebab(name):
    return re.sub(r"(?<!^)([A-Z])", r"-\1", name).lower()


def variables(stack, function):
    return stack.resources[f"{function}Function"]["Properties"]["Environment"]["Variables"]


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
        cls.stacks = [cls.default, cls.with_intakes, cls.enrich_only, Resolved(SecretArn=SECRET, SecretKmsKeyArn="arn:aws:kms:k")]

    def test_the_functions_are_the_six_playbooks_and_what_checks_them_and_what_sets_their_guard_rails(self):
        self.assertEqual(set(self.default.of_type("AWS::Lambda::Function")), {f"{name}Function" for name in ENRICH + MUTATING + [CHECK, RAILS]})

    def test_the_check_reads_its_secret_and_the_table_and_no_alert_reaches_it(self):
        for stack, table in ((self.default, {"Fn::GetAtt": ["GuardTable", "Arn"]}), (self.enrich_only, {"Fn::GetAtt": ["GuardTable", "Arn"]}), (Resolved(GuardTableName="none"), None)):
            allowed = {}
            for statement in statements(stack, f"{CHECK}Role"):
                for action in listed(statement["Action"]):
                    allowed.setdefault(action, []).append(statement)
            self.assertEqual([statement["Resource"] for statement in allowed.pop("dynamodb:GetItem", [])], [table] if table else [])
            self.assertEqual([statement["Resource"] for statement in allowed.pop("secretsmanager:GetSecretValue")], [{"Ref": "ApiKeySecret"}])
            self.assertEqual(set(allowed), XRAY | {"kms:Decrypt", "kms:GenerateDataKey", "logs:CreateLogStream", "logs:PutLogEvents", "sqs:SendMessage"})
            for function in ENRICH + MUTATING:
                if f"{function}Function" in stack.resources:
                    # A variable that stops another function stops it as well, and is said.
                    self.assertLessEqual(set(variables(stack, function)), set(variables(stack, CHECK)), function)
        acting = ("AWS::Lambda::Permission", "AWS::Events::Rule", "AWS::SNS::Subscription", "AWS::Lambda::EventSourceMapping", "AWS::StepFunctions::StateMachine")
        for name, resource in self.with_intakes.of_type(*acting).items():
            self.assertNotIn(CHECK, json.dumps(resource), name)

    def test_nothing_but_a_person_reaches_the_guard_rails(self):
        everything = Resolved(EventPlaybook="respond-to-alert", TopicPlaybook="enrich-user", QueuePlaybook="shutdown-host")
        for stack in (self.default, self.with_intakes, everything):
            own = {f"{RAILS}Function{part}" for part in ("", "Aliaslive", "EventInvokeConfig")}
            for name, resource in stack.resources.items():
                if name not in ("OverdueHoldsRule", "OverdueHoldsPermission") and resource["Type"] in ("AWS::Lambda::Permission", "AWS::Events::Rule", "AWS::SNS::Subscription", "AWS::Lambda::EventSourceMapping", "AWS::Serverless::StateMachine", "AWS::StepFunctions::StateMachine", "AWS::Lambda::Url"):
                    self.assertNotIn(RAILS, json.dumps(resource), name)
                if name.endswith("Role") and name != f"{RAILS}Role":
                    self.assertFalse(own & set(re.findall(r"\w+", json.dumps(resource))), name)
        parameters = self.default.source["Parameters"]
        for name in ("EventPlaybook", "TopicPlaybook", "QueuePlaybook"):
            self.assertNotIn("guard-rails", parameters[name]["AllowedValues"])
        # Without a table there is nothing to set, and without what changes something nobody to set it for.
        for stack in (self.enrich_only, Resolved(GuardTableName="none")):
            self.assertEqual([name for name in stack.resources if name.startswith(RAILS)], [f"{RAILS}LogGroup"])

    def test_the_stack_itself_only_looks_at_the_guard_rails(self):
        rails = {"Ref": f"{RAILS}FunctionAliaslive"}
        rule = self.default.resources["OverdueHoldsRule"]["Properties"]
        (target,) = rule["Targets"]
        self.assertEqual((json.loads(target["Input"]), target["Arn"]), ({"show": True, "all_organizations": True}, rails))
        # On a schedule alone: nobody's event sets it off, and nothing of an event is passed on.
        self.assertEqual((rule["ScheduleExpression"], set(rule) & {"EventPattern", "EventBusName", "RoleArn"}), ("rate(1 hour)", set()))
        self.assertFalse({"InputPath", "InputTransformer", "RoleArn"} & set(target))
        permission = self.default.resources["OverdueHoldsPermission"]["Properties"]
        self.assertEqual((permission["FunctionName"], permission["SourceArn"]), (rails, {"Fn::GetAtt": ["OverdueHoldsRule", "Arn"]}))
        alarm = self.default.resources["OverdueHolds"]["Properties"]
        self.assertEqual((alarm["MetricName"], alarm["Namespace"], alarm["Statistic"]), ("OverdueHolds", "JumpCloudPlaybooks", "Maximum"))
        self.assertEqual(alarm["Dimensions"], [{"Name": "FunctionName", "Value": self.default.resources[f"{RAILS}Function"]["Properties"]["FunctionName"]}])
        self.assertIn('"OverdueHolds"', (ROOT / "shared/src/runtime/record.rs").read_text())
        for stack in (self.enrich_only, Resolved(GuardTableName="none")):
            self.assertFalse([name for name in stack.resources if name.startswith("OverdueHolds")])

    def test_the_guard_rails_need_the_table_and_no_key(self):
        table = {"Fn::GetAtt": ["GuardTable", "Arn"]}
        allowed = {}
        for statement in statements(self.default, f"{RAILS}Role"):
            self.assertNotIn("secretsmanager", json.dumps(statement))
            for action in listed(statement["Action"]):
                allowed.setdefault(action, []).append(statement)
        for action in READS | WRITES:
            self.assertEqual([statement["Resource"] for statement in allowed[action]][:1], [table])
        keys = {key for action in ("dynamodb:PutItem", "dynamodb:DeleteItem") for statement in allowed[action] for key in statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]}
        self.assertEqual(keys, {"*#change", "*#switch", "*#protected"})
        self.assertLessEqual(set(allowed), READS | WRITES | XRAY | {"sqs:SendMessage", "logs:CreateLogStream", "logs:PutLogEvents"} | {action for action in allowed if action.startswith("kms:")})
        self.assertEqual(variables(self.default, RAILS)["GUARD_TABLE"], {"Ref": "GuardTable"})

    def test_a_stack_on_trial_still_protects(self):
        on_trial = Resolved(DryRun="true")
        for name in ENRICH + MUTATING:
            self.assertEqual(variables(on_trial, name)["DRY_RUN"], "true", name)
        self.assertNotIn("DRY_RUN", variables(on_trial, RAILS))

    def test_no_role_has_a_wildcard_resource(self):
        for stack in self.stacks:
            for role in stack.of_type("AWS::IAM::Role"):
                for statement in statements(stack, role):
                    self.assertEqual(statement["Effect"], "Allow")
                    actions = set(listed(statement["Action"]))
                    self.assertFalse({action for action in actions if "*" in action}, role)
                    for resource in listed(statement["Resource"]):
                        if resource == "*":
                            self.assertLessEqual(actions, FOR_ANY_RESOURCE, role)
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
            for action in READS | WRITES if name in MUTATING else ():
                self.assertEqual(allowed.pop(action), {"Fn::GetAtt": ["GuardTable", "Arn"]})
            self.assertEqual(allowed.pop("secretsmanager:GetSecretValue"), {"Ref": "ApiKeySecret"})
            of_the_table = {"kms:DescribeKey", "kms:Encrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo"}
            for action in {"kms:Decrypt", "kms:GenerateDataKey"} | (of_the_table if name in MUTATING else set()):
                self.assertEqual(allowed.pop(action), {"Fn::GetAtt": ["Key", "Arn"]})
            for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
                self.assertEqual(allowed.pop(action), {"Fn::GetAtt": [f"{name}LogGroup", "Arn"]})
            self.assertEqual(allowed.pop("sqs:SendMessage"), {"Fn::GetAtt": ["FailedEventsQueue", "Arn"]})
            self.assertEqual(set(allowed), XRAY)

    def test_only_the_function_behind_the_queue_may_read_it(self):
        for name in ENRICH + MUTATING:
            readable = [statement["Resource"] for statement in statements(self.with_intakes, f"{name}Role") if "sqs:ReceiveMessage" in listed(statement["Action"])]
            queues = [{"Fn::GetAtt": [queue, "Arn"]} for queue in ("AlertQueue", "AlertRedriveQueue")]
            self.assertEqual(readable, [queues] if name == "ShutdownHost" else [], name)

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
                    if alarm.get("Dimensions") == [{"Name": "FunctionName", "Value": properties["FunctionName"]}] and alarm["AlarmActions"]
                }
                expected = {("AWS/Lambda", "Throttles"), ("AWS/Lambda", "Duration"), ("JumpCloudPlaybooks", "UnexpectedRuns")}
                if name == f"{RAILS}Function":
                    expected.add(("JumpCloudPlaybooks", "OverdueHolds"))
                elif name != f"{CHECK}Function":  # neither takes alerts
                    expected.add(("JumpCloudPlaybooks", "RefusedAlerts"))
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

        # A log group stays: it holds the audit record of what the playbook did before.
        def left(stack, name):
            return [resource for resource in stack.resources if resource.startswith(name) and resource != f"{name}LogGroup"]

        self.assertEqual([left(self.enrich_only, name) for name in MUTATING + WORKFLOWS], [[]] * len(MUTATING + WORKFLOWS))
        self.assertEqual(Resolved(DeployWorkflows="false").of_type("AWS::StepFunctions::StateMachine"), {})
        self.assertEqual(len(code(self.enrich_only)), len(ENRICH + [CHECK]))
        for name in MUTATING:
            without = Resolved(**{f"Deploy{name}": "false"})
            self.assertEqual(left(without, name), [])
            self.assertEqual(len(code(without)), 7)
            self.assertNotIn(f"{name}Role", json.dumps(without.resources), "nothing refers to it")

    def test_alerts_cannot_be_sent_to_what_is_not_deployed(self):
        rules = self.default.source["Rules"]
        for name in MUTATING:
            rule = rules[f"{name}IsDeployed"]
            off = [{"Fn::Equals": [{"Ref": switch}, "false"]} for switch in ("EnableMutating", f"Deploy{name}")]
            self.assertEqual(rule["RuleCondition"], {"Fn::Or": off})
            to_it = [{"Fn::Equals": [{"Ref": intake}, kebab(name)]} for intake in INTAKES]
            self.assertEqual(rule["Assertions"][0]["Assert"], {"Fn::Not": [{"Fn::Or": to_it}]})
        needed = rules["RespondToAlertIsDeployed"]["Assertions"][0]["Assert"]["Fn::And"]
        switches = {condition["Fn::Equals"][0]["Ref"]: "true" for condition in needed}
        self.assertIn("RespondToAlertStateMachine", Resolved(**switches, DeployResetPassword="false").resources)
        for switch in switches:
            self.assertNotIn("RespondToAlertStateMachine", Resolved(**{switch: "false"}).resources)

    def test_the_defaults_create_nothing_that_acts_on_its_own_and_nothing_public(self):
        acting = ("AWS::Events::Rule", "AWS::Lambda::EventSourceMapping", "AWS::SNS::Subscription", "AWS::Lambda::Permission")
        found = self.default.of_type(*acting, "AWS::Lambda::Url", "AWS::Scheduler::Schedule", "AWS::Events::EventBusPolicy")
        self.assertEqual(set(found), {"OverdueHoldsRule", "OverdueHoldsPermission"}, "which only look")
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
            readers = statement["Condition"]["ArnNotLike"]["aws:PrincipalArn"]
            functions = stack.of_type("AWS::Lambda::Function").items()
            self.assertCountEqual(readers, [function["Properties"]["Role"] for name, function in functions if name != f"{RAILS}Function"])

    def test_an_existing_secret_is_used_and_none_made(self):
        stack = self.stacks[3]
        self.assertEqual(stack.of_type("AWS::SecretsManager::Secret", "AWS::SecretsManager::ResourcePolicy"), {})
        resources = [statement["Resource"] for statement in statements(stack, "EnrichUserRole")]
        self.assertIn(SECRET, resources)
        self.assertIn("arn:aws:kms:k", resources)
        self.assertEqual(variables(stack, "EnrichUser")["JUMPCLOUD_SECRET_ID"], SECRET)

    def test_a_function_with_a_secret_of_its_own_may_read_no_other(self):
        def readable(stack, name):
            allowed = [statement for statement in statements(stack, f"{name}Role") if "secretsmanager:GetSecretValue" in listed(statement["Action"])]
            (statement,) = allowed
            variables = stack.resources[f"{name}Function"]["Properties"]["Environment"]["Variables"]
            self.assertEqual(variables["JUMPCLOUD_SECRET_ID"], statement["Resource"], name)
            return statement["Resource"]

        own = SECRET.replace("jumpcloud", "small")
        for name in ENRICH + MUTATING + [CHECK]:
            for shared, expected in (({}, {"Ref": "ApiKeySecret"}), ({"SecretArn": SECRET}, SECRET)):
                stack = Resolved(**shared, **{f"{name}SecretArn": own})
                for other in ENRICH + MUTATING + [CHECK]:
                    self.assertEqual(readable(stack, other), own if other == name else expected, f"{name} {other}")
                # All else is as it is for the others.
                self.assertEqual(set(stack.resources["DisableUserFunction"]["Properties"]["Environment"]["Variables"]), set(Resolved().resources["DisableUserFunction"]["Properties"]["Environment"]["Variables"]))

    def test_one_secret_for_each_organization_is_read_by_its_name(self):
        stack = Resolved(SecretPattern="jumpcloud/{organization}/key", OrganizationOfAccount="123456789012=acme", QueueOrganization="globex", QueuePlaybook="disable-user")
        self.assertEqual(stack.of_type("AWS::SecretsManager::Secret", "AWS::SecretsManager::ResourcePolicy"), {})
        for name in ENRICH + MUTATING + [CHECK]:
            (statement,) = [statement for statement in statements(stack, f"{name}Role") if "secretsmanager:GetSecretValue" in listed(statement["Action"])]
            text, names = statement["Resource"]["Fn::Sub"]
            self.assertEqual(text, "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:${Name}-??????")
            self.assertEqual(names, {"Name": {"Fn::Join": ["*", {"Fn::Split": ["{organization}", "jumpcloud/{organization}/key"]}]}})
        # The rails know from the same variables that there are several, and may read no secret.
        for name in [*ENRICH, *MUTATING, CHECK, RAILS]:
            given = variables(stack, name)
            self.assertEqual(given["JUMPCLOUD_SECRET_ID"], "jumpcloud/{organization}/key", name)
            text, names = given["ORGANIZATION_OF_ACCOUNT"]["Fn::Sub"]
            self.assertEqual(text, "${Others}${AlertQueue.Arn}=${QueueOrganization},${AlertRedriveQueue.Arn}=${QueueOrganization}")
            self.assertEqual(names, {"Others": {"Fn::Sub": "${OrganizationOfAccount},"}})
        self.assertFalse([statement for statement in statements(stack, f"{RAILS}Role") if "secretsmanager:GetSecretValue" in listed(statement["Action"])])
        self.assertEqual(variables(Resolved(), "DisableUser")["ORGANIZATION_OF_ACCOUNT"], "")

    def test_everything_that_is_stored_is_encrypted_with_the_one_key(self):
        given = Resolved(KmsKeyArn="arn:aws:kms:given", **INTAKES)
        self.assertEqual(given.of_type("AWS::KMS::Key"), {})
        for stack, keys in ((self.with_intakes, [{"Ref": "Key"}, {"Fn::GetAtt": ["Key", "Arn"]}]), (given, ["arn:aws:kms:given"])):
            stored = stack.of_type("AWS::SQS::Queue", "AWS::SNS::Topic", "AWS::Logs::LogGroup", "AWS::SecretsManager::Secret", "AWS::DynamoDB::Table")
            self.assertGreaterEqual(len(stored), 13)
            for name, resource in stored.items():
                properties = resource["Properties"] | resource["Properties"].get("SSESpecification", {})
                properties.setdefault("KmsKeyId", properties.get("KMSMasterKeyId"))
                self.assertIn(properties.get("KmsMasterKeyId") or properties.get("KmsKeyId"), keys, name)

    def test_the_guard_table_is_the_ledgers_and_is_not_lost(self):
        table = json.loads((ROOT / "ledger/table.json").read_text())
        for stack in (self.default, self.enrich_only):
            resource = stack.resources["GuardTable"]
            properties = dict(resource["Properties"])
            self.assertEqual({name: properties.pop(name) for name in table.keys() - {"TableName"}}, {name: value for name, value in table.items() if name != "TableName"})
            self.assertEqual(properties.pop("TimeToLiveSpecification"), {"AttributeName": "expires", "Enabled": True})
            self.assertEqual(properties.pop("PointInTimeRecoverySpecification"), {"PointInTimeRecoveryEnabled": True})
            self.assertIs(properties.pop("DeletionProtectionEnabled"), True)
            self.assertEqual(properties.pop("SSESpecification")["SSEType"], "KMS")
            self.assertEqual(properties, {}, "a name of its own would stand in the way of the next stack")
            self.assertEqual((resource["DeletionPolicy"], resource["UpdateReplacePolicy"]), ("Retain", "Retain"))

    def test_only_what_changes_something_knows_the_guard_table(self):
        existing = Resolved(GuardTableName="kept")
        arn = {"Fn::Sub": "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/${GuardTableName}"}
        for stack, name, resource in ((self.default, {"Ref": "GuardTable"}, {"Fn::GetAtt": ["GuardTable", "Arn"]}), (existing, "kept", arn), (Resolved(GuardTableName="none"), "none", None)):
            self.assertEqual("GuardTable" in stack.resources, stack is self.default)
            for function in ENRICH + MUTATING:
                allowed = [statement for statement in statements(stack, f"{function}Role") if "dynamodb" in json.dumps(statement)]
                if function in ENRICH:
                    self.assertFalse({"GUARD_TABLE", "PROTECTED", "AWS_ENDPOINT_URL_DYNAMODB"} & set(variables(stack, function)))
                    self.assertEqual(allowed, [])
                    continue
                self.assertEqual(variables(stack, function)["GUARD_TABLE"], name)
                if resource is None:
                    self.assertEqual(allowed, [])
                    continue
                reads, writes, key = allowed
                self.assertEqual((set(reads["Action"]), reads["Resource"]), (READS, resource))
                self.assertEqual((set(writes["Action"]), writes["Resource"]), (WRITES, resource))
                # All items of a transaction begin like this; the protected list is not among them.
                self.assertEqual(writes["Condition"], {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["*#change", "*#switch"]}})
                self.assertEqual(key["Condition"], {"StringEquals": {"kms:ViaService": {"Fn::Sub": "dynamodb.${AWS::Region}.${AWS::URLSuffix}"}}})
        self.assertNotIn("GuardPolicy", self.enrich_only.resources)

    def test_the_queue_loses_nothing(self):
        resources = self.with_intakes.resources
        for name, mapping, maximum in (("AlertQueue", "AlertQueueMapping", "2"), ("AlertRedriveQueue", "AlertRedriveMapping", 2)):
            mapping = resources[mapping]["Properties"]
            self.assertEqual(mapping["EventSourceArn"], {"Fn::GetAtt": [name, "Arn"]})
            self.assertEqual(mapping["FunctionResponseTypes"], ["ReportBatchItemFailures"])
            self.assertEqual(mapping["ScalingConfig"], {"MaximumConcurrency": maximum})
            queue = resources[name]["Properties"]
            self.assertGreaterEqual(queue["VisibilityTimeout"], 6 * resources["ShutdownHostFunction"]["Properties"]["Timeout"])
            self.assertEqual(queue["RedrivePolicy"]["deadLetterTargetArn"], {"Fn::GetAtt": ["AlertDeadLetterQueue", "Arn"]})

    def test_what_a_person_moves_from_the_dead_letters_is_acted_on(self):
        command = self.with_intakes.outputs["RedriveDeadLetters"]["Value"]["Fn::Sub"]
        self.assertEqual(command, "aws sqs start-message-move-task --source-arn ${AlertDeadLetterQueue.Arn} --destination-arn ${AlertRedriveQueue.Arn}")
        self.assertEqual(variables(self.with_intakes, "ShutdownHost")["REDRIVE_QUEUE"], {"Fn::GetAtt": ["AlertRedriveQueue", "Arn"]})
        self.assertEqual(variables(self.default, "ShutdownHost")["REDRIVE_QUEUE"], "")
        self.assertFalse([name for name in [*self.default.resources, *self.default.outputs] if "Redrive" in name])

    def test_each_intake_leads_to_the_playbook_that_was_chosen(self):
        for name in ENRICH + MUTATING:
            resources = Resolved(**{intake: kebab(name) for intake in INTAKES}).resources
            alias = {"Ref": f"{name}FunctionAliaslive"}
            self.assertEqual(resources["AlertRule"]["Properties"]["Targets"][0]["Arn"], alias)
            self.assertEqual(resources["AlertSubscription"]["Properties"]["Endpoint"], alias)
            for permission in ("AlertRulePermission", "AlertTopicPermission"):
                self.assertEqual(resources[permission]["Properties"]["FunctionName"], alias)
            for mapping in ("AlertQueueMapping", "AlertRedriveMapping"):
                self.assertEqual(resources[mapping]["Properties"]["FunctionName"], alias)
        resources = Resolved(EventPlaybook="respond-to-alert").resources
        (target,) = resources["AlertRule"]["Properties"]["Targets"]
        self.assertEqual(target["Arn"], {"Ref": "RespondToAlertStateMachine"})
        self.assertEqual(target["RoleArn"], {"Fn::GetAtt": ["AlertRuleRole", "Arn"]})
        self.assertNotIn("AlertRulePermission", resources)

    def test_a_workflow_may_invoke_what_its_definition_names_and_no_more(self):
        machines = self.default.of_type("AWS::StepFunctions::StateMachine")
        self.assertEqual(set(machines), {f"{name}StateMachine" for name in WORKFLOWS})
        for name in WORKFLOWS:
            properties = machines[f"{name}StateMachine"]["Properties"]
            self.assertEqual(properties["LoggingConfiguration"]["IncludeExecutionData"], False)
            self.assertEqual(properties["TracingConfiguration"], {"Enabled": True})
            alarm = self.default.resources[f"{name}Failures"]["Properties"]
            self.assertTrue(alarm["AlarmActions"])
            bad, *metrics = alarm["Metrics"]
            self.assertEqual((bad["Expression"], bad.get("ReturnData", True)), ("SUM(FILL(METRICS(), 0))", True))
            watched = [metric["MetricStat"]["Metric"] for metric in metrics]
            expected = {"ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted", "ExecutionThrottled"}
            self.assertEqual({metric["MetricName"] for metric in watched}, expected, name)
            self.assertTrue(all(metric["Dimensions"] == [{"Name": "StateMachineArn", "Value": {"Ref": f"{name}StateMachine"}}] for metric in watched), name)
            self.assertFalse(any(metric["ReturnData"] for metric in metrics))
            definition = (ROOT / f"workflows/{kebab(name)}.asl.json").read_text()
            given = properties["DefinitionSubstitutions"]
            self.assertEqual(set(re.findall(r"\$\{(\w+)\}", definition)), set(given), name)
            allowed = {}
            for statement in statements(self.default, f"{name}Role"):
                for action in listed(statement["Action"]):
                    allowed.setdefault(action, []).extend(listed(statement["Resource"]))
            used = {
                "lambda:InvokeFunction": [value for key, value in given.items() if key.endswith("Function")],
                "sns:Publish": [value for key, value in given.items() if key.endswith("Topic")],
                "states:StartExecution": [value for key, value in given.items() if key.endswith("StateMachine")],
            }
            for action, resources in used.items():
                self.assertCountEqual(allowed.pop(action, []), resources, f"{name}: {action}")
            # An execution's ARN is its machine's with another word and its own name behind.
            described = [arn["Fn::Sub"].removesuffix(":*").rpartition(":execution:")[2] for arn in allowed.pop("states:DescribeExecution", [])]
            started = [machines[value["Ref"]]["Properties"]["StateMachineName"]["Fn::Sub"] for value in used["states:StartExecution"]]
            self.assertCountEqual(described, started, name)
            self.assertLessEqual(set(allowed), FOR_ANY_RESOURCE | {"kms:Decrypt", "kms:GenerateDataKey"}, name)

    def test_a_containment_that_is_undone_sets_an_alarm_off(self):
        definition = json.loads((ROOT / "workflows/contain-user.asl.json").read_text())
        (metric,) = definition["States"]["Raise the alarm"]["Arguments"]["MetricData"]
        alarm = self.default.resources["ContainUserUndone"]["Properties"]
        self.assertEqual((alarm["MetricName"], alarm["Statistic"], alarm["Threshold"]), (metric["MetricName"], "Sum", 1))
        self.assertEqual(alarm["Namespace"], definition["States"]["Raise the alarm"]["Arguments"]["Namespace"])
        (dimension,) = metric["Dimensions"]
        name = self.default.resources["ContainUserStateMachine"]["Properties"]["StateMachineName"]
        self.assertEqual(dimension["Value"], "{% $states.context.StateMachine.Name %}")
        self.assertEqual(alarm["Dimensions"], [{"Name": dimension["Name"], "Value": name}])
        self.assertTrue(alarm["AlarmActions"])
        (allowed,) = [statement for statement in statements(self.default, "ContainUserRole") if "cloudwatch:PutMetricData" in listed(statement["Action"])]
        self.assertEqual(allowed["Condition"], {"StringEquals": {"cloudwatch:namespace": alarm["Namespace"]}})

    def test_every_variable_of_the_functions_can_be_set(self):
        declared = re.findall(r'^    ([A-Z][A-Z_]+), "', (ROOT / "shared/src/vars.rs").read_text(), re.MULTILINE)
        self.assertIn("DRY_RUN", declared)
        # Lambda itself sets the level and the format of logs, from LoggingConfig.
        set_by_lambda = {"AWS_LAMBDA_LOG_LEVEL", "AWS_LAMBDA_LOG_FORMAT"}
        for name in MUTATING:
            self.assertLessEqual(set(declared) - set_by_lambda, set(variables(self.default, name)))

    def test_the_page_names_every_parameter_and_variable(self):
        page = (ROOT / "docs/variables-and-parameters.md").read_text()
        for name in [*self.default.parameters, *variables(self.default, MUTATING[0])]:
            self.assertTrue(f"`{name}`" in page, name)

    def test_each_alarm_has_its_section_in_the_runbook(self):
        page = (ROOT / "docs/operating.md").read_text()
        sections = dict(re.findall(r"^### (\S+)\n\n(.*?)(?=^##)", page, re.MULTILINE | re.DOTALL))
        alarms = re.findall(r"^ +AlarmName: !Sub \$\{AWS::StackName\}-(\S+)$", (ROOT / "template.yaml").read_text(), re.MULTILINE)
        endings = {alarm if alarm in sections else next((end for end in sections if alarm.endswith(f"-{end}")), alarm) for alarm in alarms}
        self.assertEqual(endings, set(sections))
        for section in sections.values():
            for part in ("**Means**", "**Look at**", "**do**"):
                self.assertIn(part.lower(), section.lower())

    def test_dashboard_and_queries_ask_for_what_the_functions_write(self):
        written = (ROOT / "shared/src/runtime/record.rs").read_text()
        body = self.default.resources["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
        json.loads(re.sub(r"\$\{[^}]+\}", "x", body))
        for metric in re.findall(r'\{JumpCloudPlaybooks,[^}]*\} MetricName=\\"(\w+)\\"', body):
            self.assertIn(f'"{metric}"', written)
        for query in self.default.of_type("AWS::Logs::QueryDefinition").values():
            for field in re.findall(r"\b(?:audit\.\w+|JumpCloud\w+|Outcome|RunDuration)\b", query["Properties"]["QueryString"]):
                name = re.escape(field.removeprefix("audit."))
                self.assertRegex(written, rf'(?m)(^    {name}: |rename = "{name}")', field)


if __name__ == "__main__":
    unittest.main()
