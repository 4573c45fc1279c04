"""Redshift SQL to PostgreSQL SQL, acting like Redshift where the two differ.

Keys are not enforced, VARCHAR(n) counts bytes, TRUNCATE commits, and what Redshift
would reject is an error here too: no statement is passed on unparsed.
"""

import logging
import re
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, TokenError

from infrastructure.local.redshift.copy import CopyPlan, is_copy, parse_copy

# What sqlglot does not understand is refused below; its warning would only repeat that.
logging.getLogger("sqlglot").setLevel(logging.ERROR)

_PASSED_ON = ("BEGIN", "START TRANSACTION", "COMMIT", "ROLLBACK", "END", "ABORT", "SET ", "SHOW ")
_ENCODINGS = {
    "az64", "bytedict", "delta", "delta32k", "lzo", "mostly8", "mostly16", "mostly32", "raw", "runlength",
    "text255", "text32k", "zstd", "auto",
}  # fmt: skip
_EXPLAIN = re.compile(r"EXPLAIN\s+(?:VERBOSE\s+)?", re.IGNORECASE)
_NAME = r'(?:\w+|"[^"]+")'
# Users, groups and the owners of schemas, which sqlglot does not know; PostgreSQL has the same statements.
_USERS = re.compile(
    rf"""CREATE\ GROUP\ {_NAME} | ALTER\ GROUP\ {_NAME}\ ADD\ USER\ {_NAME} | DROP\ (?:GROUP|USER)\ {_NAME}
       | CREATE\ USER\ {_NAME}\ PASSWORD\ 'md5[0-9a-f]{{32}}'(?:\ IN\ GROUP\ {_NAME})?
       | ALTER\ USER\ {_NAME}\ PASSWORD\ 'md5[0-9a-f]{{32}}'
       | CREATE\ SCHEMA\ IF\ NOT\ EXISTS\ {_NAME}\ AUTHORIZATION\ {_NAME} | ALTER\ SCHEMA\ {_NAME}\ OWNER\ TO\ {_NAME}""",
    re.IGNORECASE | re.VERBOSE,
)
_VACUUM = re.compile(rf"VACUUM\ (?:FULL|DELETE\ ONLY)\ ({_NAME}(?:\.{_NAME})?)(?:\ TO\ \d+\ PERCENT)?", re.IGNORECASE)
_TABLE_PROPERTIES = (exp.DistKeyProperty, exp.DistStyleProperty, exp.SortKeyProperty)


class RedshiftSyntaxError(Exception):
    """A statement that Redshift would reject."""


@dataclass(frozen=True)
class RewrittenStatement:
    """What to do with a statement: send `sql`, or run `copy`; then `commit` if set. `upkeep` is run outside a transaction."""

    sql: str = ""
    copy: CopyPlan | None = None
    commits: bool = False
    upkeep: tuple[str, ...] = ()

    @property
    def is_emulated(self) -> bool:
        """Return whether it is more than one statement to be passed on."""
        return self.copy is not None or self.commits or bool(self.upkeep)


def rewrite(sql: str) -> RewrittenStatement:
    """Translate one statement and return what to do with it. Raises RedshiftSyntaxError."""
    statement = sql.strip().rstrip(";")
    if not statement or statement.upper().startswith(_PASSED_ON) or _USERS.fullmatch(" ".join(statement.split())):
        return RewrittenStatement(statement)
    if vacuumed := _VACUUM.fullmatch(" ".join(statement.split())):
        return RewrittenStatement(upkeep=_upkeep(vacuumed[1]))
    if is_copy(statement):
        return RewrittenStatement(copy=_parsed_copy(statement))
    if explained := _EXPLAIN.match(statement):
        return RewrittenStatement(explained[0] + rewrite(statement[explained.end() :]).sql)
    tree = _parse(statement)
    if isinstance(tree, exp.Create) and isinstance(tree.this, exp.Schema):
        _plain_table(tree)
    if isinstance(tree, exp.Alter):
        _plain_columns(tree)
    tree = tree.transform(_plain_function)
    return RewrittenStatement(tree.sql(dialect="postgres"), commits=isinstance(tree, exp.TruncateTable))


def _upkeep(table: str) -> tuple[str, ...]:
    """Statements after which no byte of a deleted row is left: not in the table, its statistics or PostgreSQL's log."""
    end_of_log = ("CHECKPOINT", "SELECT pg_switch_wal()", "CHECKPOINT")
    return (f"VACUUM FULL {table}", f"ANALYZE {table}", "VACUUM FULL pg_catalog.pg_statistic", *end_of_log)


def _parsed_copy(statement: str) -> CopyPlan:
    try:
        return parse_copy(statement)
    except ValueError as error:
        raise RedshiftSyntaxError(str(error)) from error


def _parse(statement: str) -> exp.Expression:
    try:
        trees = sqlglot.parse(statement, read="redshift")
    except (ParseError, TokenError) as error:
        raise RedshiftSyntaxError(f"syntax error: {str(error).splitlines()[0]}") from error
    if len(trees) != 1 or trees[0] is None:
        raise RedshiftSyntaxError("cannot insert multiple commands into a prepared statement")
    tree = trees[0]
    # sqlglot turns what it does not know into a Command: to pass it on would hide a mistake.
    if isinstance(tree, exp.Command) or tree.find(exp.Command):
        raise RedshiftSyntaxError(f"syntax error at or near {statement.split()[0]!r}")
    return tree


def _plain_function(node: exp.Expression) -> exp.Expression:
    """PostgreSQL's expression for STRTOL(digits, 16), which reads up to 16 hexadecimal digits; the node itself for others."""
    if not isinstance(node, exp.FromBase):
        return node
    digits, base = node.this, node.expression
    if base.name != "16":
        raise RedshiftSyntaxError("the stand-in knows STRTOL with base 16 only")
    padded = f"('x' || LPAD({digits.sql(dialect='postgres')}, 16, '0'))::BIT(64)::BIGINT"
    return sqlglot.parse_one(padded, read="postgres")


def _plain_table(tree: exp.Create) -> None:
    _refuse_unknown_properties(tree)
    if tree.args.get("properties"):
        kept = [p for p in tree.args["properties"].expressions if not isinstance(p, _TABLE_PROPERTIES)]
        tree.set("properties", exp.Properties(expressions=kept) if kept else None)
    schema = tree.this
    keys = (exp.PrimaryKey, exp.UniqueColumnConstraint, exp.ForeignKey)
    schema.set("expressions", [e for e in schema.expressions if not isinstance(e, keys)])
    _plain_columns(tree)


def _refuse_unknown_properties(tree: exp.Create) -> None:
    known = (*_TABLE_PROPERTIES, exp.TemporaryProperty, exp.LikeProperty)
    properties = tree.args["properties"].expressions if tree.args.get("properties") else []
    for item in properties:
        if not isinstance(item, known):
            raise RedshiftSyntaxError(f"syntax error at or near {item.sql(dialect='redshift')!r}")


def _plain_columns(tree: exp.Expression) -> None:
    """Drop what PostgreSQL lacks from column definitions; make VARCHAR(n) count bytes."""
    for column in tree.find_all(exp.ColumnDef):
        kept = []
        for constraint in column.args.get("constraints") or []:
            kind = constraint.kind
            if isinstance(kind, exp.EncodeColumnConstraint):
                _check_encoding(kind)
            elif not isinstance(kind, exp.PrimaryKeyColumnConstraint | exp.UniqueColumnConstraint):
                kept.append(constraint)
        kept += _byte_limit(column)
        column.set("constraints", kept)


def _check_encoding(kind: exp.EncodeColumnConstraint) -> None:
    name = kind.this.name.lower()
    if name not in _ENCODINGS:
        raise RedshiftSyntaxError(f"invalid encoding type specified: {name}")


def _byte_limit(column: exp.ColumnDef) -> list[exp.Expression]:
    kind = column.kind
    if kind is None or not kind.is_type("varchar", "char") or not kind.expressions:
        return []
    limit = kind.expressions[0].name
    column.set("kind", exp.DataType.build("text", dialect="postgres"))
    check = sqlglot.parse_one(f"octet_length({column.this.sql(dialect='postgres')}) <= {limit}", read="postgres")
    return [exp.ColumnConstraint(kind=exp.CheckColumnConstraint(this=check))]
