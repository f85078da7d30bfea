"""moto's server, with one defect of its Step Functions put right: it hands the parameters of `states:startExecution`
to botocore as they stand in the definition (`StateMachineArn`), where the API's own spelling is `stateMachineArn`, and
returns the API's spelling where a definition reads `ExecutionArn`."""

import sys

import moto_jsonata  # noqa: F401 - changes moto
from moto.server import main
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_sfn import (
    StateTaskServiceSfn,
)

normalise_parameters = StateTaskServiceSfn._normalise_parameters


def rename(values, change):
    for name in list(values):
        values[change(name[0]) + name[1:]] = values.pop(name)


def parameters_of_the_api(self, parameters, *args, **kwargs):
    normalise_parameters(self, parameters, *args, **kwargs)
    rename(parameters, str.lower)


def response_of_the_definition(self, response, *args, **kwargs):
    rename(response, str.upper)


StateTaskServiceSfn._normalise_parameters = parameters_of_the_api
StateTaskServiceSfn._normalise_response = response_of_the_definition
main(sys.argv[1:])
