"""
What an order costs, behind API Gateway.

The discounts are a list that is not sorted as the route expects: below six pieces it finds none and raises, of which
FastAPI makes a reply with status 500.
"""

from typing import Any

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit
from fastapi import FastAPI, HTTPException
from mangum import Mangum

CENTS = {"bread": 380, "cheese": 1290, "wine": 1540}
DISCOUNTS = [(12, 0.1), (6, 0.05)]

app = FastAPI()
counts = EphemeralMetrics(namespace="BlueGreen/Functions", service="")


@app.get("/quotes/{product}")
async def quote(product: str, pieces: int = 1) -> dict[str, str | int]:
    """The sum in cents. An unknown product is 404."""
    if product not in CENTS:
        raise HTTPException(404, f"there is no {product}")
    discount = next(share for many, share in DISCOUNTS if pieces >= many)
    return {"product": product, "cents": round(CENTS[product] * pieces * (1 - discount))}


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
