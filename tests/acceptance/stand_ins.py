"""What the commands of the documentation run against: moto with the stack's outputs, and the functions behind Lambda's Invoke API."""

import json
import os
import re
import subprocess
from contextlib import ExitStack, contextmanager

import boto3

from resolved import PLAYBOOKS, ROOT, Resolved
from run_artifacts import free_port, process, wait_for

# The names that the pages use.
STACK = "jumpcloud-playbooks"
DELIVERY_STREAM = "jumpcloud-audit"
ROLE = "arn:aws:iam::123456789012:role/any"
KEPT = {"AWS::DynamoDB::Table", "AWS::Logs::LogGroup", "AWS::SNS::Topic", "AWS::SQS::Queue"}


def kebab(name):
    return re.sub(r"(?<!^)([A-Z])", r"-\1", name).lower()


def stack_template(secret):
    """The template's outputs, and of its resources those that moto can make and the commands use: secrets it cannot."""
    deployed = Resolved(EventPlaybook="respond-to-alert", QueuePlaybook="disable-user")
    resources, outputs = {}, {}
    for name, body in deployed.of_type(*KEPT).items():
        properties = body.get("Properties", {})
        kept = {key: value for key, value in properties.items() if not key.startswith("Kms") and key not in ("RedrivePolicy", "SSESpecification")}
        resources[name] = {"Type": body["Type"], "Properties": kept}
    for name, body in deployed.of_type("AWS::StepFunctions::StateMachine").items():
        workflow = kebab(name.removesuffix("StateMachine"))
        definition = (ROOT / f"workflows/{workflow}.asl.json").read_text()
        properties = {"StateMachineName": f"{STACK}-{workflow}", "DefinitionString": definition, "RoleArn": ROLE}
        resources[name] = {"Type": body["Type"], "Properties": properties}
    for name, body in deployed.outputs.items():
        value = body["Value"]
        # An alias of a function: `cargo playbook serve` knows the function by the playbook's name.
        if value.get("Ref", "").endswith("FunctionAliaslive"):
            value = f"arn:aws:lambda:us-east-1:123456789012:function:{kebab(name)}:live"
        elif value == {"Ref": "ApiKeySecret"}:
            value = secret
        outputs[name] = {"Value": value}
    return {"Resources": resources, "Outputs": outputs}


@contextmanager
def invoke_api():
    """Its URL, and the command that `cargo playbook serve` gives as an example."""
    with process(["cargo", "playbook", "serve", "--port", "0"], cwd=ROOT, stderr=subprocess.PIPE, text=True) as running, running.stderr as words:
        for line in words:
            if url := re.search(r"Invoke API on (http://[\d.:]+)", line):
                yield url[1], next(words).strip()
                return
        raise SystemExit("cargo playbook serve gave no Invoke API")


def alert_sources(client):
    """What the stack would have besides: functions, a rule, and what reads the queue. moto runs none of them."""
    role = client("iam").create_role(RoleName="any", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    for playbook in PLAYBOOKS:
        client("lambda").create_function(
            FunctionName=f"{STACK}-{playbook['name']}", Runtime="provided.al2023", Handler="bootstrap", Role=role, Code={"ZipFile": b"none"}
        )
    client("events").put_rule(Name=f"{STACK}-alerts", EventPattern="{}")
    (outputs,) = [stack["Outputs"] for stack in client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]]
    (queue,) = [output["OutputValue"] for output in outputs if output["OutputKey"] == "AlertQueueUrl"]
    arn = client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    client("lambda").create_event_source_mapping(EventSourceArn=arn, FunctionName=f"{STACK}-disable-user")


@contextmanager
def stand_ins():
    """The environment that sends the AWS CLI to them, a maker of boto3's clients for moto, and the example of `cargo playbook serve`."""
    with ExitStack() as stack:
        port = free_port()
        moto = ["moto_server", "-H", "127.0.0.1", "-p", str(port)]
        wait_for(port, stack.enter_context(process(moto, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)))
        endpoint = f"http://127.0.0.1:{port}"
        lambda_endpoint, example = stack.enter_context(invoke_api())
        env = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        env |= {
            "AWS_ACCESS_KEY_ID": "x",
            "AWS_SECRET_ACCESS_KEY": "x",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ENDPOINT_URL_LAMBDA": lambda_endpoint,
            "AWS_PAGER": "",
        }

        def client(service):
            return boto3.client(
                service, "us-east-1", endpoint_url=endpoint, aws_access_key_id="x", aws_secret_access_key="x"
            )

        client("s3").create_bucket(Bucket="export")
        destination = {"RoleARN": ROLE, "BucketARN": "arn:aws:s3:::export"}
        client("firehose").create_delivery_stream(
            DeliveryStreamName=DELIVERY_STREAM, ExtendedS3DestinationConfiguration=destination
        )
        secret = client("secretsmanager").create_secret(Name="ApiKeySecret")["ARN"]
        client("cloudformation").create_stack(StackName=STACK, TemplateBody=json.dumps(stack_template(secret)))
        alert_sources(client)
        yield env, client, example
