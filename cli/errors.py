"""What a person sees when a command cannot do what was asked."""

import sys
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from typer.core import TyperGroup

from config.errors import DeploymentError


class CommandError(Exception):
    """One sentence saying what went wrong, and a hint saying what to do."""

    def __init__(self, sentence: str, hint: str) -> None:
        super().__init__(sentence)
        self.hint = hint


class Commands(TyperGroup):
    """Commands whose failures are a sentence and a hint on stderr, and exit code 1."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except CommandError as failure:
            tell(str(failure), failure.hint)
        except DeploymentError as error:
            tell(str(error), "every key of a deployment file is explained in docs/reference/deployment.md")
        except ClientError as error:
            tell(f"AWS answered {error.operation_name} with: {error}", "check the rights of your credentials")
        except BotoCoreError as error:
            tell(f"AWS could not be asked: {error}", "check your credentials, the Region and the network")
        return ctx.exit(1)


def tell(sentence: str, hint: str) -> None:
    """Write a failure to stderr."""
    sys.stderr.write(f"error: {sentence}\nhint: {hint}\n")
