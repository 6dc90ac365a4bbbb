"""Superset's settings for this example: loopback, one process, everything it keeps in SUPERSET_HOME."""

import os
from pathlib import Path

SECRET_KEY = os.environ["SUPERSET_SECRET_KEY"]
SQLALCHEMY_DATABASE_URI = f"sqlite:///{Path(os.environ['SUPERSET_HOME']).resolve() / 'superset.db'}"

# The charts ask the file anew each time: it changes when the marts are published.
DATA_CACHE_CONFIG = {"CACHE_TYPE": "NullCache"}

# Superset says to keep these counts elsewhere than in memory; here there is one process.
RATELIMIT_ENABLED = False
TALISMAN_ENABLED = False
