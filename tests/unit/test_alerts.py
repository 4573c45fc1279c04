"""Alerts of a lake: written once, claimed once, given back when they were refused."""

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import LakeError
from lake.alerts import Alert, Alerts, AtRisk
from lake.storage import open_folder

CUSTOMER = AtRisk("1000-AAAAA", "Fresno", "Low-Value, Low-Risk", 50.25, 502, 85)
STEPS = st.lists(st.tuples(st.sampled_from(["write", "claim", "release"]), st.integers(1, 4)), max_size=12)


def _alert(version, customers=1):
    return Alert(version, "2026-01-01", customers, 50.25, 502, (CUSTOMER,) * min(customers, 1))


def _open(alerts):
    return [alert.version for alert in alerts.open()]


def test_alert_survives_its_file(folder):
    alerts = Alerts(folder)
    alerts.write(_alert(3))
    assert list(alerts.open()) == [_alert(3)]
    assert alerts.exists(3)
    assert not alerts.exists(4)


def test_oldest_alert_comes_first(folder):
    alerts = Alerts(folder)
    for version in (12, 2, 100):
        alerts.write(_alert(version))
    assert _open(alerts) == [2, 12, 100]


def test_claimed_alert_is_not_open(folder):
    alerts = Alerts(folder)
    for version in (1, 2):
        alerts.write(_alert(version))
    alerts.claim(_alert(1), "brave-otter")
    assert _open(alerts) == [2]
    assert folder.read_json("_alerts/00000001.claimed.json") == {"by": "brave-otter"}
    assert alerts.exists(1)


def test_released_alert_is_open_again(folder):
    alerts = Alerts(folder)
    alerts.write(_alert(1))
    alerts.claim(_alert(1), "brave-otter")
    alerts.release(_alert(1))
    assert _open(alerts) == [1]
    alerts.release(_alert(1))
    assert _open(alerts) == [1]


def test_alert_of_nobody_is_never_open(folder):
    alerts = Alerts(folder)
    alerts.write(_alert(1, customers=0))
    assert alerts.exists(1)
    assert _open(alerts) == []


def test_lake_without_alerts_has_none(folder):
    assert _open(Alerts(folder)) == []
    assert not Alerts(folder).exists(0)


def test_damaged_alert_is_named(folder):
    Alerts(folder).write(_alert(1))
    folder.write_text("_alerts/00000001.json", json.dumps({"version": 1}))
    with pytest.raises(LakeError, match=r"_alerts/00000001\.json was written by another version"):
        _open(Alerts(folder))


def test_claim_before_alert_keeps_it_closed(folder):
    """A run that died between claim and alert leaves a claim alone, which is no alert."""
    alerts = Alerts(folder)
    alerts.claim(_alert(1), "brave-otter")
    assert _open(alerts) == []
    assert not alerts.exists(1)


@given(STEPS)
def test_open_is_written_and_not_claimed(tmp_path_factory, steps):
    alerts = Alerts(open_folder(tmp_path_factory.mktemp("lake")))
    written, claimed = set(), set()
    for step, version in steps:
        if step == "write":
            alerts.write(_alert(version))
            written.add(version)
        elif step == "claim":
            alerts.claim(_alert(version), "a run")
            claimed.add(version)
        else:
            alerts.release(_alert(version))
            claimed.discard(version)
    assert _open(alerts) == sorted(written - claimed)


FIRST_RELEASE = {
    "version": 1, "day": "2026-01-01", "customers": 1, "monthly_charges": 50.25, "cltv": 502.5,
    "top": [{
        "customer_id": "1000-AAAAA", "city": "Fresno", "segment": "Low-Value, High-Risk", "monthly_charges": 50.25,
        "cltv": 502.5, "churn_score": 85.0,
    }],
}  # fmt: skip


def test_alert_about_who_has_left_is_not_sent(folder):
    """Release 0.1.0 called customers newly at risk who had left."""
    alerts = Alerts(folder)
    folder.write_json("_alerts/00000001.json", FIRST_RELEASE)
    alerts.write(_alert(2))
    alerts.write(dataclasses.replace(_alert(3), condition="churn_flag = 0 AND source_churn_score > 50"))
    assert _open(alerts) == [2]
    assert alerts.exists(1)
