"""What the functions ask of AWS: one module a service."""
