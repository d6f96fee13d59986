"""The rules of importing, as values in and values out: no AWS, no clock."""
