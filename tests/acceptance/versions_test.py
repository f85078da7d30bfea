"""A changed parameter reaches what acts: the alias `live` moves to a version with the new settings.

Lambda freezes a function's settings in each version, and everything invokes `live`. CloudFormation publishes a version
when the version's logical id or one of its create-only properties changes. This is computed here for each parameter.
"""

import json
import re
import unittest

from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER
from resolved import Resolved

# Values for a parameter that has a pattern. Add one here when a new pattern takes none of them.
SAMPLES = [
    "arn:aws:secretsmanager:us-east-1:123456789012:secret:other-a1B2c3",
    "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555",
    "arn:aws:sns:us-east-1:123456789012:other",
    "arn:aws:sqs:us-east-1:123456789012:other",
    "arn:aws:iam::123456789012:policy/other",
    "arn:aws:events:us-east-1:123456789012:event-bus/other",
    "arn:aws:iam::123456789012:role/other",
    "https://console.eu.jumpcloud.com/api",
    "https://vpce-0123456789abcdef0-abcdefgh.secretsmanager.us-east-1.vpce.amazonaws.com",
    "0123456789abcdef01234567",
    "210987654321",
    "/other/",
    "other",
    "subnet-0123456789abcdef0",
    "sg-0123456789abcdef0",
    "user:ceo@company.com",
    "jumpcloud/{organization}/key",
    "acme=633f3f295482343ff32add41",
    "acme",
    "7",
]
# They were on the old version after a deployment; all others are found.
KNOWN = {
    "ActOnLogs",
    "Architecture",
    "BatchConcurrency",
    "DryRun",
    "DynamoDbEndpoint",
    "GuardTableName",
    "JumpCloudApiUrl",
    "JumpCloudOrgId",
    "JumpCloudRegion",
    "JumpCloudSelf",
    "MaxEventAgeSeconds",
    "MaxTargetsPerAlert",
    "MaxTargetsPerDay",
    "MaxTargetsPerHour",
    "MaxUsersOfHost",
    "Protected",
    "QueuePlaybook",
    "RequireBinding",
    "SecretArn",
    "SecretsManagerEndpoint",
    "SuspendWith",
    "TargetPaths",
    "TrustedAccounts",
    "TrustedDomains",
}


def other(name, parameter):
    """A value that the parameter takes and that is not its default."""
    default = str(parameter["Default"])
    if "AllowedValues" in parameter:
        return next(str(value) for value in parameter["AllowedValues"] if str(value) != default)
    if parameter["Type"] == "Number":
        one_more = int(default) + 1
        return str(one_more if one_more <= parameter.get("MaxValue", one_more) else one_more - 2)
    for sample in SAMPLES if "AllowedPattern" in parameter else ["other"]:
        if sample != default and re.search(parameter.get("AllowedPattern", ""), sample):
            return sample
    raise AssertionError(f"no sample fits the pattern of {name}: add one to SAMPLES")


class Stack(Resolved):
    """What CloudFormation would create anew, by comparing two stacks' identities."""

    def identity(self, name):
        """Changes exactly when CloudFormation replaces the resource."""
        resource = self.resources.get(name)
        if resource is None:
            return name
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", resource["Type"]).schema
        created_with = {path.split("/")[2] for path in schema.get("createOnlyProperties", [])}
        return [name, {key: self.followed(value) for key, value in resource["Properties"].items() if key in created_with}]

    def followed(self, value):
        """The value with each reference replaced by the identity of what it refers to."""
        if isinstance(value, list):
            return [self.followed(item) for item in value]
        if not isinstance(value, dict):
            return value
        if set(value) == {"Ref"}:
            return self.identity(value["Ref"])
        if set(value) == {"Fn::GetAtt"}:
            return [self.identity(value["Fn::GetAtt"][0]), value["Fn::GetAtt"][1:]]
        if set(value) == {"Fn::Sub"} and isinstance(value["Fn::Sub"], str):
            names = re.findall(r"\$\{([^!}.]+)", value["Fn::Sub"])
            return [value, [self.parameters.get(name) or self.identity(name) for name in names]]
        return {key: self.followed(item) for key, item in value.items()}

    def functions(self):
        return {name: self.followed(body["Properties"]) for name, body in self.of_type("AWS::Lambda::Function").items()}

    def live(self, function):
        """What the alias points to."""
        version = self.resources[f"{function}Aliaslive"]["Properties"]["FunctionVersion"]["Fn::GetAtt"][0]
        return self.identity(version)


class Versions(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        declared = Stack().source["Parameters"]
        cls.others = {name: other(name, parameter) for name, parameter in declared.items()}
        # Some parameters count only beside others: each is changed alone, and back among all that are changed.
        # Switches stay, for a switch may leave functions out.
        switches = {name for name, parameter in declared.items() if "AllowedValues" in parameter}
        everything = {name: value for name, value in cls.others.items() if name not in switches}
        cls.pairs = {}
        defaults, changed = Stack(), Stack(**everything)
        for name in declared:
            alone = defaults, Stack(**{name: cls.others[name]})
            without = {key: value for key, value in everything.items() if key != name}
            among = changed, Stack(**(without if name in everything else everything | {name: cls.others[name]}))
            cls.pairs[name] = [alone, among]

    def test_a_parameter_that_ends_in_a_function_moves_live(self):
        found, stale, refused = set(), set(), set()
        for parameter, pairs in self.pairs.items():
            for before, after in pairs:
                old, new = before.functions(), after.functions()
                for function in set(old) & set(new):
                    published = before.live(function) != after.live(function)
                    if old[function] != new[function]:
                        found.add(parameter)
                        if not published:
                            stale.add(parameter)
                    elif published:
                        refused.add(parameter)
        self.assertEqual(sorted(stale), [], "a change of these leaves `live` on the old version")
        self.assertEqual(sorted(refused), [], "Lambda publishes no version of a function that has not changed: the deployment would fail")
        self.assertLessEqual(KNOWN, found)

    def test_a_versions_description_is_short_enough(self):
        for name, version in self.pairs["DryRun"][0][0].of_type("AWS::Lambda::Version").items():
            description = json.dumps(version["Properties"]["Description"])
            self.assertNotRegex(description, "|".join(rf"\b{parameter}\b" for parameter in self.pairs), name)
            self.assertLess(len(description), 256 - 20, name)


if __name__ == "__main__":
    unittest.main()
