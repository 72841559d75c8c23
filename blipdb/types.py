"""Types that several rooms share."""

from __future__ import annotations

from typing import Any

import psycopg

Connection = psycopg.Connection[Any]
