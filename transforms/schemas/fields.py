"""How a column is declared."""

from pyspark.sql.types import DataType, StructField


def field(name: str, kind: DataType, comment: str, nullable: bool = True) -> StructField:
    """A column with its meaning and unit as comment."""
    return StructField(name, kind, nullable, {"comment": comment})
