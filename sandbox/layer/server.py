"""The server: MiniStack's application, patched, behind the seam for faults."""

# mypy: disable-error-code="import-not-found"

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
import time

from hypercorn.asyncio import serve
from hypercorn.config import Config
from ministack import app
from ministack.services import stepfunctions

from sandbox.layer import alarms, patches, pool
from sandbox.layer.seam import Seam
from sandbox.layer.settings import current
from sandbox.lean import spare_the_collector

REAP_EVERY_SECONDS = 30.0


def run() -> None:
    """Serve on GATEWAY_PORT until SIGTERM or SIGINT, or until stdin ends with the process that started it."""
    logging.getLogger("moto.stepfunctions").setLevel(logging.CRITICAL)
    patches.install()
    stepfunctions._SFN_WAIT_SCALE = current.wait_scale
    for work in (reap_for_ever, alarms.look_for_ever):
        threading.Thread(target=work, daemon=True).start()
    config = Config()
    config.bind = [f"127.0.0.1:{os.environ['GATEWAY_PORT']}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 0.2
    config.loglevel = "WARNING"
    spare_the_collector()
    asyncio.run(main(config))


async def main(config: Config) -> None:
    """Serve, then end every execution environment and wait for no thread."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    threading.Thread(target=wait_for_stdin_to_end, args=(loop, stop), daemon=True).start()
    try:
        await serve(Seam(app.app), config, shutdown_trigger=stop.wait)
    finally:
        pool.kill_all()
    os._exit(0)


def wait_for_stdin_to_end(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """Stop when the pipe to the launcher breaks, so that a launcher which is killed leaves no server behind."""
    sys.stdin.buffer.read()
    loop.call_soon_threadsafe(stop.set)


def reap_for_ever() -> None:
    """Retire idle execution environments."""
    while True:
        time.sleep(REAP_EVERY_SECONDS)
        pool.reap()
