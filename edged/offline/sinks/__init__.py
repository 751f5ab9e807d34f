"""Where the results of an analysis go."""
