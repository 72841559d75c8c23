"""``python -m blipdb.engine``: run the engine in the foreground, as service managers do."""

from __future__ import annotations

import argparse
import os
import sys

from .. import settings
from ..errors import BlipdbError
from .server import serve


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m blipdb.engine", description=__doc__)
    parser.add_argument("--home", help="the home folder (BLIPDB_HOME)")
    parser.add_argument(
        "--threads",
        type=int,
        default=os.environ.get("BLIPDB_THREADS", "1"),
        help="cores that one request may use (BLIPDB_THREADS)",
    )
    arguments = parser.parse_args()
    try:
        serve(settings.load(home=arguments.home), threads=arguments.threads)
    except BlipdbError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
