"""What HealthImaging answers when it refuses, in AWS's own codes."""


class ServiceError(Exception):
    """A refusal. `code` and the HTTP status are what boto3 parses."""

    status = 400

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    @property
    def code(self) -> str:
        return type(self).__name__


class ValidationException(ServiceError):  # noqa: N818 - AWS's name
    """The request breaks the service model or a documented rule."""


class AccessDeniedException(ServiceError):  # noqa: N818 - AWS's name
    """The caller, or a role it named, lacks a permission."""

    status = 403


class ResourceNotFoundException(ServiceError):  # noqa: N818 - AWS's name
    """The data store, job, image set or frame does not exist."""

    status = 404


class ConflictException(ServiceError):  # noqa: N818 - AWS's name
    """The resource is in a state that forbids the request."""

    status = 409


class ThrottlingException(ServiceError):  # noqa: N818 - AWS's name
    """The account calls the action more often than its throttling limit allows."""

    status = 429


class ServiceQuotaExceededException(ServiceError):  # noqa: N818 - AWS's name
    """An account or data store limit is reached."""

    status = 402


class UnknownOperationException(ServiceError):  # noqa: N818 - AWS's name
    """No operation of the service model has this method and path."""

    status = 404


class NotImplementedException(ServiceError):  # noqa: N818 - AWS's name
    """An operation of the service model that this emulator does not have."""

    status = 501
