"""Where things stand in this repository."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCAL_STATE = ROOT / ".local" / "aws"
DEMO_STATE = ROOT / ".local" / "demo"
LOCKS = ROOT / "config" / "locks"
CDK = ROOT / "node_modules" / "aws-cdk" / "bin" / "cdk"
