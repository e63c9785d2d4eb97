"""
What an order costs, behind API Gateway.

The discounts are a list that is not sorted as the route expects: below six pieces it finds none and raises, of which
FastAPI makes a reply with status 500.
"""

from fastapi import FastAPI, HTTPException
from mangum import Mangum

CENTS = {"bread": 380, "cheese": 1290, "wine": 1540}
DISCOUNTS = [(12, 0.1), (6, 0.05)]

app = FastAPI()


@app.get("/quotes/{product}")
async def quote(product: str, pieces: int = 1) -> dict[str, str | int]:
    """The sum in cents. An unknown product is 404."""
    if product not in CENTS:
        raise HTTPException(404, f"there is no {product}")
    discount = next(share for many, share in DISCOUNTS if pieces >= many)
    return {"product": product, "cents": round(CENTS[product] * pieces * (1 - discount))}


handler = Mangum(app, lifespan="off")
