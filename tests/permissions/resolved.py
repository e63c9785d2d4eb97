"""
The template's values as text: the functions of CloudFormation worked out, with the parameters' defaults.

The stack is called `stack`, its region `region`, its account `account`, and a resource that CloudFormation names has
its logical id for a name. So what was seen in two regions and under two names is the same here.
"""

import re
from collections.abc import Mapping
from typing import Any

from tests.template.stack import Stack

PSEUDO = {
    "AWS::Partition": "aws",
    "AWS::Region": "region",
    "AWS::AccountId": "account",
    "AWS::StackId": "arn:aws:cloudformation:region:account:stack/stack/id",
    "AWS::StackName": "stack",
    "AWS::URLSuffix": "amazonaws.com",
}
NOTHING = object()
"""AWS::NoValue: what has it is left out."""

ARNS = {
    "AWS::DynamoDB::Table": "arn:aws:dynamodb:region:account:table/{}",
    "AWS::IAM::Role": "arn:aws:iam::account:role/{}",
    "AWS::KMS::Key": "arn:aws:kms:region:account:key/{}",
    "AWS::Lambda::Function": "arn:aws:lambda:region:account:function:{}",
    "AWS::Logs::LogGroup": "arn:aws:logs:region:account:log-group:{}:*",
    "AWS::S3::Bucket": "arn:aws:s3:::{}",
    "AWS::SNS::Topic": "arn:aws:sns:region:account:{}",
    "AWS::SQS::Queue": "arn:aws:sqs:region:account:{}",
    "AWS::StepFunctions::StateMachine": "arn:aws:states:region:account:stateMachine:{}",
}
NAMED_BY = {
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::StepFunctions::StateMachine": "StateMachineName",
}
"""The property in which the template names such a resource."""

REF_IS_ARN = {"AWS::SNS::Topic", "AWS::StepFunctions::StateMachine"}


class Resolver:
    """For one set of parameters; those that are not given have their default."""

    def __init__(self, stack: Stack, given: Mapping[str, str]) -> None:
        self._stack = stack
        self._parameters = {name: each.get("Default", "") for name, each in stack.parameters.items()} | dict(given)

    def resolve(self, value: Any) -> Any:
        """The same, with text where the template has a function of CloudFormation."""
        if isinstance(value, list):
            return [each for each in map(self.resolve, value) if each is not NOTHING]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((function, argument),) = value.items()
            if function == "Ref":
                return self._ref(argument)
            if function.startswith("Fn::"):
                return self._call(function.removeprefix("Fn::"), argument)
        found = {name: self.resolve(each) for name, each in value.items()}
        return {name: each for name, each in found.items() if each is not NOTHING}

    def holds(self, condition: str) -> bool:
        """Whether a condition of the template does."""
        return self._holds(self._stack.conditions[condition])

    def given_names(self) -> list[str]:
        """Of the resources that the template names."""
        return [self._name(name) for name, each in self._stack.resources.items() if each["Type"] in NAMED_BY]

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NOTHING
        if name in PSEUDO:
            return PSEUDO[name]
        if name in self._parameters:
            value, type_ = self._parameters[name], self._stack.parameters[name]["Type"]
            return value.split(",") if "List" in type_ and isinstance(value, str) else value
        return self._arn(name) if self._stack.resources[name]["Type"] in REF_IS_ARN else self._name(name)

    def _call(self, function: str, argument: Any) -> Any:
        match function, argument:
            case "GetAtt", [str(name), "Arn"]:
                return self._arn(name)
            case "Sub", str(text):
                return self._filled(text, {})
            case "Sub", [str(text), dict(values)]:
                return self._filled(text, self.resolve(values))
            case "Join", [str(between), parts]:
                return between.join(self.resolve(parts))
            case "Split", [str(at), text]:
                return self.resolve(text).split(at)
            case "Select", [int(at), parts]:
                return self.resolve(parts)[at]
            case "If", [str(condition), one, other]:
                return self.resolve(one if self.holds(condition) else other)
        raise ValueError(f"the template has Fn::{function} of {argument}, which this reader does not know")

    def _filled(self, text: str, values: Mapping[str, str]) -> str:
        def value(found: re.Match[str]) -> str:
            name = found[1]
            if name in values:
                return values[name]
            resource, _, attribute = name.partition(".")
            return str(self._call("GetAtt", [resource, attribute]) if attribute else self._ref(name))

        return re.sub(r"\$\{([^!}]+)\}", value, text)

    def _arn(self, name: str) -> str:
        return ARNS[self._stack.resources[name]["Type"]].format(self._name(name))

    def _name(self, name: str) -> str:
        resource = self._stack.resources[name]
        return str(self.resolve(resource["Properties"].get(NAMED_BY.get(resource["Type"], ""), name)))

    def _holds(self, test: Any) -> bool:
        match test:
            case {"Condition": str(name)}:
                return self.holds(name)
            case {"Fn::Equals": [one, other]}:
                return bool(self.resolve(one) == self.resolve(other))
            case {"Fn::Not": [inner]}:
                return not self._holds(inner)
            case {"Fn::And": tests}:
                return all(map(self._holds, tests))
            case {"Fn::Or": tests}:
                return any(map(self._holds, tests))
        raise ValueError(f"the template has the condition {test}, which this reader does not know")
