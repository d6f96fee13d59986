"""The environment that the functions read when they are imported."""

import os

from benchmarks.memory_aws.environment import SMALL, environment

os.environ |= environment(SMALL, "ERROR")
