"""OpenLineage's facets, each by the key that it has in an event; an empty dictionary where there is nothing to say."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from openlineage.client.facet_v2 import (
    column_lineage_dataset,
    data_quality_assertions_dataset,
    data_quality_metrics_dataset,
    dataset_version_dataset,
    error_message_run,
    nominal_time_run,
    output_statistics_output_dataset,
    parent_run,
    schema_dataset,
)

from contract.lineage import Source, Use
from contract.tables import TABLES
from lake.results import Check, JobResult
from serving.lineage.datasets import Places, column_sources, columns, row_sources

Facets = dict[str, Any]

_SEVERITIES = {"critical": "error", "warning": "warn", "info": "info"}
# OpenLineage's type and subtype of each use of a column.
_TRANSFORMATIONS: Mapping[Use, tuple[str, str]] = {
    "identity": ("DIRECT", "IDENTITY"),
    "transformation": ("DIRECT", "TRANSFORMATION"),
    "aggregation": ("DIRECT", "AGGREGATION"),
    "condition": ("INDIRECT", "CONDITIONAL"),
}
_ROWS = ("INDIRECT", "FILTER")


def parent(run_id: str, namespace: str, name: str) -> Facets:
    """Return which run of which job has started a run."""
    return {"parent": parent_run.ParentRunFacet(parent_run.Run(run_id), parent_run.Job(namespace, name))}


def nominal_time(day: date | None) -> Facets:
    """Return the day, UTC, that a run is about."""
    if day is None:
        return {}
    begins = datetime(day.year, day.month, day.day, tzinfo=UTC)
    ends = begins + timedelta(days=1)
    return {"nominalTime": nominal_time_run.NominalTimeRunFacet(begins.isoformat(), ends.isoformat())}


def error(message: str) -> Facets:
    """Return why a run failed; nothing for an empty message."""
    return {"errorMessage": error_message_run.ErrorMessageRunFacet(message, "PYTHON")} if message else {}


def schema(dataset: str) -> Facets:
    """Return the columns of a dataset with types and comments."""
    fields = [
        schema_dataset.SchemaDatasetFacetFields(column.name, column.type, column.comment or None, position)
        for position, column in enumerate(columns(dataset), start=1)
    ]
    return {"schema": schema_dataset.SchemaDatasetFacet(fields)} if fields else {}


def column_lineage(places: Places, dataset: str) -> Facets:
    """Return which columns each column of a dataset is computed from, and which ones decide about its rows."""
    fields = {
        name: column_lineage_dataset.Fields(
            [_input_field(places, source, *_TRANSFORMATIONS[use]) for source, use in sources.items()]
        )
        for name, sources in column_sources(dataset).items()
    }
    rows = [_input_field(places, source, *_ROWS) for source in row_sources(dataset)]
    return {"columnLineage": column_lineage_dataset.ColumnLineageDatasetFacet(fields, rows)} if fields else {}


def version(number: int | None) -> Facets:
    """Return the Delta version of a dataset."""
    return {} if number is None else {"version": dataset_version_dataset.DatasetVersionDatasetFacet(str(number))}


def statistics(rows: int | None) -> Facets:
    """Return how many rows were written."""
    if rows is None:
        return {}
    return {"outputStatistics": output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(rowCount=rows)}


def quality(result: JobResult | None) -> Facets:
    """Return what was counted and checked on a batch before it was published or stopped; no value of a customer."""
    found: Facets = {}
    if result and result.statistics.rows is not None:
        found["dataQualityMetrics"] = data_quality_metrics_dataset.DataQualityMetricsDatasetFacet(
            columnMetrics={}, rowCount=result.statistics.rows, fileCount=result.statistics.files
        )
    if result and result.checks:
        names = TABLES[str(result.table)].schema.names
        assertions = _assertions(result.checks, names)
        found["dataQualityAssertions"] = data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet(assertions)
    return found


def _input_field(places: Places, source: Source, kind: str, subtype: str) -> column_lineage_dataset.InputField:
    address, how = places.address(source.table), column_lineage_dataset.Transformation(kind, subtype)
    return column_lineage_dataset.InputField(address.namespace, address.name, source.column, [how])


def _assertions(checks: Iterable[Check], names: Sequence[str]) -> list[data_quality_assertions_dataset.Assertion]:
    """The checks. One on several columns, or on what was measured, is about the whole dataset, and its name says of what."""
    return [
        data_quality_assertions_dataset.Assertion(
            assertion=_title(check) if check.subject in names else f"{_title(check)} on {check.subject}",
            success=check.success and not check.broken,
            column=check.subject if check.subject in names else None,
            severity=_SEVERITIES[check.severity],
            expected=check.limit or None,
            actual=None if check.failing_percent is None else f"{check.failing_percent:g} % of rows fail",
        )
        for check in checks
    ]


def _title(check: Check) -> str:
    return check.expectation.removesuffix(f" ({check.limit})")
