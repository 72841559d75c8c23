"""The Celery application. Settings come from the environment: BLIPDB_BROKER for the broker,
BLIPDB_URL and BLIPDB_HOME for the database and the models."""

from __future__ import annotations

import os

from celery import Celery

from .config import SETTINGS, transport_options

BROKER = "BLIPDB_BROKER"


def use(broker: str) -> None:
    """Set the application's broker, as ``--broker`` does."""
    app.conf.broker_url = broker
    app.conf.broker_transport_options = transport_options(broker)


app = Celery("blipdb", include=["blipdb.workers.tasks", "blipdb.workers.life"])
app.conf.update(SETTINGS)
if broker := os.environ.get(BROKER):
    use(broker)
