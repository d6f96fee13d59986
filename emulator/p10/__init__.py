"""DICOM P10 files, read into HealthImaging's metadata and written from it."""
