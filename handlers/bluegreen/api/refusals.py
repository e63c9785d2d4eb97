"""Refusals in parts, so that a program shows each by itself: what is wrong, what is untouched, what to do next."""

from http import HTTPStatus

from aws_lambda_powertools.event_handler import Response, content_types

from bluegreen.text import sentence


class Refused(Exception):
    """
    A request that ServeApi does not serve.

    `untouched` is a clause, as "nothing was ordered". `why` is the reason, where `what` does not say it.
    """

    def __init__(self, status: HTTPStatus, what: str, untouched: str, advice: str = "", why: str = "") -> None:
        self.status, self.advice = status, sentence(advice) if advice else ""
        self.what, self.untouched = f"{what}: {why}" if why else what, untouched
        super().__init__(
            " ".join(filter(None, (sentence(f"{what}; {untouched}{f': {why}' if why else ''}"), self.advice)))
        )

    def answer(self) -> Response[dict[str, object]]:
        """`message` has all parts."""
        untouched = sentence(self.untouched[0].upper() + self.untouched[1:])
        body: dict[str, object] = {"statusCode": self.status.value, "message": str(self)}
        body |= {"what": self.what, "untouched": untouched} | ({"advice": self.advice} if self.advice else {})
        return Response(status_code=self.status, content_type=content_types.APPLICATION_JSON, body=body)
