"""The layer view: one card for each layer, folded from the scalar graph."""
