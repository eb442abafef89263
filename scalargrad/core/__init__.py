"""The engine: Value, the table of operations, the chain rule, and what a Value needs around it."""
