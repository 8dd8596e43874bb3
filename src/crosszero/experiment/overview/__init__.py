"""What a folder of results holds."""
