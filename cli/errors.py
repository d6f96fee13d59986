"""What a person sees when a command cannot do what was asked."""

import re
import sys
from contextvars import ContextVar
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from typer.core import TyperGroup

from config.errors import DeploymentError

# "403" is the answer to a HEAD request, which has no body.
DENIED = ("AccessDenied", "AccessDeniedException", "403")
# A denial names who asked for which action; also on what, which may be an object named after a patient.
NAMED = re.compile(r"(?:User: (?P<who>\S+) is )?not authorized to perform: (?P<action>[\w-]+:\w+)")

# Who may do what the running command does.
entitled: ContextVar[str] = ContextVar("entitled", default="whoever deploys")


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
            if error.response["Error"]["Code"] in DENIED:
                tell(
                    denial(error, entitled.get()),
                    "whoever deploys gives people their teams: see docs/guides/people.md",
                )
                return ctx.exit(1)
            tell(
                f"AWS answered {error.operation_name} with: {error}",
                "what it says is wrong can be put right, or tried again if it is AWS's own fault",
            )
        except BotoCoreError as error:
            tell(f"AWS could not be asked: {error}", "check your credentials, the Region and the network")
        return ctx.exit(1)


def denial(error: ClientError, those: str) -> str:
    """Who may not do what, and who may."""
    named = NAMED.search(str(error))
    who, action = (named["who"], named["action"]) if named else (None, error.operation_name)
    return f"{who or 'the caller'} may not {action}, {those} may"


def tell(sentence: str, hint: str) -> None:
    """Write a failure to stderr."""
    sys.stderr.write(f"error: {sentence}\nhint: {hint}\n")
