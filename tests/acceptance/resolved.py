"""The template as CloudFormation would deploy it: SAM expanded, parameters and conditions resolved."""

import copy
import json
import logging
import os
import re
from pathlib import Path

from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

ROOT = Path(__file__).resolve().parents[2]
NOTHING = {"Ref": "AWS::NoValue"}
# The one list of playbooks.
PLAYBOOKS = json.loads((ROOT / "tests" / "playbooks.json").read_text())
# The functions that are no playbooks.
CHECK_CONNECTION = {
    "name": "check-connection",
    "event": {},
    "status": "succeeded",
    "refused": {"username": "jsmith"},
    "error": "InvalidInput",
}
GUARD_RAILS = {
    "name": "guard-rails",
    "event": {"protect": {"user": "ceo@company.com"}, "as": "never", "reason": "board"},
    "status": "succeeded",
    "refused": {"switch": "off"},
    "error": "InvalidInput",
}
FUNCTIONS = [*PLAYBOOKS, CHECK_CONNECTION, GUARD_RAILS]

os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
logging.getLogger("samtranslator").setLevel(logging.ERROR)  # It warns about metrics of its own in each translation.


def resource_of(playbook):
    """How the template's logical ids begin: `EnrichHost` for `enrich-host`."""
    return "".join(word.capitalize() for word in playbook["name"].split("-"))


def function_of(playbook):
    return f"{resource_of(playbook)}Function"


def check(name, value, parameter):
    """What CloudFormation checks of a parameter before anything else."""
    allowed = [str(allowed) for allowed in parameter.get("AllowedValues", [value])]
    assert value in allowed, f"{name} is one of {allowed}"
    assert re.search(parameter.get("AllowedPattern", ""), value), f"{name}={value} does not fit its pattern"
    assert len(value) <= parameter.get("MaxLength", 4096), f"{name} is too long"
    if parameter["Type"] == "Number":
        assert parameter.get("MinValue", 0) <= int(value) <= parameter.get("MaxValue", int(value)), f"{name}={value} is out of range"


class Resolved:
    """`resources` and `outputs` that exist with these parameters, without `Fn::If` and references to parameters."""

    def __init__(self, **parameters):
        source = yaml_parse((ROOT / "template.yaml").read_text())
        self.source = copy.deepcopy(source)
        declared = source["Parameters"]
        unknown = set(parameters) - set(declared)
        assert not unknown, f"no such parameters: {unknown}"
        self.parameters = {name: str(parameters.get(name, body["Default"])) for name, body in declared.items()}
        for name, body in declared.items():
            check(name, self.parameters[name], body)
        # CloudFormation takes the code from a bucket; the translator wants to see one.
        for resource in source["Resources"].values():
            for key in ("CodeUri", "DefinitionUri"):
                if isinstance(resource.get("Properties", {}).get(key), str):
                    resource["Properties"][key] = f"s3://bucket/{resource['Properties'][key]}"
        translator = Translator({}, Parser())
        template = translator.translate(source, self.parameters)
        self.conditions = template["Conditions"]
        self.resources = self._present(template["Resources"])
        self.outputs = self._present(template["Outputs"])

    def refusals(self):
        """The descriptions of the Rules that refuse these parameters."""
        return {
            assertion["AssertDescription"]
            for rule in self.source["Rules"].values()
            if self._holds(rule["RuleCondition"])
            for assertion in rule["Assertions"]
            if not self._holds(assertion["Assert"])
        }

    def of_type(self, *types):
        return {name: body for name, body in self.resources.items() if body["Type"] in types}

    def _present(self, section):
        kept = {name: body for name, body in section.items() if self._holds(body.get("Condition"))}
        return {name: self._value(body) for name, body in kept.items()}

    def _holds(self, condition):
        if condition is None:
            return True
        if isinstance(condition, str):
            return self._holds(self.conditions[condition])
        (function, arguments), = condition.items()
        match function:
            case "Condition":
                return self._holds(arguments)
            case "Fn::Equals":
                left, right = (str(self._value(argument)) for argument in arguments)
                return left == right
            case "Fn::Contains":
                values, value = (self._value(argument) for argument in arguments)
                return str(value) in [str(item) for item in values]
            case "Fn::And":
                return all(self._holds(argument) for argument in arguments)
            case "Fn::Or":
                return any(self._holds(argument) for argument in arguments)
            case "Fn::Not":
                return not self._holds(arguments[0])
        raise AssertionError(f"unknown condition {condition}")

    def _value(self, value):
        if isinstance(value, list):
            resolved = [self._value(item) for item in value]
            return [item for item in resolved if item != NOTHING]
        if not isinstance(value, dict):
            return value
        if set(value) == {"Fn::If"}:
            condition, then, otherwise = value["Fn::If"]
            return self._value(then if self._holds(condition) else otherwise)
        if set(value) == {"Ref"} and value["Ref"] in self.parameters:
            return self.parameters[value["Ref"]]
        resolved = {key: self._value(item) for key, item in value.items()}
        return {key: item for key, item in resolved.items() if item != NOTHING}
