"""The server: MiniStack's application, patched, behind the seam for faults."""

# mypy: disable-error-code="import-not-found"

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
import time

from hypercorn.asyncio import serve
from hypercorn.config import Config
from ministack import app
from ministack.services import stepfunctions

from sandbox.layer import alarms, patches, pool
from sandbox.layer.seam import Seam
from sandbox.layer.settings import current

REAP_EVERY_SECONDS = 30.0


def run() -> None:
    """Serve on GATEWAY_PORT until SIGTERM or SIGINT, then end every execution environment."""
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
    try:
        asyncio.run(main(config))
    finally:
        pool.kill_all()
    os._exit(0)


async def main(config: Config) -> None:
    """Serve until a signal."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await serve(Seam(app.app), config, shutdown_trigger=stop.wait)


def reap_for_ever() -> None:
    """Retire idle execution environments."""
    while True:
        time.sleep(REAP_EVERY_SECONDS)
        pool.reap()
