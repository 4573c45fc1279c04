"""Write every document that derives from the contract: python -m scripts.docs"""

from scripts import data_contract, dictionary, metrics, workbook
from serving.tableau.workbook import Server, render


def write_all() -> None:
    """Write the data dictionary, the data contract, the metrics and the Tableau workbook."""
    dictionary.TARGET.write_text(dictionary.render(), encoding="utf-8")
    data_contract.write(data_contract.FOLDER, data_contract.render())
    metrics.TARGET.write_text(metrics.render(), encoding="utf-8")
    workbook.TARGET.write_bytes(render(Server()))


if __name__ == "__main__":
    write_all()
