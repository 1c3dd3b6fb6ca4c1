"""What must hold of the pump, and what checks it."""
