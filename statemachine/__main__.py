"""Write the machines' ASL from the definition, and the pictures: `python -m statemachine`; these alone: `… picture`."""

import argparse
import json
from pathlib import Path

from statemachine.machines import deploy_machine, functions_machine, release_machine
from statemachine.picture import draw

DEPLOY_ASL = Path(__file__).with_name("deploy.asl.json")
RELEASE_ASL = Path(__file__).with_name("release.asl.json")
FUNCTIONS_ASL = Path(__file__).with_name("functions.asl.json")
MACHINES = {DEPLOY_ASL: deploy_machine, RELEASE_ASL: release_machine, FUNCTIONS_ASL: functions_machine}
DOCS = Path(__file__).parents[1] / "docs"
PICTURES = {DOCS / "state-machine.svg": DEPLOY_ASL, DOCS / "release-machine.svg": RELEASE_ASL}


def asl(file: Path) -> str:
    """A machine as the text of its file."""
    return json.dumps(MACHINES[file](), indent=2) + "\n"


def picture(file: Path) -> str:
    """A committed machine as the text of its picture's file."""
    return draw(json.loads(PICTURES[file].read_text()))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m statemachine", description=__doc__)
    parser.add_argument("what", nargs="?", choices=["all", "picture"], default="all")
    if parser.parse_args().what == "all":
        for file in MACHINES:
            file.write_text(asl(file))
    for file in PICTURES:
        file.write_text(picture(file))
