"""What a suite or one evaluation has left behind, gathered on one HTML page."""
