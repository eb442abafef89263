"""Views: a snapshot of a graph as a picture, at one of several levels of detail."""
