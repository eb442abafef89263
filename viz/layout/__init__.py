"""Layout: where the nodes, boxes and edges of a picture are."""
