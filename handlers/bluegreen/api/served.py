"""All routes of the API, and the document that describes them."""

from bluegreen.api import approvals, deployments, freezes, functions, openapi, orders, releases
from bluegreen.api.routes import Router

_ABOUT_SOMETHING = (
    deployments.router,
    orders.router,
    approvals.router,
    releases.router,
    functions.router,
    freezes.router,
)

ROUTERS: tuple[Router, ...] = (*_ABOUT_SOMETHING, openapi.describing(*_ABOUT_SOMETHING))
