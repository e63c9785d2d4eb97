"""Tax: which value added tax a product bears. The answer's `name` is new; callers from before do not read it."""

RATES = {"bread": ("reduced", 7), "wine": ("standard", 19)}


def handler(event, context):
    """`{"product": "bread"}` is answered by `{"percent": 7, "name": "reduced"}`."""
    name, percent = RATES[event["product"]]
    return {"percent": percent, "name": name}
