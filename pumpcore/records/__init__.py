"""Other systems' records, read and replayed."""
