"""moto's server, with one defect of its Step Functions put right: it hands the parameters of Step Functions' own API
to botocore as they stand in the definition (`StateMachineArn`), where the API's own spelling is `stateMachineArn`, and
returns the API's spelling where a definition reads `ExecutionArn`."""

import datetime
import sys

import moto_jsonata  # noqa: F401 - changes moto
from moto.server import main
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_aws_sdk import (
    StateTaskServiceAwsSdk,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_sfn import (
    StateTaskServiceSfn,
)

normalise_parameters = StateTaskServiceSfn._normalise_parameters
evaluate = StateTaskServiceAwsSdk._eval_service_task


def rename(values, change):
    for name in list(values):
        values[change(name[0]) + name[1:]] = values.pop(name)


def parameters_of_the_api(self, parameters, *args, **kwargs):
    normalise_parameters(self, parameters, *args, **kwargs)
    rename(parameters, str.lower)


def response_of_the_definition(self, response, *args, **kwargs):
    rename(response, str.upper)


def described(self, env, resource_runtime_part, normalised_parameters, state_credentials):
    own = self.resource.api_name == "sfn"
    if own:
        rename(normalised_parameters, str.lower)
    evaluate(self, env, resource_runtime_part, normalised_parameters, state_credentials)
    if own:
        response = env.stack[-1]
        for name, value in response.items():
            if isinstance(value, datetime.datetime):
                response[name] = value.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
        rename(response, str.upper)


StateTaskServiceAwsSdk._eval_service_task = described
StateTaskServiceSfn._normalise_parameters = parameters_of_the_api
StateTaskServiceSfn._normalise_response = response_of_the_definition
main(sys.argv[1:])
