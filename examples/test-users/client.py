"""
An application whose test users meet the next version first: they are sent to $LATEST, everyone else to the alias.

    echo '{"user": "tess", "salary": 60000, "years": 7, "department": "Sales"}' | python client.py

One request a line on stdin, one answer a line on stdout, with the version that gave it. A deployment moves
the alias while this runs; nothing here knows of it.
"""

import json
import os
import sys

import boto3

FUNCTION = os.environ.get("FUNCTION", "BonusCalculatorLambda")
ALIAS = os.environ.get("ALIAS", "PROD")
TEST_USERS = set(os.environ.get("TEST_USERS", "tess,theo").split(","))

aws = boto3.client("lambda")


def bonus(user, **facts):
    """What the function answers for a user, and which version did."""
    answer = aws.invoke(
        FunctionName=FUNCTION,
        Qualifier="$LATEST" if user in TEST_USERS else ALIAS,
        Payload=json.dumps({"employee": user, **facts}),
    )
    reply = json.load(answer["Payload"])
    if "FunctionError" in answer:
        return {"user": user, "version": answer["ExecutedVersion"], "error": reply["errorMessage"]}
    return {"user": user, "version": answer["ExecutedVersion"], "bonus": json.loads(reply["body"])["bonus"]}


for line in sys.stdin:
    print(json.dumps(bonus(**json.loads(line))), flush=True)
