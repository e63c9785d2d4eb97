"""
What checkov says of the templates, and parliament of their policies as IAM gets them. `make check` runs it.

    translate.py template.yaml target.yaml | .venv-review/bin/python tests/template/review.py template.yaml target.yaml

A finding that is accepted has its reason: of checkov in .checkov.yaml, of parliament here. An acceptance without a
finding is a mistake, too: it would hide the next one. Both tools are in an environment of their own
(requirements/review.in).
"""

import json
import re
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ACCEPTED = {
    "RESOURCE_STAR NotificationsKey": "in a key's own policy * is that key",
    "RESOURCE_STAR SeeMetricsPolicy": "the alarms are named by requests, and GetMetricData knows no resources",
    "RESOURCE_STAR TargetRole": "as above",
    "RESOURCE_STAR OperatorPolicy": "as above, for `bluegreen plan`",
    "RESOURCE_MISMATCH states:ListExecutions": "it also knows map runs; these are executions of a machine",
    "RESOURCE_MISMATCH states:DescribeExecution": "it also knows express executions; these are standard ones",
    "NO_VERSION ReceiveUploadFunctionRole": "SAM writes this policy, without any variable",
}
"""By parliament's issue and the resource that has the policy; for a mismatch, and the action."""

OF_CHECKOV = Path(".checkov.yaml")
"""Where checkov itself looks for what is accepted of it; the reasons are comments there."""

ACCOUNT, REGION = "123456789012", "eu-west-1"
PLACE = f"{REGION}:{ACCOUNT}"
VALUES: dict[str, Any] = {
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::StackName": "bluegreen",
    "ImageRegistries": "210987654321",
    "HomeStackId": f"arn:aws:cloudformation:{PLACE}:stack/bluegreen/51af3dc0-da77-11e4-872e-1234567db123",
    "TargetRoles": [f"arn:aws:iam::{ACCOUNT}:role/bluegreen-target-bluegreen-{REGION}"],
    "KmsKeyArn": f"arn:aws:kms:{PLACE}:key/theirs",
    "CleanUpRoleArn": f"arn:aws:iam::{ACCOUNT}:role/theirs",
}
"""Of what the templates refer to and do not make."""
ARNS = {
    "AWS::DynamoDB::Table": "arn:aws:dynamodb:{place}:table/{name}",
    "AWS::Events::Rule": "arn:aws:events:{place}:rule/{name}",
    "AWS::IAM::Role": f"arn:aws:iam::{ACCOUNT}:role/{{name}}",
    "AWS::KMS::Key": "arn:aws:kms:{place}:key/{name}",
    "AWS::Lambda::Function": "arn:aws:lambda:{place}:function:{name}",
    "AWS::Logs::LogGroup": "arn:aws:logs:{place}:log-group:{name}:*",
    "AWS::S3::Bucket": "arn:aws:s3:::{name}",
    "AWS::SNS::Topic": "arn:aws:sns:{place}:{name}",
    "AWS::SQS::Queue": "arn:aws:sqs:{place}:{name}",
    "AWS::StepFunctions::StateMachine": "arn:aws:states:{place}:stateMachine:{name}",
}

Found = Iterator[tuple[str, str]]
"""The key of a finding in ACCEPTED, and what people read of it."""


def of_checkov(template: str) -> Found:
    """Its checks of CloudFormation that fail."""
    from checkov.cloudformation.runner import Runner
    from checkov.runner_filter import RunnerFilter

    only = RunnerFilter(framework=["cloudformation"])
    report = Runner().run(root_folder=None, files=[template], runner_filter=only)
    assert report.passed_checks, f"checkov could not read the template: {report.parsing_errors}"
    for check in report.failed_checks:
        yield check.check_id, f"{check.check_id} {check.resource}: {check.check_name}"


def of_parliament(resources: dict[str, Any]) -> Found:
    """Its findings in every policy but those that say who may assume a role, which it does not know."""
    import parliament

    for name, policy in policies(resources):
        for finding in parliament.analyze_policy_string(json.dumps(policy)).findings:
            told = parliament.enhance_finding(finding)
            about = told.detail[0]["action"] if told.issue == "RESOURCE_MISMATCH" else name
            yield f"{told.issue} {about}", f"{told.severity} {told.issue} {name}: {told.title} {told.detail}"


def policies(resources: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Each policy as IAM gets it, with the resource that has it."""

    def filled(text: str, values: dict[str, Any]) -> str:
        return re.sub(
            r"\$\{([^}.]+)[^}]*\}", lambda found: values.get(found[1]) or VALUES.get(found[1]) or arn(found[1]), text
        )

    def arn(name: str) -> str:
        form = ARNS.get(resources.get(name, {}).get("Type", ""), "{name}")
        return form.format(place=PLACE, name=name.lower() if "s3" in form else name)

    def said(value: Any) -> Any:
        match value:
            case {"Fn::Sub": str(text)}:
                return filled(text, {})
            case {"Fn::Sub": [str(text), dict(values)]}:
                return filled(text, said(values))
            case {"Fn::Select": [int(at), parts]}:
                return said(parts)[at]
            case {"Fn::GetAtt": [str(name), *_]} | {"Ref": str(name)}:
                return VALUES.get(name) or arn(name)
            case {"Fn::If": [_, if_so, _]}:
                return said(if_so)
            case {"Fn::Join": [str(between), parts]}:
                return between.join(each if isinstance(each := said(parts), list) else [each])
            case {"Fn::Split": [str(at), text]}:
                return said(text).split(at)
            case dict():
                return {key: said(each) for key, each in value.items()}
            case list():
                return [said(each) for each in value if each != {"Ref": "AWS::NoValue"}]
        return value

    for name, resource in resources.items():
        properties = resource.get("Properties", {})
        own = [properties[field] for field in ("PolicyDocument", "KeyPolicy") if field in properties]
        inline = [policy["PolicyDocument"] for policy in properties.get("Policies", []) if isinstance(policy, dict)]
        for policy in (*own, *(each for each in inline if resource["Type"] == "AWS::IAM::Role")):
            yield name, said(policy)


def main() -> int:
    """The exit code. The expanded templates come on standard input, a line for each in the order of the arguments."""
    warnings.simplefilter("ignore")
    accepted = {*ACCEPTED, *yaml.safe_load(OF_CHECKOV.read_text())["skip-check"]}
    found = [
        (key, f"{template}: {text}")
        for template, expanded in zip(sys.argv[1:], sys.stdin, strict=True)
        for key, text in (*of_checkov(template), *of_parliament(json.loads(expanded)["Resources"]))
    ]
    wrong = [text for key, text in found if key not in accepted]
    stale = sorted(accepted - {key for key, _ in found})
    for text in wrong:
        print(f"{text}; mend it, or accept it in {OF_CHECKOV} or {sys.argv[0]} with a reason")
    for key in stale:
        print(f"{key} is accepted in {OF_CHECKOV} or {sys.argv[0]}, and nothing finds it; leave it out")
    kept = len(found) - len(wrong)
    templates = " and ".join(sys.argv[1:])
    print(f"{templates}: {kept} findings of checkov and parliament are accepted, each for a reason")
    return 1 if wrong or stale else 0


if __name__ == "__main__":
    sys.exit(main())
