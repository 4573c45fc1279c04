"""The figures of transforms.metrics as Tableau calculations over columns of the warehouse's view."""

from transforms.metrics import CHURNED, MEASURES, NOT_CHURNED, UNKNOWN, Measure, Metric


def bracketed(name: str) -> str:
    """How Tableau writes a field."""
    return f"[{name}]"


REASON = f'IF {CHURNED.text(bracketed)} THEN IFNULL([churn_reason], "{UNKNOWN}") ELSE "{NOT_CHURNED}" END'
STATE = f'IF {CHURNED.text(bracketed)} THEN "Churned" ELSE "Retained" END'


def of_measure(measure: Measure) -> str:
    """A sum over the rows of a mark; zero where there is none."""
    value = f"IFNULL([{measure.column}], 0)" if measure.column else "1"
    if measure.condition:
        value = f"IF {measure.condition.text(bracketed)} THEN {value} ELSE 0 END"
    return f"ZN(SUM({value}))"


def of_metric(metric: Metric) -> str:
    """A KPI; null where a ratio has nothing to divide by."""
    part = of_measure(MEASURES[metric.of])
    if not metric.per:
        return part
    whole = of_measure(MEASURES[metric.per])
    return f"IF {whole} > 0 THEN {metric.factor}.0 * {part} / {whole} END"


def number_format(metric: Metric) -> str:
    """Tableau's pattern for values of the metric's unit."""
    return {"customers": "n#,##0;-#,##0", "percent": '*0.00" %"', "USD": 'c"$"#,##0.00;-"$"#,##0.00'}[metric.unit]
