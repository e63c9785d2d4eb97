"""Five per cent of the salary for everybody."""

import json


def handler(event, context):
    """Of one employee; API Gateway asks in `body`."""
    question = json.loads(event["body"]) if event.get("body") else event
    if "employee" not in question:
        return reply("Hello from Lambda!")
    if question["salary"] < 0:
        raise ValueError(f"salary is {question['salary']}; it is 0 or more")
    return reply({"employee": question["employee"], "bonus": round(question["salary"] * 5 / 100)})


def reply(body):
    """As API Gateway wants it."""
    return {"statusCode": 200, "body": json.dumps(body)}
