"""A page's way into a file, or to stdout."""

import click

from bluegreen_cli.problems import Failed, Refused

STDOUT = "-"
NOTHING_WRITTEN = "Nothing was written."


def write(content: str, path: str, *, force: bool, advice: str) -> int:
    """The number of bytes. Raises Refused for a file that is there unless forced, Failed for what does not work."""
    encoded = content.encode()
    if path == STDOUT:
        click.echo(encoded, nl=False)
        return len(encoded)
    try:
        with open(path, "wb" if force else "xb") as file:
            file.write(encoded)
    except FileExistsError as error:
        raise Refused(f"{path} is there already", "It was not changed.", advice) from error
    except OSError as error:
        raise Failed(f"{path} cannot be written: {error.strerror}", NOTHING_WRITTEN, "Name another file.") from error
    return len(encoded)
