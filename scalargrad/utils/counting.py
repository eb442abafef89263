"""Counts in sentences."""


def plural(count: int, noun: str) -> str:
    """Return a count with its noun.

    Example:
        >>> plural(1, "kernel"), plural(2500, "kernel")
        ('1 kernel', '2,500 kernels')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
