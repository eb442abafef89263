"""What the tests of threads share: how work is begun at once, and the table of what is done."""
