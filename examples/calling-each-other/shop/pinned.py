"""
Call functions so that one request meets one version of each.

While a deployment shifts an alias, Lambda gives each call of the alias to one of two versions, by chance. So the first
call goes to the alias, Lambda answers which version ran, and the later calls name that version.
"""

import json


class CallFailed(Exception):
    """The called function raised, or Lambda ended it."""


class Pinned:
    """
    The versions that one request has met.

    Make one for each request. One that outlives its request follows neither the next shift nor the next rollback.
    """

    def __init__(self, client, alias="PROD"):
        self._client, self._alias = client, alias
        self._versions = {}

    def ask(self, function, event):
        """
        Return the function's reply. Raises CallFailed; a first call that fails pins nothing.

        Await the first call before you make others at the same time: each of them would go to the alias.
        """
        answer = self._client.invoke(
            FunctionName=function,
            Qualifier=self._versions.get(function, self._alias),
            Payload=json.dumps(event),
        )
        reply = json.load(answer["Payload"])
        if "FunctionError" in answer:
            raise CallFailed(f"{function} version {answer['ExecutedVersion']}: {reply['errorMessage']}")
        self._versions.setdefault(function, answer["ExecutedVersion"])
        return reply
