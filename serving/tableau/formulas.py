"""The KPIs of contract.metrics as Tableau calculations over columns of the warehouse's view."""

from contract.metrics import CHURNED, MEASURES, NOT_CHURNED, UNKNOWN, Measure, Metric


def bracketed(name: str) -> str:
    """Return a field as Tableau writes it."""
    return f"[{name}]"


REASON = f'IF {CHURNED.text(bracketed)} THEN IFNULL([churn_reason], "{UNKNOWN}") ELSE "{NOT_CHURNED}" END'
STATE = f'IF {CHURNED.text(bracketed)} THEN "Churned" ELSE "Retained" END'


def measure_formula(measure: Measure) -> str:
    """Return the formula of a sum over the rows of a mark; null where it is unknown, else zero where there is none."""
    value = f"IFNULL([{measure.column}], 0)" if measure.column else "1"
    if measure.condition:
        value = f"IF {measure.condition.text(bracketed)} THEN {value} ELSE 0 END"
    if measure.known:
        return f"SUM(IF {measure.known.text(bracketed)} THEN {value} END)"
    return f"ZN(SUM({value}))"


def metric_formula(metric: Metric) -> str:
    """Return the formula of a KPI; null where it is unknown, or the denominator of a ratio is zero."""
    part = measure_formula(MEASURES[metric.numerator])
    if not metric.denominator:
        return part
    whole = measure_formula(MEASURES[metric.denominator])
    return f"IF {whole} > 0 THEN {metric.factor}.0 * {part} / {whole} END"


def number_format(metric: Metric) -> str:
    """Return Tableau's number format for the metric's unit."""
    return {"customers": "n#,##0;-#,##0", "percent": '*0.00" %"', "USD": 'c"$"#,##0.00;-"$"#,##0.00'}[metric.unit]
