"""Pixel data into verified frames."""
