"""The tests mirror the packages; every number is held against a referee of its own."""
