"""Runs in the sandbox's environment, which has SAM: reads templates, writes a line for each, CloudFormation's JSON."""

import json
import sys
from pathlib import Path
from typing import Any

from samcli.yamlhelper import yaml_parse  # type: ignore[import-not-found]
from samtranslator.translator.transform import transform  # type: ignore[import-not-found]


class AwsManagedPolicies:
    """SAM asks IAM for the ARNs of policies by name; this template names none."""

    def load(self) -> dict[str, str]:
        return {}


def packaged(template: dict[str, Any]) -> dict[str, Any]:
    """As after `sam package`: what is a path here is an object in S3 there. Without a transform it has no such path."""
    if "Transform" not in template:
        return template
    template["Globals"]["Function"]["CodeUri"] = "s3://bucket/artifact.zip"
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::StateMachine":
            resource["Properties"]["DefinitionUri"] = "s3://bucket/machine.asl.json"
    return template


for path in sys.argv[1:]:
    template = yaml_parse(Path(path).read_text())
    print(json.dumps(transform(packaged(template), {}, AwsManagedPolicies())))
