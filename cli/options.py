"""The options that several commands share."""

from typing import Annotated

import typer

Deployment = Annotated[
    str,
    typer.Option(
        envvar="AHI_DEPLOYMENT",
        metavar="NAME",
        help="config/NAME.yaml, or a path to such a file",
    ),
]
Aws = Annotated[
    bool, typer.Option("--aws", help="Use the AWS account of your own credentials, not the local AWS")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout")]
