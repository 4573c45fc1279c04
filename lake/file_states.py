"""The states that a raw file can be in, and what to do in each."""

from collections.abc import Mapping
from typing import Literal, get_args

State = Literal["new", "waiting", "set_aside", "held", "ingested", "discarded", "removed"]
STATES: tuple[State, ...] = get_args(State)

NEXT_STEP: Mapping[State, str] = {
    "new": "run the pipeline: it is ingested then",
    "waiting": "nothing, if it is still being written; an empty file can be removed. The next run looks again",
    "set_aside": "fix it and deliver it again, or remove it",
    "held": "correct it and deliver it again; or take it as it is with churn retry, drop it with churn discard",
    "ingested": "nothing",
    "discarded": "nothing: an operator has taken it back, and none of its rows counts. churn retry brings it back",
    "removed": "nothing: what was ingested of it stays",
}
