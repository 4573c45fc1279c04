"""Names of files as people and documents can have them: a file's name is any bytes but a slash."""


def printable(name: str) -> str:
    r"""Return the name on one line, with what cannot be printed as an escape: `a\nb`, `\udcff`."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)


def is_text(name: str) -> bool:
    """Return whether the name is valid text: others can be in no JSON document and in no table."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
