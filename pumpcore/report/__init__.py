"""What people are shown of a record: drawings."""
