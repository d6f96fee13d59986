"""The command `ahi`."""

import typer

from cli import (
    backfill,
    complete,
    control,
    demo,
    destroy,
    down,
    files,
    partner_policy,
    protect,
    redrive,
    status,
    up,
    upload,
)
from cli.errors import Commands

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="AWS HealthImaging on this machine or on your account: deploy, upload, see each file's fate",
)
app.command("up")(up.up)
app.command("down")(down.down)
app.command("upload")(upload.upload)
app.command("status")(status.status)
app.command("files")(files.files)
app.command("complete")(complete.complete)
app.command("backfill")(backfill.backfill)
app.command("redrive")(redrive.redrive)
app.command("pause")(control.pause)
app.command("resume")(control.resume)
app.command("drain")(control.drain)
app.command("partner-policy")(partner_policy.partner_policy)
app.command("protect")(protect.protect)
app.command("destroy")(destroy.destroy)
app.command("demo")(demo.demo)

if __name__ == "__main__":
    app()
