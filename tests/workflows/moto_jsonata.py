"""JSONata for moto's Step Functions. moto evaluates it through a JVM; here a Python package does, so that the tests need
no Java. Six things are closer to AWS than moto: `$hash` works, variables of any size and content reach an expression, an expression
that fails is `States.QueryEvaluationError`, Map, Parallel and Fail pass on AWS's own errors, arguments have a largest
size, and `States.ALL` does not catch those errors that AWS calls terminal."""

import hashlib
import json

from jsonata.jsonata import Jsonata
from jsonata.utils import Utils
from moto.stepfunctions.parser import quotas
from moto.stepfunctions.parser.api import EvaluationFailedEventDetails, HistoryEventType
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.error_equals_decl import ErrorEqualsDecl
from moto.stepfunctions.parser.asl.component.common.error_name.error_name import ErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from moto.stepfunctions.parser.asl.component.common.string.string_expression import StringJSONata
from moto.stepfunctions.parser.asl.component.intrinsic import jsonata as intrinsic
from moto.stepfunctions.parser.asl.component.state.exec.state_task.state_task import StateTask
from moto.stepfunctions.parser.asl.eval import states, variable_store
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.asl.jsonata import jsonata
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str

# Values as JSON, by their hash.
stored = {}


def with_nulls(value):
    """JSON's null is a value to JSONata, Python's None is nothing."""
    if isinstance(value, dict):
        return {name: with_nulls(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [with_nulls(inner) for inner in value]
    return Utils.NULL_VALUE if value is None else value


def declare(bindings):
    """moto writes each value into the expression: quotes in a text break it, and large values take seconds to parse.
    The expression gets a reference instead."""
    parts = []
    for name, value in bindings.items():
        text = to_json_str(value)
        key = hashlib.sha256(text.encode()).hexdigest()
        stored[key] = text
        parts.append(f'{name}:=$stored("{key}");')
    return "".join(parts)


def hashed(text, algorithm):
    """AWS's own function, which moto does not have."""
    return hashlib.new(algorithm.replace("-", "").lower(), text.encode()).hexdigest()


def evaluate(expression):
    try:
        compiled = Jsonata(expression)
        compiled.register_lambda("hash", hashed)
        compiled.register_lambda("stored", lambda key: with_nulls(json.loads(stored[key])))
        return compiled.evaluate(None)
    except Exception as error:
        raise jsonata.JSONataException("UNKNOWN", str(error)) from error


evaluate_body = StringJSONata._eval_body


def evaluate_or_fail(self, env):
    try:
        evaluate_body(self, env)
    except jsonata.JSONataException as error:
        name = StatesErrorName(typ=StatesErrorNameType.StatesQueryEvaluationError)
        cause = f"The JSONata expression '{self.expression}' failed: {error.details}"
        details = EvaluationFailedEventDetails(error=name.error_name, cause=cause)
        event = FailureEvent(
            env=env,
            error_name=name,
            event_type=HistoryEventType.EvaluationFailed,
            event_details=EventDetails(evaluationFailedEventDetails=details),
        )
        raise FailureEventException(failure_event=event) from error


TERMINAL = ("States.Runtime", "States.DataLimitExceeded")
matches = ErrorEqualsDecl._eval_body


def matches_what_can_be_caught(self, env):
    if env.stack[-1].error_name in TERMINAL and ErrorEqualsDecl._STATE_ALL_ERROR in self.error_names:
        env.stack[-1] = False
    else:
        matches(self, env)


evaluate_arguments = StateTask._eval_parameters


def arguments_within_the_limit(self, env):
    arguments = evaluate_arguments(self, env)
    self._verify_size_quota(env, arguments)
    return arguments


jsonata._eval_jsonata = evaluate
intrinsic._DECLARATION_BY_VARIABLE_REFERENCE["$hash"] = ""
states.encode_jsonata_variable_declarations = declare
variable_store.encode_jsonata_variable_declarations = declare
StringJSONata._eval_body = evaluate_or_fail
ErrorEqualsDecl._eval_body = matches_what_can_be_caught
CustomErrorName.__init__ = ErrorName.__init__
StateTask._eval_parameters = arguments_within_the_limit
# Blanks between values do not count.
quotas.to_json_str = lambda value: to_json_str(value, (",", ":"))
