"""What an experiment or one evaluation has left behind, gathered on one HTML page."""
