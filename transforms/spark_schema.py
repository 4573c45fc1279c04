"""Declared schemas as Spark's own."""

from pyspark.sql.types import (
    ArrayType,
    BooleanType,
    DataType,
    DateType,
    DecimalType,
    DoubleType,
    IntegerType,
    LongType,
    MapType,
    StringType,
    StructField,
    StructType,
    TimestampType,
)

from contract.schema import Schema, decimal_size

_TYPES: dict[str, DataType] = {
    "array<string>": ArrayType(StringType(), containsNull=False),
    "bigint": LongType(),
    "boolean": BooleanType(),
    "date": DateType(),
    "double": DoubleType(),
    "int": IntegerType(),
    "map<string,string>": MapType(StringType(), StringType()),
    "string": StringType(),
    "timestamp": TimestampType(),
}


def spark_schema(schema: Schema) -> StructType:
    """Return `schema` with Spark's types, and each column's meaning as its comment."""
    return StructType([StructField(f.name, spark_type(f.type), f.nullable, {"comment": f.comment}) for f in schema])


def spark_type(text: str) -> DataType:
    """Return the Spark type that `text` names, e.g. `decimal(10,2)`."""
    size = decimal_size(text)
    return DecimalType(*size) if size else _TYPES[text]
