"""One page that shows an import: files, jobs, queues, functions, data stores, starts."""

from collections.abc import Mapping, Sequence

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from healthimaging.datastore import DatastoreBase
from healthimaging.dicom_import import DicomImport


def import_dashboard(
    scope: Construct, construct_id: str, *, dicom_import: DicomImport, datastores: Mapping[str, DatastoreBase]
) -> cloudwatch.Dashboard:
    """A dashboard of `dicom_import` and its data stores, by their ids."""
    work, functions = dicom_import.queues, dicom_import.functions
    dashboard = cloudwatch.Dashboard(scope, construct_id)
    dashboard.add_widgets(
        _graph("Files", [dicom_import.metric_imported_files(), dicom_import.metric_failed_files()]),
        _graph("Longest wait (s)", [dicom_import.metric_oldest_waiting_seconds()]),
        _graph("Jobs", [dicom_import.metric_jobs_in_flight(), dicom_import.metric_failed_jobs()]),
    )
    dashboard.add_widgets(
        _graph(
            "Messages waiting",
            [
                item.queue.metric_approximate_number_of_messages_visible(label=name)
                for name, item in work.items()
            ],
        ),
        _graph(
            "Dead letters",
            [
                item.dead_letters.metric_approximate_number_of_messages_visible(label=name)
                for name, item in work.items()
            ],
        ),
        _graph("Errors", [item.metric_errors(label=name) for name, item in functions.items()]),
    )
    dashboard.add_widgets(
        _graph("Duration", [item.metric_duration(label=name) for name, item in functions.items()]),
        _graph("Image sets", [item.metric_image_sets(label=name) for name, item in datastores.items()]),
        _graph("Bytes stored", [item.metric_storage_bytes(label=name) for name, item in datastores.items()]),
    )
    dashboard.add_widgets(
        _graph("Starts", [dicom_import.metric("JobsStarted"), dicom_import.metric("StartsThrottled")]),
        _graph("Copies to an imported file", [dicom_import.metric_copy_ratio()]),
    )
    return dashboard


def _graph(title: str, metrics: Sequence[cloudwatch.IMetric]) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=list(metrics), width=8)
