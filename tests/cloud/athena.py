"""moto's Athena: it executes nothing, and answers what it was told before."""

from contextlib import suppress

import httpx

from tests.cloud.stand_in import REGION, Cloud


def will_answer(cloud: Cloud, workgroup: str) -> None:
    """A workgroup whose next query has three rows: moto answers what it was told before."""
    athena = cloud.client("athena")
    with suppress(athena.exceptions.InvalidRequestException):  # moto keeps it from one account to the next
        athena.create_work_group(
            Name=workgroup, Configuration={"ResultConfiguration": {"OutputLocation": "s3://results/"}}
        )
    names = ("customer_id", "city")
    rows = [{"Data": [{"VarCharValue": name} for name in names]}]
    rows += [{"Data": [{"VarCharValue": f"c{n}"}, {}]} for n in range(3)]
    column = {"Type": "varchar", "Nullable": "UNKNOWN", "Precision": 0, "Scale": 0, "CaseSensitive": True}
    info = [{"Name": n, "Label": n, **column} for n in names]
    results = {"results": [{"rows": rows, "column_info": info}], "region": REGION}
    place = f"{cloud.url}/moto-api/static/athena/query-results"
    assert httpx.post(place, json=results).is_success
