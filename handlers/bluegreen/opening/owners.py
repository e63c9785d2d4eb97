"""Who else changes a function and its aliases: the tool that made it, by its tags, and people."""

from collections.abc import Mapping

from bluegreen.opening.findings import Warning, Warnings
from bluegreen.target import Target

STACK, LOGICAL_ID = "aws:cloudformation:stack-name", "aws:cloudformation:logical-id"
TERRAFORM = ("terraform", "opentofu")


def of(target: Target, tags: Mapping[str, str]) -> Warnings:
    """A warning about each tool, with what its next run does and how to make it leave the alias alone."""
    warnings = []
    if STACK in tags:
        resource = f" (there {tags[LOGICAL_ID]})" if LOGICAL_ID in tags else ""
        warnings.append(
            Warning(
                field="function",
                problem=f"{target.function} belongs to the CloudFormation stack {tags[STACK]}{resource}, whose next "
                f"update puts the template's code and settings into $LATEST, and moves {target.alias} at once if the "
                "template has that alias",
                advice="let only this product move the alias: leave AutoPublishAlias and DeploymentPreference out of a "
                "SAM template, the alias out of a template of CDK, Serverless or your own",
            )
        )
    if sign := _sign_of_terraform(tags):
        warnings.append(
            Warning(
                field="function",
                problem=f"Terraform seems to have made {target.function} (tag {sign}), and its next run puts its own "
                f"code into $LATEST and its own version and weights into {target.alias}",
                advice="write `lifecycle { ignore_changes = [function_version, routing_config] }` into the "
                "aws_lambda_alias, and let ignore_changes of the aws_lambda_function have its code (filename or "
                "s3_key, s3_object_version, image_uri, source_code_hash)",
            )
        )
    return tuple(warnings)


def of_alias(target: Target, version: str, left: str) -> Warning:
    """Someone else has pointed the alias; `left` says what is known of before."""
    return Warning(
        field="alias",
        problem=f"{target} is at version {version}, and {left}; the person or tool (SAM, CodeDeploy, CDK, Terraform) "
        "that pointed it there may do so again, and a deployment that finds its alias moved stops",
        advice=f"let only this product move {target.alias}: take the alias out of that tool",
    )


def _sign_of_terraform(tags: Mapping[str, str]) -> str:
    """A tag that people give what Terraform makes, as `ManagedBy = terraform`."""
    for key, value in tags.items():
        if any(name in text.lower() for name in TERRAFORM for text in (key, value)) and value.lower() != "false":
            return f"{key} = {value}"
    return ""
