"""Image sets: read, searched, changed, copied, deleted."""
