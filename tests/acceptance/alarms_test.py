"""An alarm means something: it is set off by what nobody expects, again for each later failure, and a deployment by itself."""

import json
import re
import unittest
from fnmatch import fnmatchcase

from resolved import PLAYBOOKS, ROOT, Resolved, resource_of


def matches(pattern, record):
    """CloudWatch Logs' filter of JSON, as far as it is used here: equality with wildcards, `&&`, `||`, brackets."""

    def holds(comparison):
        value = record
        for name in comparison[1].split("."):
            value = value.get(name, {}) if isinstance(value, dict) else {}
        return str(isinstance(value, str) and fnmatchcase(value, comparison[2]))

    words = re.sub(r'\$\.([\w.]+) = "([^"]*)"', holds, pattern.strip("{} "))
    return eval(words.replace("&&", "and").replace("||", "or"))


def metrics(alarm):
    """Each metric that an alarm looks at: namespace, name, dimensions."""
    looked_at = [query["MetricStat"]["Metric"] for query in alarm.get("Metrics", []) if "MetricStat" in query] or [alarm]
    for metric in looked_at:
        dimensions = {dimension["Name"]: dimension["Value"] for dimension in metric.get("Dimensions", [])}
        yield metric["Namespace"], json.dumps(metric["MetricName"]).strip('"'), dimensions


class Alarms(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Resolved(EventPlaybook="disable-user", TopicPlaybook="enrich-user", QueuePlaybook="shutdown-host")
        cls.alarms = {name: alarm["Properties"] for name, alarm in cls.stack.of_type("AWS::CloudWatch::Alarm").items()}
        cls.canaries = {
            function: [alarm["Name"]["Ref"] for alarm in cls.stack.resources[f"{function}DeploymentGroup"]["Properties"]["AlarmConfiguration"]["Alarms"]]
            for function in cls.stack.of_type("AWS::Lambda::Function")
        }

    def test_no_mistyped_name_sets_an_alarm_off(self):
        for name, alarm in self.alarms.items():
            for namespace, metric, dimensions in metrics(alarm):
                if (namespace, metric) == ("AWS/Lambda", "Errors"):
                    self.assertEqual(alarm["Metrics"][0]["Expression"], "IF(crashes > 0, errors, 0)", name)
        written = (ROOT / "shared/src/runtime/record.rs").read_text()
        for metric in ("UnexpectedRuns", "RefusedAlerts", "Version", "FunctionName"):
            self.assertIn(f'"{metric}"', written)

    def test_a_process_that_gave_no_answer_is_a_crash_and_an_error_that_was_answered_is_none(self):
        for function, properties in self.stack.of_type("AWS::Lambda::Function").items():
            name = function.removesuffix("Function")
            self.assertIn(properties["Properties"]["LoggingConfig"]["SystemLogLevel"], ("WARN", "INFO"), "reports of failures are WARN")
            count = self.stack.resources[f"{name}CrashCount"]["Properties"]
            self.assertEqual(count["LogGroupName"], {"Ref": f"{name}LogGroup"})
            for crash in ({"status": "timeout"}, {"status": "error", "errorType": "Runtime.InvalidEntrypoint"}, {"status": "error", "errorType": "Runtime.ExitError"}):
                self.assertTrue(matches(count["FilterPattern"], {"type": "platform.report", "record": crash}), crash)
            for answer in ({"status": "success"}, {"status": "error"}, {"status": "error", "errorType": "Function.UserNotFound"}):
                self.assertFalse(matches(count["FilterPattern"], {"type": "platform.report", "record": answer}), answer)
            self.assertFalse(matches(count["FilterPattern"], {"playbook": "x", "error": "Runtime.ExitError"}))
            (counted,) = count["MetricTransformations"]
            ((namespace, metric, dimensions),) = metrics(self.alarms[f"{name}Crashes"])
            self.assertEqual((namespace, metric), (counted["MetricNamespace"], json.dumps(counted["MetricName"])))
            self.assertEqual(dimensions, {})

    def test_each_alert_that_is_refused_for_good_is_told(self):
        for playbook in PLAYBOOKS:
            alarm = self.alarms[f"{resource_of(playbook)}RefusedAlerts"]
            name = {"Fn::Sub": f"${{AWS::StackName}}-{playbook['name']}"}
            self.assertEqual(alarm["AlarmName"], {"Fn::Sub": f"{name['Fn::Sub']}-refused-alerts"})
            self.assertEqual(list(metrics(alarm)), [("JumpCloudPlaybooks", "RefusedAlerts", {"FunctionName": name})])
            # Every run counts 0 or 1, so that the alarm is over a minute later.
            self.assertEqual((alarm["Statistic"], alarm["Threshold"], alarm["Period"], alarm["EvaluationPeriods"]), ("Sum", 1, 60, 1))

    def test_what_the_guards_refuse_is_told_once(self):
        cases = {
            "limit": [{"Outcome": "LimitReached"}],
            "switch": [{"Outcome": "SwitchedOff", "Switch": "off"}, {"Outcome": "dry_run", "Switch": "dry-run"}],
            "unavailable": [{"Outcome": "GuardUnavailable"}, {"level": "WARN", "message": "the guard table could not be read during init"}],
            "unknown": [
                {"Outcome": "OutcomeUnknown"},
                {"level": "WARN", "message": "the guard table could not be updated"},
                {"level": "WARN", "message": "a mark in the guard table could not be taken back"},
            ],
        }
        others = [{"Outcome": "succeeded", "message": "done"}, {"Outcome": "dry_run", "Switch": None}, {"Outcome": "Protected"}, {"error": "LimitReached"}]
        filters = self.stack.of_type("AWS::Logs::MetricFilter").values()
        for guard, lines in cases.items():
            name = {"Fn::Sub": f"${{AWS::StackName}}-guard-{guard}"}
            (alarm,) = [alarm for alarm in self.alarms.values() if alarm.get("MetricName") == name]
            self.assertEqual((alarm["Dimensions"], alarm["Namespace"]), ([], "JumpCloudPlaybooks"))
            # In ALARM for an hour after the last refusal, so that those after the first tell nobody again.
            self.assertEqual((alarm["DatapointsToAlarm"], alarm["Period"] * alarm["EvaluationPeriods"]), (1, 3600))
            counts = [properties for properties in (body["Properties"] for body in filters) if properties["MetricTransformations"][0]["MetricName"] == name]
            counted = [f"{resource_of(playbook)}LogGroup" for playbook in PLAYBOOKS if playbook["changes"] and (guard, playbook["name"]) != ("limit", "enable-user")]
            self.assertCountEqual([count["LogGroupName"]["Ref"] for count in counts], counted)
            for count in counts:
                self.assertTrue(all(matches(count["FilterPattern"], line) for line in lines), guard)
                rest = others + [line for other, lines in cases.items() if other != guard for line in lines]
                self.assertFalse(any(matches(count["FilterPattern"], line) for line in rest), guard)
        # The lines are what the code writes: those of runs, and the warnings, which the functions' level lets through.
        run = (ROOT / "shared/src/runtime/record.rs").read_text()
        for word in ("Outcome", "Switch", "off", "dry-run"):
            self.assertIn(f'"{word}"', run)
        code = "".join(path.read_text() for path in (ROOT / "ledger/src").glob("*.rs"))
        for line in (line for lines in cases.values() for line in lines):
            self.assertIn(f'"{line["message"]}"' if "message" in line else "", code)
            self.assertIn(line.get("Outcome", "dry_run"), (ROOT / "shared/src/error.rs").read_text() + "dry_run")
        for function in self.stack.of_type("AWS::Lambda::Function").values():
            self.assertEqual(function["Properties"]["LoggingConfig"]["ApplicationLogLevel"], "INFO")
        without = Resolved(GuardTableName="none").of_type("AWS::CloudWatch::Alarm")
        self.assertFalse([name for name in without if name.startswith("Guard")], "a guard that is not there refuses nothing")

    def test_a_deployment_is_judged_by_its_own_version(self):
        for function, alarms in self.canaries.items():
            version = self.stack.resources[f"{function}Aliaslive"]["Properties"]["FunctionVersion"]
            logical_id = version["Fn::GetAtt"][0]
            self.assertEqual(len(alarms), 2)
            judged_by = {}
            for name in alarms:
                alarm = self.alarms[name]
                self.assertIn(f"${{{logical_id}.Version}}", alarm["AlarmName"]["Fn::Sub"], "a new alarm for each version")
                self.assertFalse(alarm.get("AlarmActions"), "the function's own alarm tells people")
                judged_by |= {metric: dimensions for _, metric, dimensions in metrics(alarm)}
            self.assertEqual(judged_by["UnexpectedRuns"]["Version"], version)
            self.assertEqual(judged_by["Errors"]["ExecutedVersion"], version)
            self.assertRegex(judged_by["Errors"]["Resource"]["Fn::Sub"], ":live$")

    def test_every_other_alarm_tells_somebody(self):
        silent = [name for name, alarm in self.alarms.items() if not alarm.get("AlarmActions")]
        self.assertCountEqual(silent, sum(self.canaries.values(), []))
        for alarm in self.alarms.values():
            self.assertEqual(alarm["TreatMissingData"], "notBreaching")

    def test_a_later_failure_is_told_while_earlier_ones_wait(self):
        def watched(name):
            queue = {"QueueName": {"Fn::GetAtt": [name, "QueueName"]}}
            return {metric: alarm for alarm in self.alarms.values() for namespace, metric, dimensions in metrics(alarm) if (namespace, dimensions) == ("AWS/SQS", queue)}

        self.assertEqual(set(watched("FailedEventsQueue")), {"NumberOfMessagesSent"})
        # What SQS moves itself is in no count of sent messages.
        dead = watched("AlertDeadLetterQueue")
        self.assertNotIn("NumberOfMessagesSent", dead)
        self.assertEqual(dead["ApproximateNumberOfMessagesNotVisible"]["Metrics"][0]["Expression"], "RATE(visible + looked_at)")
        self.assertIn("AlertDeadLetters", self.alarms)
        age = watched("AlertQueue")["ApproximateAgeOfOldestMessage"]
        self.assertLess(age["Threshold"], int(self.stack.parameters["MaxEventAgeSeconds"]))

    def test_alerts_that_do_not_arrive_are_noticed(self):
        for bus, expected in (("default", {"RuleName"}), ("aws.partner/example.com/x", {"RuleName", "EventBusName"})):
            stack = Resolved(EventPlaybook="disable-user", EventBusName=bus)
            for name, metric in (("AlertRuleFailures", "FailedInvocations"), ("AlertRuleLosses", "InvocationsFailedToBeSentToDlq")):
                ((namespace, watched, dimensions),) = metrics(stack.resources[name]["Properties"])
                self.assertEqual((namespace, watched, set(dimensions)), ("AWS/Events", metric, expected))
                self.assertEqual(dimensions["RuleName"], stack.resources["AlertRule"]["Properties"]["Name"])
        for name, playbook in (("AlertEventLosses", "EventPlaybook"), ("AlertTopicLosses", "TopicPlaybook")):
            ((_, metric, dimensions),) = metrics(self.alarms[name])
            self.assertEqual(metric, "DestinationDeliveryFailures")
            self.assertEqual(dimensions["FunctionName"], {"Fn::Sub": f"${{AWS::StackName}}-${{{playbook}}}"})


if __name__ == "__main__":
    unittest.main()
