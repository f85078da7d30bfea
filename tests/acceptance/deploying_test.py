"""What an organization's rules ask of a stack, what cannot work and is refused, and what outlives it."""

import json
import re
import tomllib
import unittest

from resolved import PLAYBOOKS, ROOT, Resolved, resource_of

SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:jumpcloud-a1B2c3"
KEY = "arn:aws:kms:us-east-1:123456789012:key/1"
TOPIC = "arn:aws:sns:us-east-1:123456789012:findings"
RULE = "arn:aws:events:us-east-1:123456789012:rule/findings"
ROLE = "arn:aws:iam::123456789012:role/break-glass"
ENDPOINT = "https://vpce-0123456789abcdef0-abcdefgh.secretsmanager.us-east-1.vpce.amazonaws.com"
VPC = {"VpcSubnetIds": "subnet-01234567,subnet-89abcdef", "VpcSecurityGroupIds": "sg-01234567"}
AUDITED = [resource_of(playbook) for playbook in PLAYBOOKS if playbook["changes"]] + ["GuardRails"]


PATTERN = "jumpcloud/{organization}/key"
ORGS = "acme=633f3f295482343ff32add41,globex=60259a2ad81e1a474d4e7c83"


class Combinations(unittest.TestCase):
    def test_what_cannot_work_is_refused(self):
        for parameters in (
            {"VpcSubnetIds": VPC["VpcSubnetIds"]},
            {"VpcSecurityGroupIds": VPC["VpcSecurityGroupIds"]},
            {"SecretsManagerEndpoint": ENDPOINT},
            {"DynamoDbEndpoint": ENDPOINT},
            {"SecretKmsKeyArn": KEY},
            {"BreakGlassRoleArn": ROLE, "SecretArn": SECRET},
            {"TopicArn": TOPIC},
            {"ActOnLogs": "true"},
            {"AlertSourceArns": RULE},
            {"AlertSourceArns": RULE, "TopicPlaybook": "enrich-user", "TopicArn": TOPIC},
            {"EventPlaybook": "respond-to-alert", "DeployWorkflows": "false"},
            {"QueuePlaybook": "disable-user", "DeployDisableUser": "false"},
            {"SecretPattern": PATTERN, "SecretArn": SECRET},
            {"SecretPattern": PATTERN, "EnrichUserSecretArn": SECRET},
            {"SecretPattern": PATTERN, "BreakGlassRoleArn": ROLE},
            {"SecretPattern": PATTERN, "JumpCloudOrgId": "633f3f295482343ff32add41"},
            {"JumpCloudOrgs": ORGS, "JumpCloudOrgId": "633f3f295482343ff32add41"},
            {"JumpCloudOrgs": ORGS, "TopicPlaybook": "enrich-user"},
            {"JumpCloudOrgs": ORGS, "QueuePlaybook": "enrich-user"},
            {"JumpCloudOrgs": ORGS, "QueueOrganization": "acme"},
            {"OrganizationOfAccount": "123456789012=acme"},
            {"QueueOrganization": "acme", "QueuePlaybook": "enrich-user"},
        ):
            self.assertEqual(len(Resolved(**parameters).refusals()), 1, parameters)

    def test_what_can_work_is_not(self):
        for parameters in (
            {},
            VPC,
            {**VPC, "SecretsManagerEndpoint": ENDPOINT},
            {"SecretArn": SECRET, "SecretKmsKeyArn": KEY},
            {"EnrichUserSecretArn": SECRET, "SecretKmsKeyArn": KEY, "BreakGlassRoleArn": ROLE},
            {"BreakGlassRoleArn": ROLE},
            {"TopicPlaybook": "enrich-user", "TopicArn": TOPIC},
            {"TopicPlaybook": "enrich-user", "AlertSourceArns": f"{RULE},{RULE}"},
            {"QueuePlaybook": "enrich-user", "AlertSourceArns": TOPIC},
            {"EventPlaybook": "respond-to-alert"},
            {"SecretPattern": PATTERN, "SecretKmsKeyArn": KEY, "OrganizationOfAccount": "123456789012=acme", "EventPlaybook": "respond-to-alert"},
            {"SecretPattern": PATTERN, "JumpCloudOrgs": "acme,globex"},
            {"JumpCloudOrgs": ORGS, "SecretArn": SECRET, "QueuePlaybook": "enrich-user", "QueueOrganization": "acme"},
            {"ActOnLogs": "true", "TargetPaths": "/who"},
            {"ReservedConcurrency": 1},
        ):
            self.assertEqual(Resolved(**parameters).refusals(), set(), parameters)

    def test_a_queue_may_not_use_more_than_is_reserved(self):
        for maximum in Resolved().source["Parameters"]["QueueMaximumConcurrency"]["AllowedValues"]:
            # Both queues: the redrive queue uses two, the least there is.
            for reserved, refused in ((1, True), (maximum + 1, True), (maximum + 2, False), (1000, False), (0, False)):
                stack = Resolved(QueuePlaybook="disable-user", QueueMaximumConcurrency=maximum, ReservedConcurrency=reserved)
                self.assertEqual(bool(stack.refusals()), refused, f"{reserved} reserved, {maximum} used")

    def test_values_that_aws_would_refuse_later_are_refused_at_once(self):
        for parameter, value in {
            "SecretArn": SECRET.removesuffix("-a1B2c3"),
            "ShutdownHostSecretArn": SECRET.removesuffix("-a1B2c3"),
            "JumpCloudRegion": "us-east-1",
            "JumpCloudApiUrl": "http://console.jumpcloud.com/api",
            "SuspendWith": "patch",
            "OfflineChecks": 2271,
            "ApprovalTimeoutSeconds": 604801,
            "PermissionsBoundaryArn": ROLE,
            "RolePath": "/security",
            "VpcSubnetIds": "vpc-01234567",
            "AlertSourceArns": f"{RULE},",
            "EventBusName": "",
            "TrustedDomains": "CORP,",
            "TrustedAccounts": "1234",
            "MaxTargetsPerAlert": 101,
            "MaxTargetsPerHour": 0,
            "MaxTargetsPerDay": 1001,
            "MaxUsersOfHost": "0",
            "Protected": "ceo@company.com",
            "GuardTableName": "no",
            "JumpCloudOrgId": "a#b",
            "JumpCloudOrgs": "Acme=1",
            "OrganizationOfAccount": "123456789012",
            "SecretPattern": "jumpcloud/key",
            "QueueOrganization": "*",
        }.items():
            with self.assertRaises(AssertionError, msg=parameter):
                Resolved(**{parameter: value})

    def test_the_longest_values_fit_into_a_functions_environment(self):
        source = Resolved().source

        def longest(value):
            match value:
                case {"Fn::If": [_, *either]}:
                    return max(map(longest, either))
                case {"Ref": str(name)} if parameter := source["Parameters"].get(name):
                    if "AllowedValues" in parameter:
                        return max(len(str(allowed)) for allowed in parameter["AllowedValues"])
                    return parameter["MaxLength"] if parameter["Type"] == "String" else len(str(parameter["MaxValue"]))
                case {"Ref": "AWS::NoValue"}:
                    return 0
                case {"Fn::Sub": [str(text), dict(given)]}:
                    names = re.findall(r"\$\{([^}]+)\}", text)
                    return len(re.sub(r"\$\{[^}]+\}", "", text)) + sum(longest(given.get(name, {"Ref": name})) for name in names)
                case {"Fn::Sub": str(text)}:
                    return longest({"Fn::Sub": [text, {}]})
                case {"Ref": _} | {"Fn::GetAtt": _}:  # an ARN: 80 characters of a name, and what is before it
                    return 128
            return len(value)

        of_all = source["Globals"]["Function"]["Environment"]["Variables"]
        for function in (body["Properties"] for body in source["Resources"].values() if body["Type"] == "AWS::Serverless::Function"):
            both = of_all | function["Environment"]["Variables"]
            # One organization, or several: the Rules let a stack have the variables of one of them. Those of several leave no room
            # for the longest paths and administrators; the page says so.
            for empty in (["JUMPCLOUD_ORGS", "ORGANIZATION_OF_ACCOUNT"], ["JUMPCLOUD_ORG_ID", "TARGET_PATHS", "JUMPCLOUD_SELF"]):
                # Lambda measures the JSON: with four quotes, a colon and a comma for each.
                length = 2 + sum(len(name) + (0 if name in empty else longest(value)) + 6 for name, value in both.items())
                self.assertLess(length, 4096, function["FunctionName"])


class Organization(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        boundary = "arn:aws:iam::123456789012:policy/boundary"
        cls.default = Resolved()
        cls.given = Resolved(PermissionsBoundaryArn=boundary, RolePath="/security/", BreakGlassRoleArn=ROLE, EventPlaybook="respond-to-alert", QueuePlaybook="enrich-user", **VPC)
        cls.boundary = boundary

    def test_every_role_has_the_path_and_the_boundary(self):
        roles = self.given.of_type("AWS::IAM::Role")
        self.assertEqual(len(roles), 14, "SAM adds none of its own")
        for name, role in roles.items():
            self.assertEqual(role["Properties"]["PermissionsBoundary"], self.boundary, name)
        for name, body in self.given.of_type("AWS::IAM::Role", "AWS::IAM::ManagedPolicy").items():
            self.assertEqual(body["Properties"]["Path"], "/security/", name)
        for name, role in self.default.of_type("AWS::IAM::Role").items():
            self.assertNotIn("PermissionsBoundary", role["Properties"], name)

    def test_functions_are_in_the_vpc_and_their_code_gets_no_right_of_it(self):
        def of_ec2(stack):
            statements = stack.resources["FunctionPolicy"]["Properties"]["PolicyDocument"]["Statement"]
            return [statement for statement in statements if "ec2:" in str(statement["Action"])]

        for function in self.given.of_type("AWS::Lambda::Function").values():
            subnets, groups = ({"Fn::Split": [",", value]} for value in VPC.values())
            self.assertEqual(function["Properties"]["VpcConfig"], {"SubnetIds": subnets, "SecurityGroupIds": groups})
        (statement,) = of_ec2(self.given)
        self.assertEqual(statement["Condition"], {"Null": {"lambda:SourceFunctionArn": "true"}})
        self.assertEqual(of_ec2(self.default), [])
        for function in self.default.of_type("AWS::Lambda::Function").values():
            self.assertNotIn("VpcConfig", function["Properties"])

    def test_codedeploy_may_read_every_alarm(self):
        statements = self.default.resources["DeploymentRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
        self.assertEqual([statement["Resource"] for statement in statements if statement["Action"] == "cloudwatch:DescribeAlarms"], ["*"])

    def test_cloudformation_and_the_break_glass_role_may_read_the_secret(self):
        for stack, readers in ((self.default, 7), (self.given, 8)):
            (statement,) = stack.resources["ApiKeySecretPolicy"]["Properties"]["ResourcePolicy"]["Statement"]
            # Conditions are joined by "and": one that does not hold is enough against the denial.
            self.assertEqual(set(statement["Condition"]), {"StringNotEquals", "ArnNotLike"})
            self.assertEqual(statement["Condition"]["StringNotEquals"], {"aws:CalledViaFirst": "cloudformation.amazonaws.com"})
            roles = statement["Condition"]["ArnNotLike"]["aws:PrincipalArn"]
            self.assertEqual((len(roles), ROLE in roles), (readers, readers == 8))

    def test_the_audit_record_outlives_the_stack_and_its_key_too(self):
        for stack in (self.default, Resolved(EnableMutating="false")):
            for name in [f"{playbook}LogGroup" for playbook in AUDITED] + ["Key"]:
                resource = stack.resources[name]
                # Plain Retain would leave groups behind when a creation fails, and the next one would find them.
                self.assertEqual((resource["DeletionPolicy"], resource["UpdateReplacePolicy"]), ("RetainExceptOnCreate", "Retain"), name)

    def test_build_and_deploy_are_told_the_same_architecture(self):
        config = tomllib.loads((ROOT / "samconfig.toml").read_text())["default"]
        default = self.default.source["Parameters"]["Architecture"]["Default"]
        self.assertEqual(config["global"]["parameters"]["parameter_overrides"], [f"Architecture={default}"])
        for command in ("build", "deploy"):
            self.assertNotIn("parameter_overrides", config[command]["parameters"], "it would replace the global one")


if __name__ == "__main__":
    unittest.main()
