"""What it will take to import what waits, at the pace that was learned and the prices of the table."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice

from cli.deployed import Deployed
from cli.studies import uri_of
from config.deployment import Deployment
from lambdas.adapters.ledger import Ledger
from lambdas.adapters.quota import Quota
from lambdas.importing.choice import Choice, Lying, choose
from lambdas.importing.estimate import Estimate, Files, Pace, estimate
from lambdas.importing.files import Job, JobState
from lambdas.importing.limits import Limits
from lambdas.importing.pacer import Rate
from lambdas.importing.packing import Drain
from lambdas.importing.prices import Prices

JOBS_MEASURED = 100

# A partner's bucket or none, a data store, and whether its urgent folders or the others.
Lane = tuple[str | None, str | None, bool]


def estimated(
    found: Deployed,
    folders: Mapping[str, Lying],
    prices: Prices,
    now: datetime,
    *,
    planned: Sequence[Job] = (),
    within: str = "",
    are_registered: bool,
) -> Estimate:
    """What these folders take, by path, and the jobs that are planned already."""
    quotas = found.deployment.quotas
    rate = Rate(
        per_second=quotas.start_rate,
        burst=quotas.start_burst,
        ceiling=quotas.start_rate_ceiling,
        deployment=found.deployment.name,
    )
    per_second = Quota(found.table, found.pace_table).per_second(now.timestamp(), rate)
    choice = sum((_of_planned(job) for job in planned), Choice())
    choice += _choice(found.deployment, folders, planned, per_second, now, within)
    waiting = [one for one in folders.values() if one.files]
    files = Files(
        files=sum(one.files for one in waiting) + sum(job.files for job in planned),
        bytes=sum(one.bytes for one in waiting) + sum(job.bytes for job in planned),
        folders=len(waiting),
    )
    pace = Pace(
        starts_per_second=per_second,
        concurrent_jobs=quotas.concurrent_jobs,
        job_seconds=job_seconds(found.ledger),
    )
    return estimate(files, choice, pace, prices, are_registered=are_registered)


def _of_planned(job: Job) -> Choice:
    """Copies that are made cost nothing more."""
    if job.in_place:
        return Choice(in_place=1)
    return Choice(staged=1, copies=0 if job.staged else job.files)


def _choice(
    deployment: Deployment,
    folders: Mapping[str, Lying],
    planned: Sequence[Job],
    per_second: float,
    now: datetime,
    within: str,
) -> Choice:
    """The planner's, lane by lane; what waits in another lane must not be read by a job of this one."""
    lanes = {path: _lane(path, deployment) for path in folders}
    waiting = {lanes[path] for path, one in folders.items() if one.files}
    in_line = Counter((job.store, job.is_urgent) for job in planned)
    quotas = deployment.quotas
    limits = Limits(files=quotas.files_per_job, bytes=quotas.bytes_per_job, folders=quotas.folders_per_job)
    choice = Choice()
    for lane in waiting:
        seen = {
            path: one if lanes[path] == lane else Lying(others=one.files + one.others)
            for path, one in folders.items()
        }
        drain = Drain(
            per_second=per_second / len({(bucket, store) for bucket, store, _ in waiting}),
            in_line=in_line[str(lane[1]), lane[2]],
            target=timedelta(minutes=deployment.import_timing.drain_minutes),
        )
        root = uri_of(lane[0]) if lane[0] else ""
        urgent = [root + prefix for prefix in deployment.urgent_prefixes]
        choice += choose(seen, drain, limits, now, within=within, is_urgent=lane[2], urgent=urgent)
    return choice


def _lane(path: str, deployment: Deployment) -> Lane:
    for partner in deployment.partners.values():
        uri = uri_of(partner.bucket)
        if path.startswith(uri):
            is_urgent = path.removeprefix(uri).startswith(deployment.urgent_prefixes)
            return partner.bucket, partner.data_store, is_urgent
    stores = (name for name, store in deployment.data_stores.items() if path.startswith(store.prefix))
    return None, next(stores, None), path.startswith(deployment.urgent_prefixes)


def job_seconds(ledger: Ledger) -> float | None:
    """How long the last jobs of this deployment ran on average, if any did."""
    jobs = islice(ledger.jobs_in(JobState.COMPLETED, newest_first=True), JOBS_MEASURED)
    ran = [
        (job.finished_at - job.started_at).total_seconds()
        for job in jobs
        if job.started_at and job.finished_at
    ]
    return sum(ran) / len(ran) if ran else None


def sentences(found: Estimate, prices: Prices) -> list[str]:
    """The estimate for people."""
    in_place = found.jobs - found.staged
    return [
        f"{found.files:,} files ({found.bytes / 1e9:,.1f} GB) in {found.folders:,} folders",
        f"{in_place:,} jobs in place, {found.staged:,} jobs of {found.copies:,} copied files",
        f"{found.hours:,.1f} hours at least, to start the jobs and to run them",
        f"${found.dollars:,.2f} at the list prices of {prices.region} of {prices.looked_up}: "
        "calls alone, no storage",
    ]
