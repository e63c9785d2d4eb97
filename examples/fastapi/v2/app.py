"""What an order costs, behind API Gateway: GET /quotes/{product}?pieces=3, from six pieces on with a discount."""

from fastapi import FastAPI, HTTPException
from mangum import Mangum

CENTS = {"bread": 380, "cheese": 1290, "wine": 1540}
MANY, DISCOUNT = 6, 0.05

app = FastAPI()


@app.get("/quotes/{product}")
async def quote(product: str, pieces: int = 1) -> dict[str, str | int]:
    """The sum in cents. An unknown product is 404."""
    if product not in CENTS:
        raise HTTPException(404, f"there is no {product}")
    full = CENTS[product] * pieces
    return {"product": product, "cents": round(full * (1 - DISCOUNT)) if pieces >= MANY else full}


handler = Mangum(app, lifespan="off")
