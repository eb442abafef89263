"""Pictures of expression graphs and networks."""
