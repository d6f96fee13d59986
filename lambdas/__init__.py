"""How DICOM files in S3 become image sets: one module a function."""
