"""The project's logger: its messages go to the run's log and to the terminal."""

import logging

LOGGER_NAME = "churn"
LOGGER = logging.getLogger(LOGGER_NAME)
