"""What is uploaded, how fast it could be imported at best, and how long files waited."""

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.simulator.deployed import SETTINGS
from benchmarks.simulator.imaging import Quotas, job_seconds

FILES_OF_A_SERIES, SERIES_OF_A_STUDY = 100, 5
FILES_OF_A_STUDY = FILES_OF_A_SERIES * SERIES_OF_A_STUDY
FILE_BYTES = 500_000


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """`studies_of_a_folder` is 0 where each study is a folder of its own; `bad` is the share of bad files."""

    files: int
    studies_of_a_folder: int
    quotas: Quotas
    bad: float = 0.0
    lost_uploads: float = 0.0

    @property
    def keys(self) -> Iterator[str]:
        for number in range(self.files):
            study, image = divmod(number, FILES_OF_A_STUDY)
            series = image // FILES_OF_A_SERIES
            above = f"{study // self.studies_of_a_folder:05d}/" if self.studies_of_a_folder else ""
            yield f"{above}1.2.840.{study:05d}/{series + 1}-{image % FILES_OF_A_SERIES:04d}.dcm"

    @property
    def fewest_jobs(self) -> int:
        by_bytes = -(-self.files * FILE_BYTES // int(SETTINGS["bytes_per_job"]))
        return max(by_bytes, -(-self.files // self.quotas.files_per_job))

    @property
    def least_seconds(self) -> float:
        """From the first start to the last job's end, however the files are packed into jobs."""
        few = self.fewest_jobs
        return min(least_seconds(jobs, self.files, self.quotas) for jobs in range(few, 20 * few + 1))


def least_seconds(jobs: int, files: int, quotas: Quotas) -> float:
    """What the quotas ask of so many jobs that hold so many files: each start has its turn, and a place that
    an earlier job has left."""
    seconds = job_seconds(-(-files // jobs))
    starts: list[float] = []
    for number in range(jobs):
        turn = max(0, number + 1 - quotas.burst) / quotas.rate
        place = starts[-quotas.concurrent_jobs] + seconds if number >= quotas.concurrent_jobs else 0.0
        starts.append(max(turn, place))
    return starts[-1] + seconds


def latencies(found: list[tuple[float, int]]) -> dict[str, float]:
    """Half and 99 % of the files have waited no longer, by seconds and files in ascending order."""
    total, passed, figures = sum(files for _, files in found), 0, {}
    for seconds, files in found:
        passed += files
        for name, share in (("latency_p50", 0.5), ("latency_p99", 0.99)):
            if name not in figures and passed >= share * total:
                figures[name] = round(seconds, 1)
    return figures
