"""`churn drift`."""

import json

from cli.platforms import load_platform
from flows.schema_drift import schema_drift


def show_drift(platform: str, *, as_json: bool) -> None:
    """Run the platform's crawlers and print how inferred schemas differ from the declared ones. Raises PlatformError."""
    differences = schema_drift(load_platform(platform))
    if as_json:
        print(json.dumps(differences, indent=2))
    else:
        print("\n".join(differences) or "No difference between inferred and declared schemas.")
