"""`python -m emulator --state-dir DIR --port N`: the local AWS, until SIGTERM."""

import argparse
from pathlib import Path

from emulator import server


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m emulator", description="AWS with HealthImaging on this machine"
    )
    parser.add_argument("--state-dir", type=Path, required=True, help="everything is kept here")
    parser.add_argument("--port", type=int, default=4566)
    parser.add_argument(
        "--throttle",
        type=float,
        default=1,
        help="how many times AWS's request rates are allowed; 0: no limit, of data stores too",
    )
    arguments = parser.parse_args()
    server.serve(arguments.state_dir, arguments.port, arguments.throttle)


if __name__ == "__main__":
    main()
