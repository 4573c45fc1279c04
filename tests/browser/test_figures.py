"""Every figure under every filter, against SQL over the same rows."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import number
from tests.support.gold_rows import FORMULA, HOSTILE

CARDS = """
SELECT count(*),
  100.0 * sum(churn_flag) / count(*),
  sum(source_churn_score > 70),
  sum(churn_flag = 0 AND source_churn_score > 70),
  sum(CASE WHEN churn_flag = 0 AND source_churn_score > 70 THEN monthly_cents END) / 100.0,
  sum(CASE WHEN churn_flag = 0 AND source_churn_score > 70 THEN source_cltv END),
  sum(CASE WHEN churn_flag = 1 THEN monthly_cents END) / 100.0,
  sum(CASE WHEN churn_flag = 1 THEN source_cltv END)
FROM gold WHERE {where}"""
NAMES = (
    "customers", "churn_rate", "high_risk_customers", "customers_at_risk",
    "monthly_revenue_at_risk", "source_cltv_at_risk", "monthly_revenue_lost", "source_cltv_lost",
)  # fmt: skip
REASON = "CASE WHEN churn_flag = 0 THEN 'Not churned' ELSE coalesce(churn_reason, 'Unknown') END"

# How it is chosen, and the same in SQL.
FILTERS = {
    "reason": ({"churn_reason": ["Moved", "Price too high"]}, "churn_reason IN ('Moved', 'Price too high')"),
    "reason missing": ({"churn_reason": ["Unknown"]}, "churn_flag = 1 AND churn_reason IS NULL"),
    "not churned": ({"churn_reason": ["Not churned"]}, "churn_flag = 0"),
    "city": ({"city": ["Fresno", "San Jose"]}, "city IN ('Fresno', 'San Jose')"),
    "city with accents": ({"city": ["La Cañada Flintridge"]}, "city = 'La Cañada Flintridge'"),
    "city missing": ({"city": ["Unknown"]}, "city IS NULL"),
    "gender": ({"gender": ["Female"]}, "gender = 'Female'"),
    "payment": ({"payment_method": ["Electronic check"]}, "payment_method = 'Electronic check'"),
    "contract": ({"contract": ["One year", "Two year"]}, "contract IN ('One year', 'Two year')"),
    "months": ({"months": ["12", "24"]}, "tenure_months BETWEEN 12 AND 24"),
    "from a month on": ({"months": ["60", ""]}, "tenure_months >= 60"),
    "city and payment": (
        {"city": ["Los Angeles"], "payment_method": ["Mailed check"]},
        "city = 'Los Angeles' AND payment_method = 'Mailed check'",
    ),
    "reason, gender and contract": (
        {"churn_reason": ["Moved", "Not churned"], "gender": ["Male"], "contract": ["Month-to-month"]},
        f"{REASON} IN ('Moved', 'Not churned') AND gender = 'Male' AND contract = 'Month-to-month'",
    ),
    "all of them": (
        {
            "churn_reason": ["Not churned", "Competitor made better offer"],
            "city": ["Los Angeles", "San Diego", "Fresno"],
            "gender": ["Female"],
            "payment_method": ["Electronic check", "Credit card (automatic)"],
            "contract": ["Month-to-month"],
            "months": ["1", "48"],
        },
        f"{REASON} IN ('Not churned', 'Competitor made better offer') AND gender = 'Female' "
        "AND city IN ('Los Angeles', 'San Diego', 'Fresno') AND contract = 'Month-to-month' "
        "AND payment_method IN ('Electronic check', 'Credit card (automatic)') AND tenure_months BETWEEN 1 AND 48",
    ),
}


def _choose(manager, chosen):
    for name, values in chosen.items():
        if name == "months":
            manager.between(*values)
        else:
            manager.choose(name, *values)


def _cards(sql, where):
    return [value or 0 for value in sql(CARDS.format(where=where))[0]]


def _shown(manager):
    cards = manager.cards()
    return [number(cards[name]) for name in NAMES]


def _agrees(manager, sql, where):
    """Cards and every table behind a chart."""
    expected = _cards(sql, where)
    assert expected[0] > 0, "a filter that leaves nobody compares nothing"
    assert _shown(manager) == pytest.approx(expected, abs=0.006), "percent has two decimals"

    grouped = (
        "SELECT {by}, 100.0 * sum(churn_flag) / count(*), sum(churn_flag), count(*) FROM gold WHERE {where} GROUP BY 1"
    )
    for visual, by in (("retention_funnel", "customer_tenure_group"), ("churn_by_contract", "contract")):
        rows = {row[0]: row[1:] for row in sql(grouped.format(by=by, where=where))}
        shown = {
            name: [number(v) for v in values] for name, values in manager.table(visual).items() if values[2] != "0"
        }
        assert shown.keys() == rows.keys()
        for name, values in shown.items():
            assert values == pytest.approx(rows[name], abs=0.006)

    money = (
        "SELECT payment_method, sum(churn_flag * monthly_cents) / 100.0, sum((1 - churn_flag) * monthly_cents) / 100.0, "
        "sum(churn_flag * monthly_cents) / 100.0 / nullif(sum(churn_flag), 0) "
        f"FROM gold WHERE {where} GROUP BY 1"
    )
    shown = manager.table("revenue_by_payment")
    for name, lost, kept, mean in sql(money):
        assert [number(v) for v in shown[name][:2]] == pytest.approx([lost, kept], abs=0.001)
        assert shown[name][2] == "–" if mean is None else number(shown[name][2]) == pytest.approx(mean, abs=0.006)

    reasons = (
        f"SELECT {REASON}, count(*), sum(monthly_cents) / 100.0 FROM gold WHERE churn_flag = 1 AND {where} GROUP BY 1"
    )
    shown = {name: [number(v) for v in values] for name, values in manager.table("reasons").items()}
    assert shown == {name: pytest.approx([count, money], abs=0.001) for name, count, money in sql(reasons)}

    segments = f"SELECT risk_segment, count(*) FROM gold WHERE {where} GROUP BY 1"
    shown = {name: number(values[0]) for name, values in manager.table("risk_matrix").items()}
    assert {name: count for name, count in shown.items() if count} == dict(sql(segments))

    charges = (
        "SELECT coalesce(gender, 'Unknown'), max(tenure_months - 1, 0) / 6, count(*), sum(monthly_cents) / 100.0 / count(*) "
        f"FROM gold WHERE {where} GROUP BY 1, 2 ORDER BY 1, 2"
    )
    shown = [[g, number(n), number(mean)] for g, _, n, mean in manager.charges() if n != "0"]
    assert shown == [[g, n, pytest.approx(mean, abs=0.006)] for g, _, n, mean in sql(charges)]

    called = f"SELECT customer_id FROM gold WHERE churn_flag = 0 AND source_churn_score > 70 AND {where} ORDER BY source_cltv DESC, 1 LIMIT 10"
    shown = [row[0] for row in manager.calls()]
    assert shown == [row[0] for row in sql(called)] or shown == ["Nobody: no customer at risk matches."]


def test_without_a_filter_it_is_everybody(manager, sql):
    _agrees(manager, sql, "1 = 1")
    assert manager.matching() == "All 2,500 customers"


@pytest.mark.parametrize("case", FILTERS)
def test_a_filter_acts_on_every_figure(manager, sql, case):
    chosen, where = FILTERS[case]
    _choose(manager, chosen)
    count = _cards(sql, where)[0]
    assert manager.matching() == f"{count:,} of 2,500 customers"
    _agrees(manager, sql, where)


@pytest.mark.parametrize("value", [HOSTILE, FORMULA])
def test_a_hostile_value_is_a_value_like_any_other(manager, value):
    manager.choose("city", value)
    assert manager.matching() == "1 of 2,500 customers"
    assert manager.calls()[0][1] == value
    assert manager.page.locator("img").count() == 0


def test_the_address_brings_the_same_view_back(manager, sql):
    _choose(manager, FILTERS["all of them"][0])
    address, figures = manager.address(), _shown(manager)
    manager.reset()
    assert manager.address() == ""
    manager.open(address)
    assert _shown(manager) == figures
    manager.page.evaluate("() => (location.hash = 'city=Fresno&city=Nowhere&nonsense=1&months=9-x')")
    count = _cards(sql, "city = 'Fresno'")[0]
    expect(manager.page.locator("#matching")).to_have_text(f"{count} of 2,500 customers")
    _agrees(manager, sql, "city = 'Fresno'")


def test_chips_name_the_filters_and_take_them_away(manager, sql):
    manager.choose("city", "Fresno", "Oakland")
    manager.between("6", "")
    texts = manager.page.locator("#chips button").all_inner_texts()
    assert texts == ["City: Fresno", "City: Oakland", "Months: 6 to 72"]
    manager.page.get_by_role("button", name="Remove City: Fresno").click()
    manager.page.get_by_role("button", name="Remove Months: 6 to 72").click()
    _agrees(manager, sql, "city = 'Oakland'")


def test_nobody_matches(manager):
    manager.choose("churn_reason", "Moved")
    manager.between("72", "")
    manager.choose("city", "Chico")
    assert manager.matching() == "0 of 2,500 customers"
    assert manager.page.is_visible("#empty")
    assert not manager.page.is_visible(".charts")
    assert manager.cards()["churn_rate"] == "–"
    manager.page.click("#empty button")
    assert manager.matching() == "All 2,500 customers"
    assert manager.page.is_visible(".charts")
    assert not manager.page.is_visible("#empty")


def test_a_range_that_is_none_is_no_range(manager):
    manager.between("30", "20")
    assert manager.matching() == "0 of 2,500 customers", "from after to: nobody, and the page says so"
