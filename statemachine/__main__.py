"""Write `deploy.asl.json` from the definition: `python -m statemachine`."""

import json
from pathlib import Path

from statemachine.definition import deploy_machine

DEPLOY_ASL = Path(__file__).with_name("deploy.asl.json")


def deploy_asl() -> str:
    """The deploy machine as the text of its file."""
    return json.dumps(deploy_machine(), indent=2) + "\n"


if __name__ == "__main__":
    DEPLOY_ASL.write_text(deploy_asl())
