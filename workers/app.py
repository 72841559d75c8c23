"""The Celery application. Settings come from the environment: BLIPDB_BROKER, and what tells where
the database and the models are (BLIPDB_URL, BLIPDB_HOME)."""

from __future__ import annotations

import os

from celery import Celery

from .config import SETTINGS, transport_options

BROKER = "BLIPDB_BROKER"


def use(broker: str) -> None:
    """Have the application use this broker, as ``--broker`` says."""
    app.conf.broker_url = broker
    app.conf.broker_transport_options = transport_options(broker)


app = Celery("blipdb", include=["blipdb.workers.tasks", "blipdb.workers.life"])
app.conf.update(SETTINGS)
if broker := os.environ.get(BROKER):
    use(broker)
