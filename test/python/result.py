"""What a check says besides passing or failing."""


class Skip(Exception):
    """Raised where a check does not apply, or its package is missing; the text is the reason."""


def require(condition, sentence):
    """Fails a check with a sentence."""
    if not condition:
        raise AssertionError(sentence)
