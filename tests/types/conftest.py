"""The file of uses is for type checkers: it would raise if it ran."""

collect_ignore = ["uses.py"]
