"""Import jobs: from objects in S3 to image sets."""
