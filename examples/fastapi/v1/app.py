"""What an order costs, behind API Gateway: GET /quotes/{product}?pieces=3."""

from typing import Any

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit
from fastapi import FastAPI
from mangum import Mangum

CENTS = {"bread": 380, "cheese": 1290, "wine": 1540}

app = FastAPI()
counts = EphemeralMetrics(namespace="BlueGreen/Functions", service="")


@app.get("/quotes/{product}")
async def quote(product: str, pieces: int = 1) -> dict[str, str | int]:
    """The sum in cents."""
    return {"product": product, "cents": CENTS[product] * pieces}


asgi = Mangum(app, lifespan="off")


@counts.log_metrics
def handler(event: dict[str, Any], context: Any) -> Any:
    """The reply, counted for `health.http`: to Lambda one with status 500 is a success."""
    reply = asgi(event, context)
    counts.add_dimension("FunctionName", context.function_name)
    counts.add_dimension("Version", context.function_version)
    counts.add_metric("Replies", MetricUnit.Count, 1)
    counts.add_metric("ServerErrors", MetricUnit.Count, reply["statusCode"] >= 500)
    return reply
