"""Errors of parrot_callbacks."""


class MissingExtraError(ImportError):
    """Something was asked for that the base install doesn't have.

    Args:
        what: What was asked for.
        extra: The extra of the distribution that has it.
    """

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} is not installed; pip install 'parrot-bench[{extra}]'")


class TracingError(ValueError):
    """Tracing was asked for in a way that can't be met."""
