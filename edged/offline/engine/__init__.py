"""Jobs over one video after another: reading, looking and concluding at once, results in order."""
