"""Deploying again: what a saved platform keeps, and what it takes from the stack."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prefect_aws import AwsCredentials
from pydantic import SecretStr

from blocks.lineage import Lineage
from blocks.notify import Mail, Topic
from blocks.platform import Platform
from blocks.redeployed import fields, merged, recorded
from blocks.redshift import RedshiftWarehouse
from blocks.stack_outputs import platform_from_outputs
from infrastructure.aws.glue_workers import Workers
from tests.support.stack_outputs import OUTPUTS

CREDENTIALS = AwsCredentials(region_name="eu-west-1")


def _platform(**outputs):
    return platform_from_outputs(OUTPUTS | outputs, CREDENTIALS)


def _deployed(**changes):
    """The block that a first deployment has saved, and a user has changed."""
    return recorded(_platform()).model_copy(update=changes)


def test_nothing_changed_is_no_difference():
    platform, lines = merged(_deployed(), _platform())
    assert lines == []
    assert fields(platform) == fields(_platform())


def test_what_the_stack_changed_is_taken():
    new = _platform(Lake="s3://other/lake", WarehouseHost="churn-2b.redshift")
    platform, lines = merged(_deployed(), new)
    assert lines == [
        'changed lake: "s3://lake/lake" -> "s3://other/lake"',
        'changed warehouse.host: "churn-1a.redshift" -> "churn-2b.redshift"',
    ]
    assert fields(platform) == fields(new)


def test_workers_of_jobs_come_from_the_stack_also_for_a_block_of_the_first_release():
    sized = _platform(JobWorkers="gold:G.2X:10")
    assert sized.jobs.workers_by_job == {"gold": Workers(worker_type="G.2X", number_of_workers=10)}
    for existing in (_deployed(), _deployed(deployed={})):
        platform, lines = merged(existing, sized)
        assert platform.jobs.workers_by_job == sized.jobs.workers_by_job
        assert [line for line in lines if "workers_by_job" in line] == [
            'changed jobs.workers_by_job: {} -> {"gold": {"worker_type": "G.2X", "number_of_workers": 10}}'
        ]
    assert _platform().jobs.workers_by_job == {}


def test_settings_of_users_are_kept_and_shown():
    existing = _deployed(customer_ids="hashed")
    existing.jobs.worker_type = "G.4X"
    existing.warehouse.bi_group = "analysts"
    platform, lines = merged(existing, _platform(JobName="churn-2"))
    assert (platform.customer_ids, platform.jobs.worker_type, platform.warehouse.bi_group) == (
        "hashed",
        "G.4X",
        "analysts",
    )
    assert platform.jobs.job_name == "churn-2", "beside a changed setting"
    assert lines == [
        'changed jobs.job_name: "churn" -> "churn-2"',
        'kept    jobs.worker_type: "G.4X" (the stack has null)',
        'kept    warehouse.bi_group: "analysts" (the stack has "churn_readers")',
        'changed metrics.job_name: "churn" -> "churn-2"',
        'kept    customer_ids: "hashed" (the stack has "shown")',
    ]


def test_own_warehouse_is_kept_without_its_password_being_shown():
    own = {"host": "own.example.com", "secret_arn": "", "user": "loader", "password": SecretStr("planted-password-1")}
    existing = _deployed()
    existing.warehouse = existing.warehouse.model_copy(update=own)
    platform, lines = merged(existing, _platform(CopyRoleArn="arn:aws:iam::1:role/other"))
    assert platform.warehouse.host == "own.example.com"
    assert platform.warehouse.password.get_secret_value() == "planted-password-1"
    assert platform.warehouse.iam_role == "arn:aws:iam::1:role/other", "it was the stack's"
    assert "planted-password-1" not in "".join(lines)
    assert "planted-password-1" not in str(platform.deployed)


def _without_warehouse():
    return platform_from_outputs({k: v for k, v in OUTPUTS.items() if k != "WarehouseHost"}, CREDENTIALS)


def test_stack_without_a_warehouse_keeps_a_user_s_one():
    assert _without_warehouse().warehouse is None
    own = RedshiftWarehouse(host="own.example.com", user="loader", iam_role="arn:aws:iam::1:role/own")
    existing = recorded(_without_warehouse()).model_copy(update={"warehouse": own})
    platform, lines = merged(existing, _without_warehouse())
    assert platform.warehouse == own
    assert lines == ["kept    warehouse: RedshiftWarehouse (the stack has null)"]


def test_warehouse_comes_and_goes_with_the_stack_s():
    platform, lines = merged(recorded(_without_warehouse()), _platform())
    assert platform.warehouse.host == OUTPUTS["WarehouseHost"]
    assert lines == ["changed warehouse: null -> RedshiftWarehouse"]
    platform, lines = merged(platform, _without_warehouse())
    assert platform.warehouse is None
    assert lines == ["changed warehouse: RedshiftWarehouse -> null"]


def test_notifier_of_another_kind_is_kept():
    mail = Mail(host="mail.example.com", sender="a@example.com", recipients=["b@example.com"])
    platform, lines = merged(_deployed(notifier=mail), _platform(AlertsTopic="arn:aws:sns:eu-west-1:1:new"))
    assert platform.notifier == mail
    assert lines == ["kept    notifier: Mail (the stack has Topic)"]
    platform, lines = merged(_deployed(notifier=None), _platform())
    assert platform.notifier is None
    assert lines == ["kept    notifier: null (the stack has Topic)"]


def test_block_of_another_kind_is_taken_where_nobody_changed_it():
    mail = Mail(host="mail.example.com", sender="a@example.com", recipients=["b@example.com"])
    platform, lines = merged(_deployed(), _platform().model_copy(update={"notifier": mail}))
    assert platform.notifier == mail
    assert lines == ["changed notifier: Topic -> Mail"]


def test_block_with_a_name_of_its_own_is_kept():
    """A change inside of it would be lost: only the reference is saved."""
    topic = Topic(topic_arn=OUTPUTS["AlertsTopic"], credentials=CREDENTIALS)
    topic._block_document_id = "00000000-0000-0000-0000-000000000001"
    platform, lines = merged(_deployed(notifier=topic), _platform(AlertsTopic="arn:aws:sns:eu-west-1:1:new"))
    assert platform.notifier is topic
    assert lines == ["kept    notifier: Topic (the stack has Topic)"]


def test_later_deployments_compare_with_the_last_one():
    existing, _ = merged(_deployed(customer_ids="hashed"), _platform(JobName="churn-2"))
    platform, lines = merged(existing, _platform(JobName="churn-3"))
    assert platform.jobs.job_name == "churn-3"
    assert platform.customer_ids == "hashed"
    assert lines[0] == 'changed jobs.job_name: "churn-2" -> "churn-3"'


def _of_first_release(**warehouse):
    """What 0.1.0 has saved: another prefix, two crawlers, the administrator's secret; no record."""
    found = _platform(CatalogPrefix="churn_").model_copy(update={"crawlers": []})
    secret = "arn:aws:secretsmanager:eu-west-1:1:secret:redshift!churn-churn_admin-x1"
    fields_before = {"host": "churn.redshift", "schema_name": "public", "secret_arn": secret}
    fields_before |= {"workgroup": "", "query_route": "connection", "reader_secret_arn": ""} | warehouse
    return found.model_copy(update={"warehouse": found.warehouse.model_copy(update=fields_before)})


def test_block_of_the_first_release_takes_the_names_of_the_stack():
    new = _platform(CatalogPrefix="churn_staging_")
    platform, _ = merged(_of_first_release().model_copy(update={"customer_ids": "hashed"}), new)
    assert platform.catalog.prefix == "churn_staging_"
    assert [crawler.crawler for crawler in platform.crawlers] == ["churn-raw"]
    assert platform.warehouse.host == OUTPUTS["WarehouseHost"]
    assert platform.warehouse.secret_arn == OUTPUTS["LoaderSecretArn"]
    assert (platform.warehouse.query_route, platform.warehouse.workgroup) == ("data-api", "churn-1a")
    assert platform.customer_ids == "hashed"
    assert platform.deployed == fields(new)


def test_field_that_the_last_deployment_did_not_know_is_taken_from_the_stack():
    existing = _deployed(metrics=None)
    existing.deployed = {place: text for place, text in existing.deployed.items() if not place.startswith("metrics")}
    platform, lines = merged(existing, _platform())
    assert platform.metrics.job_name == "churn"
    assert lines == ["changed metrics: null -> Metrics"]


def test_setting_that_the_last_deployment_did_not_know_is_kept():
    existing = _deployed(lineage=Lineage(url="http://marquez:5000"))
    del existing.deployed["lineage"]
    platform, lines = merged(existing, _platform())
    assert platform.lineage == existing.lineage
    assert lines == ["kept    lineage: Lineage (the stack has null)"]


def test_own_warehouse_of_the_first_release_is_kept():
    platform, _ = merged(_of_first_release(host="own.example.com", secret_arn="", user="loader"), _platform())
    assert (platform.warehouse.host, platform.warehouse.schema_name) == ("own.example.com", "public")
    assert (platform.warehouse.query_route, platform.warehouse.workgroup) == ("connection", "")


_TEXT = st.sampled_from(["", "a", "b", "c"])


@given(last=_TEXT, mine=_TEXT, new=_TEXT)
def test_three_values_are_merged_like_lines_of_code(last, mine, new):
    existing = recorded(_platform(AthenaWorkgroup=last))
    existing.athena.workgroup = mine
    platform, lines = merged(existing, _platform(AthenaWorkgroup=new))
    assert platform.athena.workgroup == (new if mine == last else mine)
    assert len(lines) == (mine != new)


@given(st.lists(st.sampled_from(["lake", "raw", "customer_ids"]), unique=True))
def test_merging_again_changes_nothing(changed):
    existing = _deployed(**dict.fromkeys(changed, "hashed"))
    once, _ = merged(existing, _platform(Lake="s3://new/lake"))
    twice, lines = merged(once, _platform(Lake="s3://new/lake"))
    assert fields(once) == fields(twice)
    assert all(line.startswith("kept") for line in lines)


@pytest.mark.parametrize("kind", [Platform, RedshiftWarehouse])
def test_no_field_is_left_out(kind):
    block = {Platform: _platform(), RedshiftWarehouse: _platform().warehouse}[kind]
    assert {place.split(".")[0] for place in fields(block)} == set(kind.model_fields) - {"deployed"}
