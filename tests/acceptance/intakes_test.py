"""AWS's own services can send alerts to what the stack makes, nobody else can, and nothing is lost on the way."""

import json
import unittest

from resolved import ROOT, Resolved

RULE = "arn:aws:events:us-east-1:123456789012:rule/findings"
TOPIC = "arn:aws:sns:us-east-1:123456789012:findings"
INTAKES = {"EventPlaybook": "disable-user", "TopicPlaybook": "enrich-user", "QueuePlaybook": "shutdown-host"}
SENT_BY_NEITHER = {"aws:SourceAccount", "aws:SourceArn", "aws:SourceOrgID"}


def listed(value):
    return value if isinstance(value, list) else [value]


class Intakes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Resolved(AlertSourceArns=f"{RULE},{TOPIC}", **INTAKES)
        cls.without_sources = Resolved(**INTAKES)

    def statements(self, stack, name):
        """The policy of a queue or topic."""
        policies = stack.of_type("AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy").values()
        for properties in (policy["Properties"] for policy in policies):
            if {"Ref": name} in properties.get("Queues", properties.get("Topics")):
                return properties["PolicyDocument"]["Statement"]
        return []

    def test_every_queue_and_topic_takes_encrypted_connections_only(self):
        stored = self.stack.of_type("AWS::SQS::Queue", "AWS::SNS::Topic")
        self.assertEqual(len(stored), 7)
        for name, resource in stored.items():
            denied = [statement for statement in self.statements(self.stack, name) if statement.get("Sid") == "OnlyEncrypted"]
            self.assertEqual(len(denied), 1, name)
            self.assertEqual((denied[0]["Effect"], denied[0]["Principal"]), ("Deny", "*"))
            self.assertEqual(denied[0]["Condition"], {"Bool": {"aws:SecureTransport": "false"}})
            # A topic's policy must name the topic itself, and knows no action of another service.
            if resource["Type"] == "AWS::SNS::Topic":
                self.assertEqual((denied[0]["Action"], denied[0]["Resource"]), ("sns:Publish", {"Ref": name}))

    def test_the_named_sources_may_send_and_nobody_else(self):
        expected = {"AlertTopic": {"events.amazonaws.com"}, "AlertQueue": {"events.amazonaws.com", "sns.amazonaws.com"}}
        for name, services in expected.items():
            (allowed,) = [statement for statement in self.statements(self.stack, name) if statement["Effect"] == "Allow"]
            self.assertEqual(set(listed(allowed["Principal"]["Service"])), services)
            self.assertEqual(allowed["Condition"]["ArnLike"]["aws:SourceArn"], {"Fn::Split": [",", f"{RULE},{TOPIC}"]})
            self.assertFalse([statement for statement in self.statements(self.without_sources, name) if statement["Effect"] == "Allow"])
        for name in self.stack.of_type("AWS::SQS::Queue", "AWS::SNS::Topic"):
            for statement in self.statements(self.stack, name):
                if statement["Effect"] == "Allow":
                    self.assertTrue(SENT_BY_NEITHER & set(json.dumps(statement["Condition"]).split('"')), f"{name}: {statement}")

    def test_only_this_account_may_send_what_counts_whatever_its_age(self):
        _, denied = self.statements(self.stack, "AlertRedriveQueue")
        self.assertEqual((denied["Effect"], denied["Principal"], denied["Action"]), ("Deny", "*", "sqs:SendMessage"))
        self.assertEqual(denied["Resource"], {"Fn::GetAtt": ["AlertRedriveQueue", "Arn"]})
        # A service sends without this key, and is denied, too.
        self.assertEqual(denied["Condition"], {"StringNotEquals": {"aws:PrincipalAccount": {"Ref": "AWS::AccountId"}}})

    def test_eventbridge_and_sns_can_use_the_key(self):
        statements = self.stack.resources["Key"]["Properties"]["KeyPolicy"]["Statement"]
        allowed = set()
        for statement in statements:
            for service in listed(statement["Principal"].get("Service", [])):
                if service not in ("events.amazonaws.com", "sns.amazonaws.com"):
                    continue
                conditions = {key for condition in statement["Condition"].values() for key in condition}
                self.assertFalse(conditions & SENT_BY_NEITHER, f"{service} does not send it")
                self.assertLessEqual({"kms:Decrypt", "kms:GenerateDataKey"}, set(statement["Action"]))
                allowed |= {(service, key) for key in conditions}
        topic, queue = "kms:EncryptionContext:aws:sns:topicArn", "kms:EncryptionContext:aws:sqs:arn"
        self.assertEqual(allowed, {("events.amazonaws.com", topic), ("events.amazonaws.com", queue), ("sns.amazonaws.com", queue)})
        services = json.dumps([statement["Principal"] for statement in statements])
        self.assertIn("logs.${AWS::Region}.${AWS::URLSuffix}", services, "China's logs have another suffix")

    def test_what_a_subscription_cannot_deliver_is_kept(self):
        for stack, source in ((self.stack, {"Ref": "AlertTopic"}), (Resolved(TopicPlaybook="enrich-user", TopicArn=TOPIC), TOPIC)):
            subscription = stack.resources["AlertSubscription"]["Properties"]
            self.assertEqual(subscription["RedrivePolicy"], {"deadLetterTargetArn": {"Fn::GetAtt": ["FailedEventsQueue", "Arn"]}})
            sources = {
                service: statement["Condition"]["ArnEquals"]["aws:SourceArn"]
                for statement in self.statements(stack, "FailedEventsQueue")
                if statement["Effect"] == "Allow"
                for service in listed(statement["Principal"]["Service"])
            }
            self.assertEqual(sources["sns.amazonaws.com"], source)

    def test_a_rule_may_be_on_another_bus_and_may_rest(self):
        rule = self.stack.resources["AlertRule"]["Properties"]
        self.assertNotIn("EventBusName", rule)
        self.assertEqual(rule["State"], "ENABLED")
        bus = "aws.partner/crowdstrike.com/falcon"
        rule = Resolved(EventPlaybook="disable-user", EventBusName=bus, EventRuleState="DISABLED").resources["AlertRule"]["Properties"]
        self.assertEqual((rule["EventBusName"], rule["State"]), (bus, "DISABLED"))

    def test_the_default_pattern_leaves_findings_of_low_severity_out(self):
        pattern = json.loads(self.stack.resources["AlertRule"]["Properties"]["EventPattern"])
        self.assertEqual(pattern["detail"], {"severity": [{"numeric": [">=", 7]}]})
        sample = json.loads((ROOT / "tests/events/guardduty-user.json").read_text())
        self.assertIn(sample["source"], pattern["source"])
        self.assertIn(sample["detail-type"], pattern["detail-type"])
        self.assertIsInstance(sample["detail"]["severity"], (int, float))

    def test_a_queued_alert_is_tried_while_it_is_fresh(self):
        queue = self.stack.resources["AlertQueue"]["Properties"]
        received = queue["RedrivePolicy"]["maxReceiveCount"]
        self.assertGreaterEqual(received, 5, "Lambda's guide")
        self.assertLess(received * queue["VisibilityTimeout"], int(self.stack.parameters["MaxEventAgeSeconds"]))


if __name__ == "__main__":
    unittest.main()
